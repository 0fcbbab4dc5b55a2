"""Pickles and files of `torch.save` that the authors' code reads, whole or not at all."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from avs3d.atomic import write_bytes
from avs3d.errors import UserError
from avs3d.io.source import show

if TYPE_CHECKING:
    from torch import Tensor

_PROTOCOL = 2  # of torch.save; the authors' Python 3.8 reads it
_MOVED = {"numpy._core.multiarray": "numpy.core.multiarray"}


# The one in Python, since the one in C leaves no way to call a function by another name.
_PythonPickler: Any = pickle._Pickler


class _Pickler(_PythonPickler):
    """Calls the parts of NumPy as NumPy 1 did, which the authors' Python is bound to."""

    def save_global(self, obj: Any, name: str | None = None) -> None:
        module = _MOVED.get(getattr(obj, "__module__", None) or "")
        if module is None:
            super().save_global(obj, name)
            return
        self.write(pickle.GLOBAL + f"{module}\n{obj.__name__}\n".encode())
        self.memoize(obj)


def save_plain(path: Path, content: Any, *, overwrite: bool = False) -> Path:
    """Write plain data and arrays as a pickle and return the path.

    Raises:
        UserError: there is no such folder, the disk is full, or the file is there already and
            `overwrite` is not set.
    """
    stream = io.BytesIO()
    _Pickler(stream, _PROTOCOL).dump(content)
    return save(path, stream.getvalue(), overwrite=overwrite)


def save_torch(path: Path, content: Any, *, overwrite: bool = False) -> Path:
    """Write plain data, arrays and tensors with `torch.save`; as `save_plain`."""
    import torch

    stream = io.BytesIO()
    module = SimpleNamespace(Pickler=_Pickler, __name__=__name__)
    torch.save(content, stream, pickle_module=module, pickle_protocol=_PROTOCOL)
    return save(path, stream.getvalue(), overwrite=overwrite)


def tensor(array: np.ndarray) -> Tensor:
    """A tensor with a copy of the values, since PyTorch wants to be able to write to them."""
    import torch

    return torch.from_numpy(np.array(array, order="C"))


def save(path: Path, content: bytes, *, overwrite: bool = False) -> Path:
    """Write bytes; as `save_plain`."""
    if path.exists() and not overwrite:
        raise UserError(f"{show(path)}: is there already; pass overwrite=True to replace it")
    try:
        return write_bytes(path, content)
    except OSError as error:
        raise UserError(
            f"{show(path)}: cannot be written ({error.strerror or error}); check the folder and"
            " the disk"
        ) from error
