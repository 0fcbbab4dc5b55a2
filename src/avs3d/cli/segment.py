"""`avs3d segment`: words for every point of scans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avs3d.batch import BatchConfig
from avs3d.cli.console import Progress, complain_about
from avs3d.cli.options import (
    RESULTS,
    Bundle,
    Columns,
    Device,
    Inputs,
    Out,
    Overwrite,
    Views,
    parse_vocabulary,
)

if TYPE_CHECKING:
    from rich.console import Console

    from avs3d.run import Result

HELP = """Find words for a scan and give one to every point.

Reads .bin (KITTI, nuScenes), .pcd, .ply, .las, .laz, .npy and .npz. For every scan it writes a
picture (.png), a labelled cloud (.ply), arrays (.npz), the words and where they came from
(.vocabulary.json), the sentences (.captions.json), and one run.json for all.

Examples:

\b
  avs3d segment scan.bin
  avs3d segment recording/ --out results
  avs3d segment "day1/*.pcd" last.ply --overwrite
  avs3d segment scan.bin --vocabulary "car, road, sidewalk, tree, person"
  avs3d segment scan.bin --vocabulary words.txt
  avs3d segment scan.bin --min-score 0.5
  avs3d segment points.bin --columns x,y,z,intensity,time

The score of a point is the chance that its word is right, as it was measured on simulated worlds
kept apart; with bundles that do not know their chances it is the cosine similarity of the point
with its word. --min-score 0.5 leaves the doubtful points unlabelled."""

_TABLES = 3  # for more scans than this, a line each


def segment(
    inputs: Inputs,
    vocabulary: Annotated[
        str | None,
        typer.Option(
            "--vocabulary",
            "-v",
            help='Only these words: "car, road, …", or a file of words.',
            show_default="the scan's own words",
        ),
    ] = None,
    out: Out = RESULTS,
    overwrite: Overwrite = False,
    bundle: Bundle = "street-mini",
    views: Views = None,
    columns: Columns = None,
    device: Device = "auto",
    seed: Annotated[int, typer.Option("--seed", help="Of whatever is drawn at random.")] = 0,
    picture: Annotated[bool, typer.Option(help="Draw the .png.")] = True,
    min_score: Annotated[
        float | None,
        typer.Option(
            "--min-score",
            min=0.0,
            max=1.0,
            help="Leave points with a lower score unlabelled.",
            show_default="none",
        ),
    ] = None,
) -> None:
    """See `HELP`."""
    words = parse_vocabulary(vocabulary)
    config = BatchConfig(
        tuple(inputs), out, bundle, words, views, columns, device, seed, overwrite, picture,
        min_score,
    )  # fmt: skip
    raise typer.Exit(show_run(config))


def show_run(config: BatchConfig) -> int:
    """Do a run with progress on stderr and results on stdout.

    Returns:
        The exit code.
    """
    from avs3d.cli.tables import stdout
    from avs3d.run import RECORD, Run

    console = stdout()
    run = Run(config)
    with run, Progress(len(run)) as progress:
        run.status = progress.status
        for job, result in run:
            with progress.paused():
                if isinstance(result, Exception):
                    complain_about(job.path, result)
                else:
                    _show(console, job.name, result, in_full=len(run) <= _TABLES)
            progress.step()
    if run.done:
        record = Path(config.out or "") / RECORD
        console.print(f"{len(run.done)} of {len(run)} done; the run: {record}", soft_wrap=True)
    return run.exit_code


def _show(console: Console, name: str, result: Result, in_full: bool) -> None:
    from avs3d.cli.tables import word_table

    if result.skipped:
        console.print(f"{name}   done by an earlier run", style="dim", soft_wrap=True)
        return
    heading = (
        f"{name}   {result.found['points']:,} points   {len(result.rows)} words   "
        f"{sum(result.timings.values()):.1f} s"
    )
    console.print(heading, style="bold", soft_wrap=True)
    if in_full:
        console.print(word_table(result))
    if result.found["note"]:
        console.print(result.found["note"], style="yellow", soft_wrap=True)
    if in_full:
        for path in result.files:
            console.print(f"  {path}", soft_wrap=True)
        console.print()
