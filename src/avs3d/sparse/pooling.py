"""Reduce the voxels of a level to one row per sample, or per mask."""

from __future__ import annotations

from torch import Tensor

from avs3d.sparse.modules import SparseTensor


def pool_by_sample(x: SparseTensor, reduce: str = "mean") -> Tensor:
    """(B, C) mean or maximum over each sample's voxels; zeros for a sample without any.

    Raises:
        ValueError: `reduce` is neither ``mean`` nor ``max``.
    """
    if reduce not in ("mean", "max"):
        raise ValueError(f"reduce must be 'mean' or 'max', got {reduce!r}")
    batch = x.level.coords[:, 0]
    samples = int(batch.max()) + 1 if len(batch) else 0
    out = x.features.new_zeros(samples, x.features.shape[1])
    index = batch[:, None].expand_as(x.features)
    kind = "amax" if reduce == "max" else "mean"
    return out.scatter_reduce(0, index, x.features, kind, include_self=False)


def pool_by_mask(features: Tensor, masks: Tensor) -> Tensor:
    """(V, C) mean of (N, C) features over each column of the (N, V) bool `masks`; 0 for none."""
    weights = masks.to(features.dtype)
    return weights.T @ features / weights.sum(0).clamp(min=1)[:, None]
