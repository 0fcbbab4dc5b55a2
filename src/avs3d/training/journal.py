"""What a training says while it runs: a line, a row of `log.jsonl`, curves for those who look."""

from __future__ import annotations

import importlib
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.atomic import write_bytes
from avs3d.environment import peak_memory, require
from avs3d.errors import UserError

LOGGERS = ("tensorboard", "wandb")
_SILENCE = 30.0  # seconds that pass without a line


class Journal:
    """The log of one training.

    Args:
        folder: gets `log.jsonl`, and what the loggers write.
        loggers: of `LOGGERS`.
        start: the step that the run goes on from; later rows of an earlier run are dropped.
        steps: where it ends.
        quiet: no line on stderr.

    Raises:
        UserError: a logger is not installed.
    """

    def __init__(
        self, folder: Path, loggers: tuple[str, ...], start: int, steps: int, *, quiet: bool
    ) -> None:
        self._path, self._steps, self._quiet = folder / "log.jsonl", steps, quiet
        self._gathered: list[dict[str, float]] = []
        self._told = -_SILENCE
        self._writers = [_writer(name, folder, start) for name in loggers]
        if self._path.exists():
            rows = self._path.read_text("utf-8").splitlines(keepends=True)
            kept = [row for row in rows if _step(row) <= start]
            write_bytes(self._path, "".join(kept).encode())
        if start:
            self._print(f"goes on after step {start} of {steps}")

    def gather(self, numbers: dict[str, float]) -> None:
        """Numbers of one step; `write` takes their means."""
        self._gathered.append(numbers)

    def tell(self, step: int, rate: float, lr: float) -> None:
        """A line, where there was none for a while: of the first step, and where steps are long."""
        if time.monotonic() - self._told > _SILENCE:
            self._print(self._line(self._row(step, rate, lr)))

    def write(self, step: int, rate: float, lr: float) -> None:
        """A row of what was gathered since the last one.

        Args:
            step: steps done.
            rate: steps a second.
            lr: learning rate.
        """
        row = self._row(step, rate, lr)
        self._gathered = []
        self.add(row)
        self._print(self._line(row))

    def examined(self, step: int, scores: dict[str, float], best: bool) -> None:
        """A row of an exam's scores, and a line of the first of them."""
        self.add({"step": step, "of": self._steps, **scores})
        name, score = next(iter(scores.items()))
        self._print(f"exam at step {step}  {name} {score:.4f}" + (", the best so far" * best))

    def add(self, row: dict[str, Any]) -> None:
        """A row as it is."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        numbers = {k: v for k, v in row.items() if k not in ("step", "of")}
        for writer in self._writers:
            writer(numbers, row["step"])

    def _print(self, line: str) -> None:
        if not self._quiet:
            print(line, file=sys.stderr, flush=True)
            self._told = time.monotonic()

    def _row(self, step: int, rate: float, lr: float) -> dict[str, Any]:
        row: dict[str, Any] = {"step": step, "of": self._steps, "steps_per_s": round(rate, 3)}
        row |= {key: round(value, 5) for key, value in self._means().items()}
        row["lr"] = float(f"{lr:.3g}")
        return row

    def _means(self) -> dict[str, float]:
        names = dict.fromkeys(name for row in self._gathered for name in row)
        found = {}
        for name in names:
            values = [row[name] for row in self._gathered if not np.isnan(row.get(name, np.nan))]
            found[name] = float(np.mean(values)) if values else float("nan")
        return found

    def _line(self, row: dict[str, Any]) -> str:
        rate = max(row["steps_per_s"], 1e-9)
        memory = {key: value for key, value in peak_memory().items() if value is not None}
        parts = [f"step {row['step']}/{self._steps}", f"loss {row['loss']:.4f}"]
        speed = f"{rate:.2f} steps/s" if rate >= 1 else f"{1 / rate:.1f} s a step"
        parts += [f"lr {row['lr']:.2g}", speed]
        if "voxels" in row:
            parts.append(f"{row['voxels'] * rate / 1e3:.1f} k voxels/s")
        parts += [f"{key.split('_')[0]} {value / 1024:.2f} GiB" for key, value in memory.items()]
        return "  ".join([*parts, f"{duration((self._steps - row['step']) / rate)} left"])


def _step(row: str) -> float:
    """Of a row of the log; infinite where a full disk cut it off."""
    try:
        return float(json.loads(row)["step"])
    except ValueError:
        return math.inf


def duration(seconds: float) -> str:
    """``1:02:03``, days in front where there are some."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return (f"{days} d " if days else "") + f"{hour}:{minute:02}:{second:02}"


def _writer(name: str, folder: Path, start: int) -> Any:
    """A function of (numbers, step)."""
    if name == "tensorboard":
        require("training")
        from torch.utils.tensorboard import SummaryWriter

        board: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=start + 1)

        def write(numbers: dict[str, float], step: int) -> None:
            for key, value in numbers.items():
                board.add_scalar(key, value, step)
            board.flush()

        return write
    try:
        wandb = importlib.import_module("wandb")
    except ModuleNotFoundError:
        raise UserError("logger wandb: not installed: pip install wandb, or leave it out") from None
    run = wandb.init(dir=str(folder), project="avs3d", name=folder.name, resume="allow")
    return lambda numbers, step: run.log(numbers, step=step)
