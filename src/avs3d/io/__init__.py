"""Point clouds in, labelled point clouds out: one file of this folder per format.

`read` and `write` choose the format by the extension of the file; `find` lists the files to read.

To add a format, write ``avs3d/io/FORMAT.py`` and name it in `avs3d.io.formats`:

- a reader is ``parse(data: memoryview, path: Path, columns: tuple[str, ...] | None) -> Table``:
  from the bytes of the file to named columns, or `source.MalformedError` with what is wrong and the
  remedy. What columns mean, large coordinates and unreadable files are in `columns` and
  `source`, once for all formats;
- a writer is a function ``(segmentation: Segmentation) -> bytes``, or `result.UnwritableError`
  with why the format cannot hold this result;
- ``FACTS`` is what the documentation says of it (`facts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from avs3d.atomic import write_bytes
from avs3d.errors import UserError
from avs3d.io.columns import Table, parse_columns, to_scan
from avs3d.io.formats import READERS, WRITERS, ending, module
from avs3d.io.inputs import find
from avs3d.io.names import unpacked
from avs3d.io.packed import unpack
from avs3d.io.result import UnwritableError
from avs3d.io.source import load, naming, refuse_foreign, show, stored_as
from avs3d.scan import Scan

if TYPE_CHECKING:
    from avs3d.segmentation import Segmentation

__all__ = ["READERS", "WRITERS", "find", "read", "read_result", "write"]


def read(path: str | Path, *, columns: int | str | Sequence[str] | None = None) -> Scan:
    """Read one point cloud; the format is chosen by the extension, case ignored.

    Args:
        path: a file with one of the extensions in `READERS`, or with ``.gz`` or ``.zst`` after it.
        columns: the columns of bare rows (``.bin``, ``.npy``, 2-D arrays in ``.npz``, text without
            a header): 3 (x y z), 4 (... intensity), 5 (... ring) or 6 (x y z red green blue); or
            their names, as a sequence or as ``"x,y,z,time"``. Files that name their columns ignore
            it, but for text whose names have no x, y and z. A ``.bin`` whose values do not tell how
            many columns it has is refused without it.

    Returns:
        The points in the order of the file, (N, 3) float32 metres. Where the coordinates of an
        axis lie beyond 10 km, whole metres of them are moved into `Scan.origin`. NaN and infinite
        points stay in place. Columns that `Scan` has no place for are in `Scan.fields`.

    Raises:
        ReadError: the file is missing, damaged, holds no points, or is not what it should be.
        UserError: `columns` makes no sense.
    """
    path = Path(path)
    names = parse_columns(columns)
    with naming(path):
        return to_scan(read_table(path, names), path)


def read_table(path: Path, names: tuple[str, ...] | None = None) -> Table:
    """The columns that a point cloud has in its file, or `MalformedError`; see `read`."""
    data = load(path, readable=tuple(READERS))
    with stored_as(len(data)):
        plain = unpacked(path)
        if plain != path:
            data = unpack(data, path)
        refuse_foreign(data, plain)
        table: Table = module(READERS[plain.suffix.lower()]).parse(data, plain, names)
        return table


def read_result(path: str | Path) -> Segmentation:
    """Read a ``.npz`` that `write` made: its words, its labels, and the scan.

    Raises:
        ReadError: the file is missing, damaged, or no such result.
    """
    path = Path(path)
    with naming(path):
        data = load(path, readable=(".npz",))
        with stored_as(len(data)):
            found: Segmentation = module("npz").decode(data, path)
            return found


def write(segmentation: Segmentation, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a result; the format is chosen by the extension (`WRITERS`), case ignored.

    The file appears complete or not at all.

    Returns:
        The path that was written.

    Raises:
        UserError: an unknown extension, a result that the format cannot hold, no such folder, a
            full disk, or the file is there already and `overwrite` is not set.
    """
    path = Path(path)
    end = ending(path.name)
    if end is None:
        raise UserError(
            f"{show(path)}: no such output format; writable are {', '.join(sorted(WRITERS))}"
        )
    if path.is_dir():
        raise UserError(f"{show(path)}: is a folder; name a file to write")
    if not path.parent.is_dir():
        raise UserError(f"{show(path)}: there is no folder {show(path.parent)}; create it first")
    if path.exists() and not overwrite:
        raise UserError(f"{show(path)}: is there already; pass overwrite=True to replace it")
    try:
        return write_bytes(path, encode(segmentation, end))
    except UnwritableError as error:
        raise UserError(f"{show(path)}: {error}") from error
    except OSError as error:
        raise UserError(
            f"{show(path)}: cannot be written ({error.strerror}); check the folder and the disk"
        ) from error


def encode(segmentation: Segmentation, end: str) -> bytes:
    """The bytes of a file whose name ends with `end`, a key of `WRITERS`, or `UnwritableError`."""
    name, function = WRITERS[end]
    content: bytes = getattr(module(name), function)(segmentation)
    return content
