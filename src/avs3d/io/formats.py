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
    ".pth": "pth",
    ".pts": "text",
    ".txt": "text",
    ".xyz": "text",
}
WRITERS = {
    ".csv": ("rows", "encode_csv"),
    ".label": ("classes", "encode_semantickitti"),
    ".las": ("las_result", "encode"),
    ".laz": ("las_result", "encode_packed"),
    "_lidarseg.bin": ("classes", "encode_lidarseg"),
    ".mcap": ("mcap", "encode"),
    ".npz": ("npz", "encode"),
    ".parquet": ("rows", "encode_parquet"),
    ".pcd": ("pcd", "encode"),
    ".ply": ("ply", "encode"),
    ".rrd": ("rrd", "encode"),
}
"""How the name of a result ends -> the module and its function."""


def ending(name: str) -> str | None:
    """The key of `WRITERS` that a file's name ends with, case ignored; None if there is none."""
    return next((key for key in WRITERS if name.lower().endswith(key)), None)


def module(name: str) -> ModuleType:
    """The format's module, imported now: some of them import a library for their format."""
    return importlib.import_module(f"avs3d.io.{name}")
