"""Clouds that no sensor on a street sees: what a bundle should know that it does not know."""

from __future__ import annotations

import numpy as np


def make_strange(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(K, 3) float32, K <= N: from the air, of another size, upside down, a room, or no scene.

    Args:
        points: (N, 3) float32 metres, a scan of a street.
    """
    kinds = (_from_the_air, _from_the_air, _other_size, _upside_down, _room, _room, _noise)
    return kinds[rng.integers(len(kinds))](points, rng).astype(np.float32)


def _from_the_air(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Of every cell only the highest point."""
    cell = rng.uniform(0.3, 1.5)
    key = np.floor(points[:, :2] / cell).astype(np.int64)
    order = np.lexsort((-points[:, 2], key[:, 1], key[:, 0]))
    top = np.r_[True, (np.diff(key[order], axis=0) != 0).any(1)]
    return points[order[top]] + rng.normal(0, 0.05, (int(top.sum()), 3))


def _other_size(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Feet, miles or a model: lengths that are no metres."""
    size = rng.uniform(0.1, 0.3) if rng.random() < 0.5 else rng.uniform(3, 8)
    return points * size


def _upside_down(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return points * np.array([1, 1, -1])


def _room(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Floor, ceiling, walls and furniture, as a depth camera or a hand-held scanner sees them."""
    width, depth, height = rng.uniform((2.5, 3, 2.3), (8, 12, 3.6))
    count = int(rng.integers(6, 30))
    size = rng.uniform((0.3, 0.3, 0.3), (2.2, 1.2, 2.0), (count, 3))
    centre = rng.uniform((-0.5, -0.5), (0.5, 0.5), (count, 2)) * (width, depth)
    low = np.column_stack([centre, rng.uniform(0, 1.2, count) * (rng.random(count) < 0.3)])
    lows = np.concatenate([[[-width / 2, -depth / 2, 0]], low - size * (0.5, 0.5, 0)])
    sizes = np.concatenate([[[width, depth, height]], size])
    # Each point: one box, by its surface, and one of the box's faces.
    area = sizes[:, 0] * sizes[:, 1] + sizes[:, 2] * (sizes[:, 0] + sizes[:, 1])
    box = rng.choice(count + 1, min(len(points), 40_000), p=area / area.sum())
    place = rng.uniform(0, 1, (len(box), 3))
    face = rng.integers(6, size=len(box))
    place[np.arange(len(box)), face % 3] = face // 3
    noise = rng.normal(0, rng.uniform(0.002, 0.02), place.shape)
    return lows[box] + place * sizes[box] + noise


def _noise(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spread = rng.uniform((3, 3, 0.5), (40, 40, 10))
    return rng.normal(0, 1, points.shape) * spread
