"""Broad-leaved trees: stems are `trunk`, crowns `tree`. Rays pass between the leaves."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Maker, Shape, Template
from avs3d.simulation.shapes.parts import chain, in_ball, leaves, tubes, warp


def trunk(
    rng: np.random.Generator, shape: Shape, top: np.ndarray, radius: float, bend: float = 0.03
) -> np.ndarray:
    """A slightly bent stem to `top`; returns its five corners (5, 3), foot first."""
    shape.category = "trunk"
    share = np.array([-0.05, 0.04, 0.35, 0.7, 1.0])[:, None]
    wander = rng.normal(0, bend * top[2], (5, 3)) * [1, 1, 0] * (share > 0.1) * (share < 1)
    path = share * top + wander
    thick = radius * np.array([rng.uniform(1.3, 1.9), 1.0, 0.88, 0.75, 0.45])
    chain(shape, "bark", path, thick, sides=8)
    return path


def boughs(
    rng: np.random.Generator,
    shape: Shape,
    starts: np.ndarray,
    reach: float,
    radius: float,
    rise: tuple[float, float] = (0.3, 1.2),
) -> np.ndarray:
    """One bough from each start up and outwards; returns their ends (n, 3)."""
    n = len(starts)
    turn = rng.uniform(0, 2 * np.pi) + np.arange(n) * 2.4
    up = rng.uniform(*rise, n)
    length = reach * rng.uniform(0.5, 1.0, n)[:, None]
    ends = starts + length * np.stack(
        [np.cos(turn) * np.cos(up), np.sin(turn) * np.cos(up), np.sin(up)], 1
    )
    middle = (starts + ends) / 2 + rng.normal(0, 0.06, (n, 3)) * length
    tubes(shape, "bark", starts, middle, radius, radius * 0.7, sides=5)
    tubes(shape, "bark", middle, ends, radius * 0.7, radius * 0.35, sides=4)
    return ends


def along(rng: np.random.Generator, path: np.ndarray, low: float, n: int) -> np.ndarray:
    """(n, 3) places on a stem from the share `low` of its height up."""
    height = rng.uniform(max(path[0, 2], low * path[-1, 2]), path[-1, 2], n)
    return np.stack([np.interp(height, path[:, 2], path[:, k]) for k in range(3)], 1)


def _crown(
    rng: np.random.Generator, shape: Shape, centres: np.ndarray, radii: np.ndarray, count: int,
    size: float, flat: float = 1.0,
) -> None:  # fmt: skip
    """Leaves in balls about (n, 3) centres; some clumps stay thin so that one sees through."""
    shape.category = "tree"
    weight = radii**2 * rng.uniform(0.3, 1.0, len(radii))
    which = rng.choice(len(centres), count, p=weight / weight.sum())
    cloud = in_ball(rng, count, rng.uniform(0.1, 0.85)) * radii[which, None] * [1, 1, flat]
    leaves(rng, shape, "leaf", centres[which] + cloud, size)


def broadleaf(rng: np.random.Generator) -> Template:
    """A broad-leaved tree: round, tall, spreading, of one crown or of many lobes."""
    shape = Shape("trunk")
    clear = rng.uniform(0.3, 1.4) if rng.random() < 0.2 else rng.uniform(1.4, 3.8)
    spread = rng.uniform(1.2, 3.2) if rng.random() < 0.6 else rng.uniform(3.0, 5.5)
    deep = spread * rng.uniform(0.6, 1.6)
    radius = float(np.clip(0.05 * spread * rng.uniform(0.7, 2.0), 0.07, 0.5))
    top = np.array([*rng.normal(0, 0.05 * spread, 2), clear + 1.1 * deep])
    path = trunk(rng, shape, top, radius)
    lobes = int(rng.integers(1, 12))
    starts = along(rng, path, clear / top[2] * 0.9, max(lobes, 4))
    ends = boughs(rng, shape, starts, 0.85 * spread, radius * 0.45)
    count = int(rng.uniform(350, 800) * np.sqrt(spread))
    size = rng.uniform(0.14, 0.34) * np.sqrt(spread / 2.5)
    if lobes <= 2:
        shape.category = "tree"
        cloud = in_ball(rng, count, rng.uniform(0.2, 0.85)) * [spread, spread, deep]
        bumps = 1 + 0.2 * np.sin(3 * cloud[:, :1] + 2 * cloud[:, 1:2]) * np.sin(2.5 * cloud[:, 2:])
        points = top - [0, 0, 0.35 * deep] + cloud * bumps
        leaves(rng, shape, "leaf", points[points[:, 2] > clear * rng.uniform(0.5, 1.0)], size)
    else:
        centres = np.concatenate([ends[:lobes], [top - [0, 0, 0.2 * deep]]])
        radii = rng.uniform(0.3, 0.65, len(centres)) * spread
        _crown(rng, shape, centres, radii, count, size, rng.uniform(0.5, 1.0))
    return shape.finish()


def multi_stem(rng: np.random.Generator) -> Template:
    """Several stems from one foot, each with a loose crown: birch groups, large shrubs."""
    shape = Shape("trunk")
    count, high = int(rng.integers(2, 6)), rng.uniform(2.5, 7.5)
    turn = rng.uniform(0, 6.28) + 2 * np.pi * np.arange(count) / count
    tips = []
    for angle in turn:
        out = high * rng.uniform(0.1, 0.35)
        tip = np.array([out * np.cos(angle), out * np.sin(angle), high * rng.uniform(0.7, 1.0)])
        tips.append(trunk(rng, shape, tip, rng.uniform(0.04, 0.12), 0.02))
    starts = np.concatenate([along(rng, path, 0.5, 4) for path in tips])
    ends = boughs(rng, shape, starts, high * 0.22, 0.03)
    centres = np.concatenate([ends, [path[-1] for path in tips]])
    radii = rng.uniform(0.08, 0.18, len(centres)) * high
    _crown(rng, shape, centres, radii, int(rng.uniform(400, 1000)), rng.uniform(0.12, 0.22))
    return shape.finish()


def umbrella(rng: np.random.Generator) -> Template:
    """A flat crown high on a bare stem: stone pine, acacia."""
    shape = Shape("trunk")
    high, spread = rng.uniform(3.5, 9), rng.uniform(1.8, 4.5)
    top = np.array([*rng.normal(0, 0.08 * high, 2), high])
    path = trunk(rng, shape, top, 0.03 * high, 0.04)
    fork = np.repeat(path[3:4] - [0, 0, 0.1 * high], 6, axis=0)
    ends = boughs(rng, shape, fork, spread, 0.05, (0.5, 0.9))
    ends[:, 2] = np.maximum(ends[:, 2], high)
    centres = np.concatenate([ends, [top + [0, 0, 0.2]]])
    radii = rng.uniform(0.4, 0.6, 7) * spread
    _crown(rng, shape, centres, radii, int(rng.uniform(500, 1100)), 0.2, rng.uniform(0.2, 0.4))
    return shape.finish()


def weeping(rng: np.random.Generator) -> Template:
    """Twigs that hang from the boughs to near the ground, as of a willow."""
    shape = Shape("trunk")
    high, spread = rng.uniform(3.5, 7.5), rng.uniform(1.5, 3.5)
    path = trunk(rng, shape, np.array([*rng.normal(0, 0.2, 2), high * 0.8]), 0.035 * high)
    ends = boughs(rng, shape, along(rng, path, 0.5, 10), spread, 0.07, (0.5, 1.0))
    shape.category = "tree"
    n = 60
    start = ends[rng.integers(0, len(ends), n)] + rng.normal(0, 0.35, (n, 3)) * [1, 1, 0.4]
    drop = rng.uniform(0.4, 0.9, n) * np.maximum(start[:, 2] - 0.4, 0.5)
    share = rng.uniform(0, 1, (n, 16)) ** 0.8
    points = start[:, None] + np.stack(
        [0.25 * start[:, :1] * share, 0.25 * start[:, 1:2] * share, -drop[:, None] * share], -1
    )
    leaves(rng, shape, "leaf", points.reshape(-1, 3), rng.uniform(0.14, 0.22))
    return shape.finish()


def pollard(rng: np.random.Generator) -> Template:
    """Cut back every year: thick stem, knobs, and rods or small balls of leaves on them."""
    shape = Shape("trunk")
    high = rng.uniform(2.0, 3.5)
    radius = rng.uniform(0.12, 0.3)
    path = trunk(rng, shape, np.array([*rng.normal(0, 0.1, 2), high]), radius)
    ends = boughs(
        rng, shape, np.repeat(path[4:5], int(rng.integers(3, 8)), 0), rng.uniform(0.4, 1.6), 0.1
    )
    for end in ends:
        shape.ball("bark", end, rng.uniform(0.1, 0.2, 3))
    shape.category = "tree"
    if rng.random() < 0.4:  # in winter, with rods
        starts = np.repeat(ends, 9, axis=0)
        out = rng.normal(0, 0.35, (len(starts), 3)) + [0, 0, rng.uniform(0.4, 1.0)]
        tubes(shape, "bark", starts, starts + out, 0.018, 0.008, sides=3)
    else:
        radii = rng.uniform(0.4, 0.8, len(ends))
        _crown(rng, shape, ends + [0, 0, 0.2], radii, int(rng.uniform(250, 600)), 0.16)
    return shape.finish()


_HABITS = (broadleaf, multi_stem, umbrella, weeping, pollard)


def any_broadleaf(rng: np.random.Generator) -> Template:
    return _HABITS[rng.choice(5, p=[0.72, 0.13, 0.05, 0.05, 0.05])](rng)


def _bare(
    rng: np.random.Generator, shape: Shape, high: float, radius: float, twigs: int
) -> np.ndarray:
    """Stem, boughs, branches and twigs; returns the ends of the branches."""
    path = trunk(rng, shape, np.array([*rng.normal(0, 0.05 * high, 2), high]), radius, 0.04)
    limbs = boughs(
        rng, shape, along(rng, path, 0.35, int(rng.integers(6, 12))), 0.4 * high, radius * 0.4
    )
    shape.category = "tree"
    branches = boughs(rng, shape, np.repeat(limbs, 4, axis=0), 0.22 * high, 0.022, (-0.2, 1.2))
    if twigs:
        boughs(rng, shape, np.repeat(branches, twigs, axis=0), 0.12 * high, 0.012, (-0.3, 1.2))
    return branches


def bare_tree(rng: np.random.Generator) -> Template:
    """A tree in winter: branches in three generations; twigs count as the crown."""
    shape = Shape("trunk")
    high = rng.uniform(3.0, 8.0)
    ends = _bare(rng, shape, high, 0.02 * high * rng.uniform(0.8, 2.0), int(rng.integers(1, 3)))
    if rng.random() < 0.35:
        points = ends[rng.integers(0, len(ends), 150)] + rng.normal(0, 0.35, (150, 3))
        leaves(rng, shape, "leaf", points, 0.15)
    return shape.finish()


def dead_tree(rng: np.random.Generator) -> Template:
    """A snag: broken stem, stumps of boughs, few branches; some lie with the roots in the air."""
    shape = Shape("trunk")
    high, radius = rng.uniform(2.5, 7), rng.uniform(0.1, 0.32)
    lean = rng.normal(0, 0.12 * high, 2)
    path = trunk(rng, shape, np.array([*lean, high]), radius, 0.03)
    shape.tube(
        "bark", path[-1], path[-1] + [*rng.normal(0, 0.15, 2), 0.4], radius * 0.45, 0.02, sides=5
    )
    ends = boughs(
        rng,
        shape,
        along(rng, path, 0.3, int(rng.integers(4, 10))),
        0.3 * high,
        radius * 0.3,
        (-0.3, 0.9),
    )
    if rng.random() < 0.5:
        boughs(rng, shape, np.repeat(ends, 2, axis=0), 0.12 * high, 0.018, (-0.6, 0.8))
    if rng.random() < 0.25:  # fallen
        angle = rng.uniform(1.3, 1.5)
        c, k = np.cos(angle), np.sin(angle)
        turn = np.array([[c, 0, -k], [0, 1, 0], [k, 0, c]])
        warp(shape, 0, lambda v: np.maximum(v @ turn + [0, 0, radius], [-99, -99, -0.3]))
        roots = np.tile([0.0, 0.0, radius], (10, 1))
        out = rng.normal(0, 0.6, (10, 3)) * [0.3, 1, 0.8] - [0.2, 0, 0]
        tubes(shape, "bark", roots, np.maximum(roots + out, -0.2), 0.09, 0.02, sides=4)
    return shape.finish()


def low_branch_tree(rng: np.random.Generator) -> Template:
    """Boughs from knee height on, reaching far out at the height of a head."""
    shape = Shape("trunk")
    high, spread = rng.uniform(3.0, 6.5), rng.uniform(2.0, 4.0)
    path = trunk(
        rng, shape, np.array([*rng.normal(0, 0.3, 2), high]), rng.uniform(0.12, 0.35), 0.05
    )
    low = boughs(
        rng, shape, along(rng, path, 0.15, int(rng.integers(3, 6))), spread, 0.1, (-0.05, 0.35)
    )
    upper = boughs(rng, shape, along(rng, path, 0.45, 7), 0.7 * spread, 0.07, (0.3, 1.0))
    twigs = boughs(rng, shape, np.repeat(low, 4, axis=0), 0.35 * spread, 0.025, (-0.4, 0.6))
    centres = np.concatenate([low, upper, twigs, path[-1:]])
    radii = rng.uniform(0.14, 0.3, len(centres)) * spread
    _crown(rng, shape, centres, radii, int(rng.uniform(500, 1000)), rng.uniform(0.14, 0.24), 0.7)
    return shape.finish()


def leaning_tree(rng: np.random.Generator) -> Template:
    """A stem far from upright, straight or bowed, its crown beside its foot."""
    shape = Shape("trunk")
    high = rng.uniform(3, 7.5)
    out = high * rng.uniform(0.3, 0.9)
    share = np.linspace(0, 1, 6)[:, None]
    bow = share ** rng.choice([0.6, 1.0, 1.7])
    path = share * [0, 0, high] + bow * [out, 0, 0] - [0, 0, 0.2]
    radius = rng.uniform(0.07, 0.24)
    chain(shape, "bark", path, radius * np.linspace(1.2, 0.4, 6), sides=7)
    ends = boughs(rng, shape, along(rng, path, 0.5, 8), 0.3 * high, radius * 0.4)
    if rng.random() < 0.8:
        centres = np.concatenate([ends, path[-1:]])
        radii = rng.uniform(0.12, 0.24, len(centres)) * high
        _crown(rng, shape, centres, radii, int(rng.uniform(350, 800)), rng.uniform(0.14, 0.24))
    shape.move((-out / 4, 0, 0))
    return shape.finish()


def young_tree(rng: np.random.Generator) -> Template:
    """A thin new tree, often between stakes, guarded by a tube or a grating."""
    shape = Shape("trunk")
    high = rng.uniform(2.0, 4.5)
    shape.tube("bark", (0, 0, -0.2), (0, 0, high), rng.uniform(0.02, 0.06), 0.015)
    ends = boughs(rng, shape, _upper_half(rng, high, 6), rng.uniform(0.3, 0.9), 0.012)
    size = rng.uniform(0.3, 1.0)
    shape.category = "tree"
    n = int(rng.uniform(80, 420))
    if rng.random() < 0.5:
        points = in_ball(rng, n, 0.2) * [size, size, size * 1.3] + [0, 0, high]
    else:
        points = ends[rng.integers(0, 6, n)] + rng.normal(0, 0.22, (n, 3))
    leaves(rng, shape, "leaf", points, 0.14)
    shape.category = "pole"
    stakes = int(rng.choice([0, 1, 2, 3]))
    turn = 2.1 * np.arange(stakes)
    feet = np.stack([0.35 * np.cos(turn), 0.35 * np.sin(turn), 0 * turn - 0.2], 1)
    if stakes:
        tubes(shape, "wood", feet, feet + [0, 0, rng.uniform(1.5, 2.1)], 0.035, sides=5)
        if stakes == 3:
            tubes(shape, "wood", feet + [0, 0, 1.6], np.roll(feet, 1, 0) + [0, 0, 1.6], 0.025)
    return shape.finish()


def _upper_half(rng: np.random.Generator, high: float, n: int) -> np.ndarray:
    """(n, 3) places on a straight upright stem, from its middle up."""
    return np.stack([np.zeros(n), np.zeros(n), rng.uniform(0.5, 0.95, n) * high], 1)


def far_tree(rng: np.random.Generator) -> Template:
    """A crown of few, large leaves for the far end of a world; round, tall or pointed."""
    shape = Shape("trunk")
    clear, spread = rng.uniform(1.0, 3.0), rng.uniform(1.8, 4.0)
    shape.tube("bark", (0, 0, -1), (0, 0, clear + spread), 0.05 * spread, 0.06)
    shape.category = "tree"
    deep = spread * rng.uniform(0.8, 2.0)
    points = in_ball(rng, 330, 0.6)
    if rng.random() < 0.3:
        points[:, :2] *= (1 - points[:, 2:]) * 0.7
    points = points * [spread, spread, deep] + [0, 0, clear + 0.9 * deep]
    leaves(rng, shape, "leaf", points, 0.75)
    return shape.finish()


def layered_tree(rng: np.random.Generator) -> Template:
    """A crown in flat plates above each other on a stem that forks low."""
    shape = Shape("trunk")
    high, spread = rng.uniform(3.5, 7.5), rng.uniform(1.5, 3.2)
    fork = np.array([0, 0, high * rng.uniform(0.2, 0.4)])
    shape.tube("bark", (0, 0, -0.3), fork, 0.03 * high, 0.025 * high, sides=8)
    plates = int(rng.integers(4, 8))
    turn = rng.uniform(0, 6.28) + 2.4 * np.arange(plates)
    out = spread * rng.uniform(0.2, 0.6, plates)
    centres = np.stack(
        [out * np.cos(turn), out * np.sin(turn), np.linspace(0.45, 1.0, plates) * high], 1
    )
    tubes(shape, "bark", np.repeat(fork[None], plates, 0), centres, 0.06, 0.03, sides=5)
    shape.category = "tree"
    n = int(rng.uniform(500, 1100))
    which = rng.integers(0, plates, n)
    points = centres[which] + in_ball(rng, n) * [0.6 * spread, 0.6 * spread, 0.09 * high]
    leaves(rng, shape, "leaf", points, rng.uniform(0.15, 0.26))
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "broadleaf": (any_broadleaf, 7),
    "bare tree": (bare_tree, 3),
    "dead tree": (dead_tree, 2),
    "low branch tree": (low_branch_tree, 3),
    "leaning tree": (leaning_tree, 2),
    "young tree": (young_tree, 3),
    "far tree": (far_tree, 4),
}
HELD_OUT: dict[str, tuple[Maker, int]] = {"broadleaf": (layered_tree, 4)}
