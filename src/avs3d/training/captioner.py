"""The captioner of a bundle (paper, 3.3; ClipCap): an embedding of a view to a sentence.

It learns from embeddings of views and their captions; or from text alone, where a text encoder puts
sentences where the pooling puts views: the model then turns a sentence's embedding back into the
sentence. What the pooling gives is a blurred mean over all that could be said of a view, so texts'
embeddings are blurred alike; where there are embeddings of views too, half of the inputs are those.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, field_validator, model_validator
from safetensors.torch import save
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn

from avs3d.atomic import write_bytes, write_json
from avs3d.bundle_config import BundleName
from avs3d.captioning.points import load_tokenizer
from avs3d.errors import UserError, first_line
from avs3d.io.source import show
from avs3d.models.configs import CaptionerConfig, Gpt2Config, TransformerMappingConfig
from avs3d.models.prefix_lm import PrefixLanguageModel
from avs3d.text import ClipTextEncoder, SentenceEncoder, TextEncoder
from avs3d.training import export
from avs3d.training.captions import STOP, Corpus, read_corpus
from avs3d.training.common import RunSettings, bundle_of, data_hash
from avs3d.training.loop import Draws, fit

VOCABULARY = 2000
_NO_DROPOUT: dict[str, Any] = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
SIZES = Gpt2Config(n_positions=80, n_embd=192, n_layer=4, n_head=6, **_NO_DROPOUT)
_IGNORED = -100


class LanguageSettings(RunSettings):
    """How a captioner learns.

    Attributes:
        train: ``mapping`` alone, or ``all``: the language model too.
        mapping: ``mlp``, or ``transformer``.
        clip_length, layers: of the transformer.
        prefix_length: invented words that stand for an embedding.
        language_model: folder of a GPT-2 in transformers' format; None: a small new one.
        gpt2: of the new one, what differs from `SIZES`; its `vocab_size` follows from the captions.
        max_tokens: where captions are broken off.
        batch: captions of a step.
        noise: length of the random vector that is added to a text's embedding of length one, drawn
            from 0 to this.
    """

    train: Literal["mapping", "all"] = "all"
    mapping: Literal["mlp", "transformer"] = "mlp"
    clip_length: int = Field(default=10, gt=0, le=256)
    layers: int = Field(default=8, gt=0, le=64)
    prefix_length: int = Field(default=5, gt=0, le=256)
    language_model: str | None = None
    gpt2: Gpt2Config = SIZES
    max_tokens: int = Field(default=60, gt=0, le=512)
    batch: int = Field(default=64, gt=0)
    noise: float = Field(default=0.7, ge=0)
    workers: int = 0

    @field_validator("gpt2", mode="before")
    @classmethod
    def _like_sizes(cls, given: Any) -> Any:
        return {**SIZES.model_dump(), **given} if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _enough(self) -> LanguageSettings:
        if self.train == "mapping" and self.language_model is None:
            raise ValueError("train: mapping needs a language_model that can speak already")
        if self.schedule.evaluate_every:
            raise ValueError("schedule.evaluate_every: captioners have no exam; set it to 0")
        return self


class CaptionerSettings(LanguageSettings):
    """Settings of `avs3d train captioner`.

    Attributes:
        bundle: with a pooling; gets the captioner.
        captions: JSON ``{scene: {view: caption}}``.
        images: ``cached_img_clip_feature_SPLIT.pt`` with an embedding of each view; None: text
            alone.
        text_encoder: of the space of the pooling, to learn from text; None: from embeddings alone.
        name: of the bundle.
    """

    bundle: str
    captions: str
    images: str | None = None
    text_encoder: str | None = None
    name: BundleName = "captioned"

    @model_validator(mode="after")
    def _something(self) -> CaptionerSettings:
        if self.images is None and self.text_encoder is None:
            raise ValueError("give images, or a text_encoder to learn from text alone")
        return self


class CaptionerTraining:
    """A training of the captioner.

    Args:
        settings: see there.
        overfit: learn the first so many views by heart; 0: all of them.
    """

    def __init__(self, settings: CaptionerSettings, overfit: int = 0) -> None:
        self.settings = settings
        self.bundle = bundle_of(settings.bundle, ("pooling",))
        pooling = self.bundle.config.pooling
        assert pooling is not None
        images = None if settings.images is None else Path(settings.images)
        corpus = read_corpus(Path(settings.captions), images, pooling.out_channels)
        if overfit:
            seen = None if corpus.seen is None else corpus.seen[:overfit]
            corpus = Corpus(corpus.captions[:overfit], seen)
        encoder = None if settings.text_encoder is None else uncached(settings.text_encoder)
        if encoder is not None and encoder.dim != pooling.out_channels:
            raise UserError(
                f"text encoder {settings.text_encoder}: {encoder.dim} wide, the pooling of bundle"
                f" {self.bundle.name} gives {pooling.out_channels}; give the encoder of its space"
            )
        self.language = Language(settings, corpus, encoder, pooling.out_channels)
        self.module: nn.Module = self.language.model
        self.source = self.language.source

    def step(self, module: nn.Module, drawn: Drawn) -> tuple[Tensor, dict[str, float]]:
        return self.language.step(module, drawn)

    def to(self, device: torch.device) -> None:
        self.module.to(device)

    def train(self, folder: Path, *, quiet: bool = False) -> None:
        self.language.train(folder, quiet=quiet)

    def export(self, folder: Path) -> Path:
        """The bundle in `folder`."""
        settings = self.settings
        # What was sure of the captions that it had before says nothing of these.
        config = self.bundle.config.model_copy(
            update={"name": settings.name, "captioner": self.language.config, "saying": None}
        )
        told = {"start": self.bundle.provenance}
        self.language.save(folder)
        return export.bundle(
            folder, config, self.bundle.modules, settings, self.data(), told, captioner=folder
        )  # fmt: skip

    def data(self, *, sizes: bool = True) -> str:
        """See `data_hash`."""
        settings = self.settings
        files = [Path(file) for file in (settings.captions, settings.images) if file is not None]
        return data_hash((), whole=files, bundle=settings.bundle)


@dataclass(frozen=True)
class Drawn:
    """Captions that are learned from together.

    Attributes:
        rows: which of all captions.
        texts: the captions themselves.
        rng: of what else is drawn for them.
    """

    rows: np.ndarray
    texts: list[str]
    rng: np.random.Generator

    def plain(self) -> dict[str, list[str]]:
        """For a file that anybody can look into."""
        return {"captions": self.texts}


@dataclass(frozen=True)
class CaptionDraws:
    """A `Source` of the loop: captions of about the same length, which leaves less padding.

    Attributes:
        draws: the generators.
        captions: all of them.
        lengths: (captions,) their tokens.
        batch: captions drawn at a time.
    """

    draws: Draws
    captions: list[str]
    lengths: np.ndarray
    batch: int

    def __call__(self, step: int, rank: int, world: int) -> list[tuple[float, Drawn]]:
        return [(share, self._drawn(rng)) for share, rng in self.draws(step, rank, world)]

    def _drawn(self, rng: np.random.Generator) -> Drawn:
        drawn = rng.integers(len(self.captions), size=4 * self.batch)
        drawn = drawn[np.argsort(self.lengths[drawn], kind="stable")]
        start = self.batch * int(rng.integers(4))
        rows = drawn[start : start + self.batch]
        return Drawn(rows, [self.captions[row] for row in rows], rng)


class Language:
    """A prefix language model, and the captions that it learns.

    Args:
        settings: see there.
        corpus: views and captions.
        encoder: of the space of the embeddings; not a cached one, since there are more captions
            than a cache should keep. None: only the views' own embeddings are learned from.
        dim: width of the embeddings.
    """

    def __init__(
        self, settings: LanguageSettings, corpus: Corpus, encoder: TextEncoder | None, dim: int
    ) -> None:
        self._settings, self._encoder = settings, encoder
        self._captions = [caption for view in corpus.captions for caption in view]
        views = len(corpus.captions)
        self._owners = np.repeat(np.arange(views), [len(view) for view in corpus.captions])
        seen = np.full((views, dim), np.nan, np.float32) if corpus.seen is None else corpus.seen
        self._seen = torch.from_numpy(seen)
        self._embeddings: Tensor | None = None
        self.tokenizer = self._tokenizer()
        gpt2, weights = self._gpt2()
        room = gpt2.n_positions - settings.prefix_length
        if room < 1:
            raise UserError(
                f"prefix_length {settings.prefix_length}: leaves no room for words, of"
                f" {gpt2.n_positions} tokens in all (gpt2.n_positions); lower it"
            )
        mapping = TransformerMappingConfig(clip_length=settings.clip_length, layers=settings.layers)
        self.config = CaptionerConfig(
            embedding_dim=dim,
            prefix_length=settings.prefix_length,
            transformer=mapping if settings.mapping == "transformer" else None,
            stop=STOP,
            max_tokens=settings.max_tokens,
            draws=0,
            temperature=1.0,
            gpt2=gpt2,
        )
        torch.manual_seed(settings.seed)
        sizes = self.config.model_dump(
            include={"embedding_dim", "prefix_length", "gpt2", "transformer"}
        )
        self.model = PrefixLanguageModel(**sizes)
        if weights is not None:
            self.model.gpt["transformer"].load_state_dict(weights)
        self.model.gpt.requires_grad_(settings.train == "all")
        encoded = self.tokenizer.encode_batch(self._captions)
        self._tokens = [encoding.ids[:room] for encoding in encoded]
        self._lengths = np.array([len(ids) for ids in self._tokens])
        self._first = np.searchsorted(self._owners, self._owners)  # of the captions of a view
        self._count = np.bincount(self._owners)[self._owners]
        draws = Draws(settings.seed, settings.schedule.accumulate)
        self.source = CaptionDraws(draws, self._captions, self._lengths, settings.batch)

    def train(self, folder: Path, *, quiet: bool = True) -> None:
        """See `avs3d.training.loop.fit`; the texts' embeddings are kept in the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._embed(folder)
        self.model.train()
        settings = self._settings
        fit(
            self.model, self.step, settings.schedule, folder, seed=settings.seed,
            source=self.source, habits=settings.habits(quiet),
        )  # fmt: skip
        self.model.eval()

    def save(self, folder: Path) -> None:
        """Write `captioner.safetensors`, `tokenizer.json` and `captioner.json`."""
        state = self.model.state_dict()
        half = {key: value.half().contiguous() for key, value in state.items()}
        write_bytes(folder / "captioner.safetensors", save(half))
        write_bytes(folder / "tokenizer.json", self.tokenizer.to_str().encode())
        write_json(folder / "captioner.json", self.config.model_dump(mode="json"))

    def step(self, module: nn.Module, drawn: Drawn) -> tuple[Tensor, dict[str, float]]:
        """The mean loss of the tokens of a batch of captions."""
        device, rows = next(module.parameters()).device, drawn.rows
        width = self._lengths[rows].max()
        targets = torch.full((len(rows), width), _IGNORED)
        inputs = self._inputs(rows, drawn.rng)
        for place, row in enumerate(rows):
            targets[place, : self._lengths[row]] = torch.tensor(self._tokens[row])
        inputs, targets = inputs.to(device), targets.to(device)
        logits = module(inputs, targets.clamp(min=0))[:, :-1]
        loss = F.cross_entropy(
            logits.flatten(0, 1).float(), targets.flatten(), ignore_index=_IGNORED
        )
        return loss, {}

    def _inputs(self, rows: np.ndarray, rng: np.random.Generator) -> Tensor:
        """(B, D): texts' embeddings, blurred; half of the views that have one give their own."""
        pooled = self._seen[self._owners[rows]]
        if self._encoder is None:
            return pooled
        if self._embeddings is None:  # a step by itself, without `train`
            self._embeddings = torch.from_numpy(self._encoder.encode(self._captions))
        inputs = blurred(
            self._embeddings, rows, self._first[rows], self._count[rows], self._settings.noise, rng
        )
        real = torch.from_numpy(rng.random(len(rows)) < 0.5) & pooled[:, 0].isfinite()
        return torch.where(real[:, None], pooled, inputs)

    def _tokenizer(self) -> Tokenizer:
        """That of the language model; or a byte-level BPE of the captions' own words, in which the
        stop is a token of its own."""
        name = self._settings.language_model
        if name is not None:
            if not Path(name).is_dir():
                raise UserError(
                    f"{show(Path(name))}: no such folder; give that of a GPT-2 in transformers'"
                    " format with --set language_model=FOLDER"
                )
            return load_tokenizer(Path(name) / "tokenizer.json")
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            min_frequency=2,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(self._captions, trainer)
        return tokenizer

    def _gpt2(self) -> tuple[Gpt2Config, dict[str, Tensor] | None]:
        """Its sizes, and its weights where it is not new."""
        name = self._settings.language_model
        if name is None:
            size = {"vocab_size": self.tokenizer.get_vocab_size()}
            return self._settings.gpt2.model_copy(update=size), None
        from transformers import GPT2Model

        try:
            known = GPT2Model.from_pretrained(name, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError) as error:
            raise UserError(
                f"{show(Path(name))}: holds no GPT-2 as config.json and model.safetensors"
                f" ({first_line(error)[:120]}); give its folder"
            ) from None
        sizes = ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head")
        fields = {size: getattr(known.config, size) for size in sizes} | _NO_DROPOUT
        return Gpt2Config(**fields), known.state_dict()

    def _embed(self, folder: Path) -> None:
        """Embeddings of the captions, (captions, D) float32, from the folder the second time."""
        if self._encoder is None:
            return
        key = "\0".join([self._encoder.fingerprint, *self._captions]).encode()
        path = folder / f"embeddings_{hashlib.sha256(key).hexdigest()[:16]}.npy"
        if not path.exists():
            part = path.with_suffix(".part.npy")
            np.save(part, self._encoder.encode(self._captions).astype(np.float16))
            part.replace(path)
        found = np.load(path, allow_pickle=False).astype(np.float32)
        self._embeddings = torch.from_numpy(found)


def uncached(spec: str) -> TextEncoder:
    """The text encoder of a spec (see `load_text_encoder`) without its cache."""
    kind, _, place = spec.partition(":")
    if kind == "clip":
        return ClipTextEncoder(place)
    return SentenceEncoder(place or spec)


def blurred(
    embeddings: Tensor,
    rows: np.ndarray,
    first: np.ndarray,
    count: np.ndarray,
    most: float,
    rng: np.random.Generator,
) -> Tensor:
    """Each caption's embedding, mixed with another of its view, with noise, at a random length."""
    others = embeddings[first + rng.integers(count)]
    share = torch.from_numpy(rng.uniform(0, 0.6, (len(rows), 1)).astype(np.float32))
    mixed = F.normalize(torch.lerp(embeddings[rows], others, share), dim=1)
    noise = rng.normal(size=mixed.shape) * rng.uniform(0, most, (len(rows), 1))
    noisy = mixed + torch.from_numpy((noise / np.sqrt(mixed.shape[1])).astype(np.float32))
    # The mean of many sentences is shorter than one of them.
    length = torch.from_numpy(rng.uniform(0.5, 1.0, (len(rows), 1)).astype(np.float32))
    return F.normalize(noisy, dim=1) * length
