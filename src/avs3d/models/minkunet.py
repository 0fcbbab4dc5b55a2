"""MinkUNet: the sparse 3D U-Net that gives every voxel a language-aligned feature (paper, 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from avs3d.models.voxel_network import VoxelNetwork
from avs3d.sparse import (
    PointwiseConv,
    SparseBatchNorm,
    SparseTensor,
    StridedConv,
    SubmanifoldConv,
    TransposedConv,
    conv_norm,
    for_rows,
    is_watched,
    scratch,
)

_LAYERS = {
    "14": (1,) * 8,
    "18": (2,) * 8,
    "34": (2, 3, 4, 6, 2, 2, 2, 2),
}
_PLANES = {
    "14A": (32, 64, 128, 256, 128, 128, 96, 96),
    "14B": (32, 64, 128, 256, 128, 128, 128, 128),
    "14C": (32, 64, 128, 256, 192, 192, 128, 128),
    "14D": (32, 64, 128, 256, 384, 384, 384, 384),
    "18A": (32, 64, 128, 256, 128, 128, 96, 96),
    "18B": (32, 64, 128, 256, 128, 128, 128, 128),
    "18D": (32, 64, 128, 256, 384, 384, 384, 384),
    "34A": (32, 64, 128, 256, 256, 128, 64, 64),
    "34B": (32, 64, 128, 256, 256, 128, 64, 32),
    "34C": (32, 64, 128, 256, 256, 128, 96, 96),
}
VARIANTS: tuple[str, ...] = tuple(_PLANES)


def variant_sizes(name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """`planes` and `layers` of one of the published sizes, for example ``18A``.

    Raises:
        ValueError: a name that is not in `VARIANTS`.
    """
    if name not in _PLANES:
        raise ValueError(f"no MinkUNet {name!r}; there are {', '.join(VARIANTS)}")
    return _PLANES[name], _LAYERS[name[:2]]


def variant_of(planes: Sequence[int], layers: Sequence[int]) -> str:
    """``MinkUNet18A`` and so on; ``MinkUNet`` for sizes of one's own."""
    sizes = tuple(planes), tuple(layers)
    return "MinkUNet" + next((name for name in VARIANTS if variant_sizes(name) == sizes), "")


class BasicBlock(nn.Module):
    """conv 3 - BN - ReLU - conv 3 - BN, added to the (1x1-projected) input, ReLU.

    When nothing is learned, the result takes the place of the input where their widths agree.

    Attributes:
        in_place: whether it may; not where hooks keep what they see.
    """

    in_place = True

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv1 = SubmanifoldConv(in_channels, channels)
        self.norm1 = SparseBatchNorm(channels)
        self.conv2 = SubmanifoldConv(channels, channels)
        self.norm2 = SparseBatchNorm(channels)
        self.downsample: nn.Sequential | None = None
        if in_channels != channels:
            self.downsample = nn.Sequential(
                PointwiseConv(in_channels, channels), SparseBatchNorm(channels)
            )

    def forward(self, x: SparseTensor) -> SparseTensor:
        shortcut = x
        if self.downsample is not None:
            conv, norm = self.downsample
            assert isinstance(conv, PointwiseConv) and isinstance(norm, SparseBatchNorm)
            shortcut = conv_norm(conv, norm, x, relu=False)
        residual = shortcut.features
        if torch.is_grad_enabled() or not self.in_place:
            hidden = conv_norm(self.conv1, self.norm1, x)
            return conv_norm(self.conv2, self.norm2, hidden, residual)
        hidden = conv_norm(
            self.conv1, self.norm1, x, out=scratch("hidden", residual.shape, residual)
        )
        return conv_norm(self.conv2, self.norm2, hidden, residual, out=residual)


class MinkUNet(VoxelNetwork):
    """Sparse U-Net with four down- and four up-sampling steps; names as in public checkpoints.

    Args:
        in_channels: width of the voxel features (3 ones in the published models).
        out_channels: width of the output space.
        planes: channels of the eight stages.
        layers: BasicBlocks of the eight stages.
        stem: channels of the first convolution.
        stem_kernel: its (odd) size, 5 in the published models.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        planes: Sequence[int] = _PLANES["18A"],
        layers: Sequence[int] = _LAYERS["18"],
        stem: int = 32,
        stem_kernel: int = 5,
    ) -> None:
        super().__init__()
        if len(planes) != 8 or len(layers) != 8:
            raise ValueError("planes and layers must have eight entries")
        self.conv0p1s1 = SubmanifoldConv(in_channels, stem, stem_kernel)
        self.bn0 = SparseBatchNorm(stem)
        skips = [stem]
        width = stem
        for i, name in enumerate(_DOWN):
            self.add_module(name, StridedConv(width, width))
            self.add_module(f"bn{i + 1}", SparseBatchNorm(width))
            self.add_module(f"block{i + 1}", _stage(width, planes[i], layers[i]))
            width = planes[i]
            skips.append(width)
        skips.pop()
        for i, name in enumerate(_UP, start=4):
            self.add_module(name, TransposedConv(width, planes[i]))
            self.add_module(f"bntr{i}", SparseBatchNorm(planes[i]))
            self.add_module(f"block{i + 1}", _stage(planes[i] + skips.pop(), planes[i], layers[i]))
            width = planes[i]
        self.final = PointwiseConv(width, out_channels)

    @classmethod
    def variant(cls, name: str, in_channels: int, out_channels: int) -> MinkUNet:
        """One of the published sizes by its name, for example ``18A`` (see `VARIANTS`)."""
        return cls(in_channels, out_channels, *variant_sizes(name))

    def trunk(self, x: SparseTensor) -> SparseTensor:
        """Everything before `final`: (N, planes[7]) on the input's voxels.

        Whoever needs only similarities folds `final` into the text matrix and never lays out the
        wide output features.
        """
        in_place = not torch.is_grad_enabled() and not is_watched(*self.modules())
        for module in self.modules():
            if isinstance(module, BasicBlock):
                module.in_place = in_place
        x = conv_norm(self.conv0p1s1, self.bn0, x)
        skips = []
        for i, name in enumerate(_DOWN, start=1):
            skips.append(x)
            x = conv_norm(getattr(self, name), getattr(self, f"bn{i}"), x)
            x = getattr(self, f"block{i}")(x)
        for i, name in enumerate(_UP, start=4):
            x = self._join(getattr(self, name), getattr(self, f"bntr{i}"), x, skips.pop(), in_place)
            x = getattr(self, f"block{i + 1}")(x)
        return x

    @staticmethod
    def _join(
        conv: TransposedConv,
        norm: SparseBatchNorm,
        x: SparseTensor,
        skip: SparseTensor,
        in_place: bool,
    ) -> SparseTensor:
        """The finer voxels' features from below, beside those that went past."""
        if not in_place:
            return skip.replace(torch.cat([conv_norm(conv, norm, x).features, skip.features], 1))
        width, beside = conv.kernel.shape[2], skip.features.shape[1]
        joined = scratch("joined", (len(skip.level), width + beside), skip.features)
        conv_norm(conv, norm, x, out=joined[:, :width])

        def copy(rows: slice) -> None:
            joined[rows, width:] = skip.features[rows]

        for_rows(copy, joined)
        return skip.replace(joined)


_DOWN = ("conv1p1s2", "conv2p2s2", "conv3p4s2", "conv4p8s2")
_UP = ("convtr4p16s2", "convtr5p8s2", "convtr6p4s2", "convtr7p2s2")


def _stage(in_channels: int, channels: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(
        *(BasicBlock(in_channels if i == 0 else channels, channels) for i in range(blocks))
    )
