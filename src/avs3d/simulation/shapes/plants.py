"""Bushes, hedges, undergrowth, grass, crops and rocks. Leaves are loose triangles."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import _BALL, Maker, Shape, Template
from avs3d.simulation.shapes.parts import boxes, in_ball, leaves, tubes

HEDGE_LENGTH = 2.0


def _twigs(rng: np.random.Generator, shape: Shape, cloud: np.ndarray, n: int) -> None:
    if n:
        ends = cloud[rng.integers(0, len(cloud), n)]
        tubes(shape, "bark", 0 * ends + [0, 0, -0.1], ends, 0.014, 0.006, sides=3)


def bush(rng: np.random.Generator) -> Template:
    """Round, of lobes, spreading, conical, a fountain of rods, clipped to a ball, or flowering."""
    shape = Shape("bush")
    kind = rng.choice(6, p=[0.4, 0.15, 0.12, 0.15, 0.1, 0.08])
    size = rng.uniform(0.3, 1.3)
    if kind == 0:  # lobes
        radii = size * rng.uniform(0.7, 1.3, 3) * [1, 1, 0.9]
        parts = []
        for _ in range(rng.integers(1, 5)):
            lobe, offset = rng.uniform(0.5, 1.0) * radii, rng.normal(0, 0.45, 3) * radii
            lump = in_ball(rng, int(rng.uniform(100, 280)), rng.uniform(0.3, 0.9)) * lobe
            parts.append(lump + [offset[0], offset[1], lobe[2] * rng.uniform(0.5, 0.95)])
        cloud = np.concatenate(parts)
    elif kind == 1:  # low and spreading
        cloud = in_ball(rng, 420, 0.3) * [1.5 * size, 1.2 * size, 0.45 * size]
        cloud[:, 2] += 0.12 * np.sin(4 * cloud[:, 0]) + 0.2 * size
    elif kind == 2:  # conical
        share = 1 - np.sqrt(rng.uniform(0, 1, 450))
        turn, r = rng.uniform(0, 6.28, 450), size * 0.7 * (1 - share) * rng.uniform(0.6, 1, 450)
        cloud = np.stack(
            [r * np.cos(turn), r * np.sin(turn), share * size * rng.uniform(1.5, 3)], 1
        )
    elif kind == 3:  # rods that arch outwards
        n = int(rng.integers(18, 45))
        turn, reach = rng.uniform(0, 6.28, n), size * rng.uniform(0.4, 1.2, n)
        share = np.linspace(0.1, 1, 8)[:, None]
        high = size * rng.uniform(0.9, 1.8, n)
        cloud = np.stack([share**1.5 * reach * np.cos(turn), share**1.5 * reach * np.sin(turn),
                          high * (1.6 * share - 0.75 * share**2)], -1).reshape(-1, 3)  # fmt: skip
        cloud += rng.normal(0, 0.05, cloud.shape)
    elif kind == 4:  # clipped
        ball = size * 0.7
        cloud = in_ball(rng, 480, 0.85) * ball + [0, 0, ball * rng.uniform(0.7, 1)]
        shape.ball("leaf", (0, 0, ball * 0.85), (0.8 * ball, 0.8 * ball, 0.8 * ball))
    else:  # half bare
        cloud = in_ball(rng, 130, 0.1) * size * [1, 1, 0.8] + [0, 0, 0.8 * size]
    cloud[:, 2] = np.abs(cloud[:, 2])
    leaves(rng, shape, "leaf", cloud, rng.uniform(0.08, 0.2))
    if rng.random() < 0.2:  # flowers or fruit
        leaves(rng, shape, "blade", cloud[:: int(rng.integers(4, 9))] * 1.05, 0.1)
    _twigs(rng, shape, cloud, 30 if kind == 5 else int(rng.integers(0, 7)))
    return shape.finish()


def cloud_bush(rng: np.random.Generator) -> Template:
    """Small clipped balls on bare crooked stems, or a cushion of stiff blades."""
    shape = Shape("bush")
    size = rng.uniform(0.5, 1.2)
    if rng.random() < 0.6:
        ends = rng.normal(0, 0.5, (5, 3)) * size
        ends[:, 2] = np.abs(ends[:, 2]) + 0.5 * size
        tubes(shape, "bark", 0 * ends, ends, 0.03, 0.015)
        which = rng.integers(0, 5, 420)
        cloud = ends[which] + in_ball(rng, 420, 0.7) * [0.38 * size, 0.38 * size, 0.25 * size]
        leaves(rng, shape, "leaf", cloud, 0.1)
        return shape.finish()
    out = in_ball(rng, 160, 0.9)
    out[:, 2] = np.abs(out[:, 2])
    across = np.cross(out, [0, 0, 1.0]) * 0.03
    foot = out * 0.05
    shape.triangles("blade", np.stack([foot - across, foot + across, out * size], 1))
    return shape.finish()


def hedge(rng: np.random.Generator) -> Template:
    """A piece of hedge, 2 m along x: clipped, rounded or rough, with gaps at its foot on some."""
    shape = Shape("hedge")
    half, high = rng.uniform(0.2, 0.65), rng.uniform(0.5, 2.5)
    rough = rng.choice([0.02, 0.05, 0.11])
    foot = rng.choice([0.0, 0.0, 0.3]) * min(high, 1.0)
    gappy = rng.random() < 0.25
    if not gappy:
        size = (HEDGE_LENGTH, 2 * half - 0.2, high - 0.15 - foot)
        shape.box("leaf", (0, 0, foot + size[2] / 2), size)
    n = int(rng.uniform(260, 460))
    x = rng.uniform(-1.05, 1.05, n)
    around = rng.uniform(0, 2 * high + 2 * half, n)
    z = np.where(around < 2 * high, around % high, high)
    y = np.where(around < high, -half, np.where(around < 2 * high, half, around - 2 * high - half))
    if gappy:
        y *= rng.uniform(0.1, 1, n)
    if rng.random() < 0.3:  # rounded above, or wider below
        y *= 1 - 0.5 * (z / high) ** 2
    z = foot + z * (high - foot) / high + rough * np.sin(5 * x) * (rough > 0.1)
    points = np.stack([x, y, z], 1) + rng.normal(0, rough, (n, 3))
    leaves(rng, shape, "leaf", points, rng.uniform(0.08, 0.2))
    if foot or gappy:
        stems = np.stack([np.linspace(-0.9, 0.9, 5), np.zeros(5), np.zeros(5) - 0.1], 1)
        tubes(shape, "bark", stems, stems + [0, 0, high * 0.7], 0.03, 0.015)
    return shape.finish()


def ivy_screen(rng: np.random.Generator) -> Template:
    """A hedge of tall grass or climbers: upright blades in a wall, or leaves on a frame."""
    shape = Shape("hedge")
    high, half = rng.uniform(1.0, 2.2), rng.uniform(0.15, 0.35)
    n = 320
    foot = np.stack([rng.uniform(-1, 1, n), rng.normal(0, half, n), np.zeros(n)], 1)
    if rng.random() < 0.5:
        lean = rng.normal(0, 0.18, (n, 3)) * [1, 1, 0]
        tip = foot + (lean + [0, 0, 1]) * high * rng.uniform(0.6, 1, (n, 1))
        shape.triangles("leaf", np.stack([foot - [0.05, 0, 0], foot + [0.05, 0, 0], tip], 1))
    else:
        foot[:, 2] = rng.uniform(0, high, n)
        leaves(rng, shape, "leaf", foot * [1, 0.5, 1], 0.2)
        posts = np.array([[-1.0, 0, -0.1], [0.0, 0, -0.1]])
        tubes(shape, "wood", posts, posts + [0, 0, high], 0.04)
    return shape.finish()


def _blades(
    rng: np.random.Generator,
    shape: Shape,
    foot: np.ndarray,
    high: np.ndarray,
    lean: float,
    wide: float,
) -> None:
    n = len(foot)
    turn = rng.uniform(0, 2 * np.pi, n)
    across = (
        wide * rng.uniform(0.4, 1.3, (n, 1)) * np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    )
    tilt = np.concatenate([rng.normal(0, lean, (n, 2)), np.ones((n, 1))], axis=1)
    shape.triangles(
        "blade", np.stack([foot - across, foot + across, foot + tilt * high[:, None]], 1)
    )


def tall_grass(rng: np.random.Generator) -> Template:
    """Upright blades about 2 m across: a meadow, tufts, reeds, crops in rows, weeds with heads."""
    shape = Shape("tall grass")
    kind = rng.choice(5, p=[0.4, 0.15, 0.15, 0.15, 0.15])
    n, spread = int(rng.uniform(160, 420)), rng.uniform(0.5, 1.2)
    foot = np.concatenate([rng.normal(0, spread * 0.6, (n, 2)), np.zeros((n, 1))], axis=1)
    high, lean, wide = rng.uniform(0.25, 1.0), 0.25, rng.uniform(0.01, 0.03)
    if kind == 1:  # tufts
        tufts = rng.normal(0, spread * 0.7, (7, 2))
        foot[:, :2] = tufts[rng.integers(0, 7, n)] + rng.normal(0, 0.06, (n, 2))
        lean = 0.45
    elif kind == 2:  # reeds
        high, lean, wide = rng.uniform(1.2, 2.4), 0.08, 0.03
        foot = foot[:220]
    elif kind == 3:  # a crop in rows
        high, lean, wide = rng.uniform(0.5, 2.2), 0.12, 0.035
        foot[:, 1] = np.round(foot[:, 1] / 0.4) * 0.4 + rng.normal(0, 0.04, n)
    elif kind == 4:  # weeds: stems with heads
        heads = foot[::5] + [0, 0, high]
        leaves(rng, shape, "leaf", heads, 0.12)
    _blades(rng, shape, foot, high * rng.uniform(0.5, 1.1, len(foot)), lean, wide)
    return shape.finish()


def fern(rng: np.random.Generator) -> Template:
    """Low undergrowth: ferns, saplings, brambles, nettles, ground cover."""
    shape = Shape("bush")
    kind = rng.integers(4)
    if kind == 0:  # fronds from several crowns
        crowns = int(rng.integers(1, 5))
        n = 9 * crowns
        foot = np.repeat(
            np.concatenate([rng.normal(0, 0.4, (crowns, 2)), np.zeros((crowns, 1))], 1), 9, axis=0
        )
        turn, long = rng.uniform(0, 6.28, n), rng.uniform(0.3, 0.8, n)
        share = np.linspace(0.15, 1, 7)[:, None, None]
        out = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1) * long[:, None]
        path = foot + share * out * 0.9 + [0, 0, 1] * long[:, None] * (1.5 * share - 0.9 * share**2)
        leaves(rng, shape, "leaf", path.reshape(-1, 3), 0.16)
    elif kind == 1:  # saplings
        n = int(rng.integers(4, 9))
        foot = np.concatenate([rng.normal(0, 0.5, (n, 2)), np.zeros((n, 1))], axis=1)
        tip = foot + [0, 0, 1] * rng.uniform(0.5, 1.4, (n, 1)) + rng.normal(0, 0.1, (n, 3))
        tubes(shape, "bark", foot, tip, 0.012, 0.005, sides=3)
        share = rng.uniform(0.3, 1.0, (25, 1, 1))
        points = foot + share * (tip - foot) + rng.normal(0, 0.12, (25, n, 3))
        leaves(rng, shape, "leaf", points.reshape(-1, 3), 0.11)
    elif kind == 2:  # brambles: arcs over each other
        n = int(rng.integers(8, 20))
        foot, out = rng.normal(0, 0.5, (n, 3)) * [1, 1, 0], rng.normal(0, 0.7, (n, 3)) * [1, 1, 0]
        share = np.linspace(0, 1, 6)[:, None, None]
        high = rng.uniform(0.3, 0.9, (n, 1)) * [0, 0, 1]
        path = foot + share * out + high * (4 * share * (1 - share))
        tubes(shape, "bark", path[:-1].reshape(-1, 3), path[1:].reshape(-1, 3), 0.008, sides=3)
        leaves(rng, shape, "leaf", path.reshape(-1, 3), 0.13)
        leaves(rng, shape, "leaf", path.reshape(-1, 3) + rng.normal(0, 0.06, (6 * n, 3)), 0.13)
    else:  # ground cover
        n = 260
        points = rng.normal(0, 0.6, (n, 3)) * [1, 1, 0] + [0, 0, 1] * rng.uniform(
            0.05, 0.45, (n, 1)
        )
        leaves(rng, shape, "leaf", points, 0.14)
    return shape.finish()


def _boulder(rng: np.random.Generator, size: np.ndarray, edge: float) -> np.ndarray:
    """(V, 3) corners of a dented ball; edge 0 round, 1 broken into planes."""
    corners = _BALL[0] * rng.uniform(0.8, 1.15, (len(_BALL[0]), 1))
    for _ in range(int(7 * edge)):  # cut it with planes
        normal = in_ball(rng, 1, 0.99)[0]
        over = np.maximum(corners @ normal - rng.uniform(0.45, 0.75), 0)
        corners = corners - over[:, None] * normal
    return corners * size


def rock(rng: np.random.Generator) -> Template:
    """One boulder, flat slabs, a pile of stones, a jagged block, or a few with a large one."""
    shape = Shape("rock")
    kind = rng.integers(5)
    edge = rng.choice([0.0, 0.5, 1.0])
    if kind == 0:
        sizes = [rng.uniform(0.35, 1.5) * rng.uniform(0.6, 1.2, 3)]
        spots = np.zeros((1, 3))
    elif kind == 1:  # slabs
        n = int(rng.integers(1, 4))
        sizes = [rng.uniform(0.4, 1.1) * np.array([1.2, 0.9, 0.3]) for _ in range(n)]
        spots = rng.normal(0, 0.4, (n, 3)) * [1, 1, 0] + np.arange(n)[:, None] * [0, 0, 0.15]
    elif kind == 2:  # a pile
        n = int(rng.integers(8, 22))
        spots = in_ball(rng, n) * [0.9, 0.9, 0.4]
        spots[:, 2] = np.abs(spots[:, 2])
        sizes = [rng.uniform(0.12, 0.35) * rng.uniform(0.7, 1.2, 3) for _ in range(n)]
    else:
        n = int(rng.integers(2, 6))
        spots = rng.normal(0, 0.6, (n, 3)) * [1, 1, 0]
        sizes = [rng.uniform(0.15, 0.5 if k else 1.1) * rng.uniform(0.6, 1.2, 3) for k in range(n)]
    for size, spot in zip(sizes, spots, strict=True):
        lift = np.array([0, 0, size[2] * rng.uniform(0.15, 0.55)])
        shape.add("stone", _boulder(rng, size, edge) + spot + lift, _BALL[1])
    if kind == 4 and rng.random() < 0.5:  # chips
        boxes(
            shape,
            "stone",
            rng.normal(0, 0.8, (12, 3)) * [1, 1, 0.02],
            rng.uniform(0.05, 0.2, (12, 3)),
        )
    return shape.finish()


SHAPES: dict[str, tuple[Maker, int]] = {
    "bush": (bush, 8),
    "hedge": (hedge, 1),
    "tall grass": (tall_grass, 5),
    "fern": (fern, 4),
    "rock": (rock, 5),
}
HELD_OUT: dict[str, tuple[Maker, int]] = {"bush": (cloud_bush, 4), "hedge": (ivy_screen, 1)}
