"""What tests of the commands share: small scans, and what was said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import Result

OUT = Path("avs3d-results")
"""Where results go that were told nowhere else."""

SUFFIXES = (".vocabulary.json", ".captions.json", ".npz", ".ply", ".png", ".done.json")
Call = Callable[..., Result]


def scan(path: Path, seed: int = 0, count: int = 401) -> Path:
    """A small `.bin` of four columns, the third point without a position."""
    rng = np.random.default_rng(seed)
    rows = np.column_stack([rng.uniform(-20, 20, (count, 2)), rng.uniform(-2, 3, count)])
    rows = np.column_stack([rows, rng.uniform(0, 1, count)]).astype(np.float32)
    rows[2, 0] = np.nan
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.tofile(path)
    return path


def record(folder: Path = OUT) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return content


def lines(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.strip()]


def segment(call: Call, bundle: Path, *args: object) -> Result:
    return call("segment", *args, "--bundle", bundle, "-v", "car, road,tree")
