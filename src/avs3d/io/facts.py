"""What the documentation says of each format: its module knows, `table` writes it down."""

from __future__ import annotations

from dataclasses import dataclass

from avs3d.io.formats import READERS, WRITERS, module


@dataclass(frozen=True)
class Facts:
    """One format, in Markdown.

    Attributes:
        what: its name, or what it is.
        kept: the fields that come out of it, or that are written.
        notes: what else a user should know.
    """

    what: str
    kept: str
    notes: str


def table() -> str:
    """All formats as a Markdown table, from `READERS`, `WRITERS` and the modules' ``FACTS``."""
    rows = ["| format | read | write | fields kept | notes |", "| --- | --- | --- | --- | --- |"]
    for name in dict.fromkeys([*READERS.values(), *WRITERS.values()]):
        facts: Facts = module(name).FACTS
        read, written = _extensions(READERS, name), _extensions(WRITERS, name)
        rows.append(f"| {facts.what} | {read} | {written} | {facts.kept} | {facts.notes} |")
    return "\n".join(rows) + "\n"


def _extensions(formats: dict[str, str], name: str) -> str:
    return " ".join(f"`{extension}`" for extension in formats if formats[extension] == name)
