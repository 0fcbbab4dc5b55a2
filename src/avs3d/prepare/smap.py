"""SMAP's caches: ``cached_img_clip_feature_SPLIT.pt`` and ``DATASET_camera_id_mask_SPLIT.pkl``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avs3d.cameras.images import sized
from avs3d.environment import torch_device
from avs3d.prepare.models import known_by
from avs3d.prepare.product import Part, Product, reading
from avs3d.published.smap import ImageFeatures, write_camera_masks, write_image_features
from avs3d.scan import Scan
from avs3d.vision.targets import camera_mask, image_embeddings

if TYPE_CHECKING:
    from avs3d.vision import ClipVision

_ALIKE = 0.9999
"""Cosine similarity of embeddings that differ by rounding only."""


@dataclass(frozen=True)
class Smap(Product):
    """The embeddings of a scan's images, and which camera sees which point of its key frame.
    Scans of which an image cannot be used are in neither file.

    Attributes:
        model: CLIP, a local folder or a hub id.
        device: see `avs3d.load`.
    """

    model: str
    device: str = "auto"
    what = "smap"

    def told(self) -> dict[str, Any]:
        return known_by(self.model, "image encoder")

    def load(self) -> None:
        assert self._vision.dim

    @cached_property
    def _vision(self) -> ClipVision:
        from avs3d.vision import ClipVision

        return ClipVision(self.model, str(torch_device(self.device)))

    def make(self, scan: Scan, part: Part, folder: Path) -> tuple[str, ...]:
        features = image_embeddings(scan, self._vision)
        mask = camera_mask(replace(scan, cameras=tuple(map(sized, scan.cameras))))
        path = folder / "smap_parts" / part.name / f"{scan.name}.npz"
        path.parent.mkdir(parents=True)
        names = np.array([camera.name for camera in scan.cameras])
        np.savez(path, cameras=names, features=features, mask=mask)
        return ()

    def join(self, parts: Mapping[str, list[Path]], part: Part, folder: Path) -> None:
        names, features, masks = [], [], {}
        for scene, (path,) in parts.items():
            with reading(path), np.load(path, allow_pickle=False) as found:
                names += [f"{scene}_{camera}" for camera in found["cameras"]]
                features.append(found["features"])
                masks[scene] = found["mask"]
        told = ImageFeatures(tuple(names), np.concatenate(features))
        write_image_features(folder / f"cached_img_clip_feature_{part.name}.pt", told)
        write_camera_masks(folder / f"{part.kind}_camera_id_mask_{part.name}.pkl", masks)

    def alike(self, one: Path, other: Path) -> bool:
        with np.load(one, allow_pickle=False) as a, np.load(other, allow_pickle=False) as b:
            same = all(np.array_equal(a[name], b[name]) for name in ("cameras", "mask"))
            return same and rows_alike(a["features"], b["features"], _ALIKE)


def rows_alike(one: np.ndarray, other: np.ndarray, cosine: float) -> bool:
    """Whether the rows of two arrays have the same direction, and length to a hundredth."""
    if one.shape != other.shape:
        return False
    one, other = one.astype(np.float64), other.astype(np.float64)
    lengths = np.linalg.norm(one, axis=1), np.linalg.norm(other, axis=1)
    product = (one * other).sum(1) >= cosine * lengths[0] * lengths[1]
    return bool(product.all() and np.allclose(*lengths, rtol=0.01))
