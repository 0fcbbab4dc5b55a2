"""`Selection`: which scans of a dataset a run is about. Can be pickled, and opened in a process."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avs3d.errors import UserError
from avs3d.io.source import show

if TYPE_CHECKING:
    from avs3d.datasets import Dataset


@dataclass(frozen=True)
class Shard:
    """One of several runs that share the scans of a dataset: the `number`-th of `count`, from 1.

    Each takes scans that follow each other.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """``2/8``.

        Raises:
            UserError: it is not like that.
        """
        number, slash, count = text.partition("/")
        digits = all(
            part.isascii() and part.isdigit() and len(part) < 7 for part in (number, count)
        )
        if not slash or not digits or not 1 <= int(number) <= int(count):
            raise UserError(f"--shard {text}: give the number of this one and of all, such as 2/8")
        return cls(int(number), int(count))

    def of(self, indices: list[int]) -> list[int]:
        size = len(indices)
        begin = size * (self.number - 1) // self.count
        return indices[begin : size * self.number // self.count]

    def __str__(self) -> str:
        return f"{self.number}-of-{self.count}"


@dataclass(frozen=True)
class Selection:
    """Scans of a dataset.

    Attributes:
        root: its folder, recording or glob.
        kind: see `avs3d.datasets.open_dataset`; None: guessed.
        options: of the dataset, likewise.
        pattern: of the keys of scans, as file names are matched; None: all.
        every: take each so many-th of these.
        shard: take a part of these; None: all.
    """

    root: Path
    kind: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    pattern: str | None = None
    every: int = 1
    shard: Shard | None = None

    def open(self) -> Dataset:
        """Raises `UserError`, see `avs3d.datasets.open_dataset`."""
        from avs3d.datasets import open_dataset

        return open_dataset(self.root, self.kind, **self.options)

    def indices(self, dataset: Dataset) -> list[int]:
        """Which scans, in their order.

        Raises:
            UserError: none.
        """
        found = self.all_indices(dataset)
        return found if self.shard is None else self.shard.of(found)

    def all_indices(self, dataset: Dataset) -> list[int]:
        """The same without regard to the shard."""
        found = [
            index
            for index in range(len(dataset))
            if self.pattern is None or fnmatch.fnmatchcase(dataset.key(index), self.pattern)
        ][:: self.every]
        if not found:
            matching = f" that match {self.pattern}" if self.pattern and len(dataset) else ""
            raise UserError(f"{show(self.root)}: {dataset.name} has no scans{matching}")
        return found

    def told(self) -> dict[str, Any]:
        """Plain data for `run.json`."""
        shard = None if self.shard is None else str(self.shard)
        return {**vars(self), "root": os.path.abspath(self.root), "shard": shard}


def names_of(keys: list[str]) -> list[str]:
    """Names of results: keys with ``_`` for ``/``, or with ``__`` where that is not unique."""
    for between in ("_", "__"):
        names = [key.replace("/", between) for key in keys]
        if len({name.lower() for name in names}) == len(names):
            return names
    return [f"{name}_{number}" for number, name in enumerate(names)]
