"""What only the published code does, for whoever needs its numbers (`--published`).

Additive padding is not here: weights that were trained so need it always, so the bundle says it.
"""

from __future__ import annotations

import zlib

import numpy as np

SCALES = (0.9, 1.1)
TURNS = (np.pi / 64, np.pi / 64, np.pi)
"""Radians about x, y and z, either way."""
EMPTY_CAPTION = "Error"
"""What the published code calls a caption whose first token is the full stop."""


def transform(points: np.ndarray, name: str, seed: int) -> np.ndarray:
    """The points turned and scaled at random about the frame's origin.

    The published loader does so in testing too: a turn about each axis, the three in a random
    order, and one scale for all (OpenScene's voxeliser).

    Args:
        points: (N, 3) float64, metres.
        name: of the scan; each has its own draw, whatever else is in the run.
        seed: of the run.

    Returns:
        (N, 3) float64.
    """
    rng = np.random.default_rng([seed, zlib.crc32(name.encode("utf-8", "surrogateescape"))])
    turns = [_turn(axis, rng.uniform(-most, most)) for axis, most in enumerate(TURNS)]
    first, second, third = (turns[i] for i in rng.permutation(3))
    return points @ (first @ second @ third).T * rng.uniform(*SCALES)


def _turn(axis: int, angle: float) -> np.ndarray:
    """(3, 3) right-handed rotation about an axis."""
    matrix = np.eye(3)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix[[a, b], [a, b]] = np.cos(angle)
    matrix[a, b], matrix[b, a] = -np.sin(angle), np.sin(angle)
    return matrix
