"""`avs3d segment`: words for every point of scans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from avs3d.cli import options, source_options
from avs3d.cli.options import parse_captions, parse_formats, parse_queries, parse_vocabulary
from avs3d.cli.show import Lines, Quiet, Tables, show_run
from avs3d.cli.streams import STREAM, to_stdout, with_stdin, with_stdout
from avs3d.errors import UserError
from avs3d.jobs import BatchConfig, find_jobs
from avs3d.views import parse_views

HELP = """Find words for a scan and give one to every point.

Reads .bin (KITTI, nuScenes), .pcd, .ply, .las, .laz, .e57, .npy, .npz, text and more. For every
scan it writes a picture (.png), labelled clouds (.ply and .npz, or what --write says), the words
and where they came from (.vocabulary.json), the sentences (.captions.json), and one run.json for
all. Stopped at any time, the same command goes on where it was.

Examples:

\b
  avs3d segment scan.bin
  avs3d segment recording/ --out drive --jobs 4
  avs3d segment "day1/*.pcd" last.ply --overwrite
  avs3d segment scan.bin --vocabulary "car, road, sidewalk, tree, person" -o five
  avs3d segment scan.bin --vocabulary words.txt -o words
  avs3d segment scan.bin --vocabulary semantickitti --write label -o kitti
  avs3d segment 3d/val/*.pth --captions captions.json -o said
  avs3d segment 3d/val/*.pth --vocabulary vocabulary.json --features fused/ -o fused-words
  avs3d segment tile.laz --write laz,parquet
  avs3d segment scan.bin --min-score 0.5 -o sure
  avs3d segment scan.bin --images images/ --calibration calib.json --overlay -o drawn
  avs3d segment scan.bin --images images/ --calibration c.json --image-captioner models/blip -o both
  avs3d segment scan.bin --images images/ --calibration c.json -b clip --feature ensemble -o clip
  avs3d segment points.bin --columns x,y,z,intensity,time
  avs3d segment scan.bin --report -o pages
  avs3d segment recording/ --write rrd --query "a parked car" -o rerun
  avs3d segment - --stdin bin --write ply --out - < scan.bin > result.ply

What is there already is kept: other options need another --out, or --overwrite.

The score of a point is the chance that its word is right, as it was measured on simulated worlds
kept apart; with bundles that do not know their chances it is the cosine similarity of the point
with its word. --min-score 0.5 leaves the doubtful points unlabelled."""


def segment(
    inputs: Annotated[
        list[str],
        typer.Argument(help="Scans: files, folders or globs; - is stdin.", show_default=False),
    ],
    vocabulary: options.Words = None,
    captions: Annotated[
        Path | None,
        typer.Option(
            "--captions",
            help="Take the words from the sentences of a JSON file, {scene: {view: sentence}}.",
            show_default="the captioner's",
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder for the results, made when missing; - is stdout."),
    ] = options.RESULTS,
    write: options.Write = None,
    query: options.Queries = None,
    picture: Annotated[bool, typer.Option(help="Draw the .png.")] = True,
    images: source_options.Images = None,
    calibration: source_options.Calibration = None,
    captioner: source_options.Captioner = None,
    image_captioner: source_options.ImageCaptioner = None,
    feature: source_options.Feature = None,
    features: source_options.Features = None,
    z_buffer: source_options.ZBuffer = None,
    fold: source_options.Fold = None,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Draw the labelled points on every image.")
    ] = False,
    report: options.Report = False,
    overwrite: options.Overwrite = False,
    bundle: options.Bundle = "street-mini",
    views: options.Views = None,
    columns: options.Columns = None,
    stdin: Annotated[
        str | None,
        typer.Option(
            "--stdin",
            metavar="FORMAT",
            help="What the input - is, for example bin.",
            show_default=False,
        ),
    ] = None,
    min_score: options.MinScore = None,
    device: options.Device = "auto",
    jobs: options.JobCount = 1,
    seed: options.Seed = 0,
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="Do as the published code does where it is at fault: docs/published-weights.md.",
        ),
    ] = False,
    quiet: options.Quietly = False,
    json: options.Json = False,
) -> None:
    """See `HELP`."""
    if captions is not None and vocabulary is not None:
        raise UserError("--captions and --vocabulary: give one of them, words come from either")
    words = parse_vocabulary(vocabulary)
    ends = parse_formats(write, words)
    streamed = str(out) == STREAM
    if streamed and (json or overlay or report or write is None or len(ends) != 1):
        raise UserError(
            "--out -: give one --write, and no --json, --overlay or --report: stdout is for the"
            " result alone"
        )
    told = captions is not None or vocabulary is not None
    if told and (captioner is not None or image_captioner is not None or fold is not None):
        raise UserError(
            "--captioner, --image-captioner, --fold: are for words that scans find themselves; "
            "leave out --vocabulary and --captions"
        )
    if overlay and images is None:
        raise UserError("--overlay: give the --images to draw on, and their --calibration")
    cameras = source_options.camera_config(images, calibration)
    sources = source_options.source_config(
        images is not None, captioner, image_captioner, feature, features, z_buffer, fold
    )
    with with_stdin(inputs, stdin) as paths, with_stdout(out) as folder:
        config = BatchConfig(
            tuple(paths), folder, bundle, words, None if views is None else parse_views(views),
            columns, device, seed, overwrite, picture and not streamed, min_score, ends, jobs,
            published, parse_captions(captions), overlay=overlay, report=report,
            queries=parse_queries(query, ends), **cameras, **sources,
        )  # fmt: skip
        if streamed and len(find_jobs(config)) != 1:
            raise UserError("--out -: give one scan, so that stdout is one result")
        code = show_run(config, Lines() if json else Quiet() if quiet else Tables(aside=streamed))
        if streamed and code == 0:
            to_stdout(folder, ends[0])
    raise typer.Exit(code)
