"""Scans of made-up streets, as `avs3d simulate` makes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from avs3d.datasets.folder import Reader as Folder
from avs3d.datasets.parts.files import listed
from avs3d.scan import Scan

NO_LABEL = -1
_KINDS = "categories.json"
_NOTHING = 255


class Reader(Folder):
    """The ``.npz`` of a folder with ``categories.json``. Labels are the kinds of things, which are
    the classes of the label set.

    Args:
        root: the folder.
    """

    name = "simulated"
    labelset = "street-91"

    def __init__(self, root: Path) -> None:
        super().__init__(root)

    @staticmethod
    def fits(root: Path) -> bool:
        return (root / _KINDS).exists() and bool(listed(root, ".npz"))

    def sequences(self) -> list[range]:
        """Each scan by itself: they are of different worlds, or by different LiDARs elsewhere in
        the same one."""
        return [range(index, index + 1) for index in range(len(self))]

    def __getitem__(self, index: int) -> Scan:
        scan = super().__getitem__(index)
        kinds = scan.fields.get("category")
        if kinds is None or kinds.dtype.kind not in "iu":
            return scan
        return replace(scan, labels=np.where(kinds == _NOTHING, NO_LABEL, kinds.astype(np.int32)))
