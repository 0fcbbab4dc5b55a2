"""Writes the table of formats in docs/files.md anew, from the code."""

from __future__ import annotations

import re
from pathlib import Path

from avs3d.io.facts import table

PAGE = Path(__file__).with_name("files.md")
PLACE = re.compile(r"(?<=docs/formats_table.py -->\n\n)(?:\|.*\n|TABLE\n)+")


def renewed(page: str) -> str:
    """The page with the table as it should be."""
    text, count = PLACE.subn(lambda _: table(), page)
    assert count == 1, "docs/files.md has no place for the table"
    return text


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text("utf-8")), "utf-8")
