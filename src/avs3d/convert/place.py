"""A folder that appears complete or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from avs3d.bundle_config import foreign_entry
from avs3d.errors import UserError


@contextmanager
def new_folder(place: Path, overwrite: bool) -> Iterator[Path]:
    """An empty folder beside `place`, which takes that place when the context ends well.

    Raises:
        UserError: something is there already and `overwrite` is not set, what is there is more
            than a bundle, or nothing can be written there.
    """
    if place.exists() and (not place.is_dir() or any(place.iterdir())) and not overwrite:
        raise UserError(f"{place} is there already: --overwrite replaces it, or choose another")
    if place.exists() and not place.is_dir():
        raise UserError(f"{place} is not a folder: choose another")
    if place.exists() and (foreign := foreign_entry(place)):
        raise UserError(
            f"{place} holds {foreign.name}, which is no part of a bundle and would be lost: choose "
            "another --out, or move it away"
        )
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    except OSError as error:
        raise UserError(f"{place} cannot be made ({error.strerror}): choose another") from None
    made.chmod(0o755)
    try:
        yield made
        if place.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
            place.replace(old)
            made.replace(place)
            shutil.rmtree(old)
        else:
            made.replace(place)
    finally:
        shutil.rmtree(made, ignore_errors=True)
