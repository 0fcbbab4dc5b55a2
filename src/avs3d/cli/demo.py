"""`avs3d demo`: the shipped scan, segmented."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from avs3d.cli.show import show_run
from avs3d.errors import UserError
from avs3d.jobs import BatchConfig

HELP = """Segment the shipped scan: see what avs3d does.

The scan is simulated. Results, replaced each time, are put in ./demo-output; the picture there is
the first thing to look at."""

OUT = Path("demo-output")
SCAN = Path(__file__).parents[1] / "data" / "street.npz"


def demo(
    open_: Annotated[
        bool, typer.Option("--open", help="Show the picture, if there is a display.")
    ] = False,
) -> None:
    """See `HELP`."""
    if OUT.is_file():
        raise UserError(f"{OUT}: is a file, where the results would be; go to another folder")
    code = show_run(BatchConfig((str(SCAN),), OUT, overwrite=True))
    picture = OUT / f"{SCAN.stem}.png"
    if code == 0 and open_ and has_display():
        with contextlib.suppress(OSError):  # no viewer: the path is printed anyway
            typer.launch(str(picture))
    if code == 0:
        typer.echo("\nnow your own:  avs3d segment SCAN.bin")
    raise typer.Exit(code)


def has_display() -> bool:
    """Whether a window can be opened here."""
    if sys.platform.startswith(("win", "darwin")):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
