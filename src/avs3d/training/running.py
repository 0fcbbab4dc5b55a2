"""A training from its settings to its bundle, in one process or several."""

from __future__ import annotations

import contextlib
import errno
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from avs3d.atomic import write_json
from avs3d.errors import UserError, first_line, is_out_of_memory
from avs3d.io.source import show
from avs3d.lock import locked
from avs3d.published.texts import read_json
from avs3d.training.common import SceneSettings
from avs3d.training.export import FOLDER
from avs3d.training.loop import Step
from avs3d.training.plan import batch_lines, plan
from avs3d.training.processes import in_processes, is_first, join_torchrun, place
from avs3d.training.settings import Settings

SETTINGS = "settings.json"
HABITS = {"workers", "loggers", "save_every", "log_every"}
"""Settings on which no result hangs."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


class Training(Protocol):
    """What the three trainings have."""

    settings: Any
    module: nn.Module
    source: Any

    @property
    def step(self) -> Step:
        """Of the loop."""

    def data(self, *, sizes: bool = True) -> str:
        """A hash of what is learned from; without `sizes`, files of scenes may be mended."""

    def to(self, device: torch.device) -> None:
        """Bring everything to a device."""

    def train(self, folder: Path, *, quiet: bool = False) -> None: ...
    def export(self, folder: Path) -> Path: ...


def run(
    make: Callable[[Any, int], Training], settings: Settings, folder: Path, *, overfit: int,
    processes: int, device: torch.device, quiet: bool,
) -> Path:  # fmt: skip
    """Train and write the bundle; gives its folder.

    Args:
        make: a training of settings and of how many scenes it learns by heart.
        folder: of checkpoints, logs and the bundle.
        processes: here, a thread each; under ``torchrun`` it says how many there are.

    Raises:
        UserError: see `fit`, or the folder is that of another training.
    """
    join_torchrun()
    with locked(folder) if is_first() else contextlib.nullcontext():
        meeting = folder / "rendezvous"
        in_processes(_trained, processes, meeting, make, settings, folder, overfit, device, quiet)
    return folder / FOLDER


def told(
    make: Callable[[Any, int], Training], settings: Any, *, overfit: int, processes: int,
    device: torch.device,
) -> None:  # fmt: skip
    """Print what `run` would take."""
    join_torchrun()
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "rendezvous"
        in_processes(_planned, processes, meeting, make, settings, overfit, device)


def _planned(
    make: Callable[[Any, int], Training], settings: Any, overfit: int, device: torch.device
) -> None:
    with _memory(settings):
        training = make(settings, overfit)
        training.to(device)
        for line in plan(training.module, training.step, training.source, settings):
            if is_first():
                print(line, flush=True)


def _trained(
    make: Callable[[Any, int], Training], settings: Any, folder: Path, overfit: int,
    device: torch.device, quiet: bool,
) -> None:  # fmt: skip
    training = make(settings, overfit)
    if is_first():
        made_with = {
            "overfit": overfit,
            "processes": place()[1],
            "data": training.data(sizes=False),
        }
        with room(folder):
            remember(folder, {**settings.model_dump(mode="json"), **made_with})
    training.to(device)
    if is_first() and not quiet and isinstance(settings, SceneSettings):
        for line in batch_lines(settings, training.source):
            print(line, file=sys.stderr)
    with room(folder), _memory(settings):
        training.train(folder, quiet=quiet)
        if is_first():
            training.export(folder)


@contextlib.contextmanager
def _memory(settings: Any) -> Iterator[None]:
    """So is a batch that is too large."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        less = "max_voxels or batch" if isinstance(settings, SceneSettings) else "batch"
        raise UserError(
            f"out of memory ({first_line(error)[:200]}); lower {less} and raise"
            " schedule.accumulate, or try precision: bf16 (--dry-run tells what a step takes)"
        ) from error


@contextlib.contextmanager
def room(folder: Path) -> Iterator[None]:
    """A full disk is a user's to put right."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise UserError(
            f"{show(folder)}: cannot be written to ({error.strerror}); make room, and the same"
            " command goes on from the last checkpoint"
        ) from error


def remember(folder: Path, settings: dict[str, Any]) -> None:
    """Keep what a folder's training was made with; raise `UserError` where that was something
    else than habits."""
    path = folder / SETTINGS
    if path.exists():
        before = read_json(path)
        if before == settings:
            return
        other = [k for k in settings if k not in HABITS and before.get(k) != settings[k]]
        if other:
            raise UserError(
                f"{show(folder)}: holds a training with another {', '.join(other)}; give another"
                " --out, or remove it to start afresh"
            )
    write_json(path, settings)
