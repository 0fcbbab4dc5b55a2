"""What is learned of a scene: a feature for each point, or an embedding for each view."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from avs3d.errors import UserError
from avs3d.io.source import show
from avs3d.published.features import FeatureSet
from avs3d.published.smap import (
    CAMERAS,
    ImageFeatures,
    read_camera_masks,
    read_image_features,
    seen_by,
)
from avs3d.training.scenes import NONE, Scene


class PointTargets(NamedTuple):
    """Attributes:
    row: (N,) int64, which of the features each point has, or `NONE`.
    features: (T, D) floats.
    """

    row: np.ndarray
    features: np.ndarray


class ViewTargets(NamedTuple):
    """Attributes:
    masks: (N, V) bool, the points of each view.
    embeddings: (V, D) float32.
    """

    masks: np.ndarray
    embeddings: np.ndarray


class OfPoints(Protocol):
    """Gives the targets of points; can be pickled."""

    def of(self, scene: Scene) -> PointTargets:
        """Raises `UserError` where they do not fit the scene."""
        ...


@dataclass(frozen=True)
class FusedTargets:
    """Fused 2D features, ``SCENE.pt``; only key-frame points that some camera sees have one.

    Attributes:
        path: of the folder.
        dim: their width.
    """

    path: Path
    dim: int

    @cached_property
    def _files(self) -> FeatureSet:
        return FeatureSet(self.path)

    def of(self, scene: Scene) -> PointTargets:
        found = self._files.load(scene.name)
        if len(found) != len(scene):
            raise UserError(
                f"{show(self.path)}: has features for {len(found)} points of {scene.name}, which"
                f" has {len(scene)}; fuse it again, of the same scene"
            )
        if (width := found.features.shape[1]) != self.dim:
            raise UserError(
                f"{show(self.path)}: the features of {scene.name} are {width} wide, the config's"
                f" network.out_channels is {self.dim}; set it, or give features of that width"
            )
        row = np.full(len(scene), NONE)
        row[found.mask] = np.arange(len(found.features))
        row[~scene.key] = NONE
        return PointTargets(row, found.features)


@dataclass(frozen=True)
class WordTargets:
    """The embedding of each key-frame point's own word: exact, where classes are known.

    Attributes:
        embeddings: (C, D) float32 of the names of the classes.
    """

    embeddings: np.ndarray

    def of(self, scene: Scene) -> PointTargets:
        scene.check_classes(len(self.embeddings))
        return PointTargets(np.where(scene.key, scene.segment, NONE), self.embeddings)


@dataclass(frozen=True)
class CameraTargets:
    """Embeddings of camera images, and which camera sees which points (paper, 3.3).

    Attributes:
        images: path of ``cached_img_clip_feature_SPLIT.pt``.
        masks: path of ``nuscenes_camera_id_mask_SPLIT.pkl`` or ``.pt``.
        dim: width of the embeddings.

    Raises:
        UserError: embeddings are of another width.
    """

    images: Path
    masks: Path
    dim: int

    def __post_init__(self) -> None:
        if (width := self._images.features.shape[1]) != self.dim:
            raise UserError(
                f"{show(self.images)}: its embeddings are {width} wide, the config's"
                f" pooling.out_channels is {self.dim}; set it, or give embeddings of that width"
            )

    @cached_property
    def _images(self) -> ImageFeatures:
        return read_image_features(self.images)

    @cached_property
    def _rows(self) -> Mapping[str, dict[int, int]]:
        """Scene -> bit of the camera -> row of its embedding."""
        cameras: dict[str, dict[str, int]] = {}
        for row, name in enumerate(self._images.names):
            scene, camera = _parted(name, self._masks)
            cameras.setdefault(scene, {})[camera] = row
        return {scene: _by_bit(rows, self._masks.get(scene)) for scene, rows in cameras.items()}

    @cached_property
    def _masks(self) -> Mapping[str, np.ndarray]:
        return read_camera_masks(self.masks)

    def of(self, scene: Scene) -> ViewTargets:
        """Of the cameras that see any of its points."""
        rows, features = self._rows, self._images.features
        for path, told in ((self.images, rows), (self.masks, self._masks)):
            if scene.name not in told:
                raise UserError(f"{show(path)}: says nothing of scene {scene.name}; make it again")
        mask, cameras = self._masks[scene.name], sorted(rows[scene.name])
        key = np.flatnonzero(scene.key)
        if 0 < len(key) < len(mask) and not scene.key[len(mask) :].any():
            # A file of OpenScene has the key frame first, and does not say which of its points
            # without a class are of it.
            key = np.arange(min(len(mask), len(scene)))
        if len(mask) != len(key):
            raise UserError(
                f"{show(self.masks)}: is of {len(mask)} key-frame points of {scene.name}, which has"
                f" {len(key)}; make it again, of the same scene"
            )
        seen = seen_by(mask, max(cameras) + 1)[:, cameras]
        masks = np.zeros((len(scene), len(cameras)), bool)
        masks[key] = seen
        some = masks.any(0)
        embeddings = features[[rows[scene.name][camera] for camera in cameras]]
        return ViewTargets(masks[:, some], embeddings[some].astype(np.float32))


def _parted(name: str, scenes: Collection[str]) -> tuple[str, str]:
    """The scene and the camera of ``SCENE_CAMERA``, both of which may have a ``_``."""
    cuts = [place for place, letter in enumerate(name) if letter == "_"]
    found = [cut for cut in cuts if name[:cut] in scenes] or cuts or [len(name)]
    return name[: found[-1]], name[found[-1] + 1 :]


def _by_bit(rows: Mapping[str, int], mask: np.ndarray | None) -> dict[int, int]:
    """Rows by the bit of their camera: those of nuScenes have theirs whatever their order is; those
    of other rigs, some of which are called alike, are in the order of their bits."""
    told = {name.lower().removeprefix("cam_"): row for name, row in rows.items()}
    if told.keys() <= set(CAMERAS):
        by_name = {CAMERAS.index(name): row for name, row in told.items()}
        used = 0 if mask is None else int(np.bitwise_or.reduce(mask, initial=0))
        if not used & ~sum(1 << bit for bit in by_name):
            return by_name
    return dict(enumerate(sorted(rows.values())))
