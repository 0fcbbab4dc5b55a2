"""What the words of a scan are worth, whatever point was given which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Worth:
    """Of the words of one scan.

    Attributes:
        words: how many there are.
        covered: points of the ground truth whose class a word means.
        points: all points of the ground truth.
        excess: words that mean no class, or one that is not in the scan.
        named: classes that words mean.
        mapped: words that mean a class.
    """

    words: int
    covered: int
    points: int
    excess: int
    named: int
    mapped: int

    @classmethod
    def of(cls, ids: np.ndarray, truth: np.ndarray) -> Worth:
        """Of the words of a scan.

        Args:
            ids: (W,) the class that each word means; negative: none.
            truth: (C,) points of each class in the scan.
        """
        meant = ids[ids >= 0]
        return cls(
            words=len(ids),
            covered=int(truth[np.unique(meant)].sum()),
            points=int(truth.sum()),
            excess=len(ids) - int((truth[meant] > 0).sum()),
            named=len(np.unique(meant)),
            mapped=len(meant),
        )

    @property
    def coverage(self) -> float | None:
        """Share of the points whose class a word means."""
        return self.covered / self.points if self.points else None


@dataclass
class Vocabularies:
    """The same over a stream of scans."""

    scans: list[Worth] = field(default_factory=list)
    _distinct: set[str] = field(default_factory=set)

    def add(self, words: tuple[str, ...], ids: np.ndarray, truth: np.ndarray) -> Worth:
        """Count a scan; see `Worth.of`."""
        self._distinct.update(words)
        self.scans.append(Worth.of(ids, truth))
        return self.scans[-1]

    def table(self) -> dict[str, Any]:
        """``distinct`` words over all scans; ``size`` of a scan's vocabulary (mean, least, most);
        ``coverage``, share of all points; ``excess``, share of the words; ``redundancy``, words for
        each class that one or more mean. None where nothing was counted."""
        if not self.scans:
            return {}
        sizes = [worth.words for worth in self.scans]
        total = {
            key: sum(getattr(worth, key) for worth in self.scans)
            for key in ("words", "covered", "points", "excess", "named", "mapped")
        }
        return {
            "distinct": len(self._distinct),
            "size": {"mean": float(np.mean(sizes)), "least": min(sizes), "most": max(sizes)},
            "coverage": _share(total["covered"], total["points"]),
            "excess": _share(total["excess"], total["words"]),
            "redundancy": _share(total["mapped"], total["named"]),
        }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
