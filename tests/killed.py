"""A run that is killed again and again: `python killed.py BUNDLE OUT KILLS SCAN...`.

In place of the scans there may be the folder of a dataset, of which predictions are written too.
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

import numpy as np
import torch

from avs3d import Scan, Vocabulary, pipeline
from avs3d.jobs import BatchConfig
from avs3d.predictions import Predictions
from avs3d.run import Run
from avs3d.selection import Selection


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
    loaded.encode(Scan(np.zeros((9, 3)))).segment(words)
    pipeline.load = lambda *_, **__: loaded
    config = BatchConfig(
        tuple(scans), Path(out), bundle, words, picture=False, write=(".npz", ".las", ".csv")
    )
    if Path(scans[0]).is_dir():
        of = Selection(Path(scans[0]))
        made = Predictions(of.dataset.name, of.dataset.labelset or "", "all", "names")
        config = replace(config, inputs=(), selection=of, predictions=made)
    began = time.perf_counter()
    attempt(replace(config, out=Path(out + "-whole")), None)
    whole = time.perf_counter() - began
    chance = random.Random(0)
    killed = sum(attempt(config, chance.uniform(0, whole / 4)) for _ in range(kills))
    attempt(config, None)
    print(killed)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
