"""LAVE: which class of a dataset a free word means, or void where it means none.

A mapper is anything with the protocol `Mapper`. Whatever the mapper, a word that is the name of a
class means that class. Where a label set has detailed names (nuScenes: 43 for 16 classes), words
are compared with those, and then taken to the class.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from avs3d.config_file import FILES
from avs3d.environment import torch_device
from avs3d.errors import UserError
from avs3d.evaluation.iou import VOID
from avs3d.io.source import show
from avs3d.labelsets import LabelSet, load, plain
from avs3d.published.texts import read_mapping
from avs3d.text import TextEncoder, load_text_encoder

THRESHOLD = 0.45
"""Cosine similarity of MiniLM below which a word is no class; see docs/evaluation.md."""
_VOID_NAMES = ("void", "background", "none", "")


@dataclass(frozen=True)
class Targets:
    """What words are mapped to.

    Attributes:
        labels: the classes.
        names: names that words are compared with.
        ids: the class of each name, or `VOID`.
    """

    labels: LabelSet
    names: tuple[str, ...]
    ids: tuple[int, ...]

    @classmethod
    def of(cls, labels: LabelSet) -> Targets:
        """The detailed names of a label set where it has some, else those of its classes."""
        if labels.detailed is None:
            return cls(labels, labels.classes, tuple(range(len(labels))))
        detailed = load(labels.detailed)
        ids = [VOID if i == labels.ignored else i for i in detailed.to_parent]
        return cls(labels, detailed.classes, tuple(ids))

    def find(self, name: str) -> int | None:
        """The class that has this name, by itself or among the detailed ones; None: there is none.

        Case, ``-`` and ``_`` do not count.
        """
        return self._ids.get(plain(name))

    @cached_property
    def _ids(self) -> dict[str, int]:
        detailed = zip(map(plain, self.names), self.ids, strict=True)
        classes = {plain(name): index for index, name in enumerate(self.labels.classes)}
        return dict(detailed) | classes


@dataclass(frozen=True)
class Mapped:
    """What a word was mapped to, and why.

    Attributes:
        word: the word.
        class_id: index of its class, or `VOID`.
        by: name of the mapper, or ``own name``.
        why: what it was found alike to, what the reply was, or why it is void.
        similarity: of the word and what it was found alike to, or None.
        agreement: share of further answers of a language model that mean the same, or None.
    """

    word: str
    class_id: int
    by: str
    why: str = ""
    similarity: float | None = None
    agreement: float | None = None


class Mapper(Protocol):
    """Maps words to classes."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    def map(self, words: Sequence[str], targets: Targets) -> list[Mapped]:
        """What each word means, in their order.

        Raises:
            UserError: it cannot work at all; a word that it can make nothing of is void.
        """
        ...


class NameMapper:
    """Words that end in the name of a class: ``delivery truck`` is a truck. Needs no model."""

    name = "names"

    def map(self, words: Sequence[str], targets: Targets) -> list[Mapped]:
        """See `Mapper`."""
        return [self._map(word, targets) for word in words]

    def _map(self, word: str, targets: Targets) -> Mapped:
        parts = plain(word).split()
        for start in range(1, len(parts)):
            name = " ".join(parts[start:])
            found = targets.find(name)
            if found is not None:
                return Mapped(word, found, self.name, f"ends in {name}")
        return Mapped(word, VOID, self.name, "ends in no class")


class SimilarityMapper:
    """The name that is most alike in the space of a text encoder.

    Args:
        encoder: for example the packaged MiniLM.
        threshold: of the cosine similarity; a word that is less alike to all names is void.
    """

    def __init__(self, encoder: TextEncoder, threshold: float = THRESHOLD) -> None:
        self.name = encoder.name
        self._encoder = encoder
        self._threshold = threshold

    def map(self, words: Sequence[str], targets: Targets) -> list[Mapped]:
        """See `Mapper`."""
        if not words:
            return []
        similarity = self._encoder.encode(words) @ self._encoder.encode(targets.names).T
        return [
            self._decide(word, row, targets) for word, row in zip(words, similarity, strict=True)
        ]

    def _decide(self, word: str, similarity: np.ndarray, targets: Targets) -> Mapped:
        best = int(similarity.argmax())
        value = float(similarity[best])
        alike = value >= self._threshold
        why = f"{'like' if alike else 'too little like'} {targets.names[best]}"
        return Mapped(word, targets.ids[best] if alike else VOID, self.name, why, round(value, 4))


