"""Which file of this folder reads and writes which extension; add a format here."""

from __future__ import annotations

import importlib
from types import ModuleType

READERS = {
    ".bin": "bin",
    ".las": "las",
    ".laz": "las",
    ".npy": "npy",
    ".npz": "npz",
    ".pcd": "pcd",
    ".ply": "ply",
}
WRITERS = {
    ".npz": "npz",
    ".ply": "ply",
}


def module(name: str) -> ModuleType:
    """The format's module, imported now: some of them import a library for their format."""
    return importlib.import_module(f"avs3d.io.{name}")
