"""Times and memory on a machine that others use too: ratios within one run, best of several."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

SIZE = 2048


def best(repeats: int, call: Callable[[], object]) -> float:
    """Seconds of the fastest of several calls."""
    return min(seconds(call) for _ in range(repeats))


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def dense_rate(repeats: int, dtype: torch.dtype = torch.float32, device: str = "cpu") -> float:
    """Multiply-adds x 2 per second of one large matrix product."""
    size = SIZE if device == "cpu" else 4 * SIZE
    a, b = (torch.randn(size, size, dtype=dtype, device=device) for _ in range(2))

    def call() -> None:
        torch.mm(a, b)
        if device != "cpu":
            torch.cuda.synchronize()

    return 2 * size**3 / best(repeats + 2, call)


def touch_memory(bytes_: int) -> None:
    """Ask for memory, fill it and give it back.

    A virtual machine's host takes back what lies unused for a second or two, and bringing it back
    is slow (here 1.5 ms per 2 MB). That is not the engine's time: call this just before measuring.
    """
    torch.zeros(bytes_, dtype=torch.uint8).fill_(1)


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's result, from a fresh process: what it used of memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def resident_gb(field: str) -> float:
    """Of this process: ``VmRSS``, the memory that it holds, or ``VmHWM``, the most it has held."""
    return _kilobytes(Path("/proc/self/status").read_text(), field) / 1e6


def peak_above(call: Callable[[], object]) -> float | None:
    """GB that `call` needs at most above what the process holds already; None without /proc."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _kilobytes(status.read_text(), "VmRSS")
    call()
    return (_kilobytes(status.read_text(), "VmHWM") - before) / 1e6


def _kilobytes(status: str, field: str) -> int:
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field))
