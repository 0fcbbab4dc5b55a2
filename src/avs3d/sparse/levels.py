"""Coordinates of the occupied voxels at each resolution, and the pairs of voxels that meet.

Which voxels meet in a convolution depends on the coordinates alone, so kernel maps are built once
per level and shared by all layers there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from avs3d.sparse.kernel_map import KernelMap
from avs3d.sparse.threads import for_each

Pairs = list[tuple[Tensor, Tensor]]


class Level:
    """The occupied voxels of one resolution.

    Args:
        coords: (N, 4) integer [batch, x, y, z] in units of this level's voxels, unique and in
            lexicographic order (see `from_coords` for any other). Negative ones are allowed.
        stride: size of a voxel in units of the finest level's.
        finer: the level this one was made from by a strided convolution.
    """

    def __init__(self, coords: Tensor, stride: int = 1, finer: Level | None = None) -> None:
        self.coords = coords
        self.stride = stride
        self._finer = finer
        self._maps: dict[int, KernelMap] = {}

    @classmethod
    def from_coords(cls, coords: Tensor) -> tuple[Level, Tensor]:
        """A level from unique coordinates in any order.

        Args:
            coords: (N, 4) integer [batch, x, y, z].

        Returns:
            The level, and (N,) int64 `rows` with ``level.coords == coords[rows]``.

        Raises:
            ValueError: a wrong shape, or the same voxel twice.
        """
        if coords.ndim != 2 or coords.shape[1] != 4:
            raise ValueError(f"coords must be (N, 4) [batch, x, y, z], got {tuple(coords.shape)}")
        coords = coords.long()
        keys = _Packing(coords, margin=0).keys(coords)
        keys, rows = keys.sort(stable=True)
        if len(keys) > 1 and bool((keys[1:] == keys[:-1]).any()):
            raise ValueError("coords hold the same voxel more than once; voxelize first")
        return cls(coords[rows]), rows

    def __len__(self) -> int:
        return len(self.coords)

    @property
    def finer(self) -> Level:
        if self._finer is None:
            raise ValueError("there is no finer level: a transposed convolution needs one")
        return self._finer

    def neighbours(self, kernel_size: int) -> KernelMap:
        """The map of an odd kernel on this level (cached).

        Kernel index: x fastest, ``(dx + r) + K (dy + r) + K**2 (dz + r)``;
        ``out[v] = sum in[v + offset] W[index]``.
        """
        if kernel_size not in self._maps:
            if kernel_size % 2 == 0 or kernel_size < 3:
                raise ValueError(f"a submanifold kernel must be odd and >= 3, got {kernel_size}")
            larger = min((size for size in self._maps if size > kernel_size), default=None)
            if larger is not None:
                pairs = _inner_pairs(self._maps[larger].pairs, larger, kernel_size)
            else:
                pairs = _neighbour_pairs(self.coords, kernel_size // 2)
            centre = kernel_size**3 // 2
            self._maps[kernel_size] = KernelMap(pairs, len(self), len(self), identity=centre)
        return self._maps[kernel_size]

    @cached_property
    def coarser(self) -> Level:
        """The level of twice the stride: floor(coords / 2), also below zero."""
        return self._coarse[0]

    @property
    def down(self) -> KernelMap:
        """Map of the strided 2**3 kernel from this level to the coarser one."""
        return self._coarse[1]

    @property
    def up(self) -> KernelMap:
        """Map of the transposed 2**3 kernel from the coarser level back to exactly this one."""
        return self.down.transposed

    @cached_property
    def _coarse(self) -> tuple[Level, KernelMap]:
        _, x, y, z = self.coords.unbind(1)
        weight = (x & 1) + 2 * (y & 1) + 4 * (z & 1)
        parents = self.coords.clone()
        parents[:, 1:] >>= 1  # floor, also below zero
        keys, rows = _Packing(parents, margin=0).keys(parents).sort(stable=True)
        new = torch.ones_like(keys, dtype=torch.bool)
        torch.ne(keys[1:], keys[:-1], out=new[1:])
        parent = torch.empty(len(self), dtype=torch.int32, device=keys.device)
        parent[rows] = new.cumsum(0, dtype=torch.int32) - 1
        coords = parents[rows[new]]
        # Voxels of one weight are in the order of their parents, as both are lexicographic.
        children = [torch.nonzero(weight == index)[:, 0] for index in range(8)]
        pairs = [(child.int(), parent[child]) for child in children]
        return Level(coords, self.stride * 2, finer=self), KernelMap(pairs, len(self), len(coords))


class _Packing:
    """Lexicographic order-preserving packing of [batch, x, y, z] into one int64.

    `margin` voxels of room on every side keep a neighbour's key from wrapping into the next row.
    """

    def __init__(self, coords: Tensor, margin: int) -> None:
        if len(coords):
            self.low = coords.amin(0) - margin
            self.size = coords.amax(0) + margin + 1 - self.low
        else:
            self.low = coords.new_zeros(4)
            self.size = coords.new_ones(4)
        volume = 1.0
        for side in self.size.tolist():
            volume *= side
        if volume >= 2**62:
            raise ValueError(f"coordinates span {self.size.tolist()} voxels: too many to index")

    def keys(self, coords: Tensor) -> Tensor:
        b, x, y, z = (coords - self.low).unbind(1)
        return ((b * self.size[1] + x) * self.size[2] + y) * self.size[3] + z


def _neighbour_pairs(coords: Tensor, radius: int) -> Pairs:
    """Input and output rows of each weight of a (2 radius + 1)**3 kernel.

    Along z neighbours lie next to each other in the sorted keys, so one binary search per (x, y)
    column finds K of them; and every pair found is also its mirror image, so half the columns do.
    """
    size, n = 2 * radius + 1, len(coords)
    rows = torch.arange(n, dtype=torch.int32, device=coords.device)
    pairs: Pairs = [(rows, rows)] * size**3
    packing = _Packing(coords, margin=radius)
    keys = packing.keys(coords)
    padded = torch.cat([keys, keys.new_full((size,), torch.iinfo(torch.int64).max)])
    _, _, y_size, z_size = packing.size.tolist()

    def look(column: tuple[int, int]) -> None:
        dx, dy = column
        z_first = -radius if dx or dy else 1
        wanted = keys + ((dx * y_size + dy) * z_size + z_first)
        at = torch.searchsorted(keys, wanted)
        # Most columns hold no neighbour: only the others are looked through.
        out = torch.nonzero(padded[at] - wanted <= radius - z_first)[:, 0]
        at, wanted = at[out], wanted[out]
        for dz in range(z_first, radius + 1):
            hit = padded[at] == wanted
            here, there = out[hit].int(), at[hit].int()
            index = (dx + radius) + size * (dy + radius) + size**2 * (dz + radius)
            pairs[index] = (there, here)
            pairs[size**3 - 1 - index] = (here, there)
            at = at + hit
            wanted = wanted + 1

    columns = [(0, dy) for dy in range(radius + 1)]
    columns += [(dx, dy) for dx in range(1, radius + 1) for dy in range(-radius, radius + 1)]
    for_each(look, columns, coords)
    return pairs


def _inner_pairs(pairs: Sequence[tuple[Tensor, Tensor]], size: int, inner: int) -> Pairs:
    """The weights of an `inner`**3 kernel among those of a larger one."""
    margin = (size - inner) // 2
    side = range(margin, margin + inner)
    return [pairs[x + size * y + size**2 * z] for z in side for y in side for x in side]
