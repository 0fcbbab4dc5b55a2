"""`avs3d benchmark`: bundles, vocabularies, features and mappers side by side on one dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avs3d.cli import options
from avs3d.cli.options import parse_vocabulary
from avs3d.cli.show import Quiet, show_run
from avs3d.cli.source_options import source_config
from avs3d.errors import UserError, cannot_write
from avs3d.jobs import BatchConfig
from avs3d.selection import Selection

if TYPE_CHECKING:
    from avs3d.evaluation.benchmark import Line, Reports
    from avs3d.evaluation.benchmark_config import BenchmarkConfig, RowConfig
    from avs3d.evaluation.benchmark_tables import Table
    from avs3d.labelsets import LabelSet
    from avs3d.published.texts import ByScene
    from avs3d.vocabulary import Vocabulary

HELP = """Compare bundles, vocabularies, features and mappers.

Takes a config, labels the scans of its dataset once for each row, evaluates that against the
dataset's own labels, and writes benchmark.md, .tex and .csv into OUT: mIoU, and TPSS beside its
controls, with the paper's figures in a column of their own. The same command goes on where it was,
and does only what is new in the config. A row that fails does not stop the others.

Examples:

\b
  avs3d benchmark nuscenes.yaml
  avs3d benchmark nuscenes.yaml --out tables --device cuda

A config:

\b
  dataset: /data/nuscenes
  split: mini_val
  rows:
    - {vocabulary: points}
    - {vocabulary: both, image_captioner: models/blip, name: with images}
    - {vocabulary: points, mapper: "http://localhost:8000/v1#MODEL"}
    - {vocabulary: names}
    - {vocabulary: detailed}
    - {vocabulary: present}
    - {vocabulary: random}

