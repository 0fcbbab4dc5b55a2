"""Cranes, forklifts, tractors and golf carts."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.bodies import axles
from avs3d.simulation.shapes.figures import limb, upper_body
from avs3d.simulation.shapes.machines import booth, tracks
from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, chain, grid, tubes


def lattice(shape: Shape, start: np.ndarray, end: np.ndarray, wide: float, bays: int) -> None:
    """A square girder of thin bars from start to end."""
    along = end - start
    way = along / np.linalg.norm(along)
    side = np.cross(way, [0.0, 0, 1] if abs(way[2]) < 0.9 else [1.0, 0, 0])
    side /= np.linalg.norm(side)
    other = np.cross(way, side)
    corners = [0.5 * wide * (a * side + b * other) for a, b in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
    joints = start + np.linspace(0, 1, bays + 1)[:, None] * along
    thick = 0.05 * wide
    for k, corner in enumerate(corners):
        following = corners[(k + 1) % 4]
        tubes(shape, "metal", [start + corner], [end + corner], thick)
        tubes(shape, "metal", joints[:-1] + corner, joints[1:] + following, thick * 0.6, sides=3)


def _hook(shape: Shape, tip: np.ndarray, drop: float) -> None:
    shape.tube("dark metal", tip, tip - [0, 0, drop], 0.03, sides=3)
    shape.box("dark metal", tip - [0, 0, drop], (0.3, 0.3, 0.5))


def _mobile_crane(rng: np.random.Generator, shape: Shape) -> None:
    """On many wheels, its boom up or laid along its back."""
    long = rng.uniform(7, 12)
    axles(shape, np.linspace(-long / 2 + 1, long / 2 - 1, rng.integers(2, 6)), 1.3, 0.6, 0.45)
    shape.box("paint", (0, 0, 1.1), (long, 2.5, 0.7))
    nose = long / 2
    shape.prism(
        ["paint", "glass", "paint", "paint", "paint"],
        [(nose, 0.7), (nose, 1.7), (nose - 0.25, 2.6), (nose - 1.7, 2.6), (nose - 1.7, 0.7)],
        1.2,
        side="paint",
    )
    upper = shape.parts
    shape.box("paint", (-1.5, 0, 2.0), (2.8, 2.3, 1.1))
    booth(shape, (0.2, 0.8, 1.5), 1.5)
    rise, reach = rng.uniform(0.03, 1.2), rng.uniform(8, 17)
    foot = np.array([-2.2, -0.2, 2.5])
    way = np.array([np.cos(rise), 0, np.sin(rise)])
    for a, b, r in ((0, 0.45, 0.42), (0.4, 0.75, 0.34), (0.7, 1.0, 0.26)):
        shape.tube("paint", foot + a * reach * way, foot + b * reach * way, r, sides=4)
    shape.tube("metal", (-0.8, -0.2, 2.0), foot + 0.3 * reach * way, 0.14)
    if rise < 0.3:
        return
    _hook(shape, foot + reach * way, rng.uniform(2, 5))
    shape.move((0, 0, 0), rng.uniform(-2, 2), upper)
    feet = grid([-long * 0.3, long * 0.25], [-2.4, 2.4], [0.5])  # stands on legs
    tubes(shape, "paint", feet * [1, 0.4, 1] + [0, 0, 0.4], feet + [0, 0, 0.3], 0.14)
    boxes(shape, "metal", feet * [1, 1, 0.8], (0.5, 0.5, 0.8))


def _crawler_crane(rng: np.random.Generator, shape: Shape) -> None:
    """Tracks, a machine house, and a long open girder."""
    tracks(shape, 1.8, rng.uniform(5.0, 6.5), 1.1, 0.8)
    shape.box("dark metal", (0, 0, 0.9), (2.5, 3.0, 0.6))
    upper = shape.parts
    shape.box("paint", (-1.6, 0, 2.1), (3.6, 2.6, 1.6))
    shape.box("dark metal", (-3.5, 0, 1.9), (0.8, 2.8, 1.2))
    booth(shape, (0.6, 1.0, 1.3), 1.8)
    rise, reach = rng.uniform(0.7, 1.3), rng.uniform(14, 22)
    foot = np.array([0.6, -0.2, 1.6])
    tip = foot + reach * np.array([np.cos(rise), 0, np.sin(rise)])
    lattice(shape, foot, tip, rng.uniform(0.9, 1.3), 14)
    top = np.array([-2.4, -0.2, 6.0])
    tubes(shape, "dark metal", [(-1.0, -0.2, 2.8), top, top], [top, tip, (-3.3, -0.2, 2.8)], 0.05)
    _hook(shape, tip, rng.uniform(4, 12))
    shape.move((0, 0, 0), rng.uniform(-2, 2), upper)


def _tower_crane(rng: np.random.Generator, shape: Shape) -> None:
    """A mast on a cross or a block of concrete, and a jib that turns."""
    high, wide = rng.uniform(16, 24), rng.uniform(1.2, 1.9)
    shape.box("concrete", (0, 0, 0.35), (rng.uniform(3.0, 5.0), rng.uniform(3.0, 5.0), 0.7))
    lattice(shape, np.array([0, 0, 0.5]), np.array([0, 0, high]), wide, int(high / wide))
    upper = shape.parts
    reach, back = rng.uniform(16, 30), rng.uniform(7, 11)
    lattice(shape, np.array([0.5, 0, high + 0.8]), np.array([reach, 0, high + 0.8]), 1.0, 16)
    lattice(shape, np.array([-0.5, 0, high + 0.8]), np.array([-back, 0, high + 0.8]), 1.0, 6)
    boxes(shape, "concrete", grid([-back + 1.0], [0.0], [high - 0.3]), (1.6, 1.2, 2.2))
    apex = np.array([0, 0, high + 4.2])
    tubes(
        shape,
        "metal",
        [(0, 0, high), apex, apex],
        [apex, (reach * 0.75, 0, high + 1.3), (-back + 0.5, 0, high + 1.3)],
        0.07,
    )
    booth(shape, (0.8, 1.1, high - 1.4), 1.8)
    _hook(shape, np.array([rng.uniform(0.3, 0.9) * reach, 0, high + 0.3]), rng.uniform(4, high - 4))
    shape.move((0, 0, 0), rng.uniform(-3, 3), upper)


def crane(rng: np.random.Generator) -> Template:
    shape = Shape("crane")
    kind = rng.choice(3, p=[0.5, 0.2, 0.3])
    (_mobile_crane, _crawler_crane, _tower_crane)[kind](rng, shape)
    return shape.finish()


def driver(rng: np.random.Generator, shape: Shape, hip: np.ndarray, reach: float = 0.4) -> None:
    """A seated `person` with both hands on a wheel."""
    before = shape.category
    shape.category = "person"
    for side in (-1, 1):
        knee = hip + [0.42, side * 0.13, 0.05]
        limb(
            shape,
            [hip + [0, side * 0.1, 0], knee, knee + [0.1, 0, -0.4]],
            (0.088, 0.065, 0.05),
            "fabric",
        )
    hands = [hip + [reach, y, 0.3] for y in (-0.15, 0.15)]
    upper_body(rng, shape, hip, rng.uniform(0.9, 1.02), rng.uniform(-0.1, 0.1), hands)
    shape.category = before


def forklift(rng: np.random.Generator) -> Template:
    """A counterbalanced truck with its mast in front; the fork low or raised, often loaded."""
    shape = Shape("forklift")
    size = rng.uniform(0.85, 1.25)
    axles(shape, [0.55], 0.56, 0.34, 0.26)
    axles(shape, [-0.85], 0.5, 0.28, 0.2)
    body = [(0.55, 0.25), (0.5, 0.75), (0.1, 0.95), (-1.2, 1.0), (-1.35, 0.8), (-1.3, 0.3)]
    shape.prism("paint", body, [0.5, 0.5, 0.5, 0.5, 0.45, 0.5])
    posts = grid([-0.95, 0.35], [-0.45, 0.45], [0.9])
    tubes(shape, "dark metal", posts, posts * [0.85, 0.95, 0] + [0, 0, 2.1], 0.045)
    boxes(shape, "dark metal", grid(np.linspace(-0.8, 0.3, 5), [0.0], [2.12]), (0.08, 0.9, 0.05))
    shape.box("dark plastic", (-0.5, 0, 1.1), (0.45, 0.5, 0.15))
    shape.box("dark plastic", (-0.75, 0, 1.35), (0.12, 0.5, 0.5))
    mast, lift = (
        rng.uniform(1.95, 2.4),
        rng.uniform(0.1, 0.3) if rng.random() < 0.6 else rng.uniform(0.3, 2.6),
    )
    high = max(mast, lift + 0.9)
    boxes(shape, "dark metal", grid([0.85], [-0.32, 0.32], [high / 2 + 0.08]), (0.16, 0.12, high))
    boxes(shape, "dark metal", grid([0.85], [0.0], [0.3, mast]), (0.1, 0.7, 0.12))
    boxes(shape, "dark metal", grid([0.98], [0.0], [lift + 0.15, lift + 0.5]), (0.06, 0.95, 0.12))
    boxes(shape, "metal", grid([1.5], [-0.27, 0.27], [lift]), (1.05, 0.12, 0.05))
    if rng.random() < 0.3:
        driver(rng, shape, np.array([-0.45, 0, 1.25]))
    if rng.random() < 0.45:
        shape.category = "pallet"
        boxes(shape, "wood", grid([1.55], [-0.45, 0, 0.45], [lift + 0.08]), (1.0, 0.1, 0.1))
        tall = rng.uniform(0.2, 1.3)
        shape.box("wood", (1.55, 0, lift + 0.15 + tall / 2), (1.0, 1.1, tall))
    for i in range(shape.parts):
        shape._vertices[i] = shape._vertices[i] * size
    return shape.finish()


def tractor(rng: np.random.Generator) -> Template:
    """Large wheels behind, a narrow bonnet, a cabin or only a bow; tools in front or behind."""
    shape = Shape("tractor")
    rear, fore = rng.uniform(0.7, 0.95), rng.uniform(0.38, 0.65)
    base, half = rng.uniform(1.9, 2.7), rng.uniform(0.8, 1.15)
    x = base / 2
    axles(shape, [-x], half, rear, rng.uniform(0.35, 0.6))
    axles(shape, [x], half * 0.92, fore, rng.uniform(0.25, 0.4))
    top = rng.uniform(1.35, 1.7)
    hood = [(x + 0.55, 0.7), (x + 0.5, top - 0.12), (-0.2, top), (-0.3, 0.7)]
    shape.prism("paint", hood, [0.3, 0.33, 0.38, 0.38])
    shape.box("dark metal", (0, 0, 0.65), (base, 0.5, 0.4))
    for side in (-1, 1):
        turn = np.linspace(0.2, 2.3, 6)
        arc = np.stack(
            [(rear + 0.08) * np.cos(turn) - x, 0 * turn, rear + (rear + 0.08) * np.sin(turn)], 1
        )
        inner, outer = arc + [0, side * (half - 0.45), 0], arc + [0, side * half, 0]
        shape.quads("paint", np.stack([inner[:-1], inner[1:], outer[1:], outer[:-1]], 1))
    shape.tube(
        "dark metal", (x * 0.5, 0.25, top), (x * 0.5, 0.25, top + rng.uniform(0.5, 1.0)), 0.05
    )
    if rng.random() < 0.7:
        booth(shape, (-x + 0.45, 0, 1.0), rng.uniform(1.55, 1.85), 2 * half - 0.75)
    else:
        shape.box("dark plastic", (-x + 0.2, 0, 1.2), (0.45, 0.5, 0.15))
        chain(
            shape,
            "dark metal",
            [
                (-x - 0.1, -0.5, 1.0),
                (-x - 0.15, -0.5, 2.3),
                (-x - 0.15, 0.5, 2.3),
                (-x - 0.1, 0.5, 1.0),
            ],
            0.05,
        )
        driver(rng, shape, np.array([-x + 0.2, 0, 1.35]))
    _tool(rng, shape, x, rear)
    return shape.finish()


def _tool(rng: np.random.Generator, shape: Shape, x: float, rear: float) -> None:
    """What hangs on a tractor: a front loader, a plough, a mower, a spreader."""
    kind, back = rng.random(), -x - rear
    if kind < 0.25:
        lift = rng.uniform(0.3, 2.0)
        for side in (-1, 1):
            path = [
                (-0.1, side * 0.5, 1.5),
                (x + 0.6, side * 0.5, max(lift, 1.2)),
                (x + 1.2, side * 0.5, lift),
            ]
            chain(shape, "paint", path, 0.08, 4)
        shape.prism(
            "metal", [(x + 1.2, lift - 0.1), (x + 1.2, lift + 0.6), (x + 1.8, lift - 0.1)], 1.0
        )
    elif kind < 0.4:
        z = rng.uniform(0.3, 0.7)
        tubes(shape, "paint", [(back, 0.5, z + 0.4)], [(back - 2.2, -0.7, z + 0.4)], 0.1)
        for k in range(4):
            at = np.array([back - 0.3 - 0.55 * k, 0.4 - 0.35 * k, z])
            shape.box("metal", at, (0.7, 0.08, 0.45), yaw=-0.7)
    elif kind < 0.5:
        shape.box("metal", (back - 0.5, 0, 0.45), (0.9, 2.6, 0.5))
    elif kind < 0.6:
        shape.prism(
            "paint",
            [(back - 0.2, 0.7), (back + 0.1, 1.5), (back - 1.3, 1.5), (back - 1.0, 0.7)],
            [0.5, 1.1, 1.1, 0.5],
        )


def golf_cart(rng: np.random.Generator) -> Template:
    """Two or four seats under a roof on thin posts, open at the sides."""
    shape = Shape("golf cart")
    rows = 2 if rng.random() < 0.35 else 1
    long, half, high = 2.35 + 0.75 * (rows - 1), rng.uniform(0.56, 0.64), rng.uniform(1.75, 1.95)
    end = long / 2
    axles(shape, [end - 0.35, -end + 0.45], half, 0.23, 0.2)
    nose = [(end, 0.3), (end - 0.05, 0.62), (end - 0.55, 0.85), (end - 0.65, 0.3)]
    shape.prism("paint", nose, [half * 0.8, half * 0.85, half * 0.9, half * 0.8])
    shape.box("paint", (0, 0, 0.28), (long - 0.6, 1.9 * half, 0.1))
    shape.prism(
        "paint", [(-end + 0.95, 0.3), (-end + 0.95, 0.65), (-end, 0.75), (-end, 0.35)], half * 0.95
    )
    for k in range(rows):
        x = 0.0 - 0.8 * k + 0.4 * (rows - 1)
        shape.box("dark plastic", (x - 0.1, 0, 0.7), (0.5, 1.7 * half, 0.14))
        shape.box("dark plastic", (x - 0.38, 0, 1.0), (0.1, 1.7 * half, 0.45), pitch=-0.15)
        if k:
            shape.box("paint", (x - 0.1, 0, 0.45), (0.5, 1.8 * half, 0.4))
    posts = grid([end - 0.5, -end + 0.35], [-half * 0.85, half * 0.85], [0.6])
    tubes(shape, "dark metal", posts, posts * [0.75, 1, 0] + [0, 0, high], 0.02)
    shape.prism(
        "plastic",
        [
            (end - 0.3, high),
            (end - 0.45, high + 0.08),
            (-end + 0.35, high + 0.08),
            (-end + 0.2, high),
        ],
        half * 0.98,
    )
    if rng.random() < 0.6:
        shape.box("glass", (end - 0.6, 0, 1.3), (0.03, 1.6 * half, 0.85), pitch=-0.25)
    if rng.random() < 0.5:  # two bags of clubs
        for y in (-0.22, 0.22):
            shape.tube("fabric", (-end + 0.05, y, 0.45), (-end - 0.15, y, 1.25), 0.13)
    if rng.random() < 0.45:
        driver(rng, shape, np.array([-0.1 + 0.4 * (rows - 1), half * 0.45, 0.87]))
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "crane": (crane, 1),
    "forklift": (forklift, 2),
    "tractor": (tractor, 2),
    "golf cart": (golf_cart, 2),
}
