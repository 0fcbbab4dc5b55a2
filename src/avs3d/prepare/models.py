"""What a model is known by: what its files hold, wherever they lie."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from avs3d.hub import folder_fingerprint, model_folder
from avs3d.prepare.manifest import described_file

_KINDS = (".json", ".txt", ".jinja", ".model", ".safetensors", ".bin")
"""Of files that a model is loaded from: configs, tokenizers, chat templates, weights."""


def known_by(place: str, what: str) -> dict[str, Any]:
    """Plain data by which a model is the same on every machine: ``model``, its hub id (None: a
    local folder), and ``weights``, a sha256 of its files.

    Args:
        place, what: see `avs3d.hub.model_folder`.

    Raises:
        UserError: likewise.
    """
    folder = model_folder(place, what)
    local = os.path.isdir(os.path.expanduser(place))
    return {
        "model": None if local else place,
        "weights": _sha256(folder.absolute(), folder_fingerprint(folder)),
    }


@lru_cache
def _sha256(folder: Path, fingerprint: str) -> str:
    """Of names and content of a model's files: once for all splits, while nothing changes there."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.suffix in _KINDS and not hidden and path.is_file():
            digest.update(f"{inside.as_posix()}\0{described_file(path)[1]}\n".encode())
    return digest.hexdigest()
