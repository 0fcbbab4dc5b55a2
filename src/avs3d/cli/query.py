"""`avs3d query`: where in a scan is it?"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avs3d.batch import Batch, exit_code, make_folder
from avs3d.cli import source_options
from avs3d.cli.console import Progress, complain_about
from avs3d.cli.options import RESULTS, Bundle, Columns, Device, Out, Overwrite, check_query
from avs3d.errors import UserError, cannot_write
from avs3d.io.record import QUERY
from avs3d.jobs import BatchConfig, Job, find_jobs, keep
from avs3d.vocabulary import Vocabulary

if TYPE_CHECKING:
    import numpy as np

    from avs3d.pipeline import EncodedScan
    from avs3d.scan import Scan

HELP = """Find a thing in a scan by words.

Writes a heat map (STEM.query-WORDS.png) and a cloud whose `score` is the similarity of each point
(STEM.query-WORDS.ply), and prints the places that fit best.

Examples:

\b
  avs3d query scan.bin "a parked car"
  avs3d query scan.bin bench --out results
  avs3d query scan.bin bench --images images/ --calibration calib.json --bundle clip-bundle \\
    --feature ensemble"""


@dataclass(frozen=True)
class _Answer:
    scan: Scan
    similarity: np.ndarray
    files: tuple[Path, Path]


def query(
    scan: Annotated[str, typer.Argument(help="A scan.", show_default=False)],
    words: Annotated[str, typer.Argument(help="What to look for.", show_default=False)],
    out: Out = RESULTS,
    overwrite: Overwrite = False,
    bundle: Bundle = "street-mini",
    images: source_options.Images = None,
    calibration: source_options.Calibration = None,
    feature: source_options.Feature = None,
    features: source_options.Features = None,
    z_buffer: source_options.ZBuffer = None,
    columns: Columns = None,
    device: Device = "auto",
) -> None:
    """See `HELP`."""
    from avs3d.cli.tables import place_table, stdout
    from avs3d.report.places import best_places

    vocabulary = Vocabulary.from_words([words])
    if not len(vocabulary):
        raise UserError('no words to look for: give them after the scan, such as "a parked car"')
    check_query("words", words)
    outputs = tuple(f"{QUERY}{_slug(words)}{kind}" for kind in (".ply", ".png"))

    def ask(job: Job, encoded: EncodedScan, timings: dict[str, float]) -> _Answer:
        similarity = encoded.query(vocabulary.words[0])
        encoded.scan = replace(encoded.scan, name=job.name)  # as its results
        make_folder(out)
        ply, png = (out / f"{job.name}{suffix}" for suffix in outputs)
        _write(encoded, vocabulary, similarity, ply, png)
        return _Answer(encoded.scan, similarity, (ply, png))

    console = stdout()
    cameras = source_options.camera_config(images, calibration)
    sources = source_options.source_config(
        images is not None, feature=feature, features=features, z_buffer=z_buffer
    )
    config = BatchConfig(
        (scan,),
        out,
        bundle,
        vocabulary,
        1,
        columns,
        device,
        overwrite=overwrite,
        **cameras,
        **sources,
    )
    errors = []
    with Progress() as progress:
        jobs = find_jobs(config)
        check = partial(keep, config, jobs, outputs)
        for job, answer in Batch(config, jobs, ask, check, progress.status):
            with progress.paused():
                if isinstance(answer, Exception):
                    complain_about(job.path, answer)
                    errors.append(answer)
                    continue
                console.print(f"{job.name}: where “{vocabulary.words[0]}” fits best", style="bold")
                places = best_places(answer.scan.points, answer.similarity)
                console.print(place_table(places, answer.scan))
                for path in answer.files:
                    console.print(f"  {path}", soft_wrap=True)
    raise typer.Exit(exit_code(errors))


def _write(
    encoded: EncodedScan, vocabulary: Vocabulary, similarity: np.ndarray, ply: Path, png: Path
) -> None:
    import numpy as np

    from avs3d.io import write
    from avs3d.report.picture import draw_heat
    from avs3d.segmentation import UNLABELLED, Segmentation

    known = np.isfinite(similarity)
    cloud = Segmentation(
        encoded.scan,
        np.where(known, 0, UNLABELLED),
        np.where(known, similarity, 0.0),
        vocabulary,
        encoded.pipeline.bundle.name,
    )
    write(cloud, ply, overwrite=True)
    try:
        draw_heat(encoded.scan, similarity, vocabulary.words[0], png)
    except OSError as error:
        raise cannot_write(png, error) from error


def _slug(words: str) -> str:
    """Letters and digits of `words` with dashes between, short enough for a file name."""
    return re.sub(r"[^\w]+", "-", words.lower()).strip("-")[:40] or "words"
