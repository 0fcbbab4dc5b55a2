"""Views: sets of points that are captioned together (paper, 3.3)."""

from __future__ import annotations

import numpy as np

from avs3d.scan import Scan

MIN_SQUARE_POINTS = 150


def viewpoint(scan: Scan) -> np.ndarray:
    """(3,) float32, where the sensor stood in the frame of `scan.points`.

    The frame's origin, unless that lies outside the cloud or the coordinates are a map's: then
    the median of the points.
    """
    points = scan.points[scan.finite]
    if not len(points):
        return np.zeros(3, np.float32)
    inside = all(axis.min() <= 0 <= axis.max() for axis in points.T[:2])
    if inside and not scan.origin.any():
        return np.zeros(3, np.float32)
    return np.median(points, 0).astype(np.float32)


def lidar_sectors(points: np.ndarray, count: int = 12, *, closed: bool = True) -> np.ndarray:
    """Equal azimuth sectors around the origin, half-open [a, a + step), from -pi.

    Args:
        points: (N, 3) or (N, 2), finite.
        count: number of sectors.
        closed: a point at exactly +pi belongs to the first sector; in the published code to none.

    Returns:
        (N, count) bool; every point is in exactly one.
    """
    if count < 1:
        raise ValueError(f"there must be at least one sector, got {count}")
    angle = np.arctan2(points[:, 1].astype(np.float64), points[:, 0].astype(np.float64))
    edges = -np.pi + np.arange(1, count) * (2 * np.pi / count)
    sector = np.where(
        angle >= np.pi, 0 if closed else -1, np.searchsorted(edges, angle, side="right")
    )
    return sector[:, None] == np.arange(count)


def squares(points: np.ndarray, size: float = 0.5, minimum: int = MIN_SQUARE_POINTS) -> np.ndarray:
    """Squares of `size` metres over x and y from the cloud's minimum (indoor scenes).

    Args:
        points: (N, 3), finite, metres.
        size: side of a square.
        minimum: squares with fewer points are dropped (150 intended by the paper; the published
            call applies 200).

    Returns:
        (N, V) bool, x-major order; points of dropped squares are in no view.
    """
    cells = np.floor((points[:, :2] - points[:, :2].min(0)) / size).astype(np.int64)
    _, inverse, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    kept = np.flatnonzero(count >= minimum)
    return inverse.reshape(-1, 1) == kept
