"""The method, top to bottom: encode a scan once, then ask it for captions, words and labels."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from avs3d.bundle import Bundle
from avs3d.captioning import PointCaptioner, load_captioner
from avs3d.captioning.grounding import Evidence, ground
from avs3d.errors import UserError
from avs3d.features import PointFeatures
from avs3d.inputs import point_inputs
from avs3d.published.quirks import EMPTY_CAPTION, transform
from avs3d.scan import Scan
from avs3d.segmentation import UNLABELLED, Segmentation
from avs3d.segmenter import CosineHead, FeatureRows, WordHead, chances
from avs3d.sparse import Level, SparseTensor, Voxels, voxelize
from avs3d.tagging import nouns
from avs3d.text import TextEncoder, load_text_encoder
from avs3d.views import lidar_sectors, viewpoint
from avs3d.vocabulary import Vocabulary


def load(
    name: str | Path = "street-mini",
    device: str = "auto",
    *,
    published: bool = False,
    seed: int = 0,
) -> Pipeline:
    """A pipeline from a packaged bundle's name, a folder, or a hub id.

    Args:
        name: see `Bundle.load`.
        device: ``cpu``, ``cuda``, ``cuda:1`` … or ``auto``: CUDA when there is one.
        published: do as the published code does where that is at fault, see
            `avs3d.published.quirks`.
        seed: of what is drawn at random then.

    Raises:
        UserError: no such bundle, a damaged one, or no such device.
    """
    return Pipeline(Bundle.load(name), device, published=published, seed=seed)


class Pipeline:
    """A bundle on a device, with its text encoder and captioner.

    Attributes:
        bundle: the weights and their config.
        device: where the networks run.
        published, seed: see `load`.
    """

    def __init__(
        self, bundle: Bundle, device: str = "auto", *, published: bool = False, seed: int = 0
    ) -> None:
        self.bundle = bundle
        self.published = published
        self.seed = seed
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
    def encode(
        self,
        scan: Scan,
        features: PointFeatures | None = None,
        captions: Mapping[str, str] | None = None,
    ) -> EncodedScan:
        """The expensive step: features of every voxel of the scan (paper, 3.2).

        Args:
            scan: the input.
            features: take the place of the 3D network's (paper, 3.4: fusion instead of distill);
                points without one come out unlabelled.
            captions: view -> sentence, in place of the captioner's.

        Raises:
            UserError: the scan has no finite point, or is too large for its voxel size; or
                features are not of its points, or not in the space of the bundle's words.
        """
        return EncodedScan(self, scan, features, captions)

    def segment(self, scan: Scan, vocabulary: Vocabulary | None = None) -> Segmentation:
        """A word for every point; the scan's own words when no vocabulary is given."""
        return self.encode(scan).segment(vocabulary)


class Told(NamedTuple):
    """Captions by view, and their words where choosing the captions found them."""

    captions: dict[str, str]
    vocabulary: Vocabulary | None


