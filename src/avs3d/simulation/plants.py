"""Trees, bushes, hedges, grass and rocks. Leaves are loose triangles, so that rays pass between."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.mesh import _BALL, Maker, Shape, Template


def _leaves(
    rng: np.random.Generator, shape: Shape, material: str, centres: np.ndarray, size: float
) -> None:
    """One randomly turned triangle at each centre; size is its typical edge in metres."""
    n = len(centres)
    corners = rng.normal(size=(n, 3, 3)) * (size * rng.uniform(0.6, 1.3, (n, 1, 1)) * 0.55)
    shape.triangles(material, centres[:, None] + corners)


def _in_ball(rng: np.random.Generator, n: int, hollow: float) -> np.ndarray:
    """(n, 3) points in the unit ball; hollow 0 = evenly filled, towards 1 = only the surface."""
    direction = rng.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    radius = rng.uniform(hollow**3, 1.0, n) ** (1 / 3)
    return direction * radius[:, None]


def _trunk(
    rng: np.random.Generator, shape: Shape, height: float, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """A slightly bent trunk; returns its middle and its top."""
    shape.category = "trunk"
    middle = np.array([*rng.normal(0, 0.03 * height, 2), height * 0.5])
    top = middle + [*rng.normal(0, 0.04 * height, 2), height * 0.5]
    foot = np.array([0, 0, -0.4])
    shape.tube("bark", foot, (0, 0, 0.25), radius * rng.uniform(1.2, 1.7), radius, sides=8)
    shape.tube("bark", (0, 0, 0.25), middle, radius, radius * 0.8, sides=8)
    shape.tube("bark", middle, top, radius * 0.8, radius * 0.55, sides=7)
    return middle, top


def _branches(
    rng: np.random.Generator, shape: Shape, start: np.ndarray, reach: float, radius: float, n: int
) -> np.ndarray:
    """Boughs from a point up and outwards; returns their ends (n, 3)."""
    turn = rng.uniform(0, 2 * np.pi) + np.arange(n) * 2.4
    rise = rng.uniform(0.3, 1.2, n)
    length = reach * rng.uniform(0.5, 1.0, n)
    ends = start + length[:, None] * np.stack(
        [np.cos(turn) * np.cos(rise), np.sin(turn) * np.cos(rise), np.sin(rise)], 1
    )
    for end in ends:
        shape.tube("bark", start, end, radius, radius * 0.4, sides=5)
    return ends


def broadleaf(rng: np.random.Generator) -> Template:
    """A broad-leaved tree: one crown, or several lobes at the ends of its boughs."""
    shape = Shape("trunk")
    clear = rng.uniform(0.3, 1.4) if rng.random() < 0.2 else rng.uniform(1.4, 3.8)
    spread = rng.uniform(1.2, 3.2) if rng.random() < 0.6 else rng.uniform(3.0, 5.5)
    deep = spread * rng.uniform(0.7, 1.5)
    radius = np.clip(0.05 * spread * rng.uniform(0.7, 2.0), 0.07, 0.45)
    _, top = _trunk(rng, shape, clear + 0.6 * deep, radius)
    start = np.array([top[0] * 0.6, top[1] * 0.6, clear])
    lobes = int(rng.integers(1, 8))
    ends = _branches(rng, shape, start, 0.8 * max(spread, deep), radius * 0.5, max(lobes, 3))
    shape.category = "tree"
    centre = np.array([top[0], top[1], clear + 0.85 * deep])
    count = int(rng.uniform(400, 800) * np.sqrt(spread))
    size = rng.uniform(0.16, 0.34) * np.sqrt(spread / 2.5)
    filled = rng.uniform(0.2, 0.85)
    if lobes <= 2:
        points = centre + _in_ball(rng, count, filled) * [spread, spread, deep]
    else:
        centres = np.concatenate([ends[:lobes], [centre]])
        radii = rng.uniform(0.35, 0.65, len(centres)) * spread
        which = rng.choice(len(centres), count, p=radii**2 / (radii**2).sum())
        points = centres[which] + _in_ball(rng, count, filled) * (
            radii[which, None] * [1, 1, rng.uniform(0.6, 1.0)]
        )
    points = points[points[:, 2] > clear * rng.uniform(0.5, 1.0)]
    _leaves(rng, shape, "leaf", points, size)
    return shape.finish()


def conifer(rng: np.random.Generator) -> Template:
    shape = Shape("trunk")
    height = rng.uniform(4, 14)
    spread = height * rng.uniform(0.13, 0.26)
    clear = rng.uniform(0.05, 0.25) * height
    shape.tube("bark", (0, 0, -0.3), (0, 0, height * 0.9), 0.02 * height, 0.03, sides=7)
    shape.category = "tree"
    n = int(rng.uniform(700, 1700))
    share = 1 - np.sqrt(rng.uniform(0, 1, n))  # more needles low down
    tiers = rng.integers(6, 14)
    wave = 0.75 + 0.25 * np.cos(2 * np.pi * tiers * share)
    radius = spread * (1 - share) * wave * np.sqrt(rng.uniform(0.2, 1.0, n))
    turn = rng.uniform(0, 2 * np.pi, n)
    z = clear + share * (height - clear) - 0.25 * radius
    points = np.stack([radius * np.cos(turn), radius * np.sin(turn), z], 1)
    _leaves(rng, shape, "needle", points, rng.uniform(0.15, 0.3))
    return shape.finish()


def cypress(rng: np.random.Generator) -> Template:
    """A narrow column of leaves from the ground up."""
    shape = Shape("trunk")
    height, radius = rng.uniform(2.5, 9), rng.uniform(0.4, 1.1)
    shape.tube("bark", (0, 0, -0.3), (0, 0, height * 0.6), 0.1, 0.05)
    shape.category = "tree"
    points = _in_ball(rng, int(rng.uniform(500, 1100)), 0.7)
    points = points * [radius, radius, height / 2] + [0, 0, height / 2 + 0.3]
    _leaves(rng, shape, "needle", points, rng.uniform(0.12, 0.24))
    return shape.finish()


def bare_tree(rng: np.random.Generator) -> Template:
    """A tree in winter: branches in three generations; twigs count as the crown."""
    shape = Shape("trunk")
    clear, spread = rng.uniform(1.5, 3.5), rng.uniform(1.5, 3.5)
    radius = rng.uniform(0.08, 0.28)
    middle, top = _trunk(rng, shape, clear + spread, radius)
    first = _branches(rng, shape, middle, spread, radius * 0.45, int(rng.integers(4, 7)))
    last = _branches(rng, shape, top, spread * 0.8, radius * 0.4, int(rng.integers(3, 6)))
    shape.category = "tree"
    for end in np.concatenate([first, last]):
        twigs = _branches(rng, shape, end, spread * 0.6, 0.025, int(rng.integers(4, 7)))
        for twig in twigs[:3]:
            _branches(rng, shape, twig, spread * 0.35, 0.014, 3)
    if rng.random() < 0.5:
        points = np.concatenate([first, last])[rng.integers(0, len(first) + len(last), 150)]
        _leaves(rng, shape, "leaf", points + rng.normal(0, 0.6, (150, 3)), 0.15)
    return shape.finish()


def young_tree(rng: np.random.Generator) -> Template:
    """A thin new tree, often between stakes."""
    shape = Shape("trunk")
    height = rng.uniform(2.4, 4.5)
    shape.tube("bark", (0, 0, -0.2), (0, 0, height), rng.uniform(0.025, 0.06), 0.02)
    shape.category = "tree"
    size = rng.uniform(0.4, 1.0)
    points = _in_ball(rng, int(rng.uniform(120, 420)), 0.2) * [size, size, size * 1.3]
    _leaves(rng, shape, "leaf", points + [0, 0, height], 0.14)
    shape.category = "pole"
    for k in range(int(rng.choice([0, 1, 2, 3]))):
        turn = k * 2.1
        x, y = 0.35 * np.cos(turn), 0.35 * np.sin(turn)
        shape.tube("wood", (x, y, -0.2), (x, y, rng.uniform(1.3, 1.9)), 0.035)
    return shape.finish()


def palm(rng: np.random.Generator) -> Template:
    shape = Shape("trunk")
    height = rng.uniform(3.5, 10)
    lean = rng.normal(0, 0.4, 2)
    top = np.array([*lean, height])
    shape.tube("bark", (0, 0, -0.3), top, rng.uniform(0.15, 0.3), 0.14, sides=8)
    shape.category = "tree"
    for turn in np.arange(0, 2 * np.pi, rng.uniform(0.3, 0.5)):
        along = np.linspace(0, 1, 14)[:, None]
        out = np.array([np.cos(turn), np.sin(turn), 0])
        arch = rng.uniform(0.2, 1.2)
        path = top + along * out * rng.uniform(1.5, 2.4) + [0, 0, 1] * (arch * along - 2 * along**2)
        _leaves(rng, shape, "leaf", np.repeat(path, 2, axis=0), 0.22)
    return shape.finish()


def far_tree(rng: np.random.Generator) -> Template:
    """A crown of few, large leaves for the far end of a world."""
    shape = Shape("trunk")
    clear, spread = rng.uniform(1.0, 3.0), rng.uniform(1.8, 4.0)
    shape.tube("bark", (0, 0, -1), (0, 0, clear + spread), 0.05 * spread, 0.06)
    shape.category = "tree"
    deep = spread * rng.uniform(0.8, 2.0)
    points = _in_ball(rng, 330, 0.6) * [spread, spread, deep] + [0, 0, clear + 0.9 * deep]
    _leaves(rng, shape, "leaf", points, 0.75)
    return shape.finish()


def bush(rng: np.random.Generator) -> Template:
    shape = Shape("bush")
    radii = rng.uniform(0.35, 1.3) * rng.uniform(0.7, 1.3, 3) * [1, 1, 0.9]
    points = []
    for _ in range(rng.integers(1, 5)):
        lobe = rng.uniform(0.5, 1.0) * radii
        offset = rng.normal(0, 0.45, 3) * radii
        cloud = _in_ball(rng, int(rng.uniform(120, 300)), rng.uniform(0.3, 0.9)) * lobe
        points.append(cloud + [offset[0], offset[1], lobe[2] * rng.uniform(0.5, 0.95)])
    cloud = np.concatenate(points)
    cloud[:, 2] = np.abs(cloud[:, 2])
    _leaves(rng, shape, "leaf", cloud, rng.uniform(0.09, 0.2))
    for _ in range(rng.integers(0, 6)):
        shape.tube("bark", (0, 0, -0.1), cloud[rng.integers(len(cloud))], 0.015, sides=3)
    return shape.finish()


def hedge(rng: np.random.Generator) -> Template:
    """A piece of hedge, 2 m along x: a core and a rough skin of leaves."""
    shape = Shape("hedge")
    half, height = rng.uniform(0.2, 0.6), rng.uniform(0.6, 2.4)
    rough = rng.uniform(0.02, 0.12)
    shape.box("leaf", (0, 0, height / 2), (2.0, 2 * half - 0.2, height - 0.15))
    n = int(rng.uniform(260, 420))
    x = rng.uniform(-1.05, 1.05, n)
    where = rng.uniform(0, 2 * height + 2 * half, n)
    z = np.where(where < 2 * height, where % height, height)
    y = np.where(
        where < height, -half, np.where(where < 2 * height, half, where - 2 * height - half)
    )
    points = np.stack([x, y, z], 1) + rng.normal(0, rough, (n, 3))
    _leaves(rng, shape, "leaf", points, rng.uniform(0.12, 0.22))
    return shape.finish()


def tall_grass(rng: np.random.Generator) -> Template:
    """A patch of upright blades about 2 m across."""
    shape = Shape("tall grass")
    n = int(rng.uniform(160, 420))
    height = rng.uniform(0.3, 1.1) * rng.uniform(0.5, 1.1, n)
    spread = rng.uniform(0.5, 1.2)
    foot = np.concatenate([rng.normal(0, spread * 0.6, (n, 2)), np.zeros((n, 1))], axis=1)
    turn, lean = rng.uniform(0, 2 * np.pi, n), rng.normal(0, 0.25, (n, 2))
    wide = rng.uniform(0.01, 0.035, n)[:, None]
    across = wide * np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    tip = foot + np.concatenate([lean, np.ones((n, 1))], axis=1) * height[:, None]
    shape.triangles("blade", np.stack([foot - across, foot + across, tip], 1))
    return shape.finish()


def rock(rng: np.random.Generator) -> Template:
    shape = Shape("rock")
    for _ in range(rng.integers(1, 4)):
        size = rng.uniform(0.15, 0.9)
        vertices = _BALL[0] * size * rng.uniform(0.6, 1.2, 3)
        vertices = vertices * rng.uniform(0.75, 1.2, (len(vertices), 1))
        offset = [*rng.normal(0, 0.5, 2), size * rng.uniform(0.1, 0.5)]
        shape.add("stone", vertices + offset, _BALL[1])
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "broadleaf": (broadleaf, 5),
    "conifer": (conifer, 3),
    "cypress": (cypress, 2),
    "bare tree": (bare_tree, 3),
    "young tree": (young_tree, 3),
    "palm": (palm, 2),
    "far tree": (far_tree, 4),
    "bush": (bush, 6),
    "hedge": (hedge, 1),
    "tall grass": (tall_grass, 5),
    "rock": (rock, 4),
}
