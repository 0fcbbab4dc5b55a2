"""Scans of a run labelled again with other words: baselines, and vocabularies without void.

What a run stores does not say which word would have been second. The bundle does, by one more pass
of its network.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from avs3d.errors import UserError
from avs3d.evaluation.baseline_words import detailed_names, names_present, random_nouns
from avs3d.evaluation.evaluation import guesses, means, number
from avs3d.evaluation.iou import Confusion
from avs3d.evaluation.mappers import Mapping
from avs3d.evaluation.stored import StoredScan
from avs3d.evaluation.tpss import Tpss
from avs3d.segmentation import UNLABELLED, Segmentation
from avs3d.vocabulary import Vocabulary

if TYPE_CHECKING:
    from avs3d.pipeline import EncodedScan, Pipeline

_SAME = 0.98
"""Share of the points that must get their word again; the rest is another machine's arithmetic."""


def encode_again(pipeline: Pipeline, scan: StoredScan, result: Segmentation) -> EncodedScan:
    """The features of a scan that a run has labelled.

    Raises:
        UserError: its labels do not come out again.
    """
    if pipeline.bundle.name != result.bundle:
        raise UserError(
            f"{scan.path}: made with bundle {result.bundle}, but {scan.bundle} is now"
            f" {pipeline.bundle.name}; give --no-baselines, or segment again"
        )
    if scan.window > 1:
        raise UserError(
            f"{scan.path}: was labelled together with the scans before it (--window"
            f" {scan.window}), which is not done again; give --no-baselines"
        )
    encoded = pipeline.encode(result.scan)
    labelled = result.label >= 0
    label = encoded.segment(result.vocabulary).label
    same = float((label == result.label)[labelled].mean()) if labelled.any() else 1.0
    if same < _SAME:
        raise UserError(
            f"{scan.path}: bundle {result.bundle} gives only {100 * same:.0f} % of its points the"
            " same word again, so features or weights were others; give --no-baselines, or segment"
            " again"
        )
    return encoded


def without_void(
    encoded: EncodedScan, result: Segmentation, ids: np.ndarray, min_score: float | None
) -> Segmentation:
    """The result with the words taken away that mean no class.

    Args:
        encoded: its features.
        result: as it was stored.
        ids: (W,) class of each word, negative for none.
        min_score: see `StoredScan`.
    """
    kept = [word for word, index in zip(result.vocabulary.words, ids, strict=True) if index >= 0]
    if not kept:
        nothing = np.full(len(result.label), UNLABELLED)
        return replace(result, label=nothing, vocabulary=Vocabulary(()))
    fresh = encoded.segment(Vocabulary(tuple(kept)))
    return fresh if min_score is None else fresh.unlabel(min_score)


class Labelled(NamedTuple):
    """A scan with the words of the vocabulary `name`."""

    name: str
    result: Segmentation
    confusion: Confusion


@dataclass
class _Row:
    confusion: Confusion
    tpss: Tpss = field(default_factory=Tpss)
    sizes: list[int] = field(default_factory=list)


class Baselines:
    """The same scans with other vocabularies: what a run's own words are to be held against.

    ``class names`` of the label set; its ``detailed names`` where it has some; ``classes present``,
    only those that are truly in the scan; and ``random nouns``, as many as the scan has words.

    Args:
        mapping: which class a random noun means.
        published: see `Evaluation`.
        seed: of the random nouns.
    """

    def __init__(self, mapping: Mapping, published: bool = False, seed: int = 0) -> None:
        self._mapping = mapping
        self._labels = mapping.targets.labels
        self._published = published
        self._rng = np.random.default_rng(seed)
        self._rows: dict[str, _Row] = {}

    def label(self, encoded: EncodedScan, truth: np.ndarray, size: int) -> list[Labelled]:
        """A scan with each vocabulary, to be counted by `add`.

        Args:
            encoded: its features.
            truth: (N,) class ids, 255 where a point does not count.
            size: of its own vocabulary; where that is 0, there are no random nouns either.
        """
        names = {"class names": self._labels.classes}
        if (detailed := detailed_names(self._labels)) is not None:
            names["detailed names"] = detailed
        names["classes present"] = names_present(self._labels, truth)
        if size:
            names["random nouns"] = random_nouns(size, self._rng)
        found = []
        for name, words in names.items():
            result = encoded.segment(Vocabulary(words))
            guess = guesses(result, self._mapping.ids(words))
            found.append(Labelled(name, result, Confusion.of(truth, guess, len(self._labels))))
        return found

    def add(self, found: list[Labelled]) -> None:
        """Count a scan."""
        for name, result, confusion in found:
            row = self._rows.setdefault(name, _Row(Confusion.empty(len(self._labels))))
            row.confusion += confusion
            row.tpss.add(result)
            row.sizes.append(len(result.vocabulary))

    def table(self) -> list[dict[str, Any]]:
        """A row a vocabulary: ``words`` (mean number), ``tpss`` (mean over all points), means."""
        return [
            {
                "vocabulary": name,
                "words": float(np.mean(row.sizes)),
                "tpss": number(row.tpss.table()["points"]),
                **means(row.confusion.sums(self._published)),
            }
            for name, row in self._rows.items()
        ]
