"""Texts in batches of one shape, so that what a model makes of one hangs on that text alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

BATCH = 8  # a word more costs little: a matrix product of few rows waits for the weights


def encode_alike(
    texts: Sequence[str],
    lengths: Sequence[int],
    encode: Callable[[list[str]], np.ndarray],
) -> np.ndarray:
    """(n, dim) float32, the same bytes for a text whatever the others are, and their order.

    Padding to a longer neighbour changes the last bits of a text, and so does a matrix product
    with another number of rows.

    Args:
        texts: n of them, one at least.
        lengths: their tokens.
        encode: makes (m, dim) of texts of one length, `BATCH` at a time; m is a multiple of it.
    """
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for row, length in enumerate(lengths):
        groups[length].append(row)
    found: dict[int, np.ndarray] = {}
    for group in groups.values():
        filled = group + group[-1:] * (-len(group) % BATCH)
        vectors = encode([texts[row] for row in filled])
        found |= zip(group, vectors, strict=False)  # less the filling
    return np.stack([found[row] for row in range(len(texts))])
