"""What is said on stderr: one line for a mistake, progress while something slow runs."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from avs3d.errors import UserError

DEBUG = "AVS3D_DEBUG"
_RECENT = 120.0  # seconds of progress that the time left is told from


def complain(text: str) -> None:
    """One line on stderr, whatever `text` holds."""
    typer.secho("error: ", fg=typer.colors.RED, bold=True, nl=False, err=True)
    typer.echo(" ".join(text.split()), err=True)


def internal_error(error: Exception, path: str = "") -> None:
    """A fault of ours: what it was, and where to take it."""
    where = f"{path}: " if path else ""
    complain(
        f"{where}a fault in avs3d ({type(error).__name__}: {str(error)[:200]}). Please report it "
        f"with the output of `avs3d info`; {DEBUG}=1 shows where it happened."
    )
    if os.environ.get(DEBUG, "0") not in ("", "0"):
        traceback.print_exception(error, file=sys.stderr)


def complain_about(path: Path, error: Exception) -> None:
    """One of several inputs failed: its own mistake, or a fault of ours."""
    if isinstance(error, UserError):
        complain(str(error))
    else:
        internal_error(error, str(path))


class Progress:
    """A live line on stderr while used as a context; nothing where stderr is no terminal.

    Args:
        total: how many times `step` will be called.
        hidden: nothing on a terminal either.
    """

    def __init__(self, total: int = 1, hidden: bool = False) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            ProgressColumn,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        columns: list[ProgressColumn] = [SpinnerColumn()]
        if total > 1:
            columns += [BarColumn(), MofNCompleteColumn()]
        columns.append(TimeElapsedColumn())
        if total > 1:
            columns += [TextColumn("left"), TimeRemainingColumn()]
        columns.append(TextColumn("{task.description}", markup=False))
        hidden = hidden or not console.is_terminal
        self._bar = Bar(
            *columns,
            console=console,
            transient=True,
            disable=hidden,
            speed_estimate_period=_RECENT,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def status(self, text: str) -> None:
        """Say what is going on."""
        self._bar.update(self._task, description=text)

    def step(self) -> None:
        """One of `total` is done."""
        self._bar.advance(self._task)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The line is away, so that something can be printed."""
        self._bar.stop()
        yield
        self._bar.start()
