"""How good a bundle is on simulated scans, where every point's category is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from avs3d import labelsets
from avs3d.bundle_config import ScoreConfig
from avs3d.evaluation.iou import Confusion, iou
from avs3d.labelsets import IGNORED
from avs3d.pipeline import EncodedScan, Pipeline, load
from avs3d.scan import Scan
from avs3d.segmenter import best, chances
from avs3d.simulation.categories import CATEGORIES, CATEGORY_ID
from avs3d.simulation.dataset import load as load_scan
from avs3d.simulation.words.lexicon import lexicon
from avs3d.simulation.words.salience import salient
from avs3d.simulation.world import SimulatedScan
from avs3d.training.calibration import calibration_error, fit_chances
from avs3d.training.samples import MIN_POINTS
from avs3d.views import lidar_sectors
from avs3d.vocabulary import Vocabulary

_LEAST_POINTS = 200  # a category with fewer does not count
_HELD = 5  # points of a category that is in view
_COUNTED = 30  # points of a category that the plainest captioner names
_SAMPLE = 2000  # voxels of a scan that calibration looks at
_LABELSETS = ("semantickitti", "nuscenes-16")


@dataclass(frozen=True)
class Exam:
    """What a bundle reached.

    Attributes:
        scores: ``category_iou``, mean IoU with the categories' names as the vocabulary;
            ``semantickitti_iou`` and ``nuscenes-16_iou`` with the class names of those label sets,
            where a category belongs to the narrowest class that names it;
            ``word_precision``, share of the points whose own word names their category;
            ``caption_recall``, share of the categories seen well that captions name;
            ``caption_precision``, share of the captions' nouns that are true of the view;
            ``counted_recall`` and ``counted_precision``, the same of the plainest captioner: the
            categories that enough points of the view were given, of all categories' names;
            ``held_out_auc``, how well the similarity to words never trained tells points of their
            category from others, mean over the words; ``calibration_error`` of the scores, fitted
            on the first half of the scans and measured on the rest.
        score: how similarities become chances, fitted on all scans.
        low_score: three standard deviations below the mean similarity of a scan.
        categories: IoU of each category that counts.
    """

    scores: dict[str, float]
    score: ScoreConfig
    low_score: float
    categories: dict[str, float]


def simulated_scores(bundle: Path, files: Sequence[Path]) -> Exam:
    """Examine a bundle on scans that it was not trained on."""
    examiner = _Examiner(load(bundle))
    for number, file in enumerate(files):
        scan = load_scan(file)
        if len(scan.points) >= MIN_POINTS:
            examiner.add(scan, np.random.default_rng(number))
    return examiner.result()


class _Closed:
    """Confusion of the points with the names of some classes as the vocabulary."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._vocabulary = Vocabulary.from_words(classes)
        names = _named(self._vocabulary.words)
        breadth = np.where(names, names.sum(1, keepdims=True), len(CATEGORIES) + 1)
        self._class = np.full(256, IGNORED)
        self._class[: len(CATEGORIES)] = np.where(names.any(0), breadth.argmin(0), IGNORED)
        self._confusion = Confusion.empty(len(names))

    def add(self, encoded: EncodedScan, category: np.ndarray) -> None:
        guess = encoded.segment(self._vocabulary).label
        self._confusion += Confusion.of(self._class[category], guess, len(self._vocabulary))

    def iou(self) -> dict[str, float]:
        """Of each class that has enough points."""
        values, words = iou(self._confusion.sums()), self._vocabulary.words
        counted = np.flatnonzero(self._confusion.truth >= _LEAST_POINTS)
        return {words[i]: float(values[i]) for i in counted}


