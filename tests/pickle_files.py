"""Pickles and files of `torch.save`, also such that nobody should open; shared by tests."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

AGAIN = "get the file again"


def zip_of(pickled: bytes, packed: bool = False, **parts: bytes) -> bytes:
    """What `torch.save` makes: ``data.pkl``, and storages by their keys."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as a:
        a.writestr("archive/data.pkl", pickled)
        for key, content in parts.items():
            a.writestr(f"archive/{key.replace('_', '/')}", content)
    return stream.getvalue()


def overlapping() -> bytes:
    """A zip archive in which eight entries name the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02N.")
        archive.writestr("archive/data/0", bytes(1 << 16))
        archive.filelist += [archive.getinfo("archive/data/0")] * 7
    return stream.getvalue()


def torch_bytes(content: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


class Call:
    """Unpickling it calls a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.made = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.made


def text(value: str) -> bytes:
    return b"X" + len(value.encode()).to_bytes(4, "little") + value.encode()


def number(value: int) -> bytes:
    """Any whole number, as LONG1."""
    content = pickle.encode_long(value)
    return b"\x8a" + bytes([len(content)]) + content


def dtype(code: str = "f4", order: str = "<") -> bytes:
    made = b"cnumpy\ndtype\n(" + text(code) + b"\x89\x88tR"
    return made + b"(K\x03" + text(order) + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def array(raw: bytes, shape: bytes, kind: bytes | None = None) -> bytes:
    """An array in the opcodes of protocol 3; `shape` and `kind` are opcodes too."""
    made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"
    return made + b"(K\x01" + shape + (kind or dtype()) + b"\x89" + raw + b"tb"


def some_bytes(content: bytes) -> bytes:
    return b"B" + len(content).to_bytes(4, "little") + content


def tensor(
    count: int = 3, size: bytes = b"K\x03\x85", stride: bytes = b"K\x01\x85", offset: int = 0,
    kind: str = "FloatStorage", key: str = "0",
) -> bytes:  # fmt: skip
    storage = b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu")
    storage += number(count) + b"tQ"
    made = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + size + stride
    return made + b"\x89ccollections\nOrderedDict\n)RtR"


def stored(opcodes: bytes, content: bytes = bytes(12)) -> bytes:
    return zip_of(b"\x80\x02" + opcodes + b".", data_0=content)


def nested(depth: int) -> bytes:
    return b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."


