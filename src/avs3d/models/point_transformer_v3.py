"""Point Transformer V3: a U-Net of attention along space-filling curves (arXiv 2312.10035).

A second 3D network beside `MinkUNet`. Where that one sees a few voxels around, a block of this one
sees a patch of 1024. Names of modules and results are those of Pointcept's `PT-v3m1`. What its code
leaves open, or does otherwise than one would expect:

- A sample is cut into patches by itself, as Pointcept does with flash attention, with which its
  weights are published; its way without takes the smallest sample of a batch as the size of all
  patches. For one sample, and for none smaller than a patch, the two are the same.
- In the first block after an upsampling the position encoding sees the skip connection alone, not
  its sum with what comes from below (Pointcept's issue 65 of PointTransformerV3): the published
  weights were trained that way.
- The order of the curves is shuffled in training only, so that results repeat; Pointcept does it
  always.
- Every sample begins at coordinate 0, and its own width says how deep its Hilbert curve is, so that
  it is the same alone and in a batch; Pointcept takes the widest sample of a batch.

The regularisation of Pointcept's training (drop path) and its conditioned norms (PDNorm) are not
part of this.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avs3d.models.serialization import CURVES, Lines
from avs3d.models.voxel_network import VoxelNetwork
from avs3d.sparse import PointwiseConv, SparseTensor, SubmanifoldConv

_ATTENTION_BYTES = 1 << 27  # of the logits of all pairs of voxels in the patches of one go


class RelativePositions(nn.Module):
    """What is added to a pair's logit for the way from one voxel to the other.

    Args:
        patch: size of a patch; how far the table reaches depends on it.
        heads: attention heads.
    """

    def __init__(self, patch: int, heads: int) -> None:
        super().__init__()
        self.reach = int((4 * patch) ** (1 / 3) * 2)
        self.rpe_table = nn.Parameter(torch.empty(3 * (2 * self.reach + 1), heads))
        nn.init.trunc_normal_(self.rpe_table, std=0.02)

    def forward(self, cells: Tensor) -> Tensor:
        """(P, heads, K, K) of the (P, K, 3) coordinates of patches."""
        x, y, z = (
            table[(axis[:, :, None] - axis[:, None]).clamp(-self.reach, self.reach) + self.reach]
            for axis, table in zip(cells.unbind(2), self.rpe_table.chunk(3), strict=True)
        )
        return (x + y + z).permute(0, 3, 1, 2)


class PatchAttention(nn.Module):
    """Attention among the voxels of each patch.

    Args:
        channels: in and out.
        heads: a divisor of `channels`.
        patch: voxels of a patch.
        curve: index of the curve along which patches are cut.
        qkv_bias: whether queries, keys and values have a bias.
        rpe: whether there are relative positions.
    """

    def __init__(
        self, channels: int, heads: int, patch: int, curve: int, qkv_bias: bool, rpe: bool
    ) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"{channels} channels cannot be shared among {heads} heads")
        self.heads = heads
        self.patch = patch
        self.curve = curve
        self.qkv = nn.Linear(channels, 3 * channels, bias=qkv_bias)
        self.proj = nn.Linear(channels, channels)
        self.rpe = RelativePositions(patch, heads) if rpe else None

    def forward(self, features: Tensor, lines: Lines) -> Tensor:
        patches = lines.patches(self.curve, self.patch)
        qkv = self.qkv(features)
        seen = []
        for rows in patches.rows:
            size = self.heads * rows.shape[1] ** 2 * qkv.element_size()
            for part in rows.split(max(1, _ATTENTION_BYTES // size)):
                cells = lines.level.coords[part, 1:]
                bias = None if self.rpe is None else self.rpe(cells).to(qkv.dtype)
                seen.append(self._attend(qkv[part], bias))
        return self.proj(torch.cat(seen)[patches.own])

    def _attend(self, qkv: Tensor, bias: Tensor | None) -> Tensor:
        """(P * K, C) of (P, K, 3 C)."""
        query, key, value = qkv.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return seen.transpose(1, 2).flatten(2).flatten(0, 1)


class Feedforward(nn.Module):
    """Linear - GELU - Linear."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(features)))