@dataclass
class _Examiner:
    pipeline: Pipeline
    closed: dict[str, _Closed] = field(
        default_factory=lambda: {
            "category": _Closed(CATEGORIES),
            **{name: _Closed(labelsets.load(name).classes) for name in _LABELSETS},
        }
    )
    own: list[int] = field(default_factory=lambda: [0, 0])  # points with a right word, points
    captions: np.ndarray = field(default_factory=lambda: np.zeros((2, 4)))
    means: list[float] = field(default_factory=list)
    aucs: dict[str, list[float]] = field(default_factory=dict)
    answers: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(self, scan: SimulatedScan, rng: np.random.Generator) -> None:
        encoded = self.pipeline.encode(Scan(scan.points, scan.intensity))
        known = scan.category < len(CATEGORIES)
        truth, size = scan.category[known], len(CATEGORIES)
        for closed in self.closed.values():
            closed.add(encoded, scan.category)
        own = encoded.segment()
        assert own.similarity is not None
        self.means.append(own.similarity)
        right = _named(own.vocabulary.words)[own.label[known], truth]
        self.own = [self.own[0] + int(right.sum()), self.own[1] + len(truth)]
        self.captions += _caption_counts(encoded, scan)
        some = rng.permutation(size)[: rng.integers(size // 6, size)]
        words = Vocabulary.from_words([CATEGORIES[i] for i in some])
        one, other = (self._answers(encoded, scan, v, rng) for v in (own.vocabulary, words))
        self.answers.append(_joined([one, other]))
        self._add_aucs(encoded, scan)

    def result(self) -> Exam:
        iou = {name: closed.iou() for name, closed in self.closed.items()}
        score = fit_chances(*_joined(self.answers))
        middle = (len(self.answers) + 1) // 2  # scans of one world stand side by side
        first = fit_chances(*_joined(self.answers[:middle]))
        cosine, lead, right = _joined(self.answers[middle:] or self.answers)
        chance = chances(first, torch.from_numpy(cosine), torch.from_numpy(lead)).numpy()
        (said, there, true, named), (counted, _, borne, guessed) = self.captions
        scores = {
            **{f"{name}_iou": _mean(list(row.values())) for name, row in iou.items()},
            "word_precision": self.own[0] / max(self.own[1], 1),
            "caption_recall": float(said / max(there, 1)),
            "caption_precision": float(true / max(named, 1)),
            "counted_recall": float(counted / max(there, 1)),
            "counted_precision": float(borne / max(guessed, 1)),
            "held_out_auc": _mean([_mean(a) for a in self.aucs.values()]),
            "calibration_error": calibration_error(chance, right),
        }
        return Exam(
            {key: round(value, 4) for key, value in scores.items()},
            score,
            round(float(np.mean(self.means) - 3 * np.std(self.means)), 3),
            {name: round(value, 3) for name, value in iou["category"].items()},
        )

    def _answers(
        self,
        encoded: EncodedScan,
        scan: SimulatedScan,
        vocabulary: Vocabulary,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Similarity, lead and rightness of the words of some voxels."""
        category = scan.category[encoded.first_points]
        rows = rng.permutation(len(category))[:_SAMPLE]
        words = self.pipeline.words(vocabulary.words)
        found = best(self.pipeline.head, encoded.trunk[torch.from_numpy(rows)], words)
        named = np.pad(_named(vocabulary.words), ((0, 0), (0, 256 - len(CATEGORIES))))
        right = named[found.label.numpy(), category[rows]]
        return found.similarity.numpy(), found.lead.numpy(), right

    def _add_aucs(self, encoded: EncodedScan, scan: SimulatedScan) -> None:
        category = torch.from_numpy(scan.category[encoded.first_points])
        held_out = lexicon().held_out
        similarity = self.pipeline.head.similarity(
            encoded.trunk, self.pipeline.words(tuple(held_out))
        )
        for column, (word, name) in enumerate(held_out.items()):
            inside = category == CATEGORY_ID[name]
            if int(inside.sum()) >= 30:
                self.aucs.setdefault(word, []).append(auc(similarity[:, column], inside))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def auc(score: Tensor, inside: Tensor) -> float:
    """How often a row inside has the higher score than a row outside."""
    rank = torch.empty(len(score))
    rank[score.argsort()] = torch.arange(1, len(score) + 1, dtype=torch.float32)
    n = int(inside.sum())
    return float((rank[inside].double().sum() - n * (n + 1) / 2) / (n * (len(score) - n)))


def _joined(
    answers: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cosine, lead, right = (np.concatenate(column) for column in zip(*answers, strict=True))
    return cosine, lead, right


def _named(words: Sequence[str]) -> np.ndarray:
    """(W, C) bool: the categories that each word names."""
    out = np.zeros((len(words), len(CATEGORIES)), bool)
    for row, word in enumerate(words):
        out[row, sorted(lexicon().names(word))] = True
    return out


def _caption_counts(encoded: EncodedScan, scan: SimulatedScan) -> np.ndarray:
    """(2, 4) of captions, and of counting the points of each category, over the views: categories
    seen well that are named, and all; nouns true of any of the categories that are in view at
    all, and all."""
    views = encoded.pipeline.bundle.config.views
    sectors = lidar_sectors(scan.points, views)
    label = encoded.segment(Vocabulary.from_words(CATEGORIES)).label
    counts = np.zeros((2, 4))
    captions = encoded.captions()
    for view in np.flatnonzero(sectors.any(0)):  # one of which nothing is said as well
        rows, caption = sectors[:, view], captions.get(f"sector {view:02d}", "")
        things = salient(scan.points[rows], scan.category[rows], scan.instance[rows])
        there = {CATEGORY_ID[thing.category] for thing in things}
        held = set(np.flatnonzero(np.bincount(scan.category[rows]) >= _HELD).tolist())
        said = [lexicon().names(word) for word in lexicon().find(caption)]
        many = np.flatnonzero(np.bincount(label[rows][label[rows] >= 0]) >= _COUNTED)
        for row, named in enumerate((said, [frozenset([int(c)]) for c in many])):
            covered = there & frozenset().union(*named)
            true = sum(bool(names & held) for names in named)
            counts[row] += (len(covered), len(there), true, len(named))
    return counts
