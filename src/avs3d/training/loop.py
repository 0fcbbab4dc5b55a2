"""The one training loop: optimiser, schedule, averaged weights, checkpoints, a log.

Everything random in a step is drawn from `(seed, step)` and the process, so that a step's number is
all the state that sampling has, and a run that was killed and started again goes on as if nothing
had happened. Under ``torchrun`` the gradients of all processes are averaged (gloo or nccl).

It stands on torch alone. Lightning Fabric and accelerate were looked at: both wrap the network in
`DistributedDataParallel` (see `processes` for why that does not fit), save a checkpoint as a folder
of files that is not whole when a run is killed meanwhile, and restore the generators of a sampler
where there is nothing to restore here. What would be left to them is `torch.autocast` and starting
a logger, a line each.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from avs3d.atomic import remove_leftovers
from avs3d.errors import UserError
from avs3d.io.source import show
from avs3d.training import checkpoints
from avs3d.training.journal import Journal
from avs3d.training.processes import agreed, averaged, place, share_step
from avs3d.training.settings import Settings
from avs3d.workers import end_with_parent

CHECKPOINT, BEST = "checkpoint.pt", "best.pt"

Step = Callable[[Any, Any], tuple[Tensor, dict[str, float]]]
"""From a module and a part of a step's batch: its loss, and numbers to log."""
Exam = Callable[[Any], dict[str, float]]
"""Scores of a module in eval mode; the first says which is best, more is better."""


class Schedule(Settings):
    """An optimiser with a linear warm-up and a decay to zero.

    Attributes:
        steps: optimiser steps.
        lr: highest learning rate.
        warmup: steps until it is reached.
        optimizer: ``adamw``, or ``adam`` as published.
        decay: ``cosine``, ``poly`` as published, or none.
        power: of ``poly``.
        weight_decay: on parameters of two and more axes; vectors have none.
        clip: largest gradient norm.
        average: decay of the averaged weights (EMA), which are the result; 0: the last weights.
        accumulate: backward passes of a step at least (more where scenes are large).
        precision: ``bf16``: products in bfloat16, weights in float32.
        evaluate_every: steps between two exams; 0: none.
        patience: exams without a better score that end a run; 0: never.
    """

    steps: int = Field(gt=0)
    lr: float = Field(gt=0)
    warmup: int = Field(default=100, ge=0)
    optimizer: Literal["adamw", "adam"] = "adamw"
    decay: Literal["cosine", "poly", "none"] = "cosine"
    power: float = Field(default=0.9, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0)
    average: float = Field(default=0.998, ge=0, lt=1)
    accumulate: int = Field(default=1, gt=0)
    precision: Literal["fp32", "bf16"] = "fp32"
    evaluate_every: int = Field(default=0, ge=0)
    patience: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _examined(self) -> Schedule:
        if self.patience and not self.evaluate_every:
            raise ValueError("patience counts exams; set evaluate_every, the steps between two")
        return self

    def autocast(self, device: torch.device) -> torch.autocast:
        """The context of a forward pass."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def lr_at(self, step: int) -> float:
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        done = min((step - self.warmup) / max(self.steps - self.warmup, 1), 1.0)
        if self.decay == "poly":
            return self.lr * (1 - done) ** self.power
        return self.lr * (0.5 * (1 + math.cos(math.pi * done)) if self.decay == "cosine" else 1)


class Source(Protocol):
    """Where batches come from; can be pickled."""

    def __call__(self, step: int, rank: int, world: int) -> list[tuple[float, Any]]:
        """What a process does in a step: parts, each with its share of the loss."""
        ...


@dataclass(frozen=True)
class Draws:
    """A generator for each part: for steps that draw from what is in memory."""

    seed: int
    parts: int = 1

    def __call__(self, step: int, rank: int, world: int) -> list[tuple[float, Any]]:
        keys = [[self.seed, step, rank, *([part] if part else [])] for part in range(self.parts)]
        return [(1 / self.parts, np.random.default_rng(key)) for key in keys]


@dataclass(frozen=True)
class Habits:
    """What of a run shows in no weight.

    Attributes:
        workers: processes that make batches ahead of the steps; 0: none.
        loggers: of `journal.LOGGERS`.
        save_every, log_every: steps.
        quiet: no line on stderr.
    """

    workers: int = 0
    loggers: tuple[str, ...] = ()
    save_every: int = 100
    log_every: int = 20
    quiet: bool = True


def fit(
    module: nn.Module,
    step_fn: Step,
    schedule: Schedule,
    folder: Path,
    *,
    seed: int = 0,
    source: Source | None = None,
    exam: Exam | None = None,
    habits: Habits | None = None,
) -> None:
    """Train `module` in place; it ends with the averaged weights, the best ones of all exams.

    Args:
        module: on its device, in the mode it should train in.
        step_fn: gives the loss of a part of a batch and numbers to log.
        schedule: see there.
        folder: gets `checkpoint.pt` (resumed from when there), `best.pt` and `log.jsonl`.
        seed: of every random choice of `Draws`, and of dropout.
        source: of batches; `Draws` when None.
        exam: made every `Schedule.evaluate_every` steps, of the averaged weights.
        habits: see there.

    Raises:
        UserError: the checkpoint in `folder` belongs to another model or schedule; the loss is not
            finite; the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(module, schedule, folder, seed)
    run.resume()
    habits = habits or Habits()
    rank, _ = place()
    journal = None
    if rank == 0:
        remove_leftovers(folder)
        journal = Journal(
            folder, habits.loggers, run.step, schedule.steps, quiet=habits.quiet
        )  # fmt: skip
    source = source or Draws(seed, schedule.accumulate)
    began, first, mark = time.perf_counter(), run.step, time.perf_counter()
    for parts in _batches(source, run.step, schedule.steps, habits.workers):
        if run.stopped:
            break
        waited = time.perf_counter() - mark
        numbers = run.advance(step_fn, parts)
        now = time.perf_counter()
        last = run.step == schedule.steps
        if journal is not None:
            journal.gather({**numbers, "data": waited / max(now - mark, 1e-9)})
            say = journal.write if run.step % habits.log_every == 0 or last else journal.tell
            say(run.step, (run.step - first) / (now - began), run.lr)
        if exam and schedule.evaluate_every and (run.step % schedule.evaluate_every == 0 or last):
            scores = run.examine(exam)
            if journal is not None:
                journal.examined(run.step, scores, run.waits == 0)
        if rank == 0 and (run.step % habits.save_every == 0 or last or run.stopped):
            run.save()
        mark = time.perf_counter()
    run.finish()


