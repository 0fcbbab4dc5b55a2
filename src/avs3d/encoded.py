"""`EncodedScan`: a scan whose features are known, ready to be asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from avs3d.cameras.images import sized, unused
from avs3d.describing import Told, describe, describe_given, describe_images
from avs3d.errors import ReadError, UserError
from avs3d.features import PointFeatures
from avs3d.inputs import point_inputs
from avs3d.published.quirks import transform
from avs3d.scan import Scan
from avs3d.segmentation import Segmentation
from avs3d.segmenter import CosineHead, FeatureRows, ensemble
from avs3d.sparse import Level, SparseTensor, Voxels, voxelize
from avs3d.views import Views
from avs3d.vocabulary import Vocabulary

if TYPE_CHECKING:
    from avs3d.chat import Usage
    from avs3d.pipeline import Pipeline
    from avs3d.sequence import Evidence

P = ParamSpec("P")
R = TypeVar("R")


def inference(call: Callable[P, R]) -> Callable[P, R]:
    """Nothing in it is learned, and all is float32, also under a caller's autocast."""

    @wraps(call)
    def steady(*args: P.args, **kwargs: P.kwargs) -> R:
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode())
            for kind in filter(torch.is_autocast_enabled, ("cpu", "cuda")):
                stack.enter_context(torch.autocast(kind, enabled=False))
            return call(*args, **kwargs)

    return steady


