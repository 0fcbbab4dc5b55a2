"""The command `avs3d`: one file a command; whatever is heavy is imported inside the command."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from avs3d.cli import (
    benchmark,
    bundles,
    caption,
    convert,
    demo,
    evaluate,
    info,
    labelsets,
    prepare,
    query,
    run,
    segment,
    simulate,
    train,
    view,
)
from avs3d.cli.console import complain, internal_error
from avs3d.cli.interrupt import INTERRUPTED, exit_code_of, heed_sigterm
from avs3d.errors import UserError
from avs3d.workers import leave_at_once

USER_FAULT, OUR_FAULT = 2, 1


class _Group(TyperGroup):
    """Turns a user's mistake into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            complain(str(error))
            raise typer.Exit(USER_FAULT) from error
        except KeyboardInterrupt as error:
            complain("interrupted")
            raise typer.Exit(exit_code_of(error)) from error


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from avs3d import __version__

        typer.echo(f"avs3d {__version__}")
        raise typer.Exit


@app.callback(
    help="""Words for every point of a LiDAR scan, chosen by the program itself.

No class list, no labels, no GPU and no network needed.

Start here:

\b
  avs3d demo                      the shipped scan, results in ./demo-output
  avs3d segment scan.bin          yours: .bin .pcd .ply .las .laz .npy .npz

Then:

\b
  avs3d segment scan.bin -v "car, road, tree"   only these words
  avs3d view scan.bin                           turn it and ask it in the browser
  avs3d query scan.bin "a parked car"           where is it? a heat map
  avs3d COMMAND --help                          about it, with examples""",
)
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Options before the command."""


app.command("demo", help=demo.HELP)(demo.demo)
app.command("segment", help=segment.HELP)(segment.segment)
app.command("run", help=run.HELP)(run.run)
app.command("caption", help=caption.HELP)(caption.caption)
app.command("query", help=query.HELP)(query.query)
app.command("view", help=view.HELP)(view.view)
app.command("evaluate", help=evaluate.HELP)(evaluate.evaluate)
app.command("benchmark", help=benchmark.HELP)(benchmark.benchmark)
app.command("simulate", help=simulate.HELP)(simulate.simulate)
app.add_typer(prepare.app, name="prepare", help=prepare.HELP)
app.add_typer(train.app, name="train", help=train.HELP)
app.command("bundles", help=bundles.HELP)(bundles.bundles)
app.command("labelsets", help=labelsets.HELP)(labelsets.labelsets)
app.command("convert", help=convert.HELP)(convert.convert)
app.command("info", help=info.HELP)(info.info)


def main() -> None:
    """Entry point of the console script."""
    # Threads of PyTorch that wait for each other by spinning make it 50 times slower as soon as
    # anything else runs on the machine. Read when torch is imported, so it is set before.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    heed_sigterm()
    try:
        app()
    except KeyboardInterrupt as error:  # outside of any command
        leave_at_once(exit_code_of(error))
    except SystemExit as end:
        if end.code in INTERRUPTED:
            leave_at_once(end.code)
        raise
    except Exception as error:  # whatever is not a user's mistake is ours
        internal_error(error)
        raise SystemExit(OUR_FAULT) from None
