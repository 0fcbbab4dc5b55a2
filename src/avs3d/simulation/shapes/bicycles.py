"""Bicycles for town, sport, children and loads; parked or, in `riding`, ridden."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, chain, grid, tubes


def spoked_wheel(shape: Shape, centre: np.ndarray, radius: float, thick: float = 0.022) -> None:
    """A bicycle's wheel."""
    turn = 2 * np.pi * np.arange(15) / 14
    ring = np.stack([np.cos(turn), 0 * turn, np.sin(turn)], 1)
    tubes(shape, "rubber", centre + radius * ring[:-1], centre + radius * ring[1:], thick, sides=4)
    spokes = ring[:14:2]
    tubes(shape, "metal", np.tile(centre, (7, 1)), centre + radius * spokes, 0.006, sides=3)


def mudguard(shape: Shape, centre: np.ndarray, radius: float, start: float, stop: float) -> None:
    turn = np.linspace(start, stop, 6)
    arc = np.stack([np.cos(turn), 0 * turn, np.sin(turn)], 1) * (radius + 0.04) + centre
    side = np.array([0, 0.04, 0])
    shape.quads("plastic", np.stack([arc[:-1] - side, arc[1:] - side, arc[1:] + side,
                                     arc[:-1] + side], 1))  # fmt: skip


