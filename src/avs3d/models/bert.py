"""BERT in plain PyTorch: the body of small sentence encoders.

Parameter names are those of transformers' `BertModel`, less its pooler.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# The last bits of a matrix product depend on how many rows it has. All products here have this
# many, so that a text's result does not depend on the texts beside it.
_ROWS = 32


class Bert(nn.Module):
    """Token ids to hidden states; for inference, without dropout.

    Args are the fields of transformers' `BertConfig` of the same names.
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        num_hidden_layers: int,
        num_attention_heads: int,
        intermediate_size: int,
        max_position_embeddings: int,
        type_vocab_size: int,
        layer_norm_eps: float,
    ) -> None:
        super().__init__()
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(vocab_size, hidden_size),
                "position_embeddings": nn.Embedding(max_position_embeddings, hidden_size),
                "token_type_embeddings": nn.Embedding(type_vocab_size, hidden_size),
                "LayerNorm": nn.LayerNorm(hidden_size, layer_norm_eps),
            }
        )
        layers = (
            _Layer(hidden_size, num_attention_heads, intermediate_size, layer_norm_eps)
            for _ in range(num_hidden_layers)
        )
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})

    def forward(self, texts: Sequence[Tensor]) -> list[Tensor]:
        """(T, hidden_size) of the (T,) token ids of each text."""
        lengths = [len(text) for text in texts]
        words = self.embeddings["word_embeddings"](torch.cat(list(texts)))
        first_text = self.get_parameter("embeddings.token_type_embeddings.weight")[0]
        positions = self.get_parameter("embeddings.position_embeddings.weight")
        placed = torch.cat([positions[:length] for length in lengths])
        x = self.embeddings["LayerNorm"](words + first_text + placed)
        x = F.pad(x, (0, 0, 0, -len(x) % _ROWS))
        for layer in cast(nn.ModuleList, self.encoder["layer"]):
            x = layer(x, lengths)
        return list(x[: sum(lengths)].split(lengths))


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, inner: int, epsilon: float) -> None:
        super().__init__()
        self.heads = heads
        parts = {name: _Linear(width, width) for name in ("query", "key", "value")}
        self.attention = nn.ModuleDict(
            {"self": nn.ModuleDict(parts), "output": _Output(width, width, epsilon)}
        )
        self.intermediate = nn.ModuleDict({"dense": _Linear(width, inner)})
        self.output = _Output(inner, width, epsilon)

    def forward(self, x: Tensor, lengths: Sequence[int]) -> Tensor:
        seen = torch.zeros_like(x)
        parts = cast(nn.ModuleDict, self.attention["self"]).values()
        by_head = (
            torch.stack([part(x) for part in parts]).unflatten(2, (self.heads, -1)).transpose(1, 2)
        )  # (3, heads, rows, d)
        for rows in _spans(lengths):
            out = F.scaled_dot_product_attention(*by_head[:, None, :, rows])
            seen[rows] = out[0].transpose(0, 1).flatten(1)
        x = self.attention["output"](seen, x)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class _Output(nn.Module):
    def __init__(self, inputs: int, width: int, epsilon: float) -> None:
        super().__init__()
        self.dense = _Linear(inputs, width)
        self.LayerNorm = nn.LayerNorm(width, epsilon)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(x) + residual)


class _Linear(nn.Linear):
    """`_ROWS` rows at a time."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([F.linear(part, self.weight, self.bias) for part in x.split(_ROWS)])


def _spans(lengths: Sequence[int]) -> Iterator[slice]:
    start = 0
    for length in lengths:
        yield slice(start, start + length)
        start += length
