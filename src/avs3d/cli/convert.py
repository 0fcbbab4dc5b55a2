"""`avs3d convert`: published checkpoints to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from avs3d.convert.checkpoint import MismatchError

HELP = """Make a bundle of published checkpoints.

Which file is what, the names of its tensors tell: OpenScene (*.pth.tar), SMAP of 3D-AVS (brings
its own 3D network), ClipCap (*_weights.pt). Nothing in a file is run.

Examples:

\b
  avs3d convert nuscenes_openseg.pth.tar --out openscene
  avs3d convert smap_model_epoch_20.pth.tar coco_weights.pt --tokenizer gpt2/ --out 3d-avs
  avs3d segment scan.bin --bundle 3d-avs"""


def convert(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Checkpoints.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the bundle.", show_default=False)
    ],
    name: Annotated[
        str | None,
        typer.Option("--name", help="Of the bundle.", show_default="the folder's"),
    ] = None,
    tokenizer: Annotated[
        str,
        typer.Option("--tokenizer", metavar="PLACE", help="Of ClipCap: a folder or a hub id."),
    ] = "openai-community/gpt2",
    voxel_size: Annotated[
        float,
        typer.Option("--voxel-size", help="Metres: 0.05 for nuScenes, 0.02 for ScanNet."),
    ] = 0.05,
    prompt: Annotated[str, typer.Option("--prompt", help="Of a word.")] = "a {word} in a scene",
    text_encoder: Annotated[
        str | None,
        typer.Option(
            "--text-encoder",
            metavar="ENCODER",
            help="clip:PLACE, minilm or sentence:PLACE.",
            show_default="CLIP by the width",
        ),
    ] = None,
    heads: Annotated[
        int | None,
        typer.Option("--heads", min=1, help="Of ClipCap's GPT-2.", show_default="64 wide each"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the bundle.")] = False,
) -> None:
    """See `HELP`."""
    from avs3d.cli.console import Progress
    from avs3d.cli.tables import stderr
    from avs3d.convert.bundle import convert as make
    from avs3d.convert.checkpoint import MismatchError

    try:
        with Progress() as progress:
            made = make(
                files,
                out,
                name=name,
                text_encoder=text_encoder,
                tokenizer=tokenizer,
                heads=heads,
                voxel_size=voxel_size,
                prompt=prompt,
                overwrite=overwrite,
                status=progress.status,
            )
    except MismatchError as error:
        stderr().print(_table(error))
        raise
    for line in made.lines:
        typer.echo(line)
    typer.echo(f"wrote {made.folder}: avs3d segment SCAN --bundle {made.folder}")


def _table(error: MismatchError) -> Table:
    from avs3d.cli.tables import plain_table

    table = plain_table()
    for heading in ("tensor", "in the file", "wanted"):
        table.add_column(heading, overflow="fold")
    for row in error.rows:
        found = "missing" if row.found is None else str(row.found)
        wanted = "no such tensor" if row.wanted is None else str(row.wanted)
        table.add_row(row.name, found, wanted)
    return table
