"""Ctrl-C and SIGTERM end a command in order; where that takes long, at once."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import FrameType

from avs3d.cli.console import complain
from avs3d.workers import leave_at_once

INTERRUPTED = (128 + signal.SIGINT, 128 + signal.SIGTERM)
"""Exit codes, as a shell gives them for a process that a signal ended."""
_GRACE = 0.5  # seconds
_SHOW_CURSOR = "\x1b[?25h"


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived."""


def exit_code_of(error: KeyboardInterrupt) -> int:
    """One of `INTERRUPTED`."""
    return INTERRUPTED[isinstance(error, Terminated)]


def heed_sigterm() -> None:
    """Let SIGTERM interrupt as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, interrupt)


@contextmanager
def ending_soon(abandon: Callable[[], None] | None = None) -> Iterator[None]:
    """Python acts on a signal only between two of its own steps, and a step may be a long
    computation. A thread waits beside it, and ends the process when the context goes on for half a
    second after a signal.

    Args:
        abandon: called by that thread before; None: there is nothing to leave in order.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not for us
        return
    left = threading.Event()
    ours, theirs = socket.socketpair()

    def watch() -> None:
        numbers = ours.recv(1)
        if numbers and numbers[0] in (signal.SIGINT, signal.SIGTERM) and not left.wait(_GRACE):
            try:
                if abandon is not None:
                    abandon()
            finally:
                if sys.stderr.isatty():
                    sys.stderr.write(_SHOW_CURSOR)
                complain("interrupted")
                leave_at_once(128 + numbers[0])

    with closing(ours), closing(theirs):
        theirs.setblocking(False)
        before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            left.set()
            signal.set_wakeup_fd(before)
            theirs.close()  # the thread reads its end
            thread.join()
