"""Fused features: ``SCENE.pt``, or random halves ``SCENE_0.pt``, ``SCENE_1.pt``, …"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avs3d.environment import torch_device
from avs3d.errors import ReadError
from avs3d.features import PointFeatures
from avs3d.fusion import fuse
from avs3d.io.source import show
from avs3d.prepare.models import known_by
from avs3d.prepare.product import Part, Product, all_sweeps
from avs3d.prepare.smap import rows_alike
from avs3d.published.features import read_features, write_features
from avs3d.scan import Scan

if TYPE_CHECKING:
    from avs3d.vision import PixelFeatures

_ALIKE = 0.999
"""Cosine similarity of features in float16 that differ by rounding only."""


@dataclass(frozen=True)
class Features(Product):
    """The mean of the features of pixels at every point of the key frame that a camera sees;
    of earlier sweeps none, whose points the mask counts all the same.

    Attributes:
        source: see `avs3d.vision.load_pixel_features`.
        width: of the features, where the source is a folder.
        cell: see `avs3d.views.camera_views`.
        halves: so many files a scene, each with a random half of its features; 0: one with all.
        device: see `avs3d.load`.
    """

    source: str
    width: int | None = None
    cell: int | None = None
    halves: int = 0
    device: str = "auto"
    what = "features"

    def told(self) -> dict[str, Any]:
        kind, _, place = self.source.partition(":")
        if kind == "clip" and place:
            source: Any = known_by(place, "image encoder")
        else:
            source = os.path.abspath(os.path.expanduser(self.source))
        told = {"source": source, "width": self.width, "z_buffer": self.cell}
        return {**told, "halves": self.halves}

    def options(self, kind: str) -> dict[str, Any]:
        return all_sweeps(kind)

    def load(self) -> None:
        assert self._pixels.dim

    @cached_property
    def _pixels(self) -> PixelFeatures:
        from avs3d.vision import load_pixel_features

        return load_pixel_features(self.source, self.width, str(torch_device(self.device)))

    def make(self, scan: Scan, part: Part, folder: Path) -> tuple[str, ...]:
        key = np.ones(len(scan), bool) if scan.sweep is None else scan.sweep == 0
        fused = fuse(scan.take(key), self._pixels, cell=self.cell)
        left_out = (*scan.left_out, *fused.left_out)
        seen = np.zeros(len(scan), bool)
        seen[key] = fused.features.mask
        if not seen.any():
            why = f" ({left_out[0]})" if left_out else "; give a scan with cameras"
            raise ReadError(f"{show(scan.name)}: no camera gives a point a feature{why}")
        whole = PointFeatures(fused.features.features, seen, scan.name)
        if not self.halves:
            write_features(folder / f"{scan.name}.pt", whole)
        for number in range(self.halves):
            path = folder / f"{scan.name}_{number}.pt"
            write_features(path, _half(whole, number))
        return tuple(f"{show(scan.name)}: {line}" for line in left_out)

    def alike(self, one: Path, other: Path) -> bool:
        a, b = read_features(one), read_features(other)
        return np.array_equal(a.mask, b.mask) and rows_alike(a.features, b.features, _ALIKE)


def _half(whole: PointFeatures, number: int) -> PointFeatures:
    """Half of the features, drawn by the scene's name and the number of the file."""
    name = whole.name.encode("utf-8", "surrogateescape")
    count = len(whole.features)
    rng = np.random.default_rng([number, zlib.crc32(name)])
    rows = np.sort(rng.permutation(count)[: (count + 1) // 2])
    mask = np.zeros(len(whole), bool)
    mask[np.flatnonzero(whole.mask)[rows]] = True
    return PointFeatures(whole.features[rows], mask, whole.name)
