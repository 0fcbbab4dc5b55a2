"""From points to voxels and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Voxels:
    """The occupied voxels of one cloud of N points, in canonical (x, y, z) order.

    Attributes:
        coords: (M, 3) int64, voxel indices counted from the cloud's minimum.
        inverse: (N,) int64, the voxel of each point: ``per_voxel[inverse]`` is per point.
        first: (M,) int64, the lowest-numbered point in each voxel.
        origin: (3,) int64, voxel index of the minimum: absolute indices are ``coords + origin``.
        voxel_size: metres.
    """

    coords: Tensor
    inverse: Tensor
    first: Tensor
    origin: Tensor
    voxel_size: float

    def mean(self, values: Tensor) -> Tensor:
        """(N, C) per point -> (M, C) float32 mean per voxel.

        Summed in float64, so that the order of the points does not show in the result.
        """
        values = values.double()
        total = values.new_zeros(len(self.coords), values.shape[1])
        total.index_add_(0, self.inverse, values)
        count = torch.bincount(self.inverse, minlength=len(self.coords))
        return (total / count[:, None]).float()


def voxelize(points: np.ndarray | Tensor, voxel_size: float) -> Voxels:
    """Quantise finite points, (N, 3) in metres, to a grid of `voxel_size` metres.

    The arithmetic is that of the published code: floor(float64(xyz) * (1 / voxel_size)); in
    float32 points near a voxel's wall would change sides.

    Raises:
        ValueError: no points, a point that is not finite, an extent beyond 2**20 voxels, or voxels
            of no size.
    """
    if isinstance(points, np.ndarray):  # of any stride, and that may be read only
        points = torch.from_numpy(np.array(points, np.float64, order="C"))
    xyz = points.double()
    if xyz.ndim != 2 or xyz.shape[1] != 3 or not len(xyz):
        raise ValueError(f"points must be (N, 3) with N > 0, got {tuple(xyz.shape)}")
    if not 0 < voxel_size < float("inf"):
        raise ValueError(f"voxel_size must be a length in metres, got {voxel_size}")
    if not torch.isfinite(xyz).all():
        raise ValueError("points must be finite")
    # Measured as floats: what a sensor writes for no return may be beyond any integer.
    absolute = torch.floor(xyz * (1.0 / voxel_size))
    low, high = absolute.aminmax(dim=0)
    width = float((high - low).max()) + 1
    if not width <= 2**20:
        raise ValueError(f"the cloud is {width:.7g} voxels wide; at most 2**20 are possible")
    cells = (absolute - low).long()
    extent = cells.amax(0) + 1
    keys = (cells[:, 0] * extent[1] + cells[:, 1]) * extent[2] + cells[:, 2]
    _, inverse = torch.unique(keys, return_inverse=True)
    first = inverse.new_full((int(inverse.max()) + 1,), len(xyz))
    first.scatter_reduce_(0, inverse, torch.arange(len(xyz), device=xyz.device), "amin")
    return Voxels(cells[first], inverse, first, low.long(), voxel_size)
