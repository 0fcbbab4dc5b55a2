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


@dataclass(frozen=True)
class _Log:
    """The tables of a log, by the names of their columns."""

    folder: Path
    poses: dict[str, np.ndarray]
    places: dict[str, np.ndarray]
    intrinsics: dict[str, np.ndarray]


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
        self._log: _Log | None = None

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
        return _pose(self._read(index), time)

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
        log = self._read(index)
        city_from_car = _pose(log, time)

        def camera(name: str, folder: Path) -> Camera:
            image, taken = _nearest(folder, time)
            inner, place = _row(log.intrinsics, name), _row(log.places, name)
            car_from_camera = from_quaternion(
                *(_values(log.places, place, n) for n in (_TURN, _PLACE))
            )
            fx, fy, cx, cy, width, height = _values(
                log.intrinsics, inner, ("fx_px", "fy_px", "cx_px", "cy_px", "width_px", "height_px")
            )
            city_from_camera = _pose(log, taken) @ car_from_camera
            return Camera(
                name,
                image,
                np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
                inverse(city_from_camera) @ city_from_car,
                size=(int(width), int(height)),
                timestamp=taken,
            )

        return cameras_of(images, [(name, images / name) for name in names], camera)

    def _read(self, index: int) -> _Log:
        """The tables of a scan's log; those of the last one are kept."""
        folder = self.root / self._scans[index][0]
        if self._log is None or self._log.folder != folder:
            inner = folder / "calibration"
            places, intrinsics = (
                inner / f"egovehicle_SE3_sensor{_TABLE}",
                inner / f"intrinsics{_TABLE}",
            )
            self._log = _Log(folder, *map(_table, (folder / _POSES, places, intrinsics)))
        return self._log


def _logs(root: Path) -> list[Path]:
    """Those below a root, relative to it."""
    places = [Path(split) for split in _SPLITS if (root / split).is_dir()] or [Path()]
    return [
        place / name for place in places for name in folders(root / place)
        if (root / place / name / _POINTS).is_dir()
    ]  # fmt: skip


def _table(path: Path) -> dict[str, np.ndarray]:
    with naming(path):
        return small_table(load(path))


def _values(table: dict[str, np.ndarray], row: int, names: tuple[str, ...]) -> list[float]:
    if missing := [name for name in names if name not in table]:
        raise MalformedError(f"its calibration has no column {missing[0]}; {AGAIN}")
    return [float(table[name][row]) for name in names]


def _row(table: dict[str, np.ndarray], sensor: str) -> int:
    rows = np.flatnonzero(table.get("sensor_name", np.empty(0, np.str_)) == sensor)
    if not len(rows):
        raise MalformedError(f"has no calibration; {AGAIN}")
    return int(rows[0])


def _pose(log: _Log, time: int) -> np.ndarray:
    """(4, 4) city from vehicle, at the nearest time there is."""
    with naming(log.folder / _POSES):
        times = log.poses.get("timestamp_ns", np.empty(0, np.int64))
        if not len(times) or times.dtype.kind != "i":
            raise MalformedError(f"has no poses by timestamp_ns; {AGAIN}")
        row = int(np.abs(times - time).argmin())
        if abs(int(times[row]) - time) > _APART:
            raise MalformedError(f"has no pose at {time}; {AGAIN}")
        return from_quaternion(*(_values(log.poses, row, names) for names in (_TURN, _PLACE)))


def _nearest(folder: Path, time: int) -> tuple[Path, int]:
    """The image that was taken at that time, and when exactly."""
    names = [name for name in listed(folder, *IMAGES) if Path(name).stem.isdecimal()]
    name = min(names, key=lambda name: abs(int(Path(name).stem) - time), default="")
    if not name or abs(int(Path(name).stem) - time) > _APART:
        raise MalformedError("has no image at the time of the sweep; get it")
    return folder / name, int(Path(name).stem)
