"""MinkUNet in spconv, with the weights of ours: a peer to measure in the same run.

spconv's CPU code is right with one torch thread only: with two it races and returns wrong values.
"""

from __future__ import annotations

from typing import Any

import spconv.pytorch as spconv
import torch
from torch import Tensor, nn

from avs3d.models.minkunet import BasicBlock, MinkUNet
from avs3d.sparse import StridedConv, SubmanifoldConv, TransposedConv


class SpconvMinkUNet:
    """Callable on voxels in our canonical order.

    Args:
        network: in eval mode; its weights are copied.
    """

    def __init__(self, network: MinkUNet) -> None:
        self.network = network
        self.convs: dict[nn.Module, nn.Module] = {}

    @torch.inference_mode()
    def __call__(self, coords: Tensor, features: Tensor) -> Tensor:
        """(N, out_channels) of (N, 4) non-negative [batch, x, y, z] and (N, C)."""
        size = [int(-(-(side + 1) // 32) * 32) for side in coords[:, 1:].amax(0).flip(0).tolist()]
        indices = coords[:, [0, 3, 2, 1]].int().contiguous()
        x = spconv.SparseConvTensor(features, indices, size, int(coords[:, 0].max()) + 1)
        net = self.network
        x = self._unit(net.conv0p1s1, net.bn0, x, "stem")
        skips = []
        for i, name in enumerate(("conv1p1s2", "conv2p2s2", "conv3p4s2", "conv4p8s2"), start=1):
            skips.append(x)
            x = self._unit(getattr(net, name), getattr(net, f"bn{i}"), x, f"down{i - 1}")
            x = self._stage(getattr(net, f"block{i}"), x, i)
        ups = ("convtr4p16s2", "convtr5p8s2", "convtr6p4s2", "convtr7p2s2")
        for i, name in enumerate(ups, start=4):
            x = self._unit(getattr(net, name), getattr(net, f"bntr{i}"), x, f"down{7 - i}")
            x = x.replace_feature(torch.cat([x.features, skips.pop().features], 1))
            x = self._stage(getattr(net, f"block{i + 1}"), x, 7 - i)
        return x.features @ net.final.kernel

    def _stage(self, blocks: nn.Sequential, x: Any, level: int) -> Any:
        for block in blocks:
            assert isinstance(block, BasicBlock)
            residual = x.features
            if block.downsample is not None:
                point, norm = block.downsample
                residual = norm.bn(residual @ point.kernel)
            out = self._unit(block.conv1, block.norm1, x, f"level{level}")
            out = self._conv(block.conv2, f"level{level}")(out)
            out = out.replace_feature(torch.relu(block.norm2.bn(out.features) + residual))
            x = out
        return x

    def _unit(self, conv: nn.Module, norm: nn.Module, x: Any, key: str) -> Any:
        out = self._conv(conv, key)(x)
        return out.replace_feature(torch.relu(norm.bn(out.features)))

    def _conv(self, conv: nn.Module, key: str) -> nn.Module:
        if conv not in self.convs:
            self.convs[conv] = _same_in_spconv(conv, key)
        return self.convs[conv]


def _same_in_spconv(conv: nn.Module, key: str) -> nn.Module:
    kernel = conv.kernel
    _, c_in, c_out = kernel.shape
    if isinstance(conv, SubmanifoldConv):
        size = conv.kernel_size
        same = spconv.SubMConv3d(c_in, c_out, size, bias=False, indice_key=key)
    elif isinstance(conv, StridedConv):
        size = 2
        same = spconv.SparseConv3d(c_in, c_out, 2, 2, bias=False, indice_key=key)
    else:
        assert isinstance(conv, TransposedConv)
        size = 2
        same = spconv.SparseInverseConv3d(c_in, c_out, 2, bias=False, indice_key=key)
    # Ours is (x fastest, C_in, C_out); theirs (C_out, z, y, x, C_in).
    weight = kernel.view(size, size, size, c_in, c_out).permute(4, 0, 1, 2, 3)
    same.weight = nn.Parameter(weight.detach().contiguous())
    return same.eval()
