"""How time and memory grow with the number of voxels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from engine.clouds import build_maps, copies
from engine.measure import alone, best, peak_above, touch_memory

from avs3d.models.minkunet import MinkUNet
from avs3d.sparse import SparseTensor

SIZES = (10_000, 30_000, 100_000, 300_000)
LONG = (*SIZES, 1_000_000, 3_000_000)


def growth(coords: torch.Tensor, threads: int, long: bool) -> dict[str, Any]:
    """Prints and returns seconds, GB and the exponents of both in the number of voxels.

    The clouds are copies of one scan as a batch. The last layer is left out: 3 million rows of 768
    would be 9 GB whatever the engine does.
    """
    rows = []
    print(f"\n{'voxels':>10}{'s':>9}{'us/voxel':>10}{'GB':>8}{'KB/voxel':>10}")
    for voxels in LONG if long else SIZES:
        batch = copies(coords, voxels)
        taken, gb = alone(_measure, batch.numpy(), threads)
        rows.append({"voxels": voxels, "seconds": taken, "gb": gb})
        print(
            f"{voxels:10,}{taken:9.2f}{1e6 * taken / voxels:10.1f}"
            + ("" if gb is None else f"{gb:8.2f}{1e6 * gb / voxels:10.1f}"),
            flush=True,
        )
    report: dict[str, Any] = {"threads": threads, "sizes": rows}
    report["time_exponent"] = _exponent([(row["voxels"], row["seconds"]) for row in rows])
    if rows[0]["gb"] is not None:
        report["memory_exponent"] = _exponent([(row["voxels"], row["gb"]) for row in rows])
    print(
        "exponent: "
        + ", ".join(f"{k.split('_')[0]} {v:.2f}" for k, v in report.items() if "_" in k)
    )
    return report


def _measure(coords: Any, threads: int) -> tuple[float, float | None]:
    torch.set_num_threads(threads)
    net, voxels = MinkUNet.variant("18A", 3, 96).eval(), torch.from_numpy(coords)

    @torch.inference_mode()
    def call() -> None:
        net.trunk(SparseTensor(torch.ones(len(voxels), 3), build_maps(voxels)))

    gb = peak_above(call)
    touch_memory(2000 * len(voxels))
    return best(1 if len(voxels) > 500_000 else 3, call), gb


def _exponent(points: list[tuple[float, float]]) -> float:
    """Slope of the least-squares line through the logarithms."""
    return float(np.polyfit(*np.log(points).T, 1)[0])
