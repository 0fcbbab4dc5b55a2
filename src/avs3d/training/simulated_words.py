"""Distillation from simulated scans, whose every point has a category and many words for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from avs3d.models.voxel_network import VoxelNetwork
from avs3d.simulation.categories import CATEGORIES
from avs3d.simulation.dataset import load
from avs3d.simulation.words.lexicon import lexicon
from avs3d.training.samples import STRANGE, Sample
from avs3d.training.words import WordLoss

LOSS_VOXELS = 3_072  # of each scan, on average


class WordSteps:
    """The step of a distillation towards the words of the lexicon.

    Args:
        files: scans that are learned from, by which the categories are weighed.
        embed: prompts and embeds words, (W, D) float32 L2-normalised.
    """

    def __init__(self, files: Sequence[Path], embed: Callable[[list[str]], np.ndarray]) -> None:
        self._loss = WordLoss(lexicon(), embed)
        self._weights = category_weights(files)

    def __call__(
        self, module: VoxelNetwork, drawn: tuple[Sample, np.random.Generator]
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss of some voxels of a sample."""
        sample, rng = drawn
        kernel = module.final.kernel
        trunk = module.trunk(sample.to(kernel.device).x).features
        numbers = {"accuracy": float("nan"), "voxels": float(len(trunk))}
        count = LOSS_VOXELS * sample.scans
        named = torch.nonzero(sample.category != STRANGE).flatten()
        value = trunk.new_zeros((), device="cpu")  # as the words' embeddings, and few rows
        if len(named) < len(trunk):
            strange = torch.nonzero(sample.category == STRANGE).flatten()
            rows = strange[torch.from_numpy(rng.integers(len(strange), size=count // 4))]
            share = len(strange) / len(trunk)
            value = share**0.5 * self._loss.reject((trunk[rows] @ kernel).cpu(), rng)
        if not len(named):
            return value, numbers
        # Half of the voxels are drawn at random, half so that rare categories come more often: as
        # good as weights, and the wide features of the other voxels are never computed.
        chance = self._weights[sample.category[named].numpy()]
        chance = chance / chance.sum() + 1 / len(chance)
        picked = rng.choice(len(named), count, p=chance / chance.sum())
        rows = named[torch.from_numpy(picked)]
        features, category = (trunk[rows] @ kernel).cpu(), sample.category[rows]
        with torch.no_grad():
            right = (features @ self._loss.mean_nouns.T).argmax(1) == category
        numbers["accuracy"] = float(right.float().mean())
        return value + self._loss(features, category, rng), numbers


def category_weights(files: Sequence[Path], most: int = 100) -> np.ndarray:
    """(C,) float64 weights that let rare categories count: one over the root of their share."""
    counts = np.ones(len(CATEGORIES))
    for file in files[:most]:
        counts += np.bincount(load(file).category, minlength=len(CATEGORIES))[: len(CATEGORIES)]
    weights = (counts / counts.sum()) ** -0.5
    weights /= np.median(weights[counts > 1])
    return np.clip(weights, 0.25, 4.0)
