"""The segmenter: cosine similarity of point features and words (paper, 3.4)."""

from __future__ import annotations

import torch
from torch import Tensor

_ROWS_AT_ONCE = 65_536


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

    def best(self, trunk: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """Index (M,) int64 and cosine (M,) of each row's best word; memory M, not M x W."""
        scores, labels = [], []
        for rows in trunk.split(_ROWS_AT_ONCE):
            score, label = self.similarity(rows, words).max(1)
            scores.append(score)
            labels.append(label)
        return torch.cat(labels), torch.cat(scores)
