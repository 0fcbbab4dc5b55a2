"""What evaluating costs: time against reading the results, and memory over a stream of scans.

    python benchmarks/evaluation.py

Scans of 100,000 points with 35 words, 16 classes, three mappers. Seconds are of the processor; the
peer is `avs3d.io.read_result` of the same scan, which nobody can do without. Memory is what Python
and numpy hold at most while the scans go by, each of which is let go.
"""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from avs3d import Scan, Segmentation, Vocabulary, labelsets
from avs3d.evaluation.evaluation import Evaluation
from avs3d.evaluation.mappers import NameMapper
from avs3d.io import read_result, write

LABELS = labelsets.load("nuscenes-16")
WORDS = (*LABELS.classes, *(f"{name} thing" for name in LABELS.classes), "sky", "elk", "fog")
POINTS = 100_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "scan.npz")
        rng = np.random.default_rng(0)
        made = Segmentation(
            Scan(rng.normal(0, 20, (POINTS, 3))), rng.integers(0, len(WORDS), POINTS),
            np.ones(POINTS), Vocabulary(WORDS), "none", cosine=rng.uniform(0, 1, POINTS),
        )  # fmt: skip
        write(made, path)
        truth = rng.integers(0, len(LABELS), POINTS).astype(np.uint8)
        reading, counting = _seconds(path, truth)
        print(f"reading {reading:.4f} s, counting {counting:.4f} s: {counting / reading:.2f}")
        for scans in (10, 100, 1000):
            print(f"{scans:5} scans: at most {_peak(path, truth, scans):6.2f} MiB")


def _seconds(path: Path, truth: np.ndarray) -> tuple[float, float]:
    found = Evaluation(LABELS, [NameMapper()] * 3)
    times = np.zeros(2)
    for number in range(20):
        began = time.process_time()
        result = read_result(path)
        between = time.process_time()
        found.add(f"{number}", result, truth, {})
        times += between - began, time.process_time() - between
    return times[0] / 20, times[1] / 20


def _peak(path: Path, truth: np.ndarray, scans: int) -> float:
    found = Evaluation(LABELS, [NameMapper()] * 3)
    result = read_result(path)
    tracemalloc.start()
    for number in range(scans):
        found.add(f"{number}", result, truth, {})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / (1 << 20)


if __name__ == "__main__":
    main()
