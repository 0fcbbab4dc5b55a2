"""Captions, vocabularies, mappings, and what all of the authors' files have in common."""

from __future__ import annotations

import io
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import avs3d
import avs3d.published
from avs3d.errors import ReadError
from avs3d.features import PointFeatures
from avs3d.published.features import read_features, write_features
from avs3d.published.saving import save_plain
from avs3d.published.scenes import write_scene
from avs3d.published.smap import (
    read_camera_masks,
    read_image_features,
    read_view_features,
    write_camera_masks,
)
from avs3d.published.texts import (
    merged,
    read_captions,
    read_json,
    read_mapping,
    read_vocabularies,
    write_captions,
    write_mapping,
    write_vocabularies,
)
from avs3d.scan import Scan
from avs3d.vocabulary import Vocabulary
from messages import texts_in_the_code
from published_files import refusal, there_and_back

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.just("\ud800"), max_size=6)


@there_and_back
@given(captions=st.dictionaries(texts, st.dictionaries(texts, texts, max_size=3), max_size=3))
def test_captions(tmp_path: Path, captions: dict[str, dict[str, str]]) -> None:
    path = write_captions(tmp_path / "captions.json", captions, overwrite=True)
    assert read_captions(path).content == captions
    assert json.loads(path.read_text("utf-8")) == captions


@there_and_back
@given(words=st.dictionaries(texts, st.lists(texts, max_size=4), max_size=3))
def test_vocabularies(tmp_path: Path, words: dict[str, list[str]]) -> None:
    given = {scene: Vocabulary.from_words(found) for scene, found in words.items()}
    path = write_vocabularies(tmp_path / "vocabulary.json", given, overwrite=True)
    assert read_vocabularies(path).content == given


@there_and_back
@given(mapping=st.dictionaries(texts, texts, max_size=5))
def test_mappings(tmp_path: Path, mapping: dict[str, str]) -> None:
    path = write_mapping(tmp_path / "mapping.json", mapping, overwrite=True)
    assert read_mapping(path) == mapping


def test_words_of_points_come_after_those_of_images() -> None:
    images = {"a": Vocabulary.from_words(["car", "road"], "images")}
    points = {
        "a": Vocabulary.from_words(["tree", "car"], "points"),
        "b": Vocabulary.from_words(["bus"], "points"),
    }
    found = merged(images, points)
    assert {scene: list(words) for scene, words in found.items()} == {
        "a": ["car", "road", "tree"],
        "b": ["bus"],
    }
    assert [source.captioner for source in found["a"].sources[0]] == ["images", "points"]


def test_what_is_written_is_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="texts"):
        write_captions(tmp_path / "a.json", {"a": {"b": 1}})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="texts"):
        write_mapping(tmp_path / "a.json", {"a": None})  # type: ignore[dict-item]


def test_scenes_that_a_file_says_nothing_of(tmp_path: Path) -> None:
    path = write_captions(tmp_path / "a.json", {"scene0000_00": {}})
    told = read_captions(path)
    assert refusal(told.of, "scene0000_01") == (
        f"{path}: says nothing of scene0000_01; did you mean scene0000_00?"
    )
    assert refusal(told.of, "x\n") == (
        f"{path}: says nothing of x\\n; it has 1, such as scene0000_00"
    )
    write_captions(path, {}, overwrite=True)
    assert refusal(read_captions(path).of, "a") == f"{path}: says nothing of a; it is empty"


BAD_TEXTS = [
    (read_json, b"\xff\xfe", "is no text; save it as JSON in UTF-8"),
    (read_json, b'{"a": 1, "b": 2, "a": 3}', "has 'a' twice; leave one out"),
    (read_json, b'{"a": NaN}', "holds NaN, which JSON does not have; save it again"),
    (read_json, b"[-Infinity]", "holds -Infinity, which JSON does not have; save it again"),
    (read_json, b"{", None),
    (read_json, b"[" * 10_000 + b"]" * 10_000, None),
    (read_json, b"1" * 5000, None),
    (read_captions, b"[]", "holds no captions as {scene: {view: caption}}; give another file"),
    (
        read_captions,
        b'{"a": {"b": 1}}',
        "holds no captions as {scene: {view: caption}}; give another file",
    ),
    (
        read_vocabularies,
        b'{"a": "b"}',
        "holds no vocabularies as {scene: [words]}; give another file",
    ),
    (
        read_vocabularies,
        b'{"a\\n": [1]}',
        "the words of a\\n are no list of texts; correct them",
    ),
    (read_mapping, b'{"a": null}', "holds no mapping as {word: class}; give another file"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "content", "message"), BAD_TEXTS)
