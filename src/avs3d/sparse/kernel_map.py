"""Kernel maps: which input row meets which output row under which kernel weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from weakref import ReferenceType, ref

import torch
from torch import Tensor

# Output rows are computed in blocks whose products stay in the processor's cache. Larger blocks
# make larger matrix products; from about this many pairs per kernel weight those run at full rate.
_PAIRS_PER_WEIGHT = 512
# Several blocks per thread, so that no thread waits long for the last one.
_BLOCKS_PER_THREAD = 2


@dataclass(frozen=True)
class Block:
    """The pairs of a range of output rows, grouped by kernel weight, without the identity's.

    Attributes:
        rows: the output rows, a slice.
        inputs: (P,) int32 input row of each pair.
        splits: number of pairs of each of the K**3 kernel weights.
        order: (P,) int32, the pairs in order of their output row.
        offsets: (rows + 1,) int32, where in `order` each output row begins.
    """

    rows: slice
    inputs: Tensor
    splits: list[int]
    order: Tensor
    offsets: Tensor


class KernelMap:
    """Pairs (input row, output row, kernel weight) of one convolution.

    Args:
        pairs: for each of the K**3 kernel weights, the input and the output row of each pair, two
            int32 tensors, the output rows ascending and never twice.
        n_in: number of input rows.
        n_out: number of output rows.
        identity: the weight under which every row meets itself, that is the centre of an odd
            kernel on one level. Such a map is its own transpose when the kernel's weights are
            taken in reverse order.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[Tensor, Tensor]],
        n_in: int,
        n_out: int,
        identity: int | None = None,
    ) -> None:
        self.pairs = pairs
        self.n_in = n_in
        self.n_out = n_out
        self.identity = identity
        self.volume = len(pairs)
        self.n_pairs = sum(len(inputs) for inputs, _ in pairs)
        self._untransposed: ReferenceType[KernelMap] | None = None

    @property
    def transposed(self) -> KernelMap:
        """The same pairs with inputs and outputs exchanged.

        Both row numbers ascend together in all maps of this package, so the lists stay sorted.
        """
        if self.identity is not None:
            return self
        known = self._untransposed and self._untransposed()
        return known or self._transposed

    @cached_property
    def _transposed(self) -> KernelMap:
        swapped = KernelMap([(o, i) for i, o in self.pairs], self.n_out, self.n_in)
        swapped._untransposed = ref(self)  # a weak one: the two should not hold each other
        return swapped

    @cached_property
    def blocks(self) -> list[Block]:
        """The pairs block by block; a GPU gets one block."""
        if not self.n_out:
            return []
        device = self.pairs[0][0].device
        pairs = list(self.pairs)
        if self.identity is not None:
            none = pairs[self.identity][0][:0]
            pairs[self.identity] = (none, none)
        inputs, outputs = (torch.cat(rows) for rows in zip(*pairs, strict=True))
        edges = list(range(0, self.n_out, self._rows_per_block(device)))
        starts = torch.tensor([*edges, self.n_out], device=device)

        # Pairs lie sorted by (weight, output row): where does each block begin under each weight?
        weights = torch.arange(self.volume, device=device)
        counts = torch.tensor([len(rows) for rows, _ in pairs], device=device)
        keys = torch.repeat_interleave(weights * self.n_out, counts) + outputs
        at = torch.searchsorted(keys, weights[:, None] * self.n_out + starts)
        sizes = at.diff(dim=1)
        ends = sizes.cumsum(0)
        # Where each pair comes to lie within its block, and where its block begins.
        shift = torch.repeat_interleave((ends - sizes - at[:, :-1]).flatten(), sizes.flatten())
        place = torch.arange(len(keys), device=device) + shift
        offsets = torch.zeros(self.n_out + 1, dtype=torch.int32, device=device)
        offsets[1:] = torch.bincount(outputs, minlength=self.n_out).cumsum(0)
        firsts = offsets[starts]
        by_block = torch.empty_like(inputs)
        begin = firsts[:-1].expand_as(sizes).flatten()
        by_block[place + torch.repeat_interleave(begin, sizes.flatten())] = inputs
        order = place[torch.sort(outputs, stable=True).indices].int()

        bounds = firsts.tolist()
        return [
            Block(
                rows=slice(start, stop),
                inputs=by_block[first:last],
                splits=splits,
                order=order[first:last],
                offsets=offsets[start : stop + 1] - first,
            )
            for start, stop, first, last, splits in zip(
                edges,
                starts[1:].tolist(),
                bounds,
                bounds[1:],
                sizes.T.tolist(),
                strict=False,
            )
        ]

    def _rows_per_block(self, device: torch.device) -> int:
        if device.type != "cpu":
            return self.n_out
        blocks = self.n_pairs / (_PAIRS_PER_WEIGHT * self.volume)
        threads = torch.get_num_threads()
        if threads > 1:
            # Blocks of fewer pairs than an eighth of the usual would cost more than they share.
            blocks = max(blocks, min(8 * blocks, threads * _BLOCKS_PER_THREAD))
        return -(-self.n_out // max(1, round(blocks)))
