"""What SMAP is trained from and gives: image embeddings, masks of cameras, embeddings of views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.errors import ReadError, UserError
from avs3d.io.source import show
from avs3d.published.saving import save_plain, save_torch
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


@dataclass(frozen=True)
class ViewFeatures:
    """``SCENE.pth`` of SMAP: what it made of a scene's views, and of its images what CLIP did.

    Attributes:
        views: (V, C) floats, finite.
        images: (..., C) floats, finite, as stored.
    """

    views: np.ndarray
    images: np.ndarray


def read_image_features(path: Path) -> ImageFeatures:
    """Raises `ReadError` where a file is damaged, or is none of image embeddings."""
    content = _dict_of(path, "image embeddings", "img_feats", "token_names")
    features = _floats(path, "img_feats", content["img_feats"], 2)
    names = content["token_names"]
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ReadError(f"{show(path)}: its token_names are no list of names; make it again")
    if len(set(names)) != len(names) or len(names) != len(features):
        raise ReadError(
            f"{show(path)}: has {len(set(names))} different names for {len(features)} embeddings;"
            " make it again"
        )
    return ImageFeatures(tuple(names), features)


def write_image_features(path: Path, found: ImageFeatures, *, overwrite: bool = False) -> Path:
    """Raises `UserError`, see `save_plain`."""
    import torch

    features = torch.from_numpy(np.ascontiguousarray(found.features))
    content = {"img_feats": features, "token_names": list(found.names)}
    return save_torch(path, content, overwrite=overwrite)


def read_camera_masks(path: Path) -> dict[str, np.ndarray]:
    """``nuscenes_camera_id_mask_SPLIT``, ``.pkl`` or ``.pt``: which cameras see which points.

    Returns:
        Token -> (K,) uint8 of its K key-frame points; see `seen_by`.

    Raises:
        ReadError: it is damaged, or is none of masks.
    """
    content = load_plain(path)
    if not isinstance(content, dict) or not content:
        raise ReadError(f"{show(path)}: holds no masks of cameras; make it again")
    for token, mask in content.items():
        if not isinstance(token, str):
            raise ReadError(f"{show(path)}: has a mask without a token; make it again")
        if not isinstance(mask, np.ndarray) or mask.ndim != 1 or mask.dtype != np.uint8:
            raise ReadError(
                f"{show(path)}: its mask of {ascii(token[:60])} is no array of (K,) uint8; make it"
                " again"
            )
    return content


def write_camera_masks(
    path: Path, masks: Mapping[str, np.ndarray], *, overwrite: bool = False
) -> Path:
    """As a pickle of arrays (``.pkl``), or as tensors (``.pt``).

    Raises:
        UserError: another extension; see also `save_plain`.
    """
    if path.suffix == ".pkl":
        return save_plain(path, dict(masks), overwrite=overwrite)
    if path.suffix != ".pt":
        raise UserError(f"{show(path)}: masks of cameras are written as .pkl or .pt")
    import torch

    tensors = {token: torch.tensor(mask) for token, mask in masks.items()}
    return save_torch(path, tensors, overwrite=overwrite)


def seen_by(mask: np.ndarray, cameras: int = len(CAMERAS)) -> np.ndarray:
    """(K, cameras) bool from a (K,) uint8 mask, whose bit i says that camera i sees the point."""
    if mask.dtype != np.uint8 or not 0 < cameras <= _BITS:
        raise ValueError(f"a uint8 mask has 1 to {_BITS} cameras, not {cameras} in {mask.dtype}")
    return np.unpackbits(mask[:, None], axis=1, count=cameras, bitorder="little").astype(bool)


def read_view_features(path: Path) -> ViewFeatures:
    """Raises `ReadError` where a file is damaged, or is none of SMAP."""
    content = _dict_of(path, "features of SMAP", "output_smap", "img_feats")
    views = _floats(path, "output_smap", content["output_smap"], 3)
    if len(views) != 1:
        raise ReadError(f"{show(path)}: its output_smap is of {len(views)} scenes, not of one")
    return ViewFeatures(views[0], _floats(path, "img_feats", content["img_feats"]))


def write_view_features(path: Path, found: ViewFeatures, *, overwrite: bool = False) -> Path:
    """Raises `UserError`, see `save_plain`."""
    import torch

    views, images = (np.ascontiguousarray(part) for part in (found.views, found.images))
    content = {"output_smap": torch.from_numpy(views)[None], "img_feats": torch.from_numpy(images)}
    return save_torch(path, content, overwrite=overwrite)


def _dict_of(path: Path, what: str, *keys: str) -> dict[str, Any]:
    content = load_plain(path)
    if not isinstance(content, dict) or not set(keys) <= content.keys():
        raise ReadError(f"{show(path)}: is no file of {what}: it needs {' and '.join(keys)}")
    return content


def _floats(path: Path, name: str, value: Any, axes: int | None = None) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or not value.size:
        raise ReadError(f"{show(path)}: its {name} is no array of floats; make it again")
    if axes is not None and value.ndim != axes:
        raise ReadError(
            f"{show(path)}: its {name} has shape {value.shape}, not {axes} axes; make it again"
        )
    if not np.isfinite(value).all():
        raise ReadError(f"{show(path)}: its {name} is not finite; make it again")
    return value
