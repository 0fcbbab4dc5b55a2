"""From a path to bytes, and the checks that every format needs against bad files."""

from __future__ import annotations

import difflib
import itertools
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import numpy as np

from avs3d.environment import missing_modules
from avs3d.errors import ReadError
from avs3d.io.names import PACKED, is_packed, unpacked

MAX_FILE_BYTES = 4 << 30
"""A larger cloud is refused: the whole file is read into memory."""
MAX_EXPANSION = 200
"""A packed file may unpack to this many times its size; real clouds unpack to 2-40 times."""
FREE_EXPANSION_BYTES = 64 << 20
"""Up to this size any packed file may unpack, since small files can be very regular."""

_SIGNATURES = (
    (b"version https://git-lfs", "a Git LFS pointer, not the data", "run `git lfs pull`"),
    (b"\x1f\x8b", "gzip data", "add .gz to its name"),
    (b"\x28\xb5\x2f\xfd", "zstd data", "add .zst to its name"),
    (b"BZh", "bzip2 data", "unpack it first"),
    (b"\xfd7zXZ", "xz data", "unpack it first"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"\x89PNG", "a PNG image", "give a point cloud"),
    (b"\xff\xd8\xff", "a JPEG image", "give a point cloud"),
    (b"%PDF", "a PDF document", "give a point cloud"),
    (b"CCB2", "a project of CloudCompare", "save the cloud as .ply or .las"),
    (b"\x89HDF", "an HDF5 file", "convert it first, for example to .npy"),
    (b"\x80\x02}", "a Python pickle, which is never opened", "save it with numpy.save"),
    (b"\x80\x03", "a Python pickle, which is never opened", "save it with numpy.save"),
    (b"\x80\x04\x95", "a Python pickle, which is never opened", "save it with numpy.save"),
    (b"\x80\x05\x95", "a Python pickle, which is never opened", "save it with numpy.save"),
)
_ZIPS = (".npz", ".pth")
_RECORDINGS = (".bag", ".db3", ".mcap")
_stored: ContextVar[int | None] = ContextVar("stored", default=None)
_QUOTED = 250
_TEXT_BYTES = frozenset(b"\t\n\r\f" + bytes(range(32, 127)))


class MalformedError(Exception):
    """What is wrong with a file and the remedy; `naming` puts the file's name in front."""


def show(what: Path | str) -> str:
    """A path or text for a message of one line: what is not printable is escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(what))


def brief(text: str) -> str:
    """The same of a text that may quote a file at any length."""
    text = show(text)
    return text if len(text) <= 2 * _QUOTED else f"{text[:_QUOTED]} … {text[-_QUOTED:]}"


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Puts the file's name before what is wrong with it: a `ReadError` of one line."""
    try:
        yield
    except MalformedError as error:
        raise ReadError(f"{show(path)}: {brief(str(error))}") from error


def load(path: Path, readable: tuple[str, ...] | None = None) -> memoryview:
    """The bytes of a regular file with one of the extensions `readable` (None: with any), else
    `MalformedError`.

    They lie in an array of numpy, which asks the kernel for huge pages where `bytes` does not:
    that halves the time.
    """
    with _reading(path):
        _check_kind(path.stat())
        plain = unpacked(path)
        if is_packed(plain):
            raise MalformedError("is packed twice; unpack it once")
        if readable is not None and plain.suffix.lower() in _RECORDINGS:
            raise MalformedError("is a recording of many scans; give it to `avs3d run`")
        if readable is not None and plain.suffix.lower() not in readable:
            raise MalformedError(
                f"unknown extension; readable are {', '.join(readable)}, each also as"
                f" {' or '.join(PACKED)}"
            )
        return _whole(path, MAX_FILE_BYTES, "split it into tiles")


