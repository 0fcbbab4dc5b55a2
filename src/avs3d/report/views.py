"""Projections of a cloud onto pixels: from above, from the sensor, and at a slant.

A view says for every pixel which point is seen there, so that one view is coloured by words, by
similarity, or by anything else that there is one of per point. Numpy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.scan import Scan

NOTHING = -1
_EYE_HEIGHT = 1.8  # metres above ground, where the frame's origin lies on or below the road
_OWN_BODY = 3.0  # metres; nearer points are mostly the vehicle itself
_MAP_GAP = 9  # pixels
_LARGEST_DOT = 4  # pixels
_SLANT = np.radians(35.0)  # of the slanted view, above the horizon


@dataclass(frozen=True)
class View:
    """One projection.

    Attributes:
        index: (H, W) int32, the point seen at each pixel, -1 where there is none; row 0 is on top.
        extent: left, right, bottom, top of the image, in the units of the axes.
        shade: (N,) float32 brightness per point, about 1, that gives the view depth.
        title, x_label, y_label, x_ticks: what to write around it.
    """

    index: np.ndarray
    extent: tuple[float, float, float, float]
    shade: np.ndarray
    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[int, ...] = ()

    def paint(self, colours: np.ndarray, background: np.ndarray, shaded: bool) -> np.ndarray:
        """(H, W, 3) uint8 image from (N, 3) uint8 colours of the points."""
        if shaded:
            colours = np.clip(colours * self.shade[:, None], 0, 255).astype(np.uint8)
        return np.concatenate([colours, background[None]])[self.index]


def sensor_eye(scan: Scan) -> np.ndarray | None:
    """(3,) where the sensor that made this scan stood, or None for a map, a tile or a room.

    The points of a scan from one place thin out with the distance from it; those of a map do not.
    Frames whose origin lies on the road (or below it) get an eye above it.
    """
    points = scan.points[scan.finite].astype(np.float64)
    if not len(points) or scan.origin.any():
        return None
    away = np.hypot(points[:, 0], points[:, 1])
    middle, far = np.percentile(away, [50, 98])
    if middle > 0.5 * far:
        return None
    near = points[(away > 3) & (away < 15), 2]
    ground = float(np.percentile(near, 10)) if len(near) else -np.inf
    return np.array([0.0, 0.0, 0.0 if ground < -1.0 else ground + _EYE_HEIGHT])


def from_above(scan: Scan, shape: tuple[int, int], *, eye: np.ndarray | None = None) -> View:
    """Bird's-eye view in metres; the highest point of a pixel is seen.

    The longer side of the cloud lies across: x to the right and y up, or y to the right and x down.

    Args:
        scan: with at least one finite point.
        shape: height and width of the image.
        eye: the sensor, if there is one: what is far from it does not widen the view.
    """
    points, finite = scan.points, scan.finite
    fitted = points[finite].astype(np.float64)
    if eye is not None:
        away = np.hypot(*(fitted - eye)[:, :2].T)
        fitted = fitted[away <= max(np.percentile(away, 95), 10.0)]
    spread = np.ptp(np.percentile(fitted[:, :2], [3, 97], axis=0), axis=0)
    turned = bool(spread[1] > 1.15 * spread[0])
    across, up = (1, 0) if turned else (0, 1)
    sign = -1.0 if turned else 1.0
    scale, left, top = _fit(fitted[:, across], sign * fitted[:, up], shape)
    height, width = shape
    column = (points[:, across] - left) / scale
    row = (top - sign * points[:, up]) / scale
    index = winners(column, row, points[:, 2], shape, _dot(len(fitted), shape))
    return View(
        close_gaps(index, 3 if eye is not None else _MAP_GAP),
        (left, left + width * scale, sign * (top - height * scale), sign * top),
        _shade_height(points[:, 2], finite),
        "from above" if eye is None else "from above  (+ sensor; circles at 10, 20, 40, 80 m)",
        f"{'xy'[across]}  [m]",
        f"{'xy'[up]}  [m]",
    )


def from_sensor(scan: Scan, eye: np.ndarray, shape: tuple[int, int]) -> View:
    """Range view: azimuth across (left is left for someone looking along +x), elevation up."""
    height, width = shape
    azimuth, elevation, distance = _spherical(scan.points, eye)
    body = scan.finite & (distance > _OWN_BODY)
    seen = elevation[body if body.any() else scan.finite]
    low, high = np.percentile(seen, [0.5, 99.5]) + [-0.5, 0.5]
    low, high = max(low, -60.0), min(max(high, low + 10.0), 60.0)
    column = (180.0 - azimuth) / 360.0 * width
    row = (high - elevation) / (high - low) * height
    index = winners(column, row, -distance, shape, 1)
    index = close_gaps(close_gaps(index, 8, axis=1), max(4, height // 16), axis=0)
    index = close_gaps(index, 3, axis=1)  # columns where rings step from row to row
    far = np.percentile(distance[scan.finite], 98)
    shade = 1.08 - 0.5 * np.clip(np.nan_to_num(distance) / max(far, 1e-6), 0, 1)
    return View(
        index,
        (180.0, -180.0, low, high),
        shade.astype(np.float32),
        "from the sensor",
        "azimuth  [°],  0 = +x",
        "elevation  [°]",
        tuple(range(180, -181, -45)),
    )


def slanted(scan: Scan, shape: tuple[int, int]) -> View:
    """Parallel projection from the south, looking down; for clouds no single sensor made."""
    x, y, z = scan.points.T.astype(np.float64)
    up = z * np.cos(_SLANT) + y * np.sin(_SLANT)
    finite = scan.finite
    scale, left, top = _fit(x[finite], up[finite], shape)
    height, width = shape
    toward = z * np.sin(_SLANT) - y * np.cos(_SLANT)
    index = winners(
        (x - left) / scale, (top - up) / scale, toward, shape, _dot(finite.sum(), shape)
    )
    extent = (0.0, width * scale, 0.0, height * scale)
    shade = _shade_height(scan.points[:, 2], finite)
    return View(close_gaps(index, _MAP_GAP), extent, shade, "at a slant, from the south", "[m]", "")


def winners(
    column: np.ndarray, row: np.ndarray, priority: np.ndarray, shape: tuple[int, int], size: int
) -> np.ndarray:
    """(H, W) int32: at each pixel the point of the highest priority whose square covers it.

    Args:
        column, row: (N,) pixel positions; not finite or outside: not drawn.
        priority: (N,).
        shape: height and width.
        size: side of a point's square, pixels.
    """
    height, width = shape
    index = np.full((height + size, width + size), NOTHING, np.int32)
    with np.errstate(invalid="ignore"):
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    drawn = np.flatnonzero(inside & np.isfinite(priority))
    drawn = drawn[np.argsort(priority[drawn], kind="stable")]
    corner = row[drawn].astype(np.int64) * (width + size) + column[drawn].astype(np.int64)
    square = (np.arange(size)[:, None] * (width + size) + np.arange(size)).ravel()
    # Of repeated indices numpy keeps the last value, which here has the highest priority.
    index.reshape(-1)[(corner[:, None] + square).ravel()] = np.repeat(drawn, size * size)
    shift = (size - 1) // 2
    return np.ascontiguousarray(index[shift : shift + height, shift : shift + width])


def close_gaps(index: np.ndarray, gap: int, axis: int | None = None) -> np.ndarray:
    """Fill runs of at most `gap` empty pixels between two seen ones with the nearer of them.

    Unlike a dilation this leaves outlines where they are. `axis` None: along rows, then columns.
    """
    if axis is None:
        return close_gaps(close_gaps(index, gap, axis=1), gap, axis=0)
    index = np.moveaxis(index, axis, 1)
    size = index.shape[1]
    place = np.arange(size)
    empty = index == NOTHING
    before = np.maximum.accumulate(np.where(empty, -size - gap, place), axis=1)
    after = np.minimum.accumulate(np.where(empty, 2 * size + gap, place)[:, ::-1], axis=1)[:, ::-1]
    fill = empty & (after - before <= gap + 1)
    source = np.where(place - before <= after - place, before, after)
    rows, columns = np.nonzero(fill)
    closed = index.copy()
    closed[rows, columns] = index[rows, source[rows, columns]]
    return np.ascontiguousarray(np.moveaxis(closed, 1, axis))


def _spherical(points: np.ndarray, eye: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Azimuth and elevation in degrees, distance in metres, of points seen from `eye`."""
    x, y, z = (points - eye).T.astype(np.float64)
    flat = np.hypot(x, y)
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, flat)), np.hypot(flat, z)


def _fit(across: np.ndarray, up: np.ndarray, shape: tuple[int, int]) -> tuple[float, float, float]:
    """Metres per pixel, left and top, so that all but stray points fit, centred, undistorted."""
    height, width = shape
    (left, right), (bottom, top) = (np.percentile(v, [1, 99]) for v in (across, up))
    scale = max(float(max((right - left) / width, (top - bottom) / height)) * 1.05, 1e-3)
    centre_across, centre_up = (left + right) / 2, (bottom + top) / 2
    return (
        scale,
        float(centre_across - scale * width / 2),
        float(centre_up + scale * height / 2),
    )


def _dot(count: int, shape: tuple[int, int]) -> int:
    """Side in pixels of a drawn point: larger where there are few."""
    return int(np.clip(np.sqrt(0.6 * shape[0] * shape[1] / max(count, 1)), 1, _LARGEST_DOT).round())


def _shade_height(z: np.ndarray, finite: np.ndarray) -> np.ndarray:
    """(N,) brighter with height, so that what stands on the ground stands out."""
    ground = np.percentile(z[finite], 10)
    return (0.82 + 0.26 * np.clip(np.nan_to_num(z - ground) / 4, 0, 1)).astype(np.float32)
