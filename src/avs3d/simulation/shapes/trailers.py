"""Trailers without what pulls them, caravans, and boats on land."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.bodies import axles, cap, centred, loft
from avs3d.simulation.shapes.loads import HALF, load
from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, grid, tubes


def _drawbar(shape: Shape, front: float, half: float, long: float = 1.2) -> None:
    """Two beams that meet at the coupling, and the small wheel under it."""
    tip = np.array([front + long, 0, 0.48])
    tubes(
        shape, "dark metal", [(front, half * 0.6, 0.5), (front, -half * 0.6, 0.5)], [tip, tip], 0.04
    )
    shape.tube("dark metal", tip - [0.2, 0, 0.4], tip - [0.2, 0, -0.3], 0.03)
    shape.wheel(tip - [0.2, 0, 0.38], 0.1, 0.06)


def _caravan(rng: np.random.Generator, shape: Shape) -> None:
    long, half, high = rng.uniform(3.8, 7.0), rng.uniform(1.05, 1.25), rng.uniform(2.4, 2.7)
    end, lean = long / 2, rng.uniform(0.1, 0.6)
    profile = [
        (end, 0.5),
        (end - 0.05, 1.2),
        (end - lean, high - 0.1),
        (end - lean - 0.5, high),
        (-end + 0.4, high),
        (-end + 0.05, high - 0.3),
        (-end, 0.6),
        (-end + 0.3, 0.45),
    ]
    shape.prism("plastic" if rng.random() < 0.6 else "paint", profile, half)
    for side in (-1, 1):
        for x in (end - 1.1, -end + 0.9):
            shape.box("glass", (x, side * half, 1.6), (rng.uniform(0.6, 1.1), 0.04, 0.5))
    shape.box("plastic", (-0.4, -half - 0.01, 1.35), (0.65, 0.03, 1.7))
    shape.box("glass", (end - 0.05 - lean * 0.35, 0, 1.6), (0.06, 1.5 * half, 0.5), pitch=-0.3)
    xs = [-0.1] if long < 5.6 else [-0.45, 0.3]
    axles(shape, xs, half * 1.01, 0.32, 0.2)
    _drawbar(shape, end - 0.1, half)
    if rng.random() < 0.3:  # a tent before its door
        shape.prism(
            "fabric", [(end - 0.5, 0), (end - 0.5, 2.2), (-end + 0.5, 2.2), (-end + 0.5, 0)], 1.1
        )
        shape.move((0, -half - 1.1, 0), 0, shape.parts - 5)
    shape.box("plate", (-end - 0.02, 0, 0.7), (0.03, 1.6 * half, 0.12))


def _box_trailer(rng: np.random.Generator, shape: Shape) -> None:
    """A closed one for goods or horses."""
    horse = rng.random() < 0.5
    long, half = rng.uniform(2.2, 4.2), rng.uniform(0.7, 1.05)
    high = rng.uniform(2.1, 2.5) if horse else rng.uniform(1.4, 2.3)
    end, nose = long / 2, rng.uniform(0.0, 0.6)
    shape.prism(
        "paint", [(end, 0.45), (end, 1.1), (end - nose, high), (-end, high), (-end, 0.45)], half
    )
    if horse:
        shape.box("dark metal", (-end - 0.01, 0, high - 0.35), (0.02, 1.8 * half, 0.6))
        boxes(
            shape, "glass", grid([end - nose - 0.35], [-half, half], [high - 0.4]), (0.4, 0.03, 0.3)
        )
        if rng.random() < 0.3:  # the ramp is down
            shape.box("wood", (-end - 0.65, 0, 0.25), (1.4, 1.8 * half, 0.06), pitch=-0.3)
    for side in (-1, 1):
        shape.box(
            "dark plastic", (-0.2, side * (half + 0.12), 0.68), (1.4 if horse else 0.75, 0.24, 0.05)
        )
    axles(shape, [-0.55, 0.15] if horse else [-0.2], half + 0.22, 0.31, 0.18)
    _drawbar(shape, end, half)
    shape.box("plate", (-end - 0.02, 0, 0.6), (0.03, 1.6 * half, 0.11))


def _open_trailer(rng: np.random.Generator, shape: Shape) -> None:
    """Low boards or a mesh, empty or loaded, or a hood over them."""
    long, half, high = rng.uniform(1.9, 4.5), rng.uniform(0.6, 1.0), rng.uniform(0.3, 0.55)
    end, floor = long / 2, rng.uniform(0.5, 0.65)
    shape.box("metal", (0, 0, floor), (long, 2 * half, 0.08))
    boxes(shape, "metal", grid([0.0], [-half, half], [floor + high / 2]), (long, 0.04, high))
    boxes(shape, "metal", grid([-end, end], [0.0], [floor + high / 2]), (0.04, 2 * half, high))
    kind, top = rng.random(), floor + high
    if kind < 0.25:  # a hood
        tall = rng.uniform(0.5, 1.2)
        shape.prism(
            "fabric", [(end, top), (end - 0.15, top + tall), (-end, top + tall), (-end, top)], half
        )
    elif kind < 0.45:
        shape.ball(
            "leaf" if rng.random() < 0.4 else "soil",
            (0, 0, top - 0.1),
            (0.85 * end, 0.9 * half, 0.4),
        )
    elif kind < 0.6:
        rails = grid([0.0], [-half, half], [top + 0.25, top + 0.45, top + 0.65])
        boxes(shape, "metal", rails, (long, 0.03, 0.04))
        boxes(shape, "metal", grid([-end, 0, end], [-half, half], [top + 0.3]), (0.05, 0.05, 0.7))
    elif kind < 0.75:
        for _ in range(3):
            size = rng.uniform(0.3, 0.8, 3)
            x, y = rng.uniform(-0.6, 0.6) * end, rng.uniform(-0.3, 0.3) * half
            shape.box("wood", (x, y, floor + size[2] / 2), size)
    axles(shape, [-0.1] if long < 3.2 else [-0.45, 0.3], half + 0.2, 0.3, 0.18)
    for side in (-1, 1):
        shape.box("dark plastic", (-0.1, side * (half + 0.12), 0.66), (0.8, 0.22, 0.04))
    _drawbar(shape, end, half)
    shape.box("plate", (-end - 0.03, 0, 0.55), (0.03, 1.6 * half, 0.11))


def _semi_trailer(rng: np.random.Generator, shape: Shape) -> None:
    long = rng.uniform(7.5, 13.0)
    kinds = ("box", "flat", "tipper", "tank", "container", "livestock")
    load(rng, shape, long / 2, long, kinds[rng.integers(6)])
    axles(shape, -long / 2 + 1.2 + 1.3 * np.arange(3), HALF, 0.5, 0.45)
    legs = grid([long / 2 - 2.2], [-0.8, 0.8], [0.5])
    boxes(shape, "metal", legs, (0.15, 0.15, 1.0))


def _site_trailer(rng: np.random.Generator, shape: Shape) -> None:
    """A compressor, a generator or a mobile sign: a rounded case on one axle."""
    long, half, high = rng.uniform(1.6, 3.0), rng.uniform(0.55, 0.8), rng.uniform(1.1, 1.6)
    end = long / 2
    shape.prism(
        "paint",
        [
            (end, 0.45),
            (end - 0.1, high - 0.2),
            (end - 0.4, high),
            (-end + 0.2, high),
            (-end, high - 0.3),
            (-end, 0.5),
        ],
        half,
    )
    if rng.random() < 0.35:  # a board of lamps or arrows above
        tubes(
            shape,
            "metal",
            [(0, -0.3, high), (0, 0.3, high)],
            [(0, -0.3, high + 0.4), (0, 0.3, high + 0.4)],
            0.04,
        )
        shape.box("retro", (-0.02, 0, high + 1.1), (0.06, 1.6, 1.5))
    axles(shape, [-0.1], half + 0.2, 0.3, 0.18)
    _drawbar(shape, end, half)


def trailer(rng: np.random.Generator) -> Template:
    """From a car's small trailer or caravan to a semi-trailer, or one with a boat on it."""
    shape = Shape("trailer")
    kind = rng.choice(6, p=[0.24, 0.2, 0.18, 0.23, 0.07, 0.08])
    if kind == 5:
        _boat_on_trailer(rng, shape)
    else:
        makers = (_semi_trailer, _caravan, _box_trailer, _open_trailer, _site_trailer)
        makers[kind](rng, shape)
    return centred(shape)


