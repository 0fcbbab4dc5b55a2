"""``.pcd`` of the Point Cloud Library, through pypcd4: all three encodings in, binary out."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import lzf  # of pypcd4
import numpy as np
from pypcd4 import Encoding, MetaData, PointCloud

from avs3d.io.ascii_rows import ascii_columns
from avs3d.io.columns import COLOURS, Table, distinct
from avs3d.io.facts import Facts
from avs3d.io.result import MARK, coordinates, given_columns, header_lines, numeric
from avs3d.io.source import MalformedError, check_claim, check_expansion, damaged
from avs3d.segmentation import Segmentation

FACTS = Facts(
    "Point Cloud Library",
    "every field",
    "ascii, binary, binary_compressed; any order, with padding",
)

_KEYS = (
    "VERSION", "FIELDS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "VIEWPOINT", "POINTS", "DATA",
)  # fmt: skip
_MAX_HEADER = 4 << 20  # the words of a result are in it
_MAX_COLUMNS = 1024
_PADDING = "#$%&~~"
"""How we begin the names of padding, all of which PCD calls ``_``."""


def parse(data: memoryview, path: Path, columns: tuple[str, ...] | None) -> Table:
    """Fields of any order and type; see `avs3d.io.read`."""
    header, offset = _header(bytes(data[:_MAX_HEADER]))
    with damaged(".pcd"):
        dtype = header.build_dtype()
    rest = len(data) - offset
    rows: np.ndarray | dict[str, np.ndarray]
    if header.data == Encoding.ASCII:
        rows = ascii_columns(data[offset:], dtype, header.points, ".pcd", comment="#")
    elif header.data == Encoding.BINARY:
        check_claim(header.points, header.points * dtype.itemsize, rest)
        with damaged(".pcd"):
            rows = np.frombuffer(data, dtype, header.points, offset)
    else:
        _check_compressed(data, offset, header.points, dtype.itemsize)
        with damaged(".pcd"):
            rows = _unpacked(data[offset:], header, dtype)
    names = [name for name in dtype.names or () if not name.startswith(_PADDING)]
    is_result = bytes(data[:_MAX_HEADER]).startswith(f"# {MARK}\n".encode())
    return Table({name: rows[name] for name in names}, result=is_result)


def _header(data: bytes) -> tuple[MetaData, int]:
    """The header and where the points begin, from the first bytes of a file."""
    lines: list[str] = []
    offset = 0
    while len(lines) < len(_KEYS) and offset < len(data):
        end = data.find(b"\n", offset) + 1 or len(data)
        line = data[offset:end].decode("utf-8", "replace").strip()
        offset = end
        if not line or line.startswith("#"):
            continue
        if not line.startswith(_KEYS):
            raise MalformedError("is not a .pcd file (no PCD header); get or export it again")
        lines.append(line)
        if line.startswith("DATA"):
            with damaged(".pcd"):
                return _parsed(lines), offset
    raise MalformedError("is not a .pcd file (its header has no DATA line); get or export it again")


def _parsed(lines: list[str]) -> MetaData:
    """The header through pypcd4, which wants every line and version 0.7, and cuts names short."""
    told = {words[0]: words[1:] for words in map(str.split, lines)}
    told.pop("VERSION", None)  # what 0.5 and 0.6 have is the same
    names = told["FIELDS"]
    told["FIELDS"] = [f"f{i}" for i in range(len(names))]
    told.setdefault("COUNT", ["1"] * len(names))
    if "POINTS" not in told:
        told["POINTS"] = [str(int(told["WIDTH"][0]) * int(told["HEIGHT"][0]))]
    header = MetaData.parse_header([" ".join([key, *words]) for key, words in told.items()])
    if not len(header.fields) == len(header.size) == len(header.count):
        raise ValueError("FIELDS, SIZE and COUNT differ in length")
    if sum(header.count) > _MAX_COLUMNS:
        raise ValueError(f"more than {_MAX_COLUMNS} columns")
    named = [f"{_PADDING}{i}" if name == "_" else name for i, name in enumerate(names)]
    header.fields = tuple(distinct(named))
    return header


def _check_compressed(data: memoryview, offset: int, points: int, row_bytes: int) -> None:
    if len(data) < offset + 8:
        raise MalformedError(
            "truncated: no compressed points follow the header; get the file again"
        )
    packed, unpacked = struct.unpack_from("<II", data, offset)
    check_claim(points, packed, len(data) - offset - 8)
    check_expansion(packed, unpacked)
    if unpacked != points * row_bytes:
        raise MalformedError(
            f"its header promises {points * row_bytes} bytes of points, its compressed part"
            f" {unpacked}; export it again"
        )


def _unpacked(data: memoryview, header: MetaData, dtype: np.dtype) -> dict[str, np.ndarray]:
    """The columns by name: a field after the other, each with all its values of a point together,
    as PCL packs them; pypcd4 takes such a field for as many as it has values."""
    packed, unpacked = struct.unpack_from("<II", data)
    content = lzf.decompress(bytes(data[8 : 8 + packed]), unpacked) if unpacked else b""
    if content is None or len(content) != unpacked:
        raise ValueError("its compressed part has another size than it says")
    names, offset = iter(dtype.names or ()), 0
    columns: dict[str, np.ndarray] = {}
    for count in header.count:
        own = [next(names) for _ in range(count)]
        values = np.frombuffer(content, dtype[own[0]], header.points * count, offset)
        columns |= dict(zip(own, values.reshape(-1, count).T, strict=True))
        offset += values.nbytes
    return columns


def encode(segmentation: Segmentation) -> bytes:
    """A binary cloud: ``x y z`` as in a .ply, ``label`` int32 (-1 unlabelled), ``score`` float32,
    then every column of the input, under the names that a .ply has, but colours of 8 bits as one
    ``rgb``, which viewers look for. The words are in the header, one comment each:
    ``# avs3d label 3 traffic light``.
    """
    columns = dict(zip("xyz", coordinates(segmentation.scan).T, strict=True))
    columns |= {"label": segmentation.label, "score": segmentation.score}
    given = given_columns(segmentation.scan, columns)
    columns |= _packed({name: numeric(value) for name, value in given.items()})
    cloud = PointCloud.from_points(
        list(columns.values()), list(columns), [value.dtype for value in columns.values()]
    )
    stream = io.BytesIO()
    stream.write("".join(f"# {line}\n" for line in header_lines(segmentation)).encode())
    cloud.save(stream, Encoding.BINARY)
    return stream.getvalue()


def _packed(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With ``red``, ``green`` and ``blue`` of 8 bits as PCL packs them."""
    are_there = all(name in columns and columns[name].dtype == np.uint8 for name in COLOURS)
    if "rgb" in columns or not are_there:
        return columns
    red, green, blue = (columns.pop(name).astype(np.uint32) for name in COLOURS)
    return columns | {"rgb": (red << 16 | green << 8 | blue).view(np.float32)}
