"""``.las`` and ``.laz`` through laspy; packed points are unpacked in a process of their own."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import laspy
import numpy as np

from avs3d.io import apart
from avs3d.io.columns import Table
from avs3d.io.facts import Facts
from avs3d.io.las_result import OWNER
from avs3d.io.source import MalformedError, check_claim, check_expansion, damaged

FACTS = Facts(
    "ASPRS LAS to 1.4, LAZ, COPC",
    "every dimension and extra byte; the coordinate system",
    "coordinates in float64",
)

_VLR_BYTES = 54
_MAX_LASZIP_BYTES = 4096
"""LASzip describes the items of a point in some ten bytes each."""
_RAW_AXES = frozenset("XYZ")


def parse(data: memoryview, path: Path, columns: tuple[str, ...] | None) -> Table:
    """All dimensions and extra bytes, x y z in float64; see `avs3d.io.read`."""
    header = _header(data)
    count, row = header.point_count, header.point_format.size
    start = header.offset_to_point_data
    if header.are_points_compressed:
        check_expansion(len(data), count * row)
        rows, start = (_unpack(data, header) if count else memoryview(b"")), 0
    else:
        check_claim(count, count * row, len(data) - start)
        rows = memoryview(data)
    with damaged("LAS"):
        record = laspy.ScaleAwarePointRecord(
            np.frombuffer(rows, header.point_format.dtype(), count, start),
            header.point_format,
            header.scales,
            header.offsets,
        )
        names = [n for n in header.point_format.dimension_names if n not in _RAW_AXES]
        with np.errstate(invalid="ignore", over="ignore"):
            axes = {axis: np.asarray(record[axis], dtype=np.float64) for axis in "xyz"}
            found = axes | {name: np.asarray(record[name]) for name in names}
    is_result = any(vlr.user_id == OWNER for vlr in header.vlrs)
    return Table(found, result=is_result, crs=_crs(header))


def _crs(header: laspy.LasHeader) -> str:
    """What the records tell of the coordinates, or ""; GeoTIFF keys, as all files before LAS 1.4
    have them, become WKT where pyproj is there."""
    for record in header.vlrs.get("WktCoordinateSystemVlr"):
        return str(record.string)
    if not header.vlrs.get("GeoKeyDirectoryVlr"):
        return ""
    try:
        return str(header.parse_crs().to_wkt("WKT1_GDAL"))
    except Exception:  # no pyproj, or keys that it cannot read: no harm to the points
        return ""


def _header(data: memoryview) -> laspy.LasHeader:
    """The header; laspy believes the number of records in it, so that is checked first."""
    if data[:4] != b"LASF" or len(data) < 227:
        raise MalformedError("is not a LAS file (no LASF header); get or export it again")
    size, start, records = struct.unpack_from("<HII", data, 94)
    check_claim(0, size + records * _VLR_BYTES, min(start, len(data)))
    check_claim(0, start, len(data))
    with damaged("LAS"):
        return laspy.LasHeader.read_from(io.BytesIO(data[:start]))


def _unpack(data: memoryview, header: laspy.LasHeader) -> memoryview:
    """The points of a LAZ file as the bytes of the rows of a LAS file."""
    with damaged("LAZ"):
        record = header.vlrs[header.vlrs.index("LasZipVlr")].record_data
    if len(record) > _MAX_LASZIP_BYTES:
        raise MalformedError("not a readable LAZ file (its LASzip record is damaged); get it again")
    size = header.point_count * header.point_format.size
    start = header.offset_to_point_data
    columns = apart.call(
        "avs3d.io.laz:unpack",
        data,
        seconds=30 + size / 1e6,
        record=record.hex(),
        start=start,
        size=size,
    )
    return columns["points"].data
