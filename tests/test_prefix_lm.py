from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from avs3d.models.prefix_lm import PrefixLanguageModel

GOLDEN = Path(__file__).parent / "data" / "golden"
STOP = 13
SIZES = {"vocab_size": 300, "n_positions": 128, "n_embd": 32, "n_layer": 2, "n_head": 2}
CASES: dict[str, Any] = json.loads((GOLDEN / "clipcap_tiny.json").read_text())


@pytest.fixture(scope="module")
def model() -> PrefixLanguageModel:
    state = torch.load(GOLDEN / "clipcap_tiny_coco_layout.pt", weights_only=True)
    model = PrefixLanguageModel(16, 10, SIZES)
    model.load_state_dict(state)
    return model.eval()


@pytest.fixture(scope="module")
def embeddings() -> torch.Tensor:
    return torch.tensor(CASES["prefixes"])


def expected(case: dict[str, Any], key: str) -> list[int]:
    # The published code fails where the first token is the stop token; that token alone is right.
    text = case[key]
    return [STOP] if text.startswith("EXC") else [int(token) for token in text.split()]


@pytest.mark.parametrize(
    ("key", "max_tokens"),
    [
        ("greedy", 67),
        ("greedy_entry_length_8", 8),
        # Neither the nucleus cut nor the temperature moves the likeliest token.
        ("greedy_top_p_01", 67),
        ("greedy_temp_05", 67),
    ],
)
def test_greedy_matches_the_official_code(
    model: PrefixLanguageModel, embeddings: torch.Tensor, key: str, max_tokens: int
) -> None:
    found = model.greedy(embeddings, STOP, max_tokens)
    assert found == [expected(case, key) for case in CASES["results"]]


@pytest.mark.parametrize(("beams", "max_tokens"), [(1, 12), (2, 12), (2, 67), (5, 12), (5, 67)])
def test_beam_matches_the_official_code(
    model: PrefixLanguageModel, embeddings: torch.Tensor, beams: int, max_tokens: int
) -> None:
    for embedding, case in zip(embeddings, CASES["results"], strict=True):
        found = model.beam(embedding, STOP, beams, max_tokens)
        texts = case[f"beam{beams}_len{max_tokens}"]
        assert found == [[int(token) for token in text.split()] for text in texts]


def test_logits_match_the_official_code(
    model: PrefixLanguageModel, embeddings: torch.Tensor
) -> None:
    for embedding, case in zip(embeddings, CASES["results"], strict=True):
        rows = torch.tensor(case["greedy_logits_first5"])
        tokens = torch.tensor([expected(case, "greedy")])
        with torch.no_grad():
            logits = model(embedding[None], tokens)[0, : len(rows), :5]
        torch.testing.assert_close(logits, rows, atol=1e-5, rtol=1e-5)


def test_one_at_a_time_is_the_same_as_together(
    model: PrefixLanguageModel, embeddings: torch.Tensor
) -> None:
    together = model.greedy(embeddings, STOP)
    assert [model.greedy(row[None], STOP)[0] for row in embeddings] == together


def test_no_embeddings_give_no_captions(model: PrefixLanguageModel) -> None:
    assert model.greedy(torch.zeros(0, 16), STOP) == []


def test_captions_end_where_positions_do() -> None:
    torch.manual_seed(0)
    model = PrefixLanguageModel(4, 3, {**SIZES, "n_positions": 8}).eval()
    assert len(model.greedy(torch.randn(1, 4), -1)[0]) == 5
    assert len(model.beam(torch.randn(4), -1)[0]) == 5


def test_a_prefix_that_fills_all_positions_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        PrefixLanguageModel(4, 128, SIZES)


def test_own_state_survives_a_round_trip(model: PrefixLanguageModel) -> None:
    other = PrefixLanguageModel(16, 10, SIZES)
    other.load_state_dict(model.state_dict())
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_missing_weights_are_named(model: PrefixLanguageModel) -> None:
    state = model.state_dict()
    del state["clip_project.model.2.bias"]
    with pytest.raises(RuntimeError, match="clip_project.model.2.bias"):
        model.load_state_dict(state)


def test_draws_stand_beside_the_greedy_caption(
    model: PrefixLanguageModel, embeddings: torch.Tensor
) -> None:
    greedy = model.greedy(embeddings, STOP, 20)
    found = model.sample(embeddings, STOP, 4, 2.0, 20)
    assert [captions[0] for captions in found] == greedy
    assert all(len(captions) == 5 for captions in found)
    assert len({tuple(tokens) for captions in found for tokens in captions}) > 3 * len(found)
    assert found == model.sample(embeddings, STOP, 4, 2.0, 20)
    assert found != model.sample(embeddings, STOP, 4, 2.0, 20, seed=1)
    assert found[:1] == model.sample(embeddings[:1], STOP, 4, 2.0, 20)
    cold = model.sample(embeddings, STOP, 2, 1e-4, 20)
    assert cold == [[tokens] * 3 for tokens in greedy]


def test_draws_follow_the_chances(model: PrefixLanguageModel, embeddings: torch.Tensor) -> None:
    with torch.inference_mode():
        chances = model(embeddings[:1], torch.zeros(1, 0, dtype=torch.long))[0, 0].softmax(0)
    first = [tokens[0] for tokens in model.sample(embeddings[:1], STOP, 3000, 1.0, 1)[0][1:]]
    seen = torch.bincount(torch.tensor(first), minlength=len(chances)) / len(first)
    assert (seen - chances).abs().max() < 0.03
