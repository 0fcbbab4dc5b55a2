"""``.las`` and ``.laz`` through laspy; packed points are unpacked in a process of their own."""

from __future__ import annotations

import importlib.util
import io
import os
import struct
import subprocess
import sys
from pathlib import Path

import laspy
import numpy as np

from avs3d.io.columns import Table
from avs3d.io.las_result import OWNER
from avs3d.io.source import MalformedError, check_claim, check_expansion, damaged

_VLR_BYTES = 54
_UNPACKER_BYTES = 512 << 20
"""Address space of an interpreter with lazrs, several times over."""
_RAW_AXES = frozenset("XYZ")


def parse(data: bytes, path: Path, columns: tuple[str, ...] | None) -> Table:
    """All dimensions and extra bytes, x y z in float64; see `avs3d.io.read`."""
    header = _header(data)
    count, row = header.point_count, header.point_format.size
    start = header.offset_to_point_data
    if header.are_points_compressed:
        check_expansion(len(data), count * row)
        points = _unpack(data, header) if count else b""
    else:
        check_claim(count, count * row, len(data) - start)
        points = data[start : start + count * row]
    with damaged("LAS"):
        record = laspy.ScaleAwarePointRecord(
            np.frombuffer(points, header.point_format.dtype()),
            header.point_format,
            header.scales,
            header.offsets,
        )
        names = [n for n in header.point_format.dimension_names if n not in _RAW_AXES]
        with np.errstate(invalid="ignore", over="ignore"):
            axes = {axis: np.asarray(record[axis], dtype=np.float64) for axis in "xyz"}
            found = axes | {name: np.asarray(record[name]) for name in names}
    return Table(found, result=any(vlr.user_id == OWNER for vlr in header.vlrs))


def _header(data: bytes) -> laspy.LasHeader:
    """The header; laspy believes the number of records in it, so that is checked first."""
    if data[:4] != b"LASF" or len(data) < 227:
        raise MalformedError("is not a LAS file (no LASF header); get or export it again")
    size, start, records = struct.unpack_from("<HII", data, 94)
    check_claim(0, size + records * _VLR_BYTES, min(start, len(data)))
    check_claim(0, start, len(data))
    with damaged("LAS"):
        return laspy.open(io.BytesIO(data), read_evlrs=False).header


# Runs in a fresh interpreter without this package. lazrs ends the whole process, past any
# exception handler, when damaged data makes it ask for more memory than there is.
_UNPACKER = """
import sys
site, size, memory, record, start = sys.argv[1:]
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (ImportError, ValueError, OSError):
    pass
sys.path.append(site)
import io, lazrs
source = io.BytesIO(sys.stdin.buffer.read())
source.seek(int(start))
points = bytearray(int(size))
lazrs.ParLasZipDecompressor(source, bytes.fromhex(record)).decompress_many(points)
sys.stdout.buffer.write(points)
"""


def _unpack(data: bytes, header: laspy.LasHeader) -> bytes:
    """The points of a LAZ file as the rows of a LAS file."""
    found = importlib.util.find_spec("lazrs")
    if found is None or found.origin is None:
        raise MalformedError('needs lazrs to unpack .laz; run `pip install "laspy[lazrs]"`')
    with damaged("LAZ"):
        record = header.vlrs[header.vlrs.index("LasZipVlr")].record_data
    size = header.point_count * header.point_format.size
    arguments = {
        "site": Path(found.origin).parent.parent,
        "size": size,
        "memory": _UNPACKER_BYTES + 4 * (len(data) + size),
        "record": record.hex(),
        "start": header.offset_to_point_data,
    }
    try:
        result = subprocess.run(
            [sys.executable, "-I", "-c", _UNPACKER, *map(str, arguments.values())],
            input=data,
            capture_output=True,
            timeout=30 + size / 1e6,
            env=os.environ | {"RAYON_NUM_THREADS": "2"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MalformedError("could not be unpacked in time; export it again as .las") from None
    if result.returncode or len(result.stdout) != size:
        raise MalformedError("truncated or damaged: its points do not unpack; get the file again")
    return result.stdout