class EncodedScan:
    """Features of one scan, ready to be asked. Made by `Pipeline.encode`.

    Attributes:
        scan: the input, all N points; `left_out` grows by what its images did not give.
        timings: step -> seconds, grows as steps are run.
        rows: its features, a source each.
        usage: what the image captioner was asked for it, and what that took; None: nothing yet.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        scan: Scan,
        features: PointFeatures | None,
        captions: Mapping[str, str] | None,
    ) -> None:
        self.pipeline = pipeline
        self.scan = scan = _with_sizes(scan)
        self.timings: dict[str, float] = {}
        self.usage: Usage | None = None
        self._finite = np.flatnonzero(scan.finite)
        if not len(self._finite):
            raise UserError(f"{scan.path or scan.name} has no point with a position")
        self._given = captions
        self._told: dict[Views | None, Told] = {}
        self.rows = self._sources(features)

    @property
    def level(self) -> Level:
        """Coordinates of the M voxels."""
        return self._network[1]

    @property
    def trunk(self) -> Tensor:
        """(M, C) float32 voxel features before the last 1**3 convolution, on the device."""
        return self._network[2]

    @cached_property
    def first_points(self) -> np.ndarray:
        """(M,) int64: which point stands for each voxel, see `FeatureRows.points`; published: its
        first one."""
        if self.pipeline.published:
            first: np.ndarray = self._finite[self._network[0].first.numpy()]
            return first
        return self._distilled().points(self.scan)

    @property
    def low_score(self) -> float | None:
        """Mean similarity below which the words should not be trusted; None where unknown."""
        alone = len(self.rows) == 1 and self.rows[0].head is self.pipeline.head
        return self.pipeline.bundle.low_score if alone else None

    def cells(self, pose: np.ndarray, voxels: float) -> tuple[np.ndarray, ...]:
        """(M,) int64 for each source, where in the world its rows lie, see `avs3d.sequence`.

        Args:
            pose: (4, 4), metres, from the frame of the points to the world.
            voxels: side of a cell, in voxels of the bundle.
        """
        from avs3d.sequence import cells_of

        scan, size = self.scan, voxels * self.pipeline.bundle.config.voxel_size
        return tuple(cells_of(scan.points[rows.points(scan)], pose, size) for rows in self.rows)

    @cached_property
    @inference
    def _network(self) -> tuple[Voxels, Level, Tensor]:
        """Where features are told, it is run for captions only."""
        scan, bundle, device = self.scan, self.pipeline.bundle, self.pipeline.device
        kept = scan if len(self._finite) == len(scan) else _take(scan, self._finite)
        with self.timed("voxelize"):
            voxels = _voxelize(kept, self.pipeline)
            inputs = voxels.mean(
                torch.from_numpy(point_inputs(kept, bundle.config.inputs))  # unnamed: freed at once
            ).to(device)
        with self.timed("network"):
            batch = torch.zeros(len(inputs), 1, dtype=torch.long, device=voxels.coords.device)
            level = Level(torch.cat([batch, voxels.coords], 1).to(device))
            trunk = bundle.network.trunk(SparseTensor(inputs, level)).features
        if not trunk.isfinite().all():
            raise UserError(
                f"bundle {bundle.name} gives numbers that are not finite for"
                f" {scan.path or scan.name}: fetch or train it again"
            )
        return voxels, level, trunk

    def _sources(self, features: PointFeatures | None) -> tuple[FeatureRows, ...]:
        """What the sources of the pipeline ask for."""
        wanted = self.pipeline.sources.chosen_feature(told=features is not None)
        if wanted == "distill":
            return (self._distilled(),)
        features = self._fuse() if features is None else features
        if wanted == "fusion":
            return (self._fused(features),)
        if not features.mask.any():
            self._leave_out(("images: none shows a point, words are given by points alone",))
            return (self._distilled(),)
        return self._distilled(), self._fused(features)

    def _distilled(self) -> FeatureRows:
        """What the 3D network says of every point."""
        voxels, _, trunk = self._network
        of_point = np.full(len(self.scan), -1)
        of_point[self._finite] = voxels.inverse.numpy()
        return FeatureRows(trunk, self.pipeline.head, of_point, self.pipeline.bundle.config.score)

    def _fuse(self) -> PointFeatures:
        """What the images say of the points that they show."""
        from avs3d.fusion import fuse

        with self.timed("fuse"):
            pipeline = self.pipeline
            fused = fuse(
                self.scan, pipeline.pixels, cell=pipeline.sources.cell, status=pipeline.status
            )
        self._leave_out(fused.left_out)
        return fused.features

    def _fused(self, features: PointFeatures) -> FeatureRows:
        """What was made of images; a feature of zeros says nothing."""
        width, bundle = features.features.shape[1], self.pipeline.bundle
        if width != (wanted := self.pipeline.dim):
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
            raise UserError(
                f"{features.name}: has no feature of a point with a position{self._why()}"
            )
        of_point = np.full(len(self.scan), -1)
        of_point[np.flatnonzero(features.mask)[used]] = np.arange(int(used.sum()))
        rows = torch.from_numpy(features.features[used]).to(self.pipeline.device)
        return FeatureRows(rows, CosineHead(), of_point)

    def captions(self, views: Views | None = None) -> dict[str, str]:
        """A sentence per camera and per view of the points that holds some, by name (paper, 3.3).

        Args:
            views: of the points, see `avs3d.views.point_views`; as the bundle says when None. Of
                no account where captions were given to `Pipeline.encode`.
        """
        return dict(self._tell(views).captions)

    def vocabulary(self, views: Views | None = None) -> Vocabulary:
        """The nouns of the captions (paper, 3.3, Caption2Tag).

        Raises:
            UserError: the captions name nothing.
        """
        told = self._tell(views)
        if not len(told.vocabulary):
            raise UserError(
                f"no words were found for {self.scan.path or self.scan.name}{self._why()}: "
                "give a vocabulary"
            )
        return told.vocabulary

    @inference
    def _tell(self, views: Views | None) -> Told:
        if views not in self._told:
            given = self._given
            told = describe(self, views) if given is None else describe_given(self, given)
            self._told[views] = told
        return self._told[views]

    @cached_property
    def of_images(self) -> Told:
        """What is said of its images, asked once: views are of the points."""
        told = describe_images(self)
        self._leave_out(told.left_out)
        self.usage = told.usage
        return told

    @inference
    def segment(
        self,
        vocabulary: Vocabulary | None = None,
        views: Views | None = None,
        evidence: Evidence | None = None,
    ) -> Segmentation:
        """A word for every point of the scan (paper, 3.4).

        Args:
            vocabulary: the words to choose from; the scan's own when None.
            views: of the points, that the scan's own words come from, see `captions`.
            evidence: what the scans before this one say, see `avs3d.sequence`.
        """
        own = vocabulary is None
        if not isinstance(vocabulary, Vocabulary | None):
            raise TypeError(f"give Vocabulary.from_words({vocabulary!r:.40})")
        vocabulary = self.vocabulary(views) if vocabulary is None else vocabulary
        if not len(vocabulary):
            raise UserError("the vocabulary has no words")
        with self.timed("text"):
            words = self.pipeline.words(vocabulary.words)
        with self.timed("segment"):
            if evidence is None:
                best = ensemble([rows.best(words) for rows in self.rows])
            else:
                best = ensemble([evidence.best(i, words) for i in range(len(self.rows))])
        captions = self.captions(views) if own else {}
        return Segmentation(
            self.scan, best.label, best.score, vocabulary, self.pipeline.bundle.name, captions,
            dict(self.timings), best.mean, best.cosine,
        )  # fmt: skip

    @inference
    def query(self, text: str) -> np.ndarray:
        """(N,) float32 similarity of every point with a word or a sentence, the cosine or what
        `avs3d.known_words` makes of it; NaN where a point has no position, or no feature."""
        if not isinstance(text, str):
            raise TypeError(f"a query is one word or sentence, not {text!r:.40}")
        with self.timed("query"):
            words = self.pipeline.words((text,))
            found = np.full(len(self.scan), np.nan, np.float32)
            for rows in self.rows:
                cosine = rows.head.similarity(rows.rows, words)[:, 0]
                found = np.fmax(found, rows.per_point(cosine, np.nan, np.float32))
            return found

    @inference
    def similarity(self, point: int, vocabulary: Vocabulary) -> np.ndarray:
        """(W,) float32 similarity of one point with words, as `query` gives it."""
        words = self.pipeline.words(vocabulary.words)
        found = np.full(len(vocabulary), np.nan, np.float32)
        for rows in self.rows:
            row = int(rows.of_point[point])
            if row >= 0:
                cosine = rows.head.similarity(rows.rows[row : row + 1], words)[0]
                found = np.fmax(found, cosine.cpu().numpy())
        return found

    def _why(self) -> str:
        """What of the scan cannot be used, to be said where nothing is left."""
        return f" ({'; '.join(self.scan.left_out)})" if self.scan.left_out else ""

    def _leave_out(self, lines: tuple[str, ...]) -> None:
        self.scan = replace(self.scan, left_out=(*self.scan.left_out, *lines))

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Adds the seconds spent inside to `timings[step]`."""
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


def _with_sizes(scan: Scan) -> Scan:
    """The scan with the sizes of its images; one that cannot be read costs its camera."""
    if all(camera.size is not None for camera in scan.cameras):
        return scan
    cameras, left_out = [], list(scan.left_out)
    for camera in scan.cameras:
        try:
            cameras.append(sized(camera))
        except ReadError as error:
            left_out.append(unused(camera, error))
    return replace(scan, cameras=tuple(cameras), left_out=tuple(left_out))
