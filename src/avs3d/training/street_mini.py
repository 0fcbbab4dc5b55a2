"""The packaged bundle, from nothing but a seed: simulate, train, caption, pack.

Every stage keeps its progress in the folder; the same command goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from avs3d.bundle import BundleConfig, NetworkConfig, PoolingConfig
from avs3d.models.minkunet import MinkUNet
from avs3d.models.smap import SparseMaskedAttentionPooling
from avs3d.simulation.dataset import generate
from avs3d.text import load_text_encoder
from avs3d.training.loop import Schedule
from avs3d.training.network import category_iou, train_network
from avs3d.training.pooling import train_pooling
from avs3d.training.samples import SampleMaker

PROMPT = "a {word}"
TEXT_ENCODER = "minilm"
VOXEL_SIZE = 0.15
INPUTS = ("one", "height", "distance", "intensity", "has_intensity")
NETWORK = NetworkConfig(
    in_channels=len(INPUTS),
    out_channels=384,
    planes=(32, 64, 96, 160, 128, 96, 64, 64),
    layers=(1,) * 8,
    stem=32,
    stem_kernel=3,
)
POOLING = PoolingConfig(in_channels=384, channels=96, out_channels=384)


@dataclass(frozen=True)
class Recipe:
    """How much of everything.

    Attributes:
        scans: simulated for training; `validation` more, of other seeds, for the scores.
        network: schedule of the 3D network.
        pooling: schedule of SMAP.
    """

    scans: int = 3000
    validation: int = 40
    network: Schedule = Schedule(steps=3000, lr=3e-3, warmup=150)
    pooling: Schedule = Schedule(steps=700, lr=2e-3, warmup=50)


def embedder(prompt: str) -> Callable[[list[str]], np.ndarray]:
    """Embeds words or sentences with the bundle's text encoder; ``{word}`` stands for the text."""
    encoder = load_text_encoder(TEXT_ENCODER)
    return lambda texts: encoder.encode([prompt.replace("{word}", text) for text in texts])


def train(folder: Path, recipe: Recipe | None = None, *, seed: int = 0, processes: int = 1) -> Path:
    """Everything from simulation to the finished bundle.

    Args:
        folder: of all intermediate results.
        recipe: how much of everything.
        seed: of every random choice.
        processes: train with this many single-threaded processes whose gradients are averaged,
            or, when 1, with one process on all of torch's threads.

    Returns:
        The bundle's folder.
    """
    recipe = recipe or Recipe()
    generate(folder / "scans", recipe.scans, start_seed=seed + 1_000_000, workers=processes)
    generate(folder / "validation", recipe.validation, start_seed=seed, workers=processes)
    _in_processes(_network_stage, processes, folder, recipe, seed)
    _in_processes(_pooling_stage, processes, folder, recipe, seed)
    return folder


def _network_stage(folder: Path, recipe: Recipe, seed: int) -> None:
    torch.manual_seed(seed)
    network = MinkUNet(**NETWORK.model_dump())
    train_network(
        network, _samples(folder / "scans"), embedder(PROMPT), recipe.network, folder / "network",
        seed=seed,
    )  # fmt: skip
    if _is_first():
        torch.save(network.state_dict(), folder / "network" / "averaged.pt")


def _pooling_stage(folder: Path, recipe: Recipe, seed: int) -> None:
    network = MinkUNet(**NETWORK.model_dump())
    network.load_state_dict(torch.load(folder / "network" / "averaged.pt", weights_only=True))
    torch.manual_seed(seed)
    pooling = SparseMaskedAttentionPooling(**POOLING.model_dump())
    train_pooling(
        pooling, network.eval(), _samples(folder / "scans"), embedder("{word}"), recipe.pooling,
        folder / "pooling", seed=seed,
    )  # fmt: skip
    if _is_first():
        torch.save(pooling.state_dict(), folder / "pooling" / "averaged.pt")


def _samples(folder: Path, *, augment: bool = True) -> SampleMaker:
    return SampleMaker(sorted(folder.glob("scan_*.npz")), INPUTS, VOXEL_SIZE, augment=augment)


def _is_first() -> bool:
    return not dist.is_initialized() or dist.get_rank() == 0


def _in_processes(
    stage: Callable[[Path, Recipe, int], None],
    processes: int,
    folder: Path,
    recipe: Recipe,
    seed: int,
) -> None:
    if processes == 1:
        stage(folder, recipe, seed)
        return
    meeting = folder / f"{stage.__name__}.rendezvous"
    meeting.unlink(missing_ok=True)
    mp.spawn(
        _ranked, (processes, meeting, stage, folder, recipe, seed), nprocs=processes, join=True
    )


def _ranked(
    rank: int,
    world: int,
    meeting: Path,
    stage: Callable[[Path, Recipe, int], None],
    folder: Path,
    recipe: Recipe,
    seed: int,
) -> None:
    torch.set_num_threads(1)
    address = f"file://{meeting.absolute()}"
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=world)
    stage(folder, recipe, seed)
    dist.destroy_process_group()
