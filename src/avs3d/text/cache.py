"""Text embeddings kept on disk, so that common words need no model and no model library."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from avs3d.cache import CacheFolder, cache_root
from avs3d.text.encoder import TextEncoder

_MAX_DIM = 16_384
_UNIT_TOLERANCE = 1e-3


class CachedEncoder:
    """A text encoder that reads each text's embedding from disk when it has been made before.

    One small file of little-endian float32 per (encoder, weights, text), named by their hash, in a
    `CacheFolder`; a file that is not a unit vector (cut short, damaged) counts as absent.

    Args:
        encoder: makes the embeddings that are not there.
        folder: where the files lie; default ``text/`` under `cache_root()`.
    """

    def __init__(self, encoder: TextEncoder, folder: Path | None = None) -> None:
        self._encoder = encoder
        self._files = CacheFolder(folder or cache_root() / "text", 4 * _MAX_DIM)

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
        """(n, dim) float32, L2-normalised; see `TextEncoder.encode`."""
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
        if missing:
            for text, vector in zip(missing, self._encoder.encode(missing), strict=True):
                found[text] = vector
                self._write(text, vector)
            self._files.prune()
        return np.stack([found[text] for text in texts])

    def _file(self, text: str) -> str:
        key = hashlib.sha256(f"{self.name}\0{self.fingerprint}\0{text}".encode())
        return f"{key.hexdigest()}.f32"

    def _read(self, text: str) -> np.ndarray | None:
        data = self._files.read(self._file(text))
        if not data or len(data) % 4:
            return None
        vector = np.frombuffer(data, dtype="<f4").astype(np.float32)
        if not np.isfinite(vector).all():  # a signalling NaN would warn when it is cast
            return None
        length = float(np.linalg.norm(vector.astype(np.float64)))
        return vector if abs(length - 1.0) <= _UNIT_TOLERANCE else None

    def _write(self, text: str, vector: np.ndarray) -> None:
        self._files.write(self._file(text), vector.astype("<f4").tobytes())
