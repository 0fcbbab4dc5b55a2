"""The arithmetic of sparse convolution: gather, multiply, sum, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from avs3d.sparse.kernel_map import Block, KernelMap
from avs3d.sparse.scratch import scratch
from avs3d.sparse.threads import for_each, for_rows

_GATHERED_BYTES = 1 << 20
_GRADIENT_PAIRS = 4096  # rows multiplied at once for a weight's gradient


@dataclass(frozen=True)
class Finish:
    """What is done to a convolution's output rows while they are still in the cache.

    ``out = relu(out * scale + shift + residual)``, each part where it is given. For inference:
    no gradient goes through it.

    Attributes:
        scale: (C_out,).
        shift: (C_out,).
        residual: (n_out, C_out).
        relu: cut off below zero.
        out: (n_out, C_out), memory for the result instead of fresh one; may be `residual`.
    """

    scale: Tensor
    shift: Tensor
    residual: Tensor | None = None
    relu: bool = False
    out: Tensor | None = None

    def memory(self, rows: int, channels: int, like: Tensor) -> Tensor:
        """(rows, channels) to write the result into."""
        return like.new_empty(rows, channels) if self.out is None else self.out

    def write(self, sums: Tensor, out: Tensor, rows: slice) -> None:
        """The finished `sums` into the `rows` of `out`; `sums` is overwritten."""
        torch.addcmul(self.shift, sums, self.scale, out=sums)
        if self.residual is not None:
            sums.add_(self.residual[rows])
        if self.relu:
            torch.clamp_min(sums, 0, out=out[rows])
        else:
            out[rows] = sums


def sparse_conv(
    features: Tensor, kernel: Tensor, kernel_map: KernelMap, finish: Finish | None = None
) -> Tensor:
    """``out[o] = sum over pairs (i, o, k) of features[i] @ kernel[k]``.

    Args:
        features: (n_in, C_in).
        kernel: (K**3, C_in, C_out), same dtype.
        kernel_map: which rows meet under which weight.
        finish: applied to each row at the end; the result is then not differentiable.

    Returns:
        (n_out, C_out). Differentiable in both; sums run in a fixed order, so results repeat.

    Raises:
        ValueError: shapes that do not fit the map.
    """
    if features.shape[0] != kernel_map.n_in or kernel.shape[0] != kernel_map.volume:
        raise ValueError(
            f"features {tuple(features.shape)} and kernel {tuple(kernel.shape)} do not fit a map "
            f"of {kernel_map.n_in} input rows and {kernel_map.volume} kernel weights"
        )
    features, kernel = _autocast(features, kernel)
    if finish is not None:
        return _apply(features, kernel, kernel_map, finish)
    return _SparseConv.apply(features, kernel, kernel_map)


def pointwise_conv(features: Tensor, kernel: Tensor, finish: Finish) -> Tensor:
    """(N, C_out) of (N, C_in) and (C_in, C_out), in the same threads as `sparse_conv`."""
    features, kernel = _autocast(features, kernel)
    out = finish.memory(len(features), kernel.shape[1], features)

    def compute(rows: slice) -> None:
        part = features[rows]
        sums = scratch("products", (len(part), kernel.shape[1]), features)
        torch.mm(part, kernel, out=sums)
        finish.write(sums, out, rows)

    for_rows(compute, features)
    return out


def _autocast(features: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the dtype of autocast where that is on."""
    device = features.device.type
    if not torch.is_autocast_enabled(device):
        return features, kernel
    dtype = torch.get_autocast_dtype(device)
    return features.to(dtype), kernel.to(dtype)


class _SparseConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
        ctx.save_for_backward(features, kernel)
        ctx.kernel_map = kernel_map
        return _apply(features, kernel, kernel_map)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        features, kernel = ctx.saved_tensors
        kernel_map: KernelMap = ctx.kernel_map
        need_features, need_kernel, _ = ctx.needs_input_grad
        grad = grad.contiguous()
        grad_features = grad_kernel = None
        if need_features:
            # Where a map is its own transpose, weights are met in reverse order.
            weights = kernel if kernel_map.identity is None else kernel.flip(0)
            grad_features = _apply(grad, weights.transpose(1, 2), kernel_map.transposed)
        if need_kernel:
            grad_kernel = _kernel_gradient(features, grad, kernel, kernel_map)
        return grad_features, grad_kernel, None


def _apply(
    features: Tensor, kernel: Tensor, kernel_map: KernelMap, finish: Finish | None = None
) -> Tensor:
    shape = (kernel_map.n_out, kernel.shape[2])
    out = features.new_empty(shape) if finish is None else finish.memory(*shape, features)
    weights = kernel.unbind(0)

    def compute(block: Block) -> None:
        products = _products(features, weights, block)
        # A segmented sum in fixed order: several times faster than index_add_, and it repeats.
        sums = F.embedding_bag(
            block.order, products, block.offsets, mode="sum", include_last_offset=True
        )
        if kernel_map.identity is not None:
            sums.addmm_(features[block.rows], weights[kernel_map.identity])
        if finish is None:
            out[block.rows] = sums
        else:
            finish.write(sums, out, block.rows)

    for_each(compute, kernel_map.blocks, features)
    return out


def _products(features: Tensor, weights: Sequence[Tensor], block: Block) -> Tensor:
    """(P, C_out): each pair's row times its weight."""
    c_in, c_out = weights[0].shape
    products = scratch("products", (len(block.inputs), c_out), features)
    # Rows of so many weights at a time that they are still in the cache when multiplied.
    size = len(block.inputs) * c_in * features.element_size()
    together = max(1, len(weights) * _GATHERED_BYTES // max(size, 1))
    done = 0
    for first in range(0, len(weights), together):
        splits = block.splits[first : first + together]
        count = sum(splits)
        gathered = scratch("gathered", (count, c_in), features)
        torch.index_select(features, 0, block.inputs[done : done + count], out=gathered)
        parts = (gathered.split(splits), products[done : done + count].split(splits))
        for weight, rows, part in zip(weights[first : first + together], *parts, strict=True):
            if len(rows):
                torch.mm(rows, weight, out=part)
        done += count
    return products


def _kernel_gradient(
    features: Tensor, grad: Tensor, kernel: Tensor, kernel_map: KernelMap
) -> Tensor:
    """Per kernel weight, the sum over its pairs of input row times output gradient.

    Half precision is summed in float32, or large sums would take up nothing more.
    """
    half = kernel.dtype in (torch.bfloat16, torch.float16)
    out = kernel.new_zeros(kernel.shape, dtype=torch.float32 if half else kernel.dtype)

    def compute(index: int) -> None:
        inputs_of, outputs_of = (rows.split(_GRADIENT_PAIRS) for rows in kernel_map.pairs[index])
        for inputs, outputs in zip(inputs_of, outputs_of, strict=True):
            left = scratch("gathered", (len(inputs), features.shape[1]), features)
            right = scratch("products", (len(inputs), grad.shape[1]), grad)
            torch.index_select(features, 0, inputs, out=left)
            torch.index_select(grad, 0, outputs, out=right)
            if half:
                out[index] += left.T @ right
            else:
                out[index].addmm_(left.T, right)

    for_each(compute, range(kernel_map.volume), features)
    return out.to(kernel.dtype)