def _hull(
    rng: np.random.Generator, shape: Shape, long: float, half: float, deep: float, keel: float
) -> None:
    """A boat's hull along x with its bow forward; keel: height of its lowest line."""
    u = np.array([0.0, 0.15, 0.4, 0.65, 0.82, 0.93, 1.0])
    wide = half * np.array([0.88, 0.97, 1.0, 0.9, 0.62, 0.33, 0.02])
    rise = deep * np.array([0, 0, 0, 0.04, 0.16, 0.38, 0.75])
    sheer = keel + deep * (1 + 0.18 * u**2)
    x = (u - 0.5) * long
    chine = keel + rise + deep * rng.uniform(0.2, 0.45)
    inside = keel + deep * 0.55 + 0 * u
    y = np.stack([0 * wide, wide * 0.85, wide, wide * 0.9, 0 * wide], 1)
    z = np.stack(
        [keel + rise, np.minimum(chine, sheer - 0.05), sheer, sheer, np.minimum(inside, sheer)], 1
    )
    left = np.stack([np.repeat(x[:, None], 5, 1), y, z], -1)
    rings = np.concatenate([left, left[:, -2::-1] * [1, -1, 1]], axis=1)
    material = str(rng.choice(["paint", "plastic", "plastic", "wood"]))
    loft(shape, np.full((6, 8), material, dtype=object), rings)
    cap(shape, material, rings[0, [0, 1, 2, 6, 7]])


