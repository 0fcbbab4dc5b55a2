"""gzip and zstd streams around any format, unpacked within the bound for all that is packed."""

from __future__ import annotations

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
    parts = list(_parts(data, suffix))
    if not parts:
        raise MalformedError("holds an empty file; get it again")
    if parts[0].startswith(_SIGNATURES):
        raise MalformedError("is packed twice; unpack it once")
    return memoryview(b"".join(parts))


def _parts(data: memoryview, suffix: str) -> Iterator[bytes]:
    size = 0
    with damaged(suffix), _opened(io.BytesIO(data), suffix) as stream:
        while part := stream.read(_CHUNK):
            size += len(part)
            check_expansion(len(data), size)
            yield part


def _opened(stream: BinaryIO, suffix: str) -> Any:
    if suffix == ".gz":
        return gzip.GzipFile(fileobj=stream)
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.ZstdFile(stream)
