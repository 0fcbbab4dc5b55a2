"""KITTI: the object benchmark (``training/velodyne``), raw drives (``DATE/DATE_drive_N_sync``)."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from avs3d.cameras.calibration import Calibration, numbers, read_calibration, with_size
from avs3d.datasets.parts.dataset import Dataset, runs
from avs3d.datasets.parts.files import (
    AGAIN,
    cameras_of,
    folders,
    image_of,
    listed,
    read_numbers,
    with_cameras,
)
from avs3d.datasets.parts.poses import inverse
from avs3d.errors import UserError
from avs3d.io import read
from avs3d.io.source import MalformedError, load_small, naming, show
from avs3d.scan import Camera, Scan

_OBJECT = {"train": "training", "test": "testing"}
_RAW_POINTS = "velodyne_points"
_OBJECT_POINTS = "velodyne"
_EARTH = 6_378_137.0
_MAX_BYTES = 16 << 20


class Reader(Dataset):
    """Keys are ``training/000123`` and ``DATE/DRIVE/0000000123``. No point has a label: the
    benchmark has boxes, of the classes of the label set.

    Args:
        root: the folder with ``training`` or ``testing``, or with the folders of dates.
        split: ``train`` or ``test`` of the object benchmark; raw drives have none.
    """

    name = "kitti"
    labelset = "kitti"

    def __init__(self, root: Path, split: str | None = None) -> None:
        self.root, self.split = root, split
        if split is not None and split not in _OBJECT:
            raise UserError(f"no split {split!r} of KITTI; there are {', '.join(_OBJECT)}")
        parts = list(_OBJECT.values()) if split is None else [_OBJECT[split]]
        there = [part for part in parts if (root / part / _OBJECT_POINTS).is_dir()]
        if split is not None and not there:
            raise UserError(
                f"{show(root)}: split {split} needs {parts[0]}/{_OBJECT_POINTS}; get it"
            )
        self._scans = [
            (root / part / _OBJECT_POINTS / name) for part in there
            for name in listed(root / part / _OBJECT_POINTS, ".bin")
        ]  # fmt: skip
        if split is None:
            self._scans += [
                drive / _RAW_POINTS / "data" / name for drive in _drives(root)
                for name in listed(drive / _RAW_POINTS / "data", ".bin")
            ]  # fmt: skip
        self._times: dict[Path, list[int | None]] = {}
        self._starts: dict[Path, np.ndarray | None] = {}

    @staticmethod
    def fits(root: Path) -> bool:
        found = any((root / part / _OBJECT_POINTS).is_dir() for part in _OBJECT.values())
        return found or bool(_drives(root))

    @staticmethod
    def splits(root: Path) -> tuple[str, ...]:
        return tuple(
            name for name, part in _OBJECT.items() if (root / part / _OBJECT_POINTS).is_dir()
        )

    def __len__(self) -> int:
        return len(self._scans)

    def key(self, index: int) -> str:
        path = self._scans[index]
        return (self._folder(index).relative_to(self.root) / path.stem).as_posix()

    def __getitem__(self, index: int) -> Scan:
        scan = read(self._scans[index], columns=4)
        return with_cameras(scan, lambda: self._calibration(index))

    def timestamp(self, index: int) -> int | None:
        if not self._is_raw(index):
            return None
        drive, number = self._folder(index), self._scans[index].stem
        if drive not in self._times:
            self._times[drive] = _times(drive / _RAW_POINTS / "timestamps.txt")
        times = self._times[drive]
        return times[int(number)] if number.isdecimal() and int(number) < len(times) else None

    def sequences(self) -> list[range]:
        """The drives; each scan of the benchmark by itself: they are of many drives, shuffled."""
        indices = range(len(self))
        names = [str(self._folder(i)) if self._is_raw(i) else self.key(i) for i in indices]
        return runs(names, map(self.timestamp, indices))

    def pose(self, index: int) -> np.ndarray | None:
        """World has its zero where the drive begins, x to the east, y to the north.

        Raises:
            ReadError: a file of ``oxts``, or ``calib_imu_to_velo.txt``, is damaged.
        """
        if not self._is_raw(index):
            return None
        drive = self._folder(index)
        calibration = drive.parent / "calib_imu_to_velo.txt"
        if drive not in self._starts:
            first = listed(drive / "oxts" / "data", ".txt")
            self._starts[drive] = _oxts(drive, Path(first[0]).stem) if first else None
        start = self._starts[drive]
        if start is None or not calibration.exists():
            return None
        row = _oxts(drive, self._scans[index].stem)
        with naming(calibration):
            lidar_from_imu = _rigid(_told(calibration))
        scale = math.cos(math.radians(start[0]))
        pose = _world_from_imu(row, scale)
        pose[:3, 3] -= _world_from_imu(start, scale)[:3, 3]
        return pose @ inverse(lidar_from_imu)

    def _is_raw(self, index: int) -> bool:
        return self._scans[index].parent.name == "data"

    def _folder(self, index: int) -> Path:
        """Of the part of the benchmark, or of the drive."""
        path = self._scans[index]
        return path.parents[2] if self._is_raw(index) else path.parents[1]

    def _calibration(self, index: int) -> Calibration:
        folder, stem = self._folder(index), self._scans[index].stem
        if self._is_raw(index):
            return _raw_calibration(folder, stem)
        path = folder / "calib" / f"{stem}.txt"
        if not path.exists():
            return Calibration(())
        found = read_calibration(path)
        cameras = (
            replace(camera, image=image_of(folder / camera.name, stem))
            for camera in found.cameras
            if (folder / camera.name).is_dir()
        )
        return replace(found, cameras=tuple(cameras))


def _drives(root: Path) -> list[Path]:
    """The raw drives below a folder of dates."""
    return [
        root / date / name for date in folders(root) for name in folders(root / date)
        if (root / date / name / _RAW_POINTS / "data").is_dir()
    ]  # fmt: skip


def _told(path: Path) -> dict[str, list[str]]:
    """``key: numbers`` of a calibration."""
    text = bytes(load_small(path, _MAX_BYTES, "give KITTI's own")).decode("ascii", "replace")
    rows = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.split() for key, _, value in rows}


def _rigid(told: dict[str, list[str]]) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, :3] = numbers(told.get("R"), "R", 3, 3)
    pose[:3, 3] = numbers(told.get("T"), "T", 3)
    return pose


def _raw_calibration(drive: Path, stem: str) -> Calibration:
    """The cameras of a drive by the calibrations of its date; the images are rectified."""
    path, other = drive.parent / "calib_cam_to_cam.txt", drive.parent / "calib_velo_to_cam.txt"
    if not path.exists() or not other.exists():
        return Calibration(())
    with naming(other):
        first_from_lidar = _rigid(_told(other))
    with naming(path):
        told = _told(path)
        rectified = np.eye(4)
        rectified[:3, :3] = numbers(told.get("R_rect_00"), "R_rect_00", 3, 3)

    def camera(name: str, number: str) -> Camera:
        matrix = numbers(told[f"P_rect_{number}"], f"P_rect_{number}", 3, 4)
        shift = np.eye(4)
        shift[:3, 3] = np.linalg.solve(matrix[:, :3], matrix[:, 3])
        image = image_of(drive / name / "data", stem)
        made = Camera(name, image, matrix[:, :3], shift @ rectified @ first_from_lidar)
        return with_size(made, *told.get(f"S_rect_{number}", [None, None]))

    found = [n for n in ("00", "01", "02", "03") if f"P_rect_{n}" in told]
    there = [(f"image_{n}", n) for n in found if (drive / f"image_{n}").is_dir()]
    return cameras_of(path, there, camera)


def _times(path: Path) -> list[int | None]:
    """Nanoseconds of each line; None for one that is no time."""
    if not path.exists():
        return []
    with naming(path):
        text = bytes(load_small(path, _MAX_BYTES, "give KITTI's own")).decode("ascii", "replace")
    return [_nanoseconds(line.strip()) for line in text.splitlines()]


def _nanoseconds(line: str) -> int | None:
    """Of ``2011-09-26 13:02:25.951199337``, as if it were UTC."""
    whole, _, part = line.partition(".")
    try:
        seconds = datetime.fromisoformat(f"{whole}+00:00").timestamp()
        return int(seconds) * 10**9 + int(part.ljust(9, "0")[:9])
    except ValueError:
        return None


def _oxts(drive: Path, stem: str) -> np.ndarray:
    """(30,) latitude, longitude, altitude, roll, pitch, yaw, …"""
    path = drive / "oxts" / "data" / f"{stem}.txt"
    table = read_numbers(path, 30)
    with naming(path):
        if len(table) != 1 or not np.isfinite(table[0, :6]).all():
            raise MalformedError(f"is no line of finite numbers; {AGAIN}")
    return table[0]


def _world_from_imu(row: np.ndarray, scale: float) -> np.ndarray:
    """By a Mercator projection of the scale at the drive's first latitude, as KITTI's own tools."""
    latitude, longitude, altitude, *angles = row[:6]
    pose = np.eye(4)
    pose[:3, 3] = (
        scale * _EARTH * math.radians(longitude),
        scale * _EARTH * math.log(math.tan(math.radians(90 + latitude) / 2)),
        altitude,
    )
    for axis, angle in zip((0, 1, 2), angles, strict=True):  # roll, then pitch, then yaw
        turn = np.eye(4)
        first, second = [n for n in range(3) if n != axis]
        turn[[first, second], [first, second]] = math.cos(angle)
        sign = -1 if axis == 1 else 1
        turn[second, first], turn[first, second] = sign * math.sin(angle), -sign * math.sin(angle)
        pose[:3, :3] = turn[:3, :3] @ pose[:3, :3]
    return pose
