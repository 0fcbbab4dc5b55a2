"""Fused features and SMAP's files: written and read back the same, or refused."""

from __future__ import annotations

import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from avs3d.features import PointFeatures
from avs3d.published.features import FeatureSet, read_features, write_features
from avs3d.published.smap import (
    ImageFeatures,
    ViewFeatures,
    read_camera_masks,
    read_image_features,
    read_view_features,
    seen_by,
    write_camera_masks,
    write_image_features,
    write_view_features,
)
from published_files import floats, refusal, saved, shapes, there_and_back

# Fused features


@there_and_back
@given(data=st.data())
def test_fused_features(tmp_path: Path, data: st.DataObject) -> None:
    features = data.draw(floats("f2", shapes(2)) | floats("f4", shapes(2)))
    more = data.draw(st.integers(0, 5))
    mask = data.draw(st.permutations([True] * len(features) + [False] * more))
    given = PointFeatures(features, np.array(mask))
    path = write_features(tmp_path / "scene.pt", given, overwrite=True)
    back = read_features(path)
    np.testing.assert_array_equal(back.features, features.astype(np.float16))
    np.testing.assert_array_equal(back.mask, given.mask)
    content = torch.load(path, weights_only=True)
    assert list(content) == ["feat", "mask_full"]
    assert content["feat"].dtype == torch.half and content["mask_full"].dtype == torch.bool


@pytest.mark.parametrize("visible", [[True, False, True], [0, 2], [2, 0]])
@pytest.mark.parametrize("as_array", [True, False])
def test_the_older_layout(tmp_path: Path, visible: list[Any], as_array: bool) -> None:
    full = np.array([False, True, True, False, True])
    mask = np.array(visible) if as_array else torch.tensor(visible)
    content = {"feat": torch.arange(6.0).reshape(3, 2).half(), "mask": mask, "mask_full": full}
    found = read_features(saved(tmp_path / "a.pt", content))
    assert found.mask.tolist() == [False, True, False, False, True]
    assert found.features.tolist() == [[0, 1], [4, 5]]


def parts(folder: Path, name: str, *masks: list[int]) -> None:
    for number, mask in enumerate(masks):
        features = np.full((sum(mask), 2), number + 1, np.float16)
        write_features(folder / f"{name}_{number}.pt", PointFeatures(features, np.array(mask) > 0))


def test_parts_are_one_scene_and_files_are_found_by_name(tmp_path: Path) -> None:
    parts(tmp_path, "scene0000_00", [1, 0, 1, 0], [0, 0, 1, 1])
    one = PointFeatures(np.ones((1, 2), np.float16), np.array([True]))
    for name in ("scene0000_01", "token"):
        write_features(tmp_path / f"{name}.pt", one)
    found = FeatureSet(tmp_path)
    assert found.names == ("scene0000_00", "scene0000_01", "token") and len(found) == 3
    assert [path.name for path in found.files("scene0000_00")] == [
        "scene0000_00_0.pt", "scene0000_00_1.pt",
    ]  # fmt: skip
    joined = found.load("scene0000_00")
    assert joined.mask.tolist() == [True, False, True, True]
    assert joined.features[:, 0].tolist() == [1, 1, 2]
    assert FeatureSet(tmp_path / "token.pt").names == ("token",)
    assert len(found.load("scene0000_00_1")) == 4  # a part that is asked for by its own name
    for name in ("scene0000", "../token", "/etc/passwd", "", ".", "token.pt"):
        said = refusal(found.load, name)
        assert said.startswith(f"{tmp_path}: has no features of {Path(name)}; ")


