"""`torch.nn` modules on `SparseTensor`. Parameter names and layouts are the public checkpoints'."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from avs3d.sparse.conv import sparse_conv
from avs3d.sparse.levels import KernelMap, Level


@dataclass(frozen=True)
class SparseTensor:
    """Features on the occupied voxels of a level.

    Attributes:
        features: (N, C), row i belongs to ``level.coords[i]``.
        level: the coordinates.
    """

    features: Tensor
    level: Level

    def __post_init__(self) -> None:
        if self.features.shape[0] != len(self.level):
            raise ValueError(f"{self.features.shape[0]} rows for {len(self.level)} voxels")

    def replace(self, features: Tensor) -> SparseTensor:
        """Other features on the same voxels."""
        return SparseTensor(features, self.level)


class _Conv(nn.Module):
    """`kernel` is (K**3, C_in, C_out), index with x fastest; `bias` (1, C_out) or None."""

    def __init__(self, volume: int, in_channels: int, out_channels: int, bias: bool) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(volume, in_channels, out_channels))
        self.bias = nn.Parameter(torch.zeros(1, out_channels)) if bias else None
        nn.init.normal_(self.kernel, std=(2.0 / (volume * out_channels)) ** 0.5)

    def _convolve(self, x: SparseTensor, kernel_map: KernelMap, level: Level) -> SparseTensor:
        features = sparse_conv(x.features, self.kernel, kernel_map)
        if self.bias is not None:
            features = features + self.bias
        return SparseTensor(features, level)


class SubmanifoldConv(_Conv):
    """Odd kernel; output on the input's voxels only."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 3, bias: bool = False
    ) -> None:
        super().__init__(kernel_size**3, in_channels, out_channels, bias)
        self.kernel_size = kernel_size

    def forward(self, x: SparseTensor) -> SparseTensor:
        return self._convolve(x, x.level.neighbours(self.kernel_size), x.level)


class StridedConv(_Conv):
    """2**3 kernel with stride 2, onto the coarser level."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = False) -> None:
        super().__init__(8, in_channels, out_channels, bias)

    def forward(self, x: SparseTensor) -> SparseTensor:
        return self._convolve(x, x.level.down, x.level.coarser)


class TransposedConv(_Conv):
    """Transposed 2**3 kernel with stride 2, onto exactly the voxels of the finer level."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = False) -> None:
        super().__init__(8, in_channels, out_channels, bias)

    def forward(self, x: SparseTensor) -> SparseTensor:
        finer = x.level.finer
        return self._convolve(x, finer.up, finer)


class PointwiseConv(nn.Module):
    """1**3 kernel: a matrix product per voxel. `kernel` is (C_in, C_out), `bias` (1, C_out)."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = False) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(in_channels, out_channels))
        self.bias = nn.Parameter(torch.zeros(1, out_channels)) if bias else None
        nn.init.normal_(self.kernel, std=(2.0 / out_channels) ** 0.5)

    def forward(self, x: SparseTensor) -> SparseTensor:
        features = x.features @ self.kernel
        return x.replace(features if self.bias is None else features + self.bias)


class SparseBatchNorm(nn.Module):
    """BatchNorm over voxels; the inner name `bn` is the public checkpoints'."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(channels)

    def forward(self, x: SparseTensor) -> SparseTensor:
        return x.replace(self.bn(x.features))