vocabulary: points, images, both (the scans' own words); names, detailed (of the classes), present
(of those that are truly there), random (any nouns); or words as for --vocabulary of avs3d segment.
docs/evaluation.md tells every key."""


class _Progress(Quiet):
    """Nothing but a line that moves, and errors."""

    progress = True


def benchmark(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="A .yaml file.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder.", show_default="like the config")
    ] = None,
    device: options.Device = "auto",
    jobs: options.JobCount = 1,
) -> None:
    """See `HELP`."""
    from avs3d import labelsets
    from avs3d.batch import make_folder
    from avs3d.cli.tables import stdout
    from avs3d.evaluation.benchmark import Reports
    from avs3d.evaluation.benchmark_config import read_benchmark
    from avs3d.evaluation.benchmark_tables import tables

    told = read_benchmark(config)
    folder = config.with_suffix("") if out is None else out
    if folder == config:
        raise UserError(f"{config}: has no ending; give --out")
    make_folder(folder)
    selection = Selection(
        Path(told.dataset), told.kind, told.dataset_options, told.match, told.every
    )
    dataset = selection.dataset
    name = told.labelset or dataset.labelset
    if name is None:
        raise UserError(f"{config}: {dataset.name} has no classes of its own; give a labelset")
    labels = labelsets.load(name)
    words = _Words(told, selection, labels, folder)
    reports = Reports(told, folder)
    work = []
    for number, row in enumerate(told.rows, 1):
        try:
            work.append(_work(row, told, selection, words, reports, device, jobs))
        except UserError as error:  # rather than after hours of work
            raise UserError(f"{config}: row {number}: {error}") from None
    lines: list[Line] = []
    for row, batch in zip(told.rows, work, strict=True):
        lines.append(_line(row, batch, told, labels, reports))
        _say(lines[-1])
        _write(folder, tables(told, name, lines))
    _show(tables(told, name, lines))
    for path in _write(folder, tables(told, name, lines)):
        stdout().print(f"  {path}", soft_wrap=True)
    raise typer.Exit(0 if all(line.whole for line in lines) else 2)


class _Words:
    """The words of rows; those that differ by scan are written to a file once."""

    def __init__(
        self, config: BenchmarkConfig, selection: Selection, labels: LabelSet, out: Path
    ) -> None:
        self._config = config
        self._selection = selection
        self._labels = labels
        self._out = out

    def of(self, row: RowConfig) -> Vocabulary | ByScene[Vocabulary] | None:
        """None: the scans' own."""
        from avs3d.evaluation.baseline_words import KINDS, words_of_all
        from avs3d.evaluation.benchmark_config import OWN

        if row.vocabulary in OWN:
            return None
        if row.vocabulary not in KINDS:
            return parse_vocabulary(row.vocabulary)
        return words_of_all(row.vocabulary, self._labels) or self._by_scan(row.vocabulary)

    def _by_scan(self, kind: str) -> ByScene[Vocabulary]:
        from avs3d.evaluation.baseline_words import words_by_scan
        from avs3d.published.texts import ByScene, write_vocabularies

        path = self._out / f"words-{kind}.json"
        found = dict(words_by_scan(kind, self._labels, self._selection, self._config.seed))
        write_vocabularies(path, found, overwrite=True)
        return ByScene(path, found)


def _work(
    row: RowConfig,
    config: BenchmarkConfig,
    selection: Selection,
    words: _Words,
    reports: Reports,
    device: str,
    jobs: int,
) -> BatchConfig:
    """The run of a row."""
    from avs3d.evaluation.benchmark_config import OWN

    who = row.vocabulary if row.vocabulary in OWN else None
    sources = source_config(True, who, row.image_captioner, row.feature, row.features)
    return BatchConfig(
        (), reports.run_folder(row), row.bundle, words.of(row), device=device, seed=config.seed,
        renew=True, picture=False, write=(".npz",), jobs=jobs, selection=selection, **sources,
    )  # fmt: skip


def _line(
    row: RowConfig,
    batch: BatchConfig,
    config: BenchmarkConfig,
    labels: LabelSet,
    reports: Reports,
) -> Line:
    """A row from its scans to its report."""
    from avs3d.cli.evaluate import work_through
    from avs3d.evaluation.benchmark import Line
    from avs3d.evaluation.evaluate import EvaluationConfig, Evaluator

    try:
        scans, encoder = _run(batch)
        report = reports.find(row)
        if report is None:
            evaluator = Evaluator(
                EvaluationConfig(
                    (reports.run_folder(row),), (), labels.name, (row.mapper,), config.threshold,
                    config.samples, "wrong", config.published, False, batch.device, config.seed,
                )
            )  # fmt: skip
            work_through(evaluator)
            report = evaluator.report()
            reports.keep(row, report)
        return Line(row, encoder, report, "", scans)
    except UserError as error:
        return Line(row, error=str(error))


def _run(batch: BatchConfig) -> tuple[int, str]:
    """Label the scans that are not yet; how many there are, and the text encoder."""
    from avs3d.bundle import Bundle
    from avs3d.jobs import find_jobs

    encoder = Bundle.load(batch.bundle).text_encoder
    show_run(batch, _Progress())
    return len(find_jobs(batch)), encoder


def _say(line: Line) -> None:
    from avs3d.cli.console import complain
    from avs3d.cli.tables import stdout

    title = f"{line.row.title}, {line.row.vocabulary}, {line.row.mapper}"
    if line.report is None:
        complain(f"{title}: {line.error}")
        return
    miou = line.report["miou"]
    shown = "-" if miou is None else f"{100 * miou:.1f}"
    stdout().print(f"{title}   mIoU {shown}", soft_wrap=True)


def _write(folder: Path, found: Sequence[Table]) -> list[Path]:
    from avs3d.atomic import write_bytes
    from avs3d.evaluation.benchmark_tables import FORMATS

    try:
        return [
            write_bytes(folder / name, make(found).encode("utf-8", "replace"))
            for name, make in FORMATS.items()
        ]
    except OSError as error:
        raise cannot_write(folder, error) from error


def _show(found: Sequence[Table]) -> None:
    from rich.text import Text

    from avs3d.cli.tables import plain_table, stdout

    for table in found:
        stdout().print(f"\n{table.title}", style="bold", soft_wrap=True)
        shown = plain_table()
        for number, name in enumerate(table.head):
            text = number < table.texts
            shown.add_column(name, justify="left" if text else "right", overflow="fold")
        for row in table.rows:
            shown.add_row(*map(Text, row))
        stdout().print(shown)
        for note in table.notes:
            stdout().print(note, style="dim")
