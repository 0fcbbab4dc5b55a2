"""How sure captions can be: chances that a view holds a kind, fitted on simulated scans."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from avs3d.bundle_config import KindConfig, SayingConfig
from avs3d.captioning.saying import Names, Seen
from avs3d.describing import see_kinds
from avs3d.pipeline import Pipeline, load
from avs3d.scan import Scan
from avs3d.simulation.categories import CATEGORIES, CATEGORY_ID
from avs3d.simulation.dataset import load as load_scan
from avs3d.simulation.words.lexicon import Lexicon, lexicon
from avs3d.simulation.words.wording import ADJECTIVES, COLLECTIVES
from avs3d.training.samples import MIN_POINTS
from avs3d.training.simulated_views import training_captions
from avs3d.views import lidar_sectors

SENTENCES, WORDS, GUESSES = 0.85, 0.3, 0.2
DRAFTS = {"draws": 4, "temperature": 0.8}
HELD = 5  # points of a kind that is in view
ONLY_AFTER = {"left": "on the", "right": "on the", "background": "in the", "distance": "in the"}
_SCALE = 20.0
_RIDGE = 3.0  # on the biases: kinds that are rarely seen are taken for the mean one
_STEPS = 30


def fit_saying(bundle: Path, files: Sequence[Path]) -> SayingConfig:
    """What must be sure before a caption says it.

    A logistic regression of whether a view holds a kind on what is seen of it there, with a bias
    of each kind.

    Args:
        bundle: whose voxels are to be believed.
        files: simulated scans.
    """
    pipeline, start = load(bundle), unfitted()
    shown, truths = [], []
    for file in files:
        seen, truth = _look(pipeline, start, file)
        shown.append(seen)
        truths.append(truth)
    seen = Seen(*(np.concatenate(part) for part in zip(*map(_parts, shown), strict=True)))
    weights, bias = _fit(seen, np.concatenate(truths))
    voxels, peak, likeness = weights.round(3).tolist()
    kinds = [
        kind.model_copy(update={"bias": value})
        for kind, value in zip(start.kinds, bias.round(3).tolist(), strict=True)
    ]
    return start.model_copy(
        update={
            "voxels": voxels, "peak": peak, "likeness": likeness, "kinds": tuple(kinds),
            "speech": speech(start),
        }
    )  # fmt: skip


def speech(config: SayingConfig, views: int = 1000) -> tuple[str, ...]:
    """What captions of made-up views say besides names."""
    names = Names(config)
    captions = [text for texts in training_captions([], views) for text in texts]
    return tuple(sorted({word for text in captions for word in names.read(text)[1]}))


def unfitted(lex: Lexicon | None = None) -> SayingConfig:
    """The kinds that nouns name, those of one set of categories together."""
    lex = lex or lexicon()
    words = dict.fromkeys(noun for nouns in lex.nouns.values() for noun in nouns)
    by_kind: dict[frozenset[int], list[str]] = {}
    for word in (*words, *COLLECTIVES):
        named = {CATEGORY_ID[name] for name in COLLECTIVES.get(word, ())} or lex.names(word)
        by_kind.setdefault(frozenset(named), []).append(word)
    return SayingConfig(
        anchors=CATEGORIES, scale=_SCALE, voxels=0, peak=0, likeness=0, sentences=SENTENCES,
        words=WORDS, guesses=GUESSES, attributes=ADJECTIVES, only_after=ONLY_AFTER,
        kinds=tuple(
            KindConfig(
                words=tuple(dict.fromkeys(f for w in words for f in (w, lex.plural(w)))),
                anchors=tuple(sorted(anchors)),
                bias=0,
            )
            for anchors, words in by_kind.items()
        ),
    )  # fmt: skip


def _parts(seen: Seen) -> tuple[np.ndarray, ...]:
    return seen.voxels, seen.peak, seen.likeness


def _look(pipeline: Pipeline, config: SayingConfig, file: Path) -> tuple[Seen, np.ndarray]:
    """What the sectors of a scan show, and (V, K) bool, what they hold."""
    scan = load_scan(file)
    views, kinds = pipeline.bundle.config.views, config.kinds
    if len(scan.points) < MIN_POINTS:
        empty = np.zeros((0, len(kinds)))
        return Seen(empty, empty, empty), empty.astype(bool)
    with torch.inference_mode():
        encoded = pipeline.encode(Scan(scan.points, scan.intensity))
        sectors = lidar_sectors(scan.points, views)
        masks = torch.from_numpy(sectors[encoded.first_points])
        seen = see_kinds(encoded, config, masks)
    counts = np.stack([np.bincount(scan.category[rows], minlength=256) for rows in sectors.T])
    held = counts >= HELD
    truth = np.stack([held[:, list(kind.anchors)].any(1) for kind in kinds], 1)
    inside = sectors.any(0)
    return Seen(*(part[inside] for part in _parts(seen))), truth[inside]


def _fit(seen: Seen, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the three, and the bias of each kind, by Newton's method.

    The curvature of the biases is diagonal, so that they are solved for apart from the rest.
    """
    x = np.stack([*_parts(seen), np.ones(truth.shape)], 2).astype(np.float64)  # (V, K, 4)
    weights, bias = np.zeros(4), np.zeros(truth.shape[1])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-(x @ weights + bias)))
        error, slope = truth - p, p * (1 - p)
        step_w, step_b = np.einsum("vkf,vk->f", x, error), error.sum(0) - _RIDGE * bias
        a = np.einsum("vkf,vk,vkg->fg", x, slope, x) + 1e-6 * np.eye(4)
        b, d = np.einsum("vkf,vk->fk", x, slope), slope.sum(0) + _RIDGE
        moved = np.linalg.solve(a - (b / d) @ b.T, step_w - (b / d) @ step_b)
        weights = weights + moved
        bias = bias + (step_b - moved @ b) / d
    return weights[:3], bias + weights[3]
