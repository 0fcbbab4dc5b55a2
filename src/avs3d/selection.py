"""`Selection`: which scans of a dataset a run is about. Can be pickled, and opened in a process."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass, field, fields
from functools import cached_property
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

    @cached_property
    def dataset(self) -> Dataset:
        """What the scans are of, opened once a process.

        Raises:
            UserError: see `avs3d.datasets.open_dataset`.
        """
        from avs3d.datasets import open_dataset

        return open_dataset(self.root, self.kind, **self.options)

    @cached_property
    def indices(self) -> list[int]:
        """Which scans, in their order.

        Raises:
            UserError: none.
        """
        return self.all_indices if self.shard is None else self.shard.of(self.all_indices)

    @cached_property
    def all_indices(self) -> list[int]:
        """The same without regard to the shard."""
        keys = map(self.dataset.key, range(len(self.dataset)))
        found = [
            index
            for index, key in enumerate(keys)
            if self.pattern is None or fnmatch.fnmatchcase(key, self.pattern)
        ][:: self.every]
        if not found:
            matching = f" that match {self.pattern}" if self.pattern and len(self.dataset) else ""
            raise UserError(f"{show(self.root)}: {self.dataset.name} has no scans{matching}")
        return found

    @cached_property
    def names(self) -> dict[int, str]:
        """Those of the results of each scan, the same whatever the shard."""
        keys = map(self.dataset.key, self.all_indices)
        return dict(zip(self.all_indices, names_of(list(keys)), strict=True))

    def told(self) -> dict[str, Any]:
        """Plain data for `run.json`."""
        shard = None if self.shard is None else str(self.shard)
        return {**self._given, "root": os.path.abspath(self.root), "shard": shard}

    def __getstate__(self) -> dict[str, Any]:
        """Without what was opened: another process opens it again."""
        return self._given

    @property
    def _given(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in fields(self)}


def names_of(keys: list[str]) -> list[str]:
    """Names of results: keys with ``_`` for ``/``, or with ``__`` where that is not unique."""
    for between in ("_", "__"):
        names = [key.replace("/", between) for key in keys]
        if len({name.lower() for name in names}) == len(names):
            return names
    return [f"{name}_{number}" for number, name in enumerate(names)]
