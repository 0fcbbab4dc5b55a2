"""The captioner of a bundle, trained from text, and from pooled views where there are some.

The text encoder puts sentences where the pooling puts views, so the prefix language model learns
to turn a sentence's embedding back into the sentence. What the pooling gives is a blurred mean
over all that could be said of a view; the inputs here are blurred alike, and where there are
pooled views, half of their inputs are what the pooling really gave.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn

from avs3d.atomic import write_bytes, write_json
from avs3d.models.prefix_lm import PrefixLanguageModel
from avs3d.simulation.dataset import load
from avs3d.simulation.words.captions import write
from avs3d.simulation.words.lexicon import Lexicon, lexicon
from avs3d.simulation.words.random_views import random_view
from avs3d.simulation.words.salience import Thing, salient
from avs3d.text import TextEncoder
from avs3d.training.loop import Schedule, fit
from avs3d.views import lidar_sectors

STOP = "."
PREFIX_LENGTH = 5
VOCABULARY = 2000
SIZES = {"n_positions": 80, "n_embd": 192, "n_layer": 4, "n_head": 6,
         "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}  # fmt: skip
SCHEDULE = Schedule(steps=1500, lr=2e-3, warmup=100, average=0.995)
BATCH = 64
# Length of the random vector that is added to an input of length one, drawn from 0 to this.
NOISE = 0.7
_IGNORED = -100

Views = Sequence[Sequence[str]]


def train_captioner(
    folder: Path,
    views: Views,
    encoder: TextEncoder,
    *,
    pooled: np.ndarray | None = None,
    schedule: Schedule = SCHEDULE,
    sizes: dict[str, Any] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Train on captions and write `captioner.safetensors`, `tokenizer.json`, `captioner.json`.

    Started again, it goes on from the last checkpoint; see `avs3d.training.loop.fit`.

    Args:
        folder: gets the results and all progress.
        views: for each view several true captions of it (one at least).
        encoder: of the space that the pooling is trained to; not a cached one, since there are
            more captions than a cache should keep.
        pooled: (n, D) float32, the pooling's embeddings of the last n views.
        schedule: of the optimiser.
        sizes: fields of transformers' `GPT2Config`, without the vocabulary's size.
        seed: of every random choice.

    Returns:
        What `captioner.json` holds: embedding_dim, prefix_length, stop, max_tokens, gpt2.
    """
    folder.mkdir(parents=True, exist_ok=True)
    captions = [caption for view in views for caption in view]
    owners = np.repeat(np.arange(len(views)), [len(view) for view in views])
    tokenizer = _tokenizer(folder / "tokenizer.json", captions)
    embeddings = _embeddings(folder, captions, encoder)
    config: dict[str, Any] = {
        "embedding_dim": embeddings.shape[1],
        "prefix_length": PREFIX_LENGTH,
        "stop": STOP,
        "max_tokens": 60,
        "gpt2": {"vocab_size": tokenizer.get_vocab_size(), **(sizes or SIZES)},
    }
    torch.manual_seed(seed)
    model = PrefixLanguageModel(config["embedding_dim"], PREFIX_LENGTH, config["gpt2"])
    tokens = [encoding.ids for encoding in tokenizer.encode_batch(captions)]
    model.train()
    seen = np.full((len(views), embeddings.shape[1]), np.nan, np.float32)
    if pooled is not None:
        seen[len(views) - len(pooled) :] = pooled
    fit(
        model,
        _step(embeddings, owners, tokens, torch.from_numpy(seen)),
        schedule,
        folder,
        seed=seed,
    )
    save_file(
        {key: value.half().contiguous() for key, value in model.state_dict().items()},
        folder / "captioner.safetensors",
    )
    write_json(folder / "captioner.json", config)
    return config


def _tokenizer(path: Path, captions: Sequence[str]) -> Tokenizer:
    """A byte-level BPE of the captions' own words; the stop is a token of its own."""
    if path.exists():
        return Tokenizer.from_str(path.read_text("utf-8"))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        min_frequency=2,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    write_bytes(path, tokenizer.to_str().encode())
    return tokenizer


