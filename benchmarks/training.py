"""What a training costs: `python benchmarks/training.py [SCENES]`.

- whether making batches hides behind computing, at batch 2 with 2 workers (bar: at least 95 % of
  the time of a step is spent in forward, backward and optimiser);
- forward, backward and optimiser step against the forward pass alone (bar: at most 3.2);
- memory of a step of MinkUNet18A per 100,000 voxels;
- voxels a second, on CUDA where there is one.

SCENES is a folder of scene folders; without it, 24 small scenes are made.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from engine.clouds import build_maps, coordinates
from engine.measure import alone, peak_above, seconds
from learning.yards import make

from avs3d.models.minkunet import MinkUNet
from avs3d.simulation import simulate
from avs3d.sparse import SparseTensor
from avs3d.training.distill import Distillation, DistillSettings
from avs3d.training.loop import _batches

STEPS = 12


def settings(scenes: Path) -> DistillSettings:
    return DistillSettings.model_validate(
        {
            "scenes": str(scenes), "classes": ["ground", "car", "tree", "building"],
            "text_encoder": "minilm", "batch": 2, "workers": 2,
            "network": {"kind": "MinkUNet18A", "inputs": ["one", "one", "one"], "dim": 384,
                        "voxel_size": 0.1},
            "augmentation": {"yaw": 180, "flip": 0.5, "jitter": 0.01, "dropout": 0.2},
            "schedule": {"steps": STEPS, "lr": 1e-3},
        }
    )  # fmt: skip


def loading(scenes: Path) -> None:
    training = Distillation(settings(scenes))
    training.module.train()
    optimizer = torch.optim.Adam(training.module.parameters())
    waited = worked = 0.0
    mark = time.perf_counter()
    for number, parts in enumerate(_batches(training.source, 0, STEPS, 2)):
        ready = time.perf_counter()
        for _, part in parts:
            loss, _ = training.step(training.module, part)
            loss.backward()
        optimizer.step()
        done = time.perf_counter()
        if number >= 2:  # the workers start
            waited, worked = waited + ready - mark, worked + done - ready
        mark = time.perf_counter()
    print(f"data loading: {worked / (worked + waited):.1%} of the time of a step is computing")


def step_ratio(device: torch.device) -> None:
    coords = coordinates(simulate(7, "kitti-64").points, 0.1)
    torch.manual_seed(0)
    net = MinkUNet.variant("18A", 3, 384).train().to(device)
    optimizer = torch.optim.Adam(net.parameters())
    x = SparseTensor(torch.ones(len(coords), 3, device=device), build_maps(coords.to(device)))

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        net.trunk(x).features.square().mean().backward()
        optimizer.step()

    def timed(call: Callable[[], object]) -> float:
        def done() -> None:
            call()
            if device.type == "cuda":
                torch.cuda.synchronize()  # a call only starts the work there

        return seconds(done)

    forward, whole = [], []
    for _ in range(3):
        forward.append(timed(lambda: net.trunk(x)))
        whole.append(timed(step))
    rate = len(coords) / min(whole)
    print(
        f"step: {min(whole) / min(forward):.2f} x its forward pass, {len(coords):,} voxels,"
        f" {rate / 1e3:.1f} k voxels/s on {device}"
    )
    if device.type == "cuda":
        print(f"memory: {torch.cuda.max_memory_allocated() / len(coords) * 1e5 / 2**30:.2f} GiB"
              " per 100,000 voxels")  # fmt: skip
    else:
        gb = alone(_peak, coords.numpy())
        if gb is not None:
            print(f"memory: {gb / len(coords) * 1e5:.2f} GB per 100,000 voxels of MinkUNet18A")


def _peak(coords: np.ndarray) -> float | None:
    torch.set_num_threads(1)
    voxels = torch.from_numpy(coords)
    net = MinkUNet.variant("18A", 3, 384).train()
    optimizer = torch.optim.Adam(net.parameters())

    def step() -> None:
        x = SparseTensor(torch.ones(len(voxels), 3), build_maps(voxels))
        net.trunk(x).features.square().mean().backward()
        optimizer.step()

    return peak_above(step)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), 24, 0)
        loading(Path(sys.argv[1] if len(sys.argv) > 1 else folder))
    step_ratio(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
