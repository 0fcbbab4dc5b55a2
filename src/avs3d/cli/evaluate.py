"""`avs3d evaluate`: how good a run is, where the truth is known."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avs3d.batch import exit_code
from avs3d.cli.console import Progress, complain_about
from avs3d.cli.options import Device, Overwrite
from avs3d.errors import UserError

if TYPE_CHECKING:
    from avs3d.evaluation.evaluate import Evaluator

HELP = """Measure a run of `avs3d segment` or `avs3d run` against labels.

Every word is mapped to a class of the label set, or to void. Printed and written are mIoU (LAVE
where the words are the scans' own), TPSS, what the words are worth, the same with other words for
comparison, how the result hangs on the mapper, and the words that cost most. Written to the run's
folder, or to --out: evaluation.html (a page with all of it), evaluation.json, evaluation.csv (a
line a class) and evaluation.words.csv (a line a word: its class, and why).

Labels are SemanticKITTI's .label, nuScenes' *_lidarseg.bin, integers in .npy or .npz, or what the
scans carry themselves, where --labels is left out; in the ids of the dataset. Runs over a dataset
need neither --labels nor --labelset.

Examples:

\b
  avs3d evaluate results
  avs3d evaluate avs3d-results --labelset semantickitti --labels sequences/
  avs3d evaluate results --mapper http://localhost:8000/v1#MODEL --samples 5
  avs3d evaluate results --labelset nuscenes-16 --labels lidarseg/ --mapper words.json
  avs3d evaluate part1 part2 --labelset street-91 --no-baselines

--mapper: minilm (similarity of words), names (words that end in the name of a class), a JSON file
{word: class}, or a language model that is asked as in the paper: http://HOST/v1#MODEL (the key is
in OPENAI_API_KEY), a folder or a hub id (it runs here), or a .yaml file with more about it. The
first makes the tables; others, and always minilm and names, are compared with it."""


class Void(str, Enum):
    """What becomes of words that mean no class."""

    wrong = "wrong"
    remove = "remove"


def evaluate(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Folders of results.", show_default=False),
    ],
    labelset: Annotated[
        str | None,
        typer.Option(
            "--labelset",
            metavar="NAME",
            help="The classes: semantickitti, nuscenes-16, …",
            show_default="those of the run's dataset",
        ),
    ] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            "--labels",
            metavar="PATH",
            help="Files or folders of labels; may be given again.",
            show_default="those that the scans carry",
        ),
    ] = None,
    mapper: Annotated[
        list[str] | None,
        typer.Option(
            "--mapper",
            metavar="MAPPER",
            help="minilm, names, a .json file, or a language model; may be given again.",
            show_default="minilm",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            min=-1.0,
            max=1.0,
            help="Words less alike to every class than this are void (minilm).",
            show_default="0.45",
        ),
    ] = None,
    samples: Annotated[
        int,
        typer.Option(
            "--samples",
            min=0,
            max=100,
            metavar="K",
            help="Ask language models K more times a word, at temperature 1: how many agree?",
        ),
    ] = 0,
    void: Annotated[
        Void,
        typer.Option(
            "--void",
            help="Points of void words count as wrong, or get another word: the network is run"
            " again.",
        ),
    ] = Void.wrong,
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="Leave points without a word out of IoU, as the published code does.",
        ),
    ] = False,
    baselines: Annotated[
        bool,
        typer.Option(
            help="Label the scans again with other words, for comparison: the network is run again."
        ),
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for the files.", show_default="the (first) run"),
    ] = None,
    overwrite: Overwrite = False,
    device: Device = "auto",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of intervals and random nouns.")] = 0,
) -> None:
    """See `HELP`."""
    from avs3d.cli.evaluation_tables import show_report
    from avs3d.cli.tables import stdout
    from avs3d.evaluation.evaluate import FILES, EvaluationConfig, Evaluator, write_report
    from avs3d.run_folder import run_of

    folder = run_of(runs[0]) if out is None else out
    for name in () if overwrite else FILES:
        if (folder / name).exists():
            raise UserError(
                f"{folder / name}: is there already; --overwrite replaces it, --out puts it"
                " elsewhere"
            )
    default = EvaluationConfig
    config = EvaluationConfig(
        tuple(runs),
        tuple(labels or ()),
        labelset,
        tuple(mapper or default.mappers),
        default.threshold if threshold is None else threshold,
        samples,
        void.value,
        published,
        baselines,
        device,
        seed,
    )
    evaluator = Evaluator(config)
    work_through(evaluator)
    report = evaluator.report()
    files = write_report(report, folder)
    show_report(report, stdout())
    for line in evaluator.asked():
        stdout().print(f"  {line}", soft_wrap=True)
    for path in files:
        stdout().print(f"  {path}", soft_wrap=True)
    raise typer.Exit(exit_code(list(evaluator.errors.values())))


def work_through(evaluator: Evaluator) -> None:
    """Let it take every scan, with progress and errors on stderr."""
    with Progress(len(evaluator)) as progress:
        evaluator.status = progress.status
        for scan, error in evaluator:
            if error is not None:
                with progress.paused():
                    complain_about(scan.path, error)
            progress.step()
