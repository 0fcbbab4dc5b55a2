"""Features of pixels in files: found by the image's name, told apart by their width, or refused."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.torch import save_file

from avs3d import Camera, ReadError, UserError
from avs3d.vision import StoredFeatures, load_pixel_features
from published_files import there_and_back

K = np.array([[40.0, 0, 32], [0, 40, 24], [0, 0, 1]])
WIDTH = 5
HERE = np.arange(2 * 3 * WIDTH, dtype=np.float32).reshape(2, 3, WIDTH)


def camera(image: str | Path, name: str = "front") -> Camera:
    return Camera(name, Path(image), K, np.eye(4), (64, 48))


def save(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        save_file({"features": torch.from_numpy(np.array(array, order="C"))}, path)
    return path


def refusal(folder: Path, image: str = "i/front/a.jpg", width: int = WIDTH) -> str:
    with pytest.raises(ReadError) as caught:
        StoredFeatures(folder, width).of(camera(image))
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize("ending", [".npy", ".safetensors"])
@there_and_back
@given(st.data())
def test_both_orders_of_axes(tmp_path: Path, ending: str, data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 6))
    other = st.integers(1, 7).filter(lambda n: n != width)
    shape = data.draw(other), data.draw(other), width
    first = data.draw(st.booleans())  # the features are the first axis
    kind = data.draw(st.sampled_from(["f2", "f4"]))
    grid = data.draw(arrays.arrays(kind, shape, elements=st.floats(-9, 9, width=16)))
    path = save(tmp_path / f"a{ending}", grid.transpose(2, 0, 1) if first else grid)
    found = StoredFeatures(tmp_path, width).of(camera("images/a.jpg"))
    np.testing.assert_array_equal(found.grid, grid)
    assert found.size == (64, 48) and found.grid.dtype == kind
    path.unlink()


@pytest.mark.parametrize(
    ("image", "file"),
    [
        ("i/front/000001.jpg", "front/000001.npy"),
        ("i/front/000001.jpg", "000001/front.safetensors"),
        ("i/front/000001.jpg", "000001.front.npy"),
        ("i/front/000001.jpg", "000001.npy"),
        ("i/000001/front.jpg", "000001/front.npy"),
        ("i/000001/front.jpg", "front/000001.npy"),
        ("i/000001/front.jpg", "000001.front.npy"),
        ("i/000001/front.jpg", "front.npy"),
        ("i/000001.front.png", "000001.front.npy"),
        ("i/000001.front.png", "front/000001.npy"),
        ("samples/CAM_FRONT/x__CAM_FRONT__1.jpg", "CAM_FRONT/x__CAM_FRONT__1.npy"),
        ("samples/CAM_FRONT/x__CAM_FRONT__1.jpg", "front/x__CAM_FRONT__1.npy"),
        ("val/TOKEN/color/front.jpg", "TOKEN/front.npy"),
        ("i/../j/front/a.jpg", "a/front.npy"),
        ("sequences/00/image_2/000001.png", "00/image_2/000001.npy"),
        ("DRIVE/image_02/data/0000000001.png", "DRIVE/image_02/data/0000000001.npy"),
        ("001/camera/front_camera/00.jpg", "001/camera/front_camera/00.safetensors"),
    ],
)
def test_names(tmp_path: Path, image: str, file: str) -> None:
    save(tmp_path / file, HERE)
    found = load_pixel_features(str(tmp_path), WIDTH)
    assert (found.name, found.dim) == (str(tmp_path), WIDTH)
    np.testing.assert_array_equal(found.of(camera(image)).grid, HERE)


def test_a_file_is_for_one_image(tmp_path: Path) -> None:
    save(tmp_path / "front.npy", HERE)
    found = StoredFeatures(tmp_path, WIDTH)
    for _ in range(2):
        found.of(camera("/i/a/front.jpg"))
    with pytest.raises(ReadError) as caught:
        found.of(camera("/i/b/front.jpg"))
    assert str(caught.value) == (
        f"{tmp_path}/front.npy: may be for /i/b/front.jpg or for /i/a/front.jpg; call it b/front"
    )


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(path))
    return path


@pytest.mark.parametrize("below", ["image_2", "image_02/data", "camera/image_2"])
@pytest.mark.parametrize("first", ["00", "01"])
def test_a_file_must_tell_the_sequence_where_images_are_called_alike(
    tmp_path: Path, below: str, first: str
) -> None:
    features, data = tmp_path / "features", tmp_path / "data"
    images = {name: image(data / name / below / "7.png") for name in ("00", "01")}
    others = {"00": images["01"], "01": images["00"]}
    name = "image_02" if "02" in below else "image_2"
    short = save(features / name / "7.npy", HERE)
    found = StoredFeatures(features, WIDTH)
    for number in (first, "00", "01"):  # whatever was asked before
        with pytest.raises(ReadError) as caught:
            found.of(camera(images[number], name))
        assert str(caught.value) == (
            f"{short}: may be for {images[number]} or for {others[number]};"
            f" call it {number}/{below}/7"
        )
    for number in ("00", "01"):
        save(features / number / below / "7.npy", HERE + int(number))
    for number in (first, "00", "01"):
        grid = found.of(camera(images[number], name)).grid
        np.testing.assert_array_equal(grid, HERE + int(number))
    own = StoredFeatures(image(features / "00" / name / "7.npy").parents[1], WIDTH)
    save(features / "00" / name / "7.npy", HERE)  # the folder that is given tells the sequence
    np.testing.assert_array_equal(own.of(camera(images["00"], name)).grid, HERE)
    with pytest.raises(ReadError, match="may be for"):
        own.of(camera(images["01"], name))


def test_copies_and_other_cameras_are_called_alike_without_harm(tmp_path: Path) -> None:
    save(tmp_path / "features" / "front" / "7.npy", HERE)
    for place in ("a/samples/front", "a/samples/back", "b/samples/front", "b/samples/back"):
        path = image(tmp_path / place / "7.png")
        path.write_text(Path(place).name)  # the same data set twice
    found = StoredFeatures(tmp_path / "features", WIDTH)
    grid = found.of(camera(tmp_path / "a/samples/front/7.png")).grid
    np.testing.assert_array_equal(grid, HERE)


def test_none_or_several_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "other.npy", HERE)
    said = "files called front/a or a/front or a.front or a (.npy, .safetensors); there must be one"
    assert refusal(tmp_path) == f"{tmp_path}: has no {said}"
    save(tmp_path / "a.npy", HERE)
    save(tmp_path / "a" / "front.npy", HERE)
    assert refusal(tmp_path) == f"{tmp_path}: has 2 {said}"
    with pytest.raises(ReadError, match="it has none; give images as files"):
        array = replace(camera("a.jpg"), image=np.zeros((48, 64, 3), np.uint8))
        StoredFeatures(tmp_path, WIDTH).of(array)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: holds no features of pixels"):
        load_pixel_features(str(tmp_path / "empty"), WIDTH)


def header(shape: str, kind: str = "<f4") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


WANTED = "; save features of pixels as (h, w, D) float16 or float32"
HUGE = "truncated: its header promises 1000000 points in 20000000000000 bytes, but 8 bytes follow"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty (0 bytes); get the file again"),
        (b"hello", "not a readable .npy file ("),
        (header("(1000000, 1000000, 5)") + bytes(8), HUGE),
        (header("(2, 0, 5)"), "has shape (2, 0, 5), which holds nothing; make it again"),
        (header("(2, 5)") + bytes(40), "holds an array of shape (2, 5) and type float32" + WANTED),
        (header("(1, 1, 5)", "<f8") + bytes(40), "holds an array of shape (1, 1, 5) and type flo"),
        (header("(1, 1, 5)", "<i4") + bytes(20), "holds an array of shape (1, 1, 5) and type int"),
        (header("(1, 1, 5)", "|O"), "holds Python objects, which are never unpickled"),
        (header("(2, 3, 4)") + bytes(96), "has shape (2, 3, 4), and features 5 wide are wanted,"),
        (header("(5, 2, 5)") + bytes(200), "has shape (5, 2, 5), of which the first or the last"),
        (header("(-1, 2, 5)") + bytes(40), "truncated: its header promises -1 points"),
    ],
)
def test_arrays_that_are_none(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    assert refusal(tmp_path).startswith(f"{path}: {said}")


def test_tensors_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    one = torch.zeros(2, 3, WIDTH)
    for content, said in (
        ({}, "holds 0 tensors; save the one of the features"),
        ({"a": one, "b": one + 1}, "holds 2 tensors; save the one of the features"),
        ({"a": one.bfloat16()}, "holds an array of shape (2, 3, 5) and type torch.bfloat16"),
        ({"a": one.int()}, "holds an array of shape (2, 3, 5) and type torch.int32"),
    ):
        save_file(content, path)
        assert refusal(tmp_path).startswith(f"{path}: {said}")
    save_file({"a": one}, path)
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:40], b"\xff" * 8 + whole[8:], pickle.dumps([1])):
        path.write_bytes(content)
        assert refusal(tmp_path).startswith(f"{path}: not a readable safetensors file (")


@pytest.mark.parametrize("ending", [".npy", ".safetensors"])
@there_and_back
@given(st.integers(0, 400), st.integers(0, 9), st.binary(max_size=9))
def test_damaged_files_give_features_or_a_refusal(
    tmp_path: Path, ending: str, start: int, count: int, put: bytes
) -> None:
    path = save(tmp_path / f"a{ending}", HERE)
    whole = path.read_bytes()
    start %= len(whole)
    path.unlink()  # what is mapped must not change under the map
    path.write_bytes(whole[:start] + put + whole[start + count :])
    try:
        found: Any = StoredFeatures(tmp_path, WIDTH).of(camera("a.jpg")).grid
    except ReadError as error:
        assert str(error).isprintable() and str(error).startswith(str(path))
    else:
        assert found.ndim == 3 and found.shape[2] == WIDTH and found.dtype.kind == "f"
    path.unlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipes_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npy")
    assert "has no files called" in refusal(tmp_path)


def test_a_file_is_mapped_and_not_read(tmp_path: Path) -> None:
    import tracemalloc

    for ending in (".npy", ".safetensors"):
        path = save(tmp_path / f"a{ending}", np.zeros((100, 200, 64), np.float16))  # 2.5 MB
        StoredFeatures(tmp_path, 64).of(camera("a.jpg"))  # whatever is imported for it
        tracemalloc.start()
        try:
            found = StoredFeatures(tmp_path, 64).of(camera("a.jpg"))
            assert found.sample(np.arange(9), np.arange(9)).shape == (9, 64)
            assert tracemalloc.get_traced_memory()[1] < 1 << 19
        finally:
            tracemalloc.stop()
        path.unlink()