def test_a_set_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(40):
        features = rng.normal(size=(2000, 256)).astype(np.float16)  # 1 MB
        write_features(
            tmp_path / f"scene{number:04}_00.pt", PointFeatures(features, np.ones(2000) > 0)
        )
    tracemalloc.start()
    try:
        found = FeatureSet(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
        for name in found.names:
            assert found.load(name).features.shape == (2000, 256)
        assert tracemalloc.get_traced_memory()[1] < 6 << 20
    finally:
        tracemalloc.stop()


FULL = torch.tensor([True, False, True])
FEAT = torch.ones(2, 4).half()
FUSE = "fuse the scene again"
BAD_FEATURES = [
    ({"feat": FEAT}, "is no file of fused features: it needs feat and mask_full"),
    (FEAT, "is no file of fused features: it needs feat and mask_full"),
    (
        {"feat": FEAT[0], "mask_full": FULL},
        f"its feat is no array of (M, C) floats; {FUSE}",
    ),
    ({"feat": FEAT.int(), "mask_full": FULL}, f"its feat is no array of (M, C) floats; {FUSE}"),
    ({"feat": [1.0], "mask_full": FULL}, f"its feat is no array of (M, C) floats; {FUSE}"),
    (
        {"feat": FEAT, "mask_full": FULL.float()},
        f"its mask_full is no array of (N,) booleans; {FUSE}",
    ),
    (
        {"feat": FEAT, "mask_full": FULL[:2]},
        f"its mask_full names 1 points, its feat has 2; {FUSE}",
    ),
    (
        {"feat": FEAT[:0], "mask_full": FULL[1:2]},
        f"holds the feature of no point; {FUSE}",
    ),
    (
        {"feat": FEAT, "mask_full": FULL, "mask": torch.zeros(2, dtype=torch.bool)},
        f"holds the feature of no point; {FUSE}",
    ),
    ({"feat": FEAT * np.nan, "mask_full": FULL}, f"has features that are not finite; {FUSE}"),
    (
        {"feat": FEAT, "mask_full": FULL, "mask": torch.tensor([0, 2])},
        f"its mask names none of its 2 rows; {FUSE}",
    ),
    (
        {"feat": FEAT, "mask_full": FULL, "mask": torch.tensor([-1])},
        f"its mask names none of its 2 rows; {FUSE}",
    ),
    (
        {"feat": FEAT, "mask_full": FULL, "mask": FULL},
        f"its mask names none of its 2 rows; {FUSE}",
    ),
]


@pytest.mark.parametrize(("content", "message"), BAD_FEATURES)
def test_features_that_are_none(tmp_path: Path, content: Any, message: str) -> None:
    path = saved(tmp_path / "a.pt", content)
    assert refusal(read_features, path) == f"{path}: {message}"


def test_parts_of_different_scenes(tmp_path: Path) -> None:
    parts(tmp_path, "a", [1, 0], [1, 0, 1])
    said = refusal(FeatureSet(tmp_path).load, "a")
    assert said == (
        f"{tmp_path / 'a_1.pt'}: has 3 points and features 2 wide, {tmp_path / 'a_0.pt'} 2 and 2;"
        " they are no parts of one scene"
    )
    large = PointFeatures(np.full((1, 2), 1e6, np.float32), np.array([True]))
    said = refusal(write_features, tmp_path / "b.pt", large)
    assert said == "features: has features that float16 cannot hold; scale them"


def test_sets_that_are_none(tmp_path: Path) -> None:
    for path, message in (
        (tmp_path, "holds no fused features (.pt); give their folder"),
        (tmp_path / "gone", "no such file or folder; give fused features (.pt)"),
    ):
        assert refusal(FeatureSet, path) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("features", "mask"),
    [
        (np.ones((2, 3)), np.array([True, True])),
        (np.ones(2, "f4"), np.array([True, True])),
        (np.ones((2, 3), "f4"), np.array([1, 1])),
        (np.ones((2, 3), "f4"), np.array([True, False])),
    ],
)
def test_point_features_are_checked(features: np.ndarray, mask: np.ndarray) -> None:
    with pytest.raises(ValueError, match="must"):
        PointFeatures(features, mask)


# SMAP

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@there_and_back
@given(data=st.data())
def test_image_features(tmp_path: Path, data: st.DataObject) -> None:
    features = data.draw(floats("f4", shapes(2)))
    count = len(features)
    tokens = data.draw(st.lists(names, min_size=count, max_size=count, unique=True))
    path = tmp_path / "cached_img_clip_feature_val.pt"
    write_image_features(path, ImageFeatures(tuple(tokens), features), overwrite=True)
    back = read_image_features(path)
    assert back.names == tuple(tokens)
    np.testing.assert_array_equal(back.features, features)
    assert torch.load(path, weights_only=True)["token_names"] == tokens


