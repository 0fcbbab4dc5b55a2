"""Voxels in a line: space-filling curves, and the patches that a curve is cut into.

Along a curve that fills space, voxels that follow each other lie close to each other, so attention
among neighbours becomes attention among stretches of a line (Point Transformer V3, 4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from avs3d.sparse import Level

_MAX_DEPTH = 21  # bits of a coordinate: three of them fit in an int64


def z_order(cells: Tensor, depth: int) -> Tensor:
    """(N,) int64 place of each cell on the z-curve: the bits of x, y, z in turn, x's first.

    Args:
        cells: (N, 3) int64, each 0 to ``2**depth - 1``.
        depth: at most 21.
    """
    code = torch.zeros_like(cells[:, 0])
    for bit in range(depth):
        for axis in range(3):
            code |= (cells[:, axis] >> bit & 1) << (3 * bit + 2 - axis)
    return code


def hilbert(cells: Tensor, depth: int) -> Tensor:
    """(N,) int64 place of each cell on the Hilbert curve (Skilling, AIP Conf. Proc. 707, 2004).

    The curve's turns are undone bit by bit, which leaves a Gray code with its bits in turn. How the
    curve lies in space depends on `depth`.

    Args:
        cells: (N, 3) int64, each 0 to ``2**depth - 1``.
        depth: at most 21.
    """
    axes = list(cells.unbind(1))
    for bit in reversed(range(depth)):
        lower = (1 << bit) - 1
        for axis in range(3):
            on = (axes[axis] >> bit & 1).bool()
            swapped = (axes[0] ^ axes[axis]).masked_fill(on, 0) & lower
            axes[0] = torch.where(on, axes[0] ^ lower, axes[0] ^ swapped)
            if axis:
                axes[axis] = axes[axis] ^ swapped
    code = z_order(torch.stack(axes, 1), depth)
    for shift in (1, 2, 4, 8, 16, 32):
        code = code ^ code >> shift
    return code


def _transposed(curve: Callable[[Tensor, int], Tensor]) -> Callable[[Tensor, int], Tensor]:
    """The curve with x and y exchanged."""
    return lambda cells, depth: curve(cells[:, [1, 0, 2]], depth)


CURVES: dict[str, Callable[[Tensor, int], Tensor]] = {
    "z": z_order,
    "z-trans": _transposed(z_order),
    "hilbert": hilbert,
    "hilbert-trans": _transposed(hilbert),
}


@dataclass(frozen=True)
class Patches:
    """A level cut into patches along a curve.

    Attributes:
        rows: for each sample (P, K) int64 rows of the level, a patch a line.
        own: (N,) int64, where each row of the level has its own place in all of `rows` in line.
            In the other places it is only looked at.
    """

    rows: list[Tensor]
    own: Tensor


class Lines:
    """The voxels of a level along several curves, sample by sample.

    Args:
        level: coordinates from 0 on in every sample.
        depths: of each sample, bits of its coordinates.
        curves: names of `CURVES`.
    """

    def __init__(self, level: Level, depths: Sequence[int], curves: Sequence[str]) -> None:
        self.level = level
        self.depths = depths
        self.curves = curves
        self._orders: dict[str, list[Tensor]] = {}
        self._patches: dict[tuple[str, int], Patches] = {}

    @classmethod
    def at_zero(cls, level: Level, curves: Sequence[str]) -> Lines:
        """Every sample moved so that its lowest coordinates are 0, as if it were alone.

        Raises:
            ValueError: a sample is 2**21 voxels wide or wider: places have 63 bits.
        """
        samples = [cells - cells.amin(0) for cells in _samples(level)]
        # Of the largest coordinate + 1, as in Pointcept: 0 to 7 count as four bits.
        depths = [int(cells.max() + 1).bit_length() for cells in samples]
        if max(depths) > _MAX_DEPTH:
            raise ValueError(
                f"a sample is wider than {2**_MAX_DEPTH - 1} voxels: too many to line up"
            )
        coords = torch.cat([level.coords[:, :1], torch.cat(samples)], 1)
        return cls(level if torch.equal(coords, level.coords) else Level(coords), depths, curves)

    def coarser(self, stride: int, curves: Sequence[str]) -> tuple[Lines, Tensor]:
        """The lines of the level `stride` times as coarse.

        Args:
            stride: a power of two.
            curves: names of `CURVES`.

        Returns:
            The lines, and (N,) int64, in which of their voxels each of these voxels lies.
        """
        level, steps = self.level, stride.bit_length() - 1
        parent = torch.arange(len(level), device=level.coords.device)
        for _ in range(steps):
            above = torch.empty(len(level), dtype=torch.long, device=level.coords.device)
            for children, parents in level.down.pairs:
                above[children.long()] = parents.long()
            parent, level = above[parent], level.coarser
        return Lines(level, [max(depth - steps, 0) for depth in self.depths], curves), parent

    def patches(self, index: int, size: int) -> Patches:
        """The patches of at most `size` voxels along the curve of this index.

        A sample's last patch is its last `size` voxels: what it has in common with the patch before
        belongs to that one. A sample of fewer voxels is one patch.
        """
        curve = self.curves[index]
        if (curve, size) not in self._patches:
            orders = self._along(curve)
            own = torch.empty(len(self.level), dtype=torch.long, device=self.level.coords.device)
            rows, done = [], 0
            for order in orders:
                own[order] = torch.arange(done, done + len(order), device=order.device)
                rows.append(_cut(order, size))
                done += rows[-1].numel()
            self._patches[curve, size] = Patches(rows, own)
        return self._patches[curve, size]

    def _along(self, curve: str) -> list[Tensor]:
        """For each sample its rows of the level in the order of the curve."""
        if curve not in self._orders:
            orders, first = [], 0
            for cells, depth in zip(_samples(self.level), self.depths, strict=True):
                orders.append(first + CURVES[curve](cells, depth).argsort())
                first += len(cells)
            self._orders[curve] = orders
        return self._orders[curve]


def _samples(level: Level) -> tuple[Tensor, ...]:
    """(n, 3) coordinates of each sample."""
    counts = torch.unique_consecutive(level.coords[:, 0], return_counts=True)[1]
    return level.coords[:, 1:].split(counts.tolist())


def _cut(order: Tensor, size: int) -> Tensor:
    """(P, K) patches of one sample's (n,) order; K is `size`, or n where that is less."""
    count = len(order)
    if count < size:
        return order[None]
    over = count % size
    if over:
        order = torch.cat([order, order[count - size : count - over]])
    return order.view(-1, size)
