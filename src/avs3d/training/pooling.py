"""SMAP of a bundle: the points of a view to the embedding of its caption (paper, 3.3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avs3d.models.minkunet import MinkUNet
from avs3d.models.smap import SparseMaskedAttentionPooling
from avs3d.simulation.words.captions import write
from avs3d.simulation.words.lexicon import lexicon
from avs3d.simulation.words.salience import salient
from avs3d.training.loop import Schedule, fit
from avs3d.training.samples import Sample, SampleMaker
from avs3d.views import lidar_sectors

MIN_VIEW_VOXELS = 60


def train_pooling(
    pooling: SparseMaskedAttentionPooling,
    network: MinkUNet,
    samples: SampleMaker,
    embed: Callable[[list[str]], np.ndarray],
    schedule: Schedule,
    folder: Path,
    *,
    seed: int = 0,
) -> None:
    """Train `pooling` in place on the frozen `network`; see `avs3d.training.loop.fit`.

    The loss is the squared distance to the caption's embedding, summed over its width.

    Args:
        pooling: with `out_channels` the width of the text space.
        network: in eval mode; it is not changed.
        samples: where training scans come from.
        embed: embeds sentences as they are, (V, D) float32 L2-normalised.
    """

    def step(module: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        assert isinstance(module, SparseMaskedAttentionPooling)
        sample = samples(rng)
        masks, captions = captioned_views(sample, rng)
        target = torch.from_numpy(embed([texts[0] for texts in captions]))
        found = view_embeddings(module, network, sample, masks)
        loss = (found - target).pow(2).sum(1).mean()
        with torch.no_grad():
            cosine = float(F.cosine_similarity(found, target).mean())
        return loss, {"cosine": cosine, "views": float(len(captions))}

    network.eval()
    pooling.train()
    fit(pooling, step, schedule, folder, seed=seed)
    pooling.eval()


def view_embeddings(
    pooling: SparseMaskedAttentionPooling, network: MinkUNet, sample: Sample, masks: np.ndarray
) -> Tensor:
    """(V, D) embeddings of the views of a sample; no gradient reaches the network."""
    with torch.no_grad():
        trunk, head = network.trunk(sample.x), network.final.kernel.detach()
    return pooling.pool(pooling.position(trunk, head), torch.from_numpy(masks))


@torch.inference_mode()
def pooled_views(
    pooling: SparseMaskedAttentionPooling,
    network: MinkUNet,
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
        embeddings.append(view_embeddings(pooling, network, sample, masks).numpy())
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
