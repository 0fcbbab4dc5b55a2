"""What a training says while it runs: a line, a row of `log.jsonl`, curves for those who look."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.atomic import write_bytes
from avs3d.environment import peak_memory, require
from avs3d.errors import UserError

LOGGERS = ("tensorboard", "wandb")


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
        self._writers = [_writer(name, folder, start) for name in loggers]
        if self._path.exists():
            rows = self._path.read_text("utf-8").splitlines(keepends=True)
            kept = [row for row in rows if json.loads(row)["step"] <= start]
            write_bytes(self._path, "".join(kept).encode())

    def gather(self, numbers: dict[str, float]) -> None:
        """Numbers of one step; `write` takes their means."""
        self._gathered.append(numbers)

    def write(self, step: int, rate: float, lr: float) -> None:
        """A row of what was gathered since the last one.

        Args:
            step: steps done.
            rate: steps a second.
            lr: learning rate.
        """
        row: dict[str, Any] = {"step": step, "of": self._steps, "steps_per_s": round(rate, 3)}
        row |= {key: round(value, 5) for key, value in self._means().items()}
        row["lr"] = float(f"{lr:.3g}")
        self._gathered = []
        self.add(row)
        if not self._quiet:
            print(self._line(row), file=sys.stderr, flush=True)

    def add(self, row: dict[str, Any]) -> None:
        """A row as it is."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        numbers = {k: v for k, v in row.items() if k not in ("step", "of")}
        for writer in self._writers:
            writer(numbers, row["step"])

    def _means(self) -> dict[str, float]:
        names = dict.fromkeys(name for row in self._gathered for name in row)
        found = {}
        for name in names:
            values = [row[name] for row in self._gathered if not np.isnan(row.get(name, np.nan))]
            found[name] = float(np.mean(values)) if values else float("nan")
        return found

    def _line(self, row: dict[str, Any]) -> str:
        left = (self._steps - row["step"]) / max(row["steps_per_s"], 1e-9)
        memory = {key: value for key, value in peak_memory().items() if value is not None}
        parts = [f"step {row['step']}/{self._steps}", f"loss {row['loss']:.4f}"]
        parts += [f"lr {row['lr']:.2g}", f"{row['steps_per_s']:.2f} steps/s"]
        if "voxels" in row:
            parts.append(f"{row['voxels'] * row['steps_per_s'] / 1e3:.1f} k voxels/s")
        parts += [f"{key.split('_')[0]} {value / 1024:.2f} GiB" for key, value in memory.items()]
        return "  ".join([*parts, f"{duration(left)} left"])


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