def test_texts_that_are_none(
    tmp_path: Path, read: Callable[[Path], Any], content: bytes, message: str | None
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    said = refusal(read, path)
    if message is None:
        assert said.startswith(f"{path}: is not JSON (") and said.endswith("; save it again")
    else:
        assert said == f"{path}: {message}"


def test_large_texts_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate((64 << 20) + 1)
    assert refusal(read_json, path) == f"{path}: is larger than 64 MiB; split it by scenes"


# Files that are written


def test_numpy_1_reads_what_is_written(tmp_path: Path) -> None:
    """NumPy 2 calls its parts by names that the authors' NumPy does not know."""
    masks = {"a": np.ones(3, np.uint8)}
    write_camera_masks(tmp_path / "a.pkl", masks)
    write_scene(tmp_path / "a.pth", Scan(np.zeros((2, 3))))
    for path in tmp_path.iterdir():
        assert b"cnumpy.core.multiarray\n_reconstruct" in path.read_bytes()
        assert b"numpy._core" not in path.read_bytes()
    with (tmp_path / "a.pkl").open("rb") as file:
        np.testing.assert_array_equal(pickle.load(file)["a"], masks["a"])


def test_existing_files_are_kept_until_told(tmp_path: Path) -> None:
    path = write_mapping(tmp_path / "a.json", {"car": "car"})
    said = refusal(write_mapping, path, {})
    assert said == f"{path}: is there already; pass overwrite=True to replace it"
    assert read_mapping(path) == {"car": "car"}
    write_mapping(path, {}, overwrite=True)
    assert read_mapping(path) == {}
    gone = tmp_path / "gone" / "a.json"
    said = refusal(write_mapping, gone, {})
    assert said == (
        f"{gone}: cannot be written (No such file or directory); check the folder and the disk"
    )


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    features = PointFeatures(np.ones((2, 3), np.float16), np.array([True, False, True]))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_features(tmp_path / name / "scene.pt", features)
        write_scene(tmp_path / name / "scene.pth", Scan(np.ones((2, 3))))
    for name in ("scene.pt", "scene.pth"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


# Everything


@there_and_back
@given(content=st.binary(max_size=60))
def test_arbitrary_bytes_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    for read in (read_features, read_image_features, read_camera_masks, read_view_features,
                 read_captions, read_vocabularies):  # fmt: skip
        try:
            read(path)
        except ReadError as error:
            assert str(error).startswith(f"{path}: ") and str(error).isprintable()
        else:
            assert read in (read_captions, read_vocabularies) and json.loads(content) == {}


def test_pickles_are_read_by_content_not_by_name(tmp_path: Path) -> None:
    stream = io.BytesIO()
    torch.save({"feat": torch.ones(1, 4), "mask_full": torch.ones(1) > 0}, stream)
    (tmp_path / "features.pkl").write_bytes(stream.getvalue())
    assert len(read_features(tmp_path / "features.pkl")) == 1
    save_plain(tmp_path / "masks.pt", {"a": np.zeros(2, "u1")})
    assert len(read_camera_masks(tmp_path / "masks.pt")) == 1


def test_every_message_of_the_code_is_in_a_test() -> None:
    folder = Path(avs3d.published.__file__).parent
    texts = texts_in_the_code(folder, "MalformedError", "ReadError", "UserError")
    assert len(texts) > 30
    here = Path(__file__).parent.glob("test_published_*.py")
    tests = re.sub(r'["\']\s*f?["\']', "", "".join(path.read_text("utf-8") for path in here))
    texts = {place: first_words(text.pattern) for place, text in texts.items()}
    assert {place: words for place, words in texts.items() if words not in tests} == {}


def first_words(pattern: str) -> str:
    """The beginning of the first part of a message that is always the same."""
    parts = (re.sub(r"\\(.)", r"\1", part).strip(":;( ") for part in pattern.split(".*"))
    return next((part for part in parts if len(part) > 3), "")[:25].strip()
