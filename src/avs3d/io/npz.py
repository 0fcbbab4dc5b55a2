"""``.npz``: arrays by name, read without unpickling and within bounds; and results for Python."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.io.archive import content_of, open_archive
from avs3d.io.columns import Table, to_scan
from avs3d.io.facts import Facts
from avs3d.io.npy import PickledError, array_from, table_columns
from avs3d.io.result import given_columns
from avs3d.io.source import MalformedError, check_expansion, damaged
from avs3d.segmentation import Segmentation
from avs3d.vocabulary import Vocabulary

FACTS = Facts(
    "NumPy archive",
    "`points` (or `xyz`, …) or `x`, `y`, `z`; every array with a row a point",
    "nothing is unpickled",
)

_POINTS = (
    "points", "xyz", "xyzi", "coord", "coords", "positions", "pos", "pc", "pcd", "pointcloud",
    "point_cloud", "lidar", "data", "arr_0",
)  # fmt: skip
_ARGUMENTS = ("file", "allow_pickle")
"""Of `numpy.savez`, so no array can have these names."""
_RESULT = ("label", "score", "vocabulary", "bundle")
_OWN = (*_RESULT, "similarity")


def parse(data: memoryview, path: Path, columns: tuple[str, ...] | None) -> Table:
    """Arrays `points` (or `xyz`, …) of shape (N, 3 or more), or x, y and z; see `avs3d.io.read`.

    Every other array with N rows is a column; what is not one per point is left out.
    """
    arrays, pickled = arrays_of(data)
    keys = {name.lower(): name for name in reversed(arrays)}
    found = next((keys[name] for name in _POINTS if name in keys), None)
    if {"x", "y", "z"} <= keys.keys():  # beside these, `pos` or `lidar` is the way of the sensor
        table = {axis: arrays.pop(keys[axis]) for axis in "xyz"}
    elif found is not None:
        table = table_columns(arrays.pop(found), columns)
    else:
        names = ", ".join([*arrays, *(f"{name} (pickled)" for name in pickled)][:12]) or "none"
        raise MalformedError(f"has no array points or x, y, z (arrays: {names}); save one of them")
    shape = next(iter(table.values())).shape
    if len(shape) != 1 or any(value.shape[:1] != shape for value in table.values()):
        shapes = ", ".join(str(value.shape) for value in table.values())
        raise MalformedError(
            f"its x, y and z have the shapes {shapes}; save one value of each a point"
        )
    is_result = {"label", "vocabulary", "bundle"} <= arrays.keys()
    # In other people's files it may be anything, often the place of the sensor.
    origin = _origin(arrays.pop("origin", None)) if is_result else None
    rest = {name: value for name, value in arrays.items() if value.shape[:1] == shape}
    return Table({**rest, **table}, origin=origin, result=is_result)


def _origin(value: np.ndarray | None) -> np.ndarray | None:
    if value is None or value.shape != (3,) or value.dtype.kind not in "fiu":
        return None
    return value.astype(np.float64)


def arrays_of(data: memoryview) -> tuple[dict[str, np.ndarray], list[str]]:
    """Every array by name, and the names of those that hold pickled objects."""
    arrays: dict[str, np.ndarray] = {}
    pickled: list[str] = []
    with damaged(".npz"):
        archive = open_archive(data)
        members = [item for item in archive.infolist() if item.filename.endswith(".npy")]
    check_expansion(len(data), sum(item.file_size for item in members))
    for item in members:
        if item.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise MalformedError(
                "is packed in a way that numpy does not use; save it with numpy.savez"
            )
        with damaged(".npz"):
            content = content_of(item, archive, data)
        name = item.filename.removesuffix(".npy")
        try:
            arrays[name] = array_from(content)
        except PickledError:
            pickled.append(name)
    return arrays, pickled


def encode(segmentation: Segmentation) -> bytes:
    """A result as arrays, all readable with `numpy.load` as it is (nothing pickled).

    ``label`` (N,) int32 index into ``vocabulary``, -1 unlabelled; ``score`` (N,) float32;
    ``similarity`` (N,) float32 cosine of point and word, where known; ``vocabulary`` (W,) unicode;
    ``bundle`` unicode; and the input, so that the file is a scan too: ``points`` (N, 3) float32
    metres, ``origin`` (3,) float64 to add to them, and every other column; one that has a name of
    ours is called ``input_NAME``.
    """
    scan, words = segmentation.scan, segmentation.vocabulary.words
    arrays: dict[str, Any] = {
        "label": segmentation.label,
        "score": segmentation.score,
        # numpy ends a text at NUL
        "vocabulary": np.array([word.replace("\0", "\ufffd") for word in words], dtype=np.str_),
        "bundle": np.array(segmentation.bundle, dtype=np.str_),
        "points": scan.points,
        "origin": scan.origin,
    }
    if segmentation.cosine is not None:
        arrays["similarity"] = segmentation.cosine
    arrays |= given_columns(scan, [*arrays, "similarity", *_ARGUMENTS])
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def decode(data: memoryview, path: Path) -> Segmentation:
    """The result that `encode` wrote; what it was made of (captions, timings) is not there.

    Columns of the input have their own names again.
    """
    arrays, _ = arrays_of(data)
    if missing := [name for name in (*_RESULT, "points") if name not in arrays]:
        raise MalformedError(f"is no result of avs3d (no array {missing[0]}); segment the scan")
    label, score, words, bundle = (arrays.pop(name) for name in _RESULT)
    cosine = arrays.pop("similarity", None)
    points, origin = arrays.pop("points"), _origin(arrays.pop("origin", None))
    rest = {
        name.removeprefix("input_") if name.removeprefix("input_") in _OWN else name: value
        for name, value in arrays.items()
        if value.shape[:1] == points.shape[:1]
    }
    # First, so that no column called X is taken for x.
    columns = table_columns(points, ("x", "y", "z"))
    columns |= {name: value for name, value in rest.items() if name not in columns}
    with damaged("result of avs3d"):
        return Segmentation(
            to_scan(Table(columns, origin), path), label, score,
            Vocabulary(tuple(words.tolist())), str(bundle), cosine=cosine,
        )  # fmt: skip
