"""What people push: wheelchairs with their occupants, prams and pushchairs, shopping trolleys."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.figures import limb, upper_body
from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, chain, grid, tubes
from avs3d.simulation.shapes.people import figure, seated


def wheelchair(rng: np.random.Generator) -> Template:
    """A wheelchair with its occupant, who is a `person`; sometimes someone pushes it."""
    shape = Shape("wheelchair")
    half, seat = rng.uniform(0.24, 0.29), rng.uniform(0.46, 0.54)
    powered = rng.random() < 0.3
    if powered:
        shape.box("dark plastic", (-0.05, 0, 0.26), (0.75, 2 * half - 0.08, 0.24))
        for x, radius in ((-0.3, 0.16), (0.32, 0.13)):
            for side in (-1, 1):
                shape.wheel((x, side * half, radius), radius, 0.08)
    else:
        turn = 2 * np.pi * np.arange(15) / 14
        ring = 0.3 * np.stack([np.cos(turn), 0 * turn, np.sin(turn)], 1)
        for side in (-1, 1):
            hub = np.array([-0.12, side * (half + 0.04), 0.3])
            tubes(shape, "rubber", hub + ring[:-1], hub + ring[1:], 0.022)
            tubes(shape, "metal", np.tile(hub, (7, 1)), hub + ring[:14:2], 0.006, sides=3)
            shape.wheel((0.36, side * half * 0.8, 0.09), 0.09, 0.04)
    shape.box("fabric", (0.02, 0, seat - 0.02), (0.45, 2 * half - 0.04, 0.05))
    shape.box("fabric", (-0.23, 0, seat + 0.25), (0.05, 2 * half - 0.04, 0.5), pitch=-0.08)
    boxes(shape, "dark plastic", grid([0.02], [-half, half], [seat + 0.22]), (0.36, 0.06, 0.04))
    posts = grid([-0.25], [-half + 0.02, half - 0.02], [0.3])
    tops = posts * [1, 1, 0] + [-0.08, 0, seat + 0.45]
    tubes(shape, "dark metal", posts, tops, 0.015)
    tubes(shape, "dark metal", tops, tops + [-0.14, 0, 0.02], 0.018)
    fronts = grid([0.22], [-half * 0.8, half * 0.8], [seat])
    tubes(shape, "dark metal", fronts, fronts * [1, 1, 0] + [0.2, 0, 0.14], 0.015)
    shape.box("dark plastic", (0.5, 0, 0.13), (0.2, 2 * half - 0.06, 0.03))
    shape.category = "person"
    scale = float(np.clip(rng.normal(0.95, 0.06), 0.7, 1.05))
    rims = [
        np.array([0.05, side * (half + 0.03), 0.6 if not powered else seat + 0.28])
        for side in (-1, 1)
    ]
    lap = [np.array([0.25, y, seat + 0.2]) for y in (-0.1, 0.1)]
    seated(rng, shape, np.array([-0.1, 0, seat + 0.09]), scale, rims if rng.random() < 0.6 else lap,
            rng.uniform(-0.15, 0.1))  # fmt: skip
    if rng.random() < 0.3:
        _behind(rng, shape, -0.85, np.array([-0.45, half, seat + 0.47]))
    return shape.finish()


def _behind(rng: np.random.Generator, shape: Shape, x: float, grip: np.ndarray) -> None:
    """A person at x who holds the left grip and its mirror image."""
    first, scale = shape.parts, float(np.clip(rng.normal(0.98, 0.05), 0.86, 1.1))
    near = grip - [x, 0, 0]
    figure(rng, shape, scale, hands=[near * [1, -1, 1], near], lean=rng.uniform(0.03, 0.2))
    shape.move((x, 0, 0), 0, first)


def _carriage(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """A deep pram with a hood; returns its left grip."""
    wheel, half = rng.uniform(0.12, 0.22), rng.uniform(0.2, 0.26)
    for x in (-0.28, 0.32):
        for side in (-1, 1):
            shape.wheel((x, side * half * 1.1, wheel), wheel, 0.04)
    low, high = rng.uniform(0.5, 0.62), rng.uniform(0.78, 0.88)
    tub = [(-0.4, high), (-0.33, low), (0.35, low), (0.45, high)]
    shape.prism("fabric", tub, [half, half * 0.85, half * 0.85, half])
    turn = np.linspace(0.0, rng.uniform(1.2, 2.0), 5)
    arc = np.stack([0.42 * np.cos(turn), 0 * turn, 0.38 * np.sin(turn)], 1) + [0.02, 0, high]
    side_ = np.array([0, half, 0])
    shape.quads(
        "cloth", np.stack([arc[:-1] - side_, arc[1:] - side_, arc[1:] + side_, arc[:-1] + side_], 1)
    )
    for s in (-1, 1):
        fan = np.concatenate([[[0.02, s * half, high]], arc + s * side_])
        shape.triangles("cloth", np.stack([np.tile(fan[:1], (4, 1)), fan[1:-1], fan[2:]], 1))
    feet = grid([-0.28, 0.32], [-half, half], [wheel])
    tubes(shape, "metal", feet, feet * [-0.6, 1, 0] + [0, 0, low], 0.015)
    grip = np.array([-0.62, half * 0.9, rng.uniform(0.95, 1.05)])
    chain(shape, "metal", [(-0.3, half, low), grip, grip * [1, -1, 1], (-0.3, -half, low)], 0.015)
    return grip


def _buggy(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """A folding pushchair, for one child or two side by side; returns its left grip."""
    half = rng.uniform(0.2, 0.25) * (1.6 if rng.random() < 0.15 else 1.0)
    wheel, three = rng.uniform(0.08, 0.16), rng.random() < 0.3
    for side in (-1, 1):
        shape.wheel((-0.32, side * half, wheel), wheel, 0.05)
        if not three:
            shape.wheel((0.38, side * half, wheel * 0.8), wheel * 0.8, 0.05)
    if three:
        shape.wheel((0.5, 0, wheel), wheel, 0.05)
    grip = np.array([-0.5, half * 0.9, rng.uniform(0.95, 1.08)])
    ends = [np.array([0.42, s * half * (0.1 if three else 1), 0.15]) for s in (1, -1)]
    chain(shape, "metal", [ends[0], grip, grip * [1, -1, 1], ends[1]], 0.015)
    tubes(
        shape,
        "metal",
        [(-0.32, half, wheel), (-0.32, -half, wheel)],
        [(0, half, 0.55), (0, -half, 0.55)],
        0.015,
    )
    shape.box("fabric", (0.08, 0, 0.47), (0.38, 2 * half - 0.05, 0.06), pitch=-0.15)
    shape.box(
        "fabric", (-0.17, 0, 0.7), (0.06, 2 * half - 0.05, 0.55), pitch=-rng.uniform(0.15, 0.6)
    )
    shape.box("fabric", (-0.1, 0, 0.24), (0.4, 2 * half - 0.1, 0.12))
    if rng.random() < 0.75:
        shape.prism(
            "cloth", [(-0.32, 0.85), (-0.28, 1.05), (-0.05, 1.1), (0.15, 1.0), (-0.05, 0.95)], half
        )
    if rng.random() < 0.6:  # its child
        shape.category = "person"
        for y in (-half * 0.5, half * 0.5) if half > 0.3 else (0.0,):
            hip = np.array([-0.04, y, 0.53])
            upper_body(
                rng, shape, hip, 0.5, -0.2, [hip + [0.15, -0.08, 0.1], hip + [0.15, 0.08, 0.1]]
            )
            for aside in (-0.05, 0.05):
                knee = hip + [0.24, aside, 0]
                limb(shape, [hip + [0, aside, 0], knee, knee + [0.06, 0, -0.2]],
                     (0.05, 0.045, 0.035), "fabric")  # fmt: skip
        shape.category = "stroller"
    return grip


def stroller(rng: np.random.Generator) -> Template:
    """A pram or pushchair and the person who pushes it; now and then it stands alone."""
    shape = Shape("stroller")
    grip = (_carriage if rng.random() < 0.4 else _buggy)(rng, shape)
    if rng.random() < 0.88:
        shape.category = "person"
        _behind(rng, shape, grip[0] - rng.uniform(0.3, 0.5), grip)
    return shape.finish()


def _wire_basket(rng: np.random.Generator, shape: Shape, x: float) -> np.ndarray:
    """One trolley of wire: a basket wider at the top, on a frame with four small wheels."""
    long, half, floor, top = (
        rng.uniform(0.75, 0.95),
        rng.uniform(0.24, 0.3),
        0.45,
        rng.uniform(0.85, 1.0),
    )
    rear, front = x - long / 2, x + long / 2
    u = np.linspace(0, 1, 9)[:, None]
    for side in (-1, 1):  # the bars of the sides, upright and along
        low = np.array([rear, side * half * 0.85, floor]) + u * [long * 0.9, 0, 0.1]
        high = np.array([rear - 0.05, side * half, top]) + u * [long + 0.05, 0, -0.08]
        tubes(shape, "metal", low, high, 0.007, sides=3)
        for share in (0.0, 0.35, 0.7, 1.0):
            line = low + share * (high - low)
            tubes(shape, "metal", line[:1], line[-1:], 0.01, sides=3)
    y = np.linspace(-half, half, 7)[:, None]
    for at, drop in ((front, 0.08), (rear, 0.0)):
        low = np.array([at - 0.06, 0, floor + 0.1 * (at > x)]) + y * [0, 0.85, 0]
        tubes(shape, "metal", low, np.array([at, 0, top - drop]) + y * [0, 1, 0], 0.007, sides=3)
    tubes(shape, "metal", np.array([rear, 0, floor]) + y * [0, 0.85, 0],
          np.array([front - 0.06, 0, floor + 0.1]) + y * [0, 0.85, 0], 0.007, sides=3)  # fmt: skip
    for side in (-1, 1):
        for at in (rear + 0.02, front - 0.1):
            shape.wheel((at, side * half * 0.9, 0.07), 0.07, 0.04)
        chain(
            shape,
            "metal",
            [
                (front - 0.1, side * half * 0.8, 0.14),
                (rear, side * half * 0.9, 0.16),
                (rear - 0.05, side * half, top),
            ],
            0.015,
        )
    grip = np.array([rear - 0.14, half, top + 0.04])
    tubes(shape, "plastic", [grip], [grip * [1, -1, 1]], 0.018)
    return grip


def shopping_cart(rng: np.random.Generator) -> Template:
    """One trolley, empty or full, a few pushed into each other, or one with its person."""
    shape = Shape("shopping cart")
    kind = rng.random()
    count = int(rng.integers(2, 6)) if kind < 0.3 else 1
    state = rng.bit_generator.state
    for k in range(count):
        rng.bit_generator.state = state  # all of one row are of one make
        grip = _wire_basket(rng, shape, 0.27 * (count - 1) / 2 - 0.27 * k)
    if count == 1 and rng.random() < 0.4:
        for _ in range(5):
            spot = rng.uniform((-0.25, -0.12, 0.55), (0.25, 0.12, 0.75))
            shape.box("plastic", spot, rng.uniform(0.12, 0.3, 3))
    if kind > 0.8:
        shape.category = "person"
        _behind(rng, shape, grip[0] - rng.uniform(0.3, 0.45), grip)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "wheelchair": (wheelchair, 2),
    "stroller": (stroller, 3),
    "shopping cart": (shopping_cart, 3),
}
