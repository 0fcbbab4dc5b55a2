"""Bridges over the road, stairs, and containers."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, grid, tubes


def bridge(rng: np.random.Generator) -> Template:
    """An overpass: its deck runs along y above a road along x; piers beside the road."""
    shape = Shape("bridge")
    clear, deck = rng.uniform(4.6, 6.5), rng.uniform(0.7, 1.6)
    width, reach = rng.uniform(6, 16), 90.0
    shape.box("concrete", (0, 0, clear + deck / 2), (width, reach, deck))
    for x in (-width / 2, width / 2):
        shape.box("concrete", (x, 0, clear + deck + 0.45), (0.25, reach, 0.9))
    for y in (rng.uniform(9, 14), -rng.uniform(9, 14)):
        if rng.random() < 0.5:
            shape.box(
                "concrete", (0, y, clear / 2 - 0.5), (width, rng.uniform(0.8, 1.5), clear + 1)
            )
        else:
            for x in np.linspace(-width / 2 + 1, width / 2 - 1, 3):
                shape.tube("concrete", (x, y, -1), (x, y, clear), rng.uniform(0.35, 0.7), sides=10)
        slope_end = y * 2.2
        if rng.random() < 0.5:  # an abutment
            shape.box("concrete", (0, slope_end, clear / 2), (width + 1, 2, clear + 1))
    return shape.finish()


def stairs(rng: np.random.Generator) -> Template:
    shape = Shape("stairs")
    rise, going = rng.uniform(0.13, 0.19), rng.uniform(0.26, 0.4)
    count, width = int(rng.integers(3, 14)), rng.uniform(1.2, 6)
    for k in range(count):
        high = rise * (k + 1)
        shape.box("concrete", (going * (k + 0.5), 0, high / 2 - 0.1), (going, width, high + 0.2))
    shape.box(
        "concrete",
        (going * count + 0.8, 0, rise * count / 2 - 0.1),
        (1.6, width, rise * count + 0.2),
    )
    if rng.random() < 0.6:
        for side in (-1, 1):
            end = going * count
            for x in np.linspace(0.1, end, 3):
                z = rise * x / going
                y = side * width / 2
                shape.tube("metal", (x, y, z), (x, y, z + 0.95), 0.025, sides=4)
            y = side * width / 2
            shape.tube("metal", (0.1, y, 0.95), (end, y, rise * count + 0.95), 0.03, sides=4)
    return shape.finish()


def container(rng: np.random.Generator) -> Template:
    """A shipping container or two, with ribs and doors; a site cabin with windows."""
    shape = Shape("container")
    length, wide = rng.choice([3.0, 6.06, 12.19], p=[0.2, 0.5, 0.3]), 2.36
    high = rng.choice([2.59, 2.59, 2.9])
    cabin = rng.random() < 0.2
    rib = rng.uniform(0.25, 0.4)
    for level in range(1 + int(rng.random() < 0.3) + int(rng.random() < 0.08)):
        first, z = shape.parts, high / 2 + 0.05
        shape.box("paint", (0, 0, z), (length, wide, high - 0.05))
        x = np.arange(-length / 2 + 0.15, length / 2, rib)
        if not cabin:
            boxes(shape, "paint", grid(x, [-1.2, 1.2], [z]), (rib / 2, 0.06, high - 0.3))
        ends = grid([-length / 2, length / 2], [-1.17, 1.17], [z])
        boxes(shape, "paint", ends, (0.16, 0.16, high))
        boxes(shape, "paint", grid([0.0], [-1.19, 1.19], [0.1, high]), (length, 0.1, 0.16))
        bars = grid([length / 2 + 0.04], np.array([-0.85, -0.35, 0.35, 0.85]), [0.15])
        if cabin:
            boxes(shape, "glass", grid([-length / 4, length / 4], [1.2], [1.6]), (1.1, 0.06, 1.0))
            shape.box("dark metal", (0, 1.2, 1.05), (0.9, 0.06, 2.0))
        elif level == 0 and rng.random() < 0.15:  # its doors open
            shape.box("dark metal", (length / 2 + 0.01, 0, z), (0.02, 2.2, high - 0.3))
            leaf = grid([length / 2 + 0.55], [-1.2, 1.2], [z])
            boxes(shape, "paint", leaf, (1.1, 0.06, high - 0.2))
        else:
            tubes(shape, "metal", bars, bars + [0, 0, high - 0.25], 0.025)
        at = (rng.normal(0, 0.05), rng.normal(0, 0.02), level * high)
        shape.move(at, 0.0, first)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "bridge": (bridge, 1),
    "stairs": (stairs, 2),
    "container": (container, 4),
}
