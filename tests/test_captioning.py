from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from avs3d.captioning import PrefixCaptioner, load_captioner
from avs3d.captioning.points import load_tokenizer
from avs3d.errors import UserError
from avs3d.models.configs import Gpt2Config
from avs3d.models.prefix_lm import PrefixLanguageModel
from avs3d.text import SentenceEncoder
from avs3d.training.captioner import Language, LanguageSettings
from avs3d.training.captions import Corpus
from avs3d.training.loop import Schedule
from avs3d.training.simulated_views import training_captions

VIEWS = [["A car on the road.", "There is a car."], ["Two trees and a wall.", "Trees by a wall."]]
SIZES = Gpt2Config(
    n_positions=40, n_embd=48, n_layer=2, n_head=2, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0
)
SETTINGS = LanguageSettings(
    schedule=Schedule(steps=160, lr=5e-3, warmup=10, average=0.9), gpt2=SIZES
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A captioner that knows two views."""
    folder = tmp_path_factory.mktemp("captioner")
    train(folder)
    return folder


def train(folder: Path) -> None:
    language = Language(SETTINGS, Corpus(VIEWS), SentenceEncoder("minilm"), 384)
    language.train(folder)
    language.save(folder)


def captioner_of(folder: Path, beams: int = 1) -> PrefixCaptioner:
    from safetensors.torch import load_file

    config = json.loads((folder / "captioner.json").read_text())
    model = PrefixLanguageModel(config["embedding_dim"], config["prefix_length"], config["gpt2"])
    model.load_state_dict(load_file(folder / "captioner.safetensors"))
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    stop_id = tokenizer.token_to_id(config["stop"])
    return PrefixCaptioner(model.eval(), tokenizer, stop_id, config["max_tokens"], beams)


@pytest.mark.parametrize("beams", [1, 3])
def test_trained_captions_say_what_the_embedding_says(trained: Path, beams: int) -> None:
    embeddings = SentenceEncoder("minilm").encode([view[0] for view in VIEWS])
    captions = captioner_of(trained, beams).captions(embeddings)
    for caption, view in zip(captions, VIEWS, strict=True):
        assert caption in view


def test_training_goes_on_where_it_stopped(trained: Path) -> None:
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    train(trained)
    after = {path.name: path.read_bytes() for path in trained.iterdir()}
    assert before == after


def test_views_that_say_nothing_have_no_caption(trained: Path) -> None:
    captioner = captioner_of(trained)
    embeddings = SentenceEncoder("minilm").encode(["A car on the road."] * 2)
    embeddings[0] = np.nan
    captions = captioner.captions(embeddings)
    assert captions[0] == "" and captions[1] != ""
    assert captioner.captions(np.zeros((0, 384), np.float32)) == []


def test_the_seed_is_that_of_drawn_captions(trained: Path) -> None:
    known = captioner_of(trained)
    embeddings = SentenceEncoder("minilm").encode([" ".join(sum(VIEWS, []))] * 8)

    def drawn(seed: int) -> list[list[str]]:
        captioner = PrefixCaptioner(
            known._model, known._tokenizer, known._stop_id, 12, draws=4, temperature=3, seed=seed
        )
        return captioner.candidates(embeddings)

    assert drawn(1) == drawn(1) != drawn(2)
    assert [some[0] for some in drawn(1)] == [some[0] for some in drawn(2)], "the likeliest"


def test_a_caption_that_is_only_a_stop_is_empty(trained: Path) -> None:
    captioner = captioner_of(trained)
    model = captioner._model
    embeddings = SentenceEncoder("minilm").encode(["A car on the road."])
    first = model.greedy(torch.from_numpy(embeddings), -1, 1)[0][0]
    stopping = PrefixCaptioner(model, captioner._tokenizer, stop_id=first)
    assert stopping.captions(embeddings) == [""]


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b"\xff\xfe", b'{"model": 3}'])
def test_a_damaged_tokenizer_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match="tokenizer.json"):
        load_tokenizer(path)


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="tokenizer.json"):
        load_tokenizer(tmp_path / "tokenizer.json")


class FolderBundle:
    """The part of a bundle that `load_captioner` reads."""

    def __init__(self, folder: Path, **changes: object) -> None:
        from avs3d.models.configs import CaptionerConfig

        self.name, self.folder = "test", folder
        data = json.loads((folder / "captioner.json").read_text())
        self.part = folder.joinpath
        self.config = type(
            "Config", (), {"captioner": CaptionerConfig(**{**data, **changes}), "saying": None}
        )


def test_a_bundle_gives_its_captioner(trained: Path) -> None:
    captioner = load_captioner(FolderBundle(trained))  # type: ignore[arg-type]
    embeddings = SentenceEncoder("minilm").encode([VIEWS[0][0]])
    assert captioner.captions(embeddings) == captioner_of(trained).captions(embeddings)


@pytest.mark.parametrize(
    "changes",
    [{"prefix_length": 7}, {"prefix_length": 200}, {"gpt2": {"n_embd": 7}}, {"stop": "~~"}],
)
def test_a_config_that_does_not_fit_is_named(trained: Path, changes: dict[str, object]) -> None:
    with pytest.raises(UserError) as caught:
        load_captioner(FolderBundle(trained, **changes))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_damaged_weights_are_named(trained: Path, tmp_path: Path) -> None:
    for name in ("captioner.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    bundle = FolderBundle(tmp_path)
    with pytest.raises(UserError, match="captioner.safetensors"):
        load_captioner(bundle)  # type: ignore[arg-type]
    save_file({"other": torch.zeros(1)}, tmp_path / "captioner.safetensors")
    with pytest.raises(UserError, match="captioner.safetensors"):
        load_captioner(bundle)  # type: ignore[arg-type]


def test_training_captions_come_in_views_and_from_the_seed() -> None:
    views = training_captions([], 12, per_view=3, seed=4)
    assert views == training_captions([], 12, per_view=3, seed=4)
    assert views != training_captions([], 12, per_view=3, seed=5)
    assert all(1 <= len(view) <= 3 and len(set(view)) == len(view) for view in views)
