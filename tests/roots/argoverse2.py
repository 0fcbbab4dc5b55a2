"""Argoverse 2: one log, its tables and sweeps as Feather."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roots.scene import (
    AHEAD,
    AHEAD_QUATERNION,
    COUNT,
    car,
    picture,
    put,
    quaternion,
    rigid,
    seen_from,
)

LOG = "7fab2350-7eaf-3b7e-a39d-6937a4c1bede"
START = 315966265259836000
STEP = 100_000_000
CAMERA_LATE = 7_000_000
CAMERA = rigid(0, (1.6, 0, 1.4)) @ np.linalg.inv(AHEAD)
"""(4, 4) vehicle from camera."""


def feather(columns: dict[str, Any]) -> bytes:
    pyarrow = pytest.importorskip("pyarrow", reason="Arrow needs the extra `formats`")
    from pyarrow import feather

    stream = io.BytesIO()
    feather.write_feather(pyarrow.table(columns), stream)
    return stream.getvalue()


def car_pose(time: int) -> np.ndarray:
    return rigid(*car((time - START) / 1e9))


def write(root: Path, split: str = "val") -> Path:
    folder = root / split / LOG
    times = [START + STEP * number for number in range(3)]
    for number, time in enumerate(times):
        points = dict(zip("xyz", seen_from(car_pose(time)).astype("f2").T, strict=True))
        columns = points | {
            "intensity": np.arange(COUNT, dtype="u1"), "laser_number": np.arange(COUNT, dtype="u1"),
            "offset_ns": np.arange(COUNT, dtype="i4") * 1000,
        }  # fmt: skip
        put(folder / "sensors" / "lidar" / f"{time}.feather", feather(columns))
        image = folder / "sensors" / "cameras" / "ring_front_center" / f"{time + CAMERA_LATE}.jpg"
        put(image, picture())
        if number != 1:  # this one's image was not taken
            image = folder / "sensors" / "cameras" / "ring_rear_left" / f"{time + CAMERA_LATE}.jpg"
            put(image, picture())
    moments = sorted([*times, *(time + CAMERA_LATE for time in times)])
    put(folder / "city_SE3_egovehicle.feather", feather(_poses(moments)))
    names = ["ring_front_center", "ring_rear_left", "up_lidar"]
    turns = dict(zip(("qw", "qx", "qy", "qz"), ([v] * 3 for v in AHEAD_QUATERNION), strict=True))
    place = dict(zip(("tx_m", "ty_m", "tz_m"), ([v] * 3 for v in CAMERA[:3, 3]), strict=True))
    calibration = folder / "calibration"
    table = feather({"sensor_name": names, **turns, **place})
    put(calibration / "egovehicle_SE3_sensor.feather", table)
    inner = {"fx_px": 1776.0, "fy_px": 1777.0, "cx_px": 778.0, "cy_px": 1013.5, "k1": -0.24,
             "k2": -0.2, "k3": 0.3}  # fmt: skip
    sizes = {"height_px": np.full(2, 2048, "u2"), "width_px": np.full(2, 1550, "u2")}
    lists = {name: [value] * 2 for name, value in inner.items()}
    put(calibration / "intrinsics.feather", feather({"sensor_name": names[:2], **lists, **sizes}))
    return root


def _poses(times: list[int]) -> dict[str, Any]:
    turns = np.array([quaternion(car((time - START) / 1e9)[0]) for time in times]).T
    places = np.array([car((time - START) / 1e9)[1] for time in times]).T
    names = ("qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m")
    return {"timestamp_ns": times, **dict(zip(names, [*turns, *places], strict=True))}
