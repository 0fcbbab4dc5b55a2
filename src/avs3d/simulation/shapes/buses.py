"""Buses of town and country, trams and trains."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.bodies import axles, cap, loft, plates_and_lamps, sliced
from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, chain, grid, tubes

HALF = 1.26


def _wagon(
    rng: np.random.Generator,
    shape: Shape,
    rear: float,
    front: float,
    levels: tuple[float, ...],
    half: float,
    nose: tuple[float, float] = (0.1, 0.1),
    step: float = 1.4,
) -> None:
    """A long body: sill, belt, top of the windows and roof as levels; two ends that may lean in.

    With six levels there is a second row of windows.
    """
    z = np.array(levels)
    lean = np.concatenate([[0.0], np.linspace(0, 1, len(z) - 1) ** 1.5])
    widths = half * np.concatenate([np.ones(len(z) - 1), [0.96]])
    posts = np.arange(rear + 0.35, front - 0.5, step)
    inner = np.stack([posts, posts + rng.uniform(0.08, 0.2)], 1).ravel()
    ends = [rear, rear + 0.12, *inner, front - 0.12, front]
    rings = []
    for k, x in enumerate(ends):
        last = k in (0, len(ends) - 1)
        at = np.full(len(z), x)
        at += nose[0] * lean * (x < rear + 0.2) - nose[1] * lean * (x > front - 0.2)
        y = widths * (0.95 if last else 1.0)
        left = np.stack([at, y, z], 1)
        rings.append(np.concatenate([left, left[::-1] * [1, -1, 1], left[:1]]))
    n = len(z)
    materials = np.full((len(ends) - 1, 2 * n), "paint", dtype=object)
    materials[:, 2 * n - 1] = "dark plastic"
    panes = np.arange(1, len(ends) - 2, 2)
    for row in (1, 3) if n == 6 else (1,):
        for column in (row, 2 * n - 2 - row):
            materials[panes, column] = "glass"
    loft(shape, materials, np.array(rings))
    for k in (0, -1):
        ring = np.array(rings[k])
        cap(shape, "paint", ring[:-1])
        out = 0.015 if k else -0.015
        for row in (1, 3) if n == 6 else (1,):
            pane = ring[[row, row + 1, 2 * n - 2 - row, 2 * n - 1 - row]] * [1, 0.94, 1] + [
                out,
                0,
                0,
            ]
            shape.quads("glass", pane[None])


def _seats(shape: Shape, rear: float, front: float, z: float, half: float) -> None:
    """Rows of seats that are seen through the windows."""
    spots = grid(np.arange(front - 1.8, rear + 0.8, -0.85), [-half * 0.58, half * 0.58], [z])
    boxes(shape, "dark plastic", spots, (0.12, 0.85, 0.75))


def _one_deck(rng: np.random.Generator, shape: Shape) -> None:
    """A city bus with low windows or a coach with high ones; sometimes with a joint."""
    coach, joint = rng.random() < 0.4, rng.random() < 0.2
    long = rng.uniform(10.5, 14.0) if coach else rng.uniform(7.0, 12.8)
    high = rng.uniform(3.2, 3.8) if coach else rng.uniform(2.8, 3.2)
    belt = rng.uniform(1.6, 1.9) if coach else rng.uniform(1.0, 1.35)
    levels = (rng.uniform(0.28, 0.4), belt, high - rng.uniform(0.35, 0.6), high)
    lean = (rng.uniform(0.0, 0.25), rng.uniform(0.05, 0.6))
    front, rear = long / 2, -long / 2
    step = rng.uniform(1.2, 1.9)
    if joint and not coach:
        long = 9.5
        front, rear = 9.0, -0.5
        _wagon(rng, shape, -8.0, -1.4, levels, HALF, (lean[0], 0), step)
        shape.box("dark plastic", (-0.95, 0, high / 2 + 0.1), (1.0, 2.2, high - 0.6))
        axles(shape, [-5.3], HALF, 0.48, 0.35)
        _wagon(rng, shape, rear, front, levels, HALF, (0.0, lean[1]), step)
        axles(shape, [front - 2.6, 1.6], HALF, 0.48, 0.35)
        plates_and_lamps(shape, front, -8.0, HALF, 0.7, 0.45)
    else:
        _wagon(rng, shape, rear, front, levels, HALF, lean, step)
        back = [rear + 3.2] if long < 12.5 or not coach else [rear + 3.0, rear + 1.7]
        axles(shape, [front - 2.6, *back], HALF, 0.48, 0.35)
        plates_and_lamps(shape, front, rear, HALF, 0.7, 0.45)
    _seats(shape, rear, front, belt - 0.1, HALF)
    _trimmings(rng, shape, rear, front, high, belt)


def _trimmings(
    rng: np.random.Generator, shape: Shape, rear: float, front: float, high: float, belt: float
) -> None:
    """Mirrors on arms, units on the roof, doors, a display."""
    for side in (-1, 1):
        mirror = np.array([front + 0.25, side * (HALF + 0.08), min(belt + 0.95, high - 0.5)])
        shape.box("dark plastic", mirror, (0.12, 0.2, 0.4))
        tubes(shape, "dark plastic", [mirror], [mirror + [-0.35, -0.1 * side, 0.45]], 0.025)
    if rng.random() < 0.7:
        middle = rear + rng.uniform(0.25, 0.7) * (front - rear)
        size = (rng.uniform(1.2, 4.0), rng.uniform(1.2, 1.9), rng.uniform(0.18, 0.4))
        shape.box("paint", (middle, 0, high + size[2] / 2 - 0.02), size)
    for x in (front - 0.9, (front + rear) / 2):
        shape.box("glass", (x, -HALF - 0.005, (0.4 + high - 0.5) / 2), (1.1, 0.03, high - 1.0))
    if rng.random() < 0.5:
        shape.box("dark plastic", (front - 0.02, 0, high - 0.22), (0.06, 1.7, 0.3))


def _double_deck(rng: np.random.Generator, shape: Shape) -> None:
    long, high = rng.uniform(9.0, 12.0), rng.uniform(4.1, 4.45)
    levels = (0.32, 1.15, 2.0, 2.65, high - 0.5, high)
    front, rear = long / 2, -long / 2
    _wagon(rng, shape, rear, front, levels, HALF, (0.1, rng.uniform(0.05, 0.35)), 1.5)
    axles(shape, [front - 2.5, rear + 2.6], HALF, 0.48, 0.35)
    plates_and_lamps(shape, front, rear, HALF, 0.7, 0.45)
    _seats(shape, rear, front, 1.0, HALF)
    _trimmings(rng, shape, rear, front, high, 1.2)


def _school_bus(rng: np.random.Generator, shape: Shape) -> None:
    """A bonnet before a plain long body with many windows."""
    long, high = rng.uniform(7.0, 11.5), rng.uniform(2.9, 3.15)
    nose = rng.uniform(1.0, 1.6)
    front, rear = long / 2, -long / 2
    _wagon(rng, shape, rear, front - nose, (0.6, 1.65, 2.4, high), 1.2, (0.05, 0.15), 0.75)
    hood = [(front, 0.6), (front - 0.05, 1.2), (front - nose, 1.6), (front - nose, 0.6)]
    shape.prism("paint", hood, [0.75, 0.75, 1.0, 1.0])
    for side in (-1, 1):
        shape.ball("paint", (front - 0.75, side * 0.95, 0.8), (0.65, 0.25, 0.4))
    boxes(shape, "dark plastic", grid([(front - nose + rear) / 2], [-1.22, 1.22], [1.1, 1.4]),
          (long - nose - 0.3, 0.03, 0.06))  # fmt: skip
    axles(shape, [front - 0.75, rear + 2.8], 1.22, 0.5, 0.35)
    plates_and_lamps(shape, front, rear, 1.0, 0.95, 0.6)
    shape.box("dark metal", (0, 0, 0.6), (long * 0.85, 0.9, 0.2))
    _seats(shape, rear, front - nose, 1.5, 1.2)


def bus(rng: np.random.Generator) -> Template:
    shape = Shape("bus")
    kind = rng.choice(3, p=[0.72, 0.13, 0.15])
    (_one_deck, _double_deck, _school_bus)[kind](rng, shape)
    return shape.finish()


def round_bus(rng: np.random.Generator) -> Template:
    """A bus like a loaf: rounded slices from floor to roof with a band of glass about it."""
    shape = Shape("bus")
    long, high, half = rng.uniform(7.5, 11.0), rng.uniform(2.7, 3.2), rng.uniform(1.12, 1.25)
    end, belt = long / 2, high * rng.uniform(0.45, 0.52)
    top = high - 0.55
    sliced(shape, "paint", [(0.35, -end + 0.1, end - 0.1, half * 0.96), (0.6, -end, end, half),
                            (belt, -end, end, half)], 9.0)  # fmt: skip
    sliced(shape, "glass", [(belt, -end + 0.05, end - 0.05, half * 0.97),
                            (top, -end + 0.1, end - 0.2, half * 0.94)], 9.0)  # fmt: skip
    sliced(shape, "paint", [(top, -end + 0.05, end - 0.15, half * 0.96),
                            (high - 0.12, -end + 0.25, end - 0.4, half * 0.86),
                            (high, -end + 0.6, end - 0.9, half * 0.6)], 9.0)  # fmt: skip
    posts = grid(
        np.arange(-end + 0.7, end - 0.5, rng.uniform(1.3, 2.2)), [-half, half], [(belt + top) / 2]
    )
    boxes(shape, "paint", posts * [1, 0.95, 1], (0.16, 0.08, top - belt))
    axles(shape, [end - 1.6, -end + 2.2], half, 0.45, 0.3)
    plates_and_lamps(shape, end - 0.03, -end, half * 0.8, 0.85, 0.5)
    _seats(shape, -end, end, belt - 0.1, half)
    return shape.finish()


def _pantograph(shape: Shape, x: float, z: float) -> None:
    path = [(x, 0, z), (x - 0.8, 0, z + 0.6), (x, 0, z + 1.2)]
    chain(shape, "dark metal", path, 0.04, 4)
    shape.box("dark metal", (x, 0, z + 1.22), (0.3, 1.6, 0.05))


def _tram(rng: np.random.Generator, shape: Shape) -> None:
    """Low floor and tall windows, in two to five pieces with rounded ends."""
    count, piece = int(rng.integers(2, 6)), rng.uniform(5.5, 8.5)
    half, high = rng.uniform(1.15, 1.33), rng.uniform(3.2, 3.6)
    levels = (0.25, rng.uniform(0.95, 1.25), rng.uniform(2.35, 2.65), high)
    total = count * piece
    for k in range(count):
        rear, front = k * piece - total / 2 + 0.25, (k + 1) * piece - total / 2 - 0.25
        ends = (0.7 if k == 0 else 0.0, 0.7 if k == count - 1 else 0.0)
        _wagon(rng, shape, rear, front, levels, half, ends, rng.uniform(1.3, 1.9))
        if k:
            shape.box("dark plastic", (rear - 0.25, 0, high / 2), (0.5, 2 * half - 0.3, high - 0.5))
        if k % 2 == 0:
            shape.box("dark metal", ((rear + front) / 2, 0, 0.3), (2.2, 1.9, 0.55))
        shape.box("metal", ((rear + front) / 2, 0, high + 0.14), (piece * 0.5, 1.6, 0.3))
    _pantograph(shape, 0.0, high + 0.1)


def _coaches(rng: np.random.Generator, shape: Shape) -> None:
    """A train for passengers, its first car with a slanting face."""
    count, piece = int(rng.integers(2, 4)), rng.uniform(14, 22)
    half, high = rng.uniform(1.38, 1.5), rng.uniform(3.6, 4.1)
    levels = (0.75, rng.uniform(1.8, 2.1), rng.uniform(2.7, 3.0), high)
    total = count * (piece + 0.6)
    for k in range(count):
        rear = k * (piece + 0.6) - total / 2
        face = rng.uniform(0.3, 1.6)
        ends = (face if k == 0 else 0.0, face if k == count - 1 else 0.0)
        _wagon(rng, shape, rear, rear + piece, levels, half, ends, rng.uniform(1.5, 2.4))
        for x in (rear + 3.0, rear + piece - 3.0):
            shape.box("dark metal", (x, 0, 0.45), (3.0, 2.0, 0.6))
        if k:
            shape.box("dark plastic", (rear - 0.3, 0, 2.2), (0.6, 1.5, 2.3))


def _freight(rng: np.random.Generator, shape: Shape) -> None:
    """Wagons of one kind: closed, open with a heap, tanks, or flat with containers."""
    count, piece = int(rng.integers(2, 5)), rng.uniform(10, 15)
    kind, half = rng.integers(4), 1.4
    for k in range(count):
        x = (k - (count - 1) / 2) * (piece + 1.0)
        shape.box("dark metal", (x, 0, 1.05), (piece, 2.4, 0.25))
        for at in (x - piece * 0.33, x + piece * 0.33):
            shape.box("dark metal", (at, 0, 0.5), (2.2, 1.9, 0.7))
        if kind == 0:
            shape.box("paint", (x, 0, 2.6), (piece, 2 * half, 2.9))
            boxes(
                shape,
                "paint",
                grid(np.linspace(x - 0.45 * piece, x + 0.45 * piece, 8), [-half, half], [2.6]),
                (0.12, 0.1, 2.8),
            )
        elif kind == 1:
            boxes(shape, "paint", grid([x], [-half, half], [1.95]), (piece, 0.1, 1.7))
            boxes(
                shape,
                "paint",
                grid([x - piece / 2, x + piece / 2], [0.0], [1.95]),
                (0.1, 2 * half, 1.7),
            )
            shape.ball("gravel", (x, 0, 2.2), (piece * 0.48, half * 0.95, 0.9))
        elif kind == 2:
            shape.tube("metal", (x - piece / 2, 0, 2.55), (x + piece / 2, 0, 2.55), 1.35, sides=14)
        else:
            shape.box("paint", (x, 0, 2.5), (piece * 0.92, 2.44, 2.59))
            ribs = grid(np.arange(x - 0.45 * piece, x + 0.45 * piece, 0.35), [-1.23, 1.23], [2.5])
            boxes(shape, "paint", ribs, (0.14, 0.05, 2.3))
        boxes(
            shape,
            "dark metal",
            grid([x - piece / 2 - 0.3, x + piece / 2 + 0.3], [-0.8, 0.8], [1.05]),
            (0.5, 0.3, 0.3),
        )


def train(rng: np.random.Generator) -> Template:
    """A tram or a train of several cars on its rails."""
    shape = Shape("train")
    kind = rng.choice(3, p=[0.5, 0.27, 0.23])
    (_tram, _coaches, _freight)[kind](rng, shape)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {"bus": (bus, 3), "train": (train, 1)}
HELD_OUT: dict[str, tuple[Maker, int]] = {"bus": (round_bus, 2)}
