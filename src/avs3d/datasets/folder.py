"""Any scans: the files of a folder, or what a glob finds, of every format that is read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from avs3d.datasets.parts.dataset import Dataset
from avs3d.datasets.parts.files import state_of
from avs3d.io import find, read
from avs3d.io.names import stem
from avs3d.scan import Scan


class Reader(Dataset):
    """The files that `avs3d.io.find` finds. A key is the path of a file from the root, or, of a
    glob, from the folder that all are in; without what says its format, where that is said of no
    other file.

    Args:
        root: a folder, a glob, or a file.
        columns: of bare rows, see `avs3d.io.read`.
    """

    name = "folder"
    labelset: str | None = None
    split = None

    def __init__(self, root: Path, columns: int | str | Sequence[str] | None = None) -> None:
        self.root = root
        self._columns = columns
        self._paths = find([root])
        # Not the common one of a folder: with another scan, all would be called otherwise.
        above = root if root.is_dir() else os.path.commonpath([path.parent for path in self._paths])
        whole = [path.relative_to(above) for path in self._paths]
        short = [path.with_name(stem(path)).as_posix() for path in whole]
        again = {key for key, count in Counter(short).items() if count > 1}
        pairs = zip(short, whole, strict=True)
        self._keys = [path.as_posix() if key in again else key for key, path in pairs]

    @staticmethod
    def fits(root: Path) -> bool:
        return True

    def __len__(self) -> int:
        return len(self._paths)

    def key(self, index: int) -> str:
        return self._keys[index]

    def state(self, index: int) -> tuple[int, int] | None:
        return state_of(self._paths[index])

    def __getitem__(self, index: int) -> Scan:
        return read(self._paths[index], columns=self._columns)
