from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avs3d.errors import UserError
from avs3d.labelsets import load as load_labels
from avs3d.text import ClipTextEncoder, SentenceEncoder
from avs3d.vision.clip import ClipVision
from tiny import make_clip

DIM = 24


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip"), DIM)


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


@pytest.mark.parametrize("tower", [ClipTextEncoder, ClipVision])
def test_code_in_a_models_folder_is_never_run(
    tower: Any, tiny_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_clip, folder)
    (folder / "code.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')\nclass Own: ...\n")
    for name, kind, entry in (
        ("tokenizer_config.json", "tokenizer_class", {"AutoTokenizer": ["code.Own", None]}),
        ("preprocessor_config.json", "image_processor_type", {"AutoImageProcessor": "code.Own"}),
        ("config.json", "model_type", {"AutoConfig": "code.Own"}),
    ):
        (folder / name).write_text(json.dumps({kind: "Own", "auto_map": entry}))
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "y")
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="could not be loaded"):
        _ = tower(str(folder)).dim
    assert not asked and not (tmp_path / "run").exists()


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


@pytest.mark.parametrize("listed", [False, True], ids=["no-listing", "listing"])
def test_hub_id_is_found_in_the_hub_cache(
    tiny_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: bool
) -> None:
    """Offline, with the layout that a download leaves behind: some of the repository's files, and
    with newer versions of its library a list of all."""
    from huggingface_hub import constants

    commit, repo = "0" * 40, tmp_path / "models--someone--tiny-clip"
    folder = repo / "snapshots" / commit
    shutil.copytree(tiny_clip, folder)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    if listed:
        others = ["README.md", "flax_model.msgpack", "pytorch_model.bin"]
        names = [*others, *(path.name for path in folder.iterdir())]
        files = {name: {"size": 1, "blob_id": "x"} for name in names}
        (repo / "trees").mkdir()
        tree = json.dumps({"format_version": 1, "files": files})
        (repo / "trees" / f"{commit}.json").write_text(tree)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert ClipTextEncoder("someone/tiny-clip").encode(["car"]).shape == (1, DIM)
    if listed:  # a download that was broken off
        (folder / "config.json").unlink()
        with pytest.raises(UserError, match="is not on this machine and could not be fetched"):
            ClipTextEncoder("someone/tiny-clip").encode(["car"])


def test_minilm_knows_what_is_alike() -> None:
    encoder = SentenceEncoder("minilm")
    vectors = encoder.encode(["a car in a scene", "an automobile in a scene", "a tree in a scene"])
    assert vectors.shape == (3, encoder.dim) == (3, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    car, automobile, tree = vectors
    assert car @ automobile > 0.9 > car @ tree
    assert encoder.encode([]).shape == (0, 384)


@pytest.mark.parametrize("spec", ["minilm", "clip"])
def test_a_text_is_the_same_beside_any_others(spec: str, tiny_clip: Path) -> None:
    encoder = SentenceEncoder("minilm") if spec == "minilm" else ClipTextEncoder(str(tiny_clip))
    words = [*load_labels("scannet-200").classes[:60], "a sentence of many words", ""]
    together = dict(zip(words, encoder.encode(words), strict=True))
    rng = np.random.default_rng(0)
    for count in (1, 2, 7, 8, 9, 40):
        some = [str(word) for word in rng.choice(words, count, replace=False)]
        found, expected = encoder.encode(some), np.stack([together[word] for word in some])
        if spec == "minilm":
            assert found.tobytes() == expected.tobytes()
        else:  # so narrow that rows share vectors of the processor
            np.testing.assert_allclose(found, expected, atol=1e-6)
