"""``.ply``: ascii and both binary orders in; a binary cloud with words and colours out."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avs3d.io.ascii_rows import ascii_columns
from avs3d.io.columns import Table, distinct
from avs3d.io.facts import Facts
from avs3d.io.result import MARK, coordinates, given_columns, header_lines, numeric
from avs3d.io.source import MalformedError, check_claim, damaged
from avs3d.palette import UNLABELLED_COLOR
from avs3d.segmentation import Segmentation

FACTS = Facts(
    "Stanford PLY",
    "every property of `vertex` that is no list",
    "ascii and both binary orders",
)

_MAX_HEADER = 4 << 20  # the words of a result are in it
_ALIGNMENT = 8
_MAX_LISTED = 1_000_000
"""Values of lists and of the rows around them, which are read one by one."""
_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
_RESULT_COLUMNS = ("x", "y", "z", "red", "green", "blue", "label", "score")


@dataclass
class _Element:
    """One element of the header: its rows, and its scalar properties in file order."""

    name: str
    count: int
    properties: list[tuple[str, str]]
    lists: int = 0


def parse(data: memoryview, path: Path, columns: tuple[str, ...] | None) -> Table:
    """The scalar properties of the element ``vertex``; see `avs3d.io.read`."""
    form, elements, comments, offset = _header(data)
    place = next((i for i, e in enumerate(elements) if e.name == "vertex"), None)
    if place is None:
        raise MalformedError("has no element vertex, so no points; export it as a point cloud")
    before, vertex = elements[:place], elements[place]
    if not vertex.properties:
        raise MalformedError("its element vertex has no properties; export it again")
    rows: np.ndarray | dict[str, np.ndarray]
    if vertex.lists or any(element.lists for element in before):
        rows = _listed(data, elements, len(data) - offset)
    elif form == "ascii":
        skip = sum(element.count for element in before)
        rows = ascii_columns(data[offset:], _dtype(vertex, "="), vertex.count, ".ply", skip=skip)
    else:
        offset += sum(e.count * _dtype(e, _ORDERS[form]).itemsize for e in before)
        dtype = _dtype(vertex, _ORDERS[form])
        size = vertex.count * dtype.itemsize
        check_claim(vertex.count, size, len(data) - offset)
        if offset % _ALIGNMENT and not data.readonly:
            data[:size] = data[offset : offset + size]  # numpy takes twice as long where it must
            offset = 0  # put together every number from bytes
        rows = np.frombuffer(data[offset : offset + size], dtype)
    return Table({name: rows[name] for name, _ in vertex.properties}, result=MARK in comments)


def _header(data: memoryview) -> tuple[str, list[_Element], list[str], int]:
    """Format, elements, comments, and where the rows begin."""
    end = re.search(rb"\nend_header[ \t]*(\r\n|\n|\r)", data[:_MAX_HEADER])
    if data[:3] != b"ply" or end is None:
        raise MalformedError("is not a .ply file (no PLY header); get or export it again")
    form, elements, comments = "", [], []
    for line in bytes(data[: end.start()]).decode("utf-8", "replace").splitlines()[1:]:
        words = line.split()
        with damaged(".ply"):
            if words[:1] == ["format"]:
                form = words[1]
            elif words[:1] == ["comment"]:
                comments.append(line.split(maxsplit=1)[-1].strip())
            elif words[:1] == ["element"]:
                elements.append(_Element(words[1], int(words[2]), []))
            elif words[:2] == ["property", "list"]:
                elements[-1].lists += 1
            elif words[:1] == ["property"]:
                elements[-1].properties.append((words[2], _TYPES[words[1]]))
    if form not in _ORDERS:
        raise MalformedError(
            "is a .ply file of an unknown kind; export it as binary_little_endian 1.0"
        )
    for element in elements:
        names = distinct([name for name, _ in element.properties])
        kinds = [kind for _, kind in element.properties]
        element.properties = list(zip(names, kinds, strict=True))
        # a row has a byte at least, so no count is beyond the file's size
        check_claim(element.count, element.count, len(data) - end.end())
    return form, elements, comments, end.end()


def _dtype(element: _Element, order: str) -> np.dtype:
    with damaged(".ply"):
        return np.dtype([(name, order + kind) for name, kind in element.properties])


def _listed(data: memoryview, elements: list[_Element], present: int) -> np.ndarray:
    """Vertices that have lists, or follow rows that do: the one slow way, through plyfile."""
    values = sum(e.count * (len(e.properties) + e.lists) for e in elements)
    check_claim(elements[0].count, values, present)
    if values > _MAX_LISTED:
        raise MalformedError("is a large .ply with lists among its points; export it without them")
    from plyfile import PlyData

    with damaged(".ply"):
        return PlyData.read(io.BytesIO(data))["vertex"].data


def encode(segmentation: Segmentation) -> bytes:
    """A binary little-endian cloud that common viewers open with the words' colours.

    ``x y z`` float32 metres in the file's coordinates (float64 where the scan has an origin),
    ``red green blue`` by word, ``label`` int32 (-1 unlabelled), ``score`` float32, then every
    column of the input; one that has a name of ours is called ``input_NAME``. The words are in
    the header, one comment each: ``avs3d label 3 traffic light``.
    """
    from plyfile import PlyData, PlyElement

    columns = _columns(segmentation)
    rows = np.empty(len(segmentation.scan), [(name, v.dtype) for name, v in columns.items()])
    for name, value in columns.items():
        rows[name] = value
    element = PlyElement.describe(rows, "vertex")
    stream = io.BytesIO()
    PlyData([element], byte_order="<", comments=header_lines(segmentation)).write(stream)
    return stream.getvalue()


def _columns(segmentation: Segmentation) -> dict[str, np.ndarray]:
    colors = np.vstack([segmentation.colors, UNLABELLED_COLOR])
    red, green, blue = colors.astype(np.uint8)[segmentation.label].T
    xyz = coordinates(segmentation.scan).T
    values = (*xyz, red, green, blue, segmentation.label, segmentation.score)
    columns = dict(zip(_RESULT_COLUMNS, values, strict=True))
    given = given_columns(segmentation.scan, columns)
    return columns | {name: _storable(value) for name, value in given.items()}


def _storable(value: np.ndarray) -> np.ndarray:
    """PLY has no 64-bit integers either: the smallest type that holds all."""
    if value.dtype.kind in "iu" and value.dtype.itemsize == 8:
        fits = len(value) == 0 or (value.min() >= -(2**31) and value.max() < 2**31)
        return value.astype(np.int32 if fits else np.float64)
    return numeric(value)
