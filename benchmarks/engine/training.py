"""A training step against its own forward pass."""

from __future__ import annotations

from typing import Any

import torch
from engine.clouds import build_maps
from engine.measure import alone, peak_above, seconds

from avs3d.models.minkunet import MinkUNet
from avs3d.sparse import SparseTensor


def training(name: str, coords: torch.Tensor, threads: int, repeats: int = 3) -> dict[str, Any]:
    """Prints and returns the ratio, and the memory that a step needs."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    net = MinkUNet.variant("18A", 3, 96).train()
    x = SparseTensor(torch.ones(len(coords), 3), build_maps(coords))
    forward, whole, inference = [], [], []
    for _ in range(repeats):
        forward.append(seconds(lambda: net.trunk(x)))
        whole.append(seconds(lambda: step(net, x)))
        net.eval()
        with torch.inference_mode():
            inference.append(seconds(lambda: net.trunk(x)))
        net.train()
    ratio = min(whole) / min(forward)
    gb = alone(_peak, coords.numpy(), threads)
    report = {
        "cloud": name,
        "threads": threads,
        "ratio_step_forward": ratio,
        "ratio_step_inference": min(whole) / min(inference),
        "gb_per_100k_voxels": None if gb is None else gb / len(coords) * 1e5,
    }
    print(
        f"\ntraining step, {name}, {threads} thread(s): {ratio:.2f} x its forward pass "
        f"({report['ratio_step_inference']:.2f} x inference)"
        + ("" if gb is None else f", {report['gb_per_100k_voxels']:.1f} GB per 100,000 voxels")
    )
    return report


def step(net: MinkUNet, x: SparseTensor) -> None:
    net.zero_grad(set_to_none=True)
    net.trunk(x).features.square().mean().backward()


def _peak(coords: Any, threads: int) -> float | None:
    torch.set_num_threads(threads)
    net = MinkUNet.variant("18A", 3, 96).train()
    voxels = torch.from_numpy(coords)
    return peak_above(
        lambda: step(net, SparseTensor(torch.ones(len(voxels), 3), build_maps(voxels)))
    )