def bicycle_parts(rng: np.random.Generator, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Adds a bicycle of some kind; returns its saddle and its left grip."""
    kind = rng.choice(5, p=[0.45, 0.2, 0.12, 0.13, 0.1])  # city, sport, child's, cargo, folding
    radius = (rng.uniform(0.31, 0.36), 0.345, rng.uniform(0.2, 0.26), 0.33, 0.24)[kind]
    base = (rng.uniform(1.02, 1.15), 1.0, rng.uniform(0.7, 0.85), 1.15, 1.0)[kind]
    high = (rng.uniform(0.88, 1.0), 0.98, rng.uniform(0.58, 0.72), 0.95, 0.95)[kind]
    rear = np.array([-base / 2, 0, radius])
    front = np.array([base / 2, 0, radius])
    for centre in (rear, front):
        spoked_wheel(shape, centre, radius, rng.uniform(0.018, 0.03))
    crank = np.array([rear[0] + 0.44, 0, radius - 0.04])
    seat = np.array([rear[0] + 0.3, 0, high - 0.15])
    neck = np.array([front[0] - 0.17, 0, high - rng.uniform(0.02, 0.12)])
    bars = [(rear, crank), (rear, seat), (crank, seat), (crank, neck), (neck, front)]
    if kind in (1, 2) or rng.random() < 0.45:  # a top tube; others are low to step through
        bars.append((seat, neck))
    starts, ends = np.array(bars).transpose(1, 0, 2)
    tubes(shape, "paint", starts, ends, rng.uniform(0.018, 0.03))
    saddle = seat + [-0.04, 0, 0.15]
    tubes(shape, "dark metal", [seat], [saddle], 0.018)
    shape.box("dark plastic", saddle + [-0.01, 0, 0.02], (0.27, rng.uniform(0.13, 0.22), 0.06))
    half = rng.uniform(0.22, 0.33)
    bar = neck + [0.0, 0, rng.uniform(0.05, 0.2)]
    grip = bar + [
        (0.12 if kind == 1 else rng.uniform(-0.16, 0.02)),
        half,
        -0.04 if kind == 1 else 0.02,
    ]
    path = [grip, bar + [0.03, half * 0.5, 0], bar + [0.03, -half * 0.5, 0], grip * [1, -1, 1]]
    tubes(shape, "dark metal", [neck], [bar], 0.02)
    chain(shape, "dark metal", path, 0.016, sides=4)
    if kind != 1:
        _bicycle_extras(rng, shape, rear, front, radius, bar)
    if kind == 3:
        _cargo(rng, shape, rear, front, radius)
    tubes(shape, "metal", [crank + [-0.0, -0.1, -0.16], crank + [0, -0.1, -0.16]],
          [crank + [0, 0.1, 0.16], crank + [0.09, -0.14, -0.16]], 0.014)  # fmt: skip
    return saddle, grip


def _bicycle_extras(
    rng: np.random.Generator,
    shape: Shape,
    rear: np.ndarray,
    front: np.ndarray,
    radius: float,
    bar: np.ndarray,
) -> None:
    """Mudguards, a carrier with bags or a child's seat, a basket, reflectors, a stand."""
    if rng.random() < 0.5:
        mudguard(shape, rear, radius, 0.9, 3.0)
        mudguard(shape, front, radius, 0.6, 2.4)
    rack = rear + [-0.05, 0, radius + 0.07]
    if rng.random() < 0.5:
        shape.box("dark metal", rack, (0.4, 0.14, 0.02))
        tubes(
            shape,
            "dark metal",
            [rear, rear],
            [rack + [-0.1, 0.07, 0], rack + [-0.1, -0.07, 0]],
            0.008,
        )
        extra = rng.random()
        if extra < 0.2:  # bags on both sides
            boxes(
                shape,
                "fabric",
                grid([rack[0]], [-0.16, 0.16], [rack[2] - 0.17]),
                (0.34, 0.14, 0.32),
            )
        elif extra < 0.35:  # a child's seat
            shape.box("plastic", rack + [0, 0, 0.14], (0.3, 0.3, 0.22))
            shape.box("plastic", rack + [-0.16, 0, 0.38], (0.06, 0.3, 0.5), pitch=-0.15)
        elif extra < 0.5:
            shape.box("wood", rack + [0, 0, 0.13], (0.4, 0.32, 0.24))
    if rng.random() < 0.28:
        boxes(
            shape,
            "dark metal",
            bar
            + np.array(
                [
                    [0.2, 0, -0.2],
                    [0.2, 0.17, -0.1],
                    [0.2, -0.17, -0.1],
                    [0.34, 0, -0.1],
                    [0.06, 0, -0.1],
                ]
            ),
            [
                (0.3, 0.34, 0.02),
                (0.3, 0.02, 0.2),
                (0.3, 0.02, 0.2),
                (0.02, 0.34, 0.2),
                (0.02, 0.34, 0.2),
            ],
        )
    if rng.random() < 0.5:
        shape.box("plate", rear + [-radius, 0, 0.25], (0.02, 0.06, 0.05))
    if rng.random() < 0.4:
        shape.box("lamp glass", bar + [0.1, 0, -0.1], (0.06, 0.07, 0.07))


def _cargo(
    rng: np.random.Generator, shape: Shape, rear: np.ndarray, front: np.ndarray, radius: float
) -> None:
    """A box before the handlebar with a wheel ahead of it, or with one on both sides."""
    long, wide, high = rng.uniform(0.7, 1.0), rng.uniform(0.5, 0.75), rng.uniform(0.35, 0.6)
    x = front[0] + 0.12 + long / 2
    profile = [(x - long / 2, 0.35), (x + long / 2 - 0.1, 0.35), (x + long / 2, 0.35 + high),
               (x - long / 2 - 0.08, 0.4 + high)]  # fmt: skip
    shape.prism("wood" if rng.random() < 0.6 else "plastic", profile, wide / 2)
    if rng.random() < 0.5:
        for side in (-1, 1):
            spoked_wheel(shape, np.array([x, side * (wide / 2 + 0.06), 0.25]), 0.25)
    else:
        spoked_wheel(shape, np.array([x + long / 2 + 0.2, 0, 0.25]), 0.25)
        tubes(shape, "paint", [(front[0], 0, 0.35)], [(x + long / 2 + 0.2, 0, 0.28)], 0.03)
    if rng.random() < 0.25:
        shape.ball("fabric", (x, 0, 0.35 + high), (long * 0.5, wide * 0.5, 0.45))


def bicycle(rng: np.random.Generator) -> Template:
    shape = Shape("bicycle")
    bicycle_parts(rng, shape)
    return shape.finish()


def recumbent(rng: np.random.Generator) -> Template:
    """A low long bicycle to lie in: small front wheel, high back, bar under the seat or above."""
    shape = Shape("bicycle")
    base = rng.uniform(1.2, 1.7)
    rear, front = np.array([-base / 2, 0, 0.33]), np.array([base / 2 - 0.1, 0, 0.24])
    spoked_wheel(shape, rear, 0.33, 0.02)
    spoked_wheel(shape, front, 0.24, 0.02)
    path = [
        rear,
        rear + [0.25, 0, 0.25],
        np.array([0.1, 0, 0.42]),
        front + [-0.1, 0, 0.3],
        front + [0.35, 0, 0.42],
    ]
    chain(shape, "paint", path, 0.03)
    tubes(shape, "paint", [front], [front + [-0.12, 0, 0.38]], 0.025)
    shape.box("fabric", (-0.12, 0, 0.5), (0.4, 0.3, 0.05), pitch=-0.1)
    shape.box("fabric", (-0.48, 0, 0.75), (0.65, 0.3, 0.05), pitch=0.95)
    bar = front + [-0.35, 0, 0.68]
    tubes(
        shape,
        "dark metal",
        [front + [-0.1, 0, 0.35], bar + [0, -0.25, 0]],
        [bar, bar + [0, 0.25, 0]],
        0.016,
    )
    if rng.random() < 0.6:
        tubes(shape, "metal", [rear], [rear + [0, 0, 1.4]], 0.008)
        shape.triangles(
            "fabric", (rear + np.array([[0, 0, 1.4], [-0.3, 0, 1.3], [0, 0, 1.15]]))[None]
        )
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {"bicycle": (bicycle, 4)}
HELD_OUT: dict[str, tuple[Maker, int]] = {"bicycle": (recumbent, 2)}
