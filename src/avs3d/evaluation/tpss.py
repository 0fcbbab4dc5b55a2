"""TPSS, text-point semantic similarity: how alike points and the words they were given are.

The mean cosine similarity of each point's feature and its word, which needs no labels. It compares
runs of one pair of encoders only, and cannot fall when words are added: it is told beside the size
of the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from avs3d.segmentation import Segmentation


@dataclass
class Tpss:
    """Mean similarity over a stream of scans; points without a word do not count.

    Attributes:
        scans: mean of each scan; None where its similarities are not known, or no point has a word.
    """

    scans: list[float | None] = field(default_factory=list)
    _points: int = 0
    _sum: float = 0.0

    def add(self, result: Segmentation) -> float | None:
        """Count a scan, and return its mean."""
        if result.cosine is None:
            self.scans.append(None)
            return None
        known = result.cosine[(result.label >= 0) & np.isfinite(result.cosine)]
        total = float(known.sum(dtype=np.float64))
        self._points += len(known)
        self._sum += total
        self.scans.append(total / len(known) if len(known) else None)
        return self.scans[-1]

    def table(self) -> dict[str, Any]:
        """``points`` (mean over all points), ``scans`` (mean over the scans' means; of how many:
        ``known``); None where there are none."""
        known = [value for value in self.scans if value is not None]
        return {
            "points": self._sum / self._points if self._points else None,
            "scans": float(np.mean(known)) if known else None,
            "known": len(known),
        }
