"""Where one sits or waits: benches, chairs, tables, parasols, bus stops. One looks to +x."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, grid, tubes, turned


def _slats(shape: Shape, material: str, length: float, rows: int, tilt: float, back: float) -> None:
    """Seat and, with back > 0, a leaning back of boards along y."""
    x = np.linspace(-0.19, 0.2, rows)
    boxes(shape, material, grid(x, [0.0], [0.44]), (0.36 / rows, length, 0.035))
    if back:
        z = np.linspace(0.58, 0.44 + back, max(rows - 1, 2))
        spots = np.stack([-0.24 - tilt * (z - 0.5), 0 * z, z], 1)
        boxes(shape, material, spots, (0.035, length, 0.3 * back))


def _plain_bench(rng: np.random.Generator, shape: Shape, length: float) -> None:
    material = ("wood", "wood", "metal", "dark plastic")[rng.integers(4)]
    back = rng.uniform(0.35, 0.5) if rng.random() < 0.65 else 0.0
    tilt = rng.uniform(0.1, 0.4)
    _slats(shape, material, length, int(rng.integers(2, 6)), tilt, back)
    legs = "concrete" if rng.random() < 0.3 else "dark metal"
    thick = rng.uniform(0.1, 0.2) if legs == "concrete" else 0.05
    for y in np.array([-0.4, 0.4]) * length:
        if legs == "concrete":
            shape.box(legs, (0, y, 0.21), (0.42, thick, 0.42))
        else:
            feet = grid([-0.2, 0.2], [y], [0.0])
            tubes(shape, legs, feet, feet * [0.8, 1, 0] + [0, 0, 0.43], 0.025)
            shape.box(legs, (0, y, 0.41), (0.42, thick, 0.04))
        if back:
            start = np.array([[-0.2, y, 0.4]])
            tubes(shape, legs, start, start + [-0.08 - tilt * back, 0, back + 0.05], 0.03)
            if rng.random() < 0.5:
                boxes(
                    shape,
                    legs,
                    [(0, y, 0.64), (0.18, y, 0.52)],
                    [(0.42, 0.05, 0.03), (0.03, 0.05, 0.22)],
                )


def bench(rng: np.random.Generator) -> Template:
    """A bench with or without a back; a block; round a tree; two back to back; with a planter."""
    shape = Shape("bench")
    length = rng.uniform(1.2, 2.5)
    kind = rng.choice(6, p=[0.56, 0.12, 0.08, 0.1, 0.07, 0.07])
    if kind == 0:
        _plain_bench(rng, shape, length)
    elif kind == 1:  # a block of stone, a board on it or not
        deep = rng.uniform(0.4, 0.8)
        shape.box("concrete", (0, 0, 0.2), (deep, length, 0.42))
        if rng.random() < 0.5:
            shape.box("wood", (0, 0, 0.45), (deep + 0.06, length * 0.8, 0.06))
    elif kind == 2:  # round a tree, in eight pieces
        r = rng.uniform(0.7, 1.1)
        turned(shape, "wood", [(r - 0.35, 0.42), (r, 0.42), (r, 0.46), (r - 0.35, 0.46)], sides=8)
        turn = 2 * np.pi * np.arange(8) / 8
        feet = (r - 0.1) * np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
        tubes(shape, "dark metal", feet, feet + [0, 0, 0.43], 0.03)
        if rng.random() < 0.5:
            turned(shape, "wood", [(r - 0.38, 0.6), (r - 0.45, 0.85)], sides=8)
    elif kind == 3:  # a picnic seat of half a log, or a plain plank
        shape.tube("wood", (0, -length / 2, 0.36), (0, length / 2, 0.36), 0.16, sides=7)
        boxes(shape, "bark", [(0, -length / 3, 0.12), (0, length / 3, 0.12)], (0.3, 0.2, 0.28))
    elif kind == 4:  # back to back
        for yaw in (0.0, np.pi):
            first = shape.parts
            _plain_bench(rng, shape, length)
            shape.move((0.32 * np.cos(yaw), 0, 0), yaw, first)
    else:  # single seats on a beam
        count = int(rng.integers(2, 5))
        shape.box("metal", (-0.05, 0, 0.36), (0.08, 0.6 * count, 0.08))
        y = 0.6 * (np.arange(count) - (count - 1) / 2)
        boxes(shape, "plastic", grid([0.0], y, [0.43]), (0.42, 0.46, 0.04))
        boxes(shape, "plastic", grid([-0.23], y, [0.65]), (0.05, 0.46, 0.4))
        legs = grid([-0.05], [y[0], y[-1]], [0.0])
        tubes(shape, "metal", legs, legs + [0, 0, 0.36], 0.04)
    return shape.finish()


def add_chair(
    rng: np.random.Generator, shape: Shape, at: tuple[float, float], yaw: float, kind: int
) -> None:
    """One chair at x, y; kind 0 plain, 1 with arms, 2 stool, 3 one piece of plastic."""
    shape.category = "chair"
    first = shape.parts
    wide, seat = rng.uniform(0.4, 0.5), rng.uniform(0.42, 0.48)
    material = ("wood", "dark metal", "plastic", "plastic")[kind]
    if kind == 2:
        seat += rng.choice([0.0, 0.28])
        shape.tube(material, (0, 0, seat - 0.03), (0, 0, seat), 0.19, sides=8)
    else:
        shape.box(material, (0, 0, seat), (wide, wide, 0.04))
        shape.box(material, (-wide / 2 - 0.03, 0, seat + 0.28), (0.03, wide, 0.34), pitch=-0.15)
    out = (0.3 if kind == 2 else 0.45) * wide
    feet = grid([-out, out], [-out, out], [0.0])
    tubes(shape, "dark metal" if kind < 3 else material, feet, feet + [0, 0, seat], 0.018, sides=3)
    if kind != 2:
        posts = feet[:2]
        tubes(shape, material, posts + [0, 0, seat], posts + [-0.06, 0, seat + 0.4], 0.018, sides=3)
    if kind in (1, 3):
        boxes(
            shape, material, [(0, s * wide / 2, seat + 0.21) for s in (-1, 1)], (wide, 0.04, 0.03)
        )
    shape.move((*at, 0), yaw, first)


def chair(rng: np.random.Generator) -> Template:
    """A chair, a stool, a deck chair, an office chair, an armchair, or stacked ones."""
    shape = Shape("chair")
    kind = int(rng.integers(8))
    if kind < 4:
        add_chair(rng, shape, (0, 0), 0.0, kind)
        if kind == 3 and rng.random() < 0.3:  # a stack
            for k in range(1, int(rng.integers(3, 7))):
                first = shape.parts
                add_chair(rng, shape, (0.03 * k, 0), 0.0, kind)
                shape.move((0, 0, 0.12 * k), first=first)
    elif kind == 4:  # a deck chair or lounger
        pitch = rng.uniform(0.3, 0.9)
        shape.box("cloth", (-0.35, 0, 0.5), (0.9, 0.55, 0.03), pitch=pitch)
        shape.box("cloth", (0.45, 0, 0.3), (0.9, 0.55, 0.03))
        feet = grid([-0.5, 0.8], [-0.27, 0.27], [0.0])
        tubes(shape, "wood", feet, feet + [0, 0, 0.32], 0.025)
    elif kind == 5:  # on five rollers
        shape.tube("dark metal", (0, 0, 0.1), (0, 0, 0.45), 0.03)
        turn = 2 * np.pi * np.arange(5) / 5
        ends = 0.3 * np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1) + [0, 0, 0.05]
        tubes(shape, "dark plastic", ends, 0 * ends + [0, 0, 0.12], 0.025)
        shape.box("cloth", (0, 0, 0.48), (0.48, 0.48, 0.08))
        shape.box("cloth", (-0.25, 0, 0.8), (0.06, 0.44, 0.5))
        boxes(shape, "dark plastic", [(0, -0.28, 0.68), (0, 0.28, 0.68)], (0.25, 0.06, 0.03))
    elif kind == 6:  # an armchair
        boxes(
            shape,
            "cloth",
            [(0, 0, 0.25), (-0.35, 0, 0.5), (0, -0.38, 0.38), (0, 0.38, 0.38)],
            [(0.7, 0.7, 0.35), (0.2, 0.85, 0.75), (0.75, 0.16, 0.45), (0.75, 0.16, 0.45)],
        )
    else:  # a wicker or folding chair
        tubes(
            shape,
            "wood",
            [(-0.25, -0.2, 0), (-0.25, 0.2, 0), (0.25, -0.2, 0), (0.25, 0.2, 0)],
            [(0.22, -0.2, 0.45), (0.22, 0.2, 0.45), (-0.32, -0.2, 0.9), (-0.32, 0.2, 0.9)],
            0.02,
        )
        shape.box("wood", (0, 0, 0.45), (0.42, 0.42, 0.03))
        boxes(shape, "wood", [(-0.24, 0, 0.65), (-0.29, 0, 0.82)], (0.02, 0.42, 0.1))
    return shape.finish()


def _table(rng: np.random.Generator, shape: Shape, around: bool) -> float:
    """A table with chairs round it; returns half its width."""
    shape.category = "table"
    half, high = rng.uniform(0.3, 0.6), rng.choice([0.74, 0.74, 1.1])
    top = ("wood", "metal", "plastic", "stone")[rng.integers(4)]
    if rng.random() < 0.5:
        shape.tube(top, (0, 0, high - 0.04), (0, 0, high), half, sides=12)
        shape.tube("dark metal", (0, 0, 0), (0, 0, high), 0.04)
        shape.tube("dark metal", (0, 0, 0), (0, 0, 0.04), 0.6 * half, sides=8)
    else:
        long = half * rng.uniform(1.0, 2.2)
        shape.box(top, (0, 0, high), (2 * half, 2 * long, 0.04))
        feet = grid([-0.9 * half, 0.9 * half], [-0.92 * long, 0.92 * long], [0.0])
        tubes(shape, "dark metal", feet, feet + [0, 0, high], 0.025)
    if not around:
        return half
    kind = 2 if high > 1 else int(rng.integers(4))
    for k in range(int(rng.integers(2, 5))):
        turn = k * 1.57 + rng.normal(0, 0.2)
        far = half + rng.uniform(0.2, 0.5)
        at = (far * np.cos(turn), far * np.sin(turn))
        add_chair(rng, shape, at, turn + np.pi + rng.normal(0, 0.3), kind)
    shape.category = "table"
    return half


def table(rng: np.random.Generator) -> Template:
    """A picnic table, a table with chairs, table tennis, a market or beer table with benches."""
    shape = Shape("table")
    kind = rng.choice(4, p=[0.35, 0.4, 0.1, 0.15])
    if kind == 1:
        _table(rng, shape, around=rng.random() < 0.8)
    elif kind == 0:  # a picnic table
        long = rng.uniform(1.5, 2.2)
        boxes(shape, "wood", grid([0.0], np.linspace(-0.3, 0.3, 5), [0.74]), (long, 0.13, 0.05))
        boxes(shape, "wood", [(0, -0.7, 0.45), (0, 0.7, 0.45)], (long, 0.27, 0.05))
        x = np.array([-0.35, 0.35]) * long
        boxes(shape, "wood", grid(x, [0.0], [0.4]), (0.08, 1.4, 0.08))
        feet = grid(x, [-0.65, 0.65], [0.0])
        tubes(shape, "wood", feet, feet * [1, 0.45, 0] + [0, 0, 0.72], 0.05)
    elif kind == 2:
        shape.box("concrete", (0, 0, 0.74), (2.74, 1.52, 0.06))
        boxes(shape, "concrete", [(-0.8, 0, 0.36), (0.8, 0, 0.36)], (0.15, 1.1, 0.72))
        shape.box("metal", (0, 0, 0.85), (0.03, 1.7, 0.15))
    else:
        shape.box("wood", (0, 0, 0.77), (2.2, 0.6, 0.04))
        boxes(shape, "metal", grid([-0.8, 0.8], [0.0], [0.38]), (0.04, 0.5, 0.76))
        shape.category = "bench"
        for y in (-0.65, 0.65):
            shape.box("wood", (0, y, 0.46), (2.2, 0.26, 0.04))
            boxes(shape, "metal", grid([-0.8, 0.8], [y], [0.23]), (0.04, 0.22, 0.46))
    return shape.finish()


def parasol(rng: np.random.Generator) -> Template:
    """A sunshade, open or closed, round or square, mostly with a table and chairs below."""
    shape = Shape("table")
    off = 0.0
    if rng.random() < 0.75:
        _table(rng, shape, around=True)
    elif rng.random() < 0.5:
        off = rng.uniform(0.9, 1.4)
    shape.category = "parasol"
    radius, high = rng.uniform(0.9, 1.9), rng.uniform(2.0, 2.5)
    sides = int(rng.choice([4, 6, 8]))
    shape.tube("metal", (off, 0, 0), (off, 0, high + 0.3), 0.03)
    turned(shape, "concrete", [(0.28, 0.0), (0.28, 0.08), (0.05, 0.1)], (off, 0, 0), sides=8)
    if off:  # held by an arm from the side
        shape.tube("metal", (off, 0, high + 0.3), (0, 0, high + 0.45), 0.03)
    if rng.random() < 0.12:  # closed
        turned(
            shape,
            "cloth",
            [(0.05, high + 0.3), (0.14, high - 0.5), (0.18, high - 1.3), (0.05, high - 1.35)],
            (off * 0.1, 0, 0),
            sides=7,
        )
        return shape.finish()
    rise = rng.uniform(0.25, 0.6)
    edge = rng.choice([0.0, 0.15])
    profile = [
        (radius, high - edge),
        (radius, high),
        (0.5 * radius, high + 0.6 * rise),
        (0.0, high + rise),
    ]
    turned(shape, "cloth", profile, sides=sides)
    return shape.finish()


def bus_stop(rng: np.random.Generator) -> Template:
    """A shelter open to +x, of glass or boards; roof flat, curved or pitched; a sign beside it."""
    shape = Shape("bus stop")
    length, deep, high = rng.uniform(2.3, 6), rng.uniform(1.1, 1.9), rng.uniform(2.2, 2.7)
    back = ("glass", "glass", "plastic", "wood", "concrete", "metal")[rng.integers(6)]
    roof = rng.integers(4)
    post = grid([-deep / 2, deep / 2] if rng.random() < 0.5 else [-deep / 2],
                np.linspace(-length / 2, length / 2, int(rng.integers(2, 5))), [0.0])  # fmt: skip
    tubes(shape, "metal", post, post + [0, 0, high], rng.uniform(0.03, 0.07), sides=6)
    if roof == 0:
        shape.box("metal", (0.1, 0, high), (deep + 0.5, length + 0.2, rng.uniform(0.06, 0.25)))
    elif roof == 1:
        shape.box("metal", (0.1, 0, high + 0.1), (deep + 0.4, length + 0.2, 0.08), pitch=-0.15)
    elif roof == 2:  # curved
        turn = np.linspace(0.2, 2.2, 6)
        x, z = -deep * 0.55 + 0.75 * deep * (1 - np.cos(turn)), high - 0.35 + 0.5 * np.sin(turn)
        strip = np.stack(
            [
                np.stack([x, 0 * x - length / 2 - 0.1, z], 1),
                np.stack([x, 0 * x + length / 2 + 0.1, z], 1),
            ],
            1,
        )
        shape.quads(
            "plastic", np.stack([strip[:-1, 0], strip[1:, 0], strip[1:, 1], strip[:-1, 1]], 1)
        )
    else:  # a small house
        first = shape.parts
        shape.prism(
            "roof",
            [(-length / 2 - 0.2, high), (0, high + 0.8), (length / 2 + 0.2, high)],
            deep / 2 + 0.3,
        )
        shape.move((0, 0, 0), np.pi / 2, first)
    low, top = rng.choice([0.0, 0.15, 0.4]), high - rng.choice([0.05, 0.25])
    tall, middle = top - low, (top + low) / 2
    shape.box(back, (-deep / 2, 0, middle), (0.05, length, tall))
    for side in (-1, 1):
        if rng.random() < 0.8:
            wide = deep * rng.uniform(0.4, 1.0)
            shape.box(back, (-deep / 2 + wide / 2, side * length / 2, middle), (wide, 0.05, tall))
    if rng.random() < 0.85:
        seat = "wood" if rng.random() < 0.6 else "metal"
        shape.box(seat, (-deep / 2 + 0.3, 0, 0.47), (0.35, length * rng.uniform(0.3, 0.8), 0.05))
        shape.box("metal", (-deep / 2 + 0.25, 0, 0.24), (0.06, length * 0.25, 0.45))
    if rng.random() < 0.5:
        shape.box("plastic", (0, length / 2 + 0.1, 1.25), (deep * 0.8, 0.15, 1.8))
    if rng.random() < 0.5:
        _stop_sign(rng, shape, (deep / 2 + 0.1, length / 2 + rng.uniform(0.5, 1.5)))
    return shape.finish()


def _stop_sign(rng: np.random.Generator, shape: Shape, at: tuple[float, float]) -> None:
    high = rng.uniform(2.4, 3.0)
    shape.category = "pole"
    shape.tube("metal", (*at, 0), (*at, high), 0.035)
    shape.category = "traffic sign"
    shape.box("retro", (*at, high - 0.25), (0.45, 0.05, 0.5))
    shape.box("plastic", (*at, 1.5), (0.35, 0.06, 0.5))


def curved_bench(rng: np.random.Generator) -> Template:
    """A bench in an arc, its seat one plate, on fins; or hanging between two walls."""
    shape = Shape("bench")
    turn, r = np.linspace(-0.5, 0.5, 7), rng.uniform(1.8, 3.0)
    inner = np.stack([r * np.cos(turn) - r, r * np.sin(turn), 0 * turn + 0.46], 1)
    outer = inner * [1, (r + 0.45) / r, 1] + [0.45, 0, 0]
    shape.quads("wood", np.stack([inner[:-1], outer[:-1], outer[1:], inner[1:]], 1))
    drop = [0, 0, -0.1]
    shape.quads("wood", np.stack([outer[:-1], outer[1:], outer[1:] + drop, outer[:-1] + drop], 1))
    boxes(shape, "concrete", (inner + outer)[1::2] / 2 - [0, 0, 0.23], (0.3, 0.12, 0.44))
    if rng.random() < 0.6:
        tall = [-0.15, 0, 0.42]
        shape.quads(
            "wood",
            np.stack(
                [
                    inner[:-1] + [0, 0, 0.12],
                    inner[1:] + [0, 0, 0.12],
                    inner[1:] + tall,
                    inner[:-1] + tall,
                ],
                1,
            ),
        )
    return shape.finish()


def half_shelter(rng: np.random.Generator) -> Template:
    """A stop with one middle post and a roof like two wings, or a rounded hut of concrete."""
    shape = Shape("bus stop")
    if rng.random() < 0.5:
        length, high = rng.uniform(2.5, 4), rng.uniform(2.4, 2.8)
        boxes(
            shape,
            "metal",
            [(-0.4, -length / 4, high / 2), (-0.4, length / 4, high / 2)],
            (0.15, 0.15, high),
        )
        shape.box("plastic", (0.35, 0, high + 0.12), (1.5, length, 0.05), pitch=-0.18)
        shape.box("plastic", (-0.75, 0, high + 0.1), (0.8, length, 0.05), pitch=0.2)
        shape.box("glass", (-0.4, 0, 1.3), (0.04, length * 0.9, 1.6))
        shape.box("wood", (-0.15, 0, 0.48), (0.35, length * 0.6, 0.06))
    else:
        r, high = rng.uniform(1.2, 1.7), rng.uniform(2.3, 2.6)
        turn = np.linspace(0.4 * np.pi, 1.6 * np.pi, 11)
        y = r * 1.4 * np.sin(turn)
        low = np.stack([r * np.cos(turn), y, 0 * y], 1)
        up = low + [0, 0, high]
        shape.quads("concrete", np.stack([low[:-1], low[1:], up[1:], up[:-1]], 1))
        shape.box("concrete", (-0.1, 0, high + 0.08), (2 * r + 0.5, 2.8 * r + 0.2, 0.16))
        shape.box("wood", (-0.4 * r, 0, 0.46), (0.4, 1.6 * r, 0.06))
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "bench": (bench, 3),
    "chair": (chair, 4),
    "table": (table, 3),
    "parasol": (parasol, 3),
    "bus stop": (bus_stop, 1),
}
HELD_OUT: dict[str, tuple[Maker, int]] = {
    "bench": (curved_bench, 2),
    "bus stop": (half_shelter, 1),
}
