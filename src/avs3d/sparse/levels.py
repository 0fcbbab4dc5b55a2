"""Coordinates of the occupied voxels at each resolution, and the pairs of voxels that meet.

Which voxels meet in a convolution depends on the coordinates alone, so kernel maps are built once
per level and shared by all layers there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from avs3d.sparse.kernel_map import KernelMap
from avs3d.sparse.threads import for_each

Pairs = list[tuple[Tensor, Tensor]]


@dataclass
class _Resolution:
    """What is known of one resolution.

    Attributes:
        coords, stride: see `Level`.
        maps: of odd kernels, by their size.
        down: from here to the next coarser one, once that is known.
    """

    coords: Tensor
    stride: int
    maps: dict[int, KernelMap] = field(default_factory=dict)
    down: KernelMap | None = None


@dataclass
class _Pyramid:
    """The resolutions of one cloud, finest first, and the levels in use.

    Levels share it and hold each other through it alone. If they did so directly, in circles, all
    kernel maps of a scan would stay in memory until Python's collector of circles comes by.
    """

    resolutions: list[_Resolution]
    levels: WeakValueDictionary[int, Level] = field(default_factory=WeakValueDictionary)

    def level(self, depth: int) -> Level:
        """The same one for as long as somebody has it."""
        return self.levels.get(depth) or Level._of(self, depth)


class Level:
    """The occupied voxels of one resolution.

    Args:
        coords: (N, 4) integer [batch, x, y, z] in units of this level's voxels, unique and in
            lexicographic order (see `from_coords` for any other). Negative ones are allowed.
        stride: size of a voxel in units of the finest level's.

    Raises:
        ValueError: a wrong shape, or another order.
    """

    def __init__(self, coords: Tensor, stride: int = 1) -> None:
        keys = _keys(coords)
        if bool((keys[1:] <= keys[:-1]).any()):
            raise ValueError("coords must be unique and in order; make it with Level.from_coords")
        self._join(_Pyramid([_Resolution(coords.long(), stride)]), 0)

    def _join(self, pyramid: _Pyramid, depth: int) -> None:
        self._pyramid, self._depth = pyramid, depth
        self._known = pyramid.resolutions[depth]
        self.coords, self.stride = self._known.coords, self._known.stride
        pyramid.levels[depth] = self

    @classmethod
    def _of(cls, pyramid: _Pyramid, depth: int) -> Level:
        level = cls.__new__(cls)
        level._join(pyramid, depth)
        return level

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
        keys, rows = _keys(coords).sort(stable=True)
        if bool((keys[1:] == keys[:-1]).any()):
            raise ValueError("coords hold the same voxel more than once; voxelize first")
        return cls._of(_Pyramid([_Resolution(coords[rows].long(), 1)]), 0), rows

    def __len__(self) -> int:
        return len(self.coords)

    def __reduce__(self) -> tuple[type[Level], tuple[Tensor, int]]:
        return Level, (self.coords, self.stride)

    @property
    def finer(self) -> Level:
        """The level that this one was made from by a strided convolution."""
        if not self._depth:
            raise ValueError("there is no finer level: a transposed convolution needs one")
        return self._pyramid.level(self._depth - 1)

    def neighbours(self, kernel_size: int) -> KernelMap:
        """The map of an odd kernel on this level (cached).

        Kernel index: x fastest, ``(dx + r) + K (dy + r) + K**2 (dz + r)``;
        ``out[v] = sum in[v + offset] W[index]``.
        """
        maps = self._known.maps
        if kernel_size not in maps:
            if kernel_size % 2 == 0 or kernel_size < 3:
                raise ValueError(f"a submanifold kernel must be odd and >= 3, got {kernel_size}")
            larger = min((size for size in maps if size > kernel_size), default=None)
            if larger is not None:
                pairs = _inner_pairs(maps[larger].pairs, larger, kernel_size)
            else:
                pairs = _neighbour_pairs(self.coords, kernel_size // 2)
            centre = kernel_size**3 // 2
            maps[kernel_size] = KernelMap(pairs, len(self), len(self), identity=centre)
        return maps[kernel_size]

    @property
    def coarser(self) -> Level:
        """The level of twice the stride: floor(coords / 2), also below zero."""
        self._reach_coarser()
        return self._pyramid.level(self._depth + 1)

    @property
    def down(self) -> KernelMap:
        """Map of the strided 2**3 kernel from this level to the coarser one."""
        return self._reach_coarser()

    @property
    def up(self) -> KernelMap:
        """Map of the transposed 2**3 kernel from the coarser level back to exactly this one."""
        return self.down.transposed

    def _reach_coarser(self) -> KernelMap:
        if self._known.down is None:
            coords, pairs = _halved(self.coords)
            self._pyramid.resolutions.append(_Resolution(coords, self.stride * 2))
            self._known.down = KernelMap(pairs, len(self), len(coords))
        return self._known.down


def _halved(coords: Tensor) -> tuple[Tensor, Pairs]:
    """Coordinates of twice the stride, and which rows meet under each weight of a 2**3 kernel."""
    _, x, y, z = coords.unbind(1)
    weight = (x & 1) + 2 * (y & 1) + 4 * (z & 1)
    parents = coords.clone()
    parents[:, 1:] >>= 1  # floor, also below zero
    keys, rows = _Packing(parents, margin=0).keys(parents).sort(stable=True)
    new = torch.ones_like(keys, dtype=torch.bool)
    torch.ne(keys[1:], keys[:-1], out=new[1:])
    parent = torch.empty(len(coords), dtype=torch.int32, device=keys.device)
    parent[rows] = new.cumsum(0, dtype=torch.int32) - 1
    # Voxels of one weight are in the order of their parents, as both are lexicographic.
    children = [torch.nonzero(weight == index)[:, 0] for index in range(8)]
    return parents[rows[new]], [(child.int(), parent[child]) for child in children]


class _Packing:
    """Lexicographic order-preserving packing of [batch, x, y, z] into one int64.

    `margin` voxels of room on every side keep a neighbour's key from wrapping into the next row.

    Attributes:
        low: (4,) int64, the coordinates with the key 0.
        size: of each axis with its room, voxels.
    """

    def __init__(self, coords: Tensor, margin: int) -> None:
        room = coords.new_tensor([0, margin, margin, margin])  # samples have no neighbours
        low, high = coords.aminmax(dim=0) if len(coords) else (coords.new_zeros(4),) * 2
        self.low = low - room
        # In Python's integers: those of a tensor may wrap around and look small.
        ends = zip(low.tolist(), high.tolist(), room.tolist(), strict=True)
        self.size = [last - first + 1 + 2 * more for first, last, more in ends]
        if math.prod(self.size) >= 2**62:
            raise ValueError(f"coordinates span {self.size} voxels: too many to index")

    def keys(self, coords: Tensor) -> Tensor:
        b, x, y, z = (coords - self.low).unbind(1)
        return ((b * self.size[1] + x) * self.size[2] + y) * self.size[3] + z


def _keys(coords: Tensor) -> Tensor:
    """(N,) int64 in the lexicographic order of (N, 4) [batch, x, y, z]."""
    if coords.ndim != 2 or coords.shape[1] != 4:
        raise ValueError(f"coords must be (N, 4) [batch, x, y, z], got {tuple(coords.shape)}")
    coords = coords.long()
    return _Packing(coords, margin=0).keys(coords)


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
    _, _, y_size, z_size = packing.size

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
