"""`avs3d train`: make a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HELP = "Train the parts of a bundle."
STREET_MINI = """Make the packaged bundle again, from nothing but a seed.

Simulates streets, trains the 3D network, the pooling and the captioner on them, and packs the
bundle. Stopped at any time, the same command goes on where it was. Takes hours on a few cores.

Needs pip install "avs3d[simulation]".

Examples:

\b
  avs3d train street-mini --processes 2
  avs3d train street-mini --start street-mini --out runs/further
  avs3d segment scan.bin --bundle runs/street-mini/bundle"""

app = typer.Typer(rich_markup_mode=None)


@app.callback()
def _train() -> None:
    """A group even while it has one member: `avs3d train street-mini`."""


@app.command("street-mini", help=STREET_MINI)
def street_mini(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of everything, also of what to resume.")
    ] = Path("runs/street-mini"),
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of every random choice.")] = 0,
    processes: Annotated[
        int, typer.Option("--processes", min=1, help="Train with so many, a thread each.")
    ] = 1,
    start: Annotated[
        str | None,
        typer.Option(
            "--start",
            help="Tune the network of this bundle further; its captioner is kept.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """See `STREET_MINI`."""
    from avs3d.batch import make_folder
    from avs3d.environment import require

    require("simulation")
    make_folder(out)
    from avs3d.training.street_mini import Recipe, train

    typer.echo(str(train(out, Recipe(start=start), seed=seed, processes=processes)))
