"""`avs3d labelsets`: which classes of public benchmarks are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from avs3d.labelsets import LabelSet

HELP = """List the label sets of benchmarks; with names, their classes.

A label set has the names, ids and colours of classes, and says which raw ids in a dataset's files
mean which class. --vocabulary, --labelset and results in the datasets' own formats take its name.

Examples:

\b
  avs3d labelsets
  avs3d labelsets nuscenes-16 semantickitti
  avs3d segment scan.bin --vocabulary semantickitti"""


def labelsets(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LABELSET]...", help="Tell all of these.", show_default=False),
    ] = None,
) -> None:
    """See `HELP`."""
    from avs3d import labelsets
    from avs3d.cli.tables import stdout

    found = [labelsets.load(name) for name in names or labelsets.names()]
    console = stdout()
    if not names:
        _list(console, found)
    for labels in found if names else []:
        _tell(console, labels)


def _list(console: Console, found: list[LabelSet]) -> None:
    from avs3d.cli.tables import plain_table

    table = plain_table()
    for heading in ("label set", "classes", "finer than", "what it is"):
        table.add_column(heading, overflow="fold")
    for labels in found:
        table.add_row(labels.name, str(len(labels)), labels.parent or "", labels.title)
    console.print(table)


def _tell(console: Console, labels: LabelSet) -> None:
    """A line a class; what a set does not have is no column."""
    from rich.text import Text

    from avs3d.cli.tables import plain_table
    from avs3d.labelsets import load

    raw: dict[int, list[int]] = {}
    for number, index in labels.raw_to_class.items():
        raw.setdefault(index, []).append(number)
    groups = {name: group for group, members in labels.groups.items() for name in members}
    parent = load(labels.parent) if labels.parent else None
    table = plain_table()
    for heading, there in (
        ("id", True), ("class", True), ("colour", True), ("written as", labels.export_ids),
        ("raw ids", raw), (f"in {labels.parent}", parent), ("group", groups),
    ):  # fmt: skip
        if there:
            table.add_column(heading, overflow="fold")
    for index, (name, color) in enumerate(zip(labels.classes, labels.colors, strict=True)):
        code = "#{:02x}{:02x}{:02x}".format(*color.tolist())
        row: list[str | Text] = [str(index), name, Text.assemble(("██ ", code), code)]
        if labels.export_ids:
            row.append(str(labels.export_ids[index]))
        if raw:
            row.append(", ".join(_raw(number, labels) for number in raw.get(index, [])))
        if parent:
            above = labels.to_parent[index]
            row.append("ignored" if above == labels.ignored else parent.classes[above])
        if groups:
            row.append(groups[name])
        table.add_row(*row)
    console.print(labels.name, style="bold")
    console.print(f"  {labels.title}", soft_wrap=True)
    if labels.detailed:
        console.print(f"  detailed names: {labels.detailed}", soft_wrap=True)
    if ignored := raw.get(labels.ignored):
        told = ", ".join(_raw(number, labels) for number in ignored)
        console.print(f"  ignored: {told}", soft_wrap=True)
    console.print(table)


def _raw(number: int, labels: LabelSet) -> str:
    return f"{number} {labels.raw_names[number]}" if number in labels.raw_names else str(number)
