"""Intersection over union: confusion of classes over a stream of scans, and what follows from it.

A class that is not in the ground truth has no IoU; a point without a class counts as missed. The
published evaluation differs, see `Confusion.union` and `mean_all`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.labelsets import IGNORED

VOID = -2
"""Class of a word that names none; `avs3d.segmentation.UNLABELLED` is that of no word at all."""
DISTANCES = (20.0, 50.0)
"""Metres from the sensor at which the ranges of distance end that are told apart."""
_SAMPLES = 1000
_AT_ONCE = 50  # samples of the bootstrap whose weights lie in memory together


@dataclass(frozen=True)
class Confusion:
    """How often each class was taken for each other one. Add two for all of their points.

    Attributes:
        counts: (C, C + 2) int64; a row a true class, a column a class that was told, then points
            whose word names no class, then points without a word.
    """

    counts: np.ndarray

    @classmethod
    def of(cls, truth: np.ndarray, guess: np.ndarray, classes: int) -> Confusion:
        """Of N points.

        Args:
            truth: (N,) class ids; 255 is not counted.
            guess: (N,) class ids, `VOID` or -1 for no word.
            classes: C, at most 255.

        Raises:
            ValueError: shapes that differ, or an id that is none of these.
        """
        truth, guess = np.asarray(truth), np.asarray(guess)
        if truth.shape != guess.shape or truth.ndim != 1:
            raise ValueError(f"truth {truth.shape} and guess {guess.shape} must be (N,) both")
        counted = truth != IGNORED
        truth, guess = truth[counted].astype(np.int64), guess[counted].astype(np.int64)
        for what, ids, least in (("truth", truth, 0), ("guess", guess, VOID)):
            if len(ids) and not (least <= ids.min() and ids.max() < classes):
                raise ValueError(f"{what} holds {ids.min()} to {ids.max()} for {classes} classes")
        width = classes + 2
        both = np.bincount(truth * width + guess % width, minlength=classes * width)
        return cls(both.reshape(classes, width))

    @classmethod
    def empty(cls, classes: int) -> Confusion:
        """Of no points."""
        return cls(np.zeros((classes, classes + 2), np.int64))

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(self.counts + other.counts)

    @property
    def truth(self) -> np.ndarray:
        """(C,) int64 points of each class."""
        return self.counts.sum(1)

    @property
    def hits(self) -> np.ndarray:
        """(C,) int64 points of each class that were told right."""
        return np.diagonal(self.counts).copy()

    @property
    def told(self) -> np.ndarray:
        """(C,) int64 points that were told to be of each class."""
        return self.counts[:, : len(self.counts)].sum(0)

    def union(self, published: bool = False) -> np.ndarray:
        """(C,) int64 points that are or were told to be of each class.

        Args:
            published: without points that have no word, as the published code has it.
        """
        missed = self.counts[:, -1] if published else 0
        return self.truth + self.told - self.hits - missed

    def sums(self, published: bool = False) -> np.ndarray:
        """(3, C) int64 hits, union and truth: all that IoU needs, and to be added up over scans."""
        return np.stack([self.hits, self.union(published), self.truth])


def iou(sums: np.ndarray) -> np.ndarray:
    """(..., C) IoU of each class, NaN where the class is not in the ground truth.

    A class whose points all have no word has an IoU of 0, where the published code divides by 0.

    Args:
        sums: (..., 3, C), see `Confusion.sums`.
    """
    hits, union, truth = np.moveaxis(np.asarray(sums, np.float64), -2, 0)
    return np.where(truth > 0, hits / np.maximum(union, 1), np.nan)


def recall(sums: np.ndarray) -> np.ndarray:
    """(..., C) share of each class's points that were told right, NaN for absent classes.

    The literature also calls it a class's accuracy.
    """
    hits, _, truth = np.moveaxis(np.asarray(sums, np.float64), -2, 0)
    return np.where(truth > 0, hits / np.maximum(truth, 1), np.nan)


def mean_present(values: np.ndarray) -> np.ndarray:
    """(...) mean over the classes that are in the ground truth; NaN where none is."""
    known = ~np.isnan(values)
    count = known.sum(-1)
    total = np.where(known, values, 0).sum(-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mean_all(values: np.ndarray) -> np.ndarray:
    """(...) the same sum divided by the number of all classes, as published."""
    return np.where(np.isnan(values), 0, values).mean(-1)


def interval(scans: np.ndarray, seed: int = 0) -> np.ndarray | None:
    """95 % bootstrap intervals over scans: how far IoU moves when other scans are drawn.

    Args:
        scans: (S, 3, C), see `Confusion.sums`, of each scan.
        seed: of the draws.

    Returns:
        (2, C + 2) lower and upper end of the IoU of each class, of the mean over present classes,
        and of that over all; NaN where a class is in no draw. None for fewer than two scans.
    """
    count = len(scans)
    if count < 2:
        return None
    rng = np.random.default_rng(seed)
    flat = np.asarray(scans, np.float64).reshape(count, -1)
    rows = []
    for _ in range(_SAMPLES // _AT_ONCE):
        weights = rng.multinomial(count, np.full(count, 1 / count), size=_AT_ONCE)
        values = iou((weights @ flat).reshape(_AT_ONCE, *np.shape(scans)[1:]))
        rows.append(np.column_stack([values, mean_present(values), mean_all(values)]))
    drawn = np.concatenate(rows)
    ends = np.full((2, drawn.shape[1]), np.nan)
    for column in np.flatnonzero(~np.isnan(drawn).all(0)):
        known = drawn[~np.isnan(drawn[:, column]), column]
        ends[:, column] = np.percentile(known, [2.5, 97.5])
    return ends


def distance_range(points: np.ndarray, sensor: np.ndarray) -> np.ndarray:
    """(N,) int64: 0 to 2 for the range of `DISTANCES` that a point lies in, 3 without a position.

    Args:
        points: (N, 3) metres.
        sensor: (3,) where the sensor stood, see `avs3d.views.viewpoint`.
    """
    away = np.hypot(*(points[:, :2] - sensor[:2]).astype(np.float64).T)
    return np.where(np.isfinite(away), np.digitize(away, DISTANCES), len(DISTANCES) + 1)
