"""gzip and zstd streams around any format, and those of recordings, unpacked within the bound for
all that is packed."""

from __future__ import annotations

import bz2
import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from avs3d.environment import ZSTD
from avs3d.io.source import MalformedError, check_expansion, damaged, require

_CHUNK = 1 << 20
_SIGNATURES = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")


def unpack(data: memoryview, path: Path) -> memoryview:
    """The file in a gzip or zstd stream, or `MalformedError`."""
    suffix = path.suffix.lower()
    if suffix == ".zst":
        require(".zst", ZSTD)
    parts = list(unpacking(io.BytesIO(data), len(data), suffix))
    if not parts:
        raise MalformedError("holds an empty file; get it again")
    if parts[0].startswith(_SIGNATURES):
        raise MalformedError("is packed twice; unpack it once")
    return memoryview(b"".join(parts))


def unpacking(packed: BinaryIO, size: int, suffix: str) -> Iterator[bytes]:
    """What a stream of `size` bytes unpacks to, or `MalformedError` once that is too much."""
    unpacked = 0
    with damaged(suffix), _opened(packed, suffix) as stream:
        while part := stream.read(_CHUNK):
            unpacked += len(part)
            check_expansion(size, unpacked)
            yield part


def _opened(stream: BinaryIO, suffix: str) -> Any:
    if suffix == ".gz":
        return gzip.GzipFile(fileobj=stream)
    if suffix == ".bz2":
        return bz2.BZ2File(stream)
    if suffix == ".lz4":
        from lz4.frame import LZ4FrameFile  # type: ignore[import-untyped]

        return LZ4FrameFile(stream)
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.ZstdFile(stream)
