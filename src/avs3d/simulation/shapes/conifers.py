"""Conifers, columns and palms."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import chain, in_ball, leaves, tubes
from avs3d.simulation.shapes.trees import along, boughs, trunk


def conifer(rng: np.random.Generator) -> Template:
    """Spruce and fir in tiers, or a pine with a bare stem and a few clouds of needles."""
    shape = Shape("trunk")
    high = rng.uniform(4, 14)
    if rng.random() < 0.3:
        return _pine(rng, shape, high)
    spread = high * rng.uniform(0.12, 0.28)
    clear = rng.uniform(0.02, 0.25) * high
    shape.tube("bark", (0, 0, -0.3), (0, 0, high * 0.92), 0.02 * high, 0.03, sides=7)
    shape.category = "tree"
    n = int(rng.uniform(700, 1500))
    share = 1 - np.sqrt(rng.uniform(0, 1, n))  # more needles low down
    tiers = rng.integers(6, 14)
    wave = 0.75 + 0.25 * np.cos(2 * np.pi * tiers * share)
    radius = spread * (1 - share) * wave * np.sqrt(rng.uniform(0.2, 1.0, n))
    turn = rng.uniform(0, 2 * np.pi, n)
    arms = rng.uniform(0, 0.3) * np.cos(int(rng.integers(5, 9)) * turn)  # boughs with gaps between
    radius *= 1 + arms
    z = clear + share * (high - clear) - rng.uniform(0.05, 0.4) * radius
    points = np.stack([radius * np.cos(turn), radius * np.sin(turn), z], 1)
    leaves(rng, shape, "needle", points, rng.uniform(0.15, 0.3))
    return shape.finish()


def _pine(rng: np.random.Generator, shape: Shape, high: float) -> Template:
    path = trunk(rng, shape, np.array([*rng.normal(0, 0.04 * high, 2), high]), 0.018 * high + 0.04)
    ends = boughs(
        rng, shape, along(rng, path, 0.55, int(rng.integers(6, 14))), 0.2 * high, 0.05, (-0.1, 0.6)
    )
    shape.category = "tree"
    n = int(rng.uniform(600, 1200))
    centres = np.concatenate([ends, [path[-1]]])
    which = rng.integers(0, len(centres), n)
    radii = rng.uniform(0.06, 0.13, len(centres)) * high
    points = centres[which] + in_ball(rng, n) * radii[which, None] * [1, 1, 0.5]
    leaves(rng, shape, "needle", points, rng.uniform(0.15, 0.26))
    return shape.finish()


def cypress(rng: np.random.Generator) -> Template:
    """A narrow column from the ground up: cypress, poplar, clipped cone or a stem below it."""
    shape = Shape("trunk")
    high, radius = rng.uniform(1.8, 9), rng.uniform(0.35, 1.1)
    clear = rng.choice([0.1, 0.3, 1.0])
    shape.tube("bark", (0, 0, -0.3), (0, 0, high * 0.6), 0.1, 0.05)
    shape.category = "tree"
    points = in_ball(rng, int(rng.uniform(500, 1100)), 0.7)
    taper = rng.uniform(0.0, 0.5)
    points[:, :2] *= 1 - taper * (points[:, 2:] + 1) / 2
    points = points * [radius, radius, (high - clear) / 2] + [0, 0, (high + clear) / 2]
    leaves(rng, shape, "needle" if rng.random() < 0.6 else "leaf", points, rng.uniform(0.12, 0.24))
    return shape.finish()


def palm(rng: np.random.Generator) -> Template:
    """A feather palm with arching fronds, or a fan palm with a ball of fans and a skirt."""
    shape = Shape("trunk")
    high = rng.uniform(2.0, 11)
    lean = rng.normal(0, 0.06 * high, 2)
    top = np.array([*lean, high])
    radius = rng.uniform(0.12, 0.32)
    bow = np.array([[0, 0, -0.3], [*(0.15 * lean), high * 0.35], [*(0.5 * lean), high * 0.7], top])
    chain(shape, "bark", bow, radius * np.array([1.4, 1.0, 0.85, 0.8]), sides=8)
    shape.category = "tree"
    fan = rng.random() < 0.4
    n = int(rng.integers(14, 26))
    turn, rise = (
        rng.uniform(0, 6.28) + 2.4 * np.arange(n),
        rng.uniform(-0.5 if fan else 0.1, 1.3, n),
    )
    out = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    if fan:
        reach = rng.uniform(0.7, 1.3)
        stalk = out * np.cos(rise)[:, None] + np.sin(rise)[:, None] * [0, 0, 1]
        tubes(shape, "leaf", 0 * stalk + top, top + reach * stalk, 0.02, sides=3)
        blades = rng.normal(0, 0.28, (n, 9, 3)) + (top + reach * 1.15 * stalk)[:, None]
        leaves(rng, shape, "leaf", blades.reshape(-1, 3), 0.3)
        if rng.random() < 0.4:  # dry leaves hang below
            skirt = in_ball(rng, 120, 0.5) * [0.5, 0.5, 0.8] + top - [0, 0, 0.9]
            leaves(rng, shape, "leaf", skirt, 0.3)
        return shape.finish()
    share = np.linspace(0.05, 1, 13)[:, None, None]
    reach = rng.uniform(1.5, 2.8)
    path = top + share * out * reach * np.cos(0.6 * rise)[:, None]
    path = path + [0, 0, 1] * (share * 1.6 * rise[:, None] - 1.7 * share**2)
    leaves(rng, shape, "leaf", np.repeat(path.reshape(-1, 3), 2, axis=0), 0.24)
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "conifer": (conifer, 3),
    "cypress": (cypress, 2),
    "palm": (palm, 2),
}
