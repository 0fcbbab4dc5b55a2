"""Which files a list of files, folders and globs means."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from avs3d.errors import UserError
from avs3d.io.formats import READERS, WRITERS
from avs3d.io.names import unpacked
from avs3d.io.record import is_result
from avs3d.io.source import show

_NO_SCANS = (
    "*lidarseg.bin", "*_panoptic.npz",  # nuScenes: labels
    "*/annotations.feather", "*_se3_*.feather", "*/intrinsics.feather",  # Argoverse 2
    "*/map/*_ground_height_surface____*.npy",  # the same
    "*/radar_*/*.pcd",  # nuScenes: points, but of five radars
    "*_vh_clean_2.labels.ply",  # ScanNet
    "*/pose/*.npy", "*/k/*.npy",  # OpenScene: cameras
    "*/voxels/*.bin",  # SemanticKITTI: scene completion
)  # fmt: skip
"""Of a path in lower case, from its folder's name on."""
_ANY_TEXT = (".txt", ".csv")
"""Extensions of any text: what has them in a folder is seldom a scan."""


def find(inputs: Sequence[str | Path]) -> list[Path]:
    """The scans that files, folders and globs name, each once, in the order of `inputs`.

    A folder means every readable file below it, sorted, without hidden ones, without results of
    ours (see `record.is_result`), without the labels, boxes, maps, radar and calibrations that
    datasets keep beside their scans, and without ``.txt`` and ``.csv``, which may be anything:
    their names, or a glob that ends in these, find them. A file that is named is taken as it is,
    even if it is not there: reading it tells why it fails, and the other files are still done.

    Raises:
        UserError: a folder or a glob with nothing to read, or an empty text.
    """
    if "" in inputs:  # which as a path would be the folder that the user is in
        raise UserError("an input is empty, as a shell variable that is not set; name a file")
    found: dict[Path, None] = {}
    for item in map(Path, inputs):
        if item.is_dir():
            paths, where = list(_below(item)), "in this folder"
        elif glob.has_magic(str(item)) and not item.exists():
            paths, where = list(_matches(item)), "matches"
        else:
            paths, where = [item], ""
        if not paths:
            raise UserError(
                f"{show(item)}: no readable file {where}; readable are {', '.join(READERS)}"
            )
        found |= dict.fromkeys(paths)
    return list(found)


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if _is_scan(Path(here, name)):
                yield Path(here, name)


def _matches(pattern: Path) -> Iterator[Path]:
    for match in map(Path, sorted(glob.glob(str(pattern), recursive=True))):
        if match.is_dir():
            yield from _below(match)
        elif _is_scan(match, pattern.name):
            yield match


def _is_scan(path: Path, told: str = "") -> bool:
    """Whether a file that was found is a scan; `told`: the pattern that it was found by."""
    plain = unpacked(path)
    suffix, name = plain.suffix.lower(), plain.name.lower()
    if name.startswith(".") or suffix not in READERS:
        return False
    place = f"/{plain.parent.name.lower()}/{name}"
    if any(fnmatchcase(place, pattern) for pattern in _NO_SCANS):
        return False
    if suffix in _ANY_TEXT and suffix not in told.lower():
        return False
    return suffix not in WRITERS or not is_result(path)
