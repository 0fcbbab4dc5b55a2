"""ScanNet and ScanNet200: meshes' vertices with colours and labels, and exported frames."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from avs3d.cameras.calibration import Calibration
from avs3d.datasets.parts.dataset import Dataset
from avs3d.datasets.parts.files import (
    AGAIN,
    folders,
    for_points,
    read_json,
    with_cameras,
    with_labels,
)
from avs3d.errors import UserError
from avs3d.io import read
from avs3d.io.source import MalformedError, load_small, naming, show
from avs3d.published.scenes import read_cameras
from avs3d.scan import Scan

_MESH = "_vh_clean_2.ply"
_NAMES = "scannetv2-labels.combined.tsv"
_SPLITS = ("train", "val", "test")
_ID_COLUMNS = {20: "nyu40id", 200: "id"}
_MAX_BYTES = 16 << 20
_UNANNOTATED = 0


class Reader(Dataset):
    """The scenes; a key is ``scene0000_00``. Points are the vertices of ``…_vh_clean_2.ply``.

    Args:
        root: the folder with ``scans``, or with the folders of scenes.
        split: ``train``, ``val`` or ``test``, by ScanNet's ``scannetv2_SPLIT.txt`` in the root.
        classes: 20, with labels of ``….labels.ply`` where that is there, or 200, whose labels are
            only in the segments, the aggregation and ``scannetv2-labels.combined.tsv``.
        images: with a camera for every so many frames, where they were exported into the folder
            of the scene: ``color``, ``depth``, ``pose``, ``intrinsic``; 0 for none.
    """

    name = "scannet"

    def __init__(
        self, root: Path, split: str | None = None, classes: int = 20, images: int = 20
    ) -> None:
        if classes not in _ID_COLUMNS:
            raise UserError(f"classes={classes}: ScanNet has 20 or 200")
        self.root, self.split = root, split
        self.labelset = f"scannet-{classes}"
        self._classes, self._every = classes, images
        there = _scenes(root)
        chosen = sorted(there) if split is None else _listed(root, split)
        if chosen and not there.keys() & set(chosen):
            raise UserError(
                f"{show(root)}: split {split} lacks {len(chosen)} of {len(chosen)} scenes"
                f" ({chosen[0]}, …); get them, or choose another split"
            )
        # What else is missing is said when it is taken.
        self._scans = [there.get(name, root / "scans" / name) for name in chosen]
        self._ids: dict[str, int] | None = None

    @staticmethod
    def fits(root: Path) -> bool:
        return bool(_scenes(root))

    @staticmethod
    def splits(root: Path) -> tuple[str, ...]:
        return tuple(split for split in _SPLITS if (root / f"scannetv2_{split}.txt").exists())

    def __len__(self) -> int:
        return len(self._scans)

    def key(self, index: int) -> str:
        return self._scans[index].name

    def sequences(self) -> list[range]:
        """Each scene by itself: they are of different places."""
        return [range(index, index + 1) for index in range(len(self))]

    def __getitem__(self, index: int) -> Scan:
        folder = self._scans[index]
        stem = folder / folder.name
        scan = replace(read(Path(f"{stem}{_MESH}")), name=folder.name)
        labels = Path(f"{stem}_vh_clean_2.labels.ply")
        groups = Path(f"{stem}.aggregation.json")
        if self._classes == 20 and labels.exists():
            scan = with_labels(scan, labels)
        elif groups.exists():
            segments = Path(f"{stem}_vh_clean_2.0.010000.segs.json")
            scan = replace(scan, labels=self._segmented(scan, segments, groups))
        if not self._every or not (folder / "color").is_dir():
            return scan
        return with_cameras(scan, lambda: Calibration(read_cameras(folder, self._every)))

    def _segmented(self, scan: Scan, segments: Path, groups: Path) -> np.ndarray:
        """(N,) ids: a vertex is of a segment, a segment of an object, an object has a name."""
        if self._ids is None:
            self._ids = _ids(self.root, _ID_COLUMNS[self._classes])
        with naming(segments):
            told = read_json(segments, dict).get("segIndices")
            if not isinstance(told, list) or not all(isinstance(n, int) for n in told):
                raise MalformedError(f"has no whole numbers segIndices; {AGAIN}")
        named: dict[int, int] = {}
        with naming(groups):
            for group in _groups(read_json(groups, dict)):
                number = self._ids.get(group["label"], _UNANNOTATED)
                named |= dict.fromkeys(group["segments"], number)
        labels = np.array([named.get(segment, _UNANNOTATED) for segment in told], np.int32)
        return for_points(labels, scan, segments)


def _groups(content: dict) -> list[dict]:
    found = content.get("segGroups")
    for group in found if isinstance(found, list) else [None]:
        match group:
            case {"label": str(), "segments": list(segments)}:
                if all(isinstance(segment, int) for segment in segments):
                    continue
        raise MalformedError(f"has no segGroups with label and segments; {AGAIN}")
    return found or []


def _scenes(root: Path) -> dict[str, Path]:
    """Name -> folder of the scenes that have a mesh."""
    return {
        name: above / name
        for above in (root, root / "scans", root / "scans_test")
        for name in folders(above)
        if name.startswith("scene") and (above / name / f"{name}{_MESH}").exists()
    }


def _listed(root: Path, split: str) -> list[str]:
    if split not in _SPLITS:
        raise UserError(f"no split {split!r} of ScanNet; there are {', '.join(_SPLITS)}")
    path = root / f"scannetv2_{split}.txt"
    with naming(path):
        content = bytes(load_small(path, _MAX_BYTES, "give ScanNet's own"))
        names = content.decode("utf-8-sig", "replace").split()
        if wrong := next((name for name in names if not re.fullmatch(r"\w+", name)), None):
            raise MalformedError(f"names the scene {show(wrong)}, which is no plain name; {AGAIN}")
        return names


def _ids(root: Path, column: str) -> dict[str, int]:
    """Ids by the names that annotators gave."""
    path = root / _NAMES
    with naming(path):
        text = bytes(load_small(path, _MAX_BYTES, "give ScanNet's own")).decode("utf-8", "replace")
        found = {}
        for row in csv.DictReader(io.StringIO(text), delimiter="\t"):
            name, number = row.get("raw_category"), row.get(column) or ""
            if name is None:
                raise MalformedError(f"has no column raw_category; {AGAIN}")
            if number.isdecimal():
                found[name] = int(number)
        return found
