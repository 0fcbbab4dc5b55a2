"""The words of the simulation as a bundle carries them, see `avs3d.known_words`."""

from __future__ import annotations

import torch

from avs3d.bundle_config import KnownWordsConfig
from avs3d.known_words import KnownWords
from avs3d.simulation.categories import CATEGORIES
from avs3d.simulation.words.lexicon import Lexicon, lexicon
from avs3d.text import TextEncoder

# Chosen on simulated scans of worlds kept apart, see docs/street-mini.md.
SCALE, SHARPNESS, WEIGHT, LEAST = 30.0, 80.0, 0.1, 1e-4


def taught_words(text: TextEncoder, prompt: str, lex: Lexicon | None = None) -> KnownWords:
    """Every word of a lexicon that a training uses.

    Args:
        text: the bundle's.
        prompt: see `BundleConfig`.
        lex: the words.
    """
    lex = lex or lexicon()
    words = {word: tuple(sorted(lex.names(word))) for word in lex.trained_words}
    config = KnownWordsConfig(
        kinds=CATEGORIES, words=words,
        scale=SCALE, sharpness=SHARPNESS, weight=WEIGHT, least=LEAST,
    )  # fmt: skip
    embeddings = text.encode([prompt.replace("{word}", word) for word in words])
    known = KnownWords(config, embeddings.shape[1])
    known.embeddings = torch.from_numpy(embeddings)
    return known
