"""`avs3d simulate`: scans of made-up streets."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from avs3d.batch import make_folder
from avs3d.cli.console import Progress
from avs3d.cli.options import Overwrite
from avs3d.errors import UserError, cannot_write

HELP = """Make LiDAR scans of made-up streets.

With them comes the kind of thing that every point lies on.

Each is an .npz that `avs3d segment` reads: points (N, 3), intensity, ring, category (index into
categories.json, 255 for nothing that has a name), instance, sensor, height, seed, view. The same
seed gives the same bytes.

Needs pip install "avs3d[simulation]".

Examples:

\b
  avs3d simulate
  avs3d simulate --count 10 --seed 100 --sensor nuscenes-32 --out worlds"""


_MAX_COUNT = 10**9
_MAX_SEED = 2**63 - _MAX_COUNT


def simulate(
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=_MAX_COUNT, help="How many scans.")
    ] = 1,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=_MAX_SEED, help="Of the first; counts up.")
    ] = 0,
    sensor: Annotated[
        str | None,
        typer.Option(
            "--sensor",
            help="Which LiDAR: kitti-64, nuscenes-32, vlp-16, os1-128, …; a wrong name lists all.",
            show_default="drawn by the seed",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder.")] = Path("simulated"),
    overwrite: Overwrite = False,
) -> None:
    """See `HELP`."""
    from avs3d.environment import require

    require("simulation")
    from avs3d.atomic import write_json
    from avs3d.simulation import CATEGORIES
    from avs3d.simulation import simulate as draw
    from avs3d.simulation.dataset import save

    paths = [out / f"street_{number:06d}.npz" for number in range(seed, seed + count)]
    for path in () if overwrite else paths:
        if path.exists():
            raise UserError(
                f"{path}: is there already; --overwrite replaces it, --seed makes another"
            )
    kinds = out / "categories.json"
    if not overwrite and kinds.exists() and _content(kinds) != list(CATEGORIES):
        raise UserError(
            f"{kinds}: is there already, with other kinds than those of these streets; --overwrite"
            " replaces it, --out puts the scans elsewhere"
        )
    with Progress(count) as progress:
        for number, path in enumerate(paths, start=seed):
            progress.status(path.name)
            scan = draw(number, sensor)
            try:
                make_folder(out)
                save(scan, path)
                write_json(kinds, list(CATEGORIES))
            except OSError as error:
                raise cannot_write(path, error) from None
            with progress.paused():
                typer.echo(f"{path}   {len(scan.points):,} points   {scan.sensor}")
            progress.step()


def _content(path: Path) -> Any:
    """Of a JSON file; None where it is none."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        return json.loads(path.read_bytes())
    return None
