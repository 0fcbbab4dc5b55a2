"""The folder of a run over a dataset: ``OUT/TIME``, and ``OUT/latest`` that leads to the newest."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from avs3d.atomic import write_json
from avs3d.batch import make_folder

CONFIG = "config.json"
LATEST = "latest"
_FORMAT = "%Y-%m-%d_%H-%M-%S"
_MAX_BYTES = 16 << 20


def run_folder(out: Path, config: dict[str, Any], *, new: bool = False) -> Path:
    """The folder to write to: that of the newest run where it has the same config, so that it goes
    on, else a new one, in which the config is written.

    Args:
        out: of all runs.
        config: plain data, what the results depend on.
        new: begin anew in any case.

    Raises:
        UserError: no folder can be made there.
    """
    make_folder(out)
    config = json.loads(json.dumps(config))  # as it is read back
    earlier = sorted(path.parent for path in out.glob(f"*/{CONFIG}") if path.parent.name != LATEST)
    if earlier and not new and read_run_config(earlier[-1]) == config:
        folder = earlier[-1]
    else:
        folder = _fresh(out)
        make_folder(folder)
        write_json(folder / CONFIG, config)
    _point(out / LATEST, folder.name)
    return folder


def _fresh(out: Path) -> Path:
    name = datetime.now().strftime(_FORMAT)
    names = [name, *(f"{name}_{number}" for number in range(2, 1000))]
    return next(out / name for name in names if not (out / name).exists())


def read_run_config(folder: Path) -> Any:
    """The config that a run was begun with, plain data, or None where there is none."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        path = folder / CONFIG
        if path.stat().st_size <= _MAX_BYTES:
            return json.loads(path.read_text("utf-8"))
    return None


def _point(link: Path, name: str) -> None:
    """Let `link` lead to its neighbour `name`; where the system has no links there is none."""
    with contextlib.suppress(OSError, NotImplementedError):
        if link.is_symlink() or not link.exists():
            beside = link.with_name(f".{link.name}.{os.getpid()}")
            beside.symlink_to(name, target_is_directory=True)
            os.replace(beside, link)
