"""From an embedding to the invented words that a language model continues: ClipCap's two mappings.

Parameter names are those of published ClipCap checkpoints, below `clip_project.`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

HEADS = 8
"""Of the transformer mapping; the same in every published one, and not to be seen in its shapes."""


class PrefixMapping(nn.Module):
    """(B, embedding_dim) -> (B, outputs) through one hidden layer with Tanh (paper, 3.3)."""

    def __init__(self, embedding_dim: int, outputs: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(embedding_dim, outputs // 2), nn.Tanh(), nn.Linear(outputs // 2, outputs)
        )

    def forward(self, embeddings: Tensor) -> Tensor:
        return self.model(embeddings)


class TransformerMapping(nn.Module):
    """(B, embedding_dim) -> (B, prefix_length * width) through a transformer.

    The embedding becomes `clip_length` tokens; learned tokens stand behind them, and what the
    transformer makes of those is the prefix (ClipCap, section 3.3).

    Args:
        embedding_dim: width of the embeddings.
        prefix_length: learned tokens.
        width: of a token, as in the language model.
        clip_length: tokens that the embedding becomes.
        layers: of the transformer.
    """

    def __init__(
        self, embedding_dim: int, prefix_length: int, width: int, clip_length: int, layers: int
    ) -> None:
        super().__init__()
        self._clip_length = clip_length
        self.linear = nn.Linear(embedding_dim, clip_length * width)
        self.prefix_const = nn.Parameter(torch.randn(prefix_length, width))
        self.transformer = nn.ModuleDict(
            {"layers": nn.ModuleList(_Layer(width) for _ in range(layers))}
        )

    def forward(self, embeddings: Tensor) -> Tensor:
        told = self.linear(embeddings).unflatten(1, (self._clip_length, -1))
        tokens = torch.cat([told, self.prefix_const.expand(len(told), -1, -1)], 1)
        layers = self.transformer["layers"]
        assert isinstance(layers, nn.ModuleList)
        for layer in layers:
            tokens = layer(tokens)
        return tokens[:, self._clip_length :].flatten(1)


class _Layer(nn.Module):
    """Self-attention and two linear maps with ReLU, each on normalised tokens and added to them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = nn.ModuleDict(
            {
                "to_queries": nn.Linear(width, width, bias=False),
                "to_keys_values": nn.Linear(width, 2 * width, bias=False),
                "project": nn.Linear(width, width),
            }
        )
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(width, 2 * width), "fc2": nn.Linear(2 * width, width)}
        )

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self._attend(self.norm1(tokens))
        hidden = torch.relu(self.mlp["fc1"](self.norm2(tokens)))
        return tokens + self.mlp["fc2"](hidden)

    def _attend(self, tokens: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)"""
        query = self.attn["to_queries"](tokens)
        key, value = self.attn["to_keys_values"](tokens).chunk(2, -1)
        query, key, value = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in (query, key, value)
        )
        seen = nn.functional.scaled_dot_product_attention(query, key, value)
        return self.attn["project"](seen.transpose(1, 2).flatten(2))