def _boat(rng: np.random.Generator, shape: Shape, keel: float) -> tuple[float, float]:
    """Adds a rowing boat, motor boat or sailing boat; returns its length and half width."""
    kind = rng.choice(4, p=[0.25, 0.4, 0.2, 0.15])
    long = (
        rng.uniform(3.0, 4.8),
        rng.uniform(4.5, 7.5),
        rng.uniform(5.0, 8.5),
        rng.uniform(6.5, 9.5),
    )[kind]
    half, deep = long * rng.uniform(0.16, 0.21), long * rng.uniform(0.12, 0.16)
    if kind == 2:  # a keel below
        fin = rng.uniform(0.4, 0.9)
        shape.prism(
            "dark metal", [(0.5, keel + fin), (0.3, keel), (-0.5, keel), (-0.6, keel + fin)], 0.08
        )
        keel += fin
    _hull(rng, shape, long, half, deep, keel)
    top = keel + deep
    if rng.random() < 0.3:  # under a cover
        for side in (-1, 1):
            shape.quads(
                "fabric",
                np.array(
                    [
                        [
                            (-long / 2, 0, top + 0.35),
                            (long * 0.2, 0, top + 0.5),
                            (long * 0.2, side * half, top),
                            (-long / 2, side * half * 0.9, top),
                        ]
                    ]
                ),
            )
            shape.triangles(
                "fabric",
                np.array(
                    [
                        [
                            (long * 0.2, 0, top + 0.5),
                            (long * 0.5, 0, top + 0.2),
                            (long * 0.2, side * half, top),
                        ]
                    ]
                ),
            )
    elif kind == 0:
        boxes(
            shape,
            "wood",
            grid([-0.25 * long, 0.1 * long], [0.0], [top - 0.12]),
            (0.25, 1.7 * half, 0.04),
        )
    elif kind == 1:
        shape.box("dark plastic", (-0.2 * long, 0, top - 0.1), (0.6, half, 0.5))
        shape.box("glass", (0.12 * long, 0, top + 0.25), (0.04, 1.5 * half, 0.4), pitch=-0.6)
    else:
        cabin = [
            (0.25 * long, top + 0.1),
            (0.15 * long, top + 0.5),
            (-0.15 * long, top + 0.6),
            (-0.18 * long, top),
        ]
        if kind == 3:
            cabin = [
                (0.2 * long, top),
                (0.1 * long, top + 1.3),
                (-0.15 * long, top + 1.4),
                (-0.18 * long, top),
            ]
        shape.prism("plastic", cabin, half * 0.65)
        boxes(
            shape,
            "glass",
            grid([0.0], [-half * 0.66, half * 0.66], [top + (0.9 if kind == 3 else 0.32)]),
            (0.2 * long, 0.03, 0.25),
        )
    if kind == 2 and rng.random() < 0.8:  # a mast, standing or laid down
        foot = np.array([0.1 * long, 0, top + 0.4])
        tip = (
            foot + [0, 0, long * 1.1]
            if rng.random() < 0.6
            else np.array([-0.75 * long, 0, top + 1.0])
        )
        shape.tube("metal", foot, tip, 0.06, 0.04)
    if kind in (0, 1) and rng.random() < 0.6:  # an engine behind
        shape.box("dark plastic", (-long / 2 - 0.15, 0, top + 0.1), (0.35, 0.3, 0.5))
        shape.box("dark metal", (-long / 2 - 0.2, 0, top - 0.45), (0.2, 0.12, 0.7))
    return long, half


