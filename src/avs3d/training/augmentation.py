"""The augmentations of the field: the same scene, seen a little differently each time."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field

from avs3d.training.settings import Settings


class Augmentation(Settings):
    """How much of what; nothing by default.

    Attributes:
        yaw: degrees to either side that a scene is turned at most, 180 for any way.
        flip: chance of each of x and y to be mirrored.
        scale: share by which a scene grows or shrinks at most.
        jitter: metres, standard deviation of each point.
        elastic: pairs of metres: how far apart and how strong the nodes of a grid of noise are, by
            which points are moved ([[0.2, 0.4], [0.8, 1.6]] in rooms).
        dropout: share of the points that is left out at most.
        copy_paste: objects of another scene that are put in; needs instances.
    """

    yaw: float = Field(default=0.0, ge=0, le=180)
    flip: float = Field(default=0.0, ge=0, le=1)
    scale: float = Field(default=0.0, ge=0, lt=1)
    jitter: float = Field(default=0.0, ge=0)
    elastic: tuple[tuple[float, float], ...] = ()
    dropout: float = Field(default=0.0, ge=0, lt=1)
    copy_paste: int = Field(default=0, ge=0)


def move(points: np.ndarray, how: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """(N, 3) float32: turned, mirrored, scaled, bent and jittered."""
    angle = np.deg2rad(rng.uniform(-how.yaw, how.yaw))
    turn = np.eye(3)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turn[:, :2] *= np.where(rng.random(2) < how.flip, -1.0, 1.0)
    moved = points @ (turn * rng.uniform(1 - how.scale, 1 + how.scale)).T
    for spacing, strength in how.elastic:
        moved = moved + strength * _noise(moved, spacing, rng)
    if how.jitter:
        moved = moved + rng.normal(0, how.jitter, moved.shape)
    return moved.astype(np.float32)


def kept(count: int, how: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Rows of N points that are not dropped."""
    return np.flatnonzero(rng.random(count) >= rng.uniform(0, how.dropout))


def drawn_objects(instance: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of some objects of a scene, none of which is larger than a tenth of it."""
    ids, sizes = np.unique(instance, return_counts=True)
    small = ids[(sizes <= len(instance) / 10) & (sizes >= 20)]
    wanted = rng.permutation(small)[:count]
    return np.flatnonzero(np.isin(instance, wanted))


def _noise(points: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """(N, 3) smooth noise of about unit size, on a grid that covers the points."""
    low, span = points.min(0), np.ptp(points, 0)
    nodes = np.minimum((span / spacing).astype(int) + 3, 128)  # coarser where a scene is wide
    grid = torch.from_numpy(rng.normal(size=(1, 3, *nodes)).astype(np.float32))
    smooth = F.avg_pool3d(F.avg_pool3d(grid, 3, 1, 1), 3, 1, 1)
    place = torch.from_numpy(((points - low) / np.maximum(span, 1e-6) * 2 - 1).astype(np.float32))
    # grid_sample has x last: the axes of the grid are z, y, x in its order.
    found = F.grid_sample(
        smooth, place.flip(1)[None, :, None, None], mode="bilinear", align_corners=True
    )
    return found[0, :, :, 0, 0].T.numpy()
