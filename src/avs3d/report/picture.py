"""`STEM.png`: a scan from above and from the sensor, coloured by word, with a legend."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from avs3d.report.page import (
    FAINT,
    INK,
    PAPER,
    WARNING,
    Box,
    Page,
    hex_colour,
    mark_sensor,
    on_dark,
    shorten,
)
from avs3d.report.views import from_above, from_sensor, sensor_eye, slanted
from avs3d.scan import Scan
from avs3d.segmentation import Segmentation

LEGEND_ROWS = 40
_LEFT = 66
_LEGEND = Box(1195, 108, 385, 626)
_FROM_ABOVE = Box(_LEFT, 108, 1104, 626)
_FROM_SENSOR = Box(_LEFT, 802, 1514, 246)
# A cloud that no single sensor made: two views side by side, on a lower page.
_MAP_FROM_ABOVE = Box(_LEFT, 108, 530, 626)
_MAP_SLANTED = Box(640, 108, 530, 626)
_HEIGHT, _MAP_HEIGHT = 1100, 790
_WORD, _SHARE, _SCORE, _BAR = 34, 284, _LEGEND.width, 40  # columns of the legend
_HEAT, _COLDEST = "inferno", 0.22  # colour map, and where on it the lowest similarity is


def draw(segmentation: Segmentation, path: str | Path, *, note: str = "") -> Path:
    """Draw a segmentation; the same input gives the same bytes.

    Args:
        segmentation: the result; points without a position are not drawn.
        path: the PNG to write; replaced when there.
        note: a line of warning to print in the heading.

    Returns:
        The path.
    """
    return picture(segmentation, note=note).save(Path(path))


def picture(segmentation: Segmentation, *, note: str = "") -> Page:
    """What `draw` draws."""
    scan, vocabulary = segmentation.scan, segmentation.vocabulary
    rows = segmentation.summary()
    colours = np.concatenate([on_dark(segmentation.colors), PAPER[None]])
    subtitle = f"{len(scan):,} points  ·  {segmentation.used}  ·  {segmentation.bundle}"
    page = _page(scan, colours[segmentation.label], scan.name, subtitle, note=note)
    by_word = dict(zip(vocabulary.words, colours, strict=False))
    entries = [
        _Entry(row["word"], hex_colour(by_word[row["word"]]), row["share"], row["score"])
        for row in rows
    ]
    _draw_legend(page, entries)
    return page


def draw_heat(scan: Scan, similarity: np.ndarray, query: str, path: str | Path) -> Path:
    """Draw how similar each point is to a query, with a colour bar.

    Args:
        scan: the input.
        similarity: (N,) float32, see `EncodedScan.query`.
        query: the words asked for.
        path: the PNG to write; replaced when there.

    Returns:
        The path.
    """
    known = similarity[np.isfinite(similarity)]
    low, high = np.percentile(known, [2, 99.9]) if len(known) else (0.0, 1.0)
    high = max(high, low + 1e-3)
    level = np.clip((np.nan_to_num(similarity, nan=low) - low) / (high - low), 0, 1)
    ramp = matplotlib.colormaps[_HEAT](np.linspace(_COLDEST, 1, 256))[:, :3]
    colours = (255 * ramp[(level * 255).astype(np.int64)]).astype(np.uint8)
    subtitle = f"{scan.name}  ·  {len(scan):,} points  ·  similarity to the words above"
    page = _page(scan, colours, f"“{query}”", subtitle, shaded=False)
    _draw_scale(page, known, float(low), float(high))
    return page.save(Path(path))


def _page(
    scan: Scan,
    colours: np.ndarray,
    title: str,
    subtitle: str,
    *,
    note: str = "",
    shaded: bool = True,
) -> Page:
    """Heading and views."""
    eye = sensor_eye(scan)
    page = Page(_MAP_HEIGHT if eye is None else _HEIGHT)
    page.text(_LEFT, 34, shorten(title, 80), size=19, weight="bold")
    page.text(_LEFT, 67, subtitle, size=11.5, color=FAINT)
    page.text(_LEGEND.left + _LEGEND.width, 67, note, size=11.5, color=WARNING, ha="right")
    if not scan.finite.any():
        page.text(_LEFT, 400, "no point of this scan has a position", size=14, color=WARNING)
    elif eye is None:
        page.view(_MAP_FROM_ABOVE, from_above(scan, _MAP_FROM_ABOVE.shape), colours, shaded)
        page.view(_MAP_SLANTED, slanted(scan, _MAP_SLANTED.shape), colours, shaded)
    else:
        above = from_above(scan, _FROM_ABOVE.shape, eye=eye)
        axes = page.view(_FROM_ABOVE, above, colours, shaded)
        mark_sensor(axes, float(eye[0]), float(eye[1]))
        page.view(_FROM_SENSOR, from_sensor(scan, eye, _FROM_SENSOR.shape), colours, shaded)
    return page


@dataclass(frozen=True)
class _Entry:
    """A line of the legend: share of all points, mean score."""

    word: str
    colour: str
    share: float
    score: float


def _draw_legend(page: Page, entries: list[_Entry]) -> None:
    """Words by share; beyond `LEGEND_ROWS` lines the rest is summed up in the last one."""
    kept = entries if len(entries) <= LEGEND_ROWS else entries[: LEGEND_ROWS - 1]
    rest = entries[len(kept) :]
    axes = page.canvas(_LEGEND)
    step = min(30.0, (_LEGEND.height - 20) / max(len(kept) + bool(rest), 1))
    size = float(np.clip(step * 0.5, 7.8, 12.0))
    swatch = min(step * 0.72, 16)
    widest = max((entry.share for entry in kept), default=1.0)

    def write(x: float, y: float, text: str, **style: Any) -> None:
        style = {"va": "center", **style}
        axes.text(x, y, text, fontsize=size, parse_math=False, **style)

    for x, heading, side in ((0, "word", "left"), (_SHARE, "share", "right")):
        axes.text(x, 8, heading, color=FAINT, fontsize=9, ha=side, va="center")
    axes.text(_SCORE, 8, "score", color=FAINT, fontsize=9, ha="right", va="center")
    for i, entry in enumerate(kept):
        y = 20 + (i + 0.5) * step
        axes.barh([y], [swatch * 1.5], height=swatch, color=entry.colour, linewidth=0)
        length = _BAR * entry.share / widest
        axes.barh([y], [length], left=_SHARE + 8, height=swatch / 2, color=entry.colour)
        write(_WORD, y, page.fit(entry.word, size, _SHARE - _WORD - 66), color=INK)
        write(_SHARE, y, _percent(entry.share), color=INK, ha="right")
        write(_SCORE, y, f"{entry.score:.2f}", color=FAINT, ha="right")
    if rest:
        y = 20 + (len(kept) + 0.5) * step
        write(_WORD, y, f"and {len(rest)} more", color=FAINT)
        write(_SHARE, y, _percent(sum(entry.share for entry in rest)), color=FAINT, ha="right")


def _draw_scale(page: Page, known: np.ndarray, low: float, high: float) -> None:
    """Colour bar, and what the similarities (M,) of the points are like."""
    axes = page.axes(Box(_LEGEND.left, _LEGEND.top, 34, _LEGEND.height))
    ramp = np.linspace(1, _COLDEST, 256)[:, None]
    axes.imshow(ramp, cmap=_HEAT, vmin=0, vmax=1, aspect="auto", extent=(0, 1, low, high))
    axes.set_xticks([])
    axes.yaxis.tick_right()
    if not len(known):
        return
    numbers = {
        "highest": known.max(),
        "99th percentile": np.percentile(known, 99),
        "median": np.median(known),
        "lowest": known.min(),
    }
    for i, (name, value) in enumerate(numbers.items()):
        y = _LEGEND.top + 14 + 28 * i
        page.text(_LEGEND.left + 110, y, name, size=11, color=FAINT)
        page.text(_LEGEND.left + _LEGEND.width, y, f"{value:.3f}", size=11, ha="right")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "< 0.1 %"
