"""The point captioner: one embedding per view to one sentence per view (paper, 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from avs3d.errors import UserError, first_line
from avs3d.io.source import show

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

    from avs3d.bundle import Bundle
    from avs3d.captioning.saying import Gate
    from avs3d.models.prefix_lm import PrefixLanguageModel

_MODEL = {"embedding_dim", "prefix_length", "gpt2", "transformer"}
_MAX_TOKENIZER_BYTES = 32 << 20


class Said(NamedTuple):
    """A sentence, and bits of the kinds that it names."""

    text: str
    kinds: int


class PointCaptioner(Protocol):
    """Describes views from their pooled point features."""

    def candidates(self, embeddings: np.ndarray) -> list[list[str]]:
        """Sentences for each row of (V, D) float32, likeliest first, one at least; "" where there
        is nothing to say."""
        ...

    def sure(self, embeddings: np.ndarray, may: Sequence[Sequence[int]]) -> list[list[Said]]:
        """Sentences that name something, and nothing but what they may.

        Args:
            embeddings: as above.
            may: for each row bits of the kinds that each of its sentences may name, as many for
                every row.

        Returns:
            As many sentences or fewer for each row, the likeliest first.
        """
        ...


class PrefixCaptioner:
    """A prefix language model and the tokenizer that it was trained with.

    Args:
        model: in eval mode, on its device.
        tokenizer: byte-level BPE of the `tokenizers` library.
        stop_id: the token that ends a caption.
        max_tokens: where a caption is broken off.
        beams: 1 decodes greedily, all views at once; more follow that many captions of one view
            at a time (the published code offers 5), better by a little and slower by a lot.
        draws: further captions of each view, drawn at random.
        temperature: of the draws.
        seed: of the draws.
        gate: keeps captions to what they may name.
    """

    def __init__(
        self,
        model: PrefixLanguageModel,
        tokenizer: Tokenizer,
        stop_id: int,
        max_tokens: int = 67,
        beams: int = 1,
        draws: int = 0,
        temperature: float = 1.0,
        seed: int = 0,
        gate: Gate | None = None,
    ) -> None:
        self._gate = gate
        self._model = model
        self._tokenizer = tokenizer
        self._stop_id = stop_id
        self._max_tokens = max_tokens
        self._beams = beams
        self._draws = draws
        self._temperature = temperature
        self._seed = seed

    def candidates(self, embeddings: np.ndarray) -> list[list[str]]:
        """See `PointCaptioner`: the likeliest caption, then those drawn, each once."""

        def decode(rows: Tensor) -> list[list[list[int]]]:
            return self._model.sample(
                rows, self._stop_id, self._draws, self._temperature, self._max_tokens, self._seed
            )

        if not self._draws:
            return [[text] for text in self.captions(embeddings)]
        return [list(dict.fromkeys(texts)) for texts in self._texts(embeddings, decode)]

    def sure(self, embeddings: np.ndarray, may: Sequence[Sequence[int]]) -> list[list[Said]]:
        """See `PointCaptioner`: the likeliest caption, then those drawn."""
        assert self._gate is not None
        gate = self._gate
        told = [i for i, row in enumerate(embeddings) if np.isfinite(row).all() and any(may[i])]
        forbid = gate.forbid([kinds for i in told for kinds in may[i]])

        def decode(rows: Tensor) -> list[list[list[int]]]:
            draws = len(may[0]) - 1
            return self._model.sample(
                rows, self._stop_id, draws, self._temperature, self._max_tokens, self._seed, forbid
            )

        said: list[list[Said]] = [[] for _ in may]
        for view, texts in zip(told, self._texts(embeddings[told], decode), strict=True):
            for text, allowed in zip(texts, may[view], strict=True):
                kinds = gate.names(text)
                # What the gate let through in pieces is found here.
                if kinds and not kinds & ~allowed:
                    said[view].append(Said(text, kinds))
        return said

    def captions(self, embeddings: np.ndarray) -> list[str]:
        """One sentence per row of (V, D) float32, the likeliest.

        Where the first token already is the stop token, the caption is "" (the published code
        says "Error"); so it is where the embedding is not finite.
        """

        def decode(rows: Tensor) -> list[list[list[int]]]:
            if self._beams == 1:
                found = self._model.greedy(rows, self._stop_id, self._max_tokens)
            else:
                found = [
                    self._model.beam(row, self._stop_id, self._beams, self._max_tokens)[0]
                    for row in rows
                ]
            return [[tokens] for tokens in found]

        return [texts[0] for texts in self._texts(embeddings, decode)]

    def _texts(
        self, embeddings: np.ndarray, decode: Callable[[Tensor], list[list[list[int]]]]
    ) -> list[list[str]]:
        """What `decode` makes of the finite rows, as texts."""
        import torch

        texts = [[""] for _ in embeddings]
        told = np.flatnonzero(np.isfinite(embeddings).all(axis=1))
        if not len(told):
            return texts
        device = next(self._model.parameters()).device
        rows = torch.from_numpy(np.asarray(embeddings[told], dtype=np.float32)).to(device)
        for view, found in zip(told, decode(rows), strict=True):
            texts[view] = [self._text(tokens) for tokens in found]
        return texts

    def _text(self, tokens: list[int]) -> str:
        return "" if tokens == [self._stop_id] else show(self._tokenizer.decode(tokens).strip())


def load_tokenizer(path: Path) -> Tokenizer:
    """A `tokenizer.json`.

    Raises:
        UserError: the file is missing, too large or no tokenizer.
    """
    from tokenizers import Tokenizer

    try:
        if path.stat().st_size > _MAX_TOKENIZER_BYTES:
            raise UserError(f"{path} is larger than 32 MiB: not a captioner's tokenizer")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); fetch the bundle again") from None
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # the library raises bare Exception
        raise UserError(
            f"{path} is no tokenizer ({first_line(error)}); fetch the bundle again"
        ) from None


def load_captioner(bundle: Bundle, seed: int = 0) -> PrefixCaptioner:
    """The captioner of a bundle: `captioner.safetensors` and `tokenizer.json` in its folder.

    Args:
        bundle: whose.
        seed: of the captions that are drawn.

    Raises:
        UserError: the bundle has none, or its files are damaged or do not fit its config.
    """
    from avs3d.bundle import load_module
    from avs3d.captioning.saying import Gate
    from avs3d.models.prefix_lm import PrefixLanguageModel

    config = bundle.config.captioner
    if config is None:
        raise UserError(f"bundle {bundle.name} has no captioner: give it a vocabulary instead")
    model = load_module(
        lambda: PrefixLanguageModel(**config.model_dump(include=_MODEL)),
        bundle.part("captioner.safetensors"),
    )
    tokenizer = load_tokenizer(bundle.part("tokenizer.json"))
    if (tokens := tokenizer.get_vocab_size()) > config.gpt2.vocab_size:
        raise UserError(
            f"{bundle.folder / 'tokenizer.json'} has {tokens} tokens, the captioner"
            f" {config.gpt2.vocab_size}; fetch the bundle again"
        )
    stop_id = tokenizer.token_to_id(config.stop)
    if stop_id is None:
        raise UserError(f"{bundle.folder / 'tokenizer.json'} has no token {config.stop!r}")
    saying = bundle.config.saying
    return PrefixCaptioner(
        model, tokenizer, stop_id, config.max_tokens, draws=config.draws,
        temperature=config.temperature, seed=seed,
        gate=None if saying is None else Gate(saying, tokenizer),
    )  # fmt: skip
