"""Views of simulated scans, of which it is known what can be said: for SMAP and the captioner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from avs3d.models.smap import SparseMaskedAttentionPooling
from avs3d.simulation.dataset import load
from avs3d.simulation.words.captions import write
from avs3d.simulation.words.lexicon import Lexicon, lexicon
from avs3d.simulation.words.random_views import random_view
from avs3d.simulation.words.salience import Thing, salient
from avs3d.sparse import SparseTensor
from avs3d.training.common import Network
from avs3d.training.samples import Sample, SampleMaker
from avs3d.views import lidar_sectors

MIN_VIEW_VOXELS = 60
Embed = Callable[[list[str]], np.ndarray]
"""Of sentences as they are, (V, D) float32 L2-normalised."""


def captioned_targets(
    drawn: tuple[Sample, np.random.Generator], embed: Embed
) -> tuple[Tensor, Tensor]:
    """(M, V) bool random sectors of a sample, and (V, D) the embedding of a caption of each."""
    masks, captions = captioned_views(*drawn)
    return torch.from_numpy(masks), torch.from_numpy(embed([texts[0] for texts in captions]))


def pooled(
    pooling: SparseMaskedAttentionPooling, network: Network, trunk: SparseTensor, masks: Tensor
) -> Tensor:
    """(V, D) embeddings of views, (M, V) bool of the M voxels of a trunk."""
    return pooling.pool(pooling.position(trunk, network.final.kernel), masks)


@torch.inference_mode()
def pooled_views(
    pooling: SparseMaskedAttentionPooling,
    network: Network,
    samples: SampleMaker,
    scans: int,
    captions: int,
    *,
    seed: int = 0,
) -> tuple[list[list[str]], np.ndarray]:
    """Views of augmented scans as the trained pooling sees them.

    Returns:
        For each of V views up to `captions` true captions, and (V, D) float32 embeddings.
    """
    texts, embeddings = [], []
    for step in range(scans):
        rng = np.random.default_rng([seed, step])
        sample = samples(rng)
        masks, found = captioned_views(sample, rng, captions)
        texts += found
        views = pooled(pooling, network, network.trunk(sample.x), torch.from_numpy(masks))
        embeddings.append(views.numpy())
    return texts, np.concatenate(embeddings)


def captioned_views(
    sample: Sample, rng: np.random.Generator, captions: int = 1
) -> tuple[np.ndarray, list[list[str]]]:
    """(M, V) bool random sectors with enough voxels, and true captions of each."""
    while True:
        sectors = lidar_sectors(_turned(sample.points, rng), int(rng.integers(6, 17)))
        views = []
        for rows in sectors[:, sectors.sum(0) >= MIN_VIEW_VOXELS].T:
            things = salient(
                sample.points[rows], sample.category[rows].numpy(), sample.instance[rows]
            )
            texts = [write(things, rng, lexicon()) for _ in range(captions)] if things else []
            if any(texts):
                views.append((rows, [text for text in texts if text]))
        if views:
            return np.stack([rows for rows, _ in views], 1), [texts for _, texts in views]


def _turned(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    yaw = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    return points[:, :2] @ turn.T


def training_captions(
    scans: Sequence[Path], views: int, *, per_view: int = 4, seed: int = 0
) -> list[list[str]]:
    """True captions of views, half of them from simulated scans and half of made-up views.

    Args:
        scans: files written by `avs3d.simulation`; without any, all views are made up.
        views: how many views.
        per_view: captions of each.
        seed: of every random choice.
    """
    rng, lex = np.random.default_rng(seed), lexicon()
    found: list[list[str]] = []
    if scans:
        for file in rng.permutation(np.array([str(path) for path in scans])):
            for things in _scan_views(Path(file), rng):
                found.append(_captions(things, per_view, rng, lex))
            if len(found) >= views // 2:
                break
    while len(found) < views:
        found.append(_captions(salient(*random_view(rng)), per_view, rng, lex))
    return [captions for captions in found[:views] if captions]


def _scan_views(file: Path, rng: np.random.Generator) -> list[list[Thing]]:
    """What is seen in each azimuth sector of a scan, for a random number of sectors."""
    scan = load(file)
    sectors = lidar_sectors(scan.points, int(rng.integers(6, 17)))
    return [
        salient(scan.points[rows], scan.category[rows], scan.instance[rows]) for rows in sectors.T
    ]


def _captions(things: list[Thing], count: int, rng: np.random.Generator, lex: Lexicon) -> list[str]:
    """Different captions of one view, `count` at most; none when nothing is seen."""
    return sorted({write(things, rng, lex) for _ in range(count)} - {""})
