"""The segmenter: cosine similarity of point features and words (paper, 3.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from avs3d.bundle_config import ScoreConfig
from avs3d.scan import Scan
from avs3d.segmentation import UNLABELLED

ALIKE = 0.5  # words this similar may both be right of a point: they are no rivals
_ROWS_AT_ONCE = 65_536
_VALUES_AT_ONCE = 1 << 24  # rows times words


class Best(NamedTuple):
    """The best word of each of M rows.

    Attributes:
        label: (M,) int64 index of the word.
        similarity: (M,) its similarity.
        lead: (M,) by how much it beats the best word that means something else, and zero.
    """

    label: Tensor
    similarity: Tensor
    lead: Tensor


def chances(config: ScoreConfig, similarity: Tensor, lead: Tensor) -> Tensor:
    """(M,) chance that each word is right; `similarity` and `lead` as in `Best`."""
    return (config.cosine * similarity + config.lead * lead + config.bias).sigmoid()


def rows_at_once(words: int) -> int:
    """How many rows are compared with so many words at a time."""
    return min(_ROWS_AT_ONCE, max(_VALUES_AT_ONCE // max(words, 1), 1))


def best_in_parts(rows: int, words: Tensor, similarity: Callable[[slice], Tensor]) -> Best:
    """The best of words (W, D) for each of so many rows; memory for some rows x W at a time.

    Args:
        similarity: gives the (P, W) similarities of P rows.
    """
    rivals = words @ words.T < ALIKE
    size = rows_at_once(len(words))
    found = []
    for start in range(0, max(rows, 1), size):
        part = similarity(slice(start, min(start + size, rows)))
        most, label = part.max(1)
        other = part.mul_(rivals[label]).max(1).values.clamp(min=0)
        found.append(Best(label, most, most - other))
    return Best(*(torch.cat(column) for column in zip(*found, strict=True)))


class PointWords(NamedTuple):
    """The best word of each of N points.

    Attributes:
        label: (N,) int32 index of the word; `UNLABELLED` where a point has no feature.
        cosine: (N,) float32 its similarity; 0 where a point has no feature.
        score: (N,) float32 the chance that the word is right where that is known, else `cosine`.
        mean: similarity of features and their words.
    """

    label: np.ndarray
    cosine: np.ndarray
    score: np.ndarray
    mean: float


class Head(Protocol):
    """Compares features with words, (W, D), L2-normalised."""

    def similarity(self, rows: Tensor, words: Tensor) -> Tensor:
        """(M, W) similarity, by which words are chosen; at most 1."""

    def cosine(self, rows: Tensor, words: Tensor, label: Tensor) -> Tensor:
        """(M,) cosine similarity of each row and the word of its label."""


def best(head: Head, rows: Tensor, words: Tensor) -> Best:
    """Each row's best word; memory M, not M x W."""
    return best_in_parts(len(rows), words, lambda part: head.similarity(rows[part], words))


class CosineHead:
    """Features as wide as words: similarity is that of the cosine."""

    def similarity(self, rows: Tensor, words: Tensor) -> Tensor:
        """See `Head`; rows: (M, D) floats."""
        return (rows.float() @ words.T) / _norm(rows)[:, None]

    def cosine(self, rows: Tensor, words: Tensor, label: Tensor) -> Tensor:
        """See `Head`."""
        return (rows.float() * words[label]).sum(1) / _norm(rows)


def _norm(rows: Tensor) -> Tensor:
    return rows.float().norm(dim=1).clamp(min=1e-12)


class WordHead:
    """The same without laying out the wide features.

    A point's feature is ``trunk @ head`` with a narrow trunk (C) and a wide head (C, D). Its
    product with a word's embedding is ``trunk @ (head @ word)``, and its squared norm
    ``trunk @ (head @ head.T) @ trunk``: both stay C wide.

    Args:
        head: (C, D) weights of the last 1**3 convolution.
    """

    def __init__(self, head: Tensor) -> None:
        self._head = head
        self._gram = head @ head.T

    def similarity(self, rows: Tensor, words: Tensor) -> Tensor:
        """See `Head`; rows: (M, C), the trunk."""
        return (rows @ (self._head @ words.T)) / self._norm(rows)[:, None]

    def cosine(self, rows: Tensor, words: Tensor, label: Tensor) -> Tensor:
        """See `Head`."""
        return (rows * (words @ self._head.T)[label]).sum(1) / self._norm(rows)

    def _norm(self, rows: Tensor) -> Tensor:
        return ((rows @ self._gram) * rows).sum(1).clamp(min=1e-12).sqrt()


@dataclass(frozen=True)
class FeatureRows:
    """A source of point features (paper, 3.4): the 3D network (distill), or cameras (fusion).

    Attributes:
        rows: (M, C) features, on the device.
        head: compares them with words.
        of_point: (N,) int64, which row each point has; -1 where it has none.
        score: makes chances of similarities; None where nobody measured that.
    """

    rows: Tensor
    head: Head
    of_point: np.ndarray
    score: ScoreConfig | None = None

    def points(self, scan: Scan) -> np.ndarray:
        """(M,) int64, which of its points stands for each row: of its newest sweep, the lowest in
        (x, y, z). So it is the same one in whatever order the points are."""
        x, y, z = scan.points.T
        sweep = () if scan.sweep is None else (scan.sweep,)
        order = np.lexsort((z, y, x, *sweep, self.of_point))
        found: np.ndarray = order[np.diff(self.of_point[order], prepend=-1) > 0]
        return found

    def best(self, words: Tensor) -> PointWords:
        """The best of words (W, D) for every point."""
        return self.of_points(best(self.head, self.rows, words), words)

    def of_points(self, found: Best, words: Tensor) -> PointWords:
        """Of every point, by the best of words (W, D) for every row."""
        label = self.per_point(found.label, UNLABELLED, np.int32)
        cosine = self.head.cosine(self.rows, words, found.label)
        of_points = self.per_point(cosine, 0.0, np.float32)
        score = of_points
        if self.score is not None:
            sure = chances(self.score, found.similarity, found.lead)
            score = self.per_point(sure, 0.0, np.float32)
        return PointWords(label, of_points, score, float(cosine.mean()))

    def per_point(self, per_row: Tensor, missing: float, dtype: type) -> np.ndarray:
        """(N,) values of the points from (M,) values of the rows."""
        values: np.ndarray = per_row.cpu().numpy().astype(dtype)
        found: np.ndarray = np.append(values, dtype(missing))[self.of_point]  # -1 is the last
        return found


def ensemble(sources: Sequence[PointWords]) -> PointWords:
    """For each point what the source says whose word is most alike to it (paper, 3.4).

    Of several sources the score is the similarity: nobody measured chances of them together.
    """
    if len(sources) == 1:
        return sources[0]
    cosines = np.stack(
        [np.where(source.label == UNLABELLED, -np.inf, source.cosine) for source in sources]
    )
    best = cosines.argmax(0)[None]
    label = np.take_along_axis(np.stack([source.label for source in sources]), best, 0)[0]
    cosine = np.take_along_axis(np.stack([source.cosine for source in sources]), best, 0)[0]
    labelled = label != UNLABELLED
    return PointWords(label, cosine, cosine, float(cosine[labelled].mean(dtype=np.float64)))
