"""Point Transformer V3 in the plainest way, on a state dict as Pointcept names and lays it out.

One sample, one voxel, one patch, one head at a time, in dictionaries and loops; nothing of the
package takes part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Cell = tuple[int, int, int]


@dataclass(frozen=True)
class Sizes:
    """What of a network's making changes its state dict or its result."""

    in_channels: int
    enc_depths: Sequence[int]
    enc_channels: Sequence[int]
    enc_heads: Sequence[int]
    dec_depths: Sequence[int]
    dec_channels: Sequence[int]
    dec_heads: Sequence[int]
    patch: int
    stride: int = 2
    rpe: bool = False
    order: Sequence[str] = ("z", "z-trans", "hilbert", "hilbert-trans")


PUBLISHED = Sizes(
    in_channels=4,
    enc_depths=(2, 2, 2, 6, 2),
    enc_channels=(32, 64, 128, 256, 512),
    enc_heads=(2, 4, 8, 16, 32),
    dec_depths=(2, 2, 2, 2),
    dec_channels=(64, 64, 128, 256),
    dec_heads=(4, 4, 8, 16),
    patch=1024,
)


def shapes(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """Every name of Pointcept's `PointTransformerV3` (v3m1) with its shape."""
    found: dict[str, tuple[int, ...]] = {}

    def linear(name: str, inputs: int, outputs: int) -> None:
        found.update({f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)})

    def norm(name: str, channels: int, batch: bool = False) -> None:
        found.update({f"{name}.weight": (channels,), f"{name}.bias": (channels,)})
        if batch:
            found[f"{name}.running_mean"] = found[f"{name}.running_var"] = (channels,)
            found[f"{name}.num_batches_tracked"] = ()

    def block(name: str, channels: int, heads: int) -> None:
        found[f"{name}.cpe.0.weight"] = (channels, 3, 3, 3, channels)
        found[f"{name}.cpe.0.bias"] = (channels,)
        linear(f"{name}.cpe.1", channels, channels)
        for part in ("cpe.2", "norm1.0", "norm2.0"):
            norm(f"{name}.{part}", channels)
        linear(f"{name}.attn.qkv", channels, 3 * channels)
        linear(f"{name}.attn.proj", channels, channels)
        if sizes.rpe:
            found[f"{name}.attn.rpe.rpe_table"] = (3 * (2 * reach(sizes.patch) + 1), heads)
        linear(f"{name}.mlp.0.fc1", channels, 4 * channels)
        linear(f"{name}.mlp.0.fc2", 4 * channels, channels)

    widths = sizes.enc_channels
    found["embedding.stem.conv.weight"] = (widths[0], 5, 5, 5, sizes.in_channels)
    norm("embedding.stem.norm", widths[0], batch=True)
    for s, depth in enumerate(sizes.enc_depths):
        if s:
            linear(f"enc.enc{s}.down.proj", widths[s - 1], widths[s])
            norm(f"enc.enc{s}.down.norm.0", widths[s], batch=True)
        for i in range(depth):
            block(f"enc.enc{s}.block{i}", widths[s], sizes.enc_heads[s])
    above = [*sizes.dec_channels, widths[-1]]
    for s, depth in enumerate(sizes.dec_depths):
        for part, inputs in (("proj", above[s + 1]), ("proj_skip", widths[s])):
            linear(f"dec.dec{s}.up.{part}.0", inputs, above[s])
            norm(f"dec.dec{s}.up.{part}.1", above[s], batch=True)
        for i in range(depth):
            block(f"dec.dec{s}.block{i}", above[s], sizes.dec_heads[s])
    return found


def reach(patch: int) -> int:
    return int((4 * patch) ** (1 / 3) * 2)


def z_code(cell: Cell, depth: int) -> int:
    bits = "".join(f"{axis >> bit & 1}" for bit in reversed(range(depth)) for axis in cell)
    return int(bits or "0", 2)


def hilbert_code(cell: Cell, depth: int) -> int:
    """`AxestoTranspose` of Skilling's paper, and its bits in turn."""
    x = list(cell)
    q = 1 << (depth - 1) if depth else 0
    while q > 1:
        for i in range(3):
            if x[i] & q:
                x[0] ^= q - 1
            else:
                t = (x[0] ^ x[i]) & (q - 1)
                x[0] ^= t
                x[i] ^= t
        q >>= 1
    for i in range(1, 3):
        x[i] ^= x[i - 1]
    t, q = 0, 1 << (depth - 1) if depth else 0
    while q > 1:
        if x[2] & q:
            t ^= q - 1
        q >>= 1
    return z_code((x[0] ^ t, x[1] ^ t, x[2] ^ t), depth)


def code(cell: Cell, depth: int, curve: str) -> int:
    x, y, z = cell
    cell = (y, x, z) if curve.endswith("-trans") else cell
    return (z_code if curve.startswith("z") else hilbert_code)(cell, depth)


