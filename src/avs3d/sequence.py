"""Scans that follow each other: one vocabulary, and labels that do not flicker.

A scan is labelled together with those before it in its window, and with nothing else, so that the
result does not depend on where a run began, was stopped or was split.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from avs3d.encoded import EncodedScan
from avs3d.errors import UserError
from avs3d.jobs import BatchConfig, Job, job_of
from avs3d.reading import Reader
from avs3d.segmenter import FeatureRows, PointWords, best_in_parts
from avs3d.vocabulary import Vocabulary

CELL = 2.0
"""Side of the cells in which scans are laid on each other, in voxels of the bundle."""
_BITS = 21  # of a coordinate of a cell: 600 km of 0.3 m


@dataclass(frozen=True)
class Remembered:
    """What is kept of a scan of the window.

    Attributes:
        vocabulary: its own words.
        rows: its features, a source each.
        cells: (M,) int64 for each source, where in the world its rows lie; None without poses.
    """

    vocabulary: Vocabulary
    rows: tuple[FeatureRows, ...]
    cells: tuple[np.ndarray, ...] | None


class Window:
    """The scans of a dataset that a scan is labelled with: the last so many of its sequence.

    Args:
        config: of the run; its `selection` names the dataset.
    """

    def __init__(self, config: BatchConfig) -> None:
        assert config.selection is not None
        self._config, self._selection = config, config.selection
        self._read = Reader(config)
        self._kept: OrderedDict[int, Remembered] = OrderedDict()

    def look(self, job: Job, encoded: EncodedScan) -> tuple[Vocabulary, Evidence]:
        """What to segment a scan with.

        The vocabulary is the one that is given, or the words of all scans of the window. Where the
        dataset knows poses, each point has the word that its place had most evidence for: the mean
        of the similarities of what lay in its cell, the newer a scan the heavier.

        Raises:
            UserError: no scan of the window has a word.
        """
        assert job.index is not None
        before = [self._remembered(index, encoded) for index in self._before(job.index)]
        now = self._keep(job.index, encoded, job.given.vocabulary)
        window = [*(one for one in before if one is not None), now]
        vocabulary = job.given.vocabulary
        if vocabulary is None:
            vocabulary = Vocabulary.merge(*(one.vocabulary for one in window))
            if not len(vocabulary):
                raise UserError(f"{job.path}: no words were found in it and the scans before it")
        return vocabulary, Evidence(window, self._config.window)

    def _before(self, index: int) -> list[int]:
        """The scans of the window before this one, oldest first."""
        start = next(run.start for run in self._sequences if index in run)
        order = self._selection.all_indices  # also those of other shards
        place = int(np.searchsorted(order, index))
        first = max(0, place + 1 - self._config.window)
        return [before for before in order[first:place] if before >= start]

    @cached_property
    def _sequences(self) -> list[range]:
        return self._selection.dataset.sequences()

    def _remembered(self, index: int, encoded: EncodedScan) -> Remembered | None:
        """A scan of the window, encoded again where the run did not come by it; None where it
        cannot be read."""
        if index not in self._kept:
            try:
                job = job_of(self._config, self._selection, index)
                scan, features, _ = self._read(job)
                again = encoded.pipeline.encode(scan, features, job.given.captions)
            except UserError:
                return None
            self._keep(index, again, job.given.vocabulary)
        return self._kept[index]

    def _keep(self, index: int, encoded: EncodedScan, given: object) -> Remembered:
        try:
            own = encoded.vocabulary(self._config.views) if given is None else Vocabulary(())
        except UserError:  # it names nothing; the others may
            own = Vocabulary(())
        pose = self._pose(index)
        cells = None if pose is None else encoded.cells(pose, CELL)
        self._kept[index] = Remembered(own, encoded.rows, cells)
        while len(self._kept) > self._config.window:
            self._kept.popitem(last=False)
        return self._kept[index]

    def _pose(self, index: int) -> np.ndarray | None:
        """None where it is not known, or damaged: the scan is then labelled by itself."""
        try:
            pose = self._selection.dataset.pose(index)
        except UserError:
            return None
        return pose if pose is not None and np.isfinite(pose).all() else None


@dataclass(frozen=True)
class Evidence:
    """What the scans of a window say of the words of its last one.

    Attributes:
        window: oldest first.
        size: of a full window.
    """

    window: Sequence[Remembered]
    size: int

    def best(self, source: int, words: Tensor) -> PointWords:
        """The best of words (W, D) for every point of the last scan, by one of its sources."""
        rows = self.window[-1].rows[source]
        found = best_in_parts(
            len(rows.rows), words, lambda part: self._similarity(source, part, words)
        )
        return rows.of_points(found, words)

    def _similarity(self, source: int, part: slice, words: Tensor) -> Tensor:
        """(P, W) weighted means over the window for some rows of its last scan."""
        now = self.window[-1]
        rows = now.rows[source]
        total = rows.head.similarity(rows.rows[part], words)
        if now.cells is None:
            return total
        weight = torch.ones(len(total), 1, device=total.device)
        for age, seen in enumerate(reversed(self.window[:-1]), 1):
            if seen.cells is None or source >= len(seen.rows):
                continue  # no image of it showed a point
            values, found, hit = _at(seen, source, now.cells[source][part], words)
            share = 1 - age / self.size
            total[hit] += share * values[found]
            weight[hit] += share
        return total / weight


def _at(
    seen: Remembered, source: int, cells: np.ndarray, words: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean similarities of a remembered scan by cell, and which of them belong to which rows."""
    assert seen.cells is not None
    rows = seen.rows[source]
    device = rows.rows.device
    there = np.flatnonzero(np.isin(seen.cells[source], cells))
    known, cell_of = np.unique(seen.cells[source][there], return_inverse=True)
    of_cell = torch.from_numpy(cell_of).to(device)
    similarity = rows.head.similarity(rows.rows[torch.from_numpy(there).to(device)], words)
    sums = similarity.new_zeros(len(known), similarity.shape[1]).index_add_(0, of_cell, similarity)
    values = sums / torch.bincount(of_cell, minlength=len(known))[:, None]
    hit = np.flatnonzero(np.isin(cells, known))
    place = np.searchsorted(known, cells[hit])
    return values, torch.from_numpy(place).to(device), torch.from_numpy(hit).to(device)


def cells_of(points: np.ndarray, pose: np.ndarray, size: float) -> np.ndarray:
    """(N,) int64 cells of points, (N, 3) metres in the frame of a pose (4, 4), in the world."""
    world = points.astype(np.float64) @ pose[:3, :3].T + pose[:3, 3]
    cells = np.floor(world / size).astype(np.int64) & ((1 << _BITS) - 1)
    packed: np.ndarray = (cells[:, 0] << 2 * _BITS) | (cells[:, 1] << _BITS) | cells[:, 2]
    return packed
