"""Captions that say only what is sure: how likely a view holds each kind of thing, and a gate
that no other noun passes while a caption is decoded.

A captioner sees a view as one embedding and guesses; the voxels of the view know better what is
there, but not how to say it. So the voxels decide which nouns may be said, and the language model
makes a sentence of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from avs3d.bundle_config import SayingConfig

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

_SPACE = "\u0120"  # what byte-level BPE makes of a space
_WORD = re.compile(r"[\w'-]+|[^\w\s]")  # a name does not go on behind a comma
_LEAST = 0.1  # voxels; of a kind that no voxel is


@dataclass(frozen=True)
class Seen:
    """What V views show of K kinds, (V, K) each.

    Attributes:
        voxels: logarithm of how many voxels are of the kind, by their shares of it.
        peak: the largest share of one voxel.
        likeness: the largest similarity of a voxel with one of the kind's anchors.
    """

    voxels: np.ndarray
    peak: np.ndarray
    likeness: np.ndarray


def see(
    masks: Tensor,
    similarity: Callable[[Tensor], Tensor],
    anchors: Sequence[Sequence[int]],
    scale: float,
) -> Seen:
    """What views show of kinds.

    Args:
        masks: (M, V) bool, the voxels of each view.
        similarity: rows of voxels -> (rows, A) cosine similarity with the anchors.
        anchors: those of each kind.
        scale: see `SayingConfig`.
    """
    found = np.zeros((3, masks.shape[1], len(anchors)), np.float32)
    found[0], found[2] = np.log(_LEAST), -1.0
    member: Tensor | None = None
    for view, mask in enumerate(masks.T):
        rows = torch.nonzero(mask)[:, 0]
        if not len(rows):
            continue
        alike = similarity(rows)
        if member is None:
            member = alike.new_zeros(alike.shape[1], len(anchors))
            for kind, some in enumerate(anchors):
                member[list(some), kind] = 1.0
        share = (scale * alike).softmax(1) @ member
        best = alike.max(0).values[:, None].masked_fill(member == 0, -1.0)
        of_kinds = ((share.sum(0) + _LEAST).log(), share.max(0).values, best.max(0).values)
        for column, values in enumerate(of_kinds):
            found[column, view] = values.cpu().numpy()
    return Seen(*found)


def kind_chances(config: SayingConfig, seen: Seen) -> np.ndarray:
    """(V, K) chance that each view holds each kind."""
    bias = np.array([kind.bias for kind in config.kinds])
    logit = config.voxels * seen.voxels + config.peak * seen.peak + config.likeness * seen.likeness
    chance: np.ndarray = 1 / (1 + np.exp(-(logit + bias)))
    return chance


@dataclass(eq=False)
class _Node:
    """A place in a name, token by token.

    Attributes:
        next: token -> the place behind it.
        kind: what the name up to here is of; -1 where it is no name.
        kinds: bits of what the names that go through here are of.
        whole: it is the end of a word that says nothing alone, as "traffic" of "traffic light".
    """

    next: dict[int, _Node] = field(default_factory=dict)
    kind: int = -1
    kinds: int = 0
    whole: bool = False


_NOWHERE = _Node()


class Names:
    """The words of the kinds, in texts.

    Attributes:
        kind: number of the kind of each word.
    """

    def __init__(self, config: SayingConfig) -> None:
        self.kind = {word: k for k, kind in enumerate(config.kinds) for word in kind.words}
        self._longest = max(word.count(" ") + 1 for word in self.kind)

    def read(self, text: str) -> tuple[int, list[str]]:
        """Bits of the kinds that a text names, and its other words and marks, in lower case."""
        words, kinds, rest, start = _WORD.findall(text.lower()), 0, [], 0
        while start < len(words):
            ends = range(min(start + self._longest, len(words)), start, -1)
            names = ((end, self.kind.get(" ".join(words[start:end]), -1)) for end in ends)
            end, kind = next(((end, k) for end, k in names if k >= 0), (start + 1, -1))
            if kind < 0:
                rest.append(words[start])
            start, kinds = end, kinds | _bit(kind)
        return kinds, rest


class Gate:
    """Which tokens may follow, so that nothing is named that must not be.

    The longest name counts: who may say "street lamp" but not "street" can, and the other way
    round. No kind is named twice in a caption. Nouns that the config does not know may be said.

    Args:
        config: the kinds and their words.
        tokenizer: of the captioner.
    """

    def __init__(self, config: SayingConfig, tokenizer: Tokenizer) -> None:
        self._size = tokenizer.get_vocab_size()
        self._first, self._inside = _Node(), _Node()
        self._names, self._speech = Names(config), frozenset(config.speech)
        for word, kind in self._names.kind.items():
            for form in dict.fromkeys((word, word[:1].upper() + word[1:])):
                self._add(self._first, tokenizer.encode(form), kind, config.attributes)
            self._add(self._inside, tokenizer.encode(f" {word}"), kind, config.attributes)
        self._only_after = {
            tokenizer.encode(f" {word}").ids[0]: tokenizer.encode(f" {before}").ids
            for word, before in config.only_after.items()
        }
        self._behind = lru_cache(maxsize=4096)(self._behind_of)

    def _add(self, node: _Node, name: Encoding, kind: int, attributes: Sequence[str]) -> None:
        for place, token in enumerate(name.ids):
            node = node.next.setdefault(token, _Node())
            node.kinds |= 1 << kind
            rest = name.tokens[place + 1 :]
            said = "".join(name.tokens[: place + 1]).strip(_SPACE).lower()
            node.whole |= bool(rest) and rest[0].startswith(_SPACE) and said not in attributes
        node.kind = kind

    def forbid(self, may: Sequence[int]) -> Callable[[list[int], list[list[int]]], Tensor]:
        """See `avs3d.models.prefix_lm.Forbid`.

        Args:
            may: of each row of the embeddings bits of the kinds that may be said.
        """

        def forbidden(rows: list[int], said: list[list[int]]) -> Tensor:
            found = [self._after(tokens, may[row]) for row, tokens in zip(rows, said, strict=True)]
            return torch.from_numpy(np.stack(found))

        return forbidden

    def names(self, text: str) -> int:
        """Bits of the kinds that a caption names; none where it has words that are none."""
        kinds, rest = self._names.read(text)
        return 0 if self._speech and not self._speech.issuperset(rest) else kinds

    def _after(self, tokens: list[int], may: int) -> np.ndarray:
        """(vocabulary,) bool, what must not follow these tokens."""
        node = self._first
        for token in tokens:
            if token not in node.next:
                may &= ~_bit(node.kind)
                node = self._inside
            node = node.next.get(token, _NOWHERE)
        after = self._behind(node, may).copy()
        if tokens:
            after[tokens[-1]] = True  # "distant distant"
        for token, before in self._only_after.items():
            if tokens[-len(before) :] != before:
                after[token] = True
        return after

    def _behind_of(self, node: _Node, may: int) -> np.ndarray:
        """(vocabulary,) bool, what must not follow at a place in a name."""
        closed = np.zeros(self._size, bool)
        if node.whole if node.kind < 0 else not may & _bit(node.kind):
            closed[:] = True  # only a longer name may be made of it
        elif node is not self._first:
            # No name stands right behind another.
            others = may if node.kind < 0 else 0
            for token, behind in self._inside.next.items():
                closed[token] = _closed(behind, others)
        for token, behind in node.next.items():
            closed[token] = _closed(behind, may)
        return closed


def bits(kinds: np.ndarray) -> list[int]:
    """One bit for each kind of the rows of (V, K) bool."""
    return [sum(_bit(int(kind)) for kind in np.flatnonzero(row)) for row in kinds]


def of_bits(kinds: int) -> list[int]:
    """The kinds whose bits are set."""
    return [kind for kind in range(kinds.bit_length()) if kinds >> kind & 1]


def _bit(kind: int) -> int:
    return 0 if kind < 0 else 1 << kind


def _closed(node: _Node, may: int) -> bool:
    """Whether no name that may be said goes through a place where one must be."""
    return (node.kind >= 0 or node.whole) and not node.kinds & may
