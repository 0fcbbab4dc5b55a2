"""Pickles and files of `torch.save` from a path; nothing in them is run (`avs3d.io.pickles`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from avs3d.io.pickles import unpickle
from avs3d.io.source import load, naming

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


def load_plain(path: Path) -> Any:
    """What a file holds, tensors as arrays; loads no torch. See `avs3d.io.pickles.unpickle`.

    Raises:
        ReadError: it is missing, damaged, or holds anything but plain data and arrays.
    """
    with naming(path):
        return unpickle(load(path))


def torch_load(path: Path) -> Any:
    """The same with tensors as tensors, on the CPU, as `torch.load` gives them.

    Takes what ``torch.load(weights_only=True)`` takes and what half of the published files hold
    beside: NumPy arrays and numbers. Views of one storage share it.

    Raises:
        ReadError: see `load_plain`.
    """
    import torch

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array)

    with naming(path):
        return unpickle(load(path), tensor)
