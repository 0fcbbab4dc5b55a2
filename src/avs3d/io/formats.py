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
    ".csv": ("rows", "encode_csv"),
    ".label": ("classes", "encode_semantickitti"),
    ".las": ("las_result", "encode"),
    ".laz": ("las_result", "encode_packed"),
    "_lidarseg.bin": ("classes", "encode_lidarseg"),
    ".npz": ("npz", "encode"),
    ".parquet": ("rows", "encode_parquet"),
    ".pcd": ("pcd", "encode"),
    ".ply": ("ply", "encode"),
}
"""How the name of a result ends -> the module and its function."""


def ending(name: str) -> str | None:
    """The key of `WRITERS` that a file's name ends with, case ignored; None if there is none."""
    return next((key for key in WRITERS if name.lower().endswith(key)), None)


def module(name: str) -> ModuleType:
    """The format's module, imported now: some of them import a library for their format."""
    return importlib.import_module(f"avs3d.io.{name}")
