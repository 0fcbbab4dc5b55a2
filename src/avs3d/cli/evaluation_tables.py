"""The report of `avs3d evaluate` as tables."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from avs3d.cli.tables import plain_table

_WORDS = 12
_HANGS = 0.05
"""A difference of mIoU between mappers that is said to be large."""


def show_report(report: dict[str, Any], console: Console) -> None:
    """Print every table, the most important first."""
    console.print(_heading(report), style="bold", soft_wrap=True)
    console.print(_summary(report))
    for title, table in (
        ("Classes", _classes(report)),
        ("Groups", _groups(report)),
        ("Conditions", _conditions(report)),
        ("Distance from the sensor", _distances(report)),
        ("The same scans with other words", _baselines(report)),
        (f"Words that cost most mIoU, by {report['mapper']}", _words(report)),
        ("Mappers", _mappers(report)),
    ):
        if table is not None:
            console.print(f"\n{title}", style="bold")
            console.print(table)
    spread = [row["miou"] for row in report["mappers"] if row["miou"] is not None]
    if spread and max(spread) - min(spread) >= _HANGS:
        console.print(
            f"mIoU is {min(spread):.3f} to {max(spread):.3f} by mapper: it hangs on the mapper;"
            " compare with results of the same mapper only",
            style="yellow",
            soft_wrap=True,
        )
    for row in report["mappers"]:
        if row["no_answer"]:
            console.print(
                f"{row['mapper']} gave no answer for {row['no_answer']} words, which are void;"
                " --overwrite asks for these again",
                style="yellow",
                soft_wrap=True,
            )
    if report["removed_words"]:
        console.print(f"\nremoved words: {', '.join(report['removed_words'])}", soft_wrap=True)
    if report["failures"]:
        console.print(
            f"\n{_scans(len(report['failures']))} could not be evaluated and so count for nothing",
            style="yellow",
        )
    console.print()


def _heading(report: dict[str, Any]) -> str:
    return (
        f"{_scans(report['scans'])}   {report['points']:,} points with a class   bundle"
        f" {report['bundle']}   {report['labelset']}   words {report['words_are']}, mapped by"
        f" {report['mapper']}" + ("   as published" if report["published"] else "")
    )


def _summary(report: dict[str, Any]) -> Table:
    table, words, tpss = plain_table(show_header=False), report["vocabulary"], report["tpss"]
    name = "mIoU" if report["words_are"] == "given" else "LAVE mIoU"
    rows = [
        (f"{name}, classes present", _value(report["miou"]), _range(report["miou_interval"])),
        (
            f"{name}, all classes (as published)",
            _value(report["miou_all"]),
            _range(report["miou_all_interval"]),
        ),
        ("mean accuracy of the classes", _value(report["accuracy"]), ""),
        ("points right", _value(report["points_right"]), ""),
        ("points of void words", f"{report['points_void']:,}", f"counted as {report['void']}"
         if report["void"] == "wrong" else "void words were removed"),
        ("points without a word", f"{report['points_unlabelled']:,}",
         "left out of IoU" if report["published"] else "counted as wrong"),
        ("TPSS, mean over points", _value(tpss["points"]),
         _controls(report)),
        ("TPSS, mean over scans", _value(tpss["scans"]),
         "" if tpss["known"] == report["scans"] else f"known of {tpss['known']} scans only"),
        ("words a scan", f"{words['size']['mean']:.1f}",
         f"{words['size']['least']} to {words['size']['most']}; {words['distinct']:,} distinct"),
        ("coverage", _value(words["coverage"]), "points whose class has a word in their scan"),
        ("excess", _value(words["excess"]), "words that mean nothing in their scan"),
        ("redundancy", _value(words["redundancy"]), "words for each class that has some"),
    ]  # fmt: skip
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim")
    for row in rows:
        table.add_row(*row)
    return table


def _controls(report: dict[str, Any]) -> str:
    """TPSS of other words, without which a TPSS means nothing."""
    rows = {row["vocabulary"]: row["tpss"] for row in report["baselines"] or ()}
    if not rows:
        return "--baselines puts that of other words beside it"
    kinds = ("class names", "random nouns")
    return ", ".join(f"{kind} {_value(rows[kind])}" for kind in kinds if kind in rows)


def _classes(report: dict[str, Any]) -> Table:
    table = _numbers("class", "IoU", "95 %", "precision", "recall", "points", "told")
    for row in report["classes"]:
        if row["points"] or row["told"]:
            table.add_row(
                Text(row["class"]),
                _value(row["iou"]),
                _range(row["interval"]),
                _value(row["precision"]),
                _value(row["recall"]),
                f"{row['points']:,}",
                f"{row['told']:,}",
            )
    return table


def _groups(report: dict[str, Any]) -> Table | None:
    table = _numbers("group", "mIoU")
    for name, value in report["groups"].items():
        table.add_row(Text(name), _value(value))
    return table if report["groups"] else None


def _conditions(report: dict[str, Any]) -> Table | None:
    table = _numbers("condition", "scans", "mIoU", "95 %", "accuracy", "points")
    for row in report["conditions"]:
        table.add_row(
            Text(row["condition"]),
            f"{row['scans']:,}",
            _value(row["miou"]),
            _range(row["miou_interval"]),
            _value(row["accuracy"]),
            f"{row['points']:,}",
        )
    return table if report["conditions"] else None


def _distances(report: dict[str, Any]) -> Table:
    table = _numbers("range", "mIoU", "accuracy", "points")
    for row in report["distance"]:
        name = (
            f"beyond {row['from']:g} m"
            if row["to"] is None
            else f"{row['from']:g} to {row['to']:g} m"
        )
        table.add_row(name, _value(row["miou"]), _value(row["accuracy"]), f"{row['points']:,}")
    return table


def _baselines(report: dict[str, Any]) -> Table | None:
    if report["baselines"] is None:
        return None
    own = {
        "vocabulary": f"this run ({report['words_are']})",
        "words": report["vocabulary"]["size"]["mean"],
        "tpss": report["tpss"]["points"],
        "miou": report["miou"],
        "miou_all": report["miou_all"],
    }
    table = _numbers("vocabulary", "words a scan", "TPSS", "mIoU", "mIoU, all classes")
    for row in (own, *report["baselines"]):
        values = (_value(row[key]) for key in ("tpss", "miou", "miou_all"))
        table.add_row(Text(row["vocabulary"]), f"{row['words']:.1f}", *values)
    return table


def _words(report: dict[str, Any]) -> Table:
    table = plain_table()
    for name in ("word", "class"):
        table.add_column(name, no_wrap=True)
    for name in ("costs", "points", "right"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("mostly", no_wrap=True)
    table.add_column("why", style="dim", ratio=1)
    for row in report["words"][:_WORDS]:
        why = row["why"] or row["mapper"]
        similar = "" if row["similarity"] is None else f" ({row['similarity']:.2f})"
        table.add_row(
            Text(row["word"]),
            Text(row["class"] or "void", "" if row["class"] else "yellow"),
            f"{row['cost']:.3f}",
            f"{row['counted']:,}",
            f"{row['right']:,}",
            Text(row["mostly"] or ""),
            Text(why + similar, no_wrap=True, overflow="ellipsis"),
        )
    return table


def _mappers(report: dict[str, Any]) -> Table:
    names = ["mapper", "mIoU", "mIoU, all classes", "void words", "same words", "same points"]
    drawn = any(row["agreement"] is not None for row in report["mappers"])
    table = _numbers(*names, *(["draws agree"] if drawn else []))
    keys = ["same_words", "same_points", *(["agreement"] if drawn else [])]
    for row in report["mappers"]:
        values = [_value(row[key]) for key in ("miou", "miou_all")]
        same = [_value(row[key]) for key in keys]
        table.add_row(Text(row["mapper"]), *values, f"{row['void_words']:,}", *same)
    return table


def _numbers(first: str, *rest: str) -> Table:
    table = plain_table()
    table.add_column(first, overflow="fold")
    for name in rest:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _range(ends: list[float] | None) -> str:
    return "" if ends is None or ends[0] is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def _scans(count: int) -> str:
    return f"{count} scan{'' if count == 1 else 's'}"
