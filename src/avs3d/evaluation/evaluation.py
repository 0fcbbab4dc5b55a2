"""`Evaluation`: every number of a run, from its scans one after the other.

Memory grows with classes and distinct words, and by a few numbers a scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from avs3d.evaluation.asking import NO_ANSWER
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
from avs3d.evaluation.mappers import Mapped, Mapper, Mapping, Targets
from avs3d.evaluation.tpss import Tpss
from avs3d.evaluation.vocabulary import Vocabularies
from avs3d.evaluation.words import Words
from avs3d.labelsets import LabelSet
from avs3d.segmentation import UNLABELLED, Segmentation
from avs3d.views import viewpoint
from avs3d.vocabulary import Source


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
        self._words = Words(self.labels)
        self._scans: list[dict[str, Any]] = []
        for mapping in self.mappings:
            mapping.ids(())  # a mapper that does not fit the classes says so now

    def add(
        self,
        name: str,
        result: Segmentation,
        truth: np.ndarray,
        sources: Dict[str, Sequence[Source]],
        conditions: Sequence[str] = (),
    ) -> None:
        """Count a scan.

        Args:
            name: of the scan.
            result: its words and labels.
            truth: (N,) class ids, 255 where a point does not count.
            sources: where each word was found.
            conditions: under which the scan was taken, see `avs3d.datasets.Dataset.conditions`.
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
        self._words.add(result, truth, sources)
        self._scans.append(
            {
                "scan": name,
                "points": int(confusions[0].counts.sum()),
                "miou": number(mean_present(iou(sums))),
                "tpss": number(self.tpss.add(result)),
                "words": len(words),
                "coverage": number(worth.coverage),
                "excess": worth.excess,
                "conditions": list(conditions),
            }
        )

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
            "conditions": self._condition_table(),
            "tpss": self.tpss.table(),
            "vocabulary": self.vocabularies.table(),
            "mappers": self._mapper_table(),
            "words": self._words.table(self.confusion.sums(self.published), self.mappings[0].found),
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

    def _condition_table(self) -> list[dict[str, Any]]:
        """The scans that were taken under each condition."""
        told = dict.fromkeys(name for scan in self._scans for name in scan["conditions"])
        rows = []
        for name in sorted(told):
            sums = np.array(
                [
                    sums
                    for scan, sums in zip(self._scans, self._sums, strict=True)
                    if name in scan["conditions"]
                ]
            )
            ends = interval(sums, self.seed)
            between = None if ends is None else [number(end) for end in ends[:, -2]]
            points = int(sums[:, 2].sum())
            rows.append(
                {
                    "condition": name,
                    "scans": len(sums),
                    "points": points,
                    **means(sums.sum(0)),
                    "miou_interval": between,
                }
            )
        return rows

    def _mapper_table(self) -> list[dict[str, Any]]:
        """How the result moves with the mapper."""
        labelled = int(self.confusion.counts[:, :-1].sum())
        found = [[each.found[word] for word in self._words] for each in self.mappings]
        ids = [[mapped.class_id for mapped in each] for each in found]
        return [
            {
                "mapper": mapping.mapper.name,
                **means(self._confusions[i].sums(self.published)),
                "void_words": sum(index < 0 for index in ids[i]),
                "same_words": number(_agreement(ids[0], ids[i])),
                "same_points": number(self._same[i] / labelled if labelled else np.nan),
                "agreement": _mean_agreement(found[i]),
                "no_answer": sum(mapped.why.startswith(NO_ANSWER) for mapped in found[i]),
            }
            for i, mapping in enumerate(self.mappings)
        ]


def _agreement(one: list[int], other: list[int]) -> float:
    return float(np.mean(np.equal(one, other))) if one else np.nan


def _mean_agreement(found: Iterable[Mapped]) -> float | None:
    """Of the words of which further answers were drawn."""
    told = [mapped.agreement for mapped in found if mapped.agreement is not None]
    return number(np.mean(told)) if told else None
