"""What `avs3d run --window` brings: how often words change, and how often they are right.

    python benchmarks/flicker.py --scans 12 --windows 1 4 10

Drives through simulated streets, half a metre a scan, labelled with the scans' own words. Flicker
is the share of points whose word is not the commonest that their place, a cube of 0.3 m of the
world, had in the scan before. The street stands still: what changes is an error.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from dataset_run import FIRST_SEED, SENSOR, write_root

from avs3d.datasets import Dataset, open_dataset
from avs3d.evaluation.flicker import Seen, flicker
from avs3d.evaluation.iou import Confusion, iou, mean_present
from avs3d.evaluation.mappers import Mapping, Targets, load_mapper
from avs3d.labelsets import load


def results(dataset: Dataset, folder: Path) -> Iterator[Seen]:
    """The points of each scan that have a word."""
    for index in range(len(dataset)):
        with np.load(folder / f"{dataset.key(index).replace('/', '_')}.npz") as result:
            pose = dataset.pose(index)
            assert pose is not None
            yield Seen(result["points"], result["vocabulary"][result["label"]], pose)


def mean_iou(scans: list[Seen], truth: list[np.ndarray]) -> float:
    """Of the classes of the simulation."""
    labels = load("street-91")
    mapping = Mapping(load_mapper("minilm"), Targets.of(labels))
    total = Confusion.empty(len(labels))
    for seen, classes in zip(scans, truth, strict=True):
        words, which = np.unique(seen.words, return_inverse=True)
        guess = mapping.ids(words.tolist())[which]
        total += Confusion.of(labels.to_classes(classes), guess, len(labels))
    return float(mean_present(iou(total.sums())))


def main() -> None:
    from avs3d.simulation.world import simulate_drive

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=12)
    parser.add_argument("--windows", type=int, nargs="+", default=[1, 4, 10])
    parser.add_argument("--sensor", default=SENSOR)
    options = parser.parse_args()
    drive = simulate_drive(FIRST_SEED, options.scans, options.sensor)
    truth = [scan.category for scan, _ in drive]
    with tempfile.TemporaryDirectory(prefix="avs3d-flicker-") as name:
        root = Path(name, "root")
        write_root(root, options.scans, options.sensor)
        dataset = open_dataset(root)
        for window in options.windows:
            out = Path(name, str(window))
            began = time.perf_counter()
            command = [sys.executable, "-m", "avs3d", "run", str(root), "--out", str(out)]
            more = ["--window", str(window), "--write", "npz", "--quiet"]
            subprocess.run([*command, *more], check=True)
            seconds = time.perf_counter() - began
            scans = list(results(dataset, out / "latest"))
            changed, count = flicker(scans)
            print(
                f"window {window:3}: {changed / count:.3f} of {count:,} points flicker,"
                f" mean IoU {mean_iou(scans, truth):.3f}, {seconds:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
