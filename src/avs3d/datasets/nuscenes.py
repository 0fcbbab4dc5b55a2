"""nuScenes from its official tables, without the devkit: key frames, sweeps, cameras, lidarseg."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from avs3d.cameras.calibration import Calibration, numbers
from avs3d.datasets.parts.dataset import Dataset, runs
from avs3d.datasets.parts.files import AGAIN, cameras_of, with_cameras, with_labels
from avs3d.datasets.parts.nuscenes_tables import Data, Tables, version_of, versions
from avs3d.datasets.parts.poses import inverse, moved
from avs3d.errors import ReadError, UserError
from avs3d.io import read
from avs3d.io.source import show
from avs3d.scan import Camera, Scan

NO_LABEL = -1
SPLITS = {
    "v1.0-trainval": ("train", "val"),
    "v1.0-test": ("test",),
    "v1.0-mini": ("mini_train", "mini_val"),
}
"""By the folder of the tables that they are in."""
_MAX_SWEEPS = 10
_WORD = re.compile("[a-z]+")
_RAIN = {"rain", "rains", "raining", "rainy"}
_OWN_CAR = 1.0
"""Metres to the sides within which points of earlier sweeps are the car that carries the sensor."""


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
        self.version = version_of(root, split) if version is None else version
        self._sweeps = sweeps
        self._tables = Tables(root / self.version, split, sweeps > 1)

    @staticmethod
    def fits(root: Path) -> bool:
        return any((root / name / "sample_data.json").exists() for name in versions(root))

    @staticmethod
    def splits(root: Path) -> tuple[str, ...]:
        there = versions(root)
        if len(there) > 1:  # those of mini are in trainval, too
            there = [name for name in there if name != "v1.0-mini"]
        return tuple(split for name in there for split in SPLITS.get(name, ()))

    def __len__(self) -> int:
        return len(self._tables.samples)

    def key(self, index: int) -> str:
        data = self._tables.key_frame(self.sample(index))
        return self.sample(index) if data is None else data.token

    def sample(self, index: int) -> str:
        """The token of the sample, which detections go by."""
        return self._tables.samples[index]

    def scene(self, index: int) -> str:
        """The name of the scene: ``scene-0061``."""
        return self._tables.scenes[index]

    def conditions(self, index: int) -> tuple[str, ...]:
        """``night`` or ``day``, ``rain`` or ``dry``, as the description of the scene says; its rain
        may be over."""
        told = set(_WORD.findall(self._tables.descriptions[self.scene(index)].lower()))
        light = "night" if "night" in told else "day"
        return light, "rain" if told & _RAIN else "dry"

    def sequences(self) -> list[range]:
        return runs(self._tables.scenes, [self.timestamp(index) for index in range(len(self))])

    def timestamp(self, index: int) -> int | None:
        data = self._tables.key_frame(self.sample(index))
        return None if data is None else 1000 * data.timestamp

    def pose(self, index: int) -> np.ndarray:
        """World is that of the map.

        Raises:
            ReadError: the tables have no LiDAR data or no pose of this sample.
        """
        return self._tables.world_from(self._frame(index))

    def __getitem__(self, index: int) -> Scan:
        frame = self._frame(index)
        scan = replace(self._points(frame), name=frame.token)
        labels = self._tables.labels.get(frame.token)
        if labels is not None and (self.root / labels).exists():  # the table can be there alone
            scan = with_labels(scan, self.root / labels)
        scan = with_cameras(scan, lambda: self._calibration(frame))
        return scan if self._sweeps == 1 else self._with_sweeps(scan, frame)

    def _frame(self, index: int) -> Data:
        sample = self.sample(index)
        found = self._tables.key_frame(sample)
        if found is None:
            raise ReadError(
                f"{show(self._tables.data)}: has no LIDAR_TOP of sample {show(sample)}; {AGAIN}"
            )
        return found

    def _points(self, data: Data) -> Scan:
        return read(self.root / data.file, columns=5)

    def _with_sweeps(self, scan: Scan, frame: Data) -> Scan:
        lidar_from_world = inverse(self._tables.world_from(frame))
        columns, lags, data = [_columns(scan)], [0.0], frame
        while data.previous and len(lags) < self._sweeps:
            data = self._tables.before(data)
            part = _columns(self._points(data))
            part = part[(np.abs(part[:, :2]) >= _OWN_CAR).any(axis=1)]
            part[:, :3] = moved(part[:, :3], lidar_from_world @ self._tables.world_from(data))
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

    def _calibration(self, frame: Data) -> Calibration:
        world_from_lidar = self._tables.world_from(frame)

        def camera(name: str, data: Data) -> Camera:
            return Camera(
                name,
                self.root / data.file,
                numbers(self._tables.sensors[data.sensor].intrinsics, "camera_intrinsic", 3, 3),
                inverse(self._tables.world_from(data)) @ world_from_lidar,
                size=(data.width, data.height) if min(data.width, data.height) > 0 else None,
                timestamp=1000 * data.timestamp,
            )

        # Back, back_left, … front_right: sorted, the names are in the order of the published code.
        named = {
            self._tables.sensors[data.sensor].channel: data
            for data in self._tables.cameras[frame.sample]
        }
        described = [(name.removeprefix("CAM_").lower(), data) for name, data in named.items()]
        return cameras_of(self._tables.data, described, camera)


def _columns(scan: Scan) -> np.ndarray:
    """(N, 5) float32 as in the file; a ring that is no whole number is none: 0."""
    none = np.zeros(len(scan), np.float32)
    intensity = none if scan.intensity is None else scan.intensity
    return np.column_stack(
        [scan.points, intensity, none if scan.ring is None else scan.ring]
    ).astype(np.float32)
