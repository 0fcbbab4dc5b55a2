"""Neutral scene folders as Pointcept has them: ``SPLIT/SCENE/coord.npy``, an array a quantity."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.io.result import coordinates
from avs3d.labelsets import load
from avs3d.prepare.product import Part, Product
from avs3d.scan import Scan

NO_CLASS = -1
_WHITE = 255
_COLOUR = ("red", "green", "blue")
_NORMAL = ("nx", "ny", "nz")


@dataclass(frozen=True)
class Scenes(Product):
    """What is known of each point, whatever the dataset. Labels are classes of its label set, the
    dataset's own ids where it has none, `NO_CLASS` where a point has none."""

    what = "scenes"

    def told(self) -> dict[str, Any]:
        return {}

    def make(self, scan: Scan, part: Part, folder: Path) -> tuple[str, ...]:
        place = folder / part.name / scan.name
        place.mkdir(parents=True)
        for name, array in arrays_of(scan, part.labelset).items():
            np.save(place / f"{name}.npy", array)
        return ()


def arrays_of(scan: Scan, labelset: str | None) -> dict[str, np.ndarray]:
    """The arrays of a scan, a row a point.

    Returns:
        ``coord`` (N, 3) float32 metres, float64 where the scan has an origin; and of these what
        there is: ``color`` (N, 3) uint8, ``normal`` (N, 3) float32, ``strength`` (N, 1) float32 in
        the file's own scale, ``segment`` (N,) int32, ``instance`` (N,) int32, ``sweep`` (N,) int32,
        0 for the key frame.
    """
    found = {"coord": coordinates(scan)}
    colours, normals = (_columns(scan, names) for names in (_COLOUR, _NORMAL))
    if colours is not None and ((colours >= 0) & (colours <= _WHITE)).all():
        found["color"] = np.rint(colours).astype(np.uint8)
    if normals is not None:
        found["normal"] = normals.astype(np.float32)
    if scan.intensity is not None:
        found["strength"] = scan.intensity[:, None]
    if scan.labels is not None:
        found["segment"] = _classes(scan.labels, labelset)
    instance = scan.fields.get("instance")
    if instance is not None and instance.dtype.kind in "iu":
        found["instance"] = instance.astype(np.int32)
    if scan.sweep is not None:
        found["sweep"] = scan.sweep
    return found


def _columns(scan: Scan, names: tuple[str, ...]) -> np.ndarray | None:
    there = all(name in scan.fields for name in names)
    return np.column_stack([scan.fields[name] for name in names]) if there else None


def _classes(labels: np.ndarray, labelset: str | None) -> np.ndarray:
    if labelset is None:
        return labels
    names = load(labelset)
    classes = names.to_classes(labels).astype(np.int32)
    return np.where(classes == names.ignored, np.int32(NO_CLASS), classes)
