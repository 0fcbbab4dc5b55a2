"""Scan, Camera, Vocabulary and Segmentation: what they hold and what they refuse."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avs3d import Camera, Scan, Segmentation, Source, Vocabulary

POINTS = np.array([[0, 0, 0], [1, 2, 3], [np.nan, 0, 0], [np.inf, 0, 1]])


def segmentation(**changes: object) -> Segmentation:
    given: dict = {
        "scan": Scan(POINTS),
        "label": np.array([1, 1, -1, 0]),
        "score": np.array([0.5, 0.7, 0.0, 0.2]),
        "vocabulary": Vocabulary.from_words(["car", "tree", "dog"]),
        "bundle": "test",
    }
    return Segmentation(**(given | changes))


def test_scan_takes_any_numbers_and_keeps_their_order() -> None:
    scan = Scan(POINTS, intensity=[1, 2, 3, 4], labels=np.arange(4, dtype=np.int64))
    assert scan.points.dtype == np.float32 and scan.points.flags.c_contiguous
    assert scan.intensity.dtype == np.float32 and scan.labels.dtype == np.int32
    assert len(scan) == 4 and scan.finite.tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    "given",
    [
        {"points": np.zeros((3, 4))},
        {"points": np.zeros(3)},
        {"points": POINTS, "intensity": np.zeros(3)},
        {"points": POINTS, "ring": np.zeros((4, 1))},
        {"points": POINTS, "origin": (0, 0, np.nan)},
        {"points": POINTS, "origin": (0, 0)},
        {"points": POINTS, "fields": {"time": np.zeros(5)}},
    ],
)
def test_scan_refuses_what_does_not_fit_the_points(given: dict) -> None:
    with pytest.raises(ValueError, match="must|rows"):
        Scan(**given)


@pytest.mark.parametrize("matrix", ["intrinsics", "camera_from_lidar"])
def test_camera_refuses_wrong_matrices(matrix: str) -> None:
    good = {"intrinsics": np.eye(3), "camera_from_lidar": np.eye(4)}
    Camera("front", np.zeros((2, 2, 3)), **good)
    with pytest.raises(ValueError, match=f"{matrix} of camera 'front'"):
        Camera("front", np.zeros((2, 2, 3)), **(good | {matrix: np.full((3, 3), np.nan)}))


def placed(values: list[float]) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, :3] = np.diag(values)
    return pose


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"intrinsics": np.diag([100, -100, 1])}, "intrinsics .* fx and fy above 0"),
        ({"intrinsics": np.zeros((3, 3))}, "intrinsics .* fx and fy above 0"),
        ({"intrinsics": np.diag([100, 100, 2])}, "intrinsics .* 0 0 1"),
        ({"camera_from_lidar": placed([1, 1, 0])}, "camera_from_lidar .* must be a rotation"),
        ({"camera_from_lidar": placed([2, 2, 2])}, "camera_from_lidar .* must be a rotation"),
        ({"camera_from_lidar": np.eye(4) * 2}, "camera_from_lidar .* 0 0 0 1 below"),
        ({"camera_from_lidar": placed([1e300, 1, 1])}, "camera_from_lidar .* must be a rotation"),
        ({"camera_from_lidar": placed([1, -1, 1])}, "camera_from_lidar .* right-handed"),
        ({"lens": "pinhole", "distortion": [0.1] * 3}, "0, 4, 5 or 8 finite .* pinhole"),
        ({"lens": "fisheye", "distortion": [0.1] * 5}, "0 or 4 finite .* fisheye"),
        ({"distortion": [np.nan] * 4}, "finite numbers"),
        ({"lens": "mirror"}, "lens .* pinhole or fisheye"),
        ({"size": (0, 5)}, "size .* at least 1 x 1"),
    ],
)
def test_camera_refuses_what_no_camera_is_like(given: dict, said: str) -> None:
    good = {"intrinsics": np.eye(3), "camera_from_lidar": np.eye(4)}
    with pytest.raises(ValueError, match=said.replace(" ", r" (of camera 'front' )?", 1)):
        Camera("front", np.zeros((2, 2, 3)), **(good | given))


def test_camera_knows_the_size_of_an_array() -> None:
    assert Camera("front", np.zeros((2, 5, 3)), np.eye(3), np.eye(4)).size == (5, 2)


def test_vocabulary_from_words_trims_and_drops_repeats() -> None:
    vocabulary = Vocabulary.from_words([" car", "traffic \t light", "", "  ", "car"])
    assert list(vocabulary) == ["car", "traffic light"] and len(vocabulary) == 2
    assert vocabulary.sources == ((Source("user"),), (Source("user"),))


@pytest.mark.parametrize("words", [("car", "car"), ("car", " "), ("",), (1,)])
def test_vocabulary_refuses_blank_and_repeated_words(words: tuple) -> None:
    with pytest.raises(ValueError, match="words? of a vocabulary"):
        Vocabulary(words)


def test_merged_vocabulary_keeps_first_places_and_all_sources() -> None:
    images = Vocabulary.from_words(["car", "tree"], "images")
    points = Vocabulary.from_words(["pole", "car"], "points")
    merged = Vocabulary.merge(images, points)
    assert merged.words == ("car", "tree", "pole")
    assert merged.sources[0] == (Source("images"), Source("points"))
    assert merged.to_json()["sources"]["car"][1]["captioner"] == "points"


def test_summary_counts_every_labelled_point_once() -> None:
    rows = segmentation().summary()
    assert [(row["word"], row["points"], row["share"]) for row in rows] == [
        ("tree", 2, 0.5),
        ("car", 1, 0.25),
    ]
    assert rows[0]["score"] == pytest.approx(0.6)


def test_results_are_shown_in_one_line() -> None:
    result = segmentation()
    assert repr(result) == f"<Segmentation scan: 4 points, 2 of 3 words, {result.bundle}>"
    read = replace(result, scan=replace(result.scan, path=Path("there/scan.bin")))
    assert repr(read).startswith("<Segmentation scan.bin: ")
    vocabulary = Vocabulary.from_words(list("abcdef"))
    assert repr(vocabulary) == "<Vocabulary of 6 words: a, b, c, d, e, …>"
    assert repr(vocabulary.sources[0]) == "(<Source given>,)"
    assert repr(Source("points", "sector 04", "A bus.")) == "<Source points sector 04>"


@pytest.mark.parametrize(
    "changes", [{"label": [0, 0, 0, 3]}, {"label": [-2, 0, 0, 0]}, {"score": [0.0]}]
)
def test_segmentation_refuses_what_does_not_fit_the_scan(changes: dict) -> None:
    with pytest.raises(ValueError, match="label|score"):
        segmentation(**changes)


def test_nouns_and_io_import_numpy_only() -> None:
    code = (
        "import sys, avs3d, avs3d.io, avs3d.labelsets, avs3d.palette;"
        "heavy = {'torch', 'transformers', 'spacy', 'scipy', 'pydantic', 'laspy', 'plyfile',"
        " 'matplotlib', 'sentence_transformers'};"
        "sys.exit(str(sorted(heavy & sys.modules.keys())) if heavy & sys.modules.keys() else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_words_in_one_text_are_refused() -> None:
    for make in (Vocabulary.from_words, Vocabulary):
        with pytest.raises(TypeError, match="words are given as a list, such as .*car.*road"):
            make("car, road")  # type: ignore[arg-type]
