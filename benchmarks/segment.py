"""How long a person waits: `avs3d segment` of one scan, and `avs3d --help`.

    python benchmarks/segment.py [--scan FILE] [--bundle street-mini] [--threads 2]

The scan is the shipped one thinned to 35,000 points, or a file of yours. Warm: the bundle, the
text encoder and the tagger are loaded. ratio_dense = the encoding's time over the time that the
network's multiply-adds take as one large float32 matrix product in the same run. For --help the
limit is `python -c pass`.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sparse_engine import best, dense_rate, operations

import avs3d
from avs3d.pipeline import EncodedScan

SHIPPED = Path(avs3d.__file__).parent / "data" / "street.npz"
POINTS = 35_000


def load_scan(path: Path | None) -> avs3d.Scan:
    if path is not None:
        return avs3d.read(path)
    scan = avs3d.read(SHIPPED)
    rows = np.sort(np.random.default_rng(0).choice(len(scan), POINTS, replace=False))
    assert scan.intensity is not None
    return replace(
        scan, points=scan.points[rows], intensity=scan.intensity[rows], ring=None, fields={}
    )


def ideal_seconds(encoded: EncodedScan, rate: float) -> float:
    """Of the network's multiply-adds at the dense rate."""
    network = encoded.pipeline.bundle.network
    features = torch.ones(len(encoded.trunk), network.conv0p1s1.kernel.shape[1])
    with torch.inference_mode():
        flop = operations(network, encoded.level, features)
    return flop / rate


def process_seconds(*command: str) -> float:
    return best(3, lambda: subprocess.run(command, check=True, capture_output=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--scan", type=Path)
    parser.add_argument("--bundle", default="street-mini")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    scan = load_scan(args.scan)
    began = time.perf_counter()
    pipeline = avs3d.load(args.bundle)
    pipeline.segment(scan)
    cold = time.perf_counter() - began
    encode = best(5, lambda: pipeline.encode(scan))
    warm = best(5, lambda: pipeline.segment(scan))
    encoded = pipeline.encode(scan)
    result = encoded.segment()
    ideal = ideal_seconds(encoded, dense_rate(5))
    print(f"{len(scan):,} points, {len(encoded.trunk):,} voxels, {args.threads} threads")
    print(f"segment, cold  {cold:6.2f} s (loading everything included)")
    print(f"segment, warm  {warm:6.2f} s")
    print(f"encode, warm   {encode:6.2f} s   ratio_dense {encode / ideal:.2f}")
    print("  " + ", ".join(f"{k} {v:.2f}" for k, v in result.timings.items()))
    print(f"peak memory    {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:6.2f} GB")
    shown = process_seconds(sys.executable, "-m", "avs3d", "--help")
    bare = process_seconds(sys.executable, "-c", "pass")
    print(f"avs3d --help   {shown:6.2f} s   {shown / bare:.1f} x python -c pass ({bare:.2f} s)")


if __name__ == "__main__":
    main()