DATA: Mapping[str, Any] = {
    "epoch": 20,
    "best": np.float64(0.5),
    "names": ["a", ("b", None), "\N{SNOWMAN}"],
    "flags": {1: True, 3: -(2**70)} | {"raw": b"\x00\xff"},
    "arrays": [
        np.arange(6, dtype="f4").reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(3, dtype=">u2"),
        np.array([True, False]),
        np.zeros((0, 3), "f2"),
        np.array(7, "i8"),
    ],
    "more": OrderedDict(b=1, a=2),
}
HOSTILE: list[tuple[bytes, str]] = [
    (b"abc", "is neither a file of torch.save nor a pickle; get it again"),
    (
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
        "is a file of a PyTorch before 1.6; load and save it once with a newer one",
    ),
    (
        pickle.dumps(Call(os.system, "echo owned"), 2),
        "asks for 'posix.system', and nothing but plain data and arrays is taken from a pickle;"
        " save it without",
    ),
    (
        pickle.dumps([Call(eval, "1")], 4),
        "asks for 'builtins.eval', and nothing but plain data and arrays is taken from a pickle;"
        " save it without",
    ),
    (
        pickle.dumps({"path": Path("a")}, 4),
        f"asks for '{type(Path()).__module__}.PosixPath', and nothing but plain data and arrays is"
        " taken from a pickle; save it without",
    ),
    (pickle.dumps({1, 2}, 4), "is a pickle with EMPTY_SET, which plain data does not need"),
    (
        pickle.dumps(np.array([{}, None]), 4),
        "holds an array of type 'O8'; only arrays of numbers are read",
    ),
    (
        pickle.dumps(np.zeros(2, [("x", "f4")]), 4),
        "holds an array of type 'V4'; only arrays of numbers are read",
    ),
    (
        pickle.dumps({((1, 2), 3): 1}, 4),
        "is a pickle with keys that are neither texts nor numbers",
    ),
    (
        b"\x80\x02" + array(some_bytes(bytes(8)), number(10**12) + b"\x85") + b".",
        f"damaged: an array of {4 * 10**12} bytes was stored as 8; {AGAIN}",
    ),
    (
        b"\x80\x02" + array(some_bytes(bytes(8)), number(-2) + b"\x85") + b".",
        f"damaged: an array has a shape that there is not; {AGAIN}",
    ),
    (
        b"\x80\x02" + array(b"]", b"K\x02\x85") + b".",
        "holds an array without its bytes; only arrays of numbers are read",
    ),
    (
        b"\x80\x02]r\xff\xff\xff\x7f("
        + some_bytes(bytes(4096))
        + b"q\x00"
        + array(b"h\x00", number(1024) + b"\x85") * 5
        + b"e.",
        "damaged: its arrays are larger than the file; get it again",
    ),
    (b"\x80\x02K\x01K\x02a.", "is a damaged pickle: no list where one is filled"),
    (
        b"\x80\x02cnumpy\ndtype\n)R.",
        "is a damaged pickle: something is made in a way that is not known",
    ),
    (
        b"\x80\x02" + dtype() + b"Nb.",
        "is a damaged pickle: something is filled with the wrong data",
    ),
    (
        b"\x80\x02cnumpy\nndarray\n.",
        "is a damaged pickle: it holds the name of a thing, not the thing",
    ),
    (nested(10_000), "is nested more than 32 deep; save plain data"),
    (b"\x80\x02]q\x00h\x00a.", "is nested more than 32 deep; save plain data"),
    (
        b"\x80\x02(lNN.",
        "is a pickle with LIST, which plain data does not need",
    ),
    (
        b"\x80\x04\x8e" + (1 << 60).to_bytes(8, "little") + b"abc",
        "not a readable pickle file (expected 1152921504606846976 bytes in a bytes8, but only 3"
        " remain); get or export it again",
    ),
    (
        b"\x80\x02N",
        "not a readable pickle file (pickle exhausted before seeing STOP); get or export it again",
    ),
    (
        b"\x80\x02.",
        "not a readable pickle file (its header is damaged); get or export it again",
    ),
    (
        b"\x80\x02" + tensor() + b".",
        "is a pickle with tensors, whose values torch.save keeps elsewhere",
    ),
    (
        zip_of(b"\x80\x02N.", packed=True, data_0=bytes(1 << 26)),
        "is a packed zip archive, which torch.save does not make; unpack it",
    ),
    (
        overlapping(),
        f"truncated: its header promises 0 points in {8 * 65536 + 4} bytes, but"
        f" {len(overlapping())} bytes follow; {AGAIN}",
    ),
    (
        zip_of(b"\x80\x02N.").replace(b"data.pkl", b"data.txt"),
        "is a zip archive without data.pkl, so none of torch.save",
    ),
    (
        zip_of(b"\x80\x02N.", byteorder=b"big"),
        "was saved on a big-endian machine; save it on another one",
    ),
    (
        stored(tensor(key="../1")),
        f"lacks its part 'archive/data/../1'; {AGAIN}",
    ),
    (
        stored(tensor(count=10**12)),
        f"damaged: its part 'archive/data/0' has not the size that it should have; {AGAIN}",
    ),
    (
        stored(tensor(kind="QInt8Storage")),
        "asks for 'torch.QInt8Storage', and nothing but plain data and arrays is taken from a"
        " pickle; save it without",
    ),
    (
        stored(b"(" + text("module") + b"tQ"),
        "holds tensors of a kind that is not read; save plain numbers",
    ),
    (
        stored(tensor(size=number(10**12) + b"\x85", stride=b"K\x00\x85")),
        f"damaged: a tensor of {10**12} values has a storage of 3; {AGAIN}",
    ),
    (
        stored(tensor(offset=1)),
        "not a readable PyTorch file (strides is incompatible with shape of requested array and"
        " size of buffer); get or export it again",
    ),
    (
        b"PK\x03\x04abc",
        "not a readable PyTorch file (File is not a zip file); get or export it again",
    ),
]
"""Content -> what is said of it."""
LONG = "is a pickle of over 5,000,000 steps; save less in a file"
