"""`Look`: how a scan is coloured, and which of its points are seen. Numpy only, no browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from avs3d.palette import UNLABELLED_COLOR, palette, steady_palette
from avs3d.report.page import hex_colour, on_dark
from avs3d.segmentation import Segmentation

MODES = ("word", "score", "similarity", "height", "intensity")
_OKABE_ITO = np.array(
    [
        (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66),
        (0, 114, 178), (213, 94, 0), (204, 121, 167), (240, 240, 240),
    ],
    np.uint8,
)  # fmt: skip
"""Told apart with every common kind of colour blindness (Okabe and Ito, 2008); here on dark."""
_OTHERS = np.array([120, 120, 120], np.uint8)
_FAINT = 0.25  # brightness of what is outside a view that is pointed out
_RAMP = "cividis"  # reads the same with every kind of colour blindness


@dataclass
class Look:
    """How a scan is seen.

    Attributes:
        mode: what colours mean, one of `MODES`.
        safe: words in colours that are told apart by the colour-blind, the commonest ones first.
        hidden: words whose points are not seen.
        unlabelled: points without a word are seen.
        threshold: of the query, similarity.
        only_best: of a query only points at or above the threshold are seen.
    """

    mode: str = "word"
    safe: bool = False
    hidden: set[str] = field(default_factory=set)
    unlabelled: bool = True
    threshold: float = 0.0
    only_best: bool = False


@lru_cache(16)
def _usual(words: tuple[str, ...], steady: bool) -> np.ndarray:
    return on_dark((steady_palette if steady else palette)(words))


def by_frequency(result: Segmentation) -> list[int]:
    """Indices of the words, most points first."""
    count = np.bincount(result.label[result.label >= 0], minlength=len(result.vocabulary))
    return [int(i) for i in np.argsort(-count, kind="stable")]


def colours_of_words(result: Segmentation, look: Look) -> np.ndarray:
    """(W, 3) uint8 in the order of the vocabulary."""
    words = result.vocabulary.words
    if not look.safe:
        return _usual(words, result.steady)
    colours = np.tile(_OTHERS, (len(words), 1))
    commonest = by_frequency(result)[: len(_OKABE_ITO)]
    colours[commonest] = _OKABE_ITO[: len(commonest)]
    return colours


def paint(
    result: Segmentation,
    look: Look,
    similarity: np.ndarray | None = None,
    inside: np.ndarray | None = None,
) -> np.ndarray:
    """(N, 3) uint8 colours of the points.

    Args:
        result: what is seen.
        look: how.
        similarity: (N,) with the query, NaN where unknown; None: nothing was asked.
        inside: (N,) bool, points that are pointed out; None: all are alike.
    """
    if look.mode == "word":
        table = np.vstack([colours_of_words(result, look), UNLABELLED_COLOR]).astype(np.uint8)
        colours = table[result.label]
    else:
        colours = ramp(_values(result, look.mode, similarity))
    if inside is not None:
        colours = np.where(inside[:, None], colours, (colours * _FAINT).astype(np.uint8))
    return colours


def seen(result: Segmentation, look: Look, similarity: np.ndarray | None = None) -> np.ndarray:
    """(N,) bool, the points that have a position and are not hidden."""
    shown = [word not in look.hidden for word in result.vocabulary] + [look.unlabelled]
    points: np.ndarray = result.scan.finite & np.array(shown)[result.label]
    if look.only_best and similarity is not None:
        points &= np.nan_to_num(similarity, nan=-2.0) >= look.threshold
    return points


def _values(result: Segmentation, mode: str, similarity: np.ndarray | None) -> np.ndarray:
    scan = result.scan
    if mode == "score":
        return np.where(result.label >= 0, result.score, np.nan)
    if mode == "similarity":
        return np.full(len(scan), np.nan) if similarity is None else similarity
    if mode == "height":
        return scan.points[:, 2]
    return np.full(len(scan), np.nan) if scan.intensity is None else scan.intensity


def scale(
    result: Segmentation, look: Look, similarity: np.ndarray | None = None
) -> tuple[float, float] | None:
    """Which numbers the first and the last colour stand for; None where colours are of words, or
    where there are no numbers."""
    if look.mode == "word":
        return None
    values = _values(result, look.mode, similarity)
    return spread(values) if np.isfinite(values).any() else None


def ramp_css() -> str:
    """The colours of `ramp` from left to right, as a background of CSS."""
    import matplotlib

    stops = (255 * matplotlib.colormaps[_RAMP](np.linspace(0, 1, 9))[:, :3]).astype(np.uint8)
    return f"linear-gradient(90deg,{','.join(map(hex_colour, stops))})"


def ramp(values: np.ndarray) -> np.ndarray:
    """(N, 3) uint8 from low to high, strays cut; grey where a value is not finite."""
    import matplotlib

    low, high = spread(values)
    level = np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0, 1)
    table = (255 * matplotlib.colormaps[_RAMP](np.arange(256))[:, :3]).astype(np.uint8)
    colours: np.ndarray = table[(level * 255).astype(np.uint8)]
    colours[~np.isfinite(values)] = UNLABELLED_COLOR
    return colours


def spread(values: np.ndarray) -> tuple[float, float]:
    """Between which values most of the finite ones lie; they differ."""
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0, 1.0
    low, high = (float(edge) for edge in np.percentile(known, [1, 99.5]))
    return low, max(high, low + 1e-6 * max(1.0, abs(low)))


def nearest_to_ray(
    points: np.ndarray, origin: Sequence[float], direction: Sequence[float]
) -> int | None:
    """Which of (M, 3) points is meant by a click: the foremost one within a narrow cone around the
    ray, else the one nearest to it in a wider one; None where there is nothing."""
    if not len(points):
        return None
    start, ahead = np.asarray(origin, np.float32), np.asarray(direction, np.float64)
    ahead = (ahead / np.linalg.norm(ahead)).astype(np.float32)
    away = points - start
    depth = away @ ahead
    with np.errstate(invalid="ignore", divide="ignore"):
        aside = np.sqrt(np.maximum((away * away).sum(1) - depth * depth, 0)) / depth
    aside[~(depth > 0)] = np.inf
    near = np.flatnonzero(aside < _NARROW)
    if len(near):
        return int(near[np.argmin(depth[near])])
    best = int(np.argmin(aside))
    return best if aside[best] < _WIDE else None


_NARROW, _WIDE = 0.004, 0.02  # radians, about
