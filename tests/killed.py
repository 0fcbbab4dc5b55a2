"""A run that is killed again and again: `python killed.py BUNDLE OUT KILLS SCAN...`.

The pipeline is loaded once; each attempt is a fork of this process. Prints how many were killed.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from avs3d import Vocabulary, pipeline, read
from avs3d.jobs import BatchConfig
from avs3d.run import Run


def attempt(config: BatchConfig, seconds: float | None) -> bool:
    """Whether a run was killed after so many seconds rather than at its end."""
    pid = os.fork()
    if not pid:
        with Run(config) as run:
            failed = [result for _, result in run if isinstance(result, Exception)]
        os._exit(len(failed))
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    assert status in (0, signal.SIGKILL), status
    return status == signal.SIGKILL


def main(bundle: str, out: str, kills: int, scans: list[str]) -> None:
    torch.set_num_threads(1)
    words = Vocabulary.from_words(["car", "road"])
    loaded = pipeline.load(bundle)
    loaded.encode(read(scans[0])).segment(words)
    pipeline.load = lambda *_, **__: loaded
    config = BatchConfig(
        tuple(scans), Path(out), bundle, words, picture=False, write=(".npz", ".las", ".csv")
    )
    began = time.perf_counter()
    attempt(replace(config, out=Path(out + "-whole")), None)
    whole = time.perf_counter() - began
    chance = random.Random(0)
    killed = sum(attempt(config, chance.uniform(0, whole / 4)) for _ in range(kills))
    attempt(config, None)
    print(killed)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
