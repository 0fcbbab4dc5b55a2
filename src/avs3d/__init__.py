"""LiDAR scan in, a vocabulary of its own and a word for every point out.

>>> import avs3d
>>> model = avs3d.load("street-mini")              # doctest: +SKIP
>>> result = model.segment(avs3d.read("scan.bin"))  # doctest: +SKIP
>>> result.vocabulary.words                         # doctest: +SKIP
('road', 'car', 'tree', ...)

Importing the package loads numpy only; torch and the language libraries follow with the first
call that needs them.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from avs3d.errors import ReadError, UserError
from avs3d.scan import Camera, Scan
from avs3d.segmentation import Segmentation
from avs3d.vocabulary import Source, Vocabulary

if TYPE_CHECKING:
    from avs3d.bundle import Bundle
    from avs3d.io import read
    from avs3d.pipeline import EncodedScan, Pipeline, load

# PyTorch reads this when it first asks for memory: large tensors in large pages. Linux hands out
# fresh memory page by page, and filling 300 MB of features costs as much as computing them.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

__version__ = "0.1.0"

_LAZY = {
    "load": "avs3d.pipeline",
    "Pipeline": "avs3d.pipeline",
    "EncodedScan": "avs3d.pipeline",
    "Bundle": "avs3d.bundle",
    "read": "avs3d.io",
}

__all__ = [
    "Bundle",
    "Camera",
    "EncodedScan",
    "Pipeline",
    "ReadError",
    "Scan",
    "Segmentation",
    "Source",
    "UserError",
    "Vocabulary",
    "load",
    "read",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'avs3d' has no attribute {name!r}")
