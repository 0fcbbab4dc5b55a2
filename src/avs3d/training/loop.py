"""The one training loop: optimiser, schedule, averaged weights, checkpoints, a log.

Everything random in a step is drawn from `(seed, step, rank)`, so a run that was killed and
started again goes on as if nothing had happened. Under `torchrun` the gradients of all processes
are averaged (gloo or nccl); without it there is one process.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from avs3d.errors import UserError

Step = Callable[[nn.Module, np.random.Generator], tuple[Tensor, dict[str, float]]]


@dataclass(frozen=True)
class Schedule:
    """AdamW with a linear warm-up and a cosine to zero.

    Attributes:
        steps: optimiser steps.
        lr: highest learning rate.
        warmup: steps until it is reached.
        weight_decay: on matrices; vectors have none.
        clip: largest gradient norm.
        average: decay of the averaged weights, which are the result.
    """

    steps: int
    lr: float
    warmup: int = 100
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.998

    def lr_at(self, step: int) -> float:
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        done = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.lr * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def fit(
    module: nn.Module,
    step_fn: Step,
    schedule: Schedule,
    folder: Path,
    *,
    seed: int = 0,
    save_every: int = 100,
    log_every: int = 20,
) -> None:
    """Train `module` in place; it ends with the averaged weights.

    Args:
        module: on its device, in the mode it should train in.
        step_fn: gives the loss and numbers to log.
        schedule: see there.
        folder: gets `checkpoint.pt` (resumed from when there) and `log.jsonl`.
        seed: of every random choice.

    Raises:
        UserError: the checkpoint in `folder` belongs to another model or schedule.
    """
    rank, world = _process()
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    averaged = {k: v.detach().clone().float() for k, v in _floats(module).items()}
    trained = [p for p in module.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": schedule.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups)
    start = _resume(checkpoint, module, optimizer, averaged, schedule)
    began, gathered = time.perf_counter(), []
    for step in range(start, schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.lr_at(step)
        rng = np.random.default_rng([seed, step, rank])
        optimizer.zero_grad(set_to_none=True)
        loss, numbers = step_fn(module, rng)
        loss.backward()
        _average_gradients(module, world)
        nn.utils.clip_grad_norm_(module.parameters(), schedule.clip)
        optimizer.step()
        decay = min(schedule.average, (step + 1) / (step + 10))
        for key, value in _floats(module).items():
            averaged[key].lerp_(value.detach().float(), 1 - decay)
        gathered.append({"loss": float(loss.detach()), **numbers})
        last = step + 1 == schedule.steps
        if rank == 0 and ((step + 1) % log_every == 0 or last):
            rate = (step + 1 - start) / (time.perf_counter() - began)
            _log(folder / "log.jsonl", step + 1, schedule, gathered, rate)
            gathered = []
        if rank == 0 and ((step + 1) % save_every == 0 or last):
            _save(checkpoint, module, optimizer, averaged, schedule, step + 1)
    for key, value in _floats(module).items():
        value.data.copy_(averaged[key])


def _process() -> tuple[int, int]:
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def _floats(module: nn.Module) -> dict[str, Tensor]:
    return {k: v for k, v in module.state_dict(keep_vars=True).items() if v.is_floating_point()}


def _average_gradients(module: nn.Module, world: int) -> None:
    if world == 1:
        return
    parameters = [p for p in module.parameters() if p.requires_grad]
    grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
    flat = torch.cat([g.reshape(-1) for g in grads])
    dist.all_reduce(flat)
    flat /= world
    for p, part in zip(parameters, flat.split([g.numel() for g in grads]), strict=True):
        p.grad = part.view_as(p).clone()


def _save(
    path: Path,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    averaged: dict[str, Tensor],
    schedule: Schedule,
    step: int,
) -> None:
    state = {
        "step": step,
        "schedule": asdict(schedule),
        "module": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "averaged": averaged,
    }
    torch.save(state, path.with_suffix(".tmp"))
    os.replace(path.with_suffix(".tmp"), path)


def _resume(
    path: Path,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    averaged: dict[str, Tensor],
    schedule: Schedule,
) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    if state["schedule"] != asdict(schedule):
        raise UserError(f"{path} was made with another schedule; remove it to start afresh")
    try:
        module.load_state_dict(state["module"])
    except RuntimeError:
        raise UserError(f"{path} belongs to another model; remove it to start afresh") from None
    optimizer.load_state_dict(state["optimizer"])
    averaged.update(state["averaged"])
    return int(state["step"])


def _log(
    path: Path, step: int, schedule: Schedule, gathered: list[dict[str, float]], rate: float
) -> None:
    means = {k: float(np.nanmean([row[k] for row in gathered])) for k in gathered[0]}
    row = {"step": step, "of": schedule.steps, "steps_per_s": round(rate, 3)}
    row |= {k: round(v, 5) for k, v in means.items()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
