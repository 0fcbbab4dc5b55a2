"""Where an image captioner comes from: specs, config files, servers."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_server import Said, as_json, said, serving
from avs3d.captioning import ImageCaptionerConfig, load_image_captioner
from avs3d.captioning.image_config import read_spec
from avs3d.captioning.images import PROMPT
from avs3d.captioning.server import jpeg
from avs3d.chat import Reply
from avs3d.errors import UserError

pytestmark = pytest.mark.usefixtures("plain_environment")


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth, as photographs are."""
    from PIL import Image

    small = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height)))


def sent_image(body: dict[str, Any]) -> np.ndarray:
    from PIL import Image

    url = body["messages"][0]["content"][0]["image_url"]["url"]
    kind, _, coded = url.partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(coded))) as image:
        return np.asarray(image)


def size_says(number: int, body: dict[str, Any], handler: object) -> Said:
    height, width, _ = sent_image(body).shape
    return said(f" {width} by\n{height} ")


def test_images_go_to_the_server_once() -> None:
    images = [picture(90, 160), picture(900, 1600), picture(1600, 900, 1), picture(4, 30_000)]
    with serving(size_says) as api:
        captioner = load_image_captioner(f"{api.address}#eyes")
        replies = captioner.describe(images)
        assert [reply.text for reply in replies] == [
            "160 by 90", "1344 by 756", "756 by 1344", "1344 by 1"
        ]  # fmt: skip
        again = load_image_captioner(f"{api.address}#eyes")
        assert again.describe([image.copy() for image in images]) == replies
        assert len(api.bodies) == 4
        darker = (images[0] // 2).astype(np.uint8)
        again.describe([darker, images[0][:, ::-1]])
        assert len(api.bodies) == 6
    assert captioner.name == f"{api.address}#eyes"
    assert (again.usage.asked, again.usage.cached, again.usage.failed) == (6, 4, 0)
    assert {body["messages"][0]["content"][1]["text"] for body in api.bodies} == {PROMPT}
    assert {(body["max_tokens"], body["temperature"], body["model"]) for body in api.bodies} == {
        (100, 0, "eyes")
    }


def test_what_is_sent_looks_like_the_image() -> None:
    from PIL import Image

    image = picture(60, 80)
    with Image.open(io.BytesIO(jpeg(image))) as sent:
        assert sent.format == "JPEG"
        difference = np.abs(np.asarray(sent).astype(int) - image)
    assert difference.mean() < 3
    assert jpeg(image) == jpeg(image[:, ::-1][:, ::-1])  # not of one piece in memory


def test_a_view_that_fails_costs_its_caption_alone() -> None:
    images = [picture(20, 30, seed) for seed in range(5)]
    answers = {
        jpeg(images[1]): as_json({"error": {"message": "on fire"}}, 500),
        jpeg(images[2]): said("\x00\u200b"),
        jpeg(images[3]): said("car " * 1000),
    }

    def script(number: int, body: dict[str, Any], handler: object) -> Said:
        url = body["messages"][0]["content"][0]["image_url"]["url"]
        return answers.get(base64.b64decode(url.partition(",")[2]), said("fine"))

    with serving(script) as api:
        config = Path("captioner.json")
        captioner = load_from(config, {"server": api.address, "model": "m", "retries": 0})
        replies = captioner.describe([*images, images[0][:0], images[0][:, :, 0]])
    assert replies[0] == replies[4] == Reply("fine")
    assert "HTTP 500 (on fire)" in replies[1].error
    assert replies[2].error == "said nothing"
    assert replies[3].text == ("car " * 500).strip()
    assert "no pixels" in replies[5].error and "uint8" in replies[6].error
    assert (captioner.usage.asked, captioner.usage.failed, captioner.usage.cached) == (7, 4, 0)


def load_from(path: Path, config: dict[str, Any]) -> Any:
    folder = Path(os.environ["AVS3D_CACHE"]).parent
    (folder / path).write_text(json.dumps(config))
    return load_image_captioner(str(folder / path))


EVERY_KEY = {
    "model": "m", "server": "http://localhost/v1", "prompt": "What is there?", "max_tokens": 50,
    "batch": 2, "dtype": "bfloat16", "concurrency": 3, "retries": 1, "timeout": 5,
}  # fmt: skip


def test_every_key_arrives(tmp_path: Path) -> None:
    assert EVERY_KEY.keys() == ImageCaptionerConfig.model_fields.keys()
    lines = "".join(f"{key}: {value}\n" for key, value in EVERY_KEY.items())
    (tmp_path / "c.yaml").write_text(f"# all\n---\n{lines}")
    (tmp_path / "C.YML").write_bytes(b"\xef\xbb\xbf" + lines.encode())
    (tmp_path / "c.json").write_text(json.dumps(EVERY_KEY))
    for name in ("c.yaml", "C.YML", "c.json"):
        assert read_spec(str(tmp_path / name)).model_dump() == EVERY_KEY


def test_what_a_config_says_is_done() -> None:
    with serving(lambda number, body, handler: said("fine")) as api:
        told = {**EVERY_KEY, "server": api.address}
        assert load_from(Path("c.json"), told).describe([picture(9, 9)]) == [Reply("fine")]
    assert api.bodies[0]["messages"][0]["content"][1]["text"] == "What is there?"
    assert (api.bodies[0]["model"], api.bodies[0]["max_tokens"]) == ("m", 50)


def test_the_page_tells_every_key_and_its_default() -> None:
    page = Path(__file__).resolve().parents[1] / "docs" / "image-captioners.md"
    text = page.read_text("utf-8")
    for key, field in ImageCaptionerConfig.model_fields.items():
        default = "" if field.is_required() or field.default is None else field.default
        shown = default if isinstance(default, str) else f"{default:g}"
        assert f"| `{key}` | {f'`{shown}`' if shown else ''}".strip() in text, key
    assert PROMPT in " ".join(text.split())


BAD: dict[str, tuple[str, bytes, str]] = {
    "unknown": ("c.yaml", b"model: m\npromt: x\n", "unknown key promt; did you mean prompt?"),
    "far": ("c.yaml", b"model: m\nzzz: x\n", "unknown key zzz; there are model, server, .*prompt"),
    "missing": ("c.json", b'{"server": "http://localhost/v1"}', "the key model is missing"),
    "type": ("c.yaml", b"model: m\nbatch: '4'\n", "batch: Input should be a valid integer"),
    "bool": ("c.yaml", b"model: m\nbatch: yes\n", "batch: Input should be a valid integer"),
    "range": ("c.yaml", b"model: m\nmax_tokens: 0\n", "max_tokens: .* greater than 0"),
    "large": ("c.yaml", b"model: m\nmax_tokens: 99999\n", "max_tokens: .* 4096"),
    "nan": ("c.yaml", b"model: m\ntimeout: .nan\n", "timeout: .* finite"),
    "dtype": ("c.yaml", b"model: m\ndtype: int8\n", "dtype: .*bfloat16"),
    "empty": ("c.yaml", b"", r"is empty \(0 bytes\)"),
    "nothing": ("c.yaml", b"# no keys\n", "holds no keys"),
    "list": ("c.json", b"[1]", "holds no keys"),
    "text": ("c.yml", b"just a text", "holds no keys"),
    "broken yaml": ("c.yaml", b"model: [", "not a readable YAML file"),
    "broken json": ("c.json", b"{", "not a readable JSON file"),
    "alias": ("c.yaml", b"model: &m x\nprompt: *m\n", "YAML alias"),
    "python": ("c.yaml", b"model: !!python/object/apply:os.getcwd []\n", "not a readable YAML"),
    "several": ("c.yaml", b"model: a\n---\nmodel: b\n", "several YAML documents"),
    "binary": ("c.yaml", b"\xff\xfe\x00", "not a text file"),
    "deep": ("c.json", b"[" * 60_000, "not a readable JSON file"),
    "deep yaml": ("c.yaml", b"[" * 60_000, "not a readable YAML file"),
    "huge": ("c.yaml", b"#" * (1 << 17), "more than the 0.1 MiB"),
    "numbers as keys": ("c.yaml", b"1: 2\nmodel: m\n", "correct it|unknown key"),
}


@pytest.mark.parametrize("fault", BAD)
def test_files_that_are_wrong(fault: str, tmp_path: Path) -> None:
    name, content, message = BAD[fault]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        load_image_captioner(str(tmp_path / name))
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700


@settings(max_examples=150)
@given(
    data=st.binary(max_size=60)
    | st.dictionaries(
        st.sampled_from([*EVERY_KEY, "x"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    ).map(lambda told: json.dumps(told).encode()),
    extension=st.sampled_from([".yaml", ".json"]),
)
def test_any_file_is_a_config_or_wrong(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, extension: str
) -> None:
    path = tmp_path_factory.mktemp("configs") / f"c{extension}"
    path.write_bytes(data)
    try:
        config = read_spec(str(path))
    except UserError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)
    else:
        assert config.model and 0 < config.timeout <= 3600


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("http://localhost:8000/v1", "names no model: give it as ADDRESS/v1#MODEL"),
        ("https://localhost#", "names no model"),
        ("http://me:secret@localhost/v1#m", "must hold neither a password nor a query"),
        ("http://me:secret@localhost/v1", "must hold neither a password nor a query"),
        ("http://#m", "no address of a server"),
        ("", "model: String should have at least 1 character"),
        ("x" * 2000, "at most 1000 characters"),
        ("nowhere.yaml", "no such file"),
        ("two\nlines.yaml", "no such file"),
    ],
)
def test_specs_that_are_wrong(
    spec: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message) as caught:
        load_image_captioner(spec)
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)


def test_a_server_needs_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = (("servers", ("no_such_module",), "chat"),)
    monkeypatch.setattr("avs3d.environment.OPTIONAL_PARTS", parts)
    with pytest.raises(UserError, match=r'pip install "avs3d\[chat\]"'):
        load_image_captioner("http://localhost/v1#m")
