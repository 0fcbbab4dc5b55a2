"""Prefix language model: an embedding becomes a few invented words that GPT-2 continues.

Paper, section 3.3 (ClipCap). Parameter names are those of published ClipCap checkpoints:
`clip_project.*`, `gpt.transformer.*`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from avs3d.models.prefix_mapping import PrefixMapping, TransformerMapping

MAX_TOKENS = 67
BESIDE = (".attn.bias", ".attn.masked_bias", "gpt.lm_head.weight")
"""What older checkpoints carry beside the parameters: masks, and the word table again."""
Forbid = Callable[[list[int], list[list[int]]], Tensor]
"""Numbers of captions, and what each says so far -> (captions, vocabulary) bool, the tokens that
must not follow."""
_DEAD_END = 0.03  # of the likeliest token's chance, below which none that may follow fits
_AN_END = 0.02  # chance of the stop token where a sentence may well end


class PrefixLanguageModel(nn.Module):
    """Embeddings to token ids.

    Args:
        embedding_dim: width of the embeddings.
        prefix_length: how many invented words the mapping makes of one.
        gpt2: fields of transformers' `GPT2Config`.
        transformer: sizes `clip_length` and `layers` of a transformer that does the mapping; two
            linear maps do where there is none.
    """

    def __init__(
        self,
        embedding_dim: int,
        prefix_length: int,
        gpt2: Mapping[str, Any],
        transformer: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        from transformers import GPT2Config, GPT2Model

        # A caption ends at the caller's stop token, so the config's own ends mean nothing.
        config = GPT2Config(**{"bos_token_id": None, "eos_token_id": None, **gpt2})
        if prefix_length >= config.n_positions:
            raise ValueError(
                f"prefix_length {prefix_length} leaves no room in {config.n_positions} positions"
            )
        self.prefix_length = prefix_length
        self._room = config.n_positions - prefix_length
        width = config.n_embd
        self.clip_project: nn.Module = PrefixMapping(embedding_dim, prefix_length * width)
        if transformer is not None:
            self.clip_project = TransformerMapping(
                embedding_dim, prefix_length, width, **transformer
            )
        # The language head is the transposed word table, so the table is all that is kept.
        self.gpt = nn.ModuleDict({"transformer": GPT2Model(config)})

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """As `torch.nn.Module`, less what is in `BESIDE`."""
        kept = {k: v for k, v in state_dict.items() if not k.endswith(BESIDE)}
        return super().load_state_dict(kept, strict=strict, assign=assign)

    def forward(self, embeddings: Tensor, tokens: Tensor) -> Tensor:
        """(B, embedding_dim) and (B, T) token ids -> (B, T + 1, vocabulary) logits.

        Row t of the logits is for token t; the last one is for what follows.
        """
        words = torch.cat([self._prefix(embeddings), self._words(tokens)], dim=1)
        hidden = self._gpt2(inputs_embeds=words).last_hidden_state
        return self._logits(hidden[:, self.prefix_length - 1 :])

    @torch.inference_mode()
    def greedy(
        self,
        embeddings: Tensor,
        stop_id: int,
        max_tokens: int = MAX_TOKENS,
        forbid: Forbid | None = None,
    ) -> list[list[int]]:
        """The likeliest token at each step, for a batch of embeddings at once.

        The published code cuts to the likeliest 80 % first, which always keeps the one chosen:
        the cut changes nothing and is not made here.

        Args:
            embeddings: (B, embedding_dim).
            stop_id: the token that ends a caption; it is kept.
            max_tokens: where a caption is broken off.
            forbid: tokens that must not follow.

        Returns:
            B lists of token ids.
        """

        def choose(logits: Tensor, *_: object) -> Tensor:
            return logits.argmax(1)

        return self._decode(embeddings, 1, stop_id, max_tokens, choose, forbid)

    def _decode(
        self,
        embeddings: Tensor,
        each: int,
        stop_id: int,
        max_tokens: int,
        choose: Callable[[Tensor, Tensor, int], Tensor],
        forbid: Forbid | None = None,
    ) -> list[list[int]]:
        """Token by token, chosen from (B, vocabulary) logits of B captions, `each` an embedding.

        Where hardly any likely token may follow, the caption ends where it well might have.
        """
        if not len(embeddings):
            return []
        captions: list[list[int]] = [[] for _ in range(len(embeddings) * each)]
        ends = [0] * len(captions)
        batch = torch.arange(len(captions))  # those that are still worked on
        logits, cache = self._step(self._prefix(embeddings), None)
        logits = logits.repeat_interleave(each, 0)
        cache.batch_repeat_interleave(each)
        words = None
        for step in range(min(max_tokens, self._room)):
            going = [i for i, row in enumerate(batch.tolist()) if captions[row][-1:] != [stop_id]]
            if not going:
                break
            if words is not None:
                if 5 * len(going) <= 4 * len(batch):
                    kept = torch.tensor(going)
                    cache.batch_select_indices(kept.to(words.device))
                    batch, words = batch[kept], words[kept]
                    going = list(range(len(batch)))
                logits, cache = self._step(words, cache)
            if forbid is not None:
                rows = batch.tolist()
                banned = forbid(rows, [captions[row] for row in rows]).to(logits.device)
                shares = logits.softmax(1)
                left = shares.masked_fill(banned, 0).max(1).values / shares.max(1).values
                ending = shares[:, stop_id].tolist()
                for i in going:
                    said = captions[rows[i]]
                    if said and ending[i] >= _AN_END:
                        ends[rows[i]] = len(said)
                    if float(left[i]) < _DEAD_END:
                        captions[rows[i]] = [*said[: ends[rows[i]]], stop_id]
                going = [i for i in going if captions[rows[i]][-1:] != [stop_id]]
                logits = logits.masked_fill(banned, -torch.inf)
            tokens = choose(logits, batch, step)
            for i, token in zip(going, tokens[going].tolist(), strict=True):
                captions[int(batch[i])].append(token)
            words = self._words(tokens[:, None])
        return captions

    @torch.inference_mode()
    def sample(
        self,
        embeddings: Tensor,
        stop_id: int,
        draws: int,
        temperature: float,
        max_tokens: int = MAX_TOKENS,
        seed: int = 0,
        forbid: Forbid | None = None,
    ) -> list[list[list[int]]]:
        """The greedy caption of each embedding, and others drawn by their chances, all at once.

        Args:
            embeddings: (B, embedding_dim).
            stop_id: the token that ends a caption; it is kept.
            draws: others.
            temperature: 1 draws by the chances themselves, less prefers the likely.
            max_tokens: where a caption is broken off.
            seed: of the draws.
            forbid: tokens that must not follow; its rows are 1 + `draws` of each embedding, the
                greedy caption first.

        Returns:
            For each embedding 1 + `draws` lists of token ids.
        """
        each = 1 + draws
        # A number a row and token, so that no caption hangs on how long the others are.
        numbers = torch.rand(
            len(embeddings) * each, max_tokens, generator=torch.Generator().manual_seed(seed)
        )

        def choose(logits: Tensor, rows: Tensor, step: int) -> Tensor:
            number = numbers[rows, step].to(logits.device)
            below = (logits / temperature).softmax(1).cumsum(1) <= number[:, None]
            drawn = below.sum(1).clamp(max=logits.shape[1] - 1)
            return torch.where((rows % each == 0).to(logits.device), logits.argmax(1), drawn)

        found = self._decode(embeddings, each, stop_id, max_tokens, choose, forbid)
        return [found[i : i + each] for i in range(0, len(found), each)]

    @torch.inference_mode()
    def beam(
        self, embedding: Tensor, stop_id: int, beams: int = 5, max_tokens: int = MAX_TOKENS
    ) -> list[list[int]]:
        """Beam search with scores divided by length, for one embedding.

        Args:
            embedding: (embedding_dim,).
            stop_id: the token that ends a caption; it is kept.
            beams: captions followed at a time.
            max_tokens: where a caption is broken off.

        Returns:
            `beams` lists of token ids, best first.
        """
        logits, cache = self._step(self._prefix(embedding[None]), None)
        scores, tokens = logits[0].log_softmax(0).topk(beams)
        captions, lengths = tokens[:, None], torch.ones_like(scores)
        stopped = tokens == stop_id
        cache.batch_repeat_interleave(beams)
        for _ in range(min(max_tokens, self._room) - 1):
            if stopped.all():
                break
            logits, cache = self._step(self._words(captions[:, -1:]), cache)
            gains = logits.log_softmax(1)
            # A stopped caption goes on in one way only, at no cost and no length.
            gains[stopped] = -torch.inf
            gains[stopped, 0] = 0.0
            lengths = lengths + ~stopped
            means = (scores[:, None] + gains) / lengths[:, None]
            best, place = means.flatten().topk(beams)
            source = place // means.shape[1]
            lengths = lengths[source]
            scores = best * lengths
            captions = torch.cat([captions[source], (place % means.shape[1])[:, None]], dim=1)
            stopped = stopped[source] | (captions[:, -1] == stop_id)
            cache.reorder_cache(source)
        order = (scores / lengths).argsort(descending=True)
        return [captions[i, : int(lengths[i])].tolist() for i in order]

    def _prefix(self, embeddings: Tensor) -> Tensor:
        """(B, prefix_length, width)"""
        return self.clip_project(embeddings).unflatten(1, (self.prefix_length, -1))

    @property
    def _gpt2(self) -> Any:
        return self.gpt["transformer"]

    def _words(self, tokens: Tensor) -> Tensor:
        return self._gpt2.wte(tokens)

    def _logits(self, hidden: Tensor) -> Tensor:
        return hidden @ self._gpt2.wte.weight.T

    def _step(self, words: Tensor, cache: Any) -> tuple[Tensor, Any]:
        """Logits (B, vocabulary) after `words`, and the cache that holds them."""
        out = self._gpt2(inputs_embeds=words, past_key_values=cache, use_cache=True)
        return self._logits(out.last_hidden_state[:, -1]), out.past_key_values