class Block(nn.Module):
    """Position encoding (xCPE: a sparse convolution), attention, feedforward; each is added."""

    def __init__(self, channels: int, mlp_ratio: float, attention: PatchAttention) -> None:
        super().__init__()
        self.cpe = nn.ModuleList(
            [
                SubmanifoldConv(channels, channels, bias=True),
                nn.Linear(channels, channels),
                nn.LayerNorm(channels),
            ]
        )
        self.norm1 = nn.Sequential(nn.LayerNorm(channels))
        self.attn = attention
        self.norm2 = nn.Sequential(nn.LayerNorm(channels))
        self.mlp = nn.Sequential(Feedforward(channels, int(channels * mlp_ratio)))

    def forward(self, features: Tensor, shown: Tensor, lines: Lines) -> Tensor:
        """(N, C).

        Args:
            features: (N, C).
            shown: (N, C) what the position encoding sees.
            lines: where the voxels lie.
        """
        conv, linear, norm = self.cpe
        position = conv(SparseTensor(shown, lines.level)).features
        features = features + norm(linear(position))
        features = features + self.attn(self.norm1(features), lines)
        return features + self.mlp(self.norm2(features))


class Embedding(nn.Module):
    """The first convolution: 5 - BN - GELU."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        conv = SubmanifoldConv(in_channels, channels, kernel_size=5)
        self.stem = nn.ModuleDict({"conv": conv, "norm": _batch_norm(channels)})

    def forward(self, x: SparseTensor) -> Tensor:
        return F.gelu(self.stem["norm"](self.stem["conv"](x).features))


class Down(nn.Module):
    """Grid pooling: Linear, the maximum of the voxels that fall into one, BN, GELU."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.proj = nn.Linear(in_channels, channels)
        self.norm = nn.Sequential(_batch_norm(channels))

    def forward(self, features: Tensor, parent: Tensor, count: int) -> Tensor:
        """(count, C) of (N, C_in) and (N,) the coarser voxel of each."""
        features = self.proj(features)
        pooled = features.new_empty(count, features.shape[1])
        index = parent[:, None].expand_as(features)
        pooled = pooled.scatter_reduce(0, index, features, "amax", include_self=False)
        return F.gelu(self.norm(pooled))


class Up(nn.Module):
    """Back to the finer voxels: Linear - BN - GELU of what comes from below, and of the skip."""

    def __init__(self, in_channels: int, skip_channels: int, channels: int) -> None:
        super().__init__()
        self.proj = nn.Sequential(
            nn.Linear(in_channels, channels), _batch_norm(channels), nn.GELU()
        )
        self.proj_skip = nn.Sequential(
            nn.Linear(skip_channels, channels), _batch_norm(channels), nn.GELU()
        )

    def forward(self, features: Tensor, skip: Tensor, parent: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C) sum, and (N, C) of the skip alone."""
        beside = self.proj_skip(skip)
        return beside + self.proj(features)[parent], beside


class Stage(nn.ModuleDict):
    """What leads to a resolution, `down` or `up`, and the blocks there, `block0` …"""

    def blocks(self, features: Tensor, shown: Tensor, lines: Lines) -> Tensor:
        """(N, C) after all blocks; `shown` is what the first one's position encoding sees."""
        for name, block in self.items():
            if name.startswith("block"):
                features = shown = block(features, shown, lines)
        return features


