from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from avs3d import cache
from avs3d.errors import UserError
from avs3d.text import CachedEncoder, load_text_encoder


class HashEncoder:
    """A real, tiny encoder: letters counted into eight bins. Remembers what it was asked."""

    name = "hash"
    fingerprint = "1"
    dim = 8

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        counts = np.ones((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(counts, texts, strict=True):
            for letter in text:
                row[ord(letter) % self.dim] += 1
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def test_a_hit_is_the_same_bytes_and_asks_nothing(tmp_path: Path) -> None:
    texts = ["a car", "a tree", "a car"]
    first = CachedEncoder(HashEncoder(), tmp_path).encode(texts)
    inner = HashEncoder()
    again = CachedEncoder(inner, tmp_path).encode(texts)
    assert first.tobytes() == again.tobytes() == HashEncoder().encode(texts).tobytes()
    assert first.dtype == np.float32
    assert inner.asked == []


def test_other_weights_are_other_entries(tmp_path: Path) -> None:
    CachedEncoder(HashEncoder(), tmp_path).encode(["a car"])
    inner = HashEncoder()
    inner.fingerprint = "2"
    CachedEncoder(inner, tmp_path).encode(["a car"])
    assert inner.asked == ["a car"]


def test_no_texts(tmp_path: Path) -> None:
    assert CachedEncoder(HashEncoder(), tmp_path).encode([]).shape == (0, 8)


@settings(max_examples=60)
@given(garbage=st.binary(max_size=200))
@example(garbage=b"\x00\x00\x81\x7f")  # a signalling NaN
def test_damaged_files_count_as_absent(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    encoder = CachedEncoder(HashEncoder(), folder)
    expected = encoder.encode(["a car", "a tree"])
    sorted(folder.iterdir())[0].write_bytes(garbage)
    assert np.array_equal(encoder.encode(["a car", "a tree"]), expected)


def test_a_file_of_another_width_is_not_trusted(tmp_path: Path) -> None:
    encoder = CachedEncoder(HashEncoder(), tmp_path)
    expected = encoder.encode(["a car", "a tree"])
    sorted(tmp_path.iterdir())[0].write_bytes(np.array([1.0], "<f4").tobytes())
    assert np.array_equal(encoder.encode(["a car", "a tree"]), expected)


@settings(max_examples=60)
@given(text=st.text(alphabet=st.characters(), max_size=30))
def test_any_text_can_be_asked(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("cache")
    assert CachedEncoder(HashEncoder(), folder).encode([text, "\ud800"]).shape == (2, 8)


def test_a_folder_that_cannot_be_made_means_no_cache(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    inner = HashEncoder()
    encoder = CachedEncoder(inner, blocked / "text")
    assert encoder.encode(["a car"]).shape == (1, 8)
    assert encoder.encode(["a car"]).shape == (1, 8)
    assert inner.asked == ["a car", "a car"]


def test_the_oldest_go_when_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MAX_FILES", 3)
    encoder = CachedEncoder(HashEncoder(), tmp_path)
    for age, text in enumerate(["one", "two", "three", "four", "five"]):
        encoder.encode([text])
        newest = max(tmp_path.iterdir(), key=lambda p: p.stat().st_ctime_ns)
        os.utime(newest, (1000 + age, 1000 + age))
    inner = HashEncoder()
    CachedEncoder(inner, tmp_path).encode(["four", "five"])
    assert len(list(tmp_path.iterdir())) == 3
    assert inner.asked == []


def test_cache_root_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVS3D_CACHE", str(tmp_path))
    assert cache.cache_root() == tmp_path


@pytest.mark.parametrize("spec", ["", "minlm", "clip:", "sentence:", "word2vec:x"])
def test_unknown_specs_are_named(spec: str) -> None:
    with pytest.raises(UserError, match="minilm, clip:"):
        load_text_encoder(spec)


def test_a_cached_word_needs_no_model_library(tmp_path: Path) -> None:
    """The packaged MiniLM once, then again in a process that must not import what is slow."""
    code = (
        "import sys; from avs3d.text import load_text_encoder\n"
        "v = load_text_encoder('minilm').encode(['a car in a scene'])\n"
        "slow = {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)\n"
        "print(v.shape, sorted(slow), v.tobytes().hex()[:64])"
    )
    env = {**os.environ, "AVS3D_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        for _ in range(2)
    ]
    assert outputs[0].stdout.startswith("(1, 384) ['sentence_transformers'")
    assert outputs[1].stdout.startswith("(1, 384) []")
    assert outputs[0].stdout.split()[-1] == outputs[1].stdout.split()[-1]
    assert outputs[0].stderr == ""
