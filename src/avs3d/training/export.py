"""From a training to a bundle that `avs3d segment` takes, which says where it comes from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from torch import nn

from avs3d import __version__
from avs3d.bundle import CAPTIONER_FILES, Bundle, save_bundle
from avs3d.bundle_config import BundleConfig
from avs3d.training.settings import Settings

FOLDER = "bundle"
_LOG = "log.jsonl"


def bundle(
    folder: Path,
    config: BundleConfig,
    modules: Mapping[str, nn.Module],
    settings: Settings,
    data: str,
    told: Mapping[str, Any],
    *,
    captioner: Path | None = None,
) -> Path:
    """Write ``folder/bundle`` and return it.

    Args:
        folder: of the training, with its log.
        config: of the bundle, without provenance.
        modules: see `save_bundle`.
        settings: of the training.
        data: a hash of what it learned from.
        told: further provenance.
        captioner: a folder with the captioner's files, or None.
    """
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    if captioner is not None:
        for name in CAPTIONER_FILES:
            shutil.copyfile(captioner / name, place / name)
    provenance = {
        "made": f"{date.today().isoformat()} with avs3d {__version__}",
        "data": f"sha256 {data}",
        "settings": settings.model_dump(mode="json"),
        "scores": _last_scores(folder / _LOG),
        **told,
    }
    shutil.copyfile(folder / _LOG, place / _LOG)
    save_bundle(place, config.model_copy(update={"provenance": provenance}), modules)
    return place


def captioner_of(made: Bundle) -> Path | None:
    """Where the captioner of a bundle is, if it has one."""
    return made.folder if made.config.captioner is not None else None


def _last_scores(log: Path) -> dict[str, float]:
    """Of the best exam, else the last row."""
    rows = [json.loads(row) for row in log.read_text("utf-8").splitlines()]
    exams = [row for row in rows if "loss" not in row]
    first = next((key for key in exams[0] if key not in ("step", "of")), "") if exams else ""
    return max(exams, key=lambda row: row[first]) if exams else rows[-1]
