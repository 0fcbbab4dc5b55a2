"""What a file's name says: its format, whether it is packed, and the name of the scan."""

from __future__ import annotations

from pathlib import Path

PACKED = (".gz", ".zst")
"""Extensions of streams that any format may be packed in."""
_SECOND = (".pcd", ".copc")
"""Extensions that some formats are called by in front of their own: ``.pcd.bin``, ``.copc.laz``."""


def is_packed(path: Path) -> bool:
    """Whether the file is a gzip or zstd stream by its name."""
    return path.suffix.lower() in PACKED


def unpacked(path: Path) -> Path:
    """The path without the extension of a gzip or zstd stream: ``a.bin.gz`` -> ``a.bin``."""
    return path.with_suffix("") if is_packed(path) else path


def stem(path: Path) -> str:
    """The name without its extensions: ``dir/a.pcd.bin.gz`` -> ``a``."""
    name = unpacked(path).stem
    return name.removesuffix(Path(name).suffix) if Path(name).suffix.lower() in _SECOND else name
