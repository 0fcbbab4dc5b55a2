"""What takes waste: litter bins, bins on wheels, bottle banks, dumpsters and skips."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, grid, in_ball, tubes, turned


def _litter_bin(rng: np.random.Generator, shape: Shape) -> None:
    """For passers-by: round, square, on a post, of bars, with a roof."""
    kind, high = rng.integers(6), rng.uniform(0.7, 1.15)
    material = ("dark metal", "plastic", "metal", "concrete", "wood")[rng.integers(5)]
    r = rng.uniform(0.2, 0.34)
    if kind == 0:
        turned(
            shape,
            material,
            [(r * 0.9, 0.03), (r, high), (r - 0.04, high), (r - 0.06, high * 0.5), (0, high * 0.5)],
            sides=12,
        )
    elif kind == 1:  # on a post
        out = rng.uniform(0.0, 0.25)
        shape.tube("metal", (0, 0, 0), (0, 0, 1.2), 0.035)
        turned(shape, material, [(0, 0.55), (0.16, 0.55), (0.2, 1.05), (0.16, 1.05)], (out, 0, 0))
        if rng.random() < 0.5:
            turned(shape, material, [(0.2, 1.15), (0.05, 1.25)], (out, 0, 0))
    elif kind == 2:  # square with a slit and a roof
        shape.box(material, (0, 0, high * 0.38), (1.7 * r, 1.7 * r, high * 0.72))
        posts = grid([-0.75 * r, 0.75 * r], [-0.75 * r, 0.75 * r], [0.7 * high])
        tubes(shape, material, posts, posts + [0, 0, 0.25 * high], 0.02)
        shape.box(material, (0, 0, high), (1.9 * r, 1.9 * r, 0.08))
    elif kind == 3:  # of bars
        turn = 2 * np.pi * np.arange(14) / 14
        feet = np.stack([0.8 * r * np.cos(turn), 0.8 * r * np.sin(turn), 0 * turn + 0.05], 1)
        tubes(shape, "dark metal", feet, feet * [1.25, 1.25, 0] + [0, 0, high], 0.014, sides=3)
        turned(shape, "dark metal", [(r, high - 0.05), (r + 0.03, high)])
        turned(shape, "dark plastic", [(0, 0.1), (0.7 * r, 0.1), (0.85 * r, high - 0.1)], sides=8)
    elif kind == 4:  # with a dome
        turned(shape, material, [(r, 0), (r, high * 0.75), (r * 0.8, high * 0.75)], sides=12)
        turned(
            shape, material, [(r, high * 0.92), (0.8 * r, high * 1.1), (0, high * 1.18)], sides=12
        )
        tubes(
            shape,
            material,
            [(r * 0.9, 0, high * 0.7), (-r * 0.9, 0, high * 0.7)],
            [(r * 0.9, 0, high), (-r * 0.9, 0, high)],
            0.04,
        )
    else:  # two or three kinds of waste side by side
        count = int(rng.integers(2, 5))
        y = 0.45 * (np.arange(count) - (count - 1) / 2)
        boxes(shape, material, grid([0.0], y, [high / 2]), (0.4, 0.4, high))
        boxes(shape, "dark plastic", grid([0.21], y, [high * 0.85]), (0.02, 0.28, 0.12))


def _wheelie_bin(rng: np.random.Generator, shape: Shape) -> None:
    wide, high = rng.uniform(0.45, 0.62), rng.uniform(0.85, 1.15)
    shape.prism("plastic", [(-0.22, 0.08), (0.18, 0.08), (0.28, high), (-0.32, high)],
                [wide * 0.38, wide * 0.38, wide / 2, wide / 2])  # fmt: skip
    ajar = rng.uniform(0.05, 0.6) if rng.random() < 0.2 else 0.08
    shape.box("plastic", (0.0, 0, high + 0.03 + 0.3 * ajar), (0.68, wide + 0.04, 0.06), pitch=-ajar)
    shape.tube("plastic", (-0.38, -wide / 2, high), (-0.38, wide / 2, high), 0.02, sides=4)
    for side in (-1, 1):
        shape.tube(
            "rubber",
            (-0.24, side * wide * 0.38, 0.1),
            (-0.24, side * wide * 0.46, 0.1),
            0.1,
            sides=8,
        )


def trash_can(rng: np.random.Generator) -> Template:
    """A litter bin, a wheelie bin, a waste container on four wheels, bottle banks, or bags."""
    shape = Shape("trash can")
    kind = rng.choice(5, p=[0.42, 0.32, 0.14, 0.06, 0.06])
    if kind == 0:
        _litter_bin(rng, shape)
    elif kind == 1:
        _wheelie_bin(rng, shape)
    elif kind == 2:
        wide, high = rng.uniform(1.1, 1.4), rng.uniform(1.0, 1.3)
        shape.prism("plastic", [(-0.42, 0.2), (0.36, 0.2), (0.5, high), (-0.5, high)], wide / 2)
        shape.box("plastic", (0.5, 0, high - 0.1), (0.08, wide + 0.1, 0.12))
        if rng.random() < 0.6:
            shape.prism(
                "plastic",
                [(-0.5, high), (0.5, high), (0.3, high + 0.2), (-0.3, high + 0.25)],
                wide / 2,
            )
        else:
            shape.box("plastic", (-0.1, 0, high + 0.06), (0.9, wide, 0.08), pitch=0.08)
        wheels = grid([-0.35, 0.3], np.array([-0.4, 0.4]) * wide, [0.1])
        boxes(shape, "rubber", wheels, (0.18, 0.06, 0.2))
    elif kind == 3:  # a bank for glass or clothes
        r, high = rng.uniform(0.6, 0.9), rng.uniform(1.4, 1.8)
        turned(
            shape,
            "plastic",
            [(r * 0.8, 0), (r, 0.3), (r, high * 0.7), (r * 0.5, high), (0, high + 0.05)],
            sides=10,
        )
        shape.tube(
            "dark plastic", (r * 0.8, 0, high * 0.75), (r * 1.02, 0, high * 0.72), 0.12, sides=8
        )
    else:  # bags beside each other
        for _ in range(int(rng.integers(1, 6))):
            size = rng.uniform(0.2, 0.38)
            at = np.array([*rng.normal(0, 0.25, 2), size * 0.8])
            shape.ball("dark plastic", at, size * rng.uniform(0.8, 1.2, 3))
            shape.tube(
                "dark plastic",
                at + [0, 0, size * 0.8],
                at + [0, 0, size * 1.3],
                0.03,
                0.09,
                sides=5,
            )
    return shape.finish()


def slanted_bin(rng: np.random.Generator) -> Template:
    """A bin like a chute, or a bag in a ring on a stand."""
    shape = Shape("trash can")
    if rng.random() < 0.5:
        high, wide = rng.uniform(0.9, 1.3), rng.uniform(0.2, 0.32)
        shape.prism(
            "metal", [(-0.25, 0), (0.2, 0), (0.3, high * 0.7), (-0.1, high), (-0.25, high)], wide
        )
        shape.box("dark plastic", (0.1, 0, high * 0.86), (0.35, 1.4 * wide, 0.02), pitch=0.65)
    else:
        tubes(
            shape,
            "metal",
            [(-0.2, -0.2, 0), (-0.2, 0.2, 0)],
            [(-0.2, -0.2, 1), (-0.2, 0.2, 1)],
            0.02,
        )
        turned(shape, "metal", [(0.22, 0.95), (0.26, 0.98)], sides=10)
        turned(shape, "dark plastic", [(0, 0.12), (0.2, 0.2), (0.26, 0.5), (0.23, 0.96)], sides=9)
    return shape.finish()


def dumpster(rng: np.random.Generator) -> Template:
    """A large steel bin with lids, a skip with sloping ends, or an open roll-off box."""
    shape = Shape("dumpster")
    kind = rng.integers(3)
    if kind == 0:  # with lids, opened at the front
        wide, deep = rng.uniform(1.6, 2.2), rng.uniform(0.5, 0.8)
        front, back = rng.uniform(0.9, 1.1), rng.uniform(1.2, 1.6)
        shape.prism(
            "paint", [(-deep, 0.12), (deep * 0.85, 0.12), (deep, front), (-deep, back)], wide / 2
        )
        pitch = float(np.arctan2(back - front, 2 * deep))
        for y in np.array([-0.25, 0.25]) * wide:
            if rng.random() < 0.75:
                shape.box(
                    "dark plastic",
                    (0, y, (front + back) / 2 + 0.04),
                    (2.1 * deep, wide * 0.48, 0.05),
                    pitch=pitch,
                )
            else:
                shape.box("dark plastic", (-deep - 0.1, y, back - 0.4), (0.05, wide * 0.48, 1.0))
        boxes(
            shape,
            "paint",
            grid([0.0], np.linspace(-0.51, 0.51, 2) * wide, [front * 0.6]),
            (1.6 * deep, 0.08, 0.16),
        )
        boxes(
            shape,
            "rubber",
            grid(np.array([-0.7, 0.7]) * deep, np.array([-0.4, 0.4]) * wide, [0.07]),
            (0.15, 0.06, 0.14),
        )
        return shape.finish()
    long, wide = (
        (rng.uniform(1.2, 2.0), rng.uniform(0.75, 0.95))
        if kind == 1
        else (rng.uniform(2.2, 3.4), 1.2)
    )
    high = rng.uniform(0.9, 1.5) if kind == 1 else rng.uniform(1.2, 2.2)
    slope = rng.uniform(0.3, 0.6) if kind == 1 else 0.0
    low, top = long - slope * high, long
    y = np.array([-wide, wide])
    for a in y:
        shape.quads(
            "paint",
            np.array(
                [[[-low, a * 0.9, 0.1], [low, a * 0.9, 0.1], [top, a, high], [-top, a, high]]]
            ),
        )
    for x, x1 in ((-low, -top), (low, top)):
        shape.quads(
            "paint",
            np.array(
                [[[x, -wide * 0.9, 0.1], [x, wide * 0.9, 0.1], [x1, wide, high], [x1, -wide, high]]]
            ),
        )
    shape.box("paint", (0, 0, 0.15), (2 * low, 1.8 * wide, 0.1))
    ribs = grid(np.linspace(-low * 0.9, low * 0.9, 5), [-wide * 0.97, wide * 0.97], [high / 2])
    boxes(shape, "paint", ribs, (0.1, 0.1, high - 0.15))
    boxes(shape, "paint", [(0, -wide, high), (0, wide, high)], (2 * top, 0.1, 0.1))
    fill = rng.uniform(0.2, 1.05) * high
    around = in_ball(rng, 14) * [low * 0.8, wide * 0.7, 0.2] + [0, 0, fill]
    boxes(
        shape, "wood" if rng.random() < 0.5 else "concrete", around, rng.uniform(0.1, 0.6, (14, 3))
    )
    shape.box("soil", (0, 0, fill * 0.5 + 0.1), (1.9 * low, 1.75 * wide, fill))
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "trash can": (trash_can, 5),
    "dumpster": (dumpster, 2),
}
HELD_OUT: dict[str, tuple[Maker, int]] = {"trash can": (slanted_bin, 2)}
