"""CLIP's text tower through transformers: the space of the official weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.hub import SAFE, folder_fingerprint, model_folder, quiet_loading
from avs3d.text.batches import BATCH, encode_alike


class ClipTextEncoder:
    """The text half of a CLIP model.

    Args:
        place: a local folder or a hub id, for example ``openai/clip-vit-large-patch14-336``
            (768-d) or ``openai/clip-vit-base-patch32`` (512-d).
        device: where the model runs, as torch names it.
    """

    def __init__(self, place: str, device: str = "cpu") -> None:
        self.name = f"clip:{place}"
        self._place = place
        self._device = device

    @cached_property
    def _folder(self) -> Path:
        return model_folder(self._place, "text encoder")

    @cached_property
    def fingerprint(self) -> str:
        return folder_fingerprint(self._folder)

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """Tokenizer and model."""
        with quiet_loading(self._place, "text encoder"):
            from transformers import AutoTokenizer, CLIPTextModelWithProjection

            folder = str(self._folder)
            tokenizer = AutoTokenizer.from_pretrained(folder, **SAFE)
            model, found = CLIPTextModelWithProjection.from_pretrained(
                folder, output_loading_info=True, **SAFE
            )
            if missing := sorted(found["missing_keys"]):  # they would be made up
                raise ValueError(f"it is no CLIP with a text tower, {missing[0]} is missing")
            return tokenizer, model.eval().to(self._device)

    @property
    def dim(self) -> int:
        return int(self._loaded[1].text_projection.out_features)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) float32, L2-normalised; longer texts are cut to CLIP's length."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        tokens = self._tokens(list(texts))["input_ids"]
        return encode_alike(texts, [len(row) for row in tokens], self._vectors)

    def _tokens(self, texts: list[str], **how: Any) -> Any:
        tokenizer, model = self._loaded
        length = model.config.max_position_embeddings
        return tokenizer(texts, truncation=True, max_length=length, **how)

    def _vectors(self, texts: list[str]) -> np.ndarray:
        import torch

        model = self._loaded[1]
        rows = []
        for start in range(0, len(texts), BATCH):
            batch = self._tokens(texts[start : start + BATCH], return_tensors="pt")
            with torch.inference_mode():
                embeds = model(**batch.to(self._device)).text_embeds.float()
            rows.append(torch.nn.functional.normalize(embeds, dim=-1).cpu().numpy())
        return np.concatenate(rows)
