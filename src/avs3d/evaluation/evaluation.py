"""`Evaluation`: every number of a run, from its scans one after the other.

Memory grows with classes and distinct words, and by a few numbers a scan.
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from avs3d.evaluation.iou import (
    DISTANCES,
    Confusion,
    distance_range,
    interval,
    iou,
    mean_all,
    mean_present,
    recall,
)
from avs3d.evaluation.mappers import Mapper, Mapping, Targets
from avs3d.evaluation.tpss import Tpss
from avs3d.evaluation.vocabulary import Vocabularies
from avs3d.labelsets import LabelSet
from avs3d.segmentation import UNLABELLED, Segmentation
from avs3d.views import viewpoint


@dataclass
class _Word:
    """What became of a word: its points by true class, and where it was found."""

    counts: np.ndarray
    points: int = 0
    scans: int = 0
    captions: int = 0


def guesses(result: Segmentation, ids: np.ndarray) -> np.ndarray:
    """(N,) class of each point's word, `VOID`, or -1 for no word; `ids`: (W,) of the words."""
    found: np.ndarray = np.append(ids, UNLABELLED)[result.label]
    return found


def means(sums: np.ndarray) -> dict[str, float | None]:
    """``miou``, over the classes that are there, and ``miou_all``, over all of them as published;
    ``accuracy``, mean recall over the classes that are there; see `Confusion.sums`."""
    values = iou(sums)
    return {
        "miou": number(mean_present(values)),
        "miou_all": number(mean_all(values)),
        "accuracy": number(mean_present(recall(sums))),
    }


def number(value: Any) -> float | None:
    """A number for JSON: six digits behind the point, None for NaN."""
    return None if value is None or np.isnan(value) else round(float(value), 6)


