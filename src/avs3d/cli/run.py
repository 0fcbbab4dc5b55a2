"""`avs3d run`: words for every point of a dataset or a recording."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from avs3d.cli import dataset_options, options, source_options
from avs3d.cli.dataset_options import options_of
from avs3d.cli.options import parse_formats, parse_queries, parse_vocabulary
from avs3d.cli.show import Lines, Quiet, Tables, show_run
from avs3d.errors import UserError
from avs3d.jobs import BatchConfig
from avs3d.predictions import Predictions
from avs3d.run_folder import run_folder
from avs3d.selection import Selection, Shard
from avs3d.views import parse_views

HELP = """Segment a dataset or a recording to its end.

Reads nuScenes, SemanticKITTI, KITTI, ScanNet, PandaSet, Argoverse 2, OpenScene's folders, ROS bags
and MCAP, and plain folders as they were downloaded; which one it is, is seen (or --dataset). The
results of `avs3d segment`, without pictures, go to OUT/TIME, and OUT/latest leads there. Stopped
at any time, even killed, the same command goes on where it was. A scan that cannot be read is
listed and skipped.

Examples:

\b
  avs3d run /data/nuscenes --split mini_val
  avs3d run /data/kitti --split val --predictions --vocabulary semantickitti
  avs3d run recording.mcap --option topic=/points
  avs3d run /data/nuscenes --sweeps 10 --captioner both --image-captioner models/blip
  avs3d run /data/kitti --shard 2/8 --jobs 4

--predictions writes, besides, what the dataset's own server and tools take; words become classes
by --mapper, and points whose word means none get the next best word.

--window 10 gives each scan the words of the ten scans up to it, and each point the word that its
place had most evidence for in these; the dataset must tell poses for the latter."""


def run(
    root: dataset_options.Root,
    dataset: dataset_options.Dataset = None,
    split: Annotated[
        str | None,
        typer.Option("--split", help="Of the dataset: train, val, …", show_default="all there is"),
    ] = None,
    sweeps: dataset_options.Sweeps = None,
    option: dataset_options.Option = None,
    match: dataset_options.Match = None,
    every: dataset_options.Every = 1,
    shard: dataset_options.ShardOf = None,
    window: Annotated[
        int,
        typer.Option(
            "--window",
            "--vocabulary-window",
            min=1,
            max=100,
            metavar="SCANS",
            show_default="1",
            help="Label each scan together with so many of its sequence, itself included.",
        ),
    ] = 1,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of runs.")] = Path("results"),
    new: Annotated[
        bool, typer.Option("--new", help="Begin anew, though there is such a run already.")
    ] = False,
    predictions: Annotated[
        bool,
        typer.Option("--predictions", help="Write the dataset's own format as well, for servers."),
    ] = False,
    mapper: Annotated[
        str,
        typer.Option("--mapper", help="Of words to its classes, see avs3d evaluate."),
    ] = "minilm",
    vocabulary: options.Words = None,
    write: options.Write = None,
    query: options.Queries = None,
    picture: Annotated[bool, typer.Option("--picture", help="Draw the .png.")] = False,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Draw the labelled points on every image.")
    ] = False,
    report: options.Report = False,
    captioner: source_options.Captioner = None,
    image_captioner: source_options.ImageCaptioner = None,
    feature: source_options.Feature = None,
    features: source_options.Features = None,
    z_buffer: source_options.ZBuffer = None,
    fold: source_options.Fold = None,
    bundle: options.Bundle = "street-mini",
    views: options.Views = None,
    min_score: options.MinScore = None,
    device: options.Device = "auto",
    jobs: options.JobCount = 1,
    seed: options.Seed = 0,
    quiet: options.Quietly = False,
    json: options.Json = False,
) -> None:
    """See `HELP`."""
    from avs3d.datasets import guess

    words = parse_vocabulary(vocabulary)
    ends = parse_formats(write, words)
    given = options_of(option, split=split, sweeps=sweeps)
    if window > 1 and jobs > 1:
        raise UserError("--window: scans are labelled in their order; give --shard, not --jobs")
    part = None if shard is None else Shard.parse(shard)
    selection = Selection(root, dataset or guess(root), given, match, every, part)
    wanted, of = None, selection.dataset
    if predictions:
        wanted = Predictions(of.name, of.labelset or "", of.split or "all", mapper)
    sources = source_options.source_config(
        True, captioner, image_captioner, feature, features, z_buffer, fold
    )
    config = BatchConfig(
        (), None, bundle, words, None if views is None else parse_views(views), device=device,
        seed=seed, picture=picture or report, min_score=min_score, write=ends, jobs=jobs,
        overlay=overlay, selection=selection, predictions=wanted, window=window, report=report,
        queries=parse_queries(query, ends), **sources,
    )  # fmt: skip
    if not selection.indices:
        count = len(selection.all_indices)
        raise UserError(f"--shard {shard}: is empty, for there are {count} scans in all")
    place = out if part is None else out / f"shard-{part}"
    config = replace(config, out=run_folder(place, config, new=new))
    raise typer.Exit(show_run(config, Lines() if json else Quiet() if quiet else Tables()))
