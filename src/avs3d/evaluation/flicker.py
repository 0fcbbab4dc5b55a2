"""How often the word of a place changes from scan to scan."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from avs3d.sequence import cells_of


class Seen(NamedTuple):
    """A scan of a sequence.

    Attributes:
        points: (N, 3) metres.
        words: (N,) str.
        pose: (4, 4) world from the frame of the points.
    """

    points: np.ndarray
    words: np.ndarray
    pose: np.ndarray


def flicker(scans: Iterable[Seen], size: float = 0.3) -> tuple[int, int]:
    """Points whose word is not the commonest one that their place had in the scan before, and
    points whose place had one.

    Args:
        scans: neighbours in time; points without a word or a position are not among them.
        size: metres, side of a place.
    """
    changed = count = 0
    for before, now in pairwise(scans):
        if not len(before.points):
            continue
        places, common = _commonest(cells_of(before.points, before.pose, size), before.words)
        cells = cells_of(now.points, now.pose, size)
        at = np.searchsorted(places, cells).clip(max=len(places) - 1)
        known = places[at] == cells
        changed += int((common[at[known]] != now.words[known]).sum())
        count += int(known.sum())
    return changed, count


def _commonest(cells: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted places, and the commonest word of each; of equally common ones the first."""
    names, word = np.unique(words, return_inverse=True)
    places, place = np.unique(cells, return_inverse=True)
    pairs, counts = np.unique(place * len(names) + word, return_counts=True)
    order = np.lexsort((pairs, -counts, pairs // len(names)))
    _, first = np.unique(pairs[order] // len(names), return_index=True)
    return places, names[pairs[order][first] % len(names)]
