"""The segmenter: cosine similarity of point features and words (paper, 3.4)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from avs3d.bundle_config import ScoreConfig

ALIKE = 0.5  # words this similar may both be right of a point: they are no rivals
_ROWS_AT_ONCE = 65_536


class Best(NamedTuple):
    """The best word of each of M rows.

    Attributes:
        label: (M,) int64 index of the word.
        cosine: (M,) its similarity.
        lead: (M,) by how much it beats the best word that means something else, and zero.
    """

    label: Tensor
    cosine: Tensor
    lead: Tensor


def chances(config: ScoreConfig, cosine: Tensor, lead: Tensor) -> Tensor:
    """(M,) chance that each word is right; `cosine` and `lead` as in `Best`."""
    return (config.cosine * cosine + config.lead * lead + config.bias).sigmoid()


class WordHead:
    """Similarities without laying out the wide features.

    A point's feature is ``trunk @ head`` with a narrow trunk (C) and a wide head (C, D). Its
    product with a word's embedding is ``trunk @ (head @ word)``, and its squared norm
    ``trunk @ (head @ head.T) @ trunk``: both stay C wide.

    Args:
        head: (C, D) weights of the last 1**3 convolution.
    """

    def __init__(self, head: Tensor) -> None:
        self._head = head
        self._gram = head @ head.T

    def similarity(self, trunk: Tensor, words: Tensor) -> Tensor:
        """(M, W) cosine similarity.

        Args:
            trunk: (M, C).
            words: (W, D), L2-normalised.
        """
        norm = ((trunk @ self._gram) * trunk).sum(1).clamp(min=1e-12).sqrt()
        return (trunk @ (self._head @ words.T)) / norm[:, None]

    def best(self, trunk: Tensor, words: Tensor) -> Best:
        """Each row's best word; memory M, not M x W."""
        rivals = words @ words.T < ALIKE
        found = []
        for rows in trunk.split(_ROWS_AT_ONCE):
            similarity = self.similarity(rows, words)
            cosine, label = similarity.max(1)
            other = similarity.mul_(rivals[label]).max(1).values.clamp(min=0)
            found.append((label, cosine, cosine - other))
        return Best(*(torch.cat(column) for column in zip(*found, strict=True)))
