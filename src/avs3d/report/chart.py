"""The chart of `run.html`: how much of each scan has which word, from the first to the last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from avs3d.palette import steady_palette
from avs3d.report.page import hex_colour, on_dark

_FEWEST = 3  # scans
_LINES, _COLUMNS = 12, 90  # words, moments


def words_over_time(scans: Mapping[str, Mapping[str, Any]]) -> Markup:
    """A row for each of the words that have most of the points, a cell for each scan, or for
    several that follow each other where there are many; "" for few scans."""
    words = _commonest(scans)
    if len(scans) < _FEWEST or not words:
        return Markup("")
    names = list(scans)
    parts = np.array_split(np.arange(len(scans)), min(len(scans), _COLUMNS))
    share = _shares(scans, words)
    share = np.stack([share[:, part].mean(1) for part in parts], 1)
    titles = [_span(names, part) for part in parts]
    rows = [
        f"<span>{escape(word)}</span>{_row(word, hex_colour(colour), part, share.max(), titles)}"
        for word, colour, part in zip(words, on_dark(steady_palette(words)), share, strict=True)
    ]
    ends = f"<span>{escape(names[0])}</span><span>{escape(names[-1])}</span>"
    return Markup(f'<div class="chart">{"".join(rows)}<span></span><div>{ends}</div></div>')


def _commonest(scans: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """By their mean share of the points of a scan."""
    total: dict[str, float] = {}
    for scan in scans.values():
        for row in scan["words"]:
            total[row["word"]] = total.get(row["word"], 0.0) + row["share"]
    return sorted(total, key=lambda word: (-total[word], word))[:_LINES]


def _shares(scans: Mapping[str, Mapping[str, Any]], words: list[str]) -> np.ndarray:
    """(W, S)."""
    index = {word: row for row, word in enumerate(words)}
    share = np.zeros((len(words), len(scans)))
    for column, scan in enumerate(scans.values()):
        for told in scan["words"]:
            if told["word"] in index:
                share[index[told["word"]], column] = told["share"]
    return share


def _span(names: list[str], part: np.ndarray) -> str:
    first, last = names[part[0]], names[part[-1]]
    return first if len(part) == 1 else f"{first} to {last}"


def _row(word: str, colour: str, share: np.ndarray, most: float, titles: list[str]) -> str:
    """Cells one unit wide, which the page stretches."""
    cells = [
        f'<rect x="{column}" width="1" height="1" fill="{colour}"'
        f' fill-opacity="{np.sqrt(part / most):.2f}">'
        f"<title>{escape(title)}: {escape(word)} {100 * part:.1f} %</title></rect>"
        for column, (title, part) in enumerate(zip(titles, share, strict=True))
        if part
    ]
    return (
        f'<svg viewBox="0 0 {len(share)} 1" preserveAspectRatio="none" role="img"'
        f' aria-label="share of {escape(word)} over time">{"".join(cells)}</svg>'
    )
