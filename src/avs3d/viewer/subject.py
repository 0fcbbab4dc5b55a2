"""`Subject`: one scan that is looked at, its words, and a way to ask it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from avs3d.scan import Scan
from avs3d.segmentation import UNLABELLED, Segmentation
from avs3d.views import Views, camera_views, lidar_sectors, viewpoint
from avs3d.vocabulary import Vocabulary

if TYPE_CHECKING:
    from avs3d.encoded import EncodedScan

_SECTOR = re.compile(r"sector (\d+)")


@dataclass(frozen=True)
class Edits:
    """What a user made of the words of a scan.

    Attributes:
        words: to choose from.
        merged: word -> the word under which its points appear.
    """

    words: tuple[str, ...]
    merged: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[str, ...]:
        """The words that points can have."""
        return tuple(word for word in self.words if word not in self.merged)

    def add(self, words: tuple[str, ...]) -> Edits:
        """With more words; one that was merged stands for itself again."""
        merged = {word: into for word, into in self.merged.items() if word not in words}
        return Edits(tuple(dict.fromkeys(self.words + words)), merged)

    def remove(self, word: str) -> Edits:
        """Without a word, and without those that were merged into it."""
        gone = {word, *(other for other, into in self.merged.items() if into == word)}
        kept = {other: into for other, into in self.merged.items() if other not in gone}
        return Edits(tuple(other for other in self.words if other not in gone), kept)

    def merge(self, word: str, into: str) -> Edits:
        """Points of a word appear under another one."""
        if word == into:
            return self
        merged = {other: into if old == word else old for other, old in self.merged.items()}
        return Edits(self.words, {**merged, word: into})


class Subject:
    """One scan that is looked at.

    Args:
        segmentation: its words, as they were found or stored.
        encode: makes its features; called when it is asked for the first time.
        views: that its captions are of, a number of sectors or ``squares``; None: not known.
        min_score: points with a lower score stay unlabelled; None: none do.

    Attributes:
        original: the words as they were found or stored.
        result: the words as they are now.
    """

    def __init__(
        self,
        segmentation: Segmentation,
        encode: Callable[[], EncodedScan],
        views: Views | None = None,
        min_score: float | None = None,
    ) -> None:
        self.original = segmentation
        self.result = segmentation
        self._encode = encode
        self._views = views
        self._min_score = min_score

    @property
    def scan(self) -> Scan:
        return self.original.scan

    @cached_property
    def encoded(self) -> EncodedScan:
        """Its features. Raises `UserError` when they cannot be made."""
        return self._encode()

    @property
    def is_encoded(self) -> bool:
        """Whether asking it is quick."""
        return "encoded" in vars(self)

    def edit(self, edits: Edits | None) -> None:
        """Label its points anew with edited words; as at first where None.

        Raises:
            UserError: there is no word left, or the scan cannot be encoded.
        """
        if edits is None:
            self.result = self.original
            return
        sources = dict(zip(self.original.vocabulary, self.original.vocabulary.sources, strict=True))
        given = Vocabulary.from_words(edits.words)
        told = [sources.get(word) or own for word, own in zip(given, given.sources, strict=True)]
        found = self.encoded.segment(Vocabulary(given.words, tuple(told)))
        found = found if self._min_score is None else found.unlabel(self._min_score)
        self.result = replace(
            merged(found, edits.merged),
            captions=self.original.captions,
            steady=self.original.steady,
        )

    def query(self, text: str) -> np.ndarray:
        """(N,) float32 cosine similarity of every point with words; NaN where there is none."""
        return self.encoded.query(text)

    def best_words(self, point: int, count: int = 5) -> list[tuple[str, float]]:
        """The words most like a point, and their cosine similarity, best first."""
        if self.result.label[point] == UNLABELLED and not self.scan.finite[point]:
            return []
        words = self.result.vocabulary.words
        similarity = self.encoded.similarity(point, self.result.vocabulary)
        best = np.argsort(-similarity, kind="stable")[:count]
        return [(words[i], float(similarity[i])) for i in best]

    def view(self, name: str) -> np.ndarray | None:
        """(N,) bool, the points of a captioned view; None where that is not known."""
        sector = _SECTOR.fullmatch(name)
        finite = self.scan.finite
        if sector and isinstance(self._views, int) and int(sector[1]) < self._views:
            inside = np.zeros(len(self.scan), bool)
            points = self.scan.points[finite] - viewpoint(self.scan)
            inside[finite] = lidar_sectors(points, self._views)[:, int(sector[1])]
            return inside
        camera = self.camera(name)
        if camera is None:
            return None
        index = [camera.name for camera in self.scan.cameras].index(camera)
        seen: np.ndarray = camera_views(self.scan)[:, index]
        return seen

    def camera(self, name: str) -> str | None:
        """The camera of a view; None where it is of none."""
        names = [camera.name for camera in self.scan.cameras]
        return next((one for one in names if name in (one, f"camera {one}")), None)

    def sector(self, name: str) -> tuple[float, float] | None:
        """From which to which azimuth a view goes, radians; None where it is no sector."""
        sector = _SECTOR.fullmatch(name)
        if not sector or not isinstance(self._views, int) or int(sector[1]) >= self._views:
            return None
        step = 2 * np.pi / self._views
        return -np.pi + int(sector[1]) * step, -np.pi + (int(sector[1]) + 1) * step


def merged(result: Segmentation, into: Mapping[str, str]) -> Segmentation:
    """The same where points of some words have another one of its words."""
    words = result.vocabulary.words
    kept = [word for word in words if into.get(word, word) not in words or word not in into]
    index = {word: i for i, word in enumerate(kept)}
    new = np.array([index[into[w] if w in into and w not in index else w] for w in words] + [-1])
    sources = dict(zip(words, result.vocabulary.sources, strict=True))
    vocabulary = Vocabulary(tuple(kept), tuple(sources[word] for word in kept))
    return replace(result, label=new[result.label].astype(np.int32), vocabulary=vocabulary)
