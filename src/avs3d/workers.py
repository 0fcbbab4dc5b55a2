"""Jobs done by several processes, each in order and one at a time; one that dies costs one job."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn, TypeVar

J = TypeVar("J")
_PR_SET_PDEATHSIG = 1  # of Linux: the signal that a process gets when its parent ends


class WorkerDied(Exception):  # noqa: N818  it says what happened
    """A process ended while it had a job.

    Attributes:
        code: its exit code; -9 where the system killed it, for example when memory ran out.
    """

    def __init__(self, code: int | None) -> None:
        super().__init__(f"its process ended with code {code}")
        self.code = code


@dataclass
class _Hand:
    """A process, our end of the line to it, and the number of the job that it has."""

    process: BaseProcess
    line: Connection
    number: int


def in_processes(
    make: Callable[[], Callable[[J], Any]], jobs: Sequence[J], count: int
) -> Generator[Any, None, None]:
    """What each job gives, in the order of the jobs; `WorkerDied` for one whose process died.

    Args:
        make: called once in every process, makes what does the jobs there. Can be pickled, as can
            jobs and what they give.
        jobs: what to do.
        count: how many processes.

    Raises:
        Exception: what a job raised (rather than gave); the processes are ended then, as they are
            when the generator is closed or interrupted.
    """
    waiting = deque(enumerate(jobs))
    finished: dict[int, Any] = {}
    hands: dict[Connection, _Hand] = {}
    try:
        for number in range(len(jobs)):
            while number not in finished:
                while waiting and len(hands) < count:
                    hand = _start(make, *waiting.popleft())
                    hands[hand.line] = hand
                for line in wait(list(hands)):
                    assert isinstance(line, Connection)
                    _receive(hands, line, finished, waiting)
            yield finished.pop(number)
    finally:
        for hand in hands.values():
            hand.process.kill()
        for hand in hands.values():
            hand.process.join()


def _receive(
    hands: dict[Connection, _Hand],
    line: Connection,
    finished: dict[int, Any],
    waiting: deque[tuple[int, Any]],
) -> None:
    """Take what a process says, and give it the next job or let it go."""
    hand = hands[line]
    try:
        raised, outcome = pickle.loads(line.recv_bytes())
    except (EOFError, OSError):
        del hands[line]
        hand.process.join()
        finished[hand.number] = WorkerDied(hand.process.exitcode)
        return
    if raised:
        raise outcome
    finished[hand.number] = outcome
    if waiting:
        hand.number, job = waiting.popleft()
        with contextlib.suppress(OSError):  # it died: the next look at its line tells
            line.send(job)
    else:
        del hands[line]
        line.close()  # its end
        hand.process.join()


def _start(make: Callable[[], Callable[[Any], Any]], number: int, job: Any) -> _Hand:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(make, theirs))
    with _deaf_to_the_keyboard():
        process.start()
    theirs.close()
    with contextlib.suppress(OSError):
        ours.send(job)
    return _Hand(process, ours, number)


@contextlib.contextmanager
def _deaf_to_the_keyboard() -> Any:
    """Ctrl-C goes to all processes of a terminal; those started here leave it to this one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # started below, it would end by letting Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """From now on this process, started by another, ends when that one does, however it ends: else
    it would go on, and write where the next run writes."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    if sys.platform == "linux":  # at once, whatever is computed: the next run may have begun
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def leave_at_once(code: int) -> NoReturn:
    """End the process without taking apart what is loaded: with networks that takes a second, and
    between processes that train it ended in SIGABRT once."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed
            stream.flush()
    os._exit(code)


def _serve(make: Callable[[], Callable[[Any], Any]], line: Connection) -> None:
    """What a process does: jobs from the line until it ends, or its parent does."""
    end_with_parent()
    work = None
    while True:
        try:
            job = line.recv()
        except (EOFError, OSError):
            return
        try:
            work = work or make()
            said = (False, work(job))
        except Exception as error:
            said = (True, error)
        line.send_bytes(_pickled(*said))


def _pickled(raised: bool, outcome: Any) -> bytes:
    """An error of another library may not come through: then what it says does."""
    try:
        data = pickle.dumps((raised, outcome))
        pickle.loads(data)
    except Exception:
        data = pickle.dumps((raised, RuntimeError(f"{type(outcome).__name__}: {outcome}")))
    return data