def load_small(path: Path, limit: int, remedy: str) -> memoryview:
    """The same of a file that is no point cloud, whatever its extension, of at most `limit` bytes;
    `remedy` is what to do about a larger one."""
    with _reading(path):
        _check_kind(path.stat())
        return _whole(path, limit, remedy)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What the system says against reading a file, as a `MalformedError`."""
    try:
        yield
    except FileNotFoundError:
        raise MalformedError(_missing(path)) from None
    except PermissionError:
        raise MalformedError(
            "no permission to read it; change that with chmod, or copy it"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise MalformedError(f"cannot be read ({reason}); check the path and the disk") from error


def _whole(path: Path, limit: int, remedy: str) -> memoryview:
    with open(path, "rb", opener=_open_at_once) as handle:
        before = os.fstat(handle.fileno())
        _check_kind(before)  # another file may have come to its place
        if before.st_size > limit:
            raise MalformedError(
                f"{_size(before.st_size)} are more than the {_size(limit)} that are read at once;"
                f" {remedy}"
            )
        data = np.empty(before.st_size, np.uint8).data
        size = handle.readinto(data)  # not more, should it be growing meanwhile
        after = os.fstat(handle.fileno())
    if size != after.st_size or before.st_mtime_ns != after.st_mtime_ns:
        raise MalformedError("changed while it was read; try again when it is complete")
    if not data:
        raise MalformedError("is empty (0 bytes); get the file again")
    return data


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 1 << 30 else f"{count / 2**20:.1f} MiB"


def _check_kind(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise MalformedError("is a folder; give the files in it, or the folder to `avs3d segment`")
    if not stat.S_ISREG(status.st_mode):
        raise MalformedError("is not a regular file; copy its content into a file first")


def _open_at_once(path: str, flags: int) -> int:
    """Opens without waiting for whoever might write into it, should it be a pipe by now."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _missing(path: Path) -> str:
    """Text for a file that is not there, with the nearest names in its folder."""
    if not path.parent.is_dir():
        return f"no such file, and no folder {show(path.parent)}; check the path"
    with os.scandir(path.parent) as entries:
        names = [entry.name for entry in itertools.islice(entries, 10_000)]
    near = difflib.get_close_matches(path.name, sorted(names), n=3)
    if near:
        return f"no such file; did you mean {' or '.join(show(Path(name)) for name in near)}?"
    return "no such file; check the path"


def refuse_foreign(data: memoryview, path: Path) -> None:
    """Raise when the content is plainly something else than a point cloud."""
    first = bytes(data[:512])
    head = first.lstrip(b"\xef\xbb\xbf \t\r\n")
    for signature, what, remedy in _SIGNATURES:
        is_zip = signature.startswith(b"PK") and path.suffix.lower() in _ZIPS
        if first.startswith(signature) and not is_zip:
            raise MalformedError(f"holds {what}; {remedy}")
    if head[:1] == b"<" and is_text(head):
        raise MalformedError("holds a web page or XML, not a point cloud; download it again")
    if head[:1] in (b"{", b"[") and is_text(head):
        raise MalformedError("holds JSON, not a point cloud; give the cloud that belongs to it")


def is_text(data: bytes | memoryview) -> bool:
    """Whether the first bytes could be ASCII text."""
    return bool(data) and all(byte in _TEXT_BYTES for byte in data[:512])


@contextmanager
def damaged(kind: str) -> Iterator[None]:
    """Around a call into another library: whatever it raises means a damaged file.

    What it warns of is about its own use, and nothing that a user could put right.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (MalformedError, KeyboardInterrupt, SystemExit):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        if isinstance(error, LookupError):  # its text is an index or a key, and tells nothing
            reason = "its header is damaged"
        raise MalformedError(
            f"not a readable {kind} file ({reason}); get or export it again"
        ) from error


def check_claim(points: int, needed: int, present: int) -> None:
    """Refuse a header that promises more than the file holds, before memory is asked for."""
    if points < 0 or needed > present:
        raise MalformedError(
            f"truncated: its header promises {points} points in {needed} bytes,"
            f" but {max(present, 0)} bytes follow; get the file again"
        )


@contextmanager
def stored_as(size: int) -> Iterator[None]:
    """Inside, what is unpacked counts against a file of `size` bytes on disk.

    A packed file in a gzip or zstd stream would else be allowed the expansion of both.
    """
    token = _stored.set(size)
    try:
        yield
    finally:
        _stored.reset(token)


def stored_size(packed: int) -> int:
    """The bytes that `packed` bytes of a file's content take on disk."""
    stored = _stored.get()
    return packed if stored is None else min(packed, stored)


def expansion_limit(packed: int) -> int:
    """To how many bytes `packed` bytes may unpack."""
    return max(FREE_EXPANSION_BYTES, MAX_EXPANSION * stored_size(packed))


def check_expansion(packed: int, unpacked: int) -> None:
    """Refuse to unpack what would grow out of all proportion (a decompression bomb)."""
    if unpacked > expansion_limit(packed):
        raise MalformedError(
            f"would unpack from {packed} to {unpacked} bytes, which no point cloud does;"
            " export it again without compression"
        )


def require(what: str, *modules: str) -> None:
    """Refuse what only an extra can read, with the command that installs it."""
    if missing := missing_modules(modules):
        raise MalformedError(
            f'{what} needs {", ".join(missing)}; run `pip install "avs3d[formats]"`'
        )
