"""The method, top to bottom: encode a scan once, then ask it for captions, words and labels."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from avs3d.bundle import Bundle
from avs3d.captioning import ImageCaptioner, PointCaptioner, load_captioner
from avs3d.encoded import EncodedScan, inference
from avs3d.environment import torch_device
from avs3d.errors import UserError
from avs3d.features import PointFeatures
from avs3d.known_words import KnowingHead
from avs3d.scan import Scan
from avs3d.segmentation import Segmentation
from avs3d.segmenter import Head, WordHead
from avs3d.sources import Sources
from avs3d.text import TextEncoder, load_text_encoder
from avs3d.vision import PixelFeatures
from avs3d.vocabulary import Vocabulary, check_several

_LOADING = threading.RLock()
"""Models are loaded one at a time: transformers imports its parts when they are first needed, which
two threads must not do at once."""


def load(
    name: str | Path = "street-mini",
    device: str = "auto",
    *,
    sources: Sources | None = None,
    published: bool = False,
    seed: int = 0,
) -> Pipeline:
    """A pipeline from a packaged bundle's name, a folder, or a hub id.

    Args:
        name: see `Bundle.load`.
        device: ``cpu``, ``cuda``, ``cuda:1`` … or ``auto``: CUDA when there is one.
        sources: of words and features; points alone when None.
        published: do as the published code does where that is at fault, see
            `avs3d.published.quirks`.
        seed: of what is drawn at random: captions, and as published a turn of each scan.

    Raises:
        UserError: no such bundle, a damaged one, or no such device.
    """
    return Pipeline(Bundle.load(name), device, sources=sources, published=published, seed=seed)


class Pipeline:
    """A bundle on a device, with its text encoder and captioners.

    Attributes:
        bundle: the weights and their config, on the device; one that is elsewhere stays there.
        device: where the networks run.
        sources, published, seed: see `load`.
        cosines: compares features with words.
        head: the same in the light of the words that the bundle was taught, if it tells of any.
        status: called with a few words whenever something slow begins.
    """

    def __init__(
        self,
        bundle: Bundle,
        device: str = "auto",
        *,
        sources: Sources | None = None,
        published: bool = False,
        seed: int = 0,
    ) -> None:
        self.device = torch_device(device)
        self.bundle = bundle = bundle.on(self.device)
        self.sources = sources or Sources()
        self.published = published
        self.seed = seed
        self.status: Callable[[str], None] = lambda text: None
        self.cosines = WordHead(bundle.network.final.kernel.detach())
        self.head: Head = self.cosines
        if bundle.known_words is not None:
            self.head = KnowingHead(self.cosines, bundle.known_words)

    @cached_property
    def text(self) -> TextEncoder:
        with _LOADING:
            return load_text_encoder(self.bundle.text_encoder)

    @property
    def dim(self) -> int:
        """Width of the space of words and features."""
        return int(self.bundle.network.final.kernel.shape[1])

    @cached_property
    def captioner(self) -> PointCaptioner:
        """Raises `UserError` when the bundle has none."""
        if self.bundle.pooling is None or self.bundle.config.captioner is None:
            raise UserError(
                f"bundle {self.bundle.name} has no captioner, so it cannot choose words itself: "
                "give it a vocabulary, or take words from images alone"
            )
        with _LOADING:
            return load_captioner(self.bundle, self.seed)

    @cached_property
    def image_captioner(self) -> ImageCaptioner:
        """Raises `UserError` when the sources name none, or it cannot be loaded."""
        with _LOADING:
            return self.sources.load_image_captioner(self.device)

    @cached_property
    def pixels(self) -> PixelFeatures:
        """Raises `UserError` when they cannot be loaded, or are of another space than words."""
        with _LOADING:
            return self.sources.load_pixels(self.bundle, self.dim, self.device)

    def load_parts(self, *, own_words: bool = True, told_features: bool = False) -> None:
        """Load now what is loaded when it is first needed, so that the first scan takes no longer.

        Args:
            own_words: scans are to find their own.
            told_features: they come with features of their points.

        Raises:
            UserError: a part is missing, or cannot be loaded.
        """
        parts = {
            "text": True,
            "captioner": own_words and self.sources.from_points,
            "image_captioner": own_words and self.sources.from_images,
            "pixels": self.sources.looks_at_images and not told_features,
        }
        for part in (name for name, needed in parts.items() if needed):
            getattr(self, part)

    def words(self, words: tuple[str, ...]) -> Tensor:
        """(W, D) L2-normalised embeddings of words, prompted as the bundle says (paper, 3.4).

        The bundle tells those of the words that it was taught; others the text encoder makes.

        Raises:
            UserError: they are of another width than features.
        """
        check_several(words)
        known = self.bundle.known_words
        found = {} if known is None else known.find(words)
        others = tuple(word for word in dict.fromkeys(words) if word not in found)
        found |= zip(others, self._encoded(others), strict=True)
        rows = [found[word] for word in words]
        return torch.stack(rows) if rows else self._encoded(())

    def _encoded(self, words: tuple[str, ...]) -> Tensor:
        """As `words`, by the text encoder, which is not loaded for none."""
        if not words:
            return torch.zeros(0, self.dim, device=self.device)
        embeddings = self.text.encode(self.bundle.prompts(words))
        if (width := embeddings.shape[1]) != self.dim:
            raise UserError(
                f"bundle {self.bundle.name}: its text encoder {self.text.name} is {width} wide, its"
                f" network {self.dim}: give a bundle with the text encoder of its features"
            )
        return torch.from_numpy(embeddings).to(self.device)

    @inference
    def encode(
        self,
        scan: Scan,
        features: PointFeatures | None = None,
        captions: Mapping[str, str] | None = None,
    ) -> EncodedScan:
        """The expensive step: features of every voxel of the scan (paper, 3.2).

        Args:
            scan: the input.
            features: of its points, in place of what fusion would make of its images.
            captions: view -> sentence, in place of the captioners'.

        Raises:
            UserError: the scan has no finite point, or is too large for its voxel size; or
                features are not of its points, or not in the space of the bundle's words; or
                there are none, where sources ask for them.
        """
        return EncodedScan(self, scan, features, captions)

    def segment(self, scan: Scan, vocabulary: Vocabulary | None = None) -> Segmentation:
        """A word for every point; the scan's own words when no vocabulary is given."""
        return self.encode(scan).segment(vocabulary)
