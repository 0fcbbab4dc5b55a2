"""Lorries: their cabs, and trucks with a duty of their own."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.bodies import axles, centred, plates_and_lamps, sliced
from avs3d.simulation.shapes.loads import HALF, LOADS, chassis, load, small_car
from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, grid, tubes


def cab(rng: np.random.Generator, shape: Shape, front: float, height: float, half: float) -> float:
    """A truck's cab with its nose at x = front; returns the x of its back."""
    depth = rng.uniform(1.6, 2.3)
    nose = front
    if rng.random() < 0.2:  # with a bonnet
        long = rng.uniform(1.0, 1.7)
        profile = [(front, 0.6), (front - 0.05, 1.35), (front - long, 1.65), (front - long, 0.6)]
        shape.prism("paint", profile, [half * 0.62, half * 0.62, half * 0.8, half * 0.8])
        for side in (-1, 1):
            shape.ball("paint", (front - long / 2, side * half * 0.78, 0.8), (0.65, 0.28, 0.35))
        front -= long
    lean, belt = rng.uniform(0.0, 0.3), height * rng.uniform(0.5, 0.58)
    shape.prism(
        ["paint", "glass", "paint", "paint", "dark metal"],
        [(front, 0.5), (front, belt), (front - lean, height - 0.3), (front - depth, height),
         (front - depth, 0.7)],
        [half * 0.98, half * 0.98, half * 0.93, half * 0.95, half * 0.98],
        side="paint",
    )  # fmt: skip
    for side in (-1, 1):
        shape.box("glass", (front - 0.65, side * half * 0.98, belt + 0.35), (0.8, 0.06, 0.6))
        mirror = (front - 0.05, side * (half + 0.17), belt + 0.3)
        shape.box("dark plastic", mirror, (0.12, 0.2, rng.uniform(0.4, 0.8)))
        shape.box("dark plastic", (front - 0.7, side * half * 0.92, 0.6), (1.2, 0.12, 0.25))
    shape.box("dark plastic", (nose + 0.03, 0, 0.55), (0.14, 1.95 * half, 0.4))
    if rng.random() < 0.3:  # a spoiler
        shape.prism(
            "paint",
            [
                (front - 0.5, height - 0.05),
                (front - depth, height + rng.uniform(0.4, 0.9)),
                (front - depth, height - 0.05),
            ],
            half * 0.85,
        )
    if rng.random() < 0.2:
        shape.box("lamp glass", (front - 0.6, 0, height + 0.08), (0.25, half, 0.13))
    return front - depth


_SHARE = np.array([0.36, 0.16, 0.14, 0.06, 0.07, 0.07, 0.05, 0.03, 0.03, 0.03])
_LONG = ("box", "flat", "tipper", "tank", "container", "carrier", "livestock")


def _fire_engine(rng: np.random.Generator, shape: Shape) -> None:
    """A double cab, lockers with shutters, ladders or a turntable ladder on top."""
    long, high = rng.uniform(7.2, 9.5), rng.uniform(2.9, 3.3)
    front = long / 2
    cabin = rng.uniform(2.6, 3.2)
    shape.prism(["paint", "glass", "paint", "paint", "dark metal"],
                [(front, 0.5), (front, 1.6), (front - 0.2, high - 0.3), (front - cabin, high - 0.2),
                 (front - cabin, 0.5)], HALF * 0.97, side="paint")  # fmt: skip
    boxes(shape, "glass", grid([front - 0.8, front - 2.0], [-1.22, 1.22], [2.0]), (0.9, 0.04, 0.65))
    shape.box("lamp glass", (front - 0.6, 0, high - 0.05), (0.35, 1.8, 0.22))
    back = long - cabin - 0.1
    middle = -front + back / 2
    shape.box("paint", (middle, 0, (0.6 + high) / 2), (back, 2 * HALF, high - 0.6))
    lockers = grid(np.linspace(-front + 0.8, -front + back - 0.8, 3), [-1.26, 1.26], [1.5])
    boxes(shape, "metal", lockers, (back / 3.6, 0.03, 1.2))
    if rng.random() < 0.5:  # a turntable ladder over the cab
        rails = grid([-front], [-0.35, 0.35], [high + 0.45])
        tubes(shape, "metal", rails, rails + [long + 0.4, 0, -0.15], 0.08)
        rungs = grid(np.linspace(-front + 0.3, front, 14), [0.0], [high + 0.38])
        boxes(shape, "metal", rungs, (0.06, 0.7, 0.06))
        shape.tube("paint", (-front + 1.2, 0, high), (-front + 1.2, 0, high + 0.5), 0.7, sides=8)
    else:
        boxes(
            shape, "metal", grid([middle], [-0.6, -0.25], [high + 0.15]), (back * 0.95, 0.05, 0.1)
        )
    axles(shape, [front - 1.3, -front + 2.0], HALF, 0.5, 0.4)
    plates_and_lamps(shape, front + 0.02, -front, HALF, 0.8, 0.5)


def _tow_truck(rng: np.random.Generator, shape: Shape) -> None:
    long = rng.uniform(6.5, 8.5)
    front = long / 2
    back = cab(rng, shape, front, rng.uniform(2.3, 2.8), 1.15)
    floor = rng.uniform(0.85, 1.05)
    room = back + front - 0.2
    chassis(shape, back - 0.2, room, floor, 1.15)
    shape.box("metal", ((back - front) / 2 - 0.1, 0, floor), (room, 2.3, 0.12))
    if rng.random() < 0.7:
        small_car(shape, (back - front) / 2 - 0.2, floor + 0.05)
    else:  # a small crane behind the cab
        tubes(shape, "paint", [(back - 0.5, 0, floor)], [(back - 0.5, 0, floor + 1.6)], 0.2)
        tubes(shape, "paint", [(back - 0.5, 0, floor + 1.6)], [(-front, 0, floor + 1.9)], 0.14)
    axles(shape, [front - 1.1, -front + 1.5], 1.15, 0.45, 0.35)
    plates_and_lamps(shape, front + 0.05, -front, 1.1, 0.75, 0.55)