def _boat_on_trailer(rng: np.random.Generator, shape: Shape) -> None:
    before = shape.category
    shape.category = "boat"
    long, half = _boat(rng, shape, rng.uniform(0.5, 0.65))
    shape.category = "trailer"
    beams = grid([0.0], [-half * 0.45, half * 0.45], [0.45])
    boxes(shape, "metal", beams, (long * 0.85, 0.07, 0.09))
    boxes(shape, "metal", grid([-0.3 * long, 0.0, 0.3 * long], [0.0], [0.45]), (0.08, half, 0.08))
    axles(shape, [-0.12 * long], half * 0.95, 0.3, 0.18)
    front = long * 0.42
    tubes(
        shape,
        "metal",
        [(front, half * 0.45, 0.45), (front, -half * 0.45, 0.45), (front, 0, 0.45)],
        [(front + 1.4, 0, 0.45), (front + 1.4, 0, 0.45), (front + 0.3, 0, 1.2)],
        0.04,
    )
    shape.box("plate", (-long * 0.5, 0, 0.5), (0.03, 1.4 * half, 0.12))
    shape.category = before


def boat(rng: np.random.Generator) -> Template:
    """On a trailer, on a cradle, on blocks, or upside down on the ground."""
    shape = Shape("boat")
    kind = rng.random()
    if kind < 0.5:
        _boat_on_trailer(rng, shape)
    elif kind < 0.88:
        keel = rng.uniform(0.1, 0.5)
        long, half = _boat(rng, shape, keel)
        feet = grid([-0.25 * long, 0.2 * long], [-half * 0.9, half * 0.9], [0.0])
        tubes(shape, "metal", feet, feet * [1, 0.75, 0] + [0, 0, keel + 0.12 * long], 0.05)
        boxes(
            shape,
            "wood",
            grid([-0.25 * long, 0.2 * long], [0.0], [keel / 2]),
            (0.3, 1.6 * half, keel),
        )
    else:
        long = rng.uniform(2.8, 4.5)
        _hull(rng, shape, long, long * 0.19, long * 0.13, 0.0)
        for i in range(shape.parts):
            shape._vertices[i] = shape._vertices[i] * [1, 1, -1] + [0, 0, long * 0.155]
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {"trailer": (trailer, 4), "boat": (boat, 3)}
