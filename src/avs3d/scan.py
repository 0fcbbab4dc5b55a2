"""`Scan` and `Camera`: what a sensor saw at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


def _per_point(name: str, value: np.ndarray | None, count: int, dtype: type) -> np.ndarray | None:
    if value is None:
        return None
    value = np.ascontiguousarray(value, dtype=dtype)
    if value.shape != (count,):
        raise ValueError(f"{name} must have shape ({count},) like the points, got {value.shape}")
    return value


@dataclass(frozen=True)
class Camera:
    """One camera image and where it was taken from.

    Attributes:
        name: for example ``front_left``.
        image: path of the image, or (H, W, 3) uint8; a path is opened only when pixels are needed.
        intrinsics: (3, 3) float64, pixels.
        camera_from_lidar: (4, 4) float64, metres; maps sensor-frame points into the camera frame.
        depth: path of an image of depths in millimetres, 0 where unknown, or None.
    """

    name: str
    image: Path | np.ndarray
    intrinsics: np.ndarray
    camera_from_lidar: np.ndarray
    depth: Path | None = None

    def __post_init__(self) -> None:
        for key, shape in (("intrinsics", (3, 3)), ("camera_from_lidar", (4, 4))):
            value = np.asarray(getattr(self, key), dtype=np.float64)
            if value.shape != shape or not np.isfinite(value).all():
                raise ValueError(f"{key} of camera {self.name!r} must be {shape} and finite")
            object.__setattr__(self, key, value)


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

    def __post_init__(self) -> None:
        points = np.ascontiguousarray(self.points, dtype=np.float32)
        if points.ndim != 2 or points.shape[1] != 3:
            raise ValueError(f"points must have shape (N, 3), got {points.shape}")
        set_ = object.__setattr__
        set_(self, "points", points)
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

    @property
    def finite(self) -> np.ndarray:
        """(N,) bool: the points that have a position."""
        return np.isfinite(self.points).all(axis=1)
