"""What roads run through and beside: tunnels, rails, parapets, noise walls, roofs, towers."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template

PIECE = 4.0  # metres along x of every piece that is put in rows
TUBE = 5.0
ARCADE = 4.5


def tunnel(rng: np.random.Generator, left: float, right: float, *, portal: bool) -> Template:
    """A piece of tube along x; walls at y = left and y = -right.

    Args:
        portal: the front of the tube, with its wall, at x = 0 instead.
    """
    shape = Shape("tunnel")
    vault = rng.random() < 0.5
    low, high = rng.uniform(3.2, 5.0), rng.uniform(0.6, 2.5)
    turn = np.linspace(0, np.pi, 13 if vault else 2)
    middle, half = (left - right) / 2, (left + right) / 2
    y = middle + half * np.cos(turn)
    z = low + (high * np.sin(turn) if vault else 1.0 + 0 * turn)
    ring = np.stack([np.r_[left, y, -right], np.r_[-1.0, z, -1.0]], 1)
    if portal:
        top, wide = z.max() + rng.uniform(1, 5), rng.uniform(4, 16)
        for side, edge in ((1, left), (-1, -right)):
            shape.box("concrete", (0, edge + side * wide / 2, top / 2 - 0.5), (0.6, wide, top + 1))
        for a, b in zip(ring[1:-2], ring[2:-1], strict=True):
            corner = np.array([[0, *a], [0, *b], [0, b[0], top], [0, a[0], top]])
            shape.quads("concrete", np.stack([corner + [x, 0, 0] for x in (-0.3, 0.3)]))
        return shape.finish()
    ends = np.array([-TUBE / 2 - 0.1, TUBE / 2 + 0.1])
    quads = [[[ends[0], *a], [ends[1], *a], [ends[1], *b], [ends[0], *b]]
             for a, b in zip(ring[:-1], ring[1:], strict=True)]  # fmt: skip
    shape.quads("concrete", np.array(quads))
    for y in np.linspace(middle - half * 0.5, middle + half * 0.5, 2):  # lamps or cables
        shape.box("metal", (0, y, low + 0.6), (TUBE * rng.uniform(0.3, 1), 0.3, 0.12))
    if rng.random() < 0.5:
        for edge in (left - 0.2, -right + 0.2):
            shape.box("concrete", (0, edge, 0.4), (TUBE, 0.4, 1.6))
    return shape.finish()


def rails(rng: np.random.Generator) -> Template:
    """Two rails on sleepers."""
    shape = Shape("railway track")
    gauge = rng.choice([1.435, 1.435, 1.0, 1.524])
    high = rng.uniform(0.12, 0.18)
    for side in (-1, 1):
        for x in np.arange(-PIECE / 2, PIECE / 2, 1.0):
            at = (x + 0.5, side * gauge / 2)
            shape.box("metal", (*at, high + 0.05), (1.02, 0.07, 0.06))
            shape.box("dark metal", (*at, high / 2 + 0.02), (1.02, 0.03, high))
    for x in np.arange(-PIECE / 2 + 0.3, PIECE / 2, 0.65):
        shape.box("concrete", (x, 0, 0.0), (0.25, gauge + 1.0, 0.18))
    return shape.finish()


def flush_rails(rng: np.random.Generator) -> Template:
    """Rails of a tram, let into the road."""
    shape = Shape("railway track")
    wide = rng.uniform(0.07, 0.16)
    for side in (-1, 1):
        for x in np.arange(-PIECE / 2, PIECE / 2, 1.0):
            shape.box("metal", (x + 0.5, side * 0.72, 0.0), (1.02, wide, 0.03))
    return shape.finish()


def parapet(rng: np.random.Generator) -> Template:
    """The edge of a bridge: a wall, a railing, or a railing on a wall."""
    shape = Shape("bridge")
    kind, high = rng.integers(3), rng.uniform(0.9, 1.3)
    foot = (0.15, high, rng.uniform(0.3, 0.7))[kind]
    shape.box("concrete", (0, 0, foot / 2 - 0.7), (PIECE, rng.uniform(0.25, 0.5), foot + 1.4))
    if kind != 1:
        for z in np.linspace(foot + 0.15, high, 3):
            shape.tube("metal", (-PIECE / 2, 0, z), (PIECE / 2, 0, z), 0.03, sides=4)
        for x in np.arange(-PIECE / 2, PIECE / 2, 2.0 if rng.random() < 0.5 else 0.25):
            shape.tube("metal", (x, 0, foot), (x, 0, high), 0.02, sides=4)
    return shape.finish()


def truss(rng: np.random.Generator) -> Template:
    """One piece of the side of a steel bridge, above its deck."""
    shape = Shape("bridge")
    high, thick = rng.uniform(4.5, 7.0), rng.uniform(0.25, 0.5)
    half = PIECE / 2
    shape.box("metal", (0, 0, high), (PIECE, thick, thick))
    shape.box("metal", (0, 0, 0.2), (PIECE, thick, thick))
    shape.tube("metal", (-half, 0, 0.2), (half, 0, high), thick / 2, sides=4)
    shape.tube("metal", (half, 0, 0.2), (half, 0, high), thick / 2, sides=4)
    return shape.finish()


def noise_wall(rng: np.random.Generator) -> Template:
    """Panels between posts, some of them glass above."""
    shape = Shape("wall")
    high = rng.uniform(2.0, 5.0)
    clear = high * rng.uniform(0.4, 0.8) if rng.random() < 0.3 else high
    material = ("concrete", "wood", "metal", "plastic")[rng.integers(4)]
    shape.box(material, (0, 0, clear / 2 - 0.3), (PIECE, 0.15, clear + 0.6))
    for z in np.arange(0.5, clear, 0.5):
        shape.box(material, (0, 0, z), (PIECE, 0.21, 0.08))
    if clear < high:
        shape.box("glass", (0, 0, (clear + high) / 2), (PIECE, 0.03, high - clear))
    shape.box("metal", (-PIECE / 2, 0, high / 2), (0.2, 0.28, high + 0.1))
    return shape.finish()


def canopy(rng: np.random.Generator) -> Template:
    """A flat roof on pillars, over fuel pumps or a yard."""
    shape = Shape("building")
    length, width = rng.uniform(9, 20), rng.uniform(6, 11)
    high, thick = rng.uniform(4.2, 5.6), rng.uniform(0.3, 1.1)
    shape.box("plaster", (0, 0, high + thick / 2), (length, width, thick))
    across = (0.0,) if rng.random() < 0.4 else (-width / 3, width / 3)
    for x in np.linspace(-length / 2 + 1.5, length / 2 - 1.5, int(rng.integers(2, 4))):
        for y in across:
            shape.box("metal", (x, y, high / 2), (0.3, 0.3, high))
    return shape.finish()


def arcade(rng: np.random.Generator) -> Template:
    """Pillars, arches and the rooms above the sidewalk; the front at y = 0, the house at y < 0."""
    shape = Shape("building")
    deep, high = rng.uniform(2.2, 3.5), rng.uniform(3.0, 4.5)
    thick = rng.uniform(0.4, 0.8)
    shape.box("stone", (-ARCADE / 2, 0, high / 2), (thick, thick, high + 0.4))
    if rng.random() < 0.6:
        turn = np.linspace(0, np.pi, 9)
        x = (ARCADE - thick) / 2 * np.cos(turn)
        z = high - 1.2 + 1.2 * np.sin(turn)
        for i in range(8):
            corner = [[x[i], 0, z[i]], [x[i + 1], 0, z[i + 1]], [x[i + 1], 0, high + 0.1],
                      [x[i], 0, high + 0.1]]  # fmt: skip
            shape.quads("stone", np.array([corner]) + [0, thick / 2, 0])
            shape.quads("stone", np.array([corner]) - [0, thick / 2, 0])
    upper = rng.uniform(3, 12)
    shape.box("plaster", (0, -deep / 2, high + upper / 2), (ARCADE, deep + thick, upper))
    for level in np.arange(high + 1.4, high + upper - 1, 3.0):
        for at in (-1.2, 1.0):
            shape.box("glass", (at, thick / 2 + 0.02, level), (1.1, 0.06, 1.5))
    return shape.finish()


def tower(rng: np.random.Generator) -> Template:
    """A high house of glass or concrete; its front at y = 0."""
    shape = Shape("building")
    width, deep, high = rng.uniform(18, 34), rng.uniform(15, 28), rng.uniform(18, 29.5)
    foot = rng.uniform(4, 7)
    shape.box("concrete", (0, -deep / 2, foot / 2 - 0.5), (width, deep, foot + 1))
    inner = rng.uniform(0.0, 4.0)
    size = (width - inner, deep - inner)
    shape.box("plaster", (0, -deep / 2, (foot + high) / 2), (*size, high - foot))
    bright = rng.random() < 0.5
    for z in np.arange(foot + 1.5, high, 3.6):
        band = (size[0] + 0.1, size[1] + 0.1, 1.8)
        shape.box("glass" if bright else "stone", (0, -deep / 2, z), band)
    for x in np.arange(-width / 2 + 1, width / 2, 3.5):
        shape.box("stone", (x, 0.05, foot / 2), (0.5, 0.5, foot))
        shape.box("glass", (x + 1.7, 0.05, foot / 2), (2.4, 0.1, foot - 1))
    return shape.finish()


def mast(rng: np.random.Generator) -> Template:
    """A mast beside rails with its arm; the wire runs along x, over y = -3, and hangs in pieces."""
    shape = Shape("pole")
    high, reach = rng.uniform(6.0, 7.5), 3.0
    shape.tube("metal", (0, 0, -0.3), (0, 0, high), 0.13, 0.1, sides=6)
    shape.tube("metal", (0, 0, high - 0.6), (0, -reach, high - 0.9), 0.04, sides=4)
    shape.tube("metal", (0, 0, high - 1.4), (0, -reach, high - 0.9), 0.03, sides=4)
    shape.category = "wire"
    x = np.linspace(-15.2, 15.2, 9)
    for z, sag in ((high - 0.9, 0.0), (high - 0.1, 0.7)):
        ends = np.stack([x, -reach + 0 * x, z - sag * (x / 15.2) ** 2], 1)
        for a, b in zip(ends[:-1], ends[1:], strict=True):
            shape.tube("metal", a, b, 0.012, sides=4)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "rails": (rails, 1),
    "flush rails": (flush_rails, 1),
    "parapet": (parapet, 1),
    "truss": (truss, 1),
    "noise wall": (noise_wall, 1),
    "canopy": (canopy, 1),
    "arcade": (arcade, 1),
    "tower": (tower, 3),
    "mast": (mast, 1),
}
