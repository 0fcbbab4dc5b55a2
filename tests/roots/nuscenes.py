"""nuScenes: the two scenes of ``mini_val``, with all of the official tables."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from roots.scene import (
    AHEAD_QUATERNION,
    COUNT,
    LIDAR,
    car,
    picture,
    put,
    quaternion,
    rigid,
    rows,
    seen_from,
)

VERSION = "v1.0-mini"
SCENES = ("scene-0916", "scene-0103")  # not in the order of the split
DESCRIPTIONS = (
    "Parked cars, {braces}, \"quotes\", a knight and a bus", "Night, after rain, drainage"
)  # fmt: skip
SAMPLES = 3
SWEEPS = 4
"""Of the LiDAR for each sample, the key frame among them."""
START = 1532402927647951
CAMERAS = ("BACK", "BACK_LEFT", "BACK_RIGHT", "FRONT", "FRONT_LEFT", "FRONT_RIGHT")
INTRINSICS = [[1266.4, 0.0, 816.3], [0.0, 1266.4, 491.5], [0.0, 0.0, 1.0]]
LIDAR_YAW = -np.pi / 2
"""The LiDAR's x points to the car's right."""
PICTURE = picture(1600, 900)
CAMERA_LATE = 12_000
"""Microseconds between the LiDAR's and the cameras' data of a sample."""
_LISTED = (
    "attribute calibrated_sensor category ego_pose instance log map sample sample_annotation"
    " sample_data scene sensor visibility lidarseg"
)
Tables = dict[str, list[dict[str, Any]]]


def token(*what: object) -> str:
    return hashlib.md5(repr(what).encode()).hexdigest()


def write(root: Path, own_car: bool = False) -> Path:
    """The root; with `own_car` the LiDAR sees a point half a metre from itself."""
    tables: Tables = {name: [] for name in _LISTED.split()}
    tables["category"] = [{"token": token("car"), "name": "vehicle.car", "index": 17}]
    tables["log"] = [{"token": token("log"), "logfile": "n015-2018-07-24-11-22-45+0800"}]
    for channel in ("LIDAR_TOP", "RADAR_FRONT", *(f"CAM_{name}" for name in CAMERAS)):
        _sensor(tables, channel)
    for number, name in enumerate(SCENES):
        _scene(root, tables, number, name, own_car)
    for name, content in tables.items():
        put(root / VERSION / f"{name}.json", json.dumps(content, indent=0))
    return root


def _sensor(tables: Tables, channel: str) -> None:
    kind = {"L": "lidar", "R": "radar", "C": "camera"}[channel[0]]
    tables["sensor"].append({"token": token(channel), "channel": channel, "modality": kind})
    turn = quaternion(LIDAR_YAW) if kind == "lidar" else AHEAD_QUATERNION
    place = list(LIDAR) if kind == "lidar" else [1.5, 0.0, 1.5]
    tables["calibrated_sensor"].append(
        {"token": token("calibrated", channel), "sensor_token": token(channel),
         "translation": place, "rotation": turn,
         "camera_intrinsic": INTRINSICS if kind == "camera" else []}
    )  # fmt: skip


def seconds(scene: int, sample: int, sweep: int = SWEEPS - 1) -> float:
    """Since `START`."""
    return 100 * scene + (sample * SWEEPS + sweep) * 0.5 / SWEEPS


def lidar_pose(moment: float) -> np.ndarray:
    """(4, 4) world from LiDAR."""
    return rigid(*car(moment % 100)) @ rigid(LIDAR_YAW, LIDAR)


def _scene(root: Path, tables: Tables, number: int, name: str, own_car: bool) -> None:
    samples = [token(name, sample) for sample in range(SAMPLES)]
    tables["scene"].append(
        {"token": token(name), "log_token": token("log"), "nbr_samples": SAMPLES,
         "first_sample_token": samples[0], "last_sample_token": samples[-1], "name": name,
         "description": DESCRIPTIONS[number]}
    )  # fmt: skip
    for sample, own in enumerate(samples):
        moment = seconds(number, sample)
        tables["sample"].append(
            {"token": own, "timestamp": START + round(1e6 * moment), "scene_token": token(name),
             "prev": samples[sample - 1] if sample else "",
             "next": samples[sample + 1] if sample + 1 < SAMPLES else ""}
        )  # fmt: skip
        for sweep in range(SWEEPS):
            _lidar(root, tables, (number, sample, sweep), own, own_car)
        for channel in (f"CAM_{camera}" for camera in CAMERAS):
            taken = START + round(1e6 * moment) + CAMERA_LATE
            _data(root, tables, channel, taken, own, True, (number, sample), PICTURE)
        _data(root, tables, "RADAR_FRONT", START, own, True, (number, sample), b"VERSION .7\n")


def lidar_token(scene: int, sample: int, sweep: int = SWEEPS - 1) -> str:
    """Of the LiDAR's data; of the key frame by default."""
    return token("LIDAR_TOP", scene, sample * SWEEPS + sweep)


def _lidar(
    root: Path, tables: Tables, place: tuple[int, int, int], sample: str, own_car: bool
) -> None:
    number, index, sweep = place
    moment = seconds(*place)
    points = seen_from(lidar_pose(moment))
    if own_car:
        points[-1] = (0.5, -0.5, -0.5)
    content = rows(points, np.arange(COUNT) % 256, np.arange(COUNT) % 32)
    taken = START + round(1e6 * moment)
    key = sweep == SWEEPS - 1
    step = index * SWEEPS + sweep
    _data(root, tables, "LIDAR_TOP", taken, sample, key, (number, step), content)
    if key:
        own = lidar_token(number, index)
        file = f"lidarseg/{VERSION}/{own}_lidarseg.bin"
        put(root / file, (np.arange(COUNT) % 32).astype(np.uint8).tobytes())
        tables["lidarseg"].append({"token": own, "sample_data_token": own, "filename": file})


def _data(
    root: Path, tables: Tables, channel: str, taken: int, sample: str, key: bool,
    place: tuple[int, int], content: bytes,
) -> None:  # fmt: skip
    number, step = place
    own = token(channel, number, step)
    last = SAMPLES * (SWEEPS if channel == "LIDAR_TOP" else 1) - 1
    form = "jpg" if channel.startswith("CAM") else "pcd"
    ending = ".pcd.bin" if channel == "LIDAR_TOP" else f".{form}"
    folder = "samples" if key else "sweeps"
    file = f"{folder}/{channel}/n015-2018-07-24-11-22-45+0800__{channel}__{taken}{ending}"
    put(root / file, content)
    tables["sample_data"].append(
        {"token": own, "sample_token": sample, "ego_pose_token": own,
         "calibrated_sensor_token": token("calibrated", channel), "timestamp": taken,
         "fileformat": form, "is_key_frame": key, "height": 900 if form == "jpg" else 0,
         "width": 1600 if form == "jpg" else 0, "filename": file,
         "prev": token(channel, number, step - 1) if step else "",
         "next": token(channel, number, step + 1) if step < last else ""}
    )  # fmt: skip
    yaw, position = car((taken - START) / 1e6 % 100)
    tables["ego_pose"].append(
        {"token": own, "timestamp": taken, "rotation": quaternion(yaw),
         "translation": list(position)}
    )  # fmt: skip
