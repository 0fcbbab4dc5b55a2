"""What the 3D networks have in common: narrow features of voxels, and a linear map at the end."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from avs3d.sparse import Level, PointwiseConv, SparseTensor


class VoxelNetwork(nn.Module):
    """A 3D network: `trunk`, and `final` into the space of the words (paper, 3.2)."""

    final: PointwiseConv

    def trunk(self, x: SparseTensor) -> SparseTensor:
        """Everything before `final`, on the input's voxels."""
        raise NotImplementedError

    def forward(self, coords: Tensor, features: Tensor) -> Tensor:
        """Features of raw voxels.

        Args:
            coords: (N, 4) integer [batch, x, y, z], unique, in any order.
            features: (N, in_channels).

        Returns:
            (N, out_channels), rows as in `coords`.
        """
        level, rows = Level.from_coords(coords)
        x = self.trunk(SparseTensor(features[rows], level))
        # Back into the caller's order while the features are still narrow.
        back = torch.empty_like(rows)
        back[rows] = torch.arange(len(rows), device=rows.device)
        return self.final(x.replace(x.features[back])).features
