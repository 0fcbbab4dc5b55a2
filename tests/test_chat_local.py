"""A language model of this machine, tiny and with random weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from avs3d.chat import LocalChat, Question
from avs3d.errors import UserError
from tiny_captioners import make_chat

pytestmark = pytest.mark.usefixtures("plain_environment")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.manual_seed(0)
    return make_chat(tmp_path_factory.mktemp("models") / "chat")


def greedy(folder: Path, prompt: str, most: int) -> str:
    """The likeliest token at each step, found the long way."""
    import torch
    from transformers import AutoTokenizer, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = LlamaForCausalLM.from_pretrained(folder).eval()
    tokens = tokenizer(prompt, return_tensors="pt")["input_ids"]
    start = tokens.shape[1]
    with torch.no_grad():
        for _ in range(most):
            best = model(tokens).logits[0, -1].argmax()
            tokens = torch.cat([tokens, best.view(1, 1)], dim=1)
            if best == tokenizer.eos_token_id:
                break
    return str(tokenizer.decode(tokens[0, start:], skip_special_tokens=True)).strip()


def test_replies_are_the_likeliest(folder: Path, tmp_path: Path) -> None:
    chat = LocalChat(str(folder), max_tokens=9)
    prompts = ["a car", "a tree by road", "sky"]
    expected = [greedy(folder, f"{prompt} road", 9) for prompt in prompts]
    assert len({*expected, ""}) > 2
    replies = chat.ask([Question(prompt) for prompt in prompts])
    assert [reply.text for reply in replies] == expected
    assert chat.usage.asked == 3 and chat.usage.prompt_tokens == 3 + 5 + 2
    assert 0 < chat.usage.completion_tokens <= 27

    drawing = tmp_path / "drawing"  # what its folder says of drawing does not count
    shutil.copytree(folder, drawing)
    told = json.loads((drawing / "generation_config.json").read_text())
    told |= {"do_sample": True, "temperature": 9.0, "num_beams": 3, "min_new_tokens": 9}
    (drawing / "generation_config.json").write_text(json.dumps(told))
    assert LocalChat(str(drawing), max_tokens=9).ask([Question(prompts[0])]) == replies[:1]


def test_what_cannot_be_answered_costs_itself_alone(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    chat = LocalChat(str(folder), max_tokens=9)
    questions = [Question("a car"), Question("a car", b"\xff\xd8\xff"), Question("sky " * 500)]
    first, image, long, last = chat.ask([*questions, Question("a car")])
    assert first == last and first.text
    assert "sees no images" in image.error
    assert "501 tokens and has room for 128" in long.error
    assert (chat.usage.asked, chat.usage.failed) == (4, 2)
    assert len(chat.ask([Question("\ud800")])) == 1
    assert capfd.readouterr().err == ""


def test_answers_are_kept_and_drawn_ones_differ(folder: Path) -> None:
    questions = [Question("a car"), *(Question("a car", draw=n) for n in range(1, 9))]
    chat = LocalChat(str(folder), max_tokens=9)
    replies = chat.ask(questions)
    assert chat.usage.cached == 0 and len({reply.text for reply in replies}) > 3
    again = LocalChat(str(folder), max_tokens=9)
    assert again.ask(questions[::-1]) == replies[::-1] and again.usage.cached == len(questions)
    shorter = LocalChat(str(folder), max_tokens=8)
    shorter.ask(questions[:1])
    assert shorter.usage.cached == 0


def test_an_answer_ends_where_the_positions_do(folder: Path) -> None:
    reply = LocalChat(str(folder), max_tokens=4000).ask([Question("sky " * 120)])[0]
    assert len(reply.text.split()) <= 7


def test_models_that_cannot_be_loaded(folder: Path, tmp_path: Path) -> None:
    broken, silent = tmp_path / "broken", tmp_path / "silent"
    shutil.copytree(folder, broken)
    (broken / "model.safetensors").write_bytes(b"no weights")
    shutil.copytree(folder, silent)
    (silent / "chat_template.jinja").unlink()
    for place, message in ((broken, "could not be loaded"), (silent, "no chat template")):
        with pytest.raises(UserError, match=message) as caught:
            LocalChat(str(place))
        assert str(place) in str(caught.value) and "\n" not in str(caught.value)
