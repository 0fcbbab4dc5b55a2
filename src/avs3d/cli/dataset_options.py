"""Options of commands that go through a dataset or a recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from avs3d.errors import UserError

_KINDS = (
    "What it is: nuscenes, semantickitti, kitti, scannet, pandaset, argoverse2, openscene,"
    " simulated, rosbag or folder."
)
Root = Annotated[Path, typer.Argument(help="A dataset, a recording, a folder.", show_default=False)]
Dataset = Annotated[
    str | None,
    typer.Option("--dataset", metavar="KIND", help=_KINDS, show_default="seen"),
]
Sweeps = Annotated[
    int | None,
    typer.Option(
        "--sweeps", min=1, max=10, help="Lay so many on each other (nuScenes).", show_default="1"
    ),
]
Option = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help="Another option of the dataset, as topic=/points, images=20 or classes=200 "
        "(docs/datasets.md); may be given again.",
        show_default=False,
    ),
]
Match = Annotated[
    str | None,
    typer.Option(
        "--match",
        metavar="PATTERN",
        help="Only scans called like this, such as '08/*'.",
        show_default=False,
    ),
]
Every = Annotated[int, typer.Option("--every", min=1, help="Each so many-th of these.")]
ShardOf = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="The I-th of N parts, for many machines.",
        show_default=False,
    ),
]


def options_of(given: list[str] | None, **more: Any) -> dict[str, Any]:
    """Options of the dataset by name; whole numbers are numbers.

    Raises:
        UserError: one is not NAME=VALUE.
    """
    found = {name: value for name, value in more.items() if value is not None}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UserError(f"--option {text}: give a name and a value, such as topic=/points")
        if name in ("root", "kind"):
            raise UserError(f"--option {text}: give ROOT and --dataset for these")
        found[name] = int(value) if value.isascii() and value.isdigit() else value
    return found