class PointTransformerV3(VoxelNetwork):
    """Serialised attention with S stages down and S - 1 up; names as in Pointcept's checkpoints.

    Args:
        in_channels: width of the voxel features (x, y, z and intensity in the published driving
            models; colour and normal in the indoor ones).
        out_channels: width of the output space.
        order: names of `CURVES`; block i of a stage goes along the i-th, and around again.
        stride: S - 1 powers of two, how much coarser each stage is than the one before.
        enc_depths: blocks of each stage on the way down, S numbers.
        enc_channels: widths.
        enc_num_head: attention heads.
        enc_patch_size: voxels that attend to each other.
        dec_depths: blocks of each stage on the way up, S - 1 numbers, the finest stage first.
        dec_channels: widths.
        dec_num_head: attention heads.
        dec_patch_size: voxels that attend to each other.
        mlp_ratio: how much wider the feedforward is inside.
        qkv_bias: whether queries, keys and values have a bias.
        enable_rpe: relative positions in the attention.

    Raises:
        ValueError: lists of other lengths, an unknown curve, heads that do not divide the width.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        order: Sequence[str] = tuple(CURVES),
        stride: Sequence[int] = (2, 2, 2, 2),
        enc_depths: Sequence[int] = (2, 2, 2, 6, 2),
        enc_channels: Sequence[int] = (32, 64, 128, 256, 512),
        enc_num_head: Sequence[int] = (2, 4, 8, 16, 32),
        enc_patch_size: Sequence[int] = (1024,) * 5,
        dec_depths: Sequence[int] = (2, 2, 2, 2),
        dec_channels: Sequence[int] = (64, 64, 128, 256),
        dec_num_head: Sequence[int] = (4, 4, 8, 16),
        dec_patch_size: Sequence[int] = (1024,) * 4,
        mlp_ratio: float = 4,
        qkv_bias: bool = True,
        enable_rpe: bool = False,
    ) -> None:
        super().__init__()
        down = [enc_depths, enc_channels, enc_num_head, enc_patch_size]
        up = [stride, dec_depths, dec_channels, dec_num_head, dec_patch_size]
        stages = len(enc_depths)
        if stages < 2 or {len(x) for x in down} != {stages} or {len(x) for x in up} != {stages - 1}:
            raise ValueError("enc_* must have S >= 2 entries, stride and dec_* S - 1")
        if not order or not set(order) <= set(CURVES):
            raise ValueError(f"order must be of {', '.join(CURVES)}, got {', '.join(order)}")
        if any(step < 1 or step & (step - 1) for step in stride):
            raise ValueError(f"strides must be powers of two, got {tuple(stride)}")
        self.order = tuple(order)
        self.stride = tuple(stride)

        def blocks(depth: int, channels: int, heads: int, patch: int) -> dict[str, nn.Module]:
            return {
                f"block{i}": Block(
                    channels,
                    mlp_ratio,
                    PatchAttention(channels, heads, patch, i % len(order), qkv_bias, enable_rpe),
                )
                for i in range(depth)
            }

        self.embedding = Embedding(in_channels, enc_channels[0])
        self.enc = nn.ModuleDict()
        for s, sizes in enumerate(zip(*down, strict=True)):
            first = {"down": Down(enc_channels[s - 1], enc_channels[s])} if s else {}
            self.enc[f"enc{s}"] = Stage({**first, **blocks(*sizes)})
        self.dec = nn.ModuleDict()
        below = [*dec_channels[1:], enc_channels[-1]]
        for s, sizes in reversed(list(enumerate(zip(*up[1:], strict=True)))):
            first_up = {"up": Up(below[s], enc_channels[s], dec_channels[s])}
            self.dec[f"dec{s}"] = Stage({**first_up, **blocks(*sizes)})
        self.final = PointwiseConv(dec_channels[0], out_channels)

    def trunk(self, x: SparseTensor) -> SparseTensor:
        """Everything before `final`: (N, dec_channels[0]) on the input's voxels.

        Whoever needs only similarities folds `final` into the text matrix and never lays out the
        wide output features.
        """
        if not len(x.level):
            return x.replace(x.features.new_zeros(0, len(self.final.kernel)))
        lines = Lines.at_zero(x.level, self._curves())
        features = self.embedding(SparseTensor(x.features, lines.level))
        passed = []
        for s, stage in enumerate(self.enc.values()):
            assert isinstance(stage, Stage)
            if s:
                coarser, parent = lines.coarser(self.stride[s - 1], self._curves())
                passed.append((features, lines, parent))
                features = stage["down"](features, parent, len(coarser.level))
                lines = coarser
            features = stage.blocks(features, features, lines)
        for stage in self.dec.values():
            assert isinstance(stage, Stage)
            skip, lines, parent = passed.pop()
            features, beside = stage["up"](features, skip, parent)
            features = stage.blocks(features, beside, lines)
        return x.replace(features)

    def _curves(self) -> Sequence[str]:
        """The curves of a level; shuffled in training, so that none belongs to a block."""
        if not self.training:
            return self.order
        return [self.order[i] for i in torch.randperm(len(self.order)).tolist()]


def _batch_norm(channels: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(channels, eps=1e-3, momentum=0.01)
