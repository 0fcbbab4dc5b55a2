"""Multi-view fusion: features of pixels become features of the points that lie there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from avs3d.cameras.images import depths, sized, unused
from avs3d.errors import ReadError
from avs3d.features import PointFeatures
from avs3d.io.source import show
from avs3d.projection import on_surface, project
from avs3d.scan import Camera, Scan
from avs3d.views import camera_views

if TYPE_CHECKING:
    from avs3d.vision import PixelFeatures

_POINTS = 8192  # sampled at a time
_STRETCH = 0.05  # by which the shapes of an image and of its depths may differ, as ScanNet's do


@dataclass(frozen=True)
class Fused:
    """What the cameras of a scan gave.

    Attributes:
        features: of the points that a camera sees, float32.
        left_out: the cameras that gave nothing, and why, a line each.
    """

    features: PointFeatures
    left_out: tuple[str, ...] = ()


def fuse(
    scan: Scan,
    source: PixelFeatures,
    *,
    cell: int | None = None,
    status: Callable[[str], None] = lambda text: None,
) -> Fused:
    """The mean, over the cameras that see a point, of the features at its rounded pixel.

    Which points a camera sees is the published rule (`camera_views`): nothing hides anything.
    Where a camera has a depth image, its points must also lie on that surface (`on_surface`). The
    pixel is that of the whole image; the authors' code rounds in one of half the size.

    One image and its features are in memory at a time, and beside them a float32 sum for each
    point that is seen. A camera whose image, depths or features cannot be used costs itself only,
    and so does, for a point, a feature that is not finite.

    Args:
        scan: with its cameras.
        source: of the features.
        cell: hide what lies behind nearer points, see `camera_views`.
        status: called with a few words before each image.

    Raises:
        UserError: the source fails for every camera, see `PixelFeatures.of`.
    """
    left_out, sights = [], []
    seen = np.zeros(len(scan), bool)
    for camera in scan.cameras:
        try:
            camera, visible = _seen(scan, camera, cell)
            sights.append((camera, np.packbits(visible)))  # recordings have thousands of images
            seen |= visible
        except ReadError as error:
            left_out.append(unused(camera, error))
    sums = np.zeros((int(seen.sum()), source.dim), np.float32)
    views = np.zeros(len(sums), np.int32)
    rows = np.cumsum(seen) - 1
    for number, (camera, packed) in enumerate(sights, 1):
        status(f"features of image {number} of {len(sights)}")
        points = np.flatnonzero(np.unpackbits(packed, count=len(scan)))
        try:
            _add(scan.points[points] + scan.origin, camera, source, rows[points], sums, views)
        except ReadError as error:
            left_out.append(unused(camera, error))
    found = views > 0
    if not found.all():
        seen[seen] = found
        sums, views = sums[found], views[found]
    sums /= views[:, None]
    return Fused(PointFeatures(sums, seen, source.name), tuple(left_out))


def _seen(scan: Scan, camera: Camera, cell: int | None) -> tuple[Camera, np.ndarray]:
    """The camera with the size of its image, and the points that it sees, (N,) bool.

    Raises:
        ReadError: it sees none, or its image or depths are needed and cannot be read.
    """
    camera = sized(camera)
    seen = camera_views(replace(scan, cameras=(camera,)), cell)[:, 0]
    if camera.depth is not None:
        depth = depths(camera.depth)
        _check_shape(camera, depth.shape)
        there = project(scan.points + scan.origin, camera, depth.shape[::-1])
        seen = on_surface(there, seen & there.inside(), depth)
    if not seen.any():
        raise ReadError("sees no point of the scan; correct camera_from_lidar")
    return camera, seen


def _check_shape(camera: Camera, shape: tuple[int, ...]) -> None:
    """A depth image may be smaller or larger than the image, but not of another shape."""
    assert camera.size is not None and camera.depth is not None
    (width, height), (rows, columns) = camera.size, shape
    if abs(np.log(columns * height / (rows * width))) > _STRETCH:
        raise ReadError(
            f"{show(camera.depth)}: is {columns} x {rows}, its image {width} x {height}; give"
            " depths of the same shape"
        )


def _add(
    points: np.ndarray,
    camera: Camera,
    source: PixelFeatures,
    rows: np.ndarray,
    sums: np.ndarray,
    views: np.ndarray,
) -> None:
    """Add the features of points, (M, 3) metres, to their rows of `sums`, and count them."""
    features = source.of(camera)
    places = project(points, camera)
    column, row = np.rint(places.column), np.rint(places.row)
    some = False
    for start in range(0, len(points), _POINTS):
        part = slice(start, start + _POINTS)
        sampled = features.sample(column[part], row[part])
        finite = np.isfinite(sampled).all(1)
        target = rows[part][finite]
        sums[target] += sampled[finite]
        views[target] += 1
        some |= bool(finite.any())
    if not some:
        raise ReadError("its features are finite at no point that it sees; make them again")
