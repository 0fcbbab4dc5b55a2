"""A scan from stdin, and a result to stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from avs3d.errors import UserError
from avs3d.io import READERS
from avs3d.io.source import MAX_FILE_BYTES

STREAM = "-"
_PART = 1 << 20


@contextmanager
def with_stdin(inputs: list[str], form: str | None) -> Iterator[list[str]]:
    """The inputs, with a file for ``-`` that holds what comes from stdin.

    Args:
        inputs: as they were given.
        form: an extension in `READERS` without its dot.

    Raises:
        UserError: stdin without a format or the other way round, or too much of it.
    """
    if STREAM not in inputs:
        if form is not None:
            raise UserError(f"--stdin {form}: give - as the input, to read it from stdin")
        yield inputs
        return
    known = ", ".join(extension.lstrip(".") for extension in READERS)
    if form is None:
        raise UserError(f"-: tell what comes from stdin with --stdin: {known}")
    if f".{form.lower()}" not in READERS:
        raise UserError(f"--stdin {form}: no such format; readable are {known}")
    if sys.stdin is None or sys.stdin.isatty():
        raise UserError("-: nothing comes from stdin; for example avs3d segment - < scan.bin")
    with TemporaryDirectory(prefix="avs3d-") as folder:
        path = Path(folder, f"stdin.{form.lower()}")
        _spool(path)
        yield [str(path) if item == STREAM else item for item in inputs]


def _spool(path: Path) -> None:
    source, size = typer.get_binary_stream("stdin"), 0
    with path.open("wb") as file:
        while part := source.read(_PART):
            size += len(part)
            if size > MAX_FILE_BYTES:
                raise UserError(
                    f"-: more than the {MAX_FILE_BYTES >> 30} GiB that are read at once;"
                    " split it into tiles"
                )
            file.write(part)


@contextmanager
def with_stdout(out: Path) -> Iterator[Path]:
    """A folder for results: `out`, or one that is removed at the end for ``-``."""
    if str(out) != STREAM:
        yield out
        return
    with TemporaryDirectory(prefix="avs3d-") as folder:
        yield Path(folder)


def to_stdout(folder: Path, end: str) -> None:
    """The bytes of the one file of a folder whose name ends with `end`."""
    path = next(path for path in folder.iterdir() if path.name.endswith(end))
    try:
        stream = typer.get_binary_stream("stdout")
        with path.open("rb") as file:
            while part := file.read(_PART):
                stream.write(part)
        stream.flush()
    except BrokenPipeError:  # who reads has seen enough
        raise
    except (OSError, RuntimeError) as error:  # RuntimeError: it is closed
        raise UserError(f"--out -: stdout cannot be written to ({error}); give a folder") from None
