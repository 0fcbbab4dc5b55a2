"""What a user does with the authors' files: `avs3d segment` on them, and the same from Python."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import avs3d
from avs3d.errors import UserError
from avs3d.features import PointFeatures
from avs3d.pipeline import Pipeline
from avs3d.published.texts import write_captions
from avs3d.scan import Scan
from avs3d.segmentation import Segmentation
from avs3d.vocabulary import Vocabulary
from commands import Call, lines
from tiny import make_bundle

OUT = Path("avs3d-results")
WORDS = {"a": ["car", "road"], "b": ["tree", "building", "bus"]}
COUNT = 300


def scene(name: str, seed: int = 0, count: int = COUNT) -> Path:
    """A scene as OpenScene prepares it, with colours, in the folder that the test is in."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-10, 10, (count, 3)).astype(np.float32)
    colours = rng.integers(0, 256, (count, 3)) / 127.5 - 1
    torch.save((points, colours, rng.integers(0, 16, count).astype(np.uint8)), f"{name}.pth")
    return Path(f"{name}.pth")


def fused(path: str, features: np.ndarray, mask: np.ndarray) -> None:
    content = {"feat": torch.from_numpy(features).half(), "mask_full": torch.from_numpy(mask)}
    Path(path).parent.mkdir(exist_ok=True)
    torch.save(content, path)


def saved(name: str, content: object) -> str:
    Path(name).write_text(json.dumps(content), "utf-8")
    return name


def segment(call: Call, bundle: Path, *args: object) -> None:
    result = call("segment", *args, "--bundle", bundle, "--no-picture")
    assert result.exit_code == 0, result.output


def refused(call: Call, bundle: Path, *args: object) -> str:
    result = call("segment", *args, "--bundle", bundle, "--no-picture")
    assert result.exit_code == 2
    said = lines(result)
    assert len(said) == 1, said
    return said[0].removeprefix("error: ")


def result(name: str) -> dict[str, np.ndarray]:
    with np.load(OUT / f"{name}.npz") as arrays:
        return dict(arrays)


def test_a_scene_is_a_scan_and_keeps_colours_and_labels(call: Call, bundle: Path) -> None:
    points, colours, labels = torch.load(scene("scene0000_00"), weights_only=False)
    segment(call, bundle, ".", "-v", "car,road")
    found = result("scene0000_00")
    np.testing.assert_array_equal(found["points"], points)
    np.testing.assert_array_equal(found["input_label"], labels)
    np.testing.assert_allclose(found["red"] / 127.5 - 1, colours[:, 0], atol=1e-6)


def test_every_scene_has_its_own_vocabulary(call: Call, bundle: Path) -> None:
    for name in "abc":
        scene(name)
    words = saved("vocabulary.json", WORDS)
    segment(call, bundle, "a.pth", "b.pth", "-v", words)
    for name, expected in WORDS.items():
        assert result(name)["vocabulary"].tolist() == expected
    record = json.loads((OUT / "run.json").read_text())
    assert record["config"]["vocabulary"] == "vocabulary.json"
    assert refused(call, bundle, "c.pth", "-v", words) == (
        "vocabulary.json: says nothing of c; it has 2, such as a"
    )
    saved("vocabulary.json", {"c": [" "]})
    said = refused(call, bundle, "c.pth", "-v", words)
    assert said == "vocabulary.json: has no words for c; give some"


def test_captions_take_the_place_of_the_captioner(call: Call, bundle: Path) -> None:
    """The bundle has none."""
    scene("a")
    captions = {"front": "Two cars on a\nroad.", "back": "A tree."}
    saved("captions.json", {"a": captions, "z": {}})
    segment(call, bundle, "a.pth", "--captions", "captions.json")
    assert result("a")["vocabulary"].tolist() == ["car", "road", "tree"]
    told = json.loads((OUT / "a.captions.json").read_text())
    assert told == {"a": {"front": "Two cars on a road.", "back": "A tree."}}
    words = json.loads((OUT / "a.vocabulary.json").read_text())
    assert words["sources"]["tree"] == [{"captioner": "user", "view": "back", "caption": "A tree."}]
    scene("z")
    said = refused(call, bundle, "z.pth", "--captions", "captions.json")
    assert said == "no words were found for z.pth: give a vocabulary"
    both = refused(call, bundle, "a.pth", "--captions", "captions.json", "-v", "car")
    assert both == "--captions and --vocabulary: give one of them, words come from either"
    saved("captions.json", {"a": {"b": "\x1b[31m"}})
    said = refused(call, bundle, "a.pth", "--captions", "captions.json")
    assert said == "--captions: control characters in '\\x1b[31m'; take them out"


def test_results_never_replace_the_captions(call: Call, bundle: Path) -> None:
    scene("a")
    OUT.mkdir()
    captions = write_captions(OUT / "a.captions.json", {"a": {"b": "A tree."}, "z": {}})
    before = captions.read_bytes()
    said = refused(call, bundle, "a.pth", "--captions", captions, "--overwrite")
    assert "would replace an input" in said and captions.read_bytes() == before


