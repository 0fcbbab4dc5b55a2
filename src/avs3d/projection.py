"""Where the points of a scan lie in an image, and which of them its camera sees. Numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Polynomial

from avs3d.scan import Camera

DEPTH_TOLERANCE = 0.25
"""A point belongs to the surface of a depth image up to this share of the depth (published)."""
NEARER = 0.2
"""A point is hidden by one that is nearer by more than this share of its own distance. With less
the ground hides itself where it is seen at a grazing angle."""
_NOTHING = 1e-12


@dataclass(frozen=True)
class Projection:
    """Points in one image.

    Attributes:
        column, row: (N,) float64, pixels; 0 is the middle of the first one. NaN where the camera
            cannot see: behind it, beyond what its lens bends in, points without a position.
        depth: (N,) float64, metres along the optical axis.
        distance: (N,) float64, metres from the camera.
        size: width and height of the image.
    """

    column: np.ndarray
    row: np.ndarray
    depth: np.ndarray
    distance: np.ndarray
    size: tuple[int, int]

    def inside(self, border: int = 0) -> np.ndarray:
        """(N,) bool: the rounded pixel lies in the image, at least `border` pixels from its edge.

        Rounded, not floored, as published: half a pixel left of the image is still inside.
        """
        column, row = np.rint(self.column), np.rint(self.row)
        width, height = self.size
        across = (column >= border) & (column < width - border)
        return across & (row >= border) & (row < height - border)

    def pixels(self, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns, each (M,) int64, of the M points of a mask (N,) that are `inside`."""
        return np.rint(self.row[kept]).astype(np.int64), np.rint(self.column[kept]).astype(np.int64)


def project(points: np.ndarray, camera: Camera, size: tuple[int, int] | None = None) -> Projection:
    """The pixels of points.

    Args:
        points: (N, 3), metres, in the frame that `camera_from_lidar` maps from.
        camera: its `size` must be known.
        size: width and height of the image, shrunk or enlarged; the camera's own when None.
    """
    if camera.size is None:
        raise ValueError(f"the size of camera {camera.name!r} is not known yet")
    size = size or camera.size
    with np.errstate(all="ignore"):
        pose = camera.camera_from_lidar
        seen = points.astype(np.float64) @ pose[:3, :3].T + pose[:3, 3]
        flat = _bent(seen, camera) @ resized(camera.intrinsics, camera.size, size).T
        column, row = (flat[:, :2] / flat[:, 2:]).T
        return Projection(column, row, seen[:, 2], np.linalg.norm(seen, axis=1), size)


def resized(intrinsics: np.ndarray, size: tuple[int, int], target: tuple[int, int]) -> np.ndarray:
    """(3, 3) intrinsics of the same image at another size (width, height).

    As published: focal lengths go by the sizes, the principal point by the distances between the
    middles of the first and the last pixels.
    """
    out = intrinsics.copy()
    for axis, (old, new) in enumerate(zip(size, target, strict=True)):
        out[axis, :2] *= new / old
        out[axis, 2] *= (new - 1) / max(old - 1, 1)
    return out


def unhidden(
    projection: Projection, inside: np.ndarray, cell: int, nearer: float = NEARER
) -> np.ndarray:
    """Visibility by depth order: the image is a z-buffer of squares of `cell` pixels.

    Args:
        projection: of all points.
        inside: (N,) bool, the points in question.
        cell: side of a square. It should hold a few points of a surface; larger squares hide what
            is seen past an outline, smaller ones let points through that lie behind a surface.
        nearer: see `NEARER`.

    Returns:
        (N,) bool: the points of `inside` that nothing in their square hides.
    """
    if cell < 1:
        raise ValueError(f"a square of the z-buffer must have at least one pixel, got {cell}")
    row, column = projection.pixels(inside)
    distance = projection.distance[inside]
    square = row // cell * (projection.size[0] // cell + 1) + column // cell
    nearest = np.full(square.max(initial=-1) + 1, np.inf)
    np.minimum.at(nearest, square, distance)
    seen = inside.copy()
    seen[inside] = nearest[square] >= distance * (1 - nearer)
    return seen


def on_surface(
    projection: Projection,
    inside: np.ndarray,
    depth: np.ndarray,
    tolerance: float = DEPTH_TOLERANCE,
) -> np.ndarray:
    """Visibility by a depth image: |d - z| <= tolerance d (published for indoor scenes).

    Args:
        projection: of all points.
        inside: (N,) bool, the points in question.
        depth: (H, W), metres along the optical axis, of the image's size; 0: not measured.
        tolerance: share of the depth.

    Returns:
        (N,) bool: the points of `inside` that lie on the surface.
    """
    if depth.shape != projection.size[::-1]:
        raise ValueError(f"depth must have shape {projection.size[::-1]}, got {depth.shape}")
    measured = depth[projection.pixels(inside)].astype(np.float64)
    seen = inside.copy()
    seen[inside] = np.abs(measured - projection.depth[inside]) <= tolerance * measured
    return seen


def _bent(seen: np.ndarray, camera: Camera) -> np.ndarray:
    """(N, 3) rays of points in the camera's frame after its lens; NaN where it does not reach."""
    x, y, z = seen.T
    k = np.zeros(8)
    k[: len(camera.distortion)] = camera.distortion
    if camera.lens == "fisheye":
        return _fisheye(x, y, z, k[:4])
    before = np.where(z > 0, 1.0, np.nan)[:, None]
    if not k.any():
        return seen * before
    return _brown_conrady(x / z, y / z, k) * before


def _brown_conrady(x: np.ndarray, y: np.ndarray, k: np.ndarray) -> np.ndarray:
    k1, k2, p1, p2, k3, k4, k5, k6 = k
    above, below = Polynomial([1, k1, k2, k3]), Polynomial([1, k4, k5, k6])
    s = x**2 + y**2
    # Farther out the polynomials bend rays back into the image that no lens would.
    slope = above * below + Polynomial([0, 2]) * (above.deriv() * below - above * below.deriv())
    limit = min(_first_root(slope), _first_root(below))
    stretch = np.where(s < limit, above(s) / below(s), np.nan)
    across = x * stretch + 2 * p1 * x * y + p2 * (s + 2 * x**2)
    down = y * stretch + p1 * (s + 2 * y**2) + 2 * p2 * x * y
    return np.stack([across, down, np.ones_like(s)], axis=1)


def _fisheye(x: np.ndarray, y: np.ndarray, z: np.ndarray, k: np.ndarray) -> np.ndarray:
    radius = np.hypot(x, y)
    angle = np.arctan2(radius, z)
    limit = min(_first_root(Polynomial([1, *(k * [3, 5, 7, 9])])), np.pi**2)
    bent = angle * Polynomial([1, *k])(angle**2)
    on_axis = (radius == 0) & (z > 0)
    stretch = np.where(on_axis, 0, np.where(angle**2 < limit, bent / radius, np.nan))
    return np.stack([x * stretch, y * stretch, np.ones_like(x)], axis=1)


def _first_root(polynomial: Polynomial) -> float:
    """The smallest real root above 0; infinity if there is none, 0 for numbers of no lens.

    A last coefficient that is next to nothing bends nothing where a lens sees, but overflows here.
    """
    try:
        roots = polynomial.trim(_NOTHING).roots()
    except np.linalg.LinAlgError:
        return 0.0
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)]
    return float(real.min(initial=np.inf))