class EncodedScan:
    """Features of one scan, ready to be asked. Made by `Pipeline.encode`.

    Attributes:
        scan: the input, all N points.
        timings: step -> seconds, grows as steps are run.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        scan: Scan,
        features: PointFeatures | None,
        captions: Mapping[str, str] | None,
    ) -> None:
        self.pipeline = pipeline
        self.scan = scan
        self.timings: dict[str, float] = {}
        self._finite = np.flatnonzero(scan.finite)
        if not len(self._finite):
            raise UserError(f"{scan.path or scan.name} has no point with a position")
        self._given = captions
        self._told: dict[int, Told] = {}
        self._rows = self._distilled() if features is None else self._fused(features)

    @property
    def level(self) -> Level:
        """Coordinates of the M voxels."""
        return self._network[1]

    @property
    def trunk(self) -> Tensor:
        """(M, C) float32 voxel features before the last 1**3 convolution, on the device."""
        return self._network[2]

    @property
    def first_points(self) -> np.ndarray:
        """(M,) int64: which point stands for each voxel, its first one."""
        first: np.ndarray = self._finite[self._network[0].first.numpy()]
        return first

    @property
    def low_score(self) -> float | None:
        """Mean similarity below which the words should not be trusted; None where unknown."""
        return self.pipeline.bundle.low_score if self._rows.head is self.pipeline.head else None

    @cached_property
    @torch.inference_mode()
    def _network(self) -> tuple[Voxels, Level, Tensor]:
        """Where features are given, it is run for captions only."""
        scan, bundle, device = self.scan, self.pipeline.bundle, self.pipeline.device
        kept = scan if len(self._finite) == len(scan) else _take(scan, self._finite)
        with self._timed("voxelize"):
            voxels = _voxelize(kept, self.pipeline)
            inputs = voxels.mean(
                torch.from_numpy(point_inputs(kept, bundle.config.inputs))  # unnamed: freed at once
            ).to(device)
        with self._timed("network"):
            batch = torch.zeros(len(inputs), 1, dtype=torch.long)
            level = Level(torch.cat([batch, voxels.coords], 1).to(device))
            return voxels, level, bundle.network.trunk(SparseTensor(inputs, level)).features

    def _distilled(self) -> FeatureRows:
        """What the 3D network says of every point."""
        voxels, _, trunk = self._network
        of_point = np.full(len(self.scan), -1)
        of_point[self._finite] = voxels.inverse.numpy()
        return FeatureRows(trunk, self.pipeline.head, of_point, self.pipeline.bundle.config.score)

    def _fused(self, features: PointFeatures) -> FeatureRows:
        """What was made elsewhere; a feature of zeros says nothing."""
        width, bundle = features.features.shape[1], self.pipeline.bundle
        if width != (wanted := bundle.network.final.kernel.shape[1]):
            raise UserError(
                f"{features.name}: features are {width} wide, the words of bundle {bundle.name}"
                f" {wanted}: give a bundle of the text encoder that they were made for"
            )
        if len(features) != len(self.scan):
            raise UserError(
                f"{features.name}: is of {len(features)} points, {self.scan.path or self.scan.name}"
                f" has {len(self.scan)}: give the features of this scan"
            )
        used = self.scan.finite[features.mask] & features.features.any(1)
        if not used.any():
            raise UserError(f"{features.name}: has no feature of a point with a position")
        of_point = np.full(len(self.scan), -1)
        of_point[np.flatnonzero(features.mask)[used]] = np.arange(int(used.sum()))
        rows = torch.from_numpy(features.features[used]).to(self.pipeline.device)
        return FeatureRows(rows, CosineHead(), of_point)

    @torch.inference_mode()
    def captions(self, views: int | None = None) -> dict[str, str]:
        """A sentence per azimuth sector that holds points, by view name (paper, 3.3).

        Args:
            views: number of sectors; as many as the bundle says when None. Of no account where
                captions were given to `Pipeline.encode`.
        """
        return dict(self._tell(views).captions)

    def vocabulary(self, views: int | None = None) -> Vocabulary:
        """The nouns of the captions (paper, 3.3, Caption2Tag).

        Where a bundle captions every view several times: those that the points bear out, see
        `avs3d.captioning.grounding`.

        Raises:
            UserError: the captions name nothing.
        """
        told = self._tell(views)
        vocabulary = told.vocabulary
        if vocabulary is None:
            captioner = "points" if self._given is None else "user"
            vocabulary = self._tag(told.captions, captioner)
        if not len(vocabulary):
            raise UserError(
                f"no words were found for {self.scan.path or self.scan.name}: give a vocabulary"
            )
        return vocabulary

    @torch.inference_mode()
    def _tell(self, views: int | None) -> Told:
        if self._given is not None:
            return Told(dict(self._given), None)
        views = views or self.pipeline.bundle.config.views
        if views not in self._told:
            captioner = self.pipeline.captioner
            with self._timed("pool"):
                names, masks, embeddings = self._pool(views)
            with self._timed("caption"):
                texts = captioner.candidates(embeddings)
            if self.pipeline.published:
                texts = [[text or EMPTY_CAPTION for text in some] for some in texts]
            candidates = dict(zip(names, texts, strict=True))
            self._told[views] = self._choose(candidates, masks)
        return self._told[views]

    def _choose(self, candidates: dict[str, list[str]], masks: Tensor) -> Told:
        """One caption a view, by what the points say where there are several."""
        if all(len(texts) == 1 for texts in candidates.values()):
            return Told({view: texts[0] for view, texts in candidates.items() if texts[0]}, None)
        return Told(*ground(candidates, masks.numpy(), self._tag, self._look))

    def _tag(self, captions: Mapping[str, str], captioner: str = "points") -> Vocabulary:
        with self._timed("tag"):
            return nouns(captions, captioner, compounds=not self.pipeline.published)

    def _look(self, words: tuple[str, ...]) -> Evidence:
        """What the 3D network says of the voxels."""
        with self._timed("ground"):
            config = self.pipeline.bundle.config.score
            embeddings = self.pipeline.words(words)
            best = self.pipeline.head.best(self.trunk, embeddings)
            sure = torch.ones_like(best.cosine)
            if config is not None:
                sure = chances(config, best.cosine, best.lead)
            return Evidence(*(part.cpu().numpy() for part in (best.label, sure, embeddings)))

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
            rows = self._rows
            best = rows.head.best(rows.rows, words)
            label = rows.per_point(best.label, UNLABELLED, np.int32)
            sure = chances(rows.score, best.cosine, best.lead) if rows.score else best.cosine
            score = rows.per_point(sure, 0.0, np.float32)
            cosine = rows.per_point(best.cosine, 0.0, np.float32)
        captions = self.captions(views) if own else {}
        return Segmentation(
            self.scan, label, score, vocabulary, self.pipeline.bundle.name, captions,
            dict(self.timings), float(best.cosine.mean()), cosine,
        )  # fmt: skip

    @torch.inference_mode()
    def query(self, text: str) -> np.ndarray:
        """(N,) float32 cosine similarity of every point with a word or a sentence; NaN where a
        point has no position, or no feature."""
        with self._timed("query"):
            rows = self._rows
            cosine = rows.head.similarity(rows.rows, self.pipeline.words((text,)))
            return rows.per_point(cosine[:, 0], np.nan, np.float32)

    def _pool(self, views: int) -> tuple[list[str], Tensor, np.ndarray]:
        """Names of the views that hold voxels, (M, V) which, and (V, D) what is in them."""
        pooling, network = self.pipeline.bundle.pooling, self.pipeline.bundle.network
        assert pooling is not None
        points = self.scan.points[self.first_points]
        sectors = lidar_sectors(
            points - viewpoint(self.scan), views, closed=not self.pipeline.published
        )
        masks = torch.from_numpy(sectors)
        kept = torch.nonzero(masks.any(0)).flatten()
        masks = masks[:, kept]
        x = SparseTensor(self.trunk, self.level)
        positioned = pooling.position(x, network.final.kernel)
        embeddings = pooling.pool(positioned, masks.to(self.trunk.device))
        return [f"sector {i:02d}" for i in kept.tolist()], masks, embeddings.cpu().numpy()

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.timings[step] = self.timings.get(step, 0.0) + time.perf_counter() - began


def _voxelize(scan: Scan, pipeline: Pipeline) -> Voxels:
    config = pipeline.bundle.config
    points = scan.points.astype(np.float64)
    if pipeline.published:
        points = transform(points, scan.name, pipeline.seed)
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
