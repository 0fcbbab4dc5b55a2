"""Embeddings of sectors of simulated scans: SMAP of bundles, and the mean of the same features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from avs3d.bundle import Bundle
from avs3d.inputs import point_inputs
from avs3d.scan import Scan
from avs3d.simulation.dataset import load
from avs3d.sparse import Level, SparseTensor, pool_by_mask, voxelize

REACH, LEAST = 25.0, 3000  # metres from the sensor, points
LENGTH = 0.75  # of means: about that of the mean of a few captions' embeddings
MEAN = "mean:"
"""Before the name of a bundle: the mean of its features instead of its SMAP."""


@dataclass(frozen=True)
class Near:
    """The points of a simulated scan around its sensor.

    Attributes:
        name: of the file.
        points: (N, 3) metres.
        intensity, kinds, objects: (N,).
    """

    name: str
    points: np.ndarray
    intensity: np.ndarray
    kinds: np.ndarray
    objects: np.ndarray


def scans(folder: Path) -> Iterator[Near]:
    """Those of a folder that have enough points near the sensor."""
    for file in sorted(folder.glob("scan_*.npz")):
        scan = load(file)
        near = np.hypot(scan.points[:, 0], scan.points[:, 1]) < REACH
        if near.sum() >= LEAST:
            parts = (scan.points, scan.intensity, scan.category, scan.instance)
            yield Near(file.stem, *(part[near] for part in parts))


class Poolings:
    """Ways of pooling the features of one network.

    Args:
        names: of bundles with that network, with `MEAN` before them or not.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.bundles = {name: Bundle.load(name.removeprefix(MEAN)) for name in names}
        self._first = next(iter(self.bundles.values()))
        own = self._first.network.final.kernel
        for name, bundle in self.bundles.items():
            if not torch.equal(own, bundle.network.final.kernel):
                raise SystemExit(f"{name}: has another network than {names[0]}; give it alone")

    @torch.inference_mode()
    def __call__(self, scan: Near, sectors: np.ndarray) -> dict[str, Tensor]:
        """(V, D) of the sectors, (N, V) bool, by name."""
        config, network = self._first.config, self._first.network
        voxels = voxelize(scan.points - scan.points.min(0), config.voxel_size)
        inputs = point_inputs(Scan(scan.points, scan.intensity), config.inputs)
        coords = torch.cat([torch.zeros(len(voxels.coords), 1).long(), voxels.coords], 1)
        trunk = network.trunk(SparseTensor(voxels.mean(torch.from_numpy(inputs)), Level(coords)))
        masks = torch.zeros(len(coords), sectors.shape[1], dtype=torch.bool)
        for view in range(sectors.shape[1]):
            masks[voxels.inverse[torch.from_numpy(sectors[:, view])], view] = True
        kernel = network.final.kernel
        unit = F.normalize(trunk.features @ kernel, dim=1)
        mean = LENGTH * F.normalize(pool_by_mask(unit, masks), dim=1)
        found = {}
        for name, bundle in self.bundles.items():
            if name.startswith(MEAN):
                found[name] = mean
            else:
                assert bundle.pooling is not None
                found[name] = bundle.pooling.pool(bundle.pooling.position(trunk, kernel), masks)
        return found