class FileMapper:
    """A JSON file, ``{word: class}``; a class may also be one of the detailed names, or void.

    Args:
        path: the file.

    Raises:
        UserError: it cannot be read, or is not like that.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self._classes = {plain(word): name for word, name in read_mapping(path).items()}

    def map(self, words: Sequence[str], targets: Targets) -> list[Mapped]:
        """See `Mapper`.

        Raises:
            UserError: the file names a class that there is not.
        """
        for name in dict.fromkeys(self._classes.values()):
            if plain(name) not in _VOID_NAMES and targets.find(name) is None:
                known = list(dict.fromkeys([*targets.labels.classes, *targets.names]))
                near = difflib.get_close_matches(plain(name), known, n=3, cutoff=0.5) or known[:5]
                raise UserError(
                    f"{show(self._path)}: {show(name)[:60]!r} is no class of {targets.labels.name};"
                    f" there are {', '.join(near)}, …, and void"
                )
        return [self._map(word, targets) for word in words]

    def _map(self, word: str, targets: Targets) -> Mapped:
        name = self._classes.get(plain(word))
        if name is None:
            return Mapped(word, VOID, self.name, "not in the file")
        found = targets.find(name)
        return Mapped(word, VOID if found is None else found, self.name, f"the file says {name}")


@dataclass
class Mapping:
    """What a mapper said of all words so far; each word is mapped once.

    Attributes:
        mapper: who maps.
        targets: to what.
        found: word -> what it was mapped to.
    """

    mapper: Mapper
    targets: Targets
    found: dict[str, Mapped] = field(default_factory=dict)

    def ids(self, words: Sequence[str]) -> np.ndarray:
        """(W,) int64 class of each word, or `VOID`."""
        fresh = [word for word in dict.fromkeys(words) if word not in self.found]
        unnamed = []
        for word in fresh:
            own = self.targets.find(word)
            if own is None:
                unnamed.append(word)
            else:
                self.found[word] = Mapped(word, own, "own name")
        for mapped in self.mapper.map(unnamed, self.targets):
            self.found[mapped.word] = mapped
        return np.array([self.found[word].class_id for word in words], np.int64)


def load_mapper(
    spec: str, threshold: float = THRESHOLD, samples: int = 0, device: str = "auto"
) -> Mapper:
    """The mapper of a spec.

    Args:
        spec: ``minilm`` (packaged), ``names``, the path of a mapping file (.json), or a language
            model: see `avs3d.chat.config.read_spec`, a hub id as ``owner/name``.
        threshold: see `SimilarityMapper`.
        samples: see `avs3d.evaluation.asking.ChatMapper`.
        device: where a language model runs that is no server's, see `avs3d.load`.

    Raises:
        UserError: it is none of these, the file cannot be read, or the model cannot be loaded.
    """
    if spec == "minilm":
        return SimilarityMapper(load_text_encoder(spec), threshold)
    if spec == NameMapper.name:
        return NameMapper()
    path = Path(os.path.expanduser(spec))
    if path.suffix.lower() == ".json":
        return FileMapper(path)
    if not ("/" in spec or os.path.isdir(path) or path.suffix.lower() in FILES):
        raise UserError(
            f"--mapper {show(spec)}: no such mapper; give minilm, names, a .json file, or a"
            " language model: a folder, a hub id (owner/name), http://HOST/v1#MODEL, or a .yaml"
        )
    from avs3d.chat import ChatConfig, load_chat
    from avs3d.chat.config import read_spec
    from avs3d.evaluation.asking import ChatMapper

    config = read_spec(spec, ChatConfig, "mapper")
    where = "cpu" if config.server is not None else str(torch_device(device))
    return ChatMapper(load_chat(config, where), samples)