def test_features_take_the_place_of_the_network(
    call: Call, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene("a")
    rows = avs3d.load(bundle).words(("car", "road", "tree")).numpy()
    mask = np.arange(COUNT) % 4 > 0
    expected = np.arange(COUNT) % 3
    fused("fused/a.pt", 5 * rows[expected][mask], mask)
    monkeypatch.setattr("avs3d.encoded._voxelize", None)  # the network is not needed
    segment(call, bundle, "a.pth", "-v", "car,road,tree", "--features", "fused")
    found = result("a")
    np.testing.assert_array_equal(found["label"], np.where(mask, expected, -1))
    np.testing.assert_allclose(found["score"], np.where(mask, 1.0, 0.0), atol=1e-3)
    assert json.loads((OUT / "run.json").read_text())["config"]["features"] == "fused"


def test_parts_of_features_are_joined(call: Call, bundle: Path) -> None:
    scene("scene0000_00")
    rows = avs3d.load(bundle).words(("car", "road")).numpy()
    halves = [np.arange(COUNT) % 2 == 0, np.arange(COUNT) % 3 == 0]
    for number, half in enumerate(halves):
        fused(f"fused/scene0000_00_{number}.pt", rows[np.full(half.sum(), number)], half)
    segment(call, bundle, "scene0000_00.pth", "-v", "car,road", "--features", "fused")
    expected = np.where(halves[0], 0, np.where(halves[1], 1, -1))
    np.testing.assert_array_equal(result("scene0000_00")["label"], expected)


def test_features_that_do_not_fit(call: Call, bundle: Path) -> None:
    scene("a")
    ones = np.ones((COUNT, 768), np.float32)
    every = np.ones(COUNT, bool)
    args = ("a.pth", "-v", "car,road", "--features")
    fused("wide/a.pt", ones, every)
    assert refused(call, bundle, *args, "wide") == (
        "wide/a.pt: features are 768 wide, the words of bundle tiny 384: give a bundle of the text"
        " encoder that they were made for"
    )
    fused("short/a.pt", ones[:9, :384], every[:9])
    assert refused(call, bundle, *args, "short/a.pt") == (
        "short/a.pt: is of 9 points, a.pth has 300: give the features of this scan"
    )
    fused("none/a.pt", 0 * ones[:, :384], every)
    assert refused(call, bundle, *args, "none") == (
        "none/a.pt: has no feature of a point with a position"
    )
    fused("other/b.pt", ones, every)
    assert refused(call, bundle, *args, "other") == (
        "other: has no features of a; it has 1, such as b"
    )
    assert refused(call, bundle, *args, "gone") == (
        "gone: no such file or folder; give fused features (.pt)"
    )
    Path("wide/a.pt").write_bytes(b"abc")
    assert refused(call, bundle, *args, "wide") == (
        "wide/a.pt: is neither a file of torch.save nor a pickle; get it again"
    )


def test_a_run_is_taken_up_again_unless_what_was_told_changed(call: Call, bundle: Path) -> None:
    scene("a")
    words = saved("vocabulary.json", WORDS)
    fused("fused/a.pt", np.ones((COUNT, 384), np.float32), np.ones(COUNT, bool))
    args = ("a.pth", "-v", words, "--features", "fused")
    segment(call, bundle, *args)
    saved("vocabulary.json", WORDS | {"b": ["else"]})  # of another scene
    again = call("segment", *args, "--bundle", bundle, "--no-picture")
    assert again.exit_code == 0 and "skipped" in again.stdout
    saved("vocabulary.json", WORDS | {"a": ["bus"]})
    assert "made with another vocabulary;" in refused(call, bundle, *args)
    saved("vocabulary.json", WORDS)
    fused("fused/a.pt", np.ones((COUNT, 384), np.float32), np.arange(COUNT) >= 0)
    assert "made with another features;" in refused(call, bundle, *args)
    saved("captions.json", {"a": {"b": "A car."}})
    said = refused(call, bundle, "a.pth", "--captions", "captions.json")
    assert "made with another vocabulary, captions, features;" in said


def test_several_processes_are_told_the_same(call: Call, bundle: Path) -> None:
    rng = np.random.default_rng(0)
    for name in "ab":
        scene(name)
        fused(f"fused/{name}.pt", rng.normal(size=(COUNT, 384)), np.ones(COUNT, bool))
    args = ("a.pth", "b.pth", "-v", saved("v.json", WORDS), "--features", "fused")
    segment(call, bundle, *args)
    one = {name: result(name)["label"] for name in "ab"}
    segment(call, bundle, *args, "--jobs", 2, "--overwrite")
    for name in "ab":
        np.testing.assert_array_equal(result(name)["label"], one[name])


# From Python


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return avs3d.load(make_bundle(tmp_path_factory.mktemp("bundle")))


@pytest.fixture(scope="module")
def scan() -> Scan:
    return Scan(np.random.default_rng(0).uniform(-10, 10, (COUNT, 3)))


def test_scans_find_their_own_words_beside_given_features(
    pipeline: Pipeline, scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(pipeline.bundle), "low_score", 0.9)
    features = PointFeatures(np.ones((COUNT, 384), np.float16), np.ones(COUNT, bool))
    given, own = pipeline.encode(scan, features), pipeline.encode(scan)
    assert "network" not in given.timings
    assert given.captions() == own.captions() and "network" in given.timings
    torch.testing.assert_close(given.trunk, own.trunk)
    assert own.low_score == 0.9 and given.low_score is None, "it was measured of the network"


def test_points_without_a_feature_or_a_position(pipeline: Pipeline, scan: Scan) -> None:
    points = scan.points.copy()
    points[0] = np.nan
    rows = np.ones((COUNT - 2, 384), np.float16)
    rows[1] = 0  # of the point with number 3
    mask = np.arange(COUNT) >= 2
    encoded = pipeline.encode(replace(scan, points=points), PointFeatures(rows, mask))
    words = Vocabulary.from_words(["car", "road"])
    found = encoded.segment(words)
    assert isinstance(found, Segmentation)
    assert np.flatnonzero(found.label == -1).tolist() == [0, 1, 3]
    assert np.flatnonzero(np.isnan(encoded.query("car"))).tolist() == [0, 1, 3]
    with pytest.raises(UserError, match="has no feature of a point with a position"):
        pipeline.encode(
            replace(scan, points=points), PointFeatures(rows[:1], np.arange(COUNT) == 0)
        )
