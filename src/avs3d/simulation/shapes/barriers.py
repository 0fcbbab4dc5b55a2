"""Guardrails and barriers, in pieces along x, centred; and heaps of soil."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.fences import FENCE_LENGTH as FENCE_LENGTH
from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, grid, in_ball, tubes

RAIL_LENGTH = 4.0
BARRIER_LENGTH = 2.2


def guardrail(rng: np.random.Generator) -> Template:
    """A W-beam or box beam towards +y on posts; two above each other, of wood, or cables."""
    shape = Shape("guardrail")
    half, top = RAIL_LENGTH / 2, rng.uniform(0.62, 0.85)
    kind = rng.choice(5, p=[0.58, 0.14, 0.1, 0.1, 0.08])
    x = np.arange(-half, half, rng.choice([1.333, 2.0, 4.0]))
    if kind == 3:  # round timber
        posts = grid(x, [0.0], [-0.2])
        tubes(shape, "wood", posts, posts + [0, 0, top + 0.2], 0.1, sides=7)
        shape.tube("wood", (-half, 0.15, top - 0.1), (half, 0.15, top - 0.1), 0.1, sides=7)
        return shape.finish()
    boxes(shape, "metal", grid(x, [0.0], [top / 2 - 0.15]), (0.12, 0.08, top + 0.3))
    if kind == 2:
        z = np.linspace(0.35, top, int(rng.integers(3, 5)))
        ends = grid([-half], [0.06], z)
        tubes(shape, "metal", ends, ends + [RAIL_LENGTH, 0, 0], 0.02, sides=4)
        return shape.finish()
    if kind == 4:  # box beams
        beams = np.array([top, top - 0.35])[: rng.integers(1, 3)]
        boxes(shape, "metal", grid([0.0], [0.1], beams - 0.08), (RAIL_LENGTH, 0.12, 0.16))
    else:
        for edge in (top,) if kind == 0 else (top, top - 0.38):
            boxes(shape, "metal", grid(x, [0.04], [edge - 0.15]), (0.15, 0.1, 0.2))
            y = np.array([0.08, 0.15, 0.08, 0.15, 0.08])
            height = edge - np.array([0.0, 0.07, 0.155, 0.24, 0.31])
            low = np.stack([0 * y - half, y, height], 1)
            up = low * [-1, 1, 1]
            shape.quads("metal", np.stack([low[:-1], up[:-1], up[1:], low[1:]], 1))
    if rng.random() < 0.4:
        shape.box("retro", (0, 0.17, top - 0.1), (0.02, 0.06, 0.08))
    if rng.random() < 0.1:  # a hand rail above
        shape.tube("metal", (-half, 0, top + 0.35), (half, 0, top + 0.35), 0.03, sides=5)
    return shape.finish()


def _jersey(rng: np.random.Generator, shape: Shape, material: str) -> None:
    """A wall of concrete or of plastic filled with water; with its own profile every time."""
    half, high = BARRIER_LENGTH / 2, rng.uniform(0.7, 1.15)
    base, top = rng.uniform(0.2, 0.33), rng.uniform(0.06, 0.13)
    knee = rng.uniform(0.2, 0.4)
    first = shape.parts
    short = 0.0 if material == "concrete" and rng.random() < 0.7 else 0.06
    shape.prism(
        material,
        [(-base, 0), (-base, 0.1), (-top * 1.6, knee), (-top, high), (top, high), (top * 1.6, knee),
         (base, 0.1), (base, 0)],
        half - short,
    )  # fmt: skip
    shape.move((0, 0, 0), np.pi / 2, first)
    if material == "plastic":
        boxes(
            shape,
            "plastic",
            grid([-half * 0.5, half * 0.5], [0.0], [high + 0.03]),
            (0.12, 0.12, 0.08),
        )
        for y in (-1, 1):  # hollows
            boxes(
                shape,
                "plastic",
                grid([-0.5, 0.0, 0.5], [y * top * 1.5], [high * 0.6]),
                (0.16, 0.06, high * 0.5),
            )
    if rng.random() < 0.3:
        shape.box("plate", (0, top * 1.2, high * 0.8), (0.1, 0.03, 0.1))
    if rng.random() < 0.12:  # a fence on it
        boxes(
            shape,
            "metal",
            grid(np.arange(-half, half, 0.2), [0.0], [high + 0.5]),
            (0.012, 0.012, 1.0),
        )
        boxes(shape, "metal", grid([0.0], [0.0], [high + 0.5, high + 1.0]), (2 * half, 0.03, 0.03))


def _boards(rng: np.random.Generator, shape: Shape) -> None:
    """Striped boards on legs or feet, with lamps on some."""
    half = BARRIER_LENGTH / 2 * rng.uniform(0.5, 1.0)
    count = int(rng.integers(1, 4))
    stripes = int(rng.integers(4, 9))
    z = np.linspace(1.0, 0.4, count)
    x = np.linspace(-half, half, 2 * stripes + 1)
    middle = (x[:-1] + x[1:]) / 2
    for k, material in enumerate(("plate", "plastic")):
        boxes(
            shape,
            material,
            grid(middle[k::2], [0.0], z),
            (half / stripes, 0.03, rng.uniform(0.15, 0.28)),
        )
    legs = np.array([-0.75, 0.75]) * half
    if rng.random() < 0.5:  # like a trestle
        feet = grid(legs, [-0.32, 0.32], [0.0])
        tubes(shape, "plastic", feet, feet * [1, 0.1, 0] + [0, 0, 1.1], 0.03)
    else:
        boxes(shape, "dark plastic", grid(legs, [0.0], [0.06]), (0.25, 0.75, 0.12))
        boxes(shape, "metal", grid(legs, [0.0], [0.55]), (0.05, 0.05, 1.1))
    if rng.random() < 0.35:
        boxes(shape, "lamp glass", grid(legs[:1], [0.0], [1.22]), (0.18, 0.08, 0.2))


def barrier(rng: np.random.Generator) -> Template:
    """Jersey wall, plastic barrier, boards, crowd barrier, blocks, a fence of plastic."""
    shape = Shape("barrier")
    kind = rng.choice(6, p=[0.28, 0.2, 0.22, 0.16, 0.07, 0.07])
    half = BARRIER_LENGTH / 2
    if kind <= 1:
        _jersey(rng, shape, "concrete" if kind == 0 else "plastic")
    elif kind == 2:
        _boards(rng, shape)
    elif kind == 3:
        high = rng.uniform(1.0, 1.15)
        bars = grid(np.arange(-half, half + 0.01, rng.uniform(0.11, 0.18)), [0.0], [0.2])
        tubes(shape, "metal", bars, bars + [0, 0, high - 0.2], 0.011, sides=3)
        rails = grid([-half], [0.0], [0.2, high])
        tubes(shape, "metal", rails, rails + [2 * half, 0, 0], 0.022)
        boxes(
            shape,
            "metal",
            grid(np.array([-0.8, 0.8]) * half, [0.0], [0.03]),
            (0.05, rng.uniform(0.4, 0.7), 0.04),
        )
        boxes(shape, "metal", grid(np.array([-0.8, 0.8]) * half, [0.0], [0.1]), (0.04, 0.04, 0.2))
    elif kind == 4:  # blocks of concrete beside and on each other
        wide = rng.uniform(0.5, 0.8)
        x = (-half / 2, half / 2)
        boxes(shape, "concrete", grid(x, [0.0], [wide / 2]), (half * 0.95, wide, wide))
        if rng.random() < 0.4:
            shape.box("concrete", (rng.normal(0, 0.3), 0, wide * 1.5), (half, wide, wide))
    else:  # of plastic, solid above and below
        boxes(shape, "plastic", grid([0.0], [0.0], [0.3, 0.95]), (2 * half, 0.05, 0.14))
        boxes(shape, "plastic", grid(np.linspace(-half, half, 13), [0.0], [0.6]), (0.05, 0.04, 0.7))
        boxes(
            shape,
            "dark plastic",
            grid(np.array([-0.75, 0.75]) * half, [0.0], [0.05]),
            (0.12, 0.6, 0.1),
        )
    return shape.finish()


def soil_heap(rng: np.random.Generator) -> Template:
    """A heap of earth, sand, gravel or rubble: round or long, of one or more tips."""
    shape = Shape("soil")
    material = ("soil", "soil", "sand", "gravel")[rng.integers(4)]
    for k in range(int(rng.choice([1, 1, 2, 3]))):
        first = shape.parts
        _cone(rng, shape, material)
        shape.move((1.6 * k, rng.normal(0, 0.4), 0), rng.uniform(0, 6.28), first)
    if rng.random() < 0.25:  # lumps about its foot
        lumps = in_ball(rng, 14, 0.8) * [3.0, 3.0, 0.15] + [0, 0, 0.1]
        boxes(shape, "concrete", lumps, rng.uniform(0.15, 0.6, (14, 3)))
    return shape.finish()


def _cone(rng: np.random.Generator, shape: Shape, material: str) -> None:
    radius = rng.uniform(1.0, 3.2)
    high = radius * rng.uniform(0.4, 0.75)
    long = rng.uniform(0.7, 1.6)
    around, rings = 14, 5
    turn = 2 * np.pi * np.arange(around) / around
    share = np.linspace(1.0, 0.15, rings)[:, None]
    r = radius * share * rng.uniform(0.85, 1.15, (rings, around))
    z = high * (1 - share ** rng.uniform(0.9, 1.5)) * rng.uniform(0.88, 1.12, (rings, around)) - 0.1
    ring = np.stack([long * r * np.cos(turn), r * np.sin(turn), z], -1)
    ring = np.concatenate([ring, np.zeros((1, around, 3)) + ring[-1].mean(axis=0) + [0, 0, 0.05]])
    after = np.roll(ring, -1, axis=1)
    shape.quads(
        material, np.stack([ring[:-1], after[:-1], after[1:], ring[1:]], 2).reshape(-1, 4, 3)
    )


SHAPES: dict[str, tuple[Maker, int]] = {
    "guardrail": (guardrail, 1),
    "barrier": (barrier, 3),
    "soil heap": (soil_heap, 3),
}
