"""Results as tables on stdout."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from avs3d.errors import UserError
from avs3d.io.source import show
from avs3d.jobs import Job
from avs3d.report.places import Place
from avs3d.run import Result
from avs3d.scan import Scan
from avs3d.vocabulary import Source, said_by

_NARROWEST = 100  # characters, where the output is no terminal and so has no width


def stdout() -> Console:
    """A console on stdout that neither cuts file names nor invents markup in words."""
    return _plain_console(stderr=False)


def stderr() -> Console:
    """The same on stderr."""
    return _plain_console(stderr=True)


def _plain_console(stderr: bool) -> Console:
    options: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
    console = Console(stderr=stderr, **options)
    if console.is_terminal:
        return console
    return Console(stderr=stderr, width=max(_NARROWEST, console.width), **options)


def failure_table(errors: dict[Job, Exception]) -> Table:
    """Input and reason, which does not name the input again."""
    table = plain_table()
    table.add_column("input", overflow="fold")
    table.add_column("reason", overflow="fold")
    for job, error in errors.items():
        text = " ".join(str(error).split()) or type(error).__name__
        ours = (
            "" if isinstance(error, UserError) else f"a fault in avs3d ({type(error).__name__}): "
        )
        path = show(job.path)
        table.add_row(Text(path), Text(ours + text.removeprefix(f"{path}: ")))
    return table


def word_table(result: Result) -> Table:
    """Word, points, share, mean score, and where the word came from."""
    table = plain_table()
    table.add_column("word", style="bold", no_wrap=True)
    for name in ("points", "share", "score"):
        table.add_column(name, justify="right", no_wrap=True)
    # Not `no_wrap`, or a narrow table would lose its numbers first; the cell itself is cut instead.
    table.add_column("from", style="dim", ratio=1)
    for row in result.rows:
        table.add_row(
            Text(row["word"]),
            f"{row['points']:,}",
            f"{100 * row['share']:.1f} %",
            f"{row['score']:.2f}",
            Text(_origin(row["sources"]), no_wrap=True, overflow="ellipsis"),
        )
    points = result.found["points"]
    lost = points - result.found["labelled"]
    if lost:
        share = 100 * lost / points
        table.add_row(Text("(unlabelled)", "dim"), f"{lost:,}", f"{share:.1f} %", "", "")
    return table


def frequency_table(words: list[dict[str, Any]]) -> Table:
    """The words of a run: in how many scans, on how many points, from which captioner."""
    table = plain_table()
    table.add_column("word", style="bold", no_wrap=True)
    for name in ("scans", "points"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("from", style="dim")
    for row in words:
        numbers = f"{row['scans']:,}", f"{row['points']:,}"
        table.add_row(Text(row["word"]), *numbers, Text(", ".join(map(said_by, row["from"]))))
    return table


def class_table(rows: list[dict[str, Any]]) -> Table:
    """The classes of a run that have points, or should; their IoU where there are labels."""
    table = plain_table()
    table.add_column("class", style="bold", no_wrap=True)
    labelled = any("truth" in row for row in rows)
    for name in ("points", "labels", "IoU") if labelled else ("points",):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        if not row["points"] and not row.get("truth"):
            continue
        numbers = [f"{row['points']:,}"]
        if labelled:
            value = row["iou"]
            numbers += [f"{row['truth']:,}", "" if value is None else f"{value:.3f}"]
        table.add_row(Text(row["class"]), *numbers)
    known = [row["iou"] for row in rows if row.get("iou") is not None]
    if known:
        table.add_row(Text("mean"), "", "", f"{sum(known) / len(known):.3f}")
    return table


def caption_table(captions: dict[str, str]) -> Table:
    """A sentence per view."""
    table = plain_table(show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for view, caption in captions.items():
        table.add_row(view, Text(caption))
    return table


def place_table(places: list[Place], scan: Scan) -> Table:
    """Similarity, position in the file's coordinates and distance of places that fit a query; on a
    map there is nothing to be distant from."""
    table = plain_table()
    heading = () if scan.origin.any() else ("distance [m]",)
    for name in ("similarity", "x [m]", "y [m]", "z [m]", *heading, "points within 2 m"):
        table.add_column(name, justify="right", no_wrap=True)
    for place in places:
        distance = place.distance(scan)
        away = () if distance is None else (f"{distance:.1f}",)
        table.add_row(
            f"{place.similarity:.3f}",
            *(f"{value:.1f}" for value in place.position + scan.origin),
            *away,
            f"{place.points:,}",
        )
    return table


def plain_table(**options: Any) -> Table:
    """Columns without lines, headings dimmed."""
    return Table(box=None, pad_edge=False, header_style="dim", **options)


def _origin(sources: tuple[Source, ...]) -> str:
    if not sources:
        return ""
    first = sources[0]
    if first.caption is None:
        return said_by(first.captioner)
    views: dict[str, list[str]] = {}
    for source in sources:
        views.setdefault(said_by(source.captioner), []).append(str(source.view))
    places = (
        f"{captioner} {some[0]}" + (f" (+{len(some) - 1})" if len(some) > 1 else "")
        for captioner, some in views.items()
    )
    return f"{', '.join(places)}: {first.caption}"
