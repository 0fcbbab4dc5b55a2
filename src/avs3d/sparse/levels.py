"""Coordinates of the occupied voxels at each resolution, and the kernel maps between them.

A kernel map says which input row meets which output row under which kernel weight. It depends on
the coordinates alone, so it is built once per level and shared by all layers there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

# Output rows that are computed together. The products of one block (rows x pairs per row x
# channels) should stay in the processor's cache; a GPU would rather have one large block.
BLOCK_ROWS = {"cpu": 2048, "cuda": 1 << 62}


@dataclass(frozen=True)
class Block:
    """The pairs of a range of output rows, grouped by kernel weight.

    Attributes:
        rows: the output rows, a slice.
        inputs: (P,) int32 input row of each pair.
        outputs: (P,) int32 output row of each pair.
        splits: number of pairs of each of the K**3 kernel weights.
        order: (P,) int32, the pairs in order of their output row.
        offsets: (rows + 1,) int32, where in `order` each output row begins.
    """

    rows: slice
    inputs: Tensor
    outputs: Tensor
    splits: list[int]
    order: Tensor
    offsets: Tensor


class KernelMap:
    """Pairs (input row, output row, kernel weight) of one convolution.

    Args:
        table: (K**3, n_out) int32: the input row under each kernel weight, -1 for none.
        n_in: number of input rows.
        self_transposed: the map of an odd kernel on one level: pairs mirror, so the transposed
            convolution uses the same map with the kernel's weights in reverse order.
    """

    def __init__(self, table: Tensor, n_in: int, *, self_transposed: bool = False) -> None:
        self.n_in = n_in
        self.n_out = table.shape[1]
        self.volume = table.shape[0]
        self.self_transposed = self_transposed
        self.transposed: KernelMap = self  # strided maps get another, see `Level._coarse`
        step = BLOCK_ROWS.get(table.device.type, 1 << 62)
        self.blocks = [
            _block(table[:, start : start + step], start)
            for start in range(0, self.n_out, min(step, max(self.n_out, 1)))
        ]
        self.n_pairs = sum(len(block.inputs) for block in self.blocks)


def _block(table: Tensor, start: int) -> Block:
    volume, rows = table.shape
    found = table >= 0
    # 32 bits are enough for the rows of a level, and half the memory to go through.
    pair = found.reshape(-1).cumsum(0, dtype=torch.int32).reshape(volume, rows) - 1
    outputs = torch.arange(start, start + rows, dtype=torch.int32, device=table.device)
    offsets = torch.zeros(rows + 1, dtype=torch.int32, device=table.device)
    torch.cumsum(found.sum(0), 0, dtype=torch.int32, out=offsets[1:])
    return Block(
        rows=slice(start, start + rows),
        inputs=table[found],
        outputs=outputs.expand(volume, rows)[found],
        splits=found.sum(1).tolist(),
        order=pair.T[found.T],
        offsets=offsets,
    )


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
            table = _neighbour_table(self.coords, kernel_size // 2)
            self._maps[kernel_size] = KernelMap(table, len(self), self_transposed=True)
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
        parents = self.coords.clone()
        parents[:, 1:] = torch.div(self.coords[:, 1:], 2, rounding_mode="floor")
        bits = self.coords[:, 1:] - 2 * parents[:, 1:]
        weight = bits[:, 0] + 2 * bits[:, 1] + 4 * bits[:, 2]
        packing = _Packing(parents, margin=0)
        keys, parent = torch.unique(packing.keys(parents), return_inverse=True)
        rows = torch.arange(len(self), device=self.coords.device)
        down = parent.new_full((8, len(keys)), -1, dtype=torch.int32)
        down[weight, parent] = rows.int()
        up = parent.new_full((8, len(self)), -1, dtype=torch.int32)
        up[weight, rows] = parent.int()
        down_map, up_map = KernelMap(down, len(self)), KernelMap(up, len(keys))
        down_map.transposed, up_map.transposed = up_map, down_map
        return Level(packing.coords(keys), self.stride * 2, finer=self), down_map


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

    def coords(self, keys: Tensor) -> Tensor:
        columns = []
        for side in self.size.flip(0):
            columns.append(keys % side)
            keys = torch.div(keys, side, rounding_mode="floor")
        return torch.stack(columns[::-1], 1) + self.low


def _neighbour_table(coords: Tensor, radius: int) -> Tensor:
    """(K**3, N) int32: row of the neighbour under each kernel weight, -1 where there is none.

    Along z neighbours lie next to each other in the sorted keys, so one binary search per (x, y)
    column finds K of them; and every pair found is also its mirror image, so half the columns do.
    """
    size, n = 2 * radius + 1, len(coords)
    table = torch.full((size**3, n), -1, dtype=torch.int32, device=coords.device)
    rows = torch.arange(n, dtype=torch.int32, device=coords.device)
    table[size**3 // 2] = rows
    if not n:
        return table
    packing = _Packing(coords, margin=radius)
    keys = packing.keys(coords)
    padded = torch.cat([keys, keys.new_full((size,), torch.iinfo(torch.int64).max)])
    z_size = int(packing.size[3])
    y_size = int(packing.size[2])
    for dx in range(radius + 1):
        for dy in range(-radius if dx else 0, radius + 1):
            centre = dx == 0 and dy == 0
            z_first = 1 if centre else -radius
            wanted = keys + ((dx * y_size + dy) * z_size + z_first)
            at = torch.searchsorted(keys, wanted)
            for dz in range(z_first, radius + 1):
                hit = padded[at] == wanted
                out, found = torch.nonzero(hit)[:, 0], at[hit]
                weight = (dx + radius) + size * (dy + radius) + size**2 * (dz + radius)
                table[weight, out] = rows[found]
                table[size**3 - 1 - weight, found] = rows[out]
                at = at + hit
                wanted = wanted + 1
    return table
