"""What can be made again is kept on disk: small files in folders that stay small."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from avs3d.atomic import write_bytes

MAX_FILES = 20_000


def cache_root() -> Path:
    """Folder for everything that can be made again: `AVS3D_CACHE`, or the system's own place."""
    override = os.environ.get("AVS3D_CACHE")
    if override:
        return Path(os.path.expanduser(override))
    from platformdirs import user_cache_path

    return user_cache_path("avs3d", appauthor=False)


class CacheFolder:
    """A folder of small files, named by the hash of what they answer.

    Files are put in place in one step, so several processes may share the folder. A folder that
    cannot be written means no cache, never an error. Whether a file is damaged is for whoever
    reads it to find out.

    Args:
        path: the folder; made when something is kept.
        largest: bytes of a file; a larger one counts as absent.
    """

    def __init__(self, path: Path, largest: int) -> None:
        self._path = path
        self._largest = largest

    def read(self, name: str) -> bytes | None:
        """What is in a file, or None: it is not there, or too large."""
        try:
            with (self._path / name).open("rb") as file:
                data = file.read(self._largest + 1)
        except OSError:
            return None
        return data if len(data) <= self._largest else None

    def write(self, name: str, data: bytes) -> None:
        """Keep a file, if that can be."""
        with contextlib.suppress(OSError):
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_bytes(self._path / name, data)

    def prune(self) -> None:
        """Remove the oldest files when there are more than `MAX_FILES`."""
        with contextlib.suppress(OSError):
            files = [entry for entry in os.scandir(self._path) if entry.is_file()]
            surplus = len(files) - MAX_FILES
            if surplus > 0:
                files.sort(key=lambda entry: entry.stat().st_mtime)
                for entry in files[:surplus]:
                    os.unlink(entry.path)
