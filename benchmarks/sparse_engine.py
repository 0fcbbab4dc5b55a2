"""The sparse engine against the dense limit of this machine.

    python benchmarks/sparse_engine.py [--threads 1] [--repeats 3] [--json FILE]

MinkUNet18A with 768 outputs in float32. ratio_dense = its time, kernel maps included, over the
time that the same multiply-adds take as one large float32 matrix product in the same run: 1.0 is
the limit. Maps: share of the time that building kernel maps takes. Absolute times of a shared
machine mean nothing; ratios do.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import avs3d
from avs3d.models.minkunet import MinkUNet
from avs3d.simulation import simulate
from avs3d.sparse import (
    Level,
    PointwiseConv,
    SparseTensor,
    StridedConv,
    SubmanifoldConv,
    TransposedConv,
    voxelize,
)

SIZE = 2048


def clouds(data: Path) -> dict[str, tuple[np.ndarray, float]]:
    """Name -> points and voxel size; the real scans where they are, and a simulated one."""
    found = {"simulated, 0.05 m": (simulate(7, "kitti-64").points, 0.05)}
    for name, pattern, sizes in (
        ("nuScenes", "nuscenes_sample/*.pcd.bin", (0.05,)),
        ("SemanticKITTI", "semantickitti/sequences/*/velodyne/*.bin", (0.1, 0.05)),
    ):
        for file in sorted(data.glob(pattern))[:1]:
            for size in sizes:
                found[f"{name}, {size} m"] = (avs3d.read(file).points, size)
    return found


def best(repeats: int, call: Callable[[], object]) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def dense_rate(repeats: int) -> float:
    """Multiply-adds x 2 per second of one large float32 matrix product."""
    a, b = torch.randn(SIZE, SIZE), torch.randn(SIZE, SIZE)
    return 2 * SIZE**3 / best(repeats + 2, lambda: torch.mm(a, b))


def build_maps(coords: torch.Tensor) -> Level:
    level = finest = Level(coords)
    finest.neighbours(5)
    for _ in range(4):
        level.neighbours(3)
        level = level.coarser
    level.neighbours(3)
    return finest


def operations(network: MinkUNet, level: Level, features: torch.Tensor) -> float:
    """Multiply-adds x 2 of the trunk over the real pairs of the kernel maps."""
    total = 0.0

    def count(module: torch.nn.Module, inputs: tuple[SparseTensor], out: SparseTensor) -> None:
        nonlocal total
        if isinstance(module, SubmanifoldConv):
            pairs = inputs[0].level.neighbours(module.kernel_size).n_pairs
        elif isinstance(module, StridedConv):
            pairs = len(inputs[0].level)
        else:  # transposed or pointwise: one pair per output row
            pairs = len(out.level)
        total += 2.0 * pairs * module.kernel.shape[-2] * module.kernel.shape[-1]

    convolutions = (SubmanifoldConv, StridedConv, TransposedConv, PointwiseConv)
    hooks = [
        module.register_forward_hook(count)
        for module in network.modules()
        if isinstance(module, convolutions)
    ]
    network.trunk(SparseTensor(features, level))
    for hook in hooks:
        hook.remove()
    return total


@torch.inference_mode()
def measure(points: np.ndarray, size: float, repeats: int) -> dict[str, float]:
    network = MinkUNet.variant("18A", 3, 768).eval()
    voxels = voxelize(points, size).coords
    coords = torch.cat([torch.zeros(len(voxels), 1, dtype=torch.long), voxels], 1)
    features = torch.ones(len(coords), 3)
    flop = operations(network, build_maps(coords), features)
    flop += 2.0 * len(coords) * network.final.kernel.numel()
    rate = dense_rate(repeats)
    maps = best(repeats, lambda: build_maps(coords))
    whole = best(
        repeats, lambda: network.final(network.trunk(SparseTensor(features, build_maps(coords))))
    )
    return {
        "voxels": len(coords),
        "gflop": flop / 1e9,
        "dense_gflops": rate / 1e9,
        "seconds": whole,
        "ratio_dense": whole / (flop / rate),
        "maps_share": maps / whole,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    root = Path(__file__).resolve().parents[1]
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows = {}
    print(f"{'cloud':25}{'voxels':>8}{'GFLOP':>8}{'s':>7}{'ratio_dense':>13}{'maps':>7}{'GB':>6}")
    for name, (points, size) in clouds(args.data).items():
        row = rows[name] = measure(points, size, args.repeats)
        print(
            f"{name:25}{row['voxels']:8.0f}{row['gflop']:8.1f}{row['seconds']:7.2f}"
            f"{row['ratio_dense']:13.2f}{row['maps_share']:7.1%}{row['peak_gb']:6.2f}"
        )
    if args.json:
        args.json.write_text(json.dumps({"threads": args.threads, **rows}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
