"""What a captioner learns from: captions of views, and embeddings of views where there are some."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avs3d.errors import UserError
from avs3d.io.source import show
from avs3d.published.smap import read_image_features
from avs3d.published.texts import read_captions

STOP = "."
"""Ends a captioner's sentence."""


@dataclass(frozen=True)
class Corpus:
    """Views and what can be said of them.

    Attributes:
        captions: of each view several, one at least.
        seen: (views, D) float32 embeddings, NaN where a view has none; None: none has one.
    """

    captions: list[list[str]]
    seen: np.ndarray | None = None


def ended(caption: str) -> str:
    """With the full stop at which a captioner's sentence ends."""
    return caption.rstrip(".!?… ") + STOP


def read_corpus(captions: Path, images: Path | None, dim: int) -> Corpus:
    """Views of a captions file, ``{scene: {view: caption}}``.

    Args:
        captions: the file.
        images: ``cached_img_clip_feature_SPLIT.pt`` with an embedding ``SCENE_VIEW`` of each view;
            None: text alone.
        dim: width of the embeddings that the captioner gets.

    Raises:
        UserError: there are no captions, embeddings are of another width, or none is of a view.
    """
    content = read_captions(captions).content
    told = {
        f"{scene}_{view.removeprefix('camera ')}": ended(text.strip())
        for scene, views in content.items()
        for view, text in views.items()
        if text.strip()
    }
    if not told:
        raise UserError(f"{show(captions)}: holds no captions; make them with `avs3d prepare`")
    if images is None:
        return Corpus([[text] for text in told.values()])
    found = read_image_features(images)
    if (width := found.features.shape[1]) != dim:
        raise UserError(
            f"{show(images)}: its embeddings are {width} wide, the captioner gets {dim}; give"
            " embeddings of the space of the bundle's pooling"
        )
    rows = [row for row, name in enumerate(found.names) if name in told]
    if not rows:
        raise UserError(
            f"{show(images)}: has no embedding of a view of {show(captions)}, such as"
            f" {min(told)}; make both of the same scenes"
        )
    return Corpus(
        [[told[found.names[row]]] for row in rows], found.features[rows].astype(np.float32)
    )  # fmt: skip
