"""Image captioners on this machine: a tiny model of every class, with random weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avs3d.captioning import ImageCaptionerConfig, load_image_captioner
from avs3d.captioning.images import PROMPT, caption_reply
from avs3d.captioning.local import LocalImageCaptioner
from avs3d.chat import Reply
from avs3d.errors import UserError
from tiny_captioners import CAPTIONERS, VOCAB, make_chat

MOST = 9  # tokens of a caption
SIZES = ((30, 50), (90, 160), (16, 16), (200, 60), (3, 3))
QUESTION = "a car by road"
NEVER = ("vit-gpt2", True)  # takes no prompt


def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in SIZES]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    import torch

    root = tmp_path_factory.mktemp("captioners")

    def folder(kind: str) -> Path:
        if not (root / kind).exists():
            torch.manual_seed(0)
            CAPTIONERS[kind](root / kind)
        return root / kind

    return folder


@cache
def loaded(folder: Path) -> tuple[Any, Any, Any]:
    import transformers
    from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer

    named = getattr(transformers, AutoConfig.from_pretrained(folder).architectures[0])
    return (
        named.from_pretrained(folder).eval(),
        AutoTokenizer.from_pretrained(folder),
        AutoImageProcessor.from_pretrained(folder, backend="pil"),
    )


def reference(folder: Path, kind: str, image: np.ndarray, prompt: str | None) -> str:
    """One image by itself, by the class that the model was saved with, and no processor class."""
    import torch
    from PIL import Image

    model, tokenizer, processor = loaded(folder)
    inputs = dict(processor(images=Image.fromarray(image), return_tensors="pt"))
    text = {
        "llava": "<image> " * 4 + f"{prompt} road",
        "qwen2-vl": f"<|vision_start|> IMAGES <|vision_end|> {prompt} road",
        "blip": f"<s> {prompt} </s>",
        "blip-2": "<image> " * 3 + f"{prompt}",
        "git": f"<s> {prompt}",
    }.get(kind, "")
    if kind == "qwen2-vl":
        count = int(inputs["image_grid_thw"].prod()) // 4
        text = text.replace("IMAGES", "<|image_pad|> " * count)
    start = 0
    if prompt is not None:
        tokens = [VOCAB.get(word, VOCAB["<unk>"]) for word in text.split()]
        inputs["input_ids"] = torch.tensor([tokens])
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        start = len(tokens) - (kind == "blip")
        if kind == "qwen2-vl":
            ids = inputs["input_ids"]
            inputs["mm_token_type_ids"] = (ids == VOCAB["<|image_pad|>"]).int()
    with torch.no_grad():
        written = model.generate(**inputs, max_new_tokens=MOST, do_sample=False, num_beams=1)
    return str(tokenizer.decode(written[0, start:], skip_special_tokens=True))


def texts(replies: list[Reply]) -> list[str]:
    return [reply.text for reply in replies]


@pytest.mark.parametrize(
    ("kind", "prompted"),
    [(kind, told) for kind in CAPTIONERS for told in (False, True) if (kind, told) != NEVER],
)
def test_captions_are_those_of_the_model(
    kind: str, prompted: bool, folders: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """In batches of images of different sizes as for each alone, and without the prompt."""
    folder, images = folders(kind), pictures()
    prompt = QUESTION if prompted else None
    asked = prompt or (PROMPT if kind in ("llava", "qwen2-vl") else None)
    expected = [reference(folder, kind, image, asked) for image in images]
    assert len(set(expected)) > 2  # the image counts
    capfd.readouterr()
    config = ImageCaptionerConfig(model=str(folder), prompt=prompt, max_tokens=MOST, batch=2)
    captioner = LocalImageCaptioner(config)
    replies = captioner.describe(images)
    assert texts(replies) == expected
    assert captioner.describe(images) == replies
    assert capfd.readouterr().err == ""
    assert captioner.name == str(folder)
    assert (captioner.usage.asked, captioner.usage.failed) == (10, 2 * expected.count(""))
    assert captioner.describe([]) == []


def test_a_spec_is_a_folder(folders: Callable[[str], Path]) -> None:
    captioner = load_image_captioner(str(folders("blip")))
    replies = captioner.describe(pictures()[:1])
    assert len(replies[0].text.split()) > MOST  # 100 tokens at most
    assert captioner.usage.line().startswith("1 answer, ")


def test_what_the_folder_says_of_drawing_does_not_count(
    folders: Callable[[str], Path], tmp_path: Path
) -> None:
    for kind in ("blip", "vit-gpt2", "llava"):
        folder = tmp_path / kind
        shutil.copytree(folders(kind), folder)
        told = {"do_sample": True, "temperature": 9.0, "num_beams": 3, "num_return_sequences": 3}
        path = folder / "generation_config.json"
        told = (json.loads(path.read_text()) if path.exists() else {}) | told
        path.write_text(json.dumps(told))
        config = {"max_tokens": MOST, "prompt": QUESTION if kind == "llava" else None}
        plain, drawing = (
            LocalImageCaptioner(ImageCaptionerConfig(model=str(place), **config))
            for place in (folders(kind), folder)
        )
        assert drawing.describe(pictures()) == plain.describe(pictures())


def test_captions_end_where_the_positions_do(folders: Callable[[str], Path]) -> None:
    config = ImageCaptionerConfig(model=str(folders("vit-gpt2")), max_tokens=4096)
    replies = LocalImageCaptioner(config).describe(pictures())
    assert MOST < max(len(reply.text.split()) for reply in replies) <= 31  # of 32 positions
    assert not any(reply.error for reply in replies)


def test_a_model_that_takes_no_prompt_says_so(folders: Callable[[str], Path]) -> None:
    config = ImageCaptionerConfig(model=str(folders("vit-gpt2")), prompt="a car")
    with pytest.raises(UserError, match="takes no prompt: leave it out"):
        LocalImageCaptioner(config)


def test_a_batch_that_fails_costs_its_own_captions(
    folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    config = ImageCaptionerConfig(model=str(folders("blip")), max_tokens=MOST, batch=2)
    captioner = LocalImageCaptioner(config)
    images = pictures()
    expected = captioner.describe(images)
    generate = captioner._model.generate
    failing: list[Exception | None] = []

    def sometimes(**inputs: Any) -> Any:
        error = failing.pop(0)
        if error is not None:
            raise error
        return generate(**inputs)

    monkeypatch.setattr(captioner._model, "generate", sometimes)
    for error, message in (
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), "out of memory on 2 at once"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out of memory on 2 at once"),
        (MemoryError(), "out of memory on 2 at once"),
        (ValueError("broken\nin two"), r"the model failed \(broken\)"),
        (AssertionError(), r"the model failed \(AssertionError\)"),
    ):
        failing[:] = [None, error, None]
        replies = captioner.describe(images)
        assert [*replies[:2], *replies[4:]] == [*expected[:2], *expected[4:]]
        for reply in replies[2:4]:
            with pytest.raises(LookupError, match=message):
                raise LookupError(reply.error)
    assert captioner.usage.failed == 10


def test_an_image_that_a_model_refuses(folders: Callable[[str], Path]) -> None:
    """Qwen takes none that are 200 times as long as wide."""
    config = ImageCaptionerConfig(
        model=str(folders("qwen2-vl")), max_tokens=MOST, batch=1, prompt=QUESTION
    )
    images = [*pictures()[:1], np.zeros((2, 900, 3), np.uint8), *pictures()[:1]]
    first, refused, last = LocalImageCaptioner(config).describe(images)
    assert first == last and first.text
    assert "aspect ratio" in refused.error


def test_arrays_that_are_no_images(folders: Callable[[str], Path]) -> None:
    config = ImageCaptionerConfig(model=str(folders("blip")), max_tokens=MOST)
    captioner = LocalImageCaptioner(config)
    good = pictures()[0]
    bad = [good[:, :, 0], good.astype(np.float32), good[:0], good[:, :0], good[:, :, :2]]
    replies = captioner.describe([bad[0], good, *bad[1:], good[::2, ::-1]])
    assert replies[1] == captioner.describe([good])[0] and replies[1].text and replies[-1].text
    assert [bool(reply.error) for reply in replies] == [1, 0, 1, 1, 1, 1, 0]
    assert "must be (H, W, 3) uint8" in replies[0].error and "no pixels" in replies[3].error
    assert captioner.usage.failed == 5


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_numbers_of_the_model_are_chosen(dtype: Any, folders: Callable[[str], Path]) -> None:
    import torch

    folder = str(folders("llava"))
    narrow = LocalImageCaptioner(ImageCaptionerConfig(model=folder, dtype=dtype, max_tokens=MOST))
    assert narrow._model.dtype == getattr(torch, dtype)
    assert not any("failed" in reply.error for reply in narrow.describe(pictures()))
    assert narrow.usage.failed < len(pictures())
    auto = LocalImageCaptioner(ImageCaptionerConfig(model=folder, max_tokens=MOST))
    assert auto._model.dtype == torch.float32


def test_models_that_cannot_be_loaded(
    folders: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    places = {name: tmp_path / name for name in ("weights", "config", "processor", "foreign")}
    for place in places.values():
        shutil.copytree(folders("llava"), place)
    whole = (places["weights"] / "model.safetensors").read_bytes()
    (places["weights"] / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    (places["config"] / "config.json").write_text("{")
    (places["processor"] / "processor_config.json").write_text('{"processor_class": "os"}')
    told = json.loads((places["foreign"] / "config.json").read_text())
    told |= {"model_type": "ours", "auto_map": {"AutoConfig": "code.Config"}}
    (places["foreign"] / "config.json").write_text(json.dumps(told))
    (places["foreign"] / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    make_chat(tmp_path / "text")
    (tmp_path / "empty").mkdir()
    for place in (*places.values(), tmp_path / "text", tmp_path / "empty"):
        with pytest.raises(UserError, match="could not be loaded") as caught:
            load_image_captioner(str(place))
        assert str(place) in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()  # code in a folder is not run
    with pytest.raises(UserError, match="neither a folder nor a hub id|not on this machine"):
        load_image_captioner(str(tmp_path / "nowhere"))


def test_a_processor_that_wants_videos_is_refused_by_name(
    folders: Callable[[str], Path], tmp_path: Path
) -> None:
    place = tmp_path / "smolvlm"
    shutil.copytree(folders("llava"), place)
    (place / "processor_config.json").write_text('{"processor_class": "SmolVLMProcessor"}')
    with pytest.raises(UserError, match="SmolVLMProcessor cannot do without videos"):
        load_image_captioner(str(place))


def test_captions_are_cleaned() -> None:
    assert caption_reply(" A car\n\n by\ta\x00 tree.\x1b ") == Reply("A car by a tree.")
    thought = "<think>The user wants\na list of things.</think>\n\nA car."
    assert caption_reply(thought) == caption_reply(thought[7:]) == Reply("A car.")
    assert caption_reply("<think>The user wants a list").error == "said nothing"
    assert caption_reply("car " * 1000).text == ("car " * 500).strip()
    assert caption_reply("\x00 \n\u200b").error == "said nothing"
