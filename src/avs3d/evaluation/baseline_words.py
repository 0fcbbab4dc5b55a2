"""Words that results are held against: names of classes, those that are truly there, any nouns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from avs3d.errors import UserError
from avs3d.labelsets import LabelSet, load
from avs3d.selection import Selection
from avs3d.vocabulary import Vocabulary

KINDS = ("names", "detailed", "present", "random")


@lru_cache(1)
def _nouns() -> np.ndarray:
    """The nouns of WordNet that are one word, sorted."""
    from avs3d.tagging import dictionary

    return np.array(sorted(noun for noun in dictionary() if noun.isalpha()))


def random_nouns(count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Different ones."""
    nouns = _nouns()
    return tuple(rng.choice(nouns, min(count, len(nouns)), replace=False).tolist())


def detailed_names(labels: LabelSet) -> tuple[str, ...] | None:
    """The names that say more exactly what the classes hold, where the set has some."""
    return None if labels.detailed is None else load(labels.detailed).classes


def names_present(labels: LabelSet, truth: np.ndarray) -> tuple[str, ...]:
    """The classes that some points are of; `truth`: (N,) class ids."""
    present = np.unique(truth[truth != labels.ignored])
    return tuple(labels.classes[i] for i in present)


def words_of_all(kind: str, labels: LabelSet) -> Vocabulary | None:
    """The words of every scan, of a kind that is the same for all; None: it differs by scan.

    Raises:
        UserError: the label set has none of that kind.
    """
    if kind not in ("names", "detailed"):
        return None
    words = labels.classes if kind == "names" else detailed_names(labels)
    if words is None:
        raise UserError(f"vocabulary detailed: {labels.name} has no detailed names; take names")
    return Vocabulary.from_words(words)


def words_by_scan(
    kind: str, labels: LabelSet, selection: Selection, seed: int
) -> Iterator[tuple[str, Vocabulary]]:
    """The name of each scan's results, and its words.

    A scan that cannot be read, or has no labels, has none that are present.

    Args:
        kind: ``present`` or ``random``.
        labels: the classes.
        selection: the scans.
        seed: of the nouns.
    """
    rng = np.random.default_rng(seed)
    for index in selection.indices:
        name = selection.names[index]
        if kind == "random":
            yield name, Vocabulary.from_words(random_nouns(len(labels), rng))
            continue
        try:
            raw = selection.dataset[index].labels
        except UserError:
            raw = None
        truth = np.zeros(0, np.uint8) if raw is None else labels.to_classes(raw)
        yield name, Vocabulary.from_words(names_present(labels, truth))
