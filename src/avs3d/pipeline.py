"""The method, top to bottom: encode a scan once, then ask it for captions, words and labels."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from avs3d.bundle import Bundle
from avs3d.bundle_config import BundleConfig
from avs3d.captioning import PointCaptioner, load_captioner
from avs3d.errors import UserError
from avs3d.inputs import point_inputs
from avs3d.scan import Scan
from avs3d.segmentation import UNLABELLED, Segmentation
from avs3d.segmenter import WordHead, chances
from avs3d.sparse import Level, SparseTensor, Voxels, voxelize
from avs3d.tagging import nouns
from avs3d.text import TextEncoder, load_text_encoder
from avs3d.views import lidar_sectors, viewpoint
from avs3d.vocabulary import Vocabulary


def load(name: str | Path = "street-mini", device: str = "auto") -> Pipeline:
    """A pipeline from a packaged bundle's name, a folder, or a hub id.

    Args:
        name: see `Bundle.load`.
        device: ``cpu``, ``cuda``, ``cuda:1`` … or ``auto``: CUDA when there is one.

    Raises:
        UserError: no such bundle, a damaged one, or no such device.
    """
    return Pipeline(Bundle.load(name), device)


class Pipeline:
    """A bundle on a device, with its text encoder and captioner.

    Attributes:
        bundle: the weights and their config.
        device: where the networks run.
    """

    def __init__(self, bundle: Bundle, device: str = "auto") -> None:
        self.bundle = bundle
        self.device = _device(device)
        bundle.network.to(self.device)
        if bundle.pooling is not None:
            bundle.pooling.to(self.device)
        self.head = WordHead(bundle.network.final.kernel.detach())

    @cached_property
    def text(self) -> TextEncoder:
        return load_text_encoder(self.bundle.text_encoder)

    @cached_property
    def captioner(self) -> PointCaptioner:
        """Raises `UserError` when the bundle has none."""
        if self.bundle.pooling is None or self.bundle.config.captioner is None:
            raise UserError(
                f"bundle {self.bundle.name} has no captioner, so it cannot choose words itself: "
                "give it a vocabulary"
            )
        return load_captioner(self.bundle)

    def words(self, words: tuple[str, ...]) -> Tensor:
        """(W, D) L2-normalised embeddings of words, prompted as the bundle says (paper, 3.4)."""
        return torch.from_numpy(self.text.encode(self.bundle.prompts(words))).to(self.device)

    @torch.inference_mode()
    def encode(self, scan: Scan) -> EncodedScan:
        """The expensive step: features of every voxel of the scan (paper, 3.2).

        Raises:
            UserError: the scan has no finite point, or is too large for its voxel size.
        """
        return EncodedScan(self, scan)

    def segment(self, scan: Scan, vocabulary: Vocabulary | None = None) -> Segmentation:
        """A word for every point; the scan's own words when no vocabulary is given."""
        return self.encode(scan).segment(vocabulary)


