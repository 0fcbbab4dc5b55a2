"""``STEM.done.json``: which files of a folder are the results of one scan, and what made them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

DONE = ".done.json"
WORDS = ".vocabulary.json"
QUERY = ".query-"
_HEAD_BYTES = 4096
_MAX_BYTES = 16 << 20


def read_record(path: Path) -> dict[str, Any] | None:
    """A record's content, or None where there is none or it is damaged.

    ``finished``, ``made`` (what from), ``outputs`` (name -> bytes; None before it is finished) and
    ``scan`` (what was found) are there and of the right type, and names lead nowhere else.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    types = {"finished": bool, "made": dict, "outputs": dict, "scan": dict}
    if not isinstance(content, dict):
        return None
    if not all(isinstance(content.get(key), kind) for key, kind in types.items()):
        return None
    if any(os.path.basename(name) != name or "\0" in name for name in content["outputs"]):
        return None
    return content


def is_run_record(path: Path) -> bool:
    """Whether a file is the ``run.json`` of a run."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return head.lstrip().startswith(b"{") and b'"started":' in head and b'"config":' in head


def is_result(path: Path) -> bool:
    """Whether a file was written by avs3d: the record of `avs3d segment` lists it, or, where there
    is no record, the words lie beside it; or it lies beside the picture of a query."""
    if QUERY in path.name:
        return path.with_suffix(".png").exists()
    record = read_record(path.with_suffix(DONE))
    if record is not None:
        return path.name in record["outputs"]
    return path.with_suffix(WORDS).exists()
