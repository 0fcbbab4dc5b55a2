"""GPT-2 in plain PyTorch, for small models that are asked often.

Parameter names and layouts are those of transformers' `GPT2Model`. Captions are continued word by
word, many views at a time: there the library's own handling takes longer than the arithmetic, and
importing it longer than all captions of a scan.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Memory:
    """Keys and values of the positions that were read so far.

    Attributes:
        length: how many positions those are.
        store: (layers, 2, B, heads, positions, width of a head), filled up to `length`.
    """

    def __init__(self, store: Tensor, length: int = 0) -> None:
        self.store = store
        self.length = length

    def rows(self, index: Tensor) -> Memory:
        """What was read of the rows `index` of the batch."""
        layers, both, _, heads, positions, width = self.store.shape
        kept = self.store.new_empty(layers, both, len(index), heads, positions, width)
        kept[..., : self.length, :] = self.store[:, :, index, :, : self.length]
        return Memory(kept, self.length)


class GPT2(nn.Module):
    """Words to hidden states; (B, T, n_embd) to the same.

    Args are the fields of transformers' `GPT2Config` of the same names. Dropout (`*_pdrop`) is
    accepted and not applied: it does nothing after training, and ours goes without.

    Raises:
        ValueError: the heads do not divide the width.
    """

    def __init__(
        self,
        vocab_size: int = 50257,
        n_positions: int = 1024,
        n_embd: int = 768,
        n_layer: int = 12,
        n_head: int = 12,
        n_inner: int | None = None,
        layer_norm_epsilon: float = 1e-5,
        resid_pdrop: float = 0.1,
        embd_pdrop: float = 0.1,
        attn_pdrop: float = 0.1,
    ) -> None:
        super().__init__()
        if n_embd % n_head:
            raise ValueError(f"{n_head} heads do not divide a width of {n_embd}")
        self.n_head = n_head
        self.n_positions = n_positions
        self.wte = nn.Embedding(vocab_size, n_embd)
        self.wpe = nn.Embedding(n_positions, n_embd)
        self.h = nn.ModuleList(
            _Block(n_embd, n_head, n_inner or 4 * n_embd, layer_norm_epsilon)
            for _ in range(n_layer)
        )
        self.ln_f = nn.LayerNorm(n_embd, layer_norm_epsilon)
        self._initialise()

    def memory(self, batch: int, positions: int) -> Memory:
        """Room to read `positions` words of `batch` rows, one after the other."""
        width = self.wte.embedding_dim
        shape = len(self.h), 2, batch, self.n_head, positions, width // self.n_head
        return Memory(self.wte.weight.new_empty(shape))

    def forward(self, words: Tensor, memory: Memory | None = None) -> Tensor:
        """(B, T, n_embd) word embeddings -> hidden states.

        With a memory, `words` go on behind what it holds, and are added to it: any number at
        first, later one at a time.
        """
        read = 0 if memory is None else memory.length
        length = read + words.shape[1]
        x = words + self.wpe.weight[read:length]
        for i, block in enumerate(self.h):
            x = block(x, None if memory is None else memory.store[i, ..., :length, :])
        if memory is not None:
            memory.length = length
        return self.ln_f(x)

    def _initialise(self) -> None:
        """As published: normal with 0.02, smaller where results are added up over the layers."""
        for name, parameter in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(parameter, std=0.02 / (2 * len(self.h)) ** 0.5)
            elif parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)


class _Affine(nn.Module):
    """``x @ weight + bias`` with (in, out) weights, as GPT-2's checkpoints have them."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.addmm(self.bias, x.flatten(0, 1), self.weight)
        return rows.view(*x.shape[:2], -1)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.c_attn = _Affine(width, 3 * width)
        self.c_proj = _Affine(width, width)

    def forward(self, x: Tensor, store: Tensor | None) -> Tensor:
        """`store` is (2, B, heads, positions, d); its last T positions are written."""
        length = x.shape[1]
        mixed = self.c_attn(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = mixed
        if store is not None:
            store[..., -length:, :] = mixed[1:]
            key, value = store
        out = F.scaled_dot_product_attention(query, key, value, is_causal=length > 1)
        return self.c_proj(out.transpose(1, 2).flatten(2))


class _FeedForward(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.c_fc = _Affine(width, inner)
        self.c_proj = _Affine(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, inner: int, epsilon: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, epsilon)
        self.attn = _Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width, epsilon)
        self.mlp = _FeedForward(width, inner)

    def forward(self, x: Tensor, store: Tensor | None) -> Tensor:
        x = x + self.attn(self.ln_1(x), store)
        return x + self.mlp(self.ln_2(x))
