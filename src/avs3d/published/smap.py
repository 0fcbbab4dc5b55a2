"""What SMAP is trained from and gives: image embeddings, masks of cameras, embeddings of views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.errors import ReadError, UserError
from avs3d.io.source import show
from avs3d.published.saving import save_plain, save_torch, tensor
from avs3d.published.unpickling import load_plain

CAMERAS = ("back", "back_left", "back_right", "front", "front_left", "front_right")
"""Of nuScenes, in the order of the bits of a mask and everywhere else."""
_BITS = 8


@dataclass(frozen=True)
class ImageFeatures:
    """``cached_img_clip_feature_SPLIT.pt``: the embedding of every camera image of a split.

    Attributes:
        names: ``TOKEN_CAMERA`` of each, all different.
        features: (len(names), C) floats, finite.
    """

    names: tuple[str, ...]
    features: np.ndarray

    def __post_init__(self) -> None:
        _check_floats("img_feats", self.features, 2)
        if not all(isinstance(name, str) for name in self.names):
            raise ValueError("its token_names are not all texts")
        if len(set(self.names)) != len(self.names) or len(self.names) != len(self.features):
            raise ValueError(
                f"has {len(set(self.names))} different names for {len(self.features)} embeddings"
            )


@dataclass(frozen=True)
class ViewFeatures:
    """``SCENE.pth`` of SMAP: what it made of a scene's views, and of its images what CLIP did.

    Attributes:
        views: (V, C) floats, finite.
        images: (..., C) floats, finite, as stored.
    """

    views: np.ndarray
    images: np.ndarray

    def __post_init__(self) -> None:
        _check_floats("output_smap", self.views, 2)
        _check_floats("img_feats", self.images)


def read_image_features(path: Path) -> ImageFeatures:
    """Raises `ReadError` where a file is damaged, or is none of image embeddings."""
    content = _dict_of(path, "img_feats", "token_names")
    names = content["token_names"]
    with _told_of(path):
        if not isinstance(names, list | tuple):
            raise ValueError("its token_names are no list")
        return ImageFeatures(tuple(names), content["img_feats"])


def write_image_features(path: Path, found: ImageFeatures, *, overwrite: bool = False) -> Path:
    """Raises `UserError`, see `save_plain`."""
    content = {"img_feats": tensor(found.features), "token_names": list(found.names)}
    return save_torch(path, content, overwrite=overwrite)


def read_camera_masks(path: Path) -> dict[str, np.ndarray]:
    """``nuscenes_camera_id_mask_SPLIT``, ``.pkl`` or ``.pt``: which cameras see which points.

    Returns:
        Token -> (K,) uint8 of its K key-frame points; see `seen_by`.

    Raises:
        ReadError: it is damaged, or is none of masks.
    """
    content = load_plain(path)
    with _told_of(path):
        _check_masks(content)
    return content


def write_camera_masks(
    path: Path, masks: Mapping[str, np.ndarray], *, overwrite: bool = False
) -> Path:
    """As a pickle of arrays (``.pkl``), or as tensors (``.pt``).

    Raises:
        UserError: another extension; see also `save_plain`.
    """
    _check_masks(content := dict(masks))
    if path.suffix == ".pkl":
        return save_plain(path, content, overwrite=overwrite)
    if path.suffix != ".pt":
        raise UserError(f"{show(path)}: masks of cameras are written as .pkl or .pt; name it so")
    tensors = {token: tensor(mask) for token, mask in content.items()}
    return save_torch(path, tensors, overwrite=overwrite)


def seen_by(mask: np.ndarray, cameras: int = len(CAMERAS)) -> np.ndarray:
    """(K, cameras) bool from a (K,) uint8 mask, whose bit i says that camera i sees the point."""
    if mask.dtype != np.uint8 or not 0 < cameras <= _BITS:
        raise ValueError(f"a uint8 mask has 1 to {_BITS} cameras, not {cameras} in {mask.dtype}")
    return np.unpackbits(mask[:, None], axis=1, count=cameras, bitorder="little").astype(bool)


def read_view_features(path: Path) -> ViewFeatures:
    """Raises `ReadError` where a file is damaged, or is none of SMAP."""
    content = _dict_of(path, "output_smap", "img_feats")
    with _told_of(path):
        _check_floats("output_smap", content["output_smap"], 3)
        scenes = len(content["output_smap"])
        if scenes != 1:
            raise ValueError(f"its output_smap is of {scenes} scenes, not of one")
        return ViewFeatures(content["output_smap"][0], content["img_feats"])


def write_view_features(path: Path, found: ViewFeatures, *, overwrite: bool = False) -> Path:
    """Raises `UserError`, see `save_plain`."""
    content = {"output_smap": tensor(found.views[None]), "img_feats": tensor(found.images)}
    return save_torch(path, content, overwrite=overwrite)


def _dict_of(path: Path, *keys: str) -> dict[str, Any]:
    content = load_plain(path)
    if not isinstance(content, dict) or not set(keys) <= content.keys():
        raise ReadError(f"{show(path)}: is no dict with {' and '.join(keys)}; give another file")
    return content


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Says of which file what is wrong."""
    try:
        yield
    except ValueError as error:
        raise ReadError(f"{show(path)}: {error}; make it again") from None


def _check_masks(content: Any) -> None:
    if not isinstance(content, dict) or not content:
        raise ValueError("holds no masks of cameras by token")
    for token, mask in content.items():
        if not isinstance(token, str):
            raise ValueError("has a mask without a token")
        if not isinstance(mask, np.ndarray) or mask.ndim != 1 or mask.dtype != np.uint8:
            raise ValueError(f"its mask of {token[:60]!a} is no array of (K,) uint8")


def _check_floats(name: str, value: Any, axes: int | None = None) -> None:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or not value.size:
        raise ValueError(f"its {name} is no array of floats")
    if axes is not None and value.ndim != axes:
        raise ValueError(f"its {name} has shape {value.shape}, not {axes} axes")
    if not np.isfinite(value).all():
        raise ValueError(f"its {name} is not finite")
