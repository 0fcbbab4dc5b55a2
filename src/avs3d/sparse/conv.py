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
        need_features, need_kernel, _ = ctx.needs_input_grad
        grad = grad.contiguous()
        grad_features = torch.empty_like(features) if need_features else None
        grad_kernel = torch.zeros_like(kernel) if need_kernel else None
        # Reads of the transposed map: its inputs are this convolution's outputs. Where the map is
        # its own transpose, weights are met in reverse order.
        if kernel_map.self_transposed:
            kernel = kernel.flip(0)
        weights = kernel.transpose(1, 2)
        for block in kernel_map.transposed.blocks:
            gathered = grad.index_select(0, block.inputs)
            if grad_features is not None:
                grad_features[block.rows] = _sum_rows(_products(gathered, weights, block), block)
            if grad_kernel is not None:
                rows = features.index_select(0, block.outputs).split(block.splits)
                parts = gathered.split(block.splits)
                for index, count in enumerate(block.splits):
                    if count:
                        grad_kernel[index].addmm_(rows[index].T, parts[index])
        if grad_kernel is not None and kernel_map.self_transposed:
            grad_kernel = grad_kernel.flip(0)
        return grad_features, grad_kernel, None


def _apply(features: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    out = features.new_empty(kernel_map.n_out, kernel.shape[2])
    for block in kernel_map.blocks:
        gathered = features.index_select(0, block.inputs)
        out[block.rows] = _sum_rows(_products(gathered, kernel, block), block)
    return out


def _products(gathered: Tensor, kernel: Tensor, block: Block) -> Tensor:
    """(P, C_out): each pair's row times its weight."""
    products = gathered.new_empty(len(gathered), kernel.shape[2])
    start = 0
    for weight, count in zip(kernel, block.splits, strict=True):
        if count:
            rows = slice(start, start + count)
            torch.mm(gathered[rows], weight, out=products[rows])
            start += count
    return products


def _sum_rows(products: Tensor, block: Block) -> Tensor:
    """(rows, C_out): the sum over each output row's pairs.

    A segmented sum in fixed order: several times faster than index_add_, and it repeats.
    """
    return F.embedding_bag(
        block.order, products, block.offsets, mode="sum", include_last_offset=True
    )
