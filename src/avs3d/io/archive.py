"""Zip archives in memory, whose stored members are not copied."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

_ENCRYPTED = 1


def open_archive(data: memoryview) -> zipfile.ZipFile:
    """The archive in the bytes of a file."""
    return zipfile.ZipFile(_View(data))


def content_of(item: zipfile.ZipInfo, archive: zipfile.ZipFile, data: memoryview) -> memoryview:
    """The bytes of a member of the archive in `data`; what is stored as it is, is not copied."""
    if item.compress_type != zipfile.ZIP_STORED or item.flag_bits & _ENCRYPTED:
        return memoryview(archive.read(item))
    name, extra = struct.unpack_from("<HH", data, item.header_offset + 26)
    start = item.header_offset + 30 + name + extra
    content = data[start : start + item.file_size]
    if zlib.crc32(content) != item.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for {item.filename}")
    return content


class _View(io.RawIOBase):
    """Bytes as a file, without the copy that `io.BytesIO` makes."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = max(0, (0, self._place, len(self._data))[whence] + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        part = self._data[self._place : self._place + len(buffer)]
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)
