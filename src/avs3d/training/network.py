"""The 3D network of a bundle: voxels to the text space, from scans with a category per point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from avs3d.models.minkunet import MinkUNet
from avs3d.simulation.categories import CATEGORIES
from avs3d.simulation.lexicon import lexicon
from avs3d.training.loop import Schedule, fit
from avs3d.training.samples import SampleMaker
from avs3d.training.words import WordLoss

LOSS_VOXELS = 8192


def train_network(
    network: MinkUNet,
    samples: SampleMaker,
    embed: Callable[[list[str]], np.ndarray],
    schedule: Schedule,
    folder: Path,
    *,
    seed: int = 0,
) -> None:
    """Train `network` in place on (augmented) samples; see `avs3d.training.loop.fit`.

    Args:
        network: with `out_channels` the width of the text space.
        samples: where training scans come from.
        embed: prompts and embeds words, (W, D) float32 L2-normalised.
        schedule: steps and learning rate.
        folder: of the checkpoint and the log.
    """
    loss = WordLoss(lexicon(), embed)
    weights = category_weights(samples.files)

    def step(module: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        assert isinstance(module, MinkUNet)
        sample = samples(rng)
        trunk = module.trunk(sample.x).features
        # Rare categories count more by being drawn more often: as good as weights, and the wide
        # features of the other voxels are never computed.
        chance = weights[sample.category.numpy()]
        rows = torch.from_numpy(rng.choice(len(trunk), LOSS_VOXELS, p=chance / chance.sum()))
        features, category = trunk[rows] @ module.final.kernel, sample.category[rows]
        value = loss(features, category, rng)
        with torch.no_grad():
            right = (features @ loss.mean_nouns.T).argmax(1) == category
        return value, {"accuracy": float(right.float().mean()), "voxels": float(len(trunk))}

    network.train()
    fit(network, step, schedule, folder, seed=seed)
    network.eval()


def category_weights(files: Sequence[Path], most: int = 100) -> np.ndarray:
    """(C,) float64 weights that let rare categories count: one over the root of their share."""
    counts = np.ones(len(CATEGORIES))
    for file in files[:most]:
        with np.load(file, allow_pickle=False) as data:
            counts += np.bincount(data["category"], minlength=len(CATEGORIES))
    weights = (counts / counts.sum()) ** -0.5
    weights /= np.median(weights)
    return np.clip(weights, 0.25, 4.0)
