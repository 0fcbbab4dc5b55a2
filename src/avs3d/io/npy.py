"""``.npy``: an (N, 3 or more) array, or a structured array with fields x, y and z."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np

from avs3d.io.columns import MAX_WIDTH, Table, named
from avs3d.io.facts import Facts
from avs3d.io.source import MalformedError, check_claim, damaged

FACTS = Facts(
    "NumPy array",
    "rows as in `.bin`, or every field of a structured array",
    "nothing is unpickled",
)

_MAX_HEADER = 1 << 17  # numpy believes ten thousand characters


class PickledError(MalformedError):
    """The array holds Python objects, which only unpickling could restore."""


def parse(data: memoryview, path: Path, columns: tuple[str, ...] | None) -> Table:
    """One array; see `avs3d.io.read`."""
    return Table(table_columns(array_from(data), columns))


def array_from(data: memoryview) -> np.ndarray:
    """The array in the bytes of an ``.npy`` file, read-only, never unpickled, nothing copied.

    `numpy.load` is not used: it asks for the memory that the header names before it looks
    whether the file holds that much.
    """
    stream = io.BytesIO(data[:_MAX_HEADER])
    with damaged(".npy"):
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        else:  # 3.0 is 2.0 with UTF-8 field names
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
        offset = stream.tell()
    if dtype.hasobject:
        raise PickledError("holds Python objects, which are never unpickled; save plain numbers")
    count = math.prod(shape)
    check_claim(shape[0] if shape else 1, count * max(dtype.itemsize, 1), len(data) - offset)
    with damaged(".npy"):
        if count == 0:
            return np.empty(shape, dtype)
        flat = np.frombuffer(data, dtype, count, offset)
        return flat.reshape(shape, order="F" if fortran else "C")


def table_columns(array: np.ndarray, names: tuple[str, ...] | None) -> dict[str, np.ndarray]:
    """Columns of a structured or an (N, K) array, else `MalformedError`."""
    if array.dtype.names and array.ndim == 1:
        return {name: array[name] for name in array.dtype.names}
    if array.ndim == 2 and 3 <= array.shape[1] <= MAX_WIDTH and array.dtype.kind in "fiu":
        return named(array, names)
    raise MalformedError(
        f"its array has shape {array.shape} and type {str(array.dtype)[:60]};"
        f" save the points as (N, 3 to {MAX_WIDTH}) numbers, one row a point"
    )
