"""SemanticKITTI, and KITTI's odometry without its labels: ``sequences/NN/velodyne``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from avs3d.cameras.calibration import Calibration, read_calibration
from avs3d.datasets.parts.dataset import Dataset
from avs3d.datasets.parts.files import (
    folders,
    image_of,
    listed,
    read_numbers,
    with_cameras,
    with_labels,
)
from avs3d.datasets.parts.poses import from_rows, inverse
from avs3d.errors import UserError
from avs3d.io import read
from avs3d.io.source import show
from avs3d.scan import Scan

SPLITS = {
    "train": ("00", "01", "02", "03", "04", "05", "06", "07", "09", "10"),
    "val": ("08",),
    "test": tuple(f"{n}" for n in range(11, 22)),
}
_POINTS = "velodyne"


class Reader(Dataset):
    """The scans of all sequences, or of a split; a key is ``00/000123``.

    Args:
        root: the folder with ``sequences``, or with ``dataset/sequences``.
        split: ``train``, ``val`` or ``test``; all of its sequences must be there.
    """

    name = "semantickitti"
    labelset = "semantickitti"

    def __init__(self, root: Path, split: str | None = None) -> None:
        self.root, self.split = root, split
        self._sequences = _sequences(root)
        there = [n for n in folders(self._sequences) if (self._sequences / n / _POINTS).is_dir()]
        if split is not None and split not in SPLITS:
            raise UserError(f"no split {split!r} of SemanticKITTI; there are {', '.join(SPLITS)}")
        chosen = there if split is None else SPLITS[split]
        if missing := [name for name in chosen if name not in there]:
            raise UserError(
                f"{show(self._sequences)}: split {split} lacks {', '.join(missing)}; get"
                f" {missing[0]}/{_POINTS}, or choose another split"
            )
        self._scans = [
            (name, Path(file).stem)
            for name in chosen
            for file in listed(self._sequences / name / _POINTS, ".bin")
        ]
        self._tables: dict[tuple[str, str], np.ndarray | None] = {}

    @staticmethod
    def fits(root: Path) -> bool:
        sequences = _sequences(root)
        return any((sequences / name / _POINTS).is_dir() for name in folders(sequences))

    @staticmethod
    def splits(root: Path) -> tuple[str, ...]:
        folder = _sequences(root)
        return tuple(
            split for split, names in SPLITS.items()
            if all((folder / name / _POINTS).is_dir() for name in names)
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self._scans)

    def key(self, index: int) -> str:
        return "/".join(self._scans[index])

    def __getitem__(self, index: int) -> Scan:
        sequence, stem = self._scans[index]
        folder = self._sequences / sequence
        scan = read(folder / _POINTS / f"{stem}.bin", columns=4)
        labels = folder / "labels" / f"{stem}.label"
        if labels.exists():
            scan = with_labels(scan, labels)
        return with_cameras(scan, lambda: self._calibration(folder, stem))

    def _calibration(self, folder: Path, stem: str) -> Calibration:
        path = folder / "calib.txt"
        if not path.exists():
            return Calibration(())
        found = read_calibration(path)
        cameras = (
            replace(camera, image=image_of(folder / camera.name, stem))
            for camera in found.cameras
            if (folder / camera.name).is_dir()  # few have the images of all four
        )
        return replace(found, cameras=tuple(cameras))

    def timestamp(self, index: int) -> int | None:
        row = self._row(index, "times.txt", 1)
        return None if row is None else round(1e9 * float(row[0]))

    def pose(self, index: int) -> np.ndarray | None:
        """World is the LiDAR's frame at the first scan of the sequence.

        Raises:
            ReadError: ``poses.txt`` or ``calib.txt`` is damaged.
        """
        row = self._row(index, "poses.txt", 12)
        calibration = self._sequences / self._scans[index][0] / "calib.txt"
        if row is None or not calibration.exists():
            return None
        # Poses are those of camera 0, whose rectified frame P0 leaves as it is.
        first = next(
            (c for c in read_calibration(calibration).cameras if c.name == "image_0"), None
        )
        if first is None:
            return None
        camera = first.camera_from_lidar
        return inverse(camera) @ from_rows(row[None])[0] @ camera

    def _row(self, index: int, file: str, width: int) -> np.ndarray | None:
        """The line of a scan in a file of its sequence, or None where it has none."""
        sequence, stem = self._scans[index]
        if (sequence, file) not in self._tables:
            path = self._sequences / sequence / file
            self._tables[sequence, file] = read_numbers(path, width) if path.exists() else None
        table = self._tables[sequence, file]
        if table is None or not stem.isdecimal() or int(stem) >= len(table):
            return None
        return table[int(stem)]


def _sequences(root: Path) -> Path:
    inner = root / "dataset" / "sequences"
    return inner if inner.is_dir() else root / "sequences"
