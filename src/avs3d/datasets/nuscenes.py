"""nuScenes from its official tables, without the devkit: key frames, sweeps, cameras, lidarseg."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from avs3d.cameras.calibration import Calibration, numbers
from avs3d.datasets.parts.dataset import Dataset, runs
from avs3d.datasets.parts.files import (
    AGAIN,
    cameras_of,
    folders,
    read_json,
    with_cameras,
    with_labels,
)
from avs3d.datasets.parts.poses import from_quaternion, inverse, moved
from avs3d.datasets.parts.tables import rows
from avs3d.errors import ReadError, UserError
from avs3d.io import read
from avs3d.io.source import MalformedError, naming, show
from avs3d.scan import Camera, Scan

NO_LABEL = -1
_SPLITS = Path(__file__).parent / "parts" / "nuscenes_splits.json"
_MAX_SWEEPS = 10
_LIDAR = "LIDAR_TOP"
_TOKEN = re.compile(rb'"token"\s*:\s*"([^"]*)"')
_OWN_CAR = 1.0
"""Metres to the sides within which points of earlier sweeps are the car that carries the sensor."""


class _Data(NamedTuple):
    """A row of sample_data."""

    token: str
    sample: str
    pose: str
    sensor: str
    file: str
    previous: str
    timestamp: int
    size: tuple[int, int]


class _Sensor(NamedTuple):
    """A row of calibrated_sensor."""

    channel: str
    rotation: Any
    translation: Any
    intrinsics: Any


class Reader(Dataset):
    """The key frames, scene after scene.

    Args:
        root: the folder with ``v1.0-…`` and ``samples``.
        version: name of the folder of the tables; by default the one that is there, or that the
            split is in.
        split: ``train``, ``val``, ``test``, ``mini_train`` or ``mini_val``, in the order of the
            official lists; by default all scenes, in the order of the table.
        sweeps: with so many scans of the LiDAR, the key frame among them: the points of earlier
            ones follow in its frame, with `Scan.sweep` 1, 2, … and the field ``time_lag`` in
            seconds, but for those of the own car.

    A key is the token of the key frame's LiDAR data, after which lidarseg files are called.
    """

    name = "nuscenes"
    labelset = "nuscenes-16"

    def __init__(
        self, root: Path, version: str | None = None, split: str | None = None, sweeps: int = 1
    ) -> None:
        if not 1 <= sweeps <= _MAX_SWEEPS:
            raise UserError(f"sweeps={sweeps}: must be 1 to {_MAX_SWEEPS}")
        self.root, self.split = root, split
        self.version = _version(root, split) if version is None else version
        self._sweeps = sweeps
        self._tables = root / self.version
        self._samples: list[str] = []
        self._scenes: list[str] = []
        for scene, sample in self._ordered():
            self._scenes.append(scene)
            self._samples.append(sample)
        self._sensors = dict(self._read_sensors())
        self._lidar: dict[str, _Data] = {}
        self._by_token: dict[str, _Data] = {}
        self._cameras: dict[str, list[_Data]] = {}
        self._read_data()
        self._poses: dict[str, int] = {}
        self._pose_numbers = array("d")
        self._read_poses()
        self._labels = dict(self._read_lidarseg())

    @staticmethod
    def fits(root: Path) -> bool:
        return any((root / name / "sample_data.json").exists() for name in _versions(root))

    def __len__(self) -> int:
        return len(self._samples)

    def key(self, index: int) -> str:
        sample = self._samples[index]
        return self._lidar[sample].token if sample in self._lidar else sample

    def sample(self, index: int) -> str:
        """The token of the sample, which detections and scenes go by."""
        return self._samples[index]

    def scene(self, index: int) -> str:
        """The name of the scene: ``scene-0061``."""
        return self._scenes[index]

    def sequences(self) -> list[range]:
        return runs(self._scenes, [self.timestamp(index) for index in range(len(self))])

    def timestamp(self, index: int) -> int | None:
        data = self._lidar.get(self._samples[index])
        return None if data is None else 1000 * data.timestamp

    def pose(self, index: int) -> np.ndarray | None:
        return self._world_from(self._frame(index))

    def __getitem__(self, index: int) -> Scan:
        frame = self._frame(index)
        scan = replace(self._points(frame), name=frame.token)
        if frame.token in self._labels:
            scan = with_labels(scan, self.root / self._labels[frame.token])
        scan = with_cameras(scan, lambda: self._calibration(frame))
        return scan if self._sweeps == 1 else self._with_sweeps(scan, frame)

    # One scan

    def _frame(self, index: int) -> _Data:
        sample = self._samples[index]
        if sample not in self._lidar:
            raise ReadError(
                f"{show(self._tables / 'sample_data.json')}: has no {_LIDAR} of sample"
                f" {show(sample)}; {AGAIN}"
            )
        return self._lidar[sample]

    def _points(self, data: _Data) -> Scan:
        return read(self.root / data.file, columns=5)

    def _with_sweeps(self, scan: Scan, frame: _Data) -> Scan:
        lidar_from_world = inverse(self._world_from(frame))
        columns, lags, data = [_columns(scan)], [0.0], frame
        while data.previous and len(lags) < self._sweeps:
            data = self._before(data)
            part = _columns(self._points(data))
            part = part[(np.abs(part[:, :2]) >= _OWN_CAR).any(axis=1)]
            part[:, :3] = moved(part[:, :3], lidar_from_world @ self._world_from(data))
            columns.append(part)
            lags.append((frame.timestamp - data.timestamp) / 1e6)
        counts = [len(part) for part in columns]
        labels = None
        if scan.labels is not None:
            labels = np.full(sum(counts), NO_LABEL, np.int32)
            labels[: len(scan)] = scan.labels
        whole = np.concatenate(columns)
        return replace(
            scan,
            points=whole[:, :3],
            intensity=whole[:, 3],
            ring=whole[:, 4].astype(np.int32),
            sweep=np.repeat(np.arange(len(counts)), counts),
            labels=labels,
            fields={"time_lag": np.repeat(np.array(lags, np.float32), counts)},
        )

    def _before(self, data: _Data) -> _Data:
        table = show(self._tables / "sample_data.json")
        before = self._by_token.get(data.previous)
        if before is None:
            raise ReadError(
                f"{table}: {show(data.token)} follows {show(data.previous)}, which is not there;"
                f" {AGAIN}"
            )
        if before.timestamp >= data.timestamp:
            raise ReadError(
                f"{table}: {show(data.token)} is no later than {show(before.token)}, which it"
                f" follows; {AGAIN}"
            )
        return before

    def _calibration(self, frame: _Data) -> Calibration:
        world_from_lidar = self._world_from(frame)

        def camera(name: str, data: _Data) -> Camera:
            return Camera(
                name,
                self.root / data.file,
                numbers(self._sensors[data.sensor].intrinsics, "camera_intrinsic", 3, 3),
                inverse(self._world_from(data)) @ world_from_lidar,
                size=data.size if min(data.size) > 0 else None,
                timestamp=1000 * data.timestamp,
            )

        # Back, back_left, … front_right: sorted, the names are in the order of the published code.
        named = {self._sensors[data.sensor].channel: data for data in self._cameras[frame.sample]}
        described = [(name.removeprefix("CAM_").lower(), data) for name, data in named.items()]
        return cameras_of(self._tables / "sample_data.json", described, camera)

    def _world_from(self, data: _Data) -> np.ndarray:
        """(4, 4) from the frame of a sensor, at the time of its own data."""
        with naming(self._tables / "ego_pose.json"):
            if data.pose not in self._poses:
                raise MalformedError(f"has no pose {show(data.pose)}; {AGAIN}")
            start = 7 * self._poses[data.pose]
            told = self._pose_numbers[start : start + 7]
            world_from_car = from_quaternion(told[:4], told[4:])
        with naming(self._tables / "calibrated_sensor.json"):
            sensor = self._sensors[data.sensor]
            return world_from_car @ from_quaternion(sensor.rotation, sensor.translation)

    # The tables

    def _ordered(self) -> Iterator[tuple[str, str]]:
        """The name of the scene and the token of each sample."""
        table = self._tables / "scene.json"
        with naming(table):
            scenes = {row["name"]: row for row in _rows(table, name=str, first_sample_token=str)}
            wanted = list(scenes) if self.split is None else _scenes_of(self.split)
            if missing := [name for name in wanted if name not in scenes]:
                raise MalformedError(
                    f"lacks {len(missing)} of the {len(wanted)} scenes of split {self.split}"
                    f" ({missing[0]}, …); choose another split or version"
                )
        table = self._tables / "sample.json"
        with naming(table):
            following = {row["token"]: row["next"] for row in _rows(table, token=str, next=str)}
            for name in wanted:
                token = scenes[name]["first_sample_token"]
                while token:
                    if token not in following:
                        raise MalformedError(
                            f"lacks sample {show(token)} of {show(name)}, or has it twice; {AGAIN}"
                        )
                    yield name, token
                    token = following.pop(token)

    def _read_sensors(self) -> Iterator[tuple[str, _Sensor]]:
        table = self._tables / "sensor.json"
        with naming(table):
            channels = {
                row["token"]: row["channel"] for row in _rows(table, token=str, channel=str)
            }
        table = self._tables / "calibrated_sensor.json"
        with naming(table):
            for row in _rows(table, token=str, sensor_token=str, rotation=list, translation=list):
                channel = channels.get(row["sensor_token"], "")
                place = row["rotation"], row["translation"]
                yield row["token"], _Sensor(channel, *place, row.get("camera_intrinsic"))

    def _read_data(self) -> None:
        """Of 2.6 million rows those of the LiDAR, and of the cameras at key frames."""
        lidar = _LIDAR.encode() + b"/" if self._sweeps > 1 else b"samples/LIDAR_TOP/"
        table = self._tables / "sample_data.json"
        self._cameras = {sample: [] for sample in self._samples}
        scenes = self._cameras.keys()
        with naming(table):
            for row in rows(table, lambda text: lidar in text or b"samples/CAM_" in text):
                _check(
                    row, token=str, sample_token=str, ego_pose_token=str, filename=str, prev=str,
                    calibrated_sensor_token=str, timestamp=int, is_key_frame=bool, width=int,
                    height=int,
                )  # fmt: skip
                if row["sample_token"] in scenes:
                    self._take(row)

    def _take(self, row: dict[str, Any]) -> None:
        sensor = row["calibrated_sensor_token"]
        if sensor not in self._sensors:
            raise MalformedError(f"names the sensor {show(sensor)}, which is not there; {AGAIN}")
        data = _Data(
            row["token"], row["sample_token"], row["ego_pose_token"], sensor, row["filename"],
            row["prev"], row["timestamp"], (row["width"], row["height"]),
        )  # fmt: skip
        if self._sensors[sensor].channel != _LIDAR:
            self._cameras[data.sample].append(data)
            return
        self._by_token[data.token] = data
        if row["is_key_frame"]:
            self._lidar[data.sample] = data

    def _read_poses(self) -> None:
        cameras = (data.pose for found in self._cameras.values() for data in found)
        wanted = {data.pose.encode() for data in self._by_token.values()}
        wanted.update(token.encode() for token in cameras)
        table = self._tables / "ego_pose.json"

        def choose(text: bytes) -> bool:
            token = _TOKEN.search(text)
            return token is not None and token[1] in wanted

        with naming(table):
            for row in rows(table, choose):
                _check(row, token=str, rotation=list, translation=list)
                told = [*row["rotation"], *row["translation"]]
                if len(told) != 7 or not all(isinstance(value, int | float) for value in told):
                    raise MalformedError(
                        f"pose {show(row['token'])} is not 4 and 3 numbers; {AGAIN}"
                    )
                self._poses[row["token"]] = len(self._poses)
                self._pose_numbers.extend(told)

    def _read_lidarseg(self) -> Iterator[tuple[str, str]]:
        """The file of labels by the token of the LiDAR's data."""
        table = self._tables / "lidarseg.json"
        if table.exists():
            with naming(table):
                for row in _rows(table, sample_data_token=str, filename=str):
                    yield row["sample_data_token"], row["filename"]


