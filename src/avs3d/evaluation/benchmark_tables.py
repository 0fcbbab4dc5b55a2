"""The tables of a benchmark, laid out as the paper's: segmentation (1), and TPSS (2).

The paper's figures stand in a column of their own. They are quoted, and a line below says in what
the rows differ from what the paper did.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from avs3d.evaluation.benchmark import Line
from avs3d.evaluation.benchmark_config import OWN, BenchmarkConfig
from avs3d.io.source import show

PAPER_MIOU = {
    ("nuscenes-16", "own"): "36.2",
    ("nuscenes-16", "names"): "30.1",
    ("nuscenes-16", "detailed, ensemble"): "about 42",
    ("scannet-20", "own"): "40.5",
    ("scannet-20", "names"): "47.0",
    ("scannet-200", "own"): "14.6",
    ("scannet-200", "names"): "11.7",
}
"""mIoU, percent: the paper's words by LAVE, OpenScene's with the names of the classes."""
PAPER_TPSS = {("nuscenes-16", "own"): "9.65", ("scannet-20", "own"): "3.78"}
PAPER_WORDS = {("nuscenes-16", "own"): "671"}
"""Distinct words over the validation split."""
_ENCODER = "clip-vit-large-patch14-336"
_SPLIT = "val"


@dataclass(frozen=True)
class Table:
    """Texts in rows.

    Attributes:
        title: above it.
        head: names of the columns.
        rows: a text a cell.
        notes: lines below it.
        texts: so many columns hold words, the others numbers.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    texts: int


def tables(config: BenchmarkConfig, labelset: str, lines: Sequence[Line]) -> tuple[Table, Table]:
    """Of the rows that a benchmark has done so far."""
    notes = _notes(config, labelset, lines)
    failed = [
        f"{line.row.title}, {line.row.vocabulary}: {line.error}" for line in lines if line.error
    ]
    return _segmentation(labelset, lines, (*notes, *failed)), _tpss(labelset, lines, notes)


def _segmentation(labelset: str, lines: Sequence[Line], notes: tuple[str, ...]) -> Table:
    head = ("method", "vocabulary", "features", "mapper", "words", "scans", "mIoU", "95 %",
            "mIoU, all classes", "paper †")  # fmt: skip
    rows = []
    for line in lines:
        row, report = line.row, line.report
        about = row.title, row.vocabulary, _feature(line), row.mapper
        paper = PAPER_MIOU.get((labelset, _kind(line)), "")
        if report is None:
            rows.append((*about, "", "none", "–", "", "–", paper))
            continue
        rows.append(
            (*about, f"{report['vocabulary']['size']['mean']:.1f}", _scans(line),
             _percent(report["miou"]), _range(report["miou_interval"]),
             _percent(report["miou_all"]), paper)
        )  # fmt: skip
    return Table(f"Table 1: mIoU on {labelset}, percent", head, _shown(rows), notes, 4)


def _tpss(labelset: str, lines: Sequence[Line], notes: tuple[str, ...]) -> Table:
    head = ("method", "vocabulary", "features", "encoder", "words", "distinct", "TPSS",
            "of names", "of nouns", "paper †")  # fmt: skip
    rows = []
    runs = {_run_of(line): line for line in reversed(lines) if line.report is not None}
    for line in reversed(runs.values()):
        assert line.report is not None
        words, kind = line.report["vocabulary"], (labelset, _kind(line))
        distinct = f"{words['distinct']:,}"
        if kind in PAPER_WORDS:
            distinct += f" (paper † {PAPER_WORDS[kind]})"
        rows.append(
            (line.row.title, line.row.vocabulary, _feature(line), line.encoder,
             f"{words['size']['mean']:.1f}", distinct, _percent(line.report["tpss"]["points"]),
             _control(line, lines, "names"), _control(line, lines, "random"),
             PAPER_TPSS.get(kind, ""))
        )  # fmt: skip
    more = (
        "TPSS compares rows of one text encoder and one kind of features only, and cannot fall when"
        " words are added; its controls are the rows with the vocabularies names and random, of"
        " the same bundle and features.",
    )
    return Table(f"Table 2: TPSS on {labelset}, times 100", head, _shown(rows), (*more, *notes), 4)


