"""Parsers in C, C++ and Rust, each in a process of its own with bounds on memory and time.

Damaged files can make such a parser end the whole process, past any exception handler, or ask for
all the memory there is. `call` runs a function of a format module in a fresh interpreter, which
sends back named columns or the text of a refusal.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from avs3d.io.source import MalformedError, stored_as, stored_size

_BASE_BYTES = 640 << 20
"""Address space of an interpreter with a parser's library, several times over."""
_ALIGNMENT = 64
# The same modules as here, but none from the folder that the user happens to be in.
_CHILD = "import sys; sys.path[:] = sys.argv[2:]; from avs3d.io.apart import serve; serve()"
# One thread: pools of them reserve address space, and the scans of a run keep the cores busy.
_ENVIRONMENT = {
    "RAYON_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


def call(worker: str, data: memoryview, *, seconds: float, **options: Any) -> dict[str, np.ndarray]:
    """The columns that a function makes of `data`, computed in a process of its own.

    Args:
        worker: ``avs3d.io.FORMAT:FUNCTION``; it is called as ``FUNCTION(data, **options)``, may
            ask for more memory with `limit_memory`, and returns name -> array or raises
            `MalformedError`.
        data: content of the file.
        seconds: when the process is given up.
        options: numbers and texts.
    """
    request = {"worker": worker, "options": options, "stored": stored_size(len(data))}
    folders = [folder for folder in sys.path if os.path.isabs(folder)]
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _CHILD, json.dumps(request), *folders],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            env=os.environ | _ENVIRONMENT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MalformedError(
            "could not be unpacked in time; export it again as .las or .ply"
        ) from None
    if done.returncode == -9:
        raise MalformedError(
            "the process that unpacked it was killed; if memory was short, split the cloud into"
            " tiles"
        )
    if done.returncode or not done.stdout:
        raise MalformedError("truncated or damaged: its points do not unpack; get the file again")
    return dict(_received(done.stdout))


def _received(answer: bytes) -> Iterator[tuple[str, np.ndarray]]:
    head = answer[: answer.index(b"\n")]
    found = json.loads(head)
    if "refused" in found:
        raise MalformedError(found["refused"])
    offset = _aligned(len(head) + 1)
    for name, kind, count in found["columns"]:
        yield name, np.frombuffer(answer, kind, count, offset)
        offset = _aligned(offset + count * np.dtype(kind).itemsize)


def serve() -> None:
    """Runs in the process of its own: does what the first argument asks for."""
    request = json.loads(sys.argv[1])
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the columns
    data = sys.stdin.buffer.read()
    limit_memory(len(data))
    module, _, name = request["worker"].partition(":")
    try:
        with stored_as(request["stored"]):
            columns = getattr(importlib.import_module(module), name)(data, **request["options"])
    except MalformedError as error:
        answer.write(json.dumps({"refused": str(error)}).encode() + b"\n")
    else:
        _send(answer, columns)
    answer.flush()
    os._exit(0)  # a parser that trips over its own damaged state while it is torn down has answered


def limit_memory(*sizes: int) -> None:
    """Bounds the memory of this process by what the file and its unpacked points account for."""
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _BASE_BYTES + 4 * sum(sizes)
    resource.setrlimit(
        resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
    )
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _send(answer: BinaryIO, columns: dict[str, np.ndarray]) -> None:
    arrays = {name: np.ascontiguousarray(value) for name, value in columns.items()}
    head = json.dumps({"columns": [[n, a.dtype.str, len(a)] for n, a in arrays.items()]}).encode()
    written = answer.write(head + b"\n")
    for array in arrays.values():
        answer.write(bytes(_aligned(written) - written))
        written = _aligned(written) + answer.write(array.data)


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT
