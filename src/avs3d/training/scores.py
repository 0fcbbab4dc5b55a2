"""How good a bundle is on simulated scans, where every point's category is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avs3d.pipeline import EncodedScan, load
from avs3d.scan import Scan
from avs3d.simulation.categories import CATEGORIES, CATEGORY_ID
from avs3d.simulation.dataset import load as load_scan
from avs3d.simulation.lexicon import lexicon
from avs3d.simulation.salience import salient
from avs3d.simulation.world import SimulatedScan
from avs3d.views import lidar_sectors
from avs3d.vocabulary import Vocabulary

_LEAST_POINTS = 200  # a category of a scan with fewer does not count


def simulated_scores(bundle: Path, files: Sequence[Path]) -> tuple[dict[str, float], float]:
    """Scores of a bundle, and the mean score of a scan below which its words are doubtful.

    Returns:
        Scores: ``category_iou``, mean IoU with the categories' names as the vocabulary;
        ``word_precision``, share of the points whose own word names their category;
        ``caption_recall`` and ``caption_precision``, of the categories in view that captions
        name. And the doubtful score: three standard deviations below the scans' mean.
    """
    pipeline = load(bundle)
    names, size = Vocabulary.from_words(CATEGORIES), len(CATEGORIES)
    confusion = np.zeros((size, size), np.int64)
    right = points = 0
    means, captions = [], np.zeros(4)
    for file in files:
        scan = load_scan(file)
        encoded = pipeline.encode(Scan(scan.points, scan.intensity))
        pair = scan.category * size + encoded.segment(names).label
        confusion += np.bincount(pair, minlength=size * size).reshape(size, size)
        own = encoded.segment()
        named = _named(own.vocabulary.words)
        right += int(named[own.label, scan.category].sum())
        points += len(scan.points)
        means.append(float(own.score.mean()))
        captions += _caption_counts(encoded, scan)
    truth, guess, hit = confusion.sum(1), confusion.sum(0), np.diag(confusion)
    counted = truth >= _LEAST_POINTS
    iou = hit[counted] / (truth + guess - hit)[counted]
    scores = {
        "category_iou": float(iou.mean()),
        "word_precision": right / points,
        "caption_recall": float(captions[0] / max(captions[1], 1)),
        "caption_precision": float(captions[2] / max(captions[3], 1)),
    }
    low = float(np.mean(means) - 3 * np.std(means))
    return {key: round(value, 4) for key, value in scores.items()}, round(low, 3)


def _named(words: Sequence[str]) -> np.ndarray:
    """(W, C) bool: the categories that each word names."""
    out = np.zeros((len(words), len(CATEGORIES)), bool)
    for row, word in enumerate(words):
        out[row, sorted(lexicon().names(word))] = True
    return out


def _caption_counts(encoded: EncodedScan, scan: SimulatedScan) -> np.ndarray:
    """Over the views: categories in view that are named, and all; nouns that are true, and all."""
    views = encoded.pipeline.bundle.config.views
    sectors = lidar_sectors(scan.points, views)
    counts = np.zeros(4)
    for view, caption in encoded.captions().items():
        rows = sectors[:, int(view.split()[-1])]
        things = salient(scan.points[rows], scan.category[rows], scan.instance[rows])
        there = {CATEGORY_ID[thing.category] for thing in things}
        named = [lexicon().names(word) for word in lexicon().find(caption)]
        covered = there & frozenset().union(*named)
        true = sum(bool(names & there) for names in named)
        counts += (len(covered), len(there), true, len(named))
    return counts
