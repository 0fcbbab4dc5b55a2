"""Of several captions of a view, the one that its points bear out; and the words that they do.

A captioner sees a view as one embedding and guesses; the points know better what is there, but
not how to say it. So each view is captioned several times, and the points decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from avs3d.vocabulary import Source, Vocabulary

BORNE_OUT = 3.0
"""Voxels in a view that must most likely be a thing for its name to stand."""
NEAR = 0.6  # similarity of words that speak of the same thing
_NONE = 0.5  # voxels; of a thing that no voxel is, so that one false name is not the end


class Grounded(NamedTuple):
    """What is said of a scan.

    Attributes:
        captions: view -> sentence; views of which nothing is said are left out.
        vocabulary: the words that stand, each with the sentences that it came from.
    """

    captions: dict[str, str]
    vocabulary: Vocabulary


class Evidence(NamedTuple):
    """What the voxels say of some words.

    Attributes:
        label: (M,) int64, each voxel's best word.
        chance: (M,) float, how likely that is right.
        words: (W, D) L2-normalised embeddings.
    """

    label: np.ndarray
    chance: np.ndarray
    words: np.ndarray


def ground(
    candidates: Mapping[str, Sequence[str]],
    masks: np.ndarray,
    tag: Callable[[Mapping[str, str]], Vocabulary],
    look: Callable[[tuple[str, ...]], Evidence],
) -> Grounded:
    """Choose a caption for every view, and the words of the scan.

    The caption is the one whose nouns have most behind them: the sum, over its nouns, of the
    logarithm of the voxels that are that thing over `BORNE_OUT`. One that names nothing scores
    zero, so it wins where all others name what is not there. The words are the nouns of all
    candidates that `BORNE_OUT` voxels of their view bear out.

    Args:
        candidates: view -> captions, likeliest first; an empty one says nothing.
        masks: (M, V) bool, which voxels each view holds, in the order of `candidates`.
        tag: finds the nouns of captions (Caption2Tag), with the keys of the captions as views.
        look: what the voxels say of words.
    """
    places = {
        f"{view} {number}": (column, view, text)
        for column, (view, texts) in enumerate(candidates.items())
        for number, text in enumerate(texts)
        if text
    }
    named = tag({key: text for key, (_, _, text) in places.items()})
    if not len(named):
        first = {view: texts[0] for view, texts in candidates.items() if texts and texts[0]}
        return Grounded(first, named)
    behind = _behind(look(named.words), masks)
    merit = dict.fromkeys(places, 0.0)
    standing: dict[str, tuple[Source, ...]] = {}
    for row, (word, sources) in enumerate(zip(named.words, named.sources, strict=True)):
        kept: dict[Source, None] = {}
        for source in sources:
            assert source.view is not None
            column, view, text = places[source.view]
            voxels = behind[row, column]
            merit[source.view] += float(np.log((voxels + _NONE) / BORNE_OUT))
            if voxels >= BORNE_OUT:
                kept[Source(source.captioner, view, text)] = None
        if kept:
            standing[word] = tuple(kept)
    captions: dict[str, str] = {}
    best: dict[str, float] = {}
    for key, (_, view, text) in places.items():
        if view not in best or merit[key] > best[view]:
            best[view], captions[view] = merit[key], text
    if not standing:  # nothing is sure: then what was said
        return Grounded(captions, tag(captions))
    return Grounded(captions, Vocabulary(tuple(standing), tuple(standing.values())))


def _behind(evidence: Evidence, masks: np.ndarray) -> np.ndarray:
    """(W, V) voxels of each view that likely are what each word, or one near it, names."""
    size = len(evidence.words)
    counts = [
        np.bincount(evidence.label[inside], weights=evidence.chance[inside], minlength=size)
        for inside in masks.T
    ]
    near = evidence.words @ evidence.words.T > NEAR
    behind: np.ndarray = near.astype(np.float64) @ np.stack(counts, axis=1)
    return behind
