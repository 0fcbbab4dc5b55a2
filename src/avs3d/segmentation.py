"""`Segmentation`: the result, aligned with the input points."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avs3d.palette import palette, steady_palette
from avs3d.scan import Scan
from avs3d.vocabulary import Vocabulary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNLABELLED = -1


@dataclass(frozen=True, repr=False)
class Segmentation:
    """A word for every input point, in input order.

    Attributes:
        scan: the input.
        label: (N,) int32 index into `vocabulary.words`; -1 where a point has no position, or
            was left unlabelled.
        score: (N,) float32: the chance that the word is right, or, where the bundle knows no
            chances, the cosine similarity of point and word; 0 where a point has no position.
        vocabulary: the words.
        bundle: name of the bundle that made it.
        captions: view name -> caption that the words came from ({} for a fixed list).
        timings: step -> seconds.
        similarity: mean cosine similarity of points and their words; None where unknown.
        cosine: (N,) float32 cosine similarity of each point and the word that fits it best, 0 where
            a point has no position; None where unknown.
        queries: what was asked of the scan -> (N,) float32 similarity, NaN where unknown; see
            `EncodedScan.query`.
        steady: a word has the same colour in every scan, see `avs3d.palette.steady_palette`.
    """

    scan: Scan
    label: np.ndarray
    score: np.ndarray
    vocabulary: Vocabulary
    bundle: str
    captions: dict[str, str] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    similarity: float | None = None
    cosine: np.ndarray | None = None
    queries: dict[str, np.ndarray] = field(default_factory=dict)
    steady: bool = False

    def __post_init__(self) -> None:
        count = len(self.scan)
        for key, dtype in (("label", np.int32), ("score", np.float32), ("cosine", np.float32)):
            if key == "cosine" and self.cosine is None:
                continue
            value = np.ascontiguousarray(getattr(self, key), dtype=dtype)
            if value.shape != (count,):
                raise ValueError(f"{key} must have shape ({count},), got {value.shape}")
            object.__setattr__(self, key, value)
        if count and not (
            UNLABELLED <= self.label.min() and self.label.max() < len(self.vocabulary)
        ):
            raise ValueError("label must be -1 or an index into the vocabulary")

    def __repr__(self) -> str:
        name = self.scan.name if self.scan.path is None else self.scan.path.name
        return f"<Segmentation {name}: {len(self.scan):,} points, {self.used}, {self.bundle}>"

    @property
    def used(self) -> str:
        """How many of the words have points: ``42 of 49 words``."""
        used = len(np.unique(self.label[self.label >= 0]))
        return f"{used} of {len(self.vocabulary)} words"

    @property
    def colors(self) -> np.ndarray:
        """(W, 3) uint8 RGB of the words."""
        return (steady_palette if self.steady else palette)(self.vocabulary.words)

    def unlabel(self, min_score: float) -> Segmentation:
        """The same without the labels whose score is below `min_score`; scores stay."""
        label = np.where(self.score >= np.float32(min_score), self.label, UNLABELLED)
        return replace(self, label=label.astype(np.int32))

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write by extension (see `avs3d.io.write`) and return the path.

        Raises:
            UserError: the extension is not one that can be written, or the file is there already
                and `overwrite` is not set.
        """
        from avs3d.io import write

        return write(self, Path(path), overwrite=overwrite)

    def plot(self) -> Figure:
        """A matplotlib figure: the scan from above and from the sensor, coloured by word, with a
        legend, as in `STEM.png`."""
        from avs3d.report.picture import picture

        return picture(self).figure

    def show(self) -> None:
        """Look at it: in a notebook below the cell, from a script in the browser. It is the page
        of ``--report``, with the cloud to turn.

        Raises:
            UserError: viser is not installed.
        """
        from avs3d.report.showing import show_page

        show_page(self)

    def summary(self) -> list[dict[str, Any]]:
        """One row per word that has points, most points first.

        Keys: word, points, share (of all points), score (mean), sources (tuple of `Source`).
        """
        labelled = self.label >= 0
        counts = np.bincount(self.label[labelled], minlength=len(self.vocabulary))
        sums = np.bincount(
            self.label[labelled], weights=self.score[labelled], minlength=len(self.vocabulary)
        )
        order = np.argsort(-counts, kind="stable")
        return [
            {
                "word": self.vocabulary.words[i],
                "points": int(counts[i]),
                "share": float(counts[i] / max(len(self.label), 1)),
                "score": float(sums[i] / counts[i]),
                "sources": self.vocabulary.sources[i],
            }
            for i in order
            if counts[i]
        ]
