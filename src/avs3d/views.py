"""Views: sets of points that are captioned together (paper, 3.3)."""

from __future__ import annotations

import numpy as np

from avs3d.errors import UserError
from avs3d.projection import project, unhidden
from avs3d.scan import Scan

Views = int | str
"""How points are put in views: a number of azimuth sectors, ``cameras`` or ``squares``."""
MIN_SQUARE_POINTS = 150
_PUBLISHED_MINIMUM = 200
MAX_SECTORS = 360
_BORDER = 5  # pixels of the halved image, in which the published code sees no point


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


def point_views(
    scan: Scan, rows: np.ndarray, views: Views, *, cell: int | None = None, published: bool = False
) -> tuple[list[str], np.ndarray]:
    """The views of some points of a scan that hold any (paper, 3.3).

    Of several sweeps, points of the key frame alone are in views: they are where things are now.

    Args:
        scan: all points.
        rows: (M,) which of them, each finite.
        views: so many sectors around the sensor, the ``cameras`` of the scan, or ``squares``.
        cell: of cameras, see `camera_views`.
        published: take the published code's sectors and squares where it is at fault.

    Returns:
        The V names, and (M, V) bool.

    Raises:
        ValueError: no such views.
    """
    if views not in ("cameras", "squares") and not isinstance(views, (int, np.integer)):
        raise ValueError(
            f"views must be a number of sectors, 'cameras' or 'squares', got {views!r}"
        )
    if views == "cameras":
        names = [f"camera {camera.name}" for camera in scan.cameras]
        masks = camera_views(scan, cell)[rows]
    elif views == "squares":
        minimum = _PUBLISHED_MINIMUM if published else MIN_SQUARE_POINTS
        square = np.full(len(scan), -1)
        square[scan.finite], full = _squares(scan.points[scan.finite], 0.5, minimum)
        masks = square[rows][:, None] == full
        names = [f"square {i:02d}" for i in range(masks.shape[1])]
    else:
        points = scan.points[rows] - viewpoint(scan)
        masks = lidar_sectors(points, int(views), closed=not published)
        names = [f"sector {i:02d}" for i in range(masks.shape[1])]
    if scan.sweep is not None:
        masks &= (scan.sweep[rows] == 0)[:, None]
    kept = np.flatnonzero(masks.any(0))
    return [names[i] for i in kept], masks[:, kept]


def parse_views(text: str) -> Views:
    """``12``, ``cameras`` or ``squares``.

    Raises:
        UserError: it is none of these.
    """
    if text in ("cameras", "squares"):
        return text
    if text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_SECTORS:
        return int(text)
    raise UserError(f"--views {text}: give a number from 1 to {MAX_SECTORS}, cameras or squares")


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


def camera_views(scan: Scan, cell: int | None = None) -> np.ndarray:
    """The points that each camera sees, by the published rule: the rounded pixel in the image of
    half the width and height lies at least 5 pixels from its edge. Nothing hides anything.

    Args:
        scan: with V cameras, whose sizes are known.
        cell: hide, beyond that, what lies behind nearer points, see `projection.unhidden`: side of
            a square of the z-buffer in pixels of the halved image.

    Returns:
        (N, V) bool, in the order of `scan.cameras`; readers put these by name, which is the order
        of the published caches (back, back left, back right, front, front left, front right).
    """
    masks = np.zeros((len(scan), len(scan.cameras)), bool)
    points = scan.points + scan.origin
    for i, camera in enumerate(scan.cameras):
        assert camera.size is not None, camera.name
        width, height = camera.size
        projection = project(points, camera, (max(width // 2, 1), max(height // 2, 1)))
        inside = projection.inside(_BORDER)
        masks[:, i] = inside if cell is None else unhidden(projection, inside, cell)
    return masks


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
    square, full = _squares(points, size, minimum)
    return square[:, None] == full


def _squares(points: np.ndarray, size: float, minimum: int) -> tuple[np.ndarray, np.ndarray]:
    """(N,) the square of each point, and the numbers of those that hold enough of them."""
    cells = np.floor((points[:, :2] - points[:, :2].min(0)) / size).astype(np.int64)
    _, inverse, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    return inverse.reshape(-1), np.flatnonzero(count >= minimum)
