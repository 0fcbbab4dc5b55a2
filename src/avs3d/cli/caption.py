"""`avs3d caption`: a sentence per view of scans."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avs3d.batch import Batch, exit_code, make_folder
from avs3d.cli.console import Progress, complain_about
from avs3d.cli.options import Bundle, Columns, Device, Inputs, Overwrite, Views
from avs3d.jobs import BatchConfig, Job, find_jobs, keep

if TYPE_CHECKING:
    from avs3d.pipeline import EncodedScan

HELP = """Describe scans in sentences.

One for each sector around the sensor.

They are what `avs3d segment` takes its words from. Printed; with --out also written, as
STEM.captions.json: {STEM: {view: caption}}.

Examples:

\b
  avs3d caption scan.bin
  avs3d caption scan.bin --views 6
  avs3d caption recording/ --out captions"""


def caption(
    inputs: Inputs,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder to write captions to.", show_default=False),
    ] = None,
    overwrite: Overwrite = False,
    bundle: Bundle = "street-mini",
    views: Views = None,
    columns: Columns = None,
    device: Device = "auto",
) -> None:
    """See `HELP`."""
    from avs3d.atomic import write_json
    from avs3d.cli.tables import caption_table, stdout

    def describe(job: Job, encoded: EncodedScan, timings: dict[str, float]) -> dict[str, str]:
        captions = encoded.captions(views)
        if out is not None:
            make_folder(out)
            write_json(out / f"{job.name}.captions.json", {job.name: captions})
        return captions

    console = stdout()
    config = BatchConfig(
        tuple(inputs), out, bundle, None, views, columns, device, overwrite=overwrite
    )
    errors = []
    with Progress() as progress:
        jobs = find_jobs(config)
        check = partial(keep, config, jobs, (".captions.json",))
        batch = Batch(config, jobs, describe, check, progress.status)
        for job, result in batch:
            with progress.paused():
                if isinstance(result, Exception):
                    complain_about(job.path, result)
                    errors.append(result)
                    continue
                assert batch.worker.pipeline is not None
                sectors = views or batch.worker.pipeline.bundle.config.views
                console.print(f"{job.name}   {len(result)} of {sectors} sectors", style="bold")
                console.print(caption_table(result))
    raise typer.Exit(exit_code(errors))
