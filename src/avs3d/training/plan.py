"""What a training will take, before it starts: shapes, memory, time, and what its batch means."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from torch import nn

from avs3d.environment import peak_memory
from avs3d.training.common import RunSettings, SceneSettings
from avs3d.training.journal import duration
from avs3d.training.loop import Step
from avs3d.training.processes import place

_STEPS = 3  # measured; the first of them warms up
_COPIES = 4  # of the weights: themselves, gradients, two moments
_BYTES = 4


def plan(module: nn.Module, step: Step, source: Any, settings: RunSettings) -> Iterator[str]:
    """Lines about a training, made by doing its first steps without keeping anything.

    Args:
        module, step, source: as `fit` gets them.
        settings: of the training.
    """
    schedule = settings.schedule
    trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
    every = sum(p.numel() for p in module.parameters())
    yield f"parameters    {every:,}, {trained:,} of them trained"
    if isinstance(settings, SceneSettings):
        yield from batch_lines(settings, source)
    seconds, waited = [], []
    for number in range(_STEPS):
        start = time.perf_counter()
        parts = source(number, *place())
        loaded = time.perf_counter()
        for share, part in parts:
            with schedule.autocast(next(module.parameters()).device):
                loss, numbers = step(module, part)
            (loss * share).backward()
            if number == 0:
                told = ", ".join(f"{k} {v:,.4g}" for k, v in numbers.items())
                yield f"a pass        {_shapes(part)}{told}, loss {float(loss.detach()):.4f}"
        module.zero_grad(set_to_none=True)
        waited.append(loaded - start)
        seconds.append(time.perf_counter() - start)
    weights = trained * _COPIES * _BYTES / 2**30
    memory = [
        f"{value / 1024:.2f} GiB ({key.split('_')[0]})"
        for key, value in peak_memory().items()
        if value is not None
    ]
    yield f"memory        {', '.join(memory)} so far, optimiser and averages {weights:.2f} GiB more"
    each = min(seconds[1:])
    yield (
        f"time          {each:.2f} s a step, {min(waited[1:]) / each:.0%} of it to make the batch"
        f" (workers do that beside); {schedule.steps:,} steps: about"
        f" {duration(each * schedule.steps)}"
    )


def batch_lines(settings: SceneSettings, source: Any) -> Iterator[str]:
    """What the batch and the rate of a schedule come to here."""
    schedule = settings.schedule
    if settings.simulated is not None:
        return
    scenes, batch = len(source.scenes), settings.effective_batch
    epochs = schedule.steps * batch / scenes
    yield f"scenes        {scenes:,}, {epochs:.1f} times each"
    yield (
        f"batch         {batch} scenes a step: {settings.batch} at a time x"
        f" {schedule.accumulate} passes x {place()[1]} processes; at most"
        f" {settings.max_voxels:,} voxels in memory together"
    )
    yield (
        f"rate          {schedule.lr:.3g} at most, {schedule.lr / batch:.3g} a scene"
        f" ({schedule.optimizer}, {schedule.decay}); twice the batch usually gets twice the"
        " rate and half the steps"
    )


def _shapes(part: Any) -> str:
    x = getattr(part, "x", None)
    if x is None:
        return ""
    shapes = {"inputs": x.features.shape, "targets": part.target.shape, "views": part.views.shape}
    told = ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items() if shape[-1])
    return f"{told}, "
