"""Bridges over the road, stairs, and containers."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.mesh import Maker, Shape, Template
from avs3d.simulation.parts import boxes, grid, tubes


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
    """A shipping or site container, or an open skip."""
    shape = Shape("container")
    if rng.random() < 0.3:
        length, width, height = rng.uniform(2.5, 5.5), rng.uniform(1.6, 2.2), rng.uniform(1.1, 2.2)
        for side in (-1, 1):
            shape.box("paint", (0, side * width / 2, height / 2), (length, 0.06, height))
            shape.box(
                "paint", (side * length / 2, 0, height / 2), (0.06, width, height), pitch=0.2 * side
            )
        shape.box("paint", (0, 0, 0.2), (length, width, 0.1))
        shape.box("soil", (0, 0, height * 0.6), (length * 0.9, width * 0.9, 0.1))
        return shape.finish()
    length, high = rng.choice([3.0, 6.06, 12.19], p=[0.2, 0.5, 0.3]), 2.59
    for level in range(1 + int(rng.random() < 0.25)):
        z = level * high
        shape.box("paint", (0, 0, z + high / 2 + 0.05), (length, 2.36, high - 0.05))
        for x in np.arange(-length / 2 + 0.15, length / 2, 0.3):
            for side in (-1, 1):
                shape.box("paint", (x, side * 1.2, z + high / 2), (0.14, 0.06, high - 0.2))
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "bridge": (bridge, 1),
    "stairs": (stairs, 2),
    "container": (container, 4),
}