def _columns(scan: Scan) -> np.ndarray:
    """(N, 5) float32 as in the file; a ring that is no whole number is none: 0."""
    none = np.zeros(len(scan), np.float32)
    intensity = none if scan.intensity is None else scan.intensity
    return np.column_stack(
        [scan.points, intensity, none if scan.ring is None else scan.ring]
    ).astype(np.float32)


def _rows(path: Path, **fields: type) -> list[dict[str, Any]]:
    """A small table, whose rows have these fields."""
    found: list[dict[str, Any]] = read_json(path, list)
    for row in found:
        _check(row, **fields)
    return found


def _check(row: Any, **fields: type) -> None:
    for name, kind in fields.items():
        if not isinstance(row, dict) or not isinstance(row.get(name), kind):
            raise MalformedError(f"has a row without {name} ({kind.__name__}); {AGAIN}")


def _versions(root: Path) -> list[str]:
    return [name for name in folders(root) if name.startswith("v1.0-")]


def _version(root: Path, split: str | None) -> str:
    found = _versions(root)
    part = {"train": "trainval", "val": "trainval", "test": "test"}.get(split or "", "mini")
    if split is not None and f"v1.0-{part}" in found:
        return f"v1.0-{part}"
    if not found:
        raise UserError(f"{show(root)}: has no folder v1.0-… with the tables of nuScenes")
    if len(found) > 1:
        raise UserError(f"{show(root)}: has {', '.join(found)}; choose one as version")
    return found[0]


def _scenes_of(split: str) -> list[str]:
    told = json.loads(_SPLITS.read_text("utf-8"))
    if split not in told:
        raise UserError(f"no split {split!r} of nuScenes; there are {', '.join(told)}")
    return [f"scene-{n:04}" for first, last in told[split] for n in range(first, last + 1)]
