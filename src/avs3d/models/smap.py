"""Sparse masked attention pooling: the points of a view become one embedding (paper, 3.3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from avs3d.sparse import Level, PointwiseConv, SparseTensor, SubmanifoldConv, pool_by_mask

PADDINGS = ("additive", "masked")


class SparseMaskedAttentionPooling(nn.Module):
    """SMAP; parameter names as in public checkpoints (`attn_layer.*`).

    Args:
        in_channels: width of the point features (768 published).
        channels: width inside (512 published).
        out_channels: width of the embedding, `channels` when not given.
        heads: attention heads.
        padding: ``masked`` attends to the view's own points only. ``additive`` does what the
            published code does: views are padded with zero rows to the longest view of their
            sample, and the padded rows take part with +1 on their logits.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        out_channels: int | None = None,
        heads: int = 8,
        padding: str = "masked",
    ) -> None:
        super().__init__()
        if padding not in PADDINGS:
            raise ValueError(f"padding must be one of {PADDINGS}, got {padding!r}")
        self.heads = heads
        self.padding = padding
        self.in_proj = PointwiseConv(in_channels, channels, bias=True)
        self.cpe = SubmanifoldConv(channels, channels, bias=True)
        self.linear = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels)
        self.q_proj = nn.Linear(channels, channels)
        self.k_proj = nn.Linear(channels, channels)
        self.v_proj = nn.Linear(channels, channels)
        self.c_proj = nn.Linear(channels, out_channels or channels)

    def position(self, x: SparseTensor, head: Tensor | None = None) -> Tensor:
        """Projected features plus conditional position encoding, (N, channels).

        Args:
            x: point features of `in_channels`, or narrower ones that `head` would widen.
            head: (C, in_channels) linear map still to be applied to `x`; it is folded into the
                projection, so that the wide features are never laid out.
        """
        weights = self.in_proj.kernel if head is None else head @ self.in_proj.kernel
        assert self.in_proj.bias is not None
        x = x.replace(x.features @ weights + self.in_proj.bias)
        return x.features + self.norm(self.linear(self.cpe(x).features))

    def pool(self, features: Tensor, masks: Tensor) -> Tensor:
        """Attention over the rows of each view of one sample.

        Args:
            features: (N, channels) from `position`.
            masks: (N, V) bool, which rows each view holds.

        Returns:
            (V, out_channels); zeros for a view without rows.
        """
        counts = masks.sum(0)
        longest = int(counts.max()) if masks.numel() else 0
        # Keys and values are linear in the features: their weights are applied to the few queries
        # and results instead of the many rows, and a key's bias, alike for all rows, falls out.
        query = self.q_proj(pool_by_mask(features, masks)).unflatten(1, (self.heads, -1))
        asked = torch.einsum("vhd,hdc->vhc", query, self._by_head(self.k_proj.weight))
        asked = asked * query.shape[2] ** -0.5
        seen = features.new_zeros(asked.shape)
        sizes = counts.tolist()
        rows = torch.nonzero(masks.T)[:, 1].split(sizes)
        for view in torch.nonzero(counts).flatten().tolist():
            extra = longest - sizes[view] if self.padding == "additive" else 0
            seen[view] = _attend(asked[view], features[rows[view]], extra)
        value = torch.einsum("vhc,hdc->vhd", seen, self._by_head(self.v_proj.weight))
        pooled = self.c_proj(value.flatten(1) + self.v_proj.bias)
        return torch.where((counts > 0)[:, None], pooled, torch.zeros_like(pooled))

    def _by_head(self, weight: Tensor) -> Tensor:
        """(heads, width of a head, channels)"""
        return weight.unflatten(0, (self.heads, -1))

    def forward(self, coords: Tensor, features: Tensor, view_mask: Tensor) -> Tensor:
        """Embeddings of the views of each sample, from raw voxels.

        Args:
            coords: (N, 4) integer [batch, x, y, z], unique, in any order.
            features: (N, in_channels).
            view_mask: (N, V) bool.

        Returns:
            (B, V, out_channels).
        """
        if not len(coords):
            return features.new_zeros(0, view_mask.shape[1], self.c_proj.out_features)
        level, rows = Level.from_coords(coords)
        positioned = self.position(SparseTensor(features[rows], level))
        masks, batch = view_mask[rows].bool(), level.coords[:, 0]
        samples = range(int(batch.max()) + 1)
        return torch.stack([self.pool(positioned[batch == i], masks[batch == i]) for i in samples])


def _attend(asked: Tensor, features: Tensor, padded: int) -> Tensor:
    """(heads, C) mean of the (n, C) features, weighted by what each head asks, (heads, C).

    The `padded` zero rows are all alike (only the biases are left of their keys and values), with
    logit + 1: one column stands for them.
    """
    logits = asked @ features.T
    if padded:
        column = logits.new_full((len(asked), 1), 1.0 + math.log(padded))
        return torch.cat([logits, column], 1).softmax(1)[:, :-1] @ features
    return logits.softmax(1) @ features
