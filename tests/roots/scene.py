"""What all roots show: points that stand still, and a car that drives and turns."""

from __future__ import annotations

import io
import math
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

COUNT = 40
WORLD = np.random.default_rng(0).uniform((4, -8, -1), (25, 8, 3), (COUNT, 3))
"""(N, 3) metres: the points, before the car and around it."""
LIDAR = (0.9, 0.1, 1.8)
"""Where on the car the LiDAR is, metres; it looks ahead."""


def rigid(yaw: float, place: tuple[float, float, float]) -> np.ndarray:
    """(4, 4) turned about z, moved to a place."""
    c, s = math.cos(yaw), math.sin(yaw)
    pose = np.eye(4)
    pose[:2, :2] = [[c, -s], [s, c]]
    pose[:3, 3] = place
    return pose


def quaternion(yaw: float) -> list[float]:
    """w x y z of the same turn."""
    return [math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)]


def car(seconds: float) -> tuple[float, tuple[float, float, float]]:
    """Yaw and place of the car, 5 m/s and a tenth of a radian a second."""
    return 0.1 * seconds, (5 * seconds, 0.5 * seconds, 0.0)


AHEAD = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
"""(4, 4) from x ahead, y left, z up to the frame of a camera that looks ahead."""
AHEAD_QUATERNION = [0.5, -0.5, 0.5, -0.5]
"""w x y z of its inverse, from the camera's frame."""


def seen_from(pose: np.ndarray, points: np.ndarray = WORLD) -> np.ndarray:
    """(N, 3) the points in the frame that has this pose in the world."""
    return (points - pose[:3, 3]) @ pose[:3, :3]


def applied(pose: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N, 3) the points, moved by a pose."""
    return points @ pose[:3, :3].T + pose[:3, 3]


def rows(points: np.ndarray, *columns: np.ndarray) -> bytes:
    """Little-endian float32 rows."""
    return np.column_stack([points, *columns]).astype("<f4").tobytes()


def put(path: Path, content: bytes | str) -> Path:
    """Write a file, and the folders that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@cache
def picture(width: int = 32, height: int = 18, kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 60)).save(stream, kind)
    return stream.getvalue()


@cache
def depths(width: int, height: int, millimetres: int) -> bytes:
    """16 bits of grey."""
    stream = io.BytesIO()
    Image.new("I;16", (width, height), millimetres).save(stream, "PNG")
    return stream.getvalue()
