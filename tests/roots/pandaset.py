"""PandaSet: sequence 001 with classes of points, 002 without."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np

from roots.pandas_pickles import new_table, old_table
from roots.scene import AHEAD, COUNT, LIDAR, WORLD, car, picture, put, quaternion, rigid

START = 1557539924.5
FRAMES = 3
ROWS = np.random.default_rng(1).permutation(COUNT).astype(np.int64)
"""(N,) numbers of the rows of a frame, which are in no order."""
CLASSES = np.arange(COUNT, dtype=np.int64) % 42 + 1
"""(N,) class of the point with each number."""
TURN = -np.pi / 2
"""x points to the car's right."""


def lidar_pose(frame: int) -> np.ndarray:
    return rigid(*car(0.1 * frame)) @ rigid(TURN, LIDAR)


def camera_pose(frame: int) -> np.ndarray:
    """The camera's image is taken a hundredth of a second later."""
    return rigid(*car(0.1 * frame + 0.01)) @ rigid(0, (1.5, 0, 1.5)) @ np.linalg.inv(AHEAD)


def told(pose: np.ndarray, turn: list[float]) -> dict[str, dict[str, float]]:
    return {
        "position": dict(zip("xyz", pose[:3, 3].tolist(), strict=True)),
        "heading": dict(zip("wxyz", turn, strict=True)),
    }


def product(a: list[float], b: list[float]) -> list[float]:
    """Of two quaternions."""
    (w, *v), (s, *u) = (np.array(q) for q in (a, b))
    v, u = np.array(v), np.array(u)
    return [float(w * s - v @ u), *(w * u + s * v + np.cross(v, u)).tolist()]


def write(root: Path) -> Path:
    for name in ("001", "002"):
        _sequence(root / name, name == "001")
    return root


def _sequence(folder: Path, labelled: bool) -> None:
    poses, cameras, times = [], [], []
    for frame in range(FRAMES):
        yaw, _ = car(0.1 * frame)
        poses.append(told(lidar_pose(frame), quaternion(yaw + TURN)))
        turn = product(quaternion(car(0.1 * frame + 0.01)[0]), [0.5, -0.5, 0.5, -0.5])
        cameras.append(told(camera_pose(frame), turn))
        times.append(START + 0.1 * frame)
        columns = dict(zip("xyz", WORLD[ROWS].T, strict=True))
        columns |= {"i": ROWS % 256.0, "t": np.full(COUNT, times[-1]), "d": ROWS % 2}
        name = f"{frame:02}.pkl.gz"
        put(folder / "lidar" / name, gzip.compress(old_table(columns, ROWS), mtime=0))
        put(folder / "camera" / "front_camera" / f"{frame:02}.jpg", picture())
        if labelled:
            table = old_table({"class": CLASSES})
            if frame == 1:  # saved again with a newer pandas
                table = new_table({"class": CLASSES[::-1].copy()}, np.arange(COUNT)[::-1].copy())
            put(folder / "annotations" / "semseg" / name, gzip.compress(table, mtime=0))
    put(folder / "lidar" / "poses.json", json.dumps(poses))
    put(folder / "lidar" / "timestamps.json", json.dumps(times))
    camera = folder / "camera" / "front_camera"
    inner = {"fx": 1970.01, "fy": 1970.02, "cx": 970.0, "cy": 483.3}
    put(camera / "intrinsics.json", json.dumps(inner))
    put(camera / "poses.json", json.dumps(cameras))
    put(camera / "timestamps.json", json.dumps([time + 0.01 for time in times]))
    if labelled:
        put(folder / "annotations" / "semseg" / "classes.json", json.dumps({"13": "Car"}))