class _Run:
    """A training between two of its steps."""

    def __init__(self, module: nn.Module, schedule: Schedule, folder: Path, seed: int) -> None:
        self.module, self.schedule, self.folder, self._seed = module, schedule, folder, seed
        self.averaged = {k: v.detach().clone().float() for k, v in _floats(module).items()}
        trained = [p for p in module.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": schedule.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        kind = torch.optim.AdamW if schedule.optimizer == "adamw" else torch.optim.Adam
        self.optimizer = kind([group for group in groups if group["params"]])
        self.step, self.best, self.waits, self.stopped = 0, -math.inf, 0, False
        self._device = next(module.parameters()).device

    @property
    def lr(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def advance(self, step_fn: Step, parts: list[tuple[float, Any]]) -> dict[str, float]:
        """One step of the optimiser; gives the loss and numbers of the batch."""
        schedule = self.schedule
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.lr_at(self.step)
        self.optimizer.zero_grad(set_to_none=True)
        chance = np.random.SeedSequence([self._seed, self.step, place()[0]])
        torch.manual_seed(int(chance.generate_state(1)[0]))  # of dropout
        total: dict[str, float] = {"loss": 0.0}
        for share, part in parts:
            with schedule.autocast(self._device):
                found, numbers = step_fn(self.module, part)
            (found * share).backward()
            total["loss"] += share * float(found.detach())
            for key, value in numbers.items():  # counts are summed, the rest is a mean
                total[key] = total.get(key, 0.0) + (value if key == "voxels" else share * value)
        total["loss"] = averaged(total["loss"])
        share_step(self.module)
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), schedule.clip)
        if not math.isfinite(total["loss"]) or not torch.isfinite(norm):
            self._give_up(total["loss"], [part for _, part in parts])
        self.optimizer.step()
        self.step += 1
        decay = min(schedule.average, self.step / (self.step + 9))
        for key, weight in _floats(self.module).items():
            self.averaged[key].lerp_(weight.detach().float(), 1 - decay)
        return total

    def examine(self, exam: Exam) -> dict[str, float]:
        """Scores of the averaged weights; keeps the best, and says when to stop."""
        scores = agreed(self._examined(exam) if place()[0] == 0 else None)
        score = next(iter(scores.values()))
        self.waits = 0 if score > self.best else self.waits + 1
        if score > self.best:
            self.best = score
            if place()[0] == 0:
                checkpoints.save(self.folder / BEST, {"step": self.step, "weights": self.averaged})
        self.stopped = 0 < self.schedule.patience <= self.waits
        return scores

    def _examined(self, exam: Exam) -> dict[str, float]:
        modes = {part: part.training for part in self.module.modules()}
        own = {key: value.detach().clone() for key, value in _floats(self.module).items()}
        _put(self.module, self.averaged)
        self.module.eval()
        with torch.no_grad():
            scores = exam(self.module)
        _put(self.module, own)
        for part, mode in modes.items():
            part.training = mode
        return scores

    def finish(self) -> None:
        """Put the result into the module."""
        best = self.folder / BEST
        if self.best > -math.inf and best.exists():
            self.averaged = checkpoints.torch_load(best)["weights"]
        _put(self.module, self.averaged)

    def save(self) -> None:
        checkpoints.save(
            self.folder / CHECKPOINT,
            {
                "step": self.step,
                "schedule": self.schedule.model_dump(),
                "module": self.module.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "averaged": self.averaged,
                "exams": {"best": self.best, "waits": self.waits, "stopped": self.stopped},
            },
        )

    def resume(self) -> None:
        state = checkpoints.load(self.folder / CHECKPOINT, self.module, self.schedule.model_dump())
        if state is None:
            return
        self.optimizer.load_state_dict(state["optimizer"])
        self.averaged = {k: v.to(self._device) for k, v in state["averaged"].items()}
        exams = state["exams"]
        self.best, self.waits, self.stopped = exams["best"], exams["waits"], exams["stopped"]
        self.step = state["step"]

    def _give_up(self, loss: float, parts: list[Any]) -> None:
        place_of = self.folder / f"not-finite-{place()[0]}.pt"
        plain: list[Any] = [part.plain() for part in parts if hasattr(part, "plain")]
        checkpoints.save(place_of, {"step": self.step + 1, "parts": plain})
        raise UserError(
            f"step {self.step + 1}: the loss is {loss} or its gradient is not finite; its batch is"
            f" in {show(place_of)}, the last checkpoint is intact: look at the data, lower"
            " schedule.lr or schedule.clip, or use fp32"
        )