@pytest.mark.parametrize("ending", [".pkl", ".pt"])
@there_and_back
@given(masks=st.dictionaries(names, arrays.arrays("u1", st.integers(0, 9)), min_size=1, max_size=5))
def test_camera_masks(tmp_path: Path, ending: str, masks: dict[str, np.ndarray]) -> None:
    path = write_camera_masks(tmp_path / f"masks{ending}", masks, overwrite=True)
    back = read_camera_masks(path)
    assert list(back) == list(masks)
    for token, mask in masks.items():
        assert back[token].dtype == np.uint8
        np.testing.assert_array_equal(back[token], mask)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_camera_masks_of_the_authors(tmp_path: Path, protocol: int) -> None:
    masks = {f"{i:032x}": np.arange(5, dtype=np.uint8) for i in range(20)}
    path = tmp_path / "nuscenes_camera_id_mask_val.pkl"
    path.write_bytes(pickle.dumps(masks, protocol))
    assert read_camera_masks(path)[f"{7:032x}"].tolist() == [0, 1, 2, 3, 4]
    assert len(read_camera_masks(saved(tmp_path / "a.pt", masks))) == 20


def test_bits_of_cameras() -> None:
    seen = seen_by(np.array([0, 1, 0b100010], np.uint8))
    assert seen.shape == (3, 6)
    assert [np.flatnonzero(row).tolist() for row in seen] == [[], [0], [1, 5]]
    with pytest.raises(ValueError, match="1 to 8 cameras"):
        seen_by(np.zeros(3, np.uint8), 9)


@there_and_back
@given(views=floats("f4", shapes(2)), images=floats("f4", shapes(2)) | floats("f4", shapes(3)))
def test_view_features(tmp_path: Path, views: np.ndarray, images: np.ndarray) -> None:
    path = tmp_path / "scene.pth"
    write_view_features(path, ViewFeatures(views, images), overwrite=True)
    back = read_view_features(path)
    np.testing.assert_array_equal(back.views, views)
    np.testing.assert_array_equal(back.images, images)
    assert torch.load(path, weights_only=True)["output_smap"].shape == (1, *views.shape)


IMAGES = {"img_feats": torch.ones(2, 4), "token_names": ["a", "b"]}
VIEWS = {"output_smap": torch.ones(1, 2, 4), "img_feats": torch.ones(6, 4)}
BAD_SMAP = [
    (read_image_features, [], "is no dict with img_feats and token_names; give another file"),
    (
        read_image_features,
        IMAGES | {"token_names": "ab"},
        "its token_names are no list; make it again",
    ),
    (
        read_image_features,
        IMAGES | {"token_names": ["a", 2]},
        "its token_names are not all texts; make it again",
    ),
    (
        read_image_features,
        IMAGES | {"token_names": ["a", "a"]},
        "has 1 different names for 2 embeddings; make it again",
    ),
    (
        read_image_features,
        IMAGES | {"img_feats": torch.ones(2, 4, 1)},
        "its img_feats has shape (2, 4, 1), not 2 axes; make it again",
    ),
    (
        read_image_features,
        IMAGES | {"img_feats": torch.zeros(0, 4)},
        "its img_feats is no array of floats; make it again",
    ),
    (
        read_image_features,
        IMAGES | {"img_feats": torch.tensor([[np.inf], [0]])},
        "its img_feats is not finite; make it again",
    ),
    (read_view_features, IMAGES, "is no dict with output_smap and img_feats; give another file"),
    (
        read_view_features,
        VIEWS | {"output_smap": torch.ones(2, 2, 4)},
        "its output_smap is of 2 scenes, not of one; make it again",
    ),
    (read_camera_masks, {}, "holds no masks of cameras by token; make it again"),
    (read_camera_masks, {3: np.zeros(2, "u1")}, "has a mask without a token; make it again"),
    (
        read_camera_masks,
        {"a\n": np.zeros((2, 1), "u1")},
        "its mask of 'a\\n' is no array of (K,) uint8; make it again",
    ),
]


@pytest.mark.parametrize(("read", "content", "message"), BAD_SMAP)
def test_files_that_are_none_of_smap(
    tmp_path: Path, read: Callable[[Path], Any], content: Any, message: str
) -> None:
    path = saved(tmp_path / "a.pt", content)
    assert refusal(read, path) == f"{path}: {message}"


def test_masks_are_checked_before_they_are_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="uint8"):
        write_camera_masks(tmp_path / "a.pkl", {"a": np.zeros(2)})
    said = refusal(write_camera_masks, tmp_path / "a.json", {"a": np.zeros(2, "u1")})
    assert said == (
        f"{tmp_path / 'a.json'}: masks of cameras are written as .pkl or .pt; name it so"
    )