@dataclass
class Evaluation:
    """Add scans, then ask for `table`.

    Attributes:
        labels: the classes.
        mappers: the first one makes the tables, the others are compared with it.
        published: points without a word are left out of IoU.
        seed: of the bootstrap.
    """

    labels: LabelSet
    mappers: Sequence[Mapper]
    published: bool = False
    seed: int = 0
    tpss: Tpss = field(default_factory=Tpss)
    vocabularies: Vocabularies = field(default_factory=Vocabularies)

    def __post_init__(self) -> None:
        size, targets = len(self.labels), Targets.of(self.labels)
        self.mappings = [Mapping(mapper, targets) for mapper in self.mappers]
        self._confusions = [Confusion.empty(size) for _ in self.mappers]
        self._same = [0 for _ in self.mappers]
        self._ranges = [Confusion.empty(size) for _ in range(len(DISTANCES) + 1)]
        self._sums: list[np.ndarray] = []
        self._words: dict[str, _Word] = {}
        self._scans: list[dict[str, Any]] = []
        for mapping in self.mappings:
            mapping.ids(())  # a mapper that does not fit the classes says so now

    def add(
        self, name: str, result: Segmentation, truth: np.ndarray, captions: Dict[str, int]
    ) -> None:
        """Count a scan.

        Args:
            name: of the scan.
            result: its words and labels.
            truth: (N,) class ids, 255 where a point does not count.
            captions: in how many captions each word was found.
        """
        size, words = len(self.labels), result.vocabulary.words
        guess = [guesses(result, mapping.ids(words)) for mapping in self.mappings]
        confusions = [Confusion.of(truth, each, size) for each in guess]
        for i, confusion in enumerate(confusions):
            self._confusions[i] += confusion
            labelled = (truth != self.labels.ignored) & (result.label >= 0)
            self._same[i] += int((guess[i] == guess[0])[labelled].sum())
        where = distance_range(result.scan.points, viewpoint(result.scan))
        for i in range(len(self._ranges)):
            self._ranges[i] += Confusion.of(truth[where == i], guess[0][where == i], size)
        sums = confusions[0].sums(self.published)
        self._sums.append(sums)
        worth = self.vocabularies.add(words, self.mappings[0].ids(words), confusions[0].truth)
        self._count_words(result, truth, captions)
        self._scans.append(
            {
                "scan": name,
                "points": int(confusions[0].counts.sum()),
                "miou": number(mean_present(iou(sums))),
                "tpss": number(self.tpss.add(result)),
                "words": len(words),
                "coverage": number(worth.coverage),
                "excess": worth.excess,
            }
        )

    def _count_words(
        self, result: Segmentation, truth: np.ndarray, captions: Dict[str, int]
    ) -> None:
        size, words = len(self.labels), result.vocabulary.words
        points = np.bincount(result.label[result.label >= 0], minlength=len(words))
        counted = (truth != self.labels.ignored) & (result.label >= 0)
        both = result.label[counted].astype(np.int64) * size + truth[counted]
        counts = np.bincount(both, minlength=len(words) * size).reshape(len(words), size)
        for i, word in enumerate(words):
            row = self._words.setdefault(word, _Word(np.zeros(size, np.int64)))
            row.counts += counts[i]
            row.points += int(points[i])
            row.scans += 1
            row.captions += captions.get(word, 0)

    @property
    def confusion(self) -> Confusion:
        """Over all scans, by the first mapper."""
        return self._confusions[0]

    def table(self) -> dict[str, Any]:
        """All numbers as plain data; docs/evaluation.md says what each is."""
        counts = self.confusion.counts
        total = int(counts.sum())
        return {
            "scans": len(self._scans),
            "points": total,
            "points_void": int(counts[:, -2].sum()),
            "points_unlabelled": int(counts[:, -1].sum()),
            "points_right": number(self.confusion.hits.sum() / total if total else np.nan),
            **means(self.confusion.sums(self.published)),
            **self._class_table(),
            "distance": self._distance_table(),
            "tpss": self.tpss.table(),
            "vocabulary": self.vocabularies.table(),
            "mappers": self._mapper_table(),
            "words": self._word_table(),
            "confusion": counts.tolist(),
            "per_scan": self._scans,
        }

    def _class_table(self) -> dict[str, Any]:
        sums = self.confusion.sums(self.published)
        values, recalls, told = iou(sums), recall(sums), self.confusion.told
        precision = np.where(told > 0, sums[0] / np.maximum(told, 1), np.nan)
        between = self._intervals()
        rows = [
            {
                "class": name,
                "iou": number(values[i]),
                "interval": between[i],
                "precision": number(precision[i]),
                "recall": number(recalls[i]),
                "points": int(sums[2, i]),
                "told": int(told[i]),
            }
            for i, name in enumerate(self.labels.classes)
        ]
        groups = {
            group: number(mean_present(values[[self.labels.classes.index(n) for n in names]]))
            for group, names in self.labels.groups.items()
        }
        return {
            "miou_interval": between[-2],
            "miou_all_interval": between[-1],
            "classes": rows,
            "groups": groups,
        }

    def _intervals(self) -> list[list[float | None] | None]:
        """Of each class, of the mean over present classes, and of that over all."""
        ends = interval(np.array(self._sums), self.seed)
        if ends is None:
            return [None] * (len(self.labels) + 2)
        return [[number(low), number(high)] for low, high in ends.T]

    def _distance_table(self) -> list[dict[str, Any]]:
        bounds = [0.0, *DISTANCES, None]
        return [
            {
                "from": bounds[i],
                "to": bounds[i + 1],
                "points": int(confusion.counts.sum()),
                **means(confusion.sums(self.published)),
            }
            for i, confusion in enumerate(self._ranges)
        ]

    def _mapper_table(self) -> list[dict[str, Any]]:
        """How the result moves with the mapper."""
        labelled = int(self.confusion.counts[:, :-1].sum())
        ids = [{w: each.found[w].class_id for w in self._words} for each in self.mappings]
        return [
            {
                "mapper": mapping.mapper.name,
                **means(self._confusions[i].sums(self.published)),
                "void_words": sum(index < 0 for index in ids[i].values()),
                "same_words": number(_agreement(ids[0], ids[i])),
                "same_points": number(self._same[i] / labelled if labelled else np.nan),
            }
            for i, mapping in enumerate(self.mappings)
        ]

    def _word_table(self) -> list[dict[str, Any]]:
        """Every word, those first that cost most IoU."""
        sums = self.confusion.sums(self.published)
        rows = []
        for word, found in self._words.items():
            mapped = self.mappings[0].found[word]
            wrong = found.counts.copy()
            right = 0
            if mapped.class_id >= 0:
                right = int(wrong[mapped.class_id])
                wrong[mapped.class_id] = 0
            rows.append(
                {
                    "word": word,
                    "class": self.labels.classes[mapped.class_id] if mapped.class_id >= 0 else None,
                    "mapper": mapped.by,
                    "why": mapped.why,
                    "similarity": mapped.similarity,
                    "scans": found.scans,
                    "captions": found.captions,
                    "points": found.points,
                    "counted": int(found.counts.sum()),
                    "right": right,
                    "cost": number(_cost(sums, wrong, mapped.class_id)),
                    "mostly": self.labels.classes[wrong.argmax()] if wrong.any() else None,
                    "mostly_points": int(wrong.max()),
                }
            )
        return sorted(rows, key=lambda row: (-row["cost"], -row["points"], row["word"]))


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


def _agreement(one: dict[str, int], other: dict[str, int]) -> float:
    return float(np.mean([other[word] == index for word, index in one.items()])) if one else np.nan
