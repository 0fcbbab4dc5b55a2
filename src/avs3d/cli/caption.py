"""`avs3d caption`: a sentence per view of scans."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avs3d.batch import Batch, exit_code, make_folder
from avs3d.cli import source_options
from avs3d.cli.console import Progress, complain_about
from avs3d.cli.options import Bundle, Columns, Device, Inputs, Overwrite, Views
from avs3d.errors import UserError, cannot_write
from avs3d.jobs import BatchConfig, Job, find_jobs, keep
from avs3d.views import parse_views

if TYPE_CHECKING:
    from avs3d.pipeline import EncodedScan

HELP = """Describe scans in sentences.

One for each sector around the sensor, and with --image-captioner one for each camera.

`avs3d segment` takes its words from them, and from looser drafts that are not shown. Printed; with
--out also written, as STEM.captions.json: {STEM: {view: caption}}.

Examples:

\b
  avs3d caption scan.bin
  avs3d caption scan.bin --views 6
  avs3d caption scan.bin --images images/ --calibration calib.json --image-captioner models/blip
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
    images: source_options.Images = None,
    calibration: source_options.Calibration = None,
    captioner: source_options.Captioner = None,
    image_captioner: source_options.ImageCaptioner = None,
    z_buffer: source_options.ZBuffer = None,
    columns: Columns = None,
    device: Device = "auto",
) -> None:
    """See `HELP`."""
    from avs3d.atomic import write_json
    from avs3d.chat import Usage
    from avs3d.cli.tables import caption_table, stdout

    def describe(job: Job, encoded: EncodedScan, timings: dict[str, float]) -> dict[str, str]:
        captions = encoded.captions(config.views)
        if not captions and encoded.scan.left_out:
            why = "; ".join(encoded.scan.left_out)
            raise UserError(f"{job.path}: nothing describes it ({why}); try again")
        if out is not None:
            path = out / f"{job.name}.captions.json"
            try:
                make_folder(out)
                write_json(path, {job.name: captions})
            except OSError as error:
                raise cannot_write(path, error) from None
        left_out.extend(encoded.scan.left_out)
        asked.append(encoded.usage or Usage())
        return captions

    console = stdout()
    left_out: list[str] = []
    asked: list[Usage] = []
    cameras = source_options.camera_config(images, calibration)
    sources = source_options.source_config(
        images is not None, captioner, image_captioner, z_buffer=z_buffer
    )
    config = BatchConfig(
        tuple(inputs), out, bundle, None, None if views is None else parse_views(views), columns,
        device, overwrite=overwrite, **cameras, **sources,
    )  # fmt: skip
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
                console.print(f"{job.name}   {len(result)} views", style="bold")
                console.print(caption_table(result))
                for line in left_out:
                    console.print(f"left out: {line}", style="yellow", soft_wrap=True)
                left_out.clear()
    total = sum(asked, Usage())
    if total.asked:
        console.print(f"image captions: {total.line()}", soft_wrap=True)
    raise typer.Exit(exit_code(errors))