class EncodedScan:
    """Features of one scan, ready to be asked. Made by `Pipeline.encode`.

    Attributes:
        scan: the input, all N points.
        level: coordinates of the M voxels.
        trunk: (M, C) float32 voxel features before the last 1**3 convolution, on the device.
        timings: step -> seconds, grows as steps are run.
    """

    def __init__(self, pipeline: Pipeline, scan: Scan) -> None:
        self.pipeline = pipeline
        self.scan = scan
        self.timings: dict[str, float] = {}
        bundle = pipeline.bundle
        self._finite = np.flatnonzero(scan.finite)
        if not len(self._finite):
            raise UserError(f"{scan.path or scan.name} has no point with a position")
        kept = scan if len(self._finite) == len(scan) else _take(scan, self._finite)
        with self._timed("voxelize"):
            self._voxels = _voxelize(kept, bundle.config)
            features = self._voxels.mean(
                torch.from_numpy(point_inputs(kept, bundle.config.inputs))  # unnamed: freed at once
            ).to(pipeline.device)
        with self._timed("network"):
            batch = torch.zeros(len(features), 1, dtype=torch.long)
            coords = torch.cat([batch, self._voxels.coords], 1).to(pipeline.device)
            self.level = Level(coords)
            self.trunk = bundle.network.trunk(SparseTensor(features, self.level)).features
        self._captions: dict[int, dict[str, str]] = {}

    @property
    def first_points(self) -> np.ndarray:
        """(M,) int64: which point stands for each voxel, its first one."""
        first: np.ndarray = self._finite[self._voxels.first.numpy()]
        return first

    @torch.inference_mode()
    def captions(self, views: int | None = None) -> dict[str, str]:
        """A sentence per azimuth sector that holds points, by view name (paper, 3.3).

        Args:
            views: number of sectors; as many as the bundle says when None.
        """
        views = views or self.pipeline.bundle.config.views
        if views not in self._captions:
            captioner = self.pipeline.captioner
            with self._timed("pool"):
                names, embeddings = self._pool(views)
            with self._timed("caption"):
                texts = captioner.captions(embeddings)
            self._captions[views] = {n: t for n, t in zip(names, texts, strict=True) if t}
        return dict(self._captions[views])

    def vocabulary(self, views: int | None = None) -> Vocabulary:
        """The nouns of the captions (paper, 3.3, Caption2Tag).

        Raises:
            UserError: the captions name nothing.
        """
        captions = self.captions(views)
        with self._timed("tag"):
            vocabulary = nouns(captions, "points")
        if not len(vocabulary):
            raise UserError(
                f"no words were found for {self.scan.path or self.scan.name}: give a vocabulary"
            )
        return vocabulary

    @torch.inference_mode()
    def segment(
        self, vocabulary: Vocabulary | None = None, views: int | None = None
    ) -> Segmentation:
        """A word for every point of the scan (paper, 3.4).

        Args:
            vocabulary: the words to choose from; the scan's own when None.
            views: azimuth sectors that the scan's own words come from, see `captions`.
        """
        own = vocabulary is None
        vocabulary = self.vocabulary(views) if vocabulary is None else vocabulary
        if not len(vocabulary):
            raise UserError("the vocabulary has no words")
        with self._timed("text"):
            words = self.pipeline.words(vocabulary.words)
        with self._timed("segment"):
            best = self.pipeline.head.best(self.trunk, words)
            label = self._per_point(best.label.cpu(), UNLABELLED, np.int32)
            config = self.pipeline.bundle.config.score
            sure = best.cosine if config is None else chances(config, best.cosine, best.lead)
            score = self._per_point(sure.cpu(), 0.0, np.float32)
            cosine = self._per_point(best.cosine.cpu(), 0.0, np.float32)
        captions = self.captions(views) if own else {}
        return Segmentation(
            self.scan, label, score, vocabulary, self.pipeline.bundle.name, captions,
            dict(self.timings), float(best.cosine.mean()), cosine,
        )  # fmt: skip

    @torch.inference_mode()
    def query(self, text: str) -> np.ndarray:
        """(N,) float32 cosine similarity of every point with a word or a sentence; NaN where a
        point has no position."""
        with self._timed("query"):
            cosine = self.pipeline.head.similarity(self.trunk, self.pipeline.words((text,)))
            return self._per_point(cosine[:, 0].cpu(), np.nan, np.float32)

    def _pool(self, views: int) -> tuple[list[str], np.ndarray]:
        pooling, network = self.pipeline.bundle.pooling, self.pipeline.bundle.network
        assert pooling is not None
        points = self.scan.points[self.first_points]
        masks = torch.from_numpy(lidar_sectors(points - viewpoint(self.scan), views))
        kept = torch.nonzero(masks.any(0)).flatten()
        x = SparseTensor(self.trunk, self.level)
        positioned = pooling.position(x, network.final.kernel)
        embeddings = pooling.pool(positioned, masks[:, kept].to(self.trunk.device))
        return [f"sector {i:02d}" for i in kept.tolist()], embeddings.cpu().numpy()

    def _per_point(self, per_voxel: Tensor, missing: float, dtype: type) -> np.ndarray:
        out: np.ndarray = np.full(len(self.scan), missing, dtype)
        out[self._finite] = per_voxel[self._voxels.inverse].numpy()
        return out

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.timings[step] = self.timings.get(step, 0.0) + time.perf_counter() - began


def _voxelize(scan: Scan, config: BundleConfig) -> Voxels:
    points = scan.points.astype(np.float64)
    if config.grid == "cloud":
        points -= points.min(0)
    try:
        return voxelize(points, config.voxel_size)
    except ValueError as error:
        raise UserError(f"{scan.path or scan.name}: {error}; are its units metres?") from None


def _take(scan: Scan, rows: np.ndarray) -> Scan:
    intensity = None if scan.intensity is None else scan.intensity[rows]
    return Scan(scan.points[rows], intensity, origin=scan.origin, name=scan.name, path=scan.path)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"no device {name!r}: use auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"no device {name!r}: this PyTorch sees no CUDA; use --device cpu")
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"device {name!r} is not supported: use auto, cpu, cuda or cuda:N")
    return device
