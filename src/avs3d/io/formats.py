"""Which file of this folder reads and writes which extension; add a format here."""

from __future__ import annotations

import importlib
from types import ModuleType

READERS = {
    ".asc": "text",
    ".bin": "bin",
    ".csv": "text",
    ".drc": "drc",
    ".e57": "e57",
    ".feather": "arrow",
    ".las": "las",
    ".laz": "las",
    ".npy": "npy",
    ".npz": "npz",
    ".parquet": "arrow",
    ".pcd": "pcd",
    ".ply": "ply",
    ".pts": "text",
    ".txt": "text",
    ".xyz": "text",
}
WRITERS = {
    ".npz": "npz",
    ".ply": "ply",
}


def module(name: str) -> ModuleType:
    """The format's module, imported now: some of them import a library for their format."""
    return importlib.import_module(f"avs3d.io.{name}")