class PlainPointTransformerV3:
    """The trunk, for one sample at a time.

    Args:
        state: as `shapes` says.
        sizes: of the network.
    """

    def __init__(self, state: dict[str, Tensor], sizes: Sizes) -> None:
        self.state = state
        self.sizes = sizes

    def __call__(self, coords: Tensor, features: Tensor) -> Tensor:
        out = features.new_zeros(len(coords), self.sizes.dec_channels[0])
        for sample in coords[:, 0].unique():
            rows = torch.nonzero(coords[:, 0] == sample).flatten()
            cells = coords[rows, 1:] - coords[rows, 1:].min(0).values
            out[rows] = self._sample([tuple(cell) for cell in cells.tolist()], features[rows])
        return out

    def _sample(self, cells: list[Cell], x: Tensor) -> Tensor:
        sizes, depth = self.sizes, int(max(max(cell) for cell in cells) + 1).bit_length()
        x = self._conv("embedding.stem.conv", cells, x, 5)
        x = skip = F.gelu(self._norm("embedding.stem.norm", x))
        passed = []
        for s, blocks in enumerate(sizes.enc_depths):
            if s:
                x = self._linear(f"enc.enc{s}.down.proj", x)
                above = [tuple(axis // sizes.stride for axis in cell) for cell in cells]
                coarse = sorted(set(above), reverse=True)
                parent = torch.tensor([coarse.index(cell) for cell in above])
                passed.append((cells, depth, parent, skip))
                x = torch.stack([x[parent == i].max(0).values for i in range(len(coarse))])
                x = F.gelu(self._norm(f"enc.enc{s}.down.norm.0", x))
                cells, depth = coarse, max(0, depth - int(math.log2(sizes.stride)))
            for i in range(blocks):
                x = self._block(f"enc.enc{s}.block{i}", i, cells, depth, x, x, sizes.enc_heads[s])
            skip = x
        for s, blocks in reversed(list(enumerate(sizes.dec_depths))):
            cells, depth, parent, skip = passed.pop()
            x, shown = (
                F.gelu(self._norm(f"{name}.1", self._linear(f"{name}.0", y)))
                for name, y in ((f"dec.dec{s}.up.proj", x), (f"dec.dec{s}.up.proj_skip", skip))
            )
            x = x[parent] + shown
            for i in range(blocks):
                name, heads = f"dec.dec{s}.block{i}", sizes.dec_heads[s]
                x = shown = self._block(name, i, cells, depth, x, shown, heads)
        return x

    def _block(
        self, name: str, i: int, cells: list[Cell], depth: int, x: Tensor, shown: Tensor, heads: int
    ) -> Tensor:
        position = self._conv(f"{name}.cpe.0", cells, shown, 3) + self.state[f"{name}.cpe.0.bias"]
        x = x + self._layer_norm(f"{name}.cpe.2", self._linear(f"{name}.cpe.1", position))
        curve = self.sizes.order[i % len(self.sizes.order)]
        codes = [code(cell, depth, curve) for cell in cells]
        x = x + self._attention(name, codes, cells, self._layer_norm(f"{name}.norm1.0", x), heads)
        hidden = self._linear(f"{name}.mlp.0.fc1", self._layer_norm(f"{name}.norm2.0", x))
        return x + self._linear(f"{name}.mlp.0.fc2", F.gelu(hidden))

    def _attention(
        self, name: str, codes: list[int], cells: list[Cell], x: Tensor, heads: int
    ) -> Tensor:
        count, width, size = len(x), x.shape[1] // heads, self.sizes.patch
        q, k, v = self._linear(f"{name}.attn.qkv", x).view(count, 3, heads, width).unbind(1)
        order = sorted(range(count), key=codes.__getitem__)
        out = torch.zeros(count, heads, width, dtype=x.dtype)
        for start in range(0, count, size):
            own = order[start : start + size]
            # A last patch that is not full borrows the end of the one before.
            met = own + (order[start - size : start][len(own) :] if start else [])
            for row in own:
                for head in range(heads):
                    logits = k[met, head] @ q[row, head] / math.sqrt(width)
                    if self.sizes.rpe:
                        others = [cells[m] for m in met]
                        logits = logits + self._bias(name, cells[row], others, head)
                    out[row, head] = logits.softmax(0) @ v[met, head]
        return self._linear(f"{name}.attn.proj", out.flatten(1))

    def _bias(self, name: str, cell: Cell, others: list[Cell], head: int) -> Tensor:
        table, far = self.state[f"{name}.attn.rpe.rpe_table"], reach(self.sizes.patch)
        total = torch.zeros(len(others), dtype=table.dtype)
        for j, other in enumerate(others):
            for axis in range(3):
                way = max(-far, min(far, cell[axis] - other[axis]))
                total[j] += table[axis * (2 * far + 1) + way + far, head]
        return total

    def _conv(self, name: str, cells: list[Cell], x: Tensor, size: int) -> Tensor:
        weight, at = self.state[f"{name}.weight"], {cell: i for i, cell in enumerate(cells)}
        out = torch.zeros(len(cells), len(weight), dtype=x.dtype)
        span = range(size)
        for i, (cx, cy, cz) in enumerate(cells):
            for kx, ky, kz in ((a, b, c) for a in span for b in span for c in span):
                other = at.get((cx + kx - size // 2, cy + ky - size // 2, cz + kz - size // 2))
                if other is not None:
                    out[i] += weight[:, kx, ky, kz] @ x[other]
        return out

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def _norm(self, name: str, x: Tensor) -> Tensor:
        mean, variance = self.state[f"{name}.running_mean"], self.state[f"{name}.running_var"]
        x = (x - mean) / torch.sqrt(variance + 1e-3)
        return x * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]

    def _layer_norm(self, name: str, x: Tensor) -> Tensor:
        x = (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, correction=0)[:, None] + 1e-5)
        return x * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]
