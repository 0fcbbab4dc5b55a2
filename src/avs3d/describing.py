"""What is said of a scan: sentences about points and images, and their words (paper, 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from avs3d.captioning.grounding import Evidence, ground
from avs3d.captioning.saying import Seen, bits, kind_chances, of_bits, see
from avs3d.errors import ReadError, UserError
from avs3d.io.source import show
from avs3d.published.quirks import EMPTY_CAPTION
from avs3d.segmenter import best, chances
from avs3d.sparse import SparseTensor
from avs3d.tagging import nouns
from avs3d.views import Views, point_views
from avs3d.vocabulary import Source, Vocabulary

if TYPE_CHECKING:
    from avs3d.bundle_config import SayingConfig
    from avs3d.chat import Usage
    from avs3d.encoded import EncodedScan

_IMAGES_AT_ONCE = 8  # in memory


@dataclass(frozen=True)
class Told:
    """What one captioner, or several, said.

    Attributes:
        captions: view -> sentence.
        vocabulary: the words of these.
        left_out: images that have no sentence, and why, a line each.
        usage: what the image captioner was asked, and what it took.
    """

    captions: dict[str, str]
    vocabulary: Vocabulary
    left_out: tuple[str, ...] = ()
    usage: Usage | None = None


def describe(encoded: EncodedScan, views: Views | None) -> Told:
    """What the captioners that the pipeline's sources name say of a scan.

    Words of images stand before those of points, as published.

    Args:
        encoded: the scan.
        views: see `EncodedScan.captions`.

    Raises:
        UserError: nothing names a thing.
    """
    sources = encoded.pipeline.sources
    told = []
    if sources.from_images:
        told.append(encoded.of_images)
    if sources.from_points:
        told.append(describe_points(encoded, views))
    captions = {view: text for one in told for view, text in one.captions.items()}
    vocabulary = Vocabulary.merge(*(one.vocabulary for one in told))
    if sources.fold is not None and len(vocabulary):
        embeddings = encoded.pipeline.words(vocabulary.words).cpu().numpy()
        vocabulary = vocabulary.folded(embeddings, sources.fold)
    return Told(captions, vocabulary)


def describe_given(encoded: EncodedScan, captions: Mapping[str, str]) -> Told:
    """What a user said."""
    return Told(dict(captions), _tag(encoded, captions, "user"))


def describe_images(encoded: EncodedScan) -> Told:
    """A sentence per camera; images of which nothing is said are left out."""
    from avs3d.cameras import pixels
    from avs3d.cameras.images import unused

    captioner, cameras = encoded.pipeline.image_captioner, encoded.scan.cameras
    before = replace(captioner.usage)
    captions, left_out = {}, [] if cameras else ["images: there are none to describe"]
    with encoded.timed("describe"):
        for start in range(0, len(cameras), _IMAGES_AT_ONCE):
            some, opened = cameras[start : start + _IMAGES_AT_ONCE], []
            which = f"{start + 1} to {start + len(some)} of {len(cameras)}"
            encoded.pipeline.status(f"describing images {which}")
            for camera in some:
                try:
                    opened.append((camera, pixels(camera.image)))
                except ReadError as error:  # it was whole when the scan was read
                    left_out.append(unused(camera, error))
            replies = captioner.describe([image for _, image in opened])
            for (camera, _), reply in zip(opened, replies, strict=True):
                if reply.error:
                    where = "image" if isinstance(camera.image, np.ndarray) else camera.image
                    left_out.append(
                        f"camera {show(camera.name)}: {where}: no caption: {reply.error}"
                    )
                else:
                    captions[camera.name] = reply.text
    usage = captioner.usage - before
    return Told(captions, _tag(encoded, captions, "images"), tuple(left_out), usage)


def describe_points(encoded: EncodedScan, views: Views | None) -> Told:
    """A sentence per view that holds points.

    Where a bundle knows what its words name, captions say only what is sure, see
    `avs3d.captioning.saying`; where one captions every view several times, the points choose, see
    `avs3d.captioning.grounding`.
    """
    captioner, saying = encoded.pipeline.captioner, encoded.pipeline.bundle.config.saying
    with encoded.timed("pool"):
        views = encoded.pipeline.bundle.config.views if views is None else views
        names, masks, embeddings = _pool(encoded, views)
    if saying is not None:
        told = _describe_surely(encoded, saying, names, masks, embeddings)
        if len(told.vocabulary):
            return told
    with encoded.timed("caption"):
        texts = captioner.candidates(embeddings)
    if encoded.pipeline.published:
        texts = [[text or EMPTY_CAPTION for text in some] for some in texts]
    candidates = dict(zip(names, texts, strict=True))
    if all(len(texts) == 1 for texts in candidates.values()):
        captions = {view: texts[0] for view, texts in candidates.items() if texts[0]}
        return Told(captions, _tag(encoded, captions, "points"))
    grounded = ground(
        candidates,
        masks.numpy(),
        lambda captions: _tag(encoded, captions, "points"),
        lambda words: _look(encoded, words),
    )
    return Told(grounded.captions, grounded.vocabulary)


def _describe_surely(
    encoded: EncodedScan,
    config: SayingConfig,
    names: list[str],
    masks: Tensor,
    embeddings: np.ndarray,
) -> Told:
    """A sentence per view of which something is sure, and the words of all that were drafted.

    The last two drafts are for the sake of words: one may say what is likely, one what is likely
    enough for a guess, but not what is sure, so that it has to come to the rest. The sentence is
    that of the others which names most that is sure.
    """
    draws = encoded.pipeline.bundle.config.captioner.draws  # type: ignore[union-attr]
    with encoded.timed("see"):
        chance = kind_chances(config, see_kinds(encoded, config, masks))
        certain = chance >= config.sentences
        sure = bits(certain)
        looser = bits(chance >= config.words), bits((chance >= config.guesses) & ~certain)
    drafts_of = [sure] * max(draws - 1, 1) + list(looser[:draws])
    may = list(zip(*drafts_of, strict=True))
    with encoded.timed("caption"):
        drafts = encoded.pipeline.captioner.sure(embeddings, may)
    captions: dict[str, str] = {}
    sources: dict[str, Source] = {}
    for view, (name, said) in enumerate(zip(names, drafts, strict=True)):
        most = 0.0
        for number, (text, kinds) in enumerate(said):
            sources[f"{name} {number}"] = Source("points", name, text)
            behind = float(chance[view, of_bits(kinds)].sum())
            if not kinds & ~sure[view] and behind > most:
                most, captions[name] = behind, text
    found = _tag(encoded, {key: source.caption or "" for key, source in sources.items()}, "points")
    of_words = (
        tuple(dict.fromkeys(sources[source.view or ""] for source in some))
        for some in found.sources
    )
    return Told(captions, Vocabulary(found.words, tuple(of_words)))


def see_kinds(encoded: EncodedScan, config: SayingConfig, masks: Tensor) -> Seen:
    """What views, (M, V) bool, show of the kinds that captions name."""
    pipeline = encoded.pipeline
    words = pipeline.words(config.anchors)
    return see(
        masks.to(pipeline.device),
        lambda rows: pipeline.cosines.similarity(encoded.trunk[rows], words),
        [kind.anchors for kind in config.kinds],
        config.scale,
    )


def _tag(encoded: EncodedScan, captions: Mapping[str, str], captioner: str) -> Vocabulary:
    with encoded.timed("tag"):
        return nouns(captions, captioner, compounds=not encoded.pipeline.published)


def _look(encoded: EncodedScan, words: tuple[str, ...]) -> Evidence:
    """What the 3D network says of the voxels."""
    pipeline = encoded.pipeline
    with encoded.timed("ground"):
        config = pipeline.bundle.config.score
        embeddings = pipeline.words(words)
        found = best(pipeline.head, encoded.trunk, embeddings)
        sure = torch.ones_like(found.similarity)
        if config is not None:
            sure = chances(config, found.similarity, found.lead)
        return Evidence(*(part.cpu().numpy() for part in (found.label, sure, embeddings)))


def _pool(encoded: EncodedScan, views: Views) -> tuple[list[str], Tensor, np.ndarray]:
    """Names of the views that hold voxels, (M, V) which, and (V, D) what is in them."""
    pipeline, scan = encoded.pipeline, encoded.scan
    pooling, network = pipeline.bundle.pooling, pipeline.bundle.network
    assert pooling is not None
    names, columns = point_views(
        scan, encoded.first_points, views, cell=pipeline.sources.cell, published=pipeline.published
    )
    if not names:
        path = scan.path or scan.name
        if scan.sweep is not None and not (scan.sweep == 0).any():
            raise UserError(f"{path}: has no point of sweep 0, the key frame: count sweeps from 0")
        raise UserError(f"{path}: has no {views} to describe; leave out --views {views}")
    masks = torch.from_numpy(columns)
    x = SparseTensor(encoded.trunk, encoded.level)
    positioned = pooling.position(x, network.final.kernel)
    embeddings = pooling.pool(positioned, masks.to(encoded.trunk.device))
    return names, masks, embeddings.cpu().numpy()
