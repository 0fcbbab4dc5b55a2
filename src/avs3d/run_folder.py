"""The folder of a run over a dataset: ``OUT/TIME``, and ``OUT/latest`` that leads to the newest."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from avs3d import __version__
from avs3d.atomic import write_json
from avs3d.batch import make_folder
from avs3d.bundle_config import fingerprint
from avs3d.errors import cannot_write
from avs3d.jobs import BatchConfig

CONFIG = "config.json"
LATEST = "latest"
_FORMAT = "%Y-%m-%d_%H-%M-%S"
_MAX_BYTES = 16 << 20
_NOT_RESULTS = ("out", "jobs", "overwrite", "inputs")


def run_folder(out: Path, config: BatchConfig, *, new: bool = False) -> Path:
    """The folder to write to: that of the newest run with the same config, so that it goes on, else
    a new one, in which the config is written.

    Args:
        out: of all runs.
        config: of the run; which shard it is makes no difference.
        new: begin anew in any case.

    Raises:
        UserError: no folder can be made there.
    """
    make_folder(out)
    told = told_of_results(config)
    names = [path.parent.name for path in out.glob(f"*/{CONFIG}")]
    same = [name for name in names if name != LATEST and read_run_config(out / name) == told]
    if same and not new:
        folder = out / max(same)
    else:
        folder = _fresh(out)
        make_folder(folder)
        try:
            write_json(folder / CONFIG, told)
        except OSError as error:
            raise cannot_write(folder / CONFIG, error) from error
    _point(out / LATEST, folder.name)
    return folder


def run_of(folder: Path) -> Path:
    """The folder of a run: what was given to `avs3d segment` as ``--out``, or the folder of one run
    of `avs3d run`; of a folder of such runs, that of the latest."""
    latest = folder / LATEST
    return folder / latest.resolve().name if (latest / CONFIG).is_file() else folder


def told_of_results(config: BatchConfig) -> dict[str, Any]:
    """What the results of a run depend on, as plain data."""
    assert config.selection is not None
    whole = replace(config, selection=replace(config.selection, shard=None))
    told = {key: value for key, value in whole.told().items() if key not in _NOT_RESULTS}
    told |= {"avs3d": __version__, "weights": fingerprint(config.bundle)}
    plain: dict[str, Any] = json.loads(json.dumps(told))  # as it is read back
    return plain


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
