"""OpenScene's preprocessed data: ``DATASET_3d/SPLIT/SCENE.pth``, and ``DATASET_2d`` for images."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from avs3d.cameras.calibration import Calibration
from avs3d.datasets.parts.dataset import Dataset
from avs3d.datasets.parts.files import folders, listed, with_cameras
from avs3d.errors import UserError
from avs3d.io import read
from avs3d.io.source import show
from avs3d.labelsets import LabelSet, load
from avs3d.published.scenes import read_cameras
from avs3d.scan import Scan

NO_LABEL = -1
_LABELSETS = {
    "scannet": "scannet-20", "scannet200": "scannet-200", "scannet_200": "scannet-200",
    "matterport": "matterport-21", "nuscenes": "nuscenes-16", "semantickitti": "semantickitti",
    "pandaset": "pandaset",
}  # fmt: skip
_PARTS = ("train", "val", "test")
_POINTS = re.compile(r"(.+)_3d(_[0-9]+)?")
"""Name of the dataset, and where that is not the usual one how many classes the labels are of."""
_IMAGES = "_2d"
_MESH = "_vh_clean_2"


class Reader(Dataset):
    """The scenes; a key is ``val/scene0000_00``. Labels, which are classes in these files, come as
    a raw id of their class in the label set.

    Args:
        root: the folder with ``DATASET_3d`` (or ``DATASET_3d_160``, whose labels are left out), or
            that one itself.
        split: ``train``, ``val`` or ``test``.
        images: with a camera for every so many images of a scene; 0 for none.
    """

    name = "openscene"

    def __init__(self, root: Path, split: str | None = None, images: int = 1) -> None:
        self.root, self.split = root, split
        self._points, self._dataset, classes = _chosen(root)
        self._every = images
        own = _LABELSETS.get(self._dataset, _LABELSETS.get(self._dataset.split("_")[0]))
        self.labelset = None if classes else own
        there = [part for part in _PARTS if (self._points / part).is_dir()]
        if split is not None and split not in there:
            raise UserError(
                f"{show(self._points)}: has no split {split!r}; it has {', '.join(there)}"
            )
        self._scans = [
            (part, Path(name).stem) for part in ([split] if split else there)
            for name in listed(self._points / part, ".pth")
        ]  # fmt: skip

    @staticmethod
    def fits(root: Path) -> bool:
        return bool(_points(root))

    @staticmethod
    def splits(root: Path) -> tuple[str, ...]:
        points, _, _ = _chosen(root)
        return tuple(part for part in _PARTS if (points / part).is_dir())

    def __len__(self) -> int:
        return len(self._scans)

    def key(self, index: int) -> str:
        part, stem = self._scans[index]
        return f"{part}/{stem.removesuffix(_MESH)}"

    def alias(self, index: int) -> str | None:
        """The scene without the split, as its authors' files have it."""
        return self.key(index).rpartition("/")[2]

    def sequences(self) -> list[range]:
        """Each scene by itself: they are of different places."""
        return [range(index, index + 1) for index in range(len(self))]

    def __getitem__(self, index: int) -> Scan:
        part, stem = self._scans[index]
        scan = read(self._points / part / f"{stem}.pth")
        if scan.labels is not None:
            labels = None if self.labelset is None else _raw(scan.labels, load(self.labelset))
            scan = replace(scan, labels=labels)
        images = self._points.parent / f"{self._dataset}{_IMAGES}"
        scene = images / part / stem.removesuffix(_MESH)
        if not self._every or not scene.is_dir():
            return scan
        return with_cameras(scan, lambda: Calibration(read_cameras(scene, self._every)))


def _points(root: Path) -> list[Path]:
    """The folders of 3D data at or in `root`."""
    root = root.absolute()  # "." has no name
    found = [root, *(root / name for name in folders(root))]
    return [
        path for path in found
        if _POINTS.fullmatch(path.name) and any((path / part).is_dir() for part in _PARTS)
    ]  # fmt: skip


def _chosen(root: Path) -> tuple[Path, str, str | None]:
    """The folder of 3D data, its dataset and its classes, see `_POINTS`; or `UserError`."""
    found = _points(root)
    if not found:
        raise UserError(f"{show(root)}: has no folder DATASET_3d with train, val or test; give it")
    if len(found) > 1:
        names = ", ".join(show(path.name) for path in found)
        raise UserError(f"{show(root)}: has several datasets; give one of these folders: {names}")
    match = _POINTS.fullmatch(found[0].name)
    assert match is not None
    return found[0], match[1], match[2]


def _raw(classes: np.ndarray, labels: LabelSet) -> np.ndarray:
    """(N,) ids that mean these classes; -1 for what is none."""
    table = np.full(len(labels) + 1, NO_LABEL)
    for raw, index in reversed(labels.raw_to_class.items()):
        if index != labels.ignored:
            table[index] = raw
    known = (classes >= 0) & (classes < len(labels))
    return table[np.where(known, classes, len(labels))]
