"""Sentence embeddings through sentence-transformers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.text.folder import folder_fingerprint, model_folder, quiet_loading


class SentenceEncoder:
    """A sentence-transformers model.

    Args:
        place: a local folder or a hub id.
        device: where the model runs, as torch names it.
    """

    def __init__(self, place: str, device: str = "cpu") -> None:
        self.name = f"sentence:{place}"
        self._place = place
        self._device = device

    @cached_property
    def _folder(self) -> Path:
        return model_folder(self._place)

    @cached_property
    def fingerprint(self) -> str:
        return folder_fingerprint(self._folder)

    @cached_property
    def _model(self) -> Any:
        with quiet_loading(self._place):
            from sentence_transformers import SentenceTransformer

            return SentenceTransformer(
                str(self._folder), device=self._device, local_files_only=True
            )

    @cached_property
    def dim(self) -> int:
        return self.encode(["object"]).shape[1]

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) float32, L2-normalised; see `TextEncoder.encode`."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        # One by one: padding to a longer neighbour changes the last bits.
        vectors = [
            self._model.encode(text, normalize_embeddings=True, show_progress_bar=False)
            for text in texts
        ]
        return np.asarray(vectors, dtype=np.float32)
