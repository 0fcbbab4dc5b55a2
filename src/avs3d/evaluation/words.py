"""What became of every word: where it was found, what it was taken for, and what that cost."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from avs3d.evaluation.iou import iou, mean_present
from avs3d.evaluation.mappers import Mapped
from avs3d.labelsets import LabelSet
from avs3d.segmentation import Segmentation
from avs3d.vocabulary import Source


@dataclass
class _Word:
    """Its points by true class, and where it was found."""

    counts: np.ndarray
    points: int = 0
    scans: int = 0
    captions: int = 0
    captioners: set[str] = field(default_factory=set)
    example: str | None = None


class Words:
    """The words of a stream of scans.

    Args:
        labels: the classes.
    """

    def __init__(self, labels: LabelSet) -> None:
        self._labels = labels
        self._found: dict[str, _Word] = {}

    def __iter__(self) -> Any:
        return iter(self._found)

    def add(
        self, result: Segmentation, truth: np.ndarray, sources: Dict[str, Sequence[Source]]
    ) -> None:
        """Count a scan, see `Evaluation.add`."""
        size, words = len(self._labels), result.vocabulary.words
        points = np.bincount(result.label[result.label >= 0], minlength=len(words))
        counted = (truth != self._labels.ignored) & (result.label >= 0)
        both = result.label[counted].astype(np.int64) * size + truth[counted]
        counts = np.bincount(both, minlength=len(words) * size).reshape(len(words), size)
        for i, word in enumerate(words):
            row = self._found.setdefault(word, _Word(np.zeros(size, np.int64)))
            row.counts += counts[i]
            row.points += int(points[i])
            row.scans += 1
            said = sources.get(word, ())
            captions = [source.caption for source in said if source.caption]
            row.captions += len(captions)
            row.captioners.update(source.captioner for source in said)
            # The least of all, so that the order of the scans does not matter.
            row.example = min(filter(None, (row.example, *captions)), default=None)

    def table(self, sums: np.ndarray, mapped: Dict[str, Mapped]) -> list[dict[str, Any]]:
        """A row a word, those first that cost most mIoU.

        Args:
            sums: (3, C) of all points, see `Confusion.sums`.
            mapped: what each word means.
        """
        rows = [self._row(word, found, sums, mapped[word]) for word, found in self._found.items()]
        return sorted(rows, key=lambda row: (-row["cost"], -row["points"], row["word"]))

    def _row(self, word: str, found: _Word, sums: np.ndarray, mapped: Mapped) -> dict[str, Any]:
        classes, meant = self._labels.classes, mapped.class_id
        wrong, right = found.counts.copy(), 0
        if meant >= 0:
            right = int(wrong[meant])
            wrong[meant] = 0
        return {
            "word": word,
            "class": classes[meant] if meant >= 0 else None,
            "mapper": mapped.by,
            "why": mapped.why,
            "similarity": mapped.similarity,
            "agreement": mapped.agreement,
            "scans": found.scans,
            "captions": found.captions,
            "captioners": " ".join(sorted(found.captioners)),
            "example": found.example,
            "points": found.points,
            "counted": int(found.counts.sum()),
            "right": right,
            "cost": round(_cost(sums, wrong, meant), 6),
            "mostly": classes[wrong.argmax()] if wrong.any() else None,
            "mostly_points": int(wrong.max()),
            "truth": {classes[i]: int(found.counts[i]) for i in np.flatnonzero(found.counts)},
        }


def _cost(sums: np.ndarray, wrong: np.ndarray, class_id: int) -> float:
    """By how much mIoU would grow if the points of a word were all told right.

    Args:
        sums: (3, C), see `Confusion.sums`.
        wrong: (C,) points of the word by true class that were told wrong.
        class_id: what the word means.
    """
    mended = sums.copy()
    mended[0] += wrong
    if class_id >= 0:
        mended[1, class_id] -= wrong.sum()
    gain = mean_present(iou(mended)) - mean_present(iou(sums))
    return 0.0 if np.isnan(gain) else float(gain)
