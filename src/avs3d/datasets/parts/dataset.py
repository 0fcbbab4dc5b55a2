"""`Dataset`: what every reader of this room gives, and what most of them share."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np

from avs3d.scan import Scan


class Dataset(Protocol):
    """The scans of a dataset or of a recording, in a fixed order.

    What is said of the whole (a missing split, a damaged table) is raised when it is opened; what
    is wrong with one scan only when that scan is taken, so that the others are still there.
    Nothing is kept of a scan that was taken. A class that derives from this one has the methods
    below for nothing but `__len__`, `__getitem__` and `key`.

    Attributes:
        name: its kind, as `open_dataset` takes it.
        root: the folder or file that was opened.
        labelset: name of the label set of its classes, or None. Whether a scan has labels, which
            are then raw ids of this set, says `Scan.labels`.
        split: the part that was chosen, or None for all there is.
    """

    name: str
    root: Path
    labelset: str | None
    split: str | None

    @staticmethod
    def splits(root: Path) -> tuple[str, ...]:
        """The splits of a root that are there as a whole; none where it has no such thing."""
        return ()

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Scan:
        """A scan, with its cameras where it has some; no image is opened.

        Points are float32 metres in the sensor's frame, or the vehicle's where the dataset gives
        them in that one. Labels are -1 where a point has none.

        Raises:
            ReadError: one of its files is missing or damaged.
            IndexError: there is no such scan.
        """
        ...

    def key(self, index: int) -> str:
        """What the scan is called in this dataset, for ever the same: a relative path with ``/``
        between its parts and without an extension, or the dataset's own token."""
        ...

    def alias(self, index: int) -> str | None:
        """What files of words, captions and features call the scan, where that is not its key."""
        return None

    def timestamp(self, index: int) -> int | None:
        """When the scan was taken, nanoseconds from any zero, or None where that is not known."""
        return None

    def pose(self, index: int) -> np.ndarray | None:
        """(4, 4) float64 metres, from the frame of the scan's points to one that stands still
        over its sequence; or None."""
        return None

    def conditions(self, index: int) -> tuple[str, ...]:
        """What the dataset says of how the scan was taken, such as ``night`` and ``rain``, in words
        that can be told apart over all its scans; none where it does not tell."""
        return ()

    def state(self, index: int) -> tuple[int, int] | None:
        """The bytes of the scan's file and when it was changed (ns), where others may come to be
        called like it; None for a published dataset, whose copies are of other times."""
        return None

    def sequences(self) -> list[range]:
        """The scans that were taken one after the other, as ranges of indices that cover all.

        A new one begins with another folder in `key`, and where the clock goes back.
        """
        count = len(self)
        folders = [self.key(index).rpartition("/")[0] for index in range(count)]
        return runs(folders, [self.timestamp(index) for index in range(count)])


def runs(labels: Iterable[str], times: Iterable[int | None]) -> list[range]:
    """Ranges of neighbours with the same label whose times do not decrease."""
    rows = list(zip(labels, times, strict=True))
    starts = [0] if rows else []
    for index, (before, after) in enumerate(pairwise(rows), 1):
        back = before[1] is not None and after[1] is not None and after[1] < before[1]
        if before[0] != after[0] or back:
            starts.append(index)
    return [range(a, b) for a, b in pairwise([*starts, len(rows)])]