def _shown(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Each text on one line."""
    return tuple(tuple(show(text) for text in row) for row in rows)


def _run_of(line: Line) -> str:
    """What is the same for rows that differ in the mapper alone."""
    return line.row.model_dump_json(exclude={"name", "mapper"})


def _control(line: Line, lines: Sequence[Line], vocabulary: str) -> str:
    """TPSS of other words, without which a TPSS means nothing."""
    for other in lines:
        same = (other.row.bundle, _feature(other), other.row.features) == (
            line.row.bundle, _feature(line), line.row.features
        )  # fmt: skip
        if same and other.row.vocabulary == vocabulary and other.report is not None:
            return _percent(other.report["tpss"]["points"])
    return ""


def _kind(line: Line) -> str:
    """What the paper has a figure for."""
    if line.row.vocabulary in OWN:
        return "own"
    if line.row.vocabulary == "detailed":
        return f"detailed, {_feature(line)}"
    return line.row.vocabulary


def _feature(line: Line) -> str:
    return line.row.feature or ("fusion" if line.row.features else "distill")


def _notes(config: BenchmarkConfig, labelset: str, lines: Sequence[Line]) -> tuple[str, ...]:
    known = {labelset for labelset, _ in PAPER_MIOU}
    if labelset not in known:
        return (f"† The paper has no figures for {labelset}.",)
    differences = []
    encoders = sorted({line.encoder for line in lines if line.encoder})  # "": failed before
    encoders = [encoder for encoder in encoders if _ENCODER not in encoder]
    if encoders:
        differences.append(f"text encoder ({', '.join(encoders)}; the paper: CLIP ViT-L/14@336px)")
    if config.split != _SPLIT:
        differences.append(f"split ({config.split or 'all scans'}; the paper: {_SPLIT})")
    if config.match is not None or config.every > 1:
        differences.append("scans (some of them)")
    if any(line.scans and line.report and line.report["scans"] < line.scans for line in lines):
        differences.append("scans (some failed)")
    if any(_asks_nobody(line.row.mapper) for line in lines):
        differences.append("mapper (the paper asks a language model)")
    said = "† Quoted from the paper (3D-AVS; for class names, of OpenScene), not measured here. "
    if not differences:
        return (f"{said}Text encoder, split and kind of mapper are the same; models are others.",)
    return (f"{said}Not to be compared: {'; '.join(differences)}.",)


def _asks_nobody(mapper: str) -> bool:
    """Whether a mapper is no language model: one of ours, or a file of words and classes."""
    return mapper in ("minilm", "names") or mapper.lower().endswith(".json")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _range(ends: Sequence[float | None] | None) -> str:
    if ends is None or ends[0] is None:
        return ""
    return f"{_percent(ends[0])} to {_percent(ends[1])}"


def _scans(line: Line) -> str:
    assert line.report is not None
    done = int(line.report["scans"])
    return f"{done:,}" if done == line.scans else f"{done:,} of {line.scans:,}"


def to_markdown(found: Sequence[Table]) -> str:
    """GitHub's."""
    parts = []
    for table in found:
        rule = ["---"] * table.texts + ["---:"] * (len(table.head) - table.texts)
        rows = (table.head, rule, *table.rows)
        lines = ["| " + " | ".join(map(_escaped_markdown, row)) + " |" for row in rows]
        parts.append("\n".join([f"**{table.title}**", "", *lines, "", *_spaced(table.notes)]))
    return "\n\n".join(parts) + "\n"


def _spaced(notes: Sequence[str]) -> list[str]:
    return "\n\n".join(notes).split("\n")


def _escaped_markdown(text: str) -> str:
    for mark in "\\|*`<":
        text = text.replace(mark, f"\\{mark}")
    return text


def _begun(row: str) -> str:
    """A row that the ``\\\\`` or ``\\midrule`` before it does not take for its argument."""
    return f"{{}}{row}" if row.startswith(("[", "*")) else row


def to_latex(found: Sequence[Table]) -> str:
    """For ``booktabs``."""
    parts = []
    for table in found:
        columns = "l" * table.texts + "r" * (len(table.head) - table.texts)
        rows = [_begun(" & ".join(map(_escaped_latex, row))) + r" \\" for row in table.rows]
        head = " & ".join(map(_escaped_latex, table.head)) + r" \\"
        parts.append(
            "\n".join(
                [r"\begin{table}", rf"\caption{{{_escaped_latex(table.title)}}}",
                 rf"\begin{{tabular}}{{{columns}}}", r"\toprule", head, r"\midrule", *rows,
                 r"\bottomrule", r"\end{tabular}", "",
                 *(rf"{_escaped_latex(note)}\par" for note in table.notes), r"\end{table}"]
            )
        )  # fmt: skip
    return "\n\n".join(parts) + "\n"


_LATEX = {"\\": r"\textbackslash{}", "†": r"\dag{}", "–": "--", "~": r"\textasciitilde{}",
          "^": r"\textasciicircum{}"} | {mark: f"\\{mark}" for mark in "&%$#_{}"}  # fmt: skip


def _escaped_latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def to_csv(found: Sequence[Table]) -> str:
    """Tables below each other, with an empty line between."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    for number, table in enumerate(found):
        if number:
            stream.write("\n")
        writer.writerows([table.head, *table.rows])
    return stream.getvalue()


FORMATS: dict[str, Callable[[Sequence[Table]], str]] = {
    "benchmark.md": to_markdown,
    "benchmark.tex": to_latex,
    "benchmark.csv": to_csv,
}
"""Name of the file -> its content."""
