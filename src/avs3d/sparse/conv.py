"""The arithmetic of sparse convolution: gather, multiply, sum, block by block."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from avs3d.sparse.levels import Block, KernelMap


def sparse_conv(features: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """``out[o] = sum over pairs (i, o, k) of features[i] @ kernel[k]``.

    Args:
        features: (n_in, C_in).
        kernel: (K**3, C_in, C_out), same dtype.
        kernel_map: which rows meet under which weight.

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
    if torch.is_autocast_enabled(features.device.type):
        dtype = torch.get_autocast_dtype(features.device.type)
        features, kernel = features.to(dtype), kernel.to(dtype)
    return _SparseConv.apply(features, kernel, kernel_map)


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
        grad = grad.contiguous()
        grad_features = grad_kernel = None
        if ctx.needs_input_grad[0]:
            weights = kernel.flip(0) if kernel_map.self_transposed else kernel
            grad_features = _apply(grad, weights.transpose(1, 2), kernel_map.transposed)
        if ctx.needs_input_grad[1]:
            grad_kernel = _kernel_gradient(features, grad, kernel_map)
        return grad_features, grad_kernel, None


def _apply(features: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    out = features.new_empty(kernel_map.n_out, kernel.shape[2])
    for block in kernel_map.blocks:
        products = _products(features, kernel, block)
        # A segmented sum in fixed order: several times faster than index_add_, and it repeats.
        out[block.rows] = F.embedding_bag(
            block.order, products, block.offsets, mode="sum", include_last_offset=True
        )
    return out


def _products(features: Tensor, kernel: Tensor, block: Block) -> Tensor:
    gathered = features.index_select(0, block.inputs)
    products = gathered.new_empty(len(gathered), kernel.shape[2])
    start = 0
    for weights, count in zip(kernel, block.splits, strict=True):
        if count:
            torch.mm(gathered[start : start + count], weights, out=products[start : start + count])
            start += count
    return products


def _kernel_gradient(features: Tensor, grad: Tensor, kernel_map: KernelMap) -> Tensor:
    total = features.new_zeros(kernel_map.volume, features.shape[1], grad.shape[1])
    for block in kernel_map.blocks:
        inputs = features.index_select(0, block.inputs).split(block.splits)
        outputs = grad.index_select(0, block.outputs).split(block.splits)
        for weight, rows_in, rows_out in zip(total, inputs, outputs, strict=True):
            if len(rows_in):
                weight.addmm_(rows_in.T, rows_out)
    return total
