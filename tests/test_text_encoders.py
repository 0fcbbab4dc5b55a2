from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from avs3d.errors import UserError
from avs3d.text import ClipTextEncoder, SentenceEncoder

DIM = 24


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole CLIP of random weights, saved as a hub folder is."""
    import torch
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    folder = tmp_path_factory.mktemp("clip")
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = [*letters, *(f"{c}</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    vocab = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    common = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    common |= {"num_attention_heads": 2, "projection_dim": DIM}
    ends = {"bos_token_id": len(tokens) - 2, "eos_token_id": len(tokens) - 1}
    config = CLIPConfig(
        text_config={"vocab_size": len(tokens), "max_position_embeddings": 20, **common, **ends},
        vision_config={"image_size": 8, "patch_size": 4, **common},
        projection_dim=DIM,
    )
    torch.manual_seed(0)
    CLIPModel(config).save_pretrained(folder)
    return folder


def test_clip_matches_the_whole_model(tiny_clip: Path) -> None:
    import torch
    from transformers import AutoTokenizer, CLIPModel

    texts = ["a car in a scene", "tree", "x" * 50]
    encoder = ClipTextEncoder(str(tiny_clip))
    ours = encoder.encode(texts)
    model = CLIPModel.from_pretrained(tiny_clip).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_clip)
    for text, row in zip(texts, ours, strict=True):
        tokens = tokenizer([text], truncation=True, max_length=20, return_tensors="pt")
        with torch.no_grad():
            hidden = model.text_model(**tokens).pooler_output
            expected = torch.nn.functional.normalize(model.text_projection(hidden), dim=-1)
        np.testing.assert_allclose(row, expected[0].numpy(), atol=1e-6)
    assert ours.dtype == np.float32
    assert encoder.dim == DIM
    assert encoder.encode([]).shape == (0, DIM)


def test_clip_says_what_is_missing(tiny_clip: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_clip, broken)
    (broken / "model.safetensors").write_bytes(b"not weights")
    for place in (broken, tmp_path):
        with pytest.raises(UserError, match="could not be loaded") as caught:
            ClipTextEncoder(str(place)).encode(["car"])
        assert "\n" not in str(caught.value)


def test_fingerprint_follows_the_weights(tiny_clip: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_clip, copy)
    before = ClipTextEncoder(str(copy)).fingerprint
    (copy / "model.safetensors").write_bytes(b"other weights")
    assert ClipTextEncoder(str(copy)).fingerprint != before


@pytest.mark.parametrize("place", ["no/such/folder/here", "../nowhere", "nobody/nothing"])
def test_missing_models_are_the_users_error(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError) as caught:
        ClipTextEncoder(place).encode(["car"])
    assert place in str(caught.value)
    assert "\n" not in str(caught.value)


def test_hub_id_is_found_in_the_hub_cache(
    tiny_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline, with the layout that a download leaves behind."""
    from huggingface_hub import constants

    repo = tmp_path / "models--someone--tiny-clip"
    shutil.copytree(tiny_clip, repo / "snapshots" / ("0" * 40))
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert ClipTextEncoder("someone/tiny-clip").encode(["car"]).shape == (1, DIM)


def test_minilm_knows_what_is_alike() -> None:
    encoder = SentenceEncoder("minilm")
    vectors = encoder.encode(["a car in a scene", "an automobile in a scene", "a tree in a scene"])
    assert vectors.shape == (3, encoder.dim) == (3, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    car, automobile, tree = vectors
    assert car @ automobile > 0.9 > car @ tree
    assert encoder.encode([]).shape == (0, 384)
