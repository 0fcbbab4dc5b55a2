"""PandaSet: pickled frames, read without pandas and without unpickling."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.cameras.calibration import Calibration
from avs3d.datasets.parts.dataset import Dataset
from avs3d.datasets.parts.files import (
    AGAIN,
    cameras_of,
    folders,
    image_of,
    listed,
    read_json,
    with_cameras,
)
from avs3d.datasets.parts.poses import from_quaternion, inverse, moved
from avs3d.io.columns import Table, to_scan
from avs3d.io.frames import columns_of
from avs3d.io.names import is_packed
from avs3d.io.packed import unpack
from avs3d.io.source import MalformedError, load, naming, stored_as
from avs3d.scan import Camera, Scan

_ENDINGS = (".pkl.gz", ".pkl")


class Reader(Dataset):
    """The frames of all sequences; a key is ``001/00``.

    Points are those of both LiDARs, in the order of the file and in the frame of ``poses.json``:
    x right, y ahead, z up. The fields are ``t``, seconds, and ``d``, 0 for the spinning LiDAR.

    """

    name = "pandaset"
    labelset = "pandaset"
    split = None

    def __init__(self, root: Path) -> None:
        self.root = root
        self._scans = [
            (sequence, file) for sequence in _sequences(root)
            for file in listed(root / sequence / "lidar", *_ENDINGS)
        ]  # fmt: skip
        self._told: dict[Path, list[Any]] = {}

    @staticmethod
    def fits(root: Path) -> bool:
        return bool(_sequences(root))

    def __len__(self) -> int:
        return len(self._scans)

    def key(self, index: int) -> str:
        sequence, file = self._scans[index]
        return f"{sequence}/{_stem(file)}"

    def timestamp(self, index: int) -> int | None:
        return self._time(self._folder(index) / "lidar", index)

    def pose(self, index: int) -> np.ndarray:
        """World is that of the sequence.

        Raises:
            ReadError: ``lidar/poses.json`` is missing, damaged, or has no pose of this frame.
        """
        return self._pose(self._folder(index) / "lidar", index)

    def __getitem__(self, index: int) -> Scan:
        sequence, file = self._scans[index]
        folder = self.root / sequence
        path = folder / "lidar" / file
        columns, rows = _frame(path)
        with naming(path):
            if missing := {"x", "y", "z"} - columns.keys():
                raise MalformedError(f"has no column {min(missing)}; {AGAIN}")
            world = np.column_stack([columns[axis] for axis in "xyz"])
            columns |= dict(zip("xyz", moved(world, inverse(self.pose(index))).T, strict=True))
            scan = replace(to_scan(Table(columns), path), name=_stem(file))
        labels = folder / "annotations" / "semseg" / file
        if labels.exists():
            scan = replace(scan, labels=_labels(labels, rows))
        return with_cameras(scan, lambda: self._calibration(index))

    def _calibration(self, index: int) -> Calibration:
        world_from_lidar = self.pose(index)
        above = self._folder(index) / "camera"
        stem = _stem(self._scans[index][1])

        def camera(name: str, folder: Path) -> Camera:
            told = read_json(folder / "intrinsics.json", dict)
            fx, fy, cx, cy = (_number(told.get(key), key) for key in ("fx", "fy", "cx", "cy"))
            return Camera(
                name,
                image_of(folder, stem),
                np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
                inverse(self._pose(folder, index)) @ world_from_lidar,
                timestamp=self._time(folder, index),
            )

        return cameras_of(above, [(name, above / name) for name in folders(above)], camera)

    def _folder(self, index: int) -> Path:
        return self.root / self._scans[index][0]

    def _entry(self, path: Path, index: int) -> Any:
        """What a list of a sequence, an entry a frame, has for this one."""
        if path not in self._told:
            self._told[path] = read_json(path, list)
        number = _stem(self._scans[index][1])
        with naming(path):
            if not number.isdecimal() or int(number) >= len(self._told[path]):
                raise MalformedError(f"has no entry for frame {number}; {AGAIN}")
        return self._told[path][int(number)]

    def _pose(self, folder: Path, index: int) -> np.ndarray:
        told = self._entry(folder / "poses.json", index)
        with naming(folder / "poses.json"):
            try:
                turn = [told["heading"][axis] for axis in "wxyz"]
                place = [told["position"][axis] for axis in "xyz"]
            except (KeyError, TypeError):
                raise MalformedError(f"has no heading and position; {AGAIN}") from None
            return from_quaternion(turn, place)

    def _time(self, folder: Path, index: int) -> int | None:
        path = folder / "timestamps.json"
        if not path.exists():
            return None
        seconds = self._entry(path, index)
        with naming(path):
            return round(1e9 * _number(seconds, "a time"))


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise MalformedError(f"{what} is no number; {AGAIN}")
    return float(value)


def _sequences(root: Path) -> list[str]:
    return [name for name in folders(root) if listed(root / name / "lidar", *_ENDINGS)]


def _stem(file: str) -> str:
    return file.partition(".")[0]


def _frame(path: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    with naming(path):
        data = load(path)
        with stored_as(len(data)):
            return columns_of(unpack(data, path) if is_packed(path) else data)


def _labels(path: Path, rows: np.ndarray) -> np.ndarray:
    """The class of each point by the number of its row."""
    columns, found = _frame(path)
    with naming(path):
        if "class" not in columns:
            raise MalformedError(f"has no column class; {AGAIN}")
        order = np.argsort(found, kind="stable")
        place = np.searchsorted(found, rows, sorter=order)
        at = order[place[place < len(found)]]
        if len(at) != len(rows) or not (found[at] == rows).all():
            raise MalformedError(f"lacks points of its frame; {AGAIN}")
        return columns["class"][at]
