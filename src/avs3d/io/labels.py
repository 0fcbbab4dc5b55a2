"""Ground truth: an id of the dataset for each point, as datasets and tools keep it.

``.label`` of SemanticKITTI (uint32, the class in the low 16 bits), ``*lidarseg.bin`` of nuScenes
(uint8), integers in ``.npy`` and ``.npz``, or the labels in a point cloud of any readable format.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avs3d.errors import ReadError
from avs3d.io import read_table
from avs3d.io.columns import to_scan
from avs3d.io.names import unpacked
from avs3d.io.npy import array_from
from avs3d.io.npz import arrays_of
from avs3d.io.packed import unpack
from avs3d.io.source import MalformedError, load, naming, show, stored_as
from avs3d.scan import Scan

NAMES = ("label", "labels", "semantic", "category")
"""Arrays of ``.npz`` and columns of clouds that are taken for ground truth, the first of them."""
ENDINGS = (".label", "lidarseg.bin", ".npy", ".npz")
"""How files end that hold labels."""
_LOW_BITS = 0xFFFF
_RESULT = "is a result of avs3d, not ground truth; give the labels themselves"


def read_labels(path: Path) -> np.ndarray:
    """(N,) int64 ids of a file of labels, or of a scan that has some.

    Raises:
        ReadError: it is missing, damaged, has no labels, or is a result of ours.
    """
    end = next((end for end in ENDINGS if unpacked(path).name.lower().endswith(end)), None)
    if end is None:
        return _carried(path)
    with naming(path):
        data = load(path, readable=(unpacked(path).suffix.lower(),))
        with stored_as(len(data)):
            plain = data if unpacked(path) == path else unpack(data, path)
            found = _parse(plain, end)
    return _carried(path) if found is None else found


def _carried(path: Path) -> np.ndarray:
    with naming(path):
        table = read_table(path)
        if table.result:
            raise MalformedError(_RESULT)
        return labels_of(to_scan(table, path), path)


def labels_of(scan: Scan, path: Path) -> np.ndarray:
    """(N,) int64 ids that a scan carries.

    Raises:
        ReadError: it carries none; `path` is the file that the text names.
    """
    columns = {**scan.fields, "labels": scan.labels} if scan.labels is not None else scan.fields
    for name in NAMES:
        if name in columns and columns[name].dtype.kind in "iu":
            found: np.ndarray = columns[name].astype(np.int64)
            return found
    raise ReadError(f"{show(path)}: has no labels of its points; give files of labels: --labels")


def _parse(data: memoryview, end: str) -> np.ndarray | None:
    """The labels, or None for a cloud that may have some."""
    if end == "lidarseg.bin":
        return np.frombuffer(data, np.uint8).astype(np.int64)
    if end == ".label":
        if len(data) % 4:
            raise MalformedError(
                f"{len(data)} bytes are no whole number of uint32; get the file again"
            )
        return (np.frombuffer(data, "<u4") & _LOW_BITS).astype(np.int64)
    if end == ".npy":
        return _ids(array_from(data))
    arrays, _ = arrays_of(data)
    if {"label", "vocabulary", "bundle"} <= arrays.keys():
        raise MalformedError(_RESULT)
    if len(arrays) == 1:
        return _ids(next(iter(arrays.values())))
    return next((_ids(arrays[name]) for name in NAMES if name in arrays), None)


def _ids(array: np.ndarray) -> np.ndarray | None:
    if array.dtype.kind not in "iu" or array.ndim > 2 or array.size != max(array.shape, default=0):
        return None
    return array.reshape(-1).astype(np.int64)
