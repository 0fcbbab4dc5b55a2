"""The tables of nuScenes, of which sample_data and ego_pose have 2.6 million rows each."""

from __future__ import annotations

import gc
import json
import re
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from avs3d.datasets.parts.files import AGAIN, folders, read_json
from avs3d.datasets.parts.poses import from_quaternion
from avs3d.datasets.parts.tables import rows
from avs3d.errors import ReadError, UserError
from avs3d.io.source import MalformedError, naming, show

_SPLITS = Path(__file__).parent / "nuscenes_splits.json"
_LIDAR = "LIDAR_TOP"
_TOKEN = re.compile(rb'"token"\s*:\s*"([^"]*)"')
_DATA: dict[str, type] = {
    "token": str, "sample_token": str, "ego_pose_token": str, "calibrated_sensor_token": str,
    "filename": str, "prev": str, "timestamp": int, "is_key_frame": bool, "width": int,
    "height": int,
}  # fmt: skip
_POSE: dict[str, type] = {"token": str, "rotation": list, "translation": list}
_PLAIN = re.compile(r"[\w-]+")
_ELSEWHERE = re.compile(r"^/|\.\.|[\\:]")


class Data(NamedTuple):
    """A row of sample_data, in the order of `_DATA`; the time is microseconds."""

    token: str
    sample: str
    pose: str
    sensor: str
    file: str
    previous: str
    timestamp: int
    key: bool
    width: int
    height: int


class Sensor(NamedTuple):
    """A row of calibrated_sensor."""

    channel: str
    rotation: list[Any]
    translation: list[Any]
    intrinsics: Any


class Tables:
    """What a reader needs of the tables in a folder ``v1.0-…``.

    Args:
        folder: of the tables.
        split: of the official ones, or None for all scenes.
        sweeps: also with the LiDAR's data between key frames.

    Attributes:
        samples: tokens, in the order of the split and of time.
        scenes: name of the scene of each.
        descriptions: scene -> what people wrote about it, or "".
        sensors: by token.
        cameras: sample -> the data of its cameras.
        labels: token of the LiDAR's data -> file.

    Raises:
        ReadError: a table is missing or damaged, or lacks scenes of the split.
        UserError: no such split.
    """

    def __init__(self, folder: Path, split: str | None, sweeps: bool) -> None:
        self.folder = folder
        self.samples: list[str] = []
        self.scenes: list[str] = []
        self.descriptions: dict[str, str] = {}
        for scene, sample in self._ordered(split):
            self.scenes.append(scene)
            self.samples.append(sample)
        self.sensors = dict(self._read_sensors())
        self.cameras: dict[str, list[Data]] = {sample: [] for sample in self.samples}
        self.labels = dict(self._read_lidarseg())
        self._key_frames: dict[str, Data] = {}
        self._by_token: dict[str, Data] = {}
        self._poses: dict[str, int] = {}
        self._pose_numbers = array("d")
        with _no_collector():
            self._read_data(sweeps)
            self._read_poses()

    @property
    def data(self) -> Path:
        """The table of data, which messages name."""
        return self.folder / "sample_data.json"

    def key_frame(self, sample: str) -> Data | None:
        """The LiDAR's data of a sample."""
        return self._key_frames.get(sample)

    def before(self, data: Data) -> Data:
        """The LiDAR's data that other data say to follow, or `ReadError`."""
        before = self._by_token.get(data.previous)
        if before is None:
            raise ReadError(
                f"{show(self.data)}: {show(data.token)} follows {show(data.previous)}, which is not"
                f" there; {AGAIN}"
            )
        if before.timestamp >= data.timestamp:
            raise ReadError(
                f"{show(self.data)}: {show(data.token)} is no later than {show(before.token)},"
                f" which it follows; {AGAIN}"
            )
        return before

    def world_from(self, data: Data) -> np.ndarray:
        """(4, 4) from the frame of a sensor, at the time of its own data; or `ReadError`."""
        with naming(self.folder / "ego_pose.json"):
            if data.pose not in self._poses:
                raise MalformedError(f"has no pose {show(data.pose)}; {AGAIN}")
            start = 7 * self._poses[data.pose]
            told = self._pose_numbers[start : start + 7]
            world_from_car = from_quaternion(told[:4], told[4:])
        with naming(self.folder / "calibrated_sensor.json"):
            sensor = self.sensors[data.sensor]
            return world_from_car @ from_quaternion(sensor.rotation, sensor.translation)

    def _ordered(self, split: str | None) -> Iterator[tuple[str, str]]:
        """The name of the scene and the token of each sample."""
        table = self.folder / "scene.json"
        with naming(table):
            told = _rows(table, name=str, first_sample_token=str)
            firsts = {row["name"]: row["first_sample_token"] for row in told}
            self.descriptions = {row["name"]: str(row.get("description") or "") for row in told}
            wanted = list(firsts) if split is None else scenes_of(split)
            if missing := [name for name in wanted if name not in firsts]:
                raise MalformedError(
                    f"lacks {len(missing)} of the {len(wanted)} scenes of split {split}"
                    f" ({missing[0]}, …); choose another split or version"
                )
        table = self.folder / "sample.json"
        with naming(table):
            following = {row["token"]: row["next"] for row in _rows(table, token=str, next=str)}
            for name in wanted:
                token = firsts[name]
                while token:
                    if token not in following:
                        raise MalformedError(
                            f"lacks sample {show(token)} of {show(name)}, or has it twice; {AGAIN}"
                        )
                    yield name, token
                    token = following.pop(token)

    def _read_sensors(self) -> Iterator[tuple[str, Sensor]]:
        table = self.folder / "sensor.json"
        with naming(table):
            told = _rows(table, token=str, channel=str)
            channels = {row["token"]: row["channel"] for row in told}
        table = self.folder / "calibrated_sensor.json"
        with naming(table):
            for row in _rows(table, token=str, sensor_token=str, rotation=list, translation=list):
                channel = channels.get(row["sensor_token"], "")
                place = row["rotation"], row["translation"]
                yield row["token"], Sensor(channel, *place, row.get("camera_intrinsic"))

    def _read_lidarseg(self) -> Iterator[tuple[str, str]]:
        table = self.folder / "lidarseg.json"
        if table.exists():
            with naming(table):
                for row in _rows(table, sample_data_token=str, filename=str):
                    yield row["sample_data_token"], _inside(row["filename"])

    def _read_data(self, sweeps: bool) -> None:
        """The rows of the LiDAR, and of the cameras at key frames."""
        lidar = b"/LIDAR_TOP/" if sweeps else b"samples/LIDAR_TOP/"
        with naming(self.data):
            for row in rows(self.data, lambda text: lidar in text or b"samples/CAM_" in text):
                data = Data(*_exactly(row, _DATA))
                if data.sample in self.cameras:
                    self._take(data)

    def _take(self, data: Data) -> None:
        _inside(data.file)
        if not _PLAIN.fullmatch(data.token):  # predictions are called after it
            raise MalformedError(
                f"has the token {show(data.token)}, which is not letters and digits; {AGAIN}"
            )
        if data.sensor not in self.sensors:
            raise MalformedError(
                f"names the sensor {show(data.sensor)}, which is not there; {AGAIN}"
            )
        if self.sensors[data.sensor].channel != _LIDAR:
            self.cameras[data.sample].append(data)
            return
        self._by_token[data.token] = data
        if data.key:
            self._key_frames[data.sample] = data

    def _read_poses(self) -> None:
        """The poses of the data that were taken."""
        cameras = (data.pose for found in self.cameras.values() for data in found)
        wanted = {data.pose.encode() for data in self._by_token.values()}
        wanted.update(token.encode() for token in cameras)
        table = self.folder / "ego_pose.json"

        def choose(text: bytes) -> bool:
            token = _TOKEN.search(text)
            return token is not None and token[1] in wanted

        with naming(table):
            for row in rows(table, choose):
                token, turn, place = _exactly(row, _POSE)
                if len(turn) != 4 or len(place) != 3:
                    raise MalformedError(f"pose {show(token)} is not 4 and 3 numbers; {AGAIN}")
                try:
                    self._pose_numbers.extend(turn + place)
                except (TypeError, OverflowError):
                    raise MalformedError(f"pose {show(token)} is no numbers; {AGAIN}") from None
                self._poses[token] = len(self._pose_numbers) // 7 - 1


