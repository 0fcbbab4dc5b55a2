"""What the 3D network is trained towards: the words people use for each category."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from avs3d.simulation.categories import CATEGORIES
from avs3d.simulation.words.lexicon import Lexicon

REJECTED = 0.1  # a cosine that is no resemblance


class WordLoss:
    """Draw features to the words of their category and away from words of other categories.

    Every step draws one noun per category and a few general words. A word that names a point's
    category too is never pushed away from it, so synonyms stay close. A general word ("ground")
    need only beat the words of other categories, while a noun ("road") must beat the general ones
    as well: where a vocabulary holds both, the noun should win.

    Args:
        lexicon: the words.
        embed: words -> (W, D) float32, L2-normalised.
        scale: factor on the cosines (an inverse temperature).
        general_words: drawn per step.
        general_weight: of their part of the loss.
        pull: weight of the cosine distance to the mean of the category's nouns.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        embed: Callable[[list[str]], np.ndarray],
        *,
        scale: float = 20.0,
        general_words: int = 12,
        general_weight: float = 0.4,
        pull: float = 0.5,
    ) -> None:
        words = list(lexicon.trained_words)
        place = {word: i for i, word in enumerate(words)}
        self._embedding = torch.from_numpy(embed(words))
        self._nouns = [np.array([place[n] for n in lexicon.nouns[c]]) for c in CATEGORIES]
        self._often = [np.array(lexicon.weights(c)) for c in CATEGORIES]
        self._general = np.array([place[word] for word in lexicon.general])
        self._names = torch.zeros(len(CATEGORIES), len(words), dtype=torch.bool)
        for word, column in place.items():
            self._names[sorted(lexicon.names(word)), column] = True
        self._mean = F.normalize(
            torch.stack(
                [
                    torch.from_numpy(often).float() @ self._embedding[nouns]
                    for nouns, often in zip(self._nouns, self._often, strict=True)
                ]
            ),
            dim=1,
        )
        self._scale, self._count, self._pull = scale, general_words, pull
        self._general_weight = general_weight
        self._is_general = torch.zeros(len(words), dtype=torch.bool)
        self._is_general[self._general] = True

    @property
    def mean_nouns(self) -> Tensor:
        """(C, D) unit mean of each category's nouns: the classifier used in validation."""
        return self._mean

    def __call__(self, features: Tensor, category: Tensor, rng: np.random.Generator) -> Tensor:
        """Mean loss of (M, D) features whose points are of (M,) `category`."""
        drawn = [
            int(rng.choice(nouns, p=0.5 * often + 0.5 / len(nouns)))
            for nouns, often in zip(self._nouns, self._often, strict=True)
        ]
        drawn += rng.choice(self._general, self._count, replace=False).tolist()
        words = torch.tensor(sorted(set(drawn)))
        unit = F.normalize(features, dim=1)
        logits = self._scale * (unit @ self._embedding[words].T)
        names = self._names[:, words][category]
        noun, general = names & ~self._is_general[words], names & self._is_general[words]
        contrast = _beat(logits, noun, ~noun)
        contrast = contrast + self._general_weight * _beat(logits, general, ~names)
        pull = 1 - (unit * self._mean[category]).sum(1)
        return (contrast + self._pull * pull).mean()

    def reject(self, features: Tensor, rng: np.random.Generator) -> Tensor:
        """Mean loss of (M, D) features of what has no word: they should be far from all words."""
        drawn = rng.choice(len(self._embedding), 64, replace=False)
        cosine = F.normalize(features, dim=1) @ self._embedding[torch.from_numpy(drawn)].T
        return F.softplus(self._scale * (cosine - REJECTED)).mean()


def _beat(logits: Tensor, wanted: Tensor, others: Tensor) -> Tensor:
    """(M,) cross-entropy of each wanted word against the others alone, mean over the wanted."""
    rest = logits.masked_fill(~others, -torch.inf).logsumexp(1, keepdim=True)
    losses = F.softplus(rest - logits) * wanted
    return losses.sum(1) / wanted.sum(1).clamp(min=1)