def _embeddings(folder: Path, captions: Sequence[str], encoder: TextEncoder) -> Tensor:
    """(captions, D) float32, kept in the folder for a second start."""
    key = hashlib.sha256("\0".join([encoder.fingerprint, *captions]).encode()).hexdigest()[:16]
    path = folder / f"embeddings_{key}.npy"
    if not path.exists():
        part = path.with_suffix(".part.npy")
        np.save(part, encoder.encode(captions).astype(np.float16))
        part.replace(path)
    return torch.from_numpy(np.load(path, allow_pickle=False).astype(np.float32))


def _step(
    embeddings: Tensor, owners: np.ndarray, tokens: Sequence[Sequence[int]], seen: Tensor
) -> Callable[[nn.Module, np.random.Generator], tuple[Tensor, dict[str, float]]]:
    lengths = np.array([len(ids) for ids in tokens])
    first = np.searchsorted(owners, owners)  # of the captions of the same view
    count = np.bincount(owners)[owners]

    def step(module: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        # Captions of about the same length: less padding.
        drawn = rng.integers(len(tokens), size=4 * BATCH)
        drawn = drawn[np.argsort(lengths[drawn], kind="stable")]
        start = BATCH * int(rng.integers(4))
        rows = drawn[start : start + BATCH]
        inputs = _blurred(embeddings, rows, first[rows], count[rows], rng)
        pooled = seen[owners[rows]]
        real = torch.from_numpy(rng.random(len(rows)) < 0.5) & pooled[:, 0].isfinite()
        inputs = torch.where(real[:, None], pooled, inputs)
        width = lengths[rows].max()
        targets = torch.full((len(rows), width), _IGNORED)
        for place, row in enumerate(rows):
            targets[place, : lengths[row]] = torch.tensor(tokens[row])
        logits = module(inputs, targets.clamp(min=0))[:, :-1]
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=_IGNORED)
        return loss, {}

    return step


def _blurred(
    embeddings: Tensor,
    rows: np.ndarray,
    first: np.ndarray,
    count: np.ndarray,
    rng: np.random.Generator,
) -> Tensor:
    """Each caption's embedding, mixed with another of its view, with noise, at a random length."""
    others = embeddings[first + rng.integers(count)]
    share = torch.from_numpy(rng.uniform(0, 0.6, (len(rows), 1)).astype(np.float32))
    mixed = F.normalize(torch.lerp(embeddings[rows], others, share), dim=1)
    noise = rng.normal(size=mixed.shape) * rng.uniform(0, NOISE, (len(rows), 1))
    noisy = mixed + torch.from_numpy((noise / np.sqrt(mixed.shape[1])).astype(np.float32))
    # The mean of many sentences is shorter than one of them.
    length = torch.from_numpy(rng.uniform(0.5, 1.0, (len(rows), 1)).astype(np.float32))
    return F.normalize(noisy, dim=1) * length


def training_captions(
    scans: Sequence[Path], views: int, *, per_view: int = 4, seed: int = 0
) -> list[list[str]]:
    """True captions of views, half of them from simulated scans and half of made-up views.

    Args:
        scans: files written by `avs3d.simulation`; without any, all views are made up.
        views: how many views.
        per_view: captions of each.
        seed: of every random choice.
    """
    rng, lex = np.random.default_rng(seed), lexicon()
    found: list[list[str]] = []
    if scans:
        for file in rng.permutation(np.array([str(path) for path in scans])):
            for things in _scan_views(Path(file), rng):
                found.append(_captions(things, per_view, rng, lex))
            if len(found) >= views // 2:
                break
    while len(found) < views:
        found.append(_captions(salient(*random_view(rng)), per_view, rng, lex))
    return [captions for captions in found[:views] if captions]


def _scan_views(file: Path, rng: np.random.Generator) -> list[list[Thing]]:
    """What is seen in each azimuth sector of a scan, for a random number of sectors."""
    scan = load(file)
    sectors = lidar_sectors(scan.points, int(rng.integers(6, 17)))
    return [
        salient(scan.points[rows], scan.category[rows], scan.instance[rows]) for rows in sectors.T
    ]


def _captions(things: list[Thing], count: int, rng: np.random.Generator, lex: Lexicon) -> list[str]:
    """Different captions of one view, `count` at most; none when nothing is seen."""
    return sorted({write(things, rng, lex) for _ in range(count)} - {""})
