"""Argoverse 2, the sensor data set: ``LOG/sensors/lidar/TIME.feather``, with or without splits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avs3d.cameras.calibration import Calibration
from avs3d.datasets.parts.dataset import Dataset
from avs3d.datasets.parts.files import AGAIN, IMAGES, cameras_of, folders, listed, with_cameras
from avs3d.datasets.parts.poses import from_quaternion, inverse
from avs3d.errors import UserError
from avs3d.io import read
from avs3d.io.arrow import small_table
from avs3d.io.source import MalformedError, load, naming, show
from avs3d.scan import Camera, Scan

_SPLITS = ("train", "val", "test")
_POINTS = Path("sensors", "lidar")
_TABLE = ".feather"
_POSES = "city_SE3_egovehicle.feather"
_APART = 50_000_000
"""Nanoseconds between the time of a sweep and that of an image or a pose which belongs to it."""
_TURN = ("qw", "qx", "qy", "qz")
_PLACE = ("tx_m", "ty_m", "tz_m")
_PINHOLE = ("fx_px", "fy_px", "cx_px", "cy_px", "width_px", "height_px")
_Table = dict[str, np.ndarray]
"""By the names of its columns."""


@dataclass(frozen=True)
class _Poses:
    """Where the vehicle was during a log."""

    folder: Path
    table: _Table

    def at(self, time: int) -> np.ndarray:
        """(4, 4) city from vehicle, at the nearest time there is."""
        with naming(self.folder / _POSES):
            times = self.table.get("timestamp_ns", np.empty(0, np.int64))
            if not len(times) or times.dtype.kind != "i":
                raise MalformedError(f"has no poses by timestamp_ns; {AGAIN}")
            row = int(np.abs(times - time).argmin())
            if abs(int(times[row]) - time) > _APART:
                raise MalformedError(f"has no pose at {time}; {AGAIN}")
            return from_quaternion(*(_values(self.table, row, names) for names in (_TURN, _PLACE)))


@dataclass(frozen=True)
class _Sensors:
    """The calibration of a log."""

    folder: Path
    places: _Table
    intrinsics: _Table


class Reader(Dataset):
    """The sweeps of all logs; a key is ``val/LOG/TIME``, or ``LOG/TIME`` without splits.

    Points are in the frame of the vehicle, x ahead, y left, z up. No point has a label: there are
    boxes, of the classes of the label set. Of each camera the image nearest in time is taken.

    Args:
        root: the folder with ``train``, ``val``, ``test``, or with the folders of logs.
        split: one of these.
    """

    name = "argoverse2"
    labelset = "argoverse2"

    def __init__(self, root: Path, split: str | None = None) -> None:
        self.root, self.split = root, split
        logs = _logs(root)
        if split is not None:
            logs = [log for log in logs if log.parent.name == split]
            if split not in _SPLITS or not logs:
                raise UserError(f"{show(root)}: has no logs of split {split!r}; get them")
        self._scans = [
            (log, int(time))
            for log in logs
            for time, _, _ in (name.partition(".") for name in listed(root / log / _POINTS, _TABLE))
            if time.isdecimal()
        ]
        self._last_poses: _Poses | None = None
        self._last_sensors: _Sensors | None = None

    @staticmethod
    def splits(root: Path) -> tuple[str, ...]:
        there = {log.parent.name for log in _logs(root)}
        return tuple(split for split in _SPLITS if split in there)

    @staticmethod
    def fits(root: Path) -> bool:
        return bool(_logs(root))

    def __len__(self) -> int:
        return len(self._scans)

    def key(self, index: int) -> str:
        log, time = self._scans[index]
        return f"{log.as_posix()}/{time}"

    def alias(self, index: int) -> str | None:
        """Without the split, as `avs3d prepare` calls it."""
        log, time = self._scans[index]
        return f"{log.name}_{time}"

    def timestamp(self, index: int) -> int | None:
        return self._scans[index][1]

    def pose(self, index: int) -> np.ndarray | None:
        """World is that of the city.

        Raises:
            ReadError: the poses are damaged, or there is none at the time of this sweep.
        """
        log, time = self._scans[index]
        if not (self.root / log / _POSES).exists():
            return None
        return self._poses(self.root / log).at(time)

    def __getitem__(self, index: int) -> Scan:
        log, time = self._scans[index]
        scan = read(self.root / log / _POINTS / f"{time}.feather")
        return with_cameras(scan, lambda: self._calibration(index))

    def _calibration(self, index: int) -> Calibration:
        folder, time = self.root / self._scans[index][0], self._scans[index][1]
        images = folder / "sensors" / "cameras"
        names = folders(images)
        if not names:
            return Calibration(())
        poses, sensors = self._poses(folder), self._sensors(folder)
        city_from_car = poses.at(time)

        def camera(name: str, folder: Path) -> Camera:
            image, taken = _nearest(folder, time)
            inner, place = _row(sensors.intrinsics, name), _row(sensors.places, name)
            car_from_camera = from_quaternion(
                *(_values(sensors.places, place, n) for n in (_TURN, _PLACE))
            )
            fx, fy, cx, cy, width, height = _values(sensors.intrinsics, inner, _PINHOLE)
            city_from_camera = poses.at(taken) @ car_from_camera
            return Camera(
                name,
                image,
                np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
                inverse(city_from_camera) @ city_from_car,
                size=(int(width), int(height)),
                timestamp=taken,
            )

        return cameras_of(images, [(name, images / name) for name in names], camera)

    def _poses(self, folder: Path) -> _Poses:
        """Those of a log; of the last one they are kept, which another thread may replace."""
        poses = self._last_poses
        if poses is None or poses.folder != folder:
            self._last_poses = poses = _Poses(folder, _table(folder / _POSES))
        return poses

    def _sensors(self, folder: Path) -> _Sensors:
        """Likewise."""
        sensors = self._last_sensors
        if sensors is None or sensors.folder != folder:
            files = (f"egovehicle_SE3_sensor{_TABLE}", f"intrinsics{_TABLE}")
            tables = (_table(folder / "calibration" / file) for file in files)
            self._last_sensors = sensors = _Sensors(folder, *tables)
        return sensors


def _logs(root: Path) -> list[Path]:
    """Those below a root, relative to it."""
    places = [Path(split) for split in _SPLITS if (root / split).is_dir()] or [Path()]
    return [
        place / name for place in places for name in folders(root / place)
        if (root / place / name / _POINTS).is_dir()
    ]  # fmt: skip


def _table(path: Path) -> _Table:
    with naming(path):
        return small_table(load(path))


def _values(table: _Table, row: int, names: tuple[str, ...]) -> list[float]:
    if missing := [name for name in names if name not in table]:
        raise MalformedError(f"its calibration has no column {missing[0]}; {AGAIN}")
    return [float(table[name][row]) for name in names]


def _row(table: _Table, sensor: str) -> int:
    rows = np.flatnonzero(table.get("sensor_name", np.empty(0, np.str_)) == sensor)
    if not len(rows):
        raise MalformedError(f"has no calibration; {AGAIN}")
    return int(rows[0])


def _nearest(folder: Path, time: int) -> tuple[Path, int]:
    """The image that was taken at that time, and when exactly."""
    names = [name for name in listed(folder, *IMAGES) if Path(name).stem.isdecimal()]
    name = min(names, key=lambda name: abs(int(Path(name).stem) - time), default="")
    if not name or abs(int(Path(name).stem) - time) > _APART:
        raise MalformedError("has no image at the time of the sweep; get it")
    return folder / name, int(Path(name).stem)
