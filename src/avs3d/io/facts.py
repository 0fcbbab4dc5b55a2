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
    # What is read as well is written in the row of its reader.
    writers = {ending: READERS.get(ending, name) for ending, (name, _) in WRITERS.items()}
    rows = ["| format | read | write | fields kept | notes |", "| --- | --- | --- | --- | --- |"]
    for name in dict.fromkeys([*READERS.values(), *writers.values()]):
        facts: Facts = module(name).FACTS
        read, written = _endings(READERS, name), _endings(writers, name)
        rows.append(f"| {facts.what} | {read} | {written} | {facts.kept} | {facts.notes} |")
    return "\n".join(rows) + "\n"


def _endings(formats: dict[str, str], name: str) -> str:
    return " ".join(f"`{ending}`" for ending in formats if formats[ending] == name)
