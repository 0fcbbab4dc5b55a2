"""Rigid transforms as (4, 4) float64 matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from avs3d.io.source import MalformedError


def from_quaternion(rotation: Sequence[Any], translation: Sequence[Any]) -> np.ndarray:
    """From a quaternion w x y z, of any length but 0, and metres; or `MalformedError`."""
    try:
        w, x, y, z = turn = np.array(rotation, dtype=np.float64)
        pose = np.eye(4)
        pose[:3, 3] = np.array(translation, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise MalformedError("has a pose that is not 4 and 3 numbers; get it again") from None
    with np.errstate(over="ignore", invalid="ignore"):
        length = turn @ turn
    if not (np.isfinite(pose).all() and np.isfinite(length) and length > 1e-12):
        raise MalformedError("has a pose that is not finite, or turns nothing; get it again")
    s = 2 / length
    pose[:3, :3] = [
        [1 - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y)],
        [s * (x * y + w * z), 1 - s * (x * x + z * z), s * (y * z - w * x)],
        [s * (x * z - w * y), s * (y * z + w * x), 1 - s * (x * x + y * y)],
    ]
    return pose


def from_rows(rows: np.ndarray) -> np.ndarray:
    """(N, 4, 4) from the (N, 12) numbers of their first three rows."""
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[:, :3] = rows.reshape(-1, 3, 4)
    return poses


def inverse(pose: np.ndarray) -> np.ndarray:
    """The transform back."""
    back = np.eye(4)
    back[:3, :3] = pose[:3, :3].T
    back[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    return back


def moved(points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """(N, 3) points in another frame, computed in float64; NaN stays NaN."""
    with np.errstate(invalid="ignore", over="ignore"):
        return points.astype(np.float64) @ pose[:3, :3].T + pose[:3, 3]