def _with_a_load(rng: np.random.Generator, shape: Shape) -> None:
    """A lorry, a semi-trailer behind its tractor, or a lorry with a trailer."""
    kind = tuple(LOADS)[rng.choice(len(LOADS), p=_SHARE)]
    semi = rng.random() < 0.32 and kind in _LONG
    light = not semi and kind in ("box", "flat", "tipper", "skip") and rng.random() < 0.35
    half, wheel = (rng.uniform(1.0, 1.15), 0.4) if light else (HALF, 0.5)
    high = rng.uniform(2.2, 2.6) if light else rng.uniform(2.6, 3.7)
    long = (
        rng.uniform(8, 12.8) if semi else rng.uniform(3.4, 4.8) if light else rng.uniform(4.4, 7.6)
    )
    front = (long + 2.6) / 2
    back = cab(rng, shape, front, high, half)
    start = back - rng.uniform(0.15, 0.5)
    plates_and_lamps(shape, front + 0.08, start - long - 0.02, half, 0.75, 0.55)
    axles(shape, [front - 1.2], half, wheel, 0.32)
    tail = start - long
    if semi:
        shape.box("dark metal", (back - 1.2, 0, 0.8), (3.0, 0.9, 0.3))
        axles(shape, back + np.array([-0.9, -2.0][: rng.integers(1, 3)]), half, wheel, 0.55)
        shape.category = "trailer" if rng.random() < 0.5 else "truck"
    load(rng, shape, start, long, kind, half)
    count = 3 if semi else 1 if light else int(rng.integers(1, 4))
    axles(shape, tail + 1.3 + 1.25 * np.arange(count), half, wheel, 0.5)
    if semi or light or rng.random() > 0.12 or kind not in ("box", "flat", "tipper", "container"):
        return
    shape.category = "trailer"
    tubes(shape, "dark metal", [(tail, 0, 0.7)], [(tail - 1.4, 0, 0.7)], 0.08)
    load(rng, shape, tail - 1.4, long, kind, half)
    axles(shape, tail - 1.4 - np.array([1.1, long - 1.1]), half, wheel, 0.5)


def truck(rng: np.random.Generator) -> Template:
    shape = Shape("truck")
    kind = rng.random()
    if kind < 0.07:
        _fire_engine(rng, shape)
    elif kind < 0.13:
        _tow_truck(rng, shape)
    else:
        _with_a_load(rng, shape)
    return centred(shape)


def round_truck(rng: np.random.Generator) -> Template:
    """An old lorry of rounded slices: a blunt snout, a small cab, and a bowed canvas behind."""
    shape = Shape("truck")
    long, half = rng.uniform(5.8, 8.0), rng.uniform(1.05, 1.2)
    front = long / 2
    snout, cabin = rng.uniform(1.1, 1.5), rng.uniform(1.3, 1.6)
    sliced(
        shape,
        "paint",
        [
            (0.6, front - snout, front - 0.1, half * 0.5),
            (1.0, front - snout, front, half * 0.6),
            (1.45, front - snout, front - 0.15, half * 0.5),
        ],
        3.0,
    )
    for side in (-1, 1):
        shape.ball("paint", (front - 0.7, side * half * 0.8, 0.85), (0.75, 0.28, 0.4))
    back = front - snout - cabin
    high = rng.uniform(2.1, 2.5)
    sliced(
        shape,
        "paint",
        [
            (0.6, back, front - snout, half * 0.9),
            (1.55, back, front - snout + 0.05, half * 0.9),
            (1.551, back, front - snout + 0.05, half * 0.88),
        ],
        5.0,
    )
    sliced(
        shape,
        "glass",
        [
            (1.55, back + 0.03, front - snout, half * 0.86),
            (high - 0.2, back + 0.03, front - snout - 0.15, half * 0.8),
        ],
        5.0,
    )
    sliced(
        shape,
        "paint",
        [
            (high - 0.2, back, front - snout - 0.1, half * 0.82),
            (high, back + 0.2, front - snout - 0.4, half * 0.6),
        ],
        5.0,
    )
    room, floor = back - 0.2 + front, rng.uniform(0.95, 1.1)
    middle = (back - 0.2 - front) / 2
    shape.box("wood", (middle, 0, floor + 0.3), (room, 2 * half, 0.6))
    if rng.random() < 0.7:  # bows and canvas
        turn = np.linspace(0, np.pi, 9)
        arch = np.stack(
            [half * np.cos(turn), floor + 0.6 + rng.uniform(1.0, 1.4) * np.sin(turn) ** 0.5], 1
        )
        ends = [np.insert(arch, 0, x, axis=1) for x in (middle - room / 2, middle + room / 2)]
        a, b = ends
        shape.quads("fabric", np.stack([a[:-1], b[:-1], b[1:], a[1:]], 1))
    axles(shape, [front - 0.75, -front + rng.uniform(1.0, 1.6)], half, 0.45, 0.3)
    shape.box("dark metal", (0, 0, 0.65), (long * 0.9, 0.8, 0.2))
    plates_and_lamps(shape, front, -front, half * 0.7, 1.0, 0.7)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {"truck": (truck, 5)}
HELD_OUT: dict[str, tuple[Maker, int]] = {"truck": (round_truck, 3)}
