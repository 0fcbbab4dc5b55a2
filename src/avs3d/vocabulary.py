"""`Vocabulary`: the words of one scan, and where each came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

_SHOWN = 5  # words


def said_by(captioner: str) -> str:
    """A `Source.captioner` as people read it."""
    return "given" if captioner == "user" else captioner


@dataclass(frozen=True, repr=False)
class Source:
    """Where a word came from: a caption of a view, or the user.

    Attributes:
        captioner: ``points``, ``images``, or ``user`` for a word or a caption that was given.
        view: name of the view that was captioned, None for a word that was given.
        caption: the sentence the word was taken from, None for a word that was given.
    """

    captioner: str
    view: str | None = None
    caption: str | None = None

    def __repr__(self) -> str:
        return f"<Source {' '.join(filter(None, (said_by(self.captioner), self.view)))}>"


@dataclass(frozen=True, repr=False)
class Vocabulary:
    """Ordered unique words; `sources[i]` tells where `words[i]` came from (may be empty)."""

    words: tuple[str, ...]
    sources: tuple[tuple[Source, ...], ...] = ()

    def __post_init__(self) -> None:
        check_several(self.words)
        words = tuple(self.words)
        if any(not isinstance(word, str) or not word.strip() for word in words):
            raise ValueError("every word of a vocabulary must be a non-empty string")
        if len(set(words)) != len(words):
            raise ValueError("the words of a vocabulary must be unique")
        sources = tuple(self.sources) or tuple(() for _ in words)
        if len(sources) != len(words):
            raise ValueError(f"{len(sources)} sources for {len(words)} words")
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "sources", sources)

    def __repr__(self) -> str:
        more = ", …" if len(self) > _SHOWN else ""
        return f"<Vocabulary of {len(self)} words: {', '.join(self.words[:_SHOWN])}{more}>"

    @classmethod
    def from_words(cls, words: Iterable[str], captioner: str = "user") -> Vocabulary:
        """Words given by hand: white space trimmed, empty and repeated ones dropped, order kept."""
        check_several(words)
        unique = dict.fromkeys(" ".join(word.split()) for word in words)
        unique.pop("", None)
        return cls(tuple(unique), tuple((Source(captioner),) for _ in unique))

    @classmethod
    def merge(cls, *vocabularies: Vocabulary) -> Vocabulary:
        """Union in order: a word keeps its first place and collects all its sources."""
        found: dict[str, tuple[Source, ...]] = {}
        for vocabulary in vocabularies:
            for word, sources in zip(vocabulary.words, vocabulary.sources, strict=True):
                found[word] = found.get(word, ()) + sources
        return cls(tuple(found), tuple(found.values()))

    def folded(self, embeddings: np.ndarray, alike: float) -> Vocabulary:
        """The words without near-duplicates: one that is more alike to an earlier one than `alike`
        becomes part of that, with its sources.

        Args:
            embeddings: (W, D) of the words, L2-normalised.
            alike: cosine similarity.
        """
        near = embeddings @ embeddings.T > alike
        stands: list[int] = []
        sources: dict[int, tuple[Source, ...]] = {}
        for index, more in enumerate(self.sources):
            first = next((earlier for earlier in stands if near[index, earlier]), index)
            if first == index:
                stands.append(index)
            sources[first] = tuple(dict.fromkeys(sources.get(first, ()) + more))
        return Vocabulary(tuple(self.words[i] for i in stands), tuple(sources.values()))

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def to_json(self) -> dict[str, Any]:
        """Plain data for `STEM.vocabulary.json`."""
        return {
            "words": list(self.words),
            "sources": {
                word: [
                    {"captioner": s.captioner, "view": s.view, "caption": s.caption}
                    for s in sources
                ]
                for word, sources in zip(self.words, self.sources, strict=True)
            },
        }


def check_several(words: object) -> None:
    """Raise `TypeError` for one text, whose letters would be the words."""
    if isinstance(words, str):
        raise TypeError(f"words are given as a list, such as {words.split(',')!r}, not as one text")
