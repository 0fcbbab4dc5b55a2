"""The 3D network of a bundle: voxels to the text space, from scans with a category per point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from avs3d.models.minkunet import MinkUNet
from avs3d.simulation.categories import CATEGORIES
from avs3d.simulation.dataset import load
from avs3d.simulation.words.lexicon import lexicon
from avs3d.training.loop import Schedule, fit
from avs3d.training.samples import STRANGE, SampleMaker, joined
from avs3d.training.words import WordLoss

BATCH = 2  # samples of a step, of each process
LOSS_VOXELS = 6_144


def train_network(
    network: MinkUNet,
    samples: SampleMaker,
    embed: Callable[[list[str]], np.ndarray],
    schedule: Schedule,
    folder: Path,
    *,
    freeze_norm: bool = False,
    seed: int = 0,
) -> None:
    """Train `network` in place on (augmented) samples; see `avs3d.training.loop.fit`.

    Args:
        network: with `out_channels` the width of the text space.
        samples: where training scans come from.
        embed: prompts and embeds words, (W, D) float32 L2-normalised.
        schedule: steps and learning rate.
        folder: of the checkpoint and the log.
        freeze_norm: keep the BatchNorm statistics as they are. In training a scan is normalised
            by its own statistics, in use by the averaged ones: a last stage with frozen ones
            closes the gap.
    """
    loss = WordLoss(lexicon(), embed)
    weights = category_weights(samples.files)

    def step(module: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        assert isinstance(module, MinkUNet)
        sample = joined([samples(rng) for _ in range(BATCH)])
        trunk = module.trunk(sample.x).features
        numbers = {"accuracy": float("nan"), "voxels": float(len(trunk))}
        named = torch.nonzero(sample.category != STRANGE).flatten()
        value = trunk.new_zeros(())
        if len(named) < len(trunk):
            strange = torch.nonzero(sample.category == STRANGE).flatten()
            rows = strange[torch.from_numpy(rng.integers(len(strange), size=LOSS_VOXELS // 4))]
            share = len(strange) / len(trunk)
            value = share**0.5 * loss.reject(trunk[rows] @ module.final.kernel, rng)
        if not len(named):
            return value, numbers
        # Half of the voxels are drawn at random, half so that rare categories come more often: as
        # good as weights, and the wide features of the other voxels are never computed.
        chance = weights[sample.category[named].numpy()]
        chance = chance / chance.sum() + 1 / len(chance)
        drawn = rng.choice(len(named), LOSS_VOXELS, p=chance / chance.sum())
        rows = named[torch.from_numpy(drawn)]
        features, category = trunk[rows] @ module.final.kernel, sample.category[rows]
        with torch.no_grad():
            right = (features @ loss.mean_nouns.T).argmax(1) == category
        numbers["accuracy"] = float(right.float().mean())
        return value + loss(features, category, rng), numbers

    network.train()
    if freeze_norm:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.eval()
    fit(network, step, schedule, folder, seed=seed)
    network.eval()


def category_weights(files: Sequence[Path], most: int = 100) -> np.ndarray:
    """(C,) float64 weights that let rare categories count: one over the root of their share."""
    counts = np.ones(len(CATEGORIES))
    for file in files[:most]:
        counts += np.bincount(load(file).category, minlength=len(CATEGORIES))[: len(CATEGORIES)]
    weights = (counts / counts.sum()) ** -0.5
    weights /= np.median(weights[counts > 1])
    return np.clip(weights, 0.25, 4.0)
