"""Words and features of points and images together: the parts that need no model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avs3d.cli.source_options import source_config
from avs3d.errors import UserError
from avs3d.run import Result, word_frequencies
from avs3d.scan import Scan
from avs3d.segmentation import UNLABELLED
from avs3d.segmenter import PointWords, ensemble
from avs3d.sources import Sources
from avs3d.views import parse_views, point_views
from avs3d.vocabulary import Source, Vocabulary


def words_of(label: list[int], cosine: list[float]) -> PointWords:
    of_points = np.array(cosine, np.float32)
    return PointWords(np.array(label, np.int32), of_points, of_points, float(of_points.mean()))


def test_of_two_features_the_one_that_is_more_alike_to_its_word_wins() -> None:
    one, other = (
        words_of([0, 1, 2, -1, -1], [0.5, 0.5, -0.2, 0, 0]),
        words_of([3, 3, -1, 3, -1], [0.6, 0.4, 0, -0.3, 0]),
    )
    found = ensemble([one, other])
    assert found.label.tolist() == [3, 1, 2, 3, UNLABELLED]
    np.testing.assert_allclose(found.cosine, np.float32([0.6, 0.5, -0.2, -0.3, 0]))
    assert found.score is found.cosine and found.mean == pytest.approx(0.15)
    assert ensemble([one]) is one


@given(st.integers(1, 30), st.integers(0, 10), st.floats(-1, 1))
def test_folding_keeps_every_source_and_no_near_word(count: int, seed: int, alike: float) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, 3))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    words = Vocabulary(
        tuple(f"w{i}" for i in range(count)),
        tuple((Source("images", str(i), "a w"),) for i in range(count)),
    )
    folded = words.folded(rows, alike)
    kept = [words.words.index(word) for word in folded]
    assert kept == sorted(kept) and kept[0] == 0
    near = rows[kept] @ rows[kept].T
    assert (near[~np.eye(len(kept), dtype=bool)] <= alike).all()
    assert sorted(s.view for some in folded.sources for s in some) == sorted(map(str, range(count)))
    assert words.folded(rows, 1.0001) == words


def test_points_are_put_in_sectors_and_squares_that_hold_some() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 1, (1000, 3)).astype(np.float32)
    points[:10] = np.nan
    scan, rows = Scan(points), np.arange(10, 1000, 7)
    names, masks = point_views(scan, rows, "squares")
    assert names == ["square 00", "square 01", "square 02", "square 03"]
    assert masks.shape == (len(rows), 4) and (masks.sum(1) == 1).all()
    assert point_views(scan, rows, "squares", published=True)[1].shape[1] == 4
    sparse = Scan(points[:710])  # 175 a square
    assert len(point_views(sparse, np.arange(10, 700), "squares")[0]) == 4
    assert len(point_views(sparse, np.arange(10, 700), "squares", published=True)[0]) < 4
    names, masks = point_views(Scan(points - 0.5), rows, 12)
    assert len(names) == masks.shape[1] == 12
    assert point_views(scan, rows, "cameras")[0] == []


@pytest.mark.parametrize("text", ["0", "361", "-1", "1.5", "camera", "", "٣", "00010000"])
def test_views_that_there_are_not(text: str) -> None:
    with pytest.raises(UserError, match="give a number from 1 to 360, cameras or squares"):
        parse_views(text)


def test_views_that_there_are() -> None:
    assert [parse_views(text) for text in ("12", "360", "cameras", "squares")] == [
        12, 360, "cameras", "squares",
    ]  # fmt: skip


def test_in_how_many_scans_a_word_is() -> None:
    def result(**points: int) -> Result:
        rows = [{"word": w, "points": n, "from": ["points"]} for w, n in points.items()]
        return Result({"words": rows}, [], (), {})

    one, two = result(car=5, road=9), result(car=1, tree=30)
    two.found["words"][0]["from"] = ["images", "points"]
    found = word_frequencies([one, two])
    assert [(row["word"], row["scans"], row["points"]) for row in found] == [
        ("car", 2, 6), ("tree", 1, 30), ("road", 1, 9),
    ]  # fmt: skip
    assert found[0]["from"] == ["images", "points"] and found[1]["from"] == ["points"]


def test_sources_by_default() -> None:
    sources = Sources()
    assert sources.from_points and not sources.from_images and not sources.looks_at_images
    assert sources.chosen_feature(told=False) == "distill"
    assert sources.chosen_feature(told=True) == "fusion"
    assert Sources(pixels="clip:x").chosen_feature(told=False) == "fusion"
    assert Sources(feature="ensemble").chosen_feature(told=True) == "ensemble"
    for wrong in ({"captioner": "all"}, {"feature": "both"}):
        with pytest.raises(ValueError, match="is none of"):
            Sources(**wrong)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"captioner": "all"}, "--captioner all: give points, images or both"),
        ({"feature": "both"}, "--feature both: give distill, fusion or ensemble"),
        ({"captioner": "images"}, "--captioner images: give the --image-captioner that describes"),
        ({"image_captioner": "m"}, "--image-captioner: give the --images to describe, and their"),
        ({"feature": "distill", "features": "f"}, "--features: are for --feature fusion or"),
        ({"feature": "ensemble"}, "--feature: give the --images that features are of, or fused"),
        ({"features": "clip:x"}, "--feature: give the --images that features are of, or fused"),
        ({"features": "gone.pt"}, "gone.pt: no such file or folder; give fused features"),
    ],
)
def test_sources_that_do_not_go_together(options: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        source_config(False, **options)


def test_a_folder_of_features_of_images_is_told_from_fused_ones(tmp_path: Path) -> None:
    (tmp_path / "front.npy").touch()
    seen = source_config(True, features=str(tmp_path))
    assert seen["sources"].pixels == str(tmp_path) and seen["features"] is None
    (tmp_path / "scene.pt").touch()
    seen = source_config(True, features=str(tmp_path))
    assert seen["sources"].pixels is None and seen["features"].names == ("scene",)
