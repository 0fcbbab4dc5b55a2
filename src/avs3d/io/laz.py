"""The packed points of ``.laz`` through lazrs; runs in a process of its own, without laspy."""

from __future__ import annotations

import io

import numpy as np

from avs3d.io.apart import limit_memory
from avs3d.io.source import damaged


def unpack(data: bytes, record: str, start: int, size: int) -> dict[str, np.ndarray]:
    """The `size` bytes of points that begin, packed, at `start` of a LAZ file."""
    import lazrs

    limit_memory(len(data), size)
    source = io.BytesIO(data)
    source.seek(start)
    points = np.empty(size, np.uint8)
    with damaged("LAZ"):
        lazrs.ParLasZipDecompressor(source, bytes.fromhex(record)).decompress_many(points)
    return {"points": points}
