"""Kill `avs3d train distill` at random moments until it is done; are the weights as they should be?

    python benchmarks/interrupted_training.py --kills 20

Small made scenes, a small network, exams, a worker that makes the batches. After each kill
(SIGKILL) the same command runs again; whenever it comes to its end, its weights, byte by byte, and
its log, but for the clock, are compared with those of a run that nobody disturbed. Exit code 1
where they differ.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from interrupted import kill_often, start
from learning.yards import CLASSES, make

NETWORK = (
    "{in_channels: 2, out_channels: 384, planes: [16, 16, 16, 16, 16, 16, 16, 16],"
    " layers: [1, 1, 1, 1, 1, 1, 1, 1], stem: 16, stem_kernel: 3}"
)
CLOCK = ("steps_per_s", "data")


def command(scenes: Path, out: Path, steps: int) -> list[str]:
    """`avs3d train distill`."""
    changes = [
        f"network.kind={NETWORK}", "network.inputs=[one, height]", "network.dim=384",
        "network.voxel_size=0.3", f"classes=[{', '.join(CLASSES)}]", "text_encoder=minilm",
        f"schedule.steps={steps}", "schedule.lr=0.003", "schedule.warmup=5",
        "schedule.evaluate_every=20", "augmentation={yaw: 180, dropout: 0.2}", "workers=1",
        "save_every=5", "log_every=1",
    ]  # fmt: skip
    given = ["--scenes", str(scenes), "--validation", str(scenes), "--out", str(out), "--quiet"]
    sets = [part for change in changes for part in ("--set", change)]
    return [sys.executable, "-m", "avs3d", "train", "distill", *given, *sets]


def seconds(of: list[str]) -> float:
    """That the command takes."""
    began = time.perf_counter()
    if start(of).wait():
        raise SystemExit("the run failed")
    return time.perf_counter() - began


def rows(folder: Path) -> list[dict[str, float]]:
    """Of the log, without what the clock says."""
    found = (json.loads(row) for row in (folder / "log.jsonl").read_text("utf-8").splitlines())
    return [{k: v for k, v in row.items() if k not in CLOCK} for row in found]


def compare(whole: Path, other: Path) -> int:
    """Say whether a training came to the same as one that nobody disturbed; 1 where it did not."""
    weights = [place / "bundle" / "network.safetensors" for place in (whole, other)]
    same = weights[0].read_bytes() == weights[1].read_bytes()
    told = rows(whole) == rows(other)
    print(f"weights {'the same' if same else 'DIFFER'}, log {'the same' if told else 'DIFFERS'}")
    return int(not (same and told))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="avs3d-interrupted-") as name:
        scenes, whole, out = (Path(name, part) for part in ("scenes", "whole", "out"))
        make(scenes, 4, 0)
        undisturbed = command(scenes, whole, options.steps)
        took = seconds(undisturbed)
        print(f"{options.steps} steps, {took:.0f} s undisturbed", flush=True)
        again = command(scenes, out, options.steps)
        moments = partial(chance.uniform, 0, took)
        return kill_often(again, options.kills, moments, out, partial(compare, whole, out))


if __name__ == "__main__":
    raise SystemExit(main())
