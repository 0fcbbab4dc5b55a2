"""Blocks of work shared among threads.

The matrix products of one block are too small to be split, but the blocks are independent.
PyTorch's operators let go of Python's lock while they compute, so ordinary threads serve.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Barrier
from typing import TypeVar

import torch
from torch import Tensor

_ROWS = 4096

Item = TypeVar("Item")


def for_each(work: Callable[[Item], None], items: Sequence[Item], like: Tensor) -> None:
    """``work(item)`` for every item, on as many threads as ``torch.get_num_threads()`` says.

    Work runs in inference mode, and must write only into memory that is its item's own. A GPU's,
    where `like` lies on one, stays on this thread.
    """
    threads = torch.get_num_threads() if like.device.type == "cpu" else 1
    left = iter(items)  # shared: taking the next one is atomic under Python's lock
    if threads == 1 or len(items) < 2:
        _drain(work, left)
        return
    pool = _pool(threads, os.getpid())
    for task in [pool.submit(_drain, work, left) for _ in range(min(threads, len(items)))]:
        task.result()


def for_rows(work: Callable[[slice], None], like: Tensor) -> None:
    """``work(rows)`` for slices that together are all rows of `like`; a GPU gets one slice."""
    count = len(like)
    step = _ROWS if like.device.type == "cpu" else max(count, 1)
    for_each(work, [slice(at, min(at + step, count)) for at in range(0, count, step)], like)


@torch.inference_mode()
def _drain(work: Callable[[Item], None], left: Iterator[Item]) -> None:
    for item in left:
        work(item)


@lru_cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads whose operators run on that thread alone; a forked process gets its own."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="avs3d-sparse")
    started = Barrier(threads + 1)

    def start() -> None:
        torch.get_num_threads()  # a thread's first call takes over the number of the process
        torch.set_num_threads(1)
        started.wait()

    tasks = [pool.submit(start) for _ in range(threads)]
    started.wait()
    for task in tasks:
        task.result()
    # That also set the number for threads still to come: set it back.
    torch.set_num_threads(threads)
    return pool
