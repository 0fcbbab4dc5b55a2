"""A preparation that is killed again and again: `python killed_prepare.py ROOT CLIP OUT KILLS`.

The models' libraries are loaded once; each attempt is a fork of this process. Makes ``OUT-whole``
undisturbed and ``OUT`` with so many kills, and prints how many there were.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from avs3d.prepare import Failure, Product, Work, WorkConfig
from avs3d.prepare.openscene import OpenScene
from avs3d.prepare.smap import Smap
from avs3d.selection import Selection


def attempt(product: Product, root: Path, out: Path, seconds: float | None) -> bool:
    """Whether it was killed after so many seconds rather than at its end."""
    pid = os.fork()
    if not pid:
        options = {"split": "mini_val", **product.options("nuscenes")}
        with Work(WorkConfig(Selection(root, "nuscenes", options), product, out, "val")) as work:
            failed = [outcome for outcome in work if isinstance(outcome, Failure)]
            work.finish()
        os._exit(len(failed))
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    assert status in (0, signal.SIGKILL), status
    return status == signal.SIGKILL


def main(root: Path, clip: str, out: str, kills: int) -> None:
    torch.set_num_threads(1)
    chance, killed = random.Random(0), 0
    smap = Smap(clip, "cpu")
    smap.load()  # in here, not in every attempt
    for product in (OpenScene(), smap):
        began = time.perf_counter()
        attempt(product, root, Path(f"{out}-whole"), None)
        whole = time.perf_counter() - began
        for _ in range(kills):
            killed += attempt(product, root, Path(out), chance.uniform(0, whole / 3))
        attempt(product, root, Path(out), None)
    print(killed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