@contextmanager
def _no_collector() -> Iterator[None]:
    """A third of the time would go into looking for cycles in a million rows of texts."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _rows(path: Path, **fields: type) -> list[dict[str, Any]]:
    """A small table, whose rows have these fields."""
    found: list[dict[str, Any]] = read_json(path, list)
    for row in found:
        if not isinstance(row, dict):
            raise MalformedError(f"has a row that is no object; {AGAIN}")
        _exactly(row, fields)
    return found


def _exactly(row: dict[str, Any], fields: dict[str, type]) -> list[Any]:
    """The values of these fields; quick, since there are half a million rows."""
    values = list(map(row.get, fields))
    types = list(map(type, values))
    if types != list(fields.values()):
        wrong = next(name for name, kind in zip(fields, types, strict=True) if fields[name] != kind)
        raise MalformedError(f"has a row without {wrong} ({fields[wrong].__name__}); {AGAIN}")
    return values


def _inside(file: str) -> str:
    """The path of a file, if it is one below the root."""
    if _ELSEWHERE.search(file):
        raise MalformedError(f"names the file {show(file)}, which is outside of the root; {AGAIN}")
    return file


def versions(root: Path) -> list[str]:
    """The names of the folders of tables in a root."""
    return [name for name in folders(root) if name.startswith("v1.0-")]


def version_of(root: Path, split: str | None) -> str:
    """The one that a split is in, or the only one there is; else `UserError`."""
    found = versions(root)
    part = {"train": "trainval", "val": "trainval", "test": "test"}.get(split or "", "mini")
    if split is not None and f"v1.0-{part}" in found:
        return f"v1.0-{part}"
    if not found:
        raise UserError(f"{show(root)}: has no folder v1.0-… with the tables of nuScenes")
    if len(found) > 1:
        raise UserError(f"{show(root)}: has {', '.join(found)}; choose one as version")
    return found[0]


def scenes_of(split: str) -> list[str]:
    """The names of the scenes of an official split, in its order; or `UserError`."""
    told = json.loads(_SPLITS.read_text("utf-8"))
    if split not in told:
        raise UserError(f"no split {split!r} of nuScenes; there are {', '.join(told)}")
    return [f"scene-{n:04}" for first, last in told[split] for n in range(first, last + 1)]
