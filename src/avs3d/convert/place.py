"""A folder that appears complete or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from avs3d.bundle_config import CONFIG, TOKENIZER
from avs3d.errors import UserError, cannot_write

_MODULES = ("network", "pooling", "captioner", "known_words")
_OWN = {CONFIG, TOKENIZER, *(f"{name}.safetensors" for name in _MODULES)}
_LOG = ".log.jsonl"  # of a training, kept beside what came of it


@contextmanager
def new_folder(place: Path, overwrite: bool) -> Iterator[Path]:
    """An empty folder beside `place`, which takes that place when the context ends well.

    Raises:
        UserError: something is there already and `overwrite` is not set, what is there is more
            than a bundle or cannot be replaced, or nothing can be written there.
    """
    try:
        _refuse(place, overwrite)
        target = Path(os.path.realpath(place))  # a link stays one
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise cannot_write(place, error) from error
    try:
        made.chmod(0o755)
        yield made
        _exchange(made, target)
    except OSError as error:
        raise cannot_write(place, error) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _refuse(place: Path, overwrite: bool) -> None:
    """Whatever the place holds that may not go."""
    if not place.exists():
        return
    if not place.is_dir():
        raise UserError(f"{place} is not a folder: choose another --out")
    if any(place.iterdir()) and not overwrite:
        raise UserError(f"{place} is there already: --overwrite replaces it, or choose another")
    if any(place.samefile(above) for above in (Path.cwd(), *Path.cwd().parents)):
        raise UserError(
            f"{place} is the folder that this runs in, or holds it, and cannot be replaced: "
            "choose another --out"
        )
    if foreign := _foreign(place):
        raise UserError(
            f"{place} holds {foreign.name}, which is no part of a bundle and would be lost: choose "
            "another --out, or move it away"
        )


def _foreign(folder: Path) -> Path | None:
    """Something in a folder that no bundle has, so that the folder is not a bundle's alone."""
    for entry in sorted(folder.iterdir()):
        if not entry.is_file() or not (entry.name in _OWN or entry.name.endswith(_LOG)):
            return entry
    return None


def _exchange(made: Path, place: Path) -> None:
    """Puts a folder in the place of what is there, which stays where that fails."""
    if not place.exists():
        made.replace(place)
        return
    old = made.with_name(f"{made.name}.old")
    try:
        place.replace(old)
        made.replace(place)
    finally:
        if not place.exists():
            old.replace(place)
        shutil.rmtree(old, ignore_errors=True)