class _Steps(Dataset[Any]):
    """A batch a step, or what is wrong with the data: a worker that raised would print a
    traceback."""

    def __init__(self, source: Source) -> None:
        self._source, self._place = source, place()

    def __getitem__(self, step: int) -> list[tuple[float, Any]] | UserError:
        try:
            return self._source(step, *self._place)
        except UserError as error:
            return error


def _batches(
    source: Source, start: int, end: int, workers: int
) -> Iterator[list[tuple[float, Any]]]:
    """Of each step, in their order; made ahead by `workers`, which end with this process."""
    made = DataLoader(
        _Steps(source), batch_size=None, sampler=range(start, end), num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=2 if workers else None, worker_init_fn=_begin_worker,
    )  # fmt: skip
    for parts in made:
        if isinstance(parts, UserError):
            raise parts
        yield parts


def _begin_worker(number: int) -> None:
    """PyTorch's own watch misses a parent that was killed while the worker began."""
    end_with_parent()


def _floats(module: nn.Module) -> dict[str, Tensor]:
    return {k: v for k, v in module.state_dict(keep_vars=True).items() if v.is_floating_point()}


def _put(module: nn.Module, values: dict[str, Tensor]) -> None:
    for key, value in _floats(module).items():
        value.data.copy_(values[key])
