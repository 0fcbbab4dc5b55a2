"""Pieces that stand in rows: fences, guardrails, barriers. Each runs along x, centred."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.mesh import Maker, Shape, Template

FENCE_LENGTH = 2.5
RAIL_LENGTH = 4.0
BARRIER_LENGTH = 2.2


def fence(rng: np.random.Generator) -> Template:
    shape = Shape("fence")
    kind = rng.integers(6)
    half = FENCE_LENGTH / 2
    height = rng.uniform(0.8, 2.1)
    material = ("wood", "metal", "dark metal", "wood", "metal", "wood")[kind]
    for x in (-half, 0.0, half):
        shape.box(material, (x, 0, height / 2 - 0.1), (0.08, 0.08, height + 0.2))
    if kind in (0, 2):  # pickets or iron bars
        gap, wide = (0.14, 0.08) if kind == 0 else (0.13, 0.025)
        for x in np.arange(-half + gap / 2, half, gap):
            shape.box(material, (x, 0.03, height / 2 + 0.05), (wide, wide * 0.5, height - 0.1))
        for z in (0.25, height - 0.15):
            shape.box(material, (0, 0, z), (FENCE_LENGTH, 0.04, 0.07))
    elif kind in (1, 4):  # wire mesh: bars of its true shadow, coarser than true
        gap = rng.uniform(0.12, 0.22)
        for x in np.arange(-half, half, gap):
            shape.box(material, (x, 0, height / 2), (0.012, 0.012, height))
        for z in np.arange(0.1, height, gap):
            shape.box(material, (0, 0, z), (FENCE_LENGTH, 0.012, 0.012))
        shape.tube(material, (-half, 0, height), (half, 0, height), 0.025, sides=4)
    elif kind == 3:  # solid boards
        shape.box(material, (0, 0, height / 2), (FENCE_LENGTH, 0.04, height - 0.1))
    else:  # a post-and-rail or wire fence of the country
        for z in np.linspace(0.35, height - 0.1, int(rng.integers(2, 5))):
            thick = rng.choice([0.015, 0.1])
            shape.box(material, (0, 0, z), (FENCE_LENGTH, 0.03, thick))
    return shape.finish()


def site_fence(rng: np.random.Generator) -> Template:
    """A mobile mesh panel on concrete feet, as around building sites."""
    shape = Shape("fence")
    half = FENCE_LENGTH / 2
    for x in (-half + 0.05, half - 0.05):
        shape.tube("metal", (x, 0, 0.1), (x, 0, 2.0), 0.025, sides=5)
        shape.box("concrete", (x, 0, 0.07), (0.22, 0.6, 0.14))
    for z in (0.2, 2.0):
        shape.tube("metal", (-half, 0, z), (half, 0, z), 0.025, sides=5)
    if rng.random() < 0.3:
        shape.box("cloth", (0, 0, 1.1), (FENCE_LENGTH - 0.2, 0.01, 1.7))
    for x in np.arange(-half, half, rng.uniform(0.1, 0.16)):
        shape.box("metal", (x, 0, 1.1), (0.01, 0.01, 1.8))
    for z in (0.6, 1.0, 1.4):
        shape.box("metal", (0, 0, z), (FENCE_LENGTH, 0.012, 0.012))
    return shape.finish()


def guardrail(rng: np.random.Generator) -> Template:
    """A W-beam towards +y on posts; sometimes two above each other or a cable rail."""
    shape = Shape("guardrail")
    half, top = RAIL_LENGTH / 2, rng.uniform(0.65, 0.85)
    for x in (-half, 0.0):
        shape.box("metal", (x, 0, top / 2 - 0.1), (0.12, 0.08, top + 0.2))
    levels = (top,) if rng.random() < 0.7 else (top, top - 0.38)
    if rng.random() < 0.15:
        for z in np.linspace(0.35, top, 4):
            shape.tube("metal", (-half, 0.06, z), (half, 0.06, z), 0.02, sides=4)
        return shape.finish()
    for z in levels:
        y = np.array([0.08, 0.15, 0.08, 0.15, 0.08])
        height = z - np.array([0.0, 0.07, 0.155, 0.24, 0.31])
        strip = np.array(
            [[[-half, y[k], height[k]], [half, y[k], height[k]],
              [half, y[k + 1], height[k + 1]], [-half, y[k + 1], height[k + 1]]]
             for k in range(4)]
        )  # fmt: skip
        shape.quads("metal", strip)
    if rng.random() < 0.4:
        shape.box("retro", (0, 0.17, top - 0.1), (0.02, 0.06, 0.08))
    return shape.finish()


def barrier(rng: np.random.Generator) -> Template:
    """Jersey wall, plastic water barrier, board on feet, or crowd barrier."""
    shape = Shape("barrier")
    kind = rng.choice(4, p=[0.35, 0.2, 0.25, 0.2])
    half = BARRIER_LENGTH / 2
    if kind <= 1:
        height = rng.uniform(0.75, 1.1)
        base, top = rng.uniform(0.22, 0.32), rng.uniform(0.07, 0.12)
        first = shape.parts
        shape.prism(
            "concrete" if kind == 0 else "plastic",
            [(-base, 0), (-base, 0.1), (-top * 1.6, 0.35), (-top, height), (top, height),
             (top * 1.6, 0.35), (base, 0.1), (base, 0)],
            half - (0.0 if kind == 0 else 0.06),
        )  # fmt: skip
        shape.move((0, 0, 0), yaw=np.pi / 2, first=first)
        if rng.random() < 0.3:
            shape.box("plate", (0, top * 1.2, height * 0.8), (0.1, 0.03, 0.1))
    elif kind == 2:  # red and white boards
        for z in (0.5, 0.95)[: rng.integers(1, 3)]:
            shape.box("plate", (0, 0, z), (half * 1.7, 0.04, 0.22))
        for x in (-half * 0.7, half * 0.7):
            for lean in (-0.3, 0.3):
                shape.box("plastic", (x, lean * 0.5, 0.5), (0.05, 0.05, 1.1), roll=lean)
    else:
        for x in np.arange(-half, half + 0.01, 0.16):
            shape.tube("metal", (x, 0, 0.2), (x, 0, 1.05), 0.012, sides=3)
        for z in (0.2, 1.08):
            shape.tube("metal", (-half, 0, z), (half, 0, z), 0.025, sides=4)
        for x in (-half * 0.8, half * 0.8):
            shape.box("metal", (x, 0, 0.03), (0.05, 0.5, 0.05))
    return shape.finish()


def soil_heap(rng: np.random.Generator) -> Template:
    """A heap of earth, sand or rubble."""
    shape = Shape("soil")
    radius, height = rng.uniform(1.0, 4.0), rng.uniform(0.6, 2.4)
    around, rings = 12, 4
    turn = 2 * np.pi * np.arange(around) / around
    share = np.linspace(1.0, 0.25, rings)
    r = radius * share[:, None] * rng.uniform(0.85, 1.15, (rings, around))
    z = height * (1 - share[:, None] ** 1.3) * rng.uniform(0.85, 1.15, (rings, around)) - 0.1
    vertices = np.stack([r * np.cos(turn), r * np.sin(turn), z], -1).reshape(-1, 3)
    vertices = np.concatenate([vertices, [[0, 0, height]]])
    faces = []
    for k in range(rings - 1):
        for i in range(around):
            j = (i + 1) % around
            a, b = k * around, (k + 1) * around
            faces += [[a + i, a + j, b + j], [a + i, b + j, b + i]]
    last = (rings - 1) * around
    faces += [[last + i, last + (i + 1) % around, len(vertices) - 1] for i in range(around)]
    shape.add("soil", vertices, np.array(faces))
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "fence": (fence, 1),
    "site fence": (site_fence, 1),
    "guardrail": (guardrail, 1),
    "barrier": (barrier, 2),
    "soil heap": (soil_heap, 2),
}
