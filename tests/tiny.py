"""A complete bundle of tiny networks with random weights, as a user's folder would hold it."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from avs3d.bundle import save_bundle
from avs3d.bundle_config import BundleConfig
from avs3d.models.configs import CaptionerConfig, Gpt2Config, NetworkConfig, PoolingConfig
from avs3d.models.minkunet import MinkUNet
from avs3d.models.prefix_lm import PrefixLanguageModel
from avs3d.models.smap import SparseMaskedAttentionPooling

CONFIG = BundleConfig(
    name="tiny",
    text_encoder="minilm",
    prompt="a {word}",
    voxel_size=0.3,
    grid="cloud",
    inputs=("one", "height", "distance", "intensity", "has_intensity"),
    network=NetworkConfig(
        in_channels=5, out_channels=384, planes=(8,) * 8, layers=(1,) * 8, stem=8, stem_kernel=3
    ),
    pooling=PoolingConfig(in_channels=384, channels=16, out_channels=384, heads=2),
    captioner=CaptionerConfig(
        embedding_dim=384,
        prefix_length=2,
        max_tokens=12,
        gpt2=Gpt2Config(vocab_size=300, n_positions=32, n_embd=16, n_layer=1, n_head=2),
    ),
)


def make_bundle(folder: Path, seed: int = 0) -> Path:
    """Write it, with a tokenizer of two sentences, and return the folder."""
    torch.manual_seed(seed)
    assert CONFIG.pooling is not None and CONFIG.captioner is not None
    captioner = CONFIG.captioner
    save_bundle(
        folder,
        CONFIG,
        {
            "network": MinkUNet(**CONFIG.network.model_dump()),
            "pooling": SparseMaskedAttentionPooling(**CONFIG.pooling.model_dump()),
            "captioner": PrefixLanguageModel(
                captioner.embedding_dim, captioner.prefix_length, captioner.gpt2.model_dump()
            ),
        },
    )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["A car on a road.", "A tree by a road."] * 5, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def make_clip(folder: Path, dim: int, image_size: int = 8, seed: int = 0) -> Path:
    """A whole CLIP of random weights with embeddings `dim` wide, saved as a hub folder is.

    It sees squares of `image_size` pixels in patches of 4.
    """
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = [*letters, *(f"{c}</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    vocab = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    common = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    common |= {"num_attention_heads": 2, "projection_dim": dim}
    ends = {"bos_token_id": len(tokens) - 2, "eos_token_id": len(tokens) - 1}
    config = CLIPConfig(
        text_config={"vocab_size": len(tokens), "max_position_embeddings": 20, **common, **ends},
        vision_config={"image_size": image_size, "patch_size": 4, **common},
        projection_dim=dim,
    )
    torch.manual_seed(seed)
    CLIPModel(config).save_pretrained(folder)
    images = {"image_processor_type": "CLIPImageProcessor", "image_mean": [0.4, 0.5, 0.6]}
    images |= {"size": {"shortest_edge": image_size}}
    images |= {"crop_size": {"height": image_size, "width": image_size}}
    (folder / "preprocessor_config.json").write_text(json.dumps(images))
    return folder


def make_gpt2_tokenizer(folder: Path, size: int) -> Path:
    """A byte-level tokenizer of `size` tokens, most of which no text has, as `vocab.json` and
    `merges.txt`."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = letters + [f"<unused {i}>" for i in range(size - len(letters))]
    vocab = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return folder


def make_clip_bundle(folder: Path, clip: Path, dim: int) -> Path:
    """A bundle of a network alone, in the space of a CLIP model from `make_clip`."""
    torch.manual_seed(0)
    network = CONFIG.network.model_copy(update={"out_channels": dim})
    told = {"text_encoder": f"clip:{clip}", "network": network, "pooling": None, "captioner": None}
    config = CONFIG.model_copy(update=told)
    save_bundle(folder, config, {"network": MinkUNet(**network.model_dump())})
    return folder
