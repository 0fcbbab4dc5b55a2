"""Pickles and files of `torch.save`, read without Python's unpickler: nothing in them is run.

The opcodes are listed by `pickletools.genops`, and the few that make numbers, texts, tuples, lists,
dicts, NumPy arrays and PyTorch tensors are carried out by `pickle_machine`; all else is refused.
Python's unpickler would ask for any memory that a file names, and hash any key; `torch.load` takes
no NumPy arrays, which half of the published files hold, and believes what a tensor claims.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from avs3d.io.archive import content_of, open_archive
from avs3d.io.pickle_machine import Machine, from_bytes
from avs3d.io.source import MalformedError, check_claim, damaged

_ZIP = b"PK\x03\x04"
_OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_SHOWN = 80  # characters of a name in a message


def unpickle(data: memoryview, tensor: Callable[[np.ndarray], Any] = lambda array: array) -> Any:
    """What a pickle, or a file of `torch.save`, holds.

    Args:
        data: content of the file.
        tensor: makes what stands for a tensor from its values, which may be written to.

    Returns:
        Tuples, lists, dicts with keys of str or int (also for OrderedDict), str, int, float, bool,
        bytes, None, arrays of booleans, integers or floats, and what `tensor` makes. Values of
        arrays and tensors are not looked at: they may be NaN.

    Raises:
        MalformedError: it is damaged, truncated, claims more than it holds, or holds anything else.
    """
    head = bytes(data[: len(_OLD_TORCH)])
    if head.startswith(_ZIP):
        return _of_archive(data, tensor)
    if head.startswith(_OLD_TORCH):
        raise MalformedError(
            "is a file of a PyTorch before 1.6; load and save it once with a newer one"
        )
    if not head.startswith(b"\x80"):
        raise MalformedError("is neither a file of torch.save nor a pickle; get it again")
    with damaged("pickle"):
        return Machine(len(data), _no_storage, tensor).run(io.BytesIO(data))


def _of_archive(data: memoryview, tensor: Callable[[np.ndarray], Any]) -> Any:
    """What the zip archive of `torch.save` holds: ``ROOT/data.pkl`` and ``ROOT/data/KEY``."""
    with damaged("PyTorch"):
        archive = open_archive(data)
        members = {item.filename: item for item in archive.infolist()}
    if any(item.compress_type != zipfile.ZIP_STORED for item in members.values()):
        raise MalformedError("is a packed zip archive, which torch.save does not make; unpack it")
    # Entries may name the same bytes again and again.
    check_claim(0, sum(item.file_size for item in archive.infolist()), len(data))
    root = next((n.removesuffix("data.pkl") for n in members if n.endswith("/data.pkl")), None)
    if root is None:
        raise MalformedError("is a zip archive without data.pkl, so none of torch.save")

    def content(name: str) -> memoryview:
        with damaged("PyTorch"):
            return content_of(members[name], archive, data)

    if (order := f"{root}byteorder") in members and content(order) != b"little":
        raise MalformedError("was saved on a big-endian machine; save it on another one")

    def storage(key: str, dtype: str, count: int) -> np.ndarray:
        if (name := f"{root}data/{key}") not in members:
            raise MalformedError(f"lacks its part {name[:_SHOWN]!a}; get the file again")
        kind = np.dtype(dtype)
        if count * kind.itemsize != members[name].file_size:
            raise MalformedError(
                f"damaged: its part {name[:_SHOWN]!a} has not the size that it should have; get the"
                " file again"
            )
        return from_bytes(content(name), kind)

    pickled = content(f"{root}data.pkl")
    with damaged("PyTorch"):
        return Machine(len(pickled), storage, tensor).run(io.BytesIO(pickled))


def _no_storage(key: str, dtype: str, count: int) -> NoReturn:
    raise MalformedError("is a pickle with tensors, whose values torch.save keeps elsewhere")
