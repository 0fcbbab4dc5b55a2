"""Words that a bundle was taught, and how others are understood by them.

A cosine similarity alone tells little about a word that no training has seen: "lorry" lies near
"truck" in the space of words, but the features of trucks were drawn to other words. What was taught
helps twice: points are told apart by the kinds of things that were learned, and a word names the
kinds of the known words that are most like it: zero-shot learning through seen classes, after
Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings" (ICLR 2014). Words
that were taught need no such help.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avs3d.bundle_config import KnownWordsConfig
from avs3d.segmenter import WordHead

_SAME = 0.999  # cosine similarity of a word and itself, stored with half the digits


class KnownWords(nn.Module):
    """What words name.

    Args:
        config: T words and their K kinds.
        dim: D, width of an embedding.

    Attributes:
        embeddings: (T, D) of the words, prompted as those of a vocabulary.
        named: (T, K), 1 where a word names a kind.
    """

    embeddings: Tensor
    named: Tensor

    def __init__(self, config: KnownWordsConfig, dim: int) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("embeddings", torch.zeros(len(config.words), dim))
        words = list(config.words.items())
        pairs = [(row, kind) for row, (_, kinds) in enumerate(words) for kind in kinds]
        row, kind = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T
        named = torch.zeros(len(words), len(config.kinds))
        named[row, kind] = 1
        self.register_buffer("named", named, persistent=False)
        self._place = {word: row for row, (word, _) in enumerate(words)}
        self._kinds = [self._place[kind] for kind in config.kinds]

    def find(self, words: Iterable[str]) -> dict[str, Tensor]:
        """Those of words that are known, with their embeddings, (D,), L2-normalised."""
        rows = {word: self._place[word] for word in words if word in self._place}
        return dict(zip(rows, F.normalize(self.embeddings[[*rows.values()]], dim=1), strict=True))

    @property
    def kinds(self) -> Tensor:
        """(K, D) embeddings of the kinds' names."""
        return self.embeddings[self._kinds]

    def taught(self, words: Tensor) -> Tensor:
        """(W,) bool, which of words, (W, D) L2-normalised, are among the known ones."""
        return (words @ self.embeddings.T).amax(1) > _SAME

    def meanings(self, words: Tensor) -> Tensor:
        """(W, K) how far each of the words names each kind, 0 to 1."""
        alike = self.config.sharpness * words @ self.embeddings.T
        return alike.softmax(1) @ self.named


class KnowingHead:
    """Similarities in the light of what is known. A `Head`.

    That of a taught word is the cosine; that of another is lower where points show nothing of what
    the word names.

    Args:
        cosines: of the 3D network.
        known: words that it was taught.
    """

    def __init__(self, cosines: WordHead, known: KnownWords) -> None:
        self._cosines = cosines
        self._known = known

    def similarity(self, rows: Tensor, words: Tensor) -> Tensor:
        """(M, W), of words that were not taught ``cosine + weight * log(least + chance)``.

        The chance that a row is of what a word names: its shares of the kinds, by the cosines with
        their names, times the word's meaning.

        Args:
            rows: (M, C), the trunk.
            words: (W, D), L2-normalised.
        """
        found, config = self._cosines.similarity(rows, words), self._known.config
        new = ~self._known.taught(words)
        if new.any():
            kinds = self._cosines.similarity(rows, self._known.kinds)
            chance = (config.scale * kinds).softmax(1) @ self._known.meanings(words[new]).T
            seen = (chance.clamp_(max=1 - config.least) + config.least).log_()
            found[:, new] += config.weight * seen
        return found

    def cosine(self, rows: Tensor, words: Tensor, label: Tensor) -> Tensor:
        """See `Head`; what is known plays no part."""
        return self._cosines.cosine(rows, words, label)
