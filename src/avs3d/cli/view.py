"""`avs3d view`: a scan, a run or a dataset in the browser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avs3d.cli import options, source_options
from avs3d.cli.console import Progress
from avs3d.cli.interrupt import ending_soon
from avs3d.cli.options import parse_vocabulary
from avs3d.errors import UserError
from avs3d.jobs import BatchConfig
from avs3d.views import parse_views

if TYPE_CHECKING:
    from avs3d.viewer.shows import Show

HELP = """Look at a scan in the browser, and ask it.

Turn the cloud, switch words on and off, click a point to read its word, type a word or a sentence
to see where it lights up, edit the words and see the cloud follow. Takes a scan, which is
segmented first; a result (STEM.npz) or the folder of a run, which are shown at once; or a dataset
or a recording, with a slider to go through it. Nothing is written; what is seen can be saved from
the browser.

Examples:

\b
  avs3d view scan.bin
  avs3d view scan.bin --vocabulary "car, road, tree"
  avs3d view scan.bin --images images/ --calibration calib.json
  avs3d view avs3d-results
  avs3d view avs3d-results/scan.npz
  avs3d view results/latest
  avs3d view /data/nuscenes --dataset nuscenes
  avs3d view scan.bin --host 0.0.0.0        from other machines: the address has a token

The page is for this machine only, unless --host says otherwise. On a server without a screen,
forward the port: ssh -L 8080:localhost:8080 SERVER. Ctrl-C ends it."""

_PORT = 8080
_LOCAL = ("localhost", "127.0.0.1", "::1")


def view(
    target: Annotated[
        list[str],
        typer.Argument(
            help="A scan, a result, the folder of a run, a dataset; or several scans.",
            show_default=False,
        ),
    ],
    vocabulary: options.Words = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", metavar="KIND", help="What it is.", show_default="seen"),
    ] = None,
    images: source_options.Images = None,
    calibration: source_options.Calibration = None,
    captioner: source_options.Captioner = None,
    image_captioner: source_options.ImageCaptioner = None,
    feature: source_options.Feature = None,
    features: source_options.Features = None,
    z_buffer: source_options.ZBuffer = None,
    fold: source_options.Fold = None,
    bundle: options.Bundle = "street-mini",
    views: options.Views = None,
    columns: options.Columns = None,
    device: options.Device = "auto",
    seed: options.Seed = 0,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; 0.0.0.0: every one there is.")
    ] = "localhost",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Of the page; 0: any that is free.")
    ] = _PORT,
    open_: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the browser, if there is a display.")
    ] = True,
) -> None:
    """See `HELP`."""
    from avs3d.environment import require
    from avs3d.report.scene import check_free

    require("viewer")
    check_free(host, port)  # rather than after the scan was segmented
    words = parse_vocabulary(vocabulary)
    cameras = source_options.camera_config(images, calibration)
    sources = source_options.source_config(
        images is not None or dataset is not None,
        captioner, image_captioner, feature, features, z_buffer, fold,
    )  # fmt: skip
    config = BatchConfig(
        tuple(target), None, bundle, words, None if views is None else parse_views(views),
        columns, device, seed, overlay=True, **cameras, **sources,
    )  # fmt: skip
    with Progress() as progress, ending_soon():
        show = _show(config, dataset, progress)
        _serve(show, host, port, open_, progress)


def _show(config: BatchConfig, dataset: str | None, progress: Progress) -> Show:
    """What the target is."""
    from dataclasses import replace

    from avs3d.datasets import guess
    from avs3d.selection import Selection
    from avs3d.viewer.shows import Results, Scans, stored_at

    paths = [Path(text) for text in config.inputs]
    if dataset is None:
        stored = [stored_at(path) for path in paths]
        if all(stored):
            return Results([one for some in stored for one in some], config, progress.status)
        if any(stored):
            raise UserError("some of these are results and some are scans: give one kind")
    if len(paths) == 1 and paths[0].exists():
        kind = dataset or guess(paths[0])
        if kind != "folder":
            config = replace(config, inputs=(), selection=Selection(paths[0], kind))
    elif dataset is not None:
        raise UserError(f"--dataset {dataset}: give its folder, and nothing else")
    return Scans(config, progress.status)


def _serve(show: Show, host: str, port: int, open_: bool, progress: Progress) -> None:
    """Until it is interrupted."""
    import contextlib

    from avs3d.cli.demo import has_display
    from avs3d.report.scene import scene_server
    from avs3d.viewer.app import App
    from avs3d.viewer.guard import guarded

    local = host in _LOCAL
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(scene_server(port if local else 0))
        stack.callback(App(server, show).close)
        address = f"http://localhost:{server.get_port()}"
        if not local:
            open_port, token = stack.enter_context(guarded(server.get_port(), host, port))
            address = f"http://{_reached_by(host)}:{open_port}/{token}/"
        with progress.paused():
            typer.echo(f"{address}   (Ctrl-C ends it)")
        progress.status("")
        if open_ and has_display():
            with contextlib.suppress(OSError):
                typer.launch(address)
        while True:
            time.sleep(3600)


def _reached_by(host: str) -> str:
    """What others call an address that means all of this machine's."""
    import socket

    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
