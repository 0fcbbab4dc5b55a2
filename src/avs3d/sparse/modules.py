"""`torch.nn` modules on `SparseTensor`. Parameter names and layouts are the public checkpoints'."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from avs3d.sparse.conv import Finish, pointwise_conv, sparse_conv
from avs3d.sparse.kernel_map import KernelMap
from avs3d.sparse.levels import Level


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


def _draw(kernel: nn.Parameter, fan_out: int) -> None:
    """Random weights, after He et al."""
    if not kernel.is_meta:  # drawing nothing there would import torch's compiler, a second
        nn.init.normal_(kernel, std=(2.0 / fan_out) ** 0.5)


class _Conv(nn.Module):
    """`kernel` is (K**3, C_in, C_out), index with x fastest; `bias` (1, C_out) or None."""

    def __init__(self, volume: int, in_channels: int, out_channels: int, bias: bool) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(volume, in_channels, out_channels))
        self.bias = nn.Parameter(torch.zeros(1, out_channels)) if bias else None
        _draw(self.kernel, volume * out_channels)

    def route(self, level: Level) -> tuple[KernelMap, Level]:
        """The map from the voxels of `level`, and the level it leads to."""
        raise NotImplementedError

    def finished(self, x: SparseTensor, finish: Finish) -> SparseTensor:
        """The convolution, without its bias, and what comes after it, in one pass."""
        kernel_map, level = self.route(x.level)
        return SparseTensor(sparse_conv(x.features, self.kernel, kernel_map, finish), level)

    def forward(self, x: SparseTensor) -> SparseTensor:
        kernel_map, level = self.route(x.level)
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

    def route(self, level: Level) -> tuple[KernelMap, Level]:
        return level.neighbours(self.kernel_size), level


class StridedConv(_Conv):
    """2**3 kernel with stride 2, onto the coarser level."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = False) -> None:
        super().__init__(8, in_channels, out_channels, bias)

    def route(self, level: Level) -> tuple[KernelMap, Level]:
        return level.down, level.coarser


class TransposedConv(_Conv):
    """Transposed 2**3 kernel with stride 2, onto exactly the voxels of the finer level."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = False) -> None:
        super().__init__(8, in_channels, out_channels, bias)

    def route(self, level: Level) -> tuple[KernelMap, Level]:
        return level.finer.up, level.finer


class PointwiseConv(nn.Module):
    """1**3 kernel: a matrix product per voxel. `kernel` is (C_in, C_out), `bias` (1, C_out)."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = False) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(in_channels, out_channels))
        self.bias = nn.Parameter(torch.zeros(1, out_channels)) if bias else None
        _draw(self.kernel, out_channels)

    def finished(self, x: SparseTensor, finish: Finish) -> SparseTensor:
        """The convolution, without its bias, and what comes after it, in one pass."""
        return x.replace(pointwise_conv(x.features, self.kernel, finish))

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

    def affine(self) -> tuple[Tensor, Tensor]:
        """Scale and shift, (C,) each, that it comes to in inference."""
        bn = self.bn
        assert bn.running_mean is not None and bn.running_var is not None
        scale = bn.weight * torch.rsqrt(bn.running_var + bn.eps)
        return scale, bn.bias - bn.running_mean * scale


def is_watched(*modules: nn.Module) -> bool:
    """Whether somebody looks at what goes into these modules, or comes out of them."""
    return any(module._forward_pre_hooks or module._forward_hooks for module in modules)


def conv_norm(
    conv: _Conv | PointwiseConv,
    norm: SparseBatchNorm,
    x: SparseTensor,
    residual: Tensor | None = None,
    relu: bool = True,
    out: Tensor | None = None,
) -> SparseTensor:
    """``relu(norm(conv(x)) + residual)``, in one pass over the memory when nothing is learned.

    Args:
        conv: the convolution; with a bias, it takes the way in several passes.
        norm: of the convolution's output channels.
        x: input.
        residual: (N_out, C_out), added before the ReLU.
        relu: cut off below zero.
        out: (N_out, C_out), where to write the result; may be `residual`. Not while learning.
    """
    watched = is_watched(conv, norm)  # whoever looks sees each step
    learning = norm.training or torch.is_grad_enabled()
    if conv.bias is None and not learning and not watched:
        scale, shift = norm.affine()
        return conv.finished(x, Finish(scale, shift, residual, relu, out))
    y = norm(conv(x))
    features = y.features if residual is None else y.features + residual
    features = torch.relu(features) if relu else features
    return y.replace(features if out is None else out.copy_(features))
