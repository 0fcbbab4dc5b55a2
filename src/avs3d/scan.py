"""`Scan` and `Camera`: what a sensor saw at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np


def _per_point(name: str, value: np.ndarray | None, count: int, dtype: type) -> np.ndarray | None:
    if value is None:
        return None
    value = np.ascontiguousarray(value, dtype=dtype)
    if value.shape != (count,):
        raise ValueError(f"{name} must have shape ({count},) like the points, got {value.shape}")
    return value


def _check_precision(given: np.ndarray, points: np.ndarray) -> None:
    """Coordinates of maps have more digits than float32, which would move points silently."""
    if given.dtype.itemsize <= points.dtype.itemsize or not len(given):
        return
    with np.errstate(invalid="ignore", over="ignore"):
        errors = np.abs(given - points).max(1)
    errors = errors[np.isfinite(errors)]
    if len(errors) and (error := float(np.median(errors))) > _COARSEST:  # not a few stray points
        raise ValueError(
            f"points are too far from 0 for float32, which would move them by some {error:.2g} m:"
            " take an origin off them, and give it as origin"
        )


_COARSEST = 1e-3  # metres that rounding may move a point
LENSES = {"pinhole": (0, 4, 5, 8), "fisheye": (0, 4)}
"""How a camera sees -> how many numbers may describe its distortion."""
_ROTATION_ERROR = 1e-3  # calibrations are written with a few decimals


@dataclass(frozen=True)
class Camera:
    """One camera image and where it was taken from.

    Attributes:
        name: for example ``front_left``.
        image: path of the image, or (H, W, 3) uint8; a path is opened only when pixels are needed.
        intrinsics: (3, 3) float64, pixels; (0, 0) is the middle of the first pixel.
        camera_from_lidar: (4, 4) float64, metres; maps sensor-frame points into the camera frame:
            x right, y down, z ahead.
        size: width and height of the image that `intrinsics` are for, pixels; of an array its
            own; None: not known before the path is opened.
        lens: ``pinhole``, with the distortion of Brown and Conrady, or ``fisheye``: the distance
            from the middle grows with the angle (equidistant), which may exceed 90 degrees.
        distortion: (K,) float64 in OpenCV's order: k1 k2 p1 p2 [k3 [k4 k5 k6]], or k1 k2 k3 k4 of
            a fisheye; none where K is 0.
        timestamp: of the exposure, nanoseconds, or None.
        depth: path of an image of depths in millimetres, 0 where unknown, or None.
    """

    name: str
    image: Path | np.ndarray
    intrinsics: np.ndarray
    camera_from_lidar: np.ndarray
    size: tuple[int, int] | None = None
    lens: str = "pinhole"
    distortion: np.ndarray = field(default_factory=lambda: np.zeros(0))
    timestamp: int | None = None
    depth: Path | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        if isinstance(self.image, str):
            set_(self, "image", Path(self.image))
        if self.depth is not None:
            set_(self, "depth", Path(self.depth))
        for key, shape in (("intrinsics", (3, 3)), ("camera_from_lidar", (4, 4))):
            value = np.asarray(getattr(self, key), dtype=np.float64)
            if value.shape != shape or not np.isfinite(value).all():
                raise ValueError(f"{key} of camera {self.name!r} must be {shape} and finite")
            set_(self, key, value)
        self._check_intrinsics()
        self._check_pose()
        set_(self, "distortion", np.asarray(self.distortion, dtype=np.float64))
        self._check_lens()
        if self.size is None and isinstance(self.image, np.ndarray):
            set_(self, "size", (self.image.shape[1], self.image.shape[0]))
        if self.size is not None and min(self.size) < 1:
            raise ValueError(f"size of camera {self.name!r} must be at least 1 x 1")

    def _check_intrinsics(self) -> None:
        K = self.intrinsics
        if min(K[0, 0], K[1, 1]) <= 0 or K[1, 0] != 0 or K[2].tolist() != [0, 0, 1]:
            raise ValueError(
                f"intrinsics of camera {self.name!r} must be fx s cx, 0 fy cy, 0 0 1 with fx and "
                "fy above 0"
            )

    def _check_pose(self) -> None:
        rotation, last = self.camera_from_lidar[:3, :3], self.camera_from_lidar[3]
        what = f"camera_from_lidar of camera {self.name!r}"
        with np.errstate(over="ignore", invalid="ignore"):
            off = np.abs(rotation @ rotation.T - np.eye(3)).max()
        if last.tolist() != [0, 0, 0, 1] or not off < _ROTATION_ERROR:
            raise ValueError(f"{what} must be a rotation and a translation, with 0 0 0 1 below")
        if np.linalg.det(rotation) < 0:
            raise ValueError(f"{what} must be right-handed: it mirrors")

    def _check_lens(self) -> None:
        if self.lens not in LENSES:
            raise ValueError(f"lens of camera {self.name!r} must be {' or '.join(LENSES)}")
        counts, given = LENSES[self.lens], self.distortion
        if given.ndim != 1 or len(given) not in counts or not np.isfinite(given).all():
            allowed = ", ".join(map(str, counts[:-1])) + f" or {counts[-1]}"
            raise ValueError(
                f"distortion of camera {self.name!r} must be {allowed} finite numbers for a "
                f"{self.lens} lens"
            )


@dataclass(frozen=True)
class Scan:
    """A point cloud from one place, in the order of its file.

    Points may be NaN or infinite (a sensor's missing returns): they stay in place so that every
    result lines up with the input, and come out unlabelled.

    Attributes:
        points: (N, 3) float32, metres, sensor frame, z up, minus `origin`.
        intensity: (N,) float32 in the file's own scale, or None.
        ring: (N,) int32 laser index, or None.
        sweep: (N,) int32 sweep index, 0 = key frame, or None.
        labels: (N,) int32 ground truth in the dataset's own ids, or None.
        origin: (3,) float64, metres; add it to `points` for the file's coordinates. Non-zero
            only where those are too large for float32 (maps, airborne tiles).
        fields: every other per-point column of the input, by name, kept for the writers.
        cameras: the images that go with the scan.
        name: short identity, by default the file's stem.
        path: the file it was read from, or None.
        sequence: what it is a part of, the same for all scans that follow each other; or "".
        number: which one of these it is, counted in their order.
        timestamp: when it was taken, nanoseconds, or None.
        left_out: its cameras that cannot be used, and why, a line each.
        crs: what the file's coordinates refer to, as OGC WKT, or "".
    """

    points: np.ndarray
    intensity: np.ndarray | None = None
    ring: np.ndarray | None = None
    sweep: np.ndarray | None = None
    labels: np.ndarray | None = None
    origin: np.ndarray = field(default_factory=lambda: np.zeros(3))
    fields: dict[str, np.ndarray] = field(default_factory=dict)
    cameras: tuple[Camera, ...] = ()
    name: str = "scan"
    path: Path | None = None
    sequence: str = ""
    number: int = 0
    timestamp: int | None = None
    left_out: tuple[str, ...] = ()
    crs: str = ""

    def __post_init__(self) -> None:
        with np.errstate(over="ignore"):
            points = np.ascontiguousarray(self.points, dtype=np.float32)
        if points.ndim != 2 or points.shape[1] != 3:
            raise ValueError(f"points must have shape (N, 3), got {points.shape}")
        _check_precision(np.asarray(self.points), points)
        set_ = object.__setattr__
        set_(self, "points", points)
        if self.path is not None:
            set_(self, "path", Path(self.path))
        for key, dtype in (
            ("intensity", np.float32),
            ("ring", np.int32),
            ("sweep", np.int32),
            ("labels", np.int32),
        ):
            set_(self, key, _per_point(key, getattr(self, key), len(points), dtype))
        origin = np.asarray(self.origin, dtype=np.float64)
        if origin.shape != (3,) or not np.isfinite(origin).all():
            raise ValueError("origin must be three finite numbers")
        set_(self, "origin", origin)
        for key, value in self.fields.items():
            if len(value) != len(points):
                raise ValueError(f"field {key!r} has {len(value)} rows for {len(points)} points")

    def __len__(self) -> int:
        return len(self.points)

    def take(self, rows: np.ndarray) -> Scan:
        """These points alone, (N,) bool or indices, with everything that is known of them."""

        def some(column: np.ndarray | None) -> np.ndarray | None:
            return None if column is None else column[rows]

        return replace(
            self,
            points=self.points[rows],
            intensity=some(self.intensity),
            ring=some(self.ring),
            sweep=some(self.sweep),
            labels=some(self.labels),
            fields={name: value[rows] for name, value in self.fields.items()},
        )

    @property
    def finite(self) -> np.ndarray:
        """(N,) bool: the points that have a position."""
        return np.isfinite(self.points).all(axis=1)
