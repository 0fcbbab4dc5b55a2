"""Text embeddings kept on disk, so that common words need no model and no model library."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from avs3d.atomic import write_bytes
from avs3d.text.encoder import TextEncoder

_MAX_FILES = 20_000
_MAX_DIM = 16_384
_UNIT_TOLERANCE = 1e-3


def cache_root() -> Path:
    """Folder for everything that can be made again: `AVS3D_CACHE`, or the system's own place."""
    override = os.environ.get("AVS3D_CACHE")
    if override:
        return Path(override).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("avs3d", appauthor=False)


class CachedEncoder:
    """A text encoder that reads each text's embedding from disk when it has been made before.

    One small file of little-endian float32 per (encoder, weights, text), named by their hash.
    Files are put in place in one step, so several processes may share the folder; a file that is
    not a unit vector (cut short, damaged) counts as absent. A folder that cannot be written
    means no cache, never an error. The oldest files go when there are more than 20,000.

    Args:
        encoder: makes the embeddings that are not there.
        folder: where the files lie; default ``text/`` under `cache_root()`.
    """

    def __init__(self, encoder: TextEncoder, folder: Path | None = None) -> None:
        self._encoder = encoder
        self._folder = cache_root() / "text" if folder is None else folder

    @property
    def name(self) -> str:
        return self._encoder.name

    @property
    def fingerprint(self) -> str:
        return self._encoder.fingerprint

    @cached_property
    def dim(self) -> int:
        return self.encode(["object"]).shape[1]

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) float32, L2-normalised; see `TextEncoder.encode`.

        Each text that is not cached is encoded by itself: padding to a longer neighbour would
        change its last bits, and the result must not depend on what was asked before.
        """
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        # A lone surrogate (from a damaged file) has no UTF-8: it becomes "?".
        texts = [text.encode("utf-8", "replace").decode() for text in texts]
        found = {
            text: vector
            for text in dict.fromkeys(texts)
            if (vector := self._read(text)) is not None
        }
        if len({len(vector) for vector in found.values()}) > 1:
            found = {}  # foreign files among them: trust none
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        for text in missing:
            found[text] = self._encoder.encode([text])[0]
            self._write(text, found[text])
        if missing:
            self._prune()
        return np.stack([found[text] for text in texts])

    def _path(self, text: str) -> Path:
        key = hashlib.sha256(f"{self.name}\0{self.fingerprint}\0{text}".encode())
        return self._folder / f"{key.hexdigest()}.f32"

    def _read(self, text: str) -> np.ndarray | None:
        try:
            with self._path(text).open("rb") as file:
                data = file.read(4 * _MAX_DIM + 1)
        except OSError:
            return None
        if not data or len(data) % 4 or len(data) > 4 * _MAX_DIM:
            return None
        vector = np.frombuffer(data, dtype="<f4").astype(np.float32)
        length = float(np.linalg.norm(vector.astype(np.float64)))
        return vector if abs(length - 1.0) <= _UNIT_TOLERANCE else None  # NaN fails as well

    def _write(self, text: str, vector: np.ndarray) -> None:
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_bytes(self._path(text), vector.astype("<f4").tobytes())

    def _prune(self) -> None:
        with contextlib.suppress(OSError):
            files = [entry for entry in os.scandir(self._folder) if entry.is_file()]
            surplus = len(files) - _MAX_FILES
            if surplus > 0:
                files.sort(key=lambda entry: entry.stat().st_mtime)
                for entry in files[:surplus]:
                    os.unlink(entry.path)
