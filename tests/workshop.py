"""Work for processes of their own; imports nothing, so that they begin at once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable


def make_work() -> Callable[[str], str]:
    """A job says what happens."""

    def work(job: str) -> str:
        if job == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if job == "exit":
            os._exit(3)
        if job == "raise":
            raise ValueError("by design")
        time.sleep({"slow": 0.2, "forever": 60}.get(job, 0))
        return f"{job} {os.getpid()}"

    return work
