"""What a bundle was taught helps with words that it was not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError

import avs3d
from avs3d.bundle import Bundle, save_bundle
from avs3d.bundle_config import KnownWordsConfig
from avs3d.errors import UserError
from avs3d.known_words import KnowingHead, KnownWords
from avs3d.scan import Scan
from avs3d.segmenter import WordHead, best
from avs3d.text import SentenceEncoder
from avs3d.training.taught_words import taught_words
from avs3d.vocabulary import Vocabulary
from tiny import make_bundle

CONFIG = KnownWordsConfig(
    kinds=("truck", "tree"), words={"truck": (0,), "tree": (1,), "object": (0, 1), "sky": ()},
    scale=20, sharpness=40, weight=0.1, least=1e-4,
)  # fmt: skip
TRUCK, TREE, OBJECT, SKY = torch.eye(6)[:4]
LORRY = F.normalize(TRUCK + torch.eye(6)[4], dim=0)  # like "truck", and like nothing known


@pytest.fixture
def head() -> KnowingHead:
    known = KnownWords(CONFIG, 6)
    known.embeddings = torch.stack([TRUCK, TREE, OBJECT, SKY])
    return KnowingHead(WordHead(torch.eye(6)), known)


def test_meanings(head: KnowingHead) -> None:
    found = head._known.meanings(torch.stack([TRUCK, LORRY, OBJECT, SKY]))
    expected = torch.tensor([[1.0, 0], [1, 0], [1, 1], [0, 0]])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_a_word_never_taught_is_found_by_what_is_like_it(head: KnowingHead) -> None:
    truck = F.normalize(TRUCK - 0.6 * torch.eye(6)[4], dim=0)  # away from what "lorry" adds
    tree = F.normalize(TREE + 0.6 * torch.eye(6)[4], dim=0)
    rows, words = torch.stack([truck, tree]), LORRY[None]
    plain = WordHead(torch.eye(6)).similarity(rows, words)[:, 0]
    knowing = head.similarity(rows, words)[:, 0]
    assert plain[0] < plain[1], "else the case is too easy"
    assert knowing[0] > knowing[1]


def test_taught_words_keep_their_cosine(head: KnowingHead) -> None:
    words = torch.stack([TRUCK, TREE, LORRY, OBJECT, SKY])
    rows = F.normalize(torch.tensor([[1.0, 0.2, 0, 0, 0.5, 0], [0.1, 1, 0, 0.4, 0, 0.3]]), dim=1)
    found, cosine = head.similarity(rows, words), rows @ words.T
    taught = [0, 1, 3, 4]
    torch.testing.assert_close(found[:, taught], cosine[:, taught])
    assert cosine[0, 2] - found[0, 2] < 0.01
    least = CONFIG.weight * np.log(CONFIG.least)  # no point of the second row is of its kinds
    assert float(found[1, 2]) == pytest.approx(float(cosine[1, 2]) + least, abs=0.02)
    label = best(head, rows, words).label
    assert label.tolist() == [2, 1]
    torch.testing.assert_close(head.cosine(rows, words, label), cosine[[0, 1], label])


def test_a_bundle_carries_them(tmp_path: Path) -> None:
    bundle = Bundle.load(make_bundle(tmp_path / "plain"))
    known = taught_words(SentenceEncoder("minilm"), bundle.config.prompt)
    config = bundle.config.model_copy(
        update={"known_words": known.config, "pooling": None, "captioner": None}
    )
    modules = {"network": bundle.network, "known_words": known}
    save_bundle(tmp_path / "knowing", config, modules, half=True)
    again = Bundle.load(tmp_path / "knowing")
    assert again.known_words is not None
    torch.testing.assert_close(again.known_words.embeddings, known.embeddings, atol=1e-3, rtol=0)
    again.save(tmp_path / "copy")
    files = [tmp_path / name / "known_words.safetensors" for name in ("knowing", "copy")]
    assert files[1].exists() and Bundle.load(tmp_path / "copy").known_words is not None

    points = np.random.default_rng(0).uniform(0, 9, (500, 3)).astype(np.float32)
    words = Vocabulary.from_words(["lorry", "shrub", "car"])
    plain, knowing = (
        avs3d.load(tmp_path / name).encode(Scan(points)) for name in ("plain", "knowing")
    )
    assert not np.allclose(plain.query("lorry"), knowing.query("lorry"))
    told = knowing.segment(words)
    assert told.cosine is not None and (np.abs(told.cosine) <= 1.0001).all()
    both = np.stack([plain.query(word) for word in words.words], 1)
    np.testing.assert_allclose(told.cosine, both[range(len(points)), told.label], atol=2e-3)

    files[0].unlink()
    with pytest.raises(UserError, match="known_words"):
        Bundle.load(tmp_path / "knowing")


@pytest.mark.parametrize(
    ("words", "said"),
    [({"truck": (0,), "tree": (2,)}, "none of the 2"), ({"truck": (0,)}, "'tree' is a kind but")],
)
def test_a_config_at_odds_with_itself(words: dict[str, tuple[int, ...]], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        KnownWordsConfig(**(CONFIG.model_dump() | {"words": words}))


def test_the_packaged_bundle_knows_what_it_was_taught() -> None:
    bundle = Bundle.load("street-mini")
    assert bundle.known_words is not None
    known = taught_words(SentenceEncoder(bundle.text_encoder), bundle.config.prompt)
    assert bundle.config.known_words == known.config
    torch.testing.assert_close(bundle.known_words.embeddings, known.embeddings, atol=1e-3, rtol=0)


def test_words_that_the_bundle_tells_need_no_text_encoder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AVS3D_CACHE", str(tmp_path))
    pipeline = avs3d.load("street-mini")
    asked: list[str] = []
    encode = pipeline.text.encode
    monkeypatch.setattr(pipeline.text, "encode", lambda texts: asked.extend(texts) or encode(texts))
    words = pipeline.words(("car", "zeppelin", "tree", "car"))
    assert asked == pipeline.bundle.prompts(("zeppelin",))
    expected = torch.from_numpy(encode(pipeline.bundle.prompts(("car", "zeppelin", "tree", "car"))))
    torch.testing.assert_close(words, expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(words.norm(dim=1), torch.ones(4))
    assert (words @ expected.T).diagonal().min() > 0.99999
    assert pipeline.words(()).shape == (0, 384)
