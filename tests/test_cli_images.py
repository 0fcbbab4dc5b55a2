"""Words and features of images on the command line: models here, servers, and CLIP, for real."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from api_server import always, as_json, said, serving
from avs3d import read
from avs3d.io import read_result
from camera_files import make_rig, write_image
from commands import OUT, Call, lines, record, scan
from tiny import make_clip, make_clip_bundle
from tiny_captioners import WORDS, make_vit_gpt2

RIG = ("--images", "images", "--calibration", "rig.json")
DIM = 12
CAMERAS = ["front", "left", "rear"]


def vocabulary(folder: Path = OUT) -> dict:
    return json.loads((folder / "a.vocabulary.json").read_text())


@pytest.fixture
def rig(tmp_path: Path, plain_environment: None) -> Path:
    scan(tmp_path / "a.bin")
    make_rig(tmp_path)
    for number, name in enumerate(CAMERAS):  # no two the same: that would be one question
        write_image(tmp_path / "images" / f"{name}.png", colour=100 + 30 * number)
    return tmp_path


@pytest.fixture(scope="module")
def clip_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    return make_clip_bundle(folder / "bundle", make_clip(folder / "clip", DIM), DIM)


def test_a_model_on_this_machine_gives_words(call: Call, complete: Path, rig: Path) -> None:
    model = make_vit_gpt2(rig / "model")
    args = ("a.bin", *RIG, "-b", complete, "--image-captioner", model, "--no-picture")
    result = call("segment", *args, "--captioner", "images")
    assert result.exit_code == 0, result.output
    found = vocabulary()
    assert found["words"] and set(" ".join(found["words"]).split()) <= set(WORDS)
    sources = [source for some in found["sources"].values() for source in some]
    assert {s["captioner"] for s in sources} == {"images"}
    assert {s["view"] for s in sources} <= set(CAMERAS)
    assert list(json.loads((OUT / "a.captions.json").read_text())["a"]) == CAMERAS
    for row in record()["scans"]["a"]["words"]:
        assert f"  images {found['sources'][row['word']][0]['view']}" in result.stdout
    assert "image captions: 3 answers" in result.stdout
    assert {word for row in record()["scans"]["a"]["words"] for word in row["from"]} == {"images"}
    assert record()["config"]["sources"]["image_captioner"]["model"] == str(model)
    first = (OUT / "a.npz").read_bytes()
    assert call("segment", *args, "--captioner", "images", "--overwrite").exit_code == 0
    assert (OUT / "a.npz").read_bytes() == first
    assert "sources; --overwrite" in lines(call("segment", *args, "--captioner", "points"))[0]


def test_words_of_images_come_before_those_of_points(
    call: Call, complete: Path, rig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "avs3d.captioning.points.PrefixCaptioner.candidates",
        lambda self, rows: [["A tree beside a bus."]] * len(rows),
    )
    with serving(always(said("A bus by a fence."))) as server:
        args = ("a.bin", *RIG, "-b", complete, "--image-captioner", f"{server.address}#eye")
        result = call("segment", *args)
        assert result.exit_code == 0, result.output
        assert vocabulary()["words"] == ["bus", "fence", "tree"]
        bus = vocabulary()["sources"]["bus"]
        assert [s["view"] for s in bus][:4] == [*CAMERAS, "sector 00"]
        assert "images front (+2), points sector 00 (+11): A bus by a fence." in result.stdout
        assert "image captions: 3 answers, 90 + 15 tokens" in result.stdout
        asked = len(server.bodies)
        assert call("segment", *args, "--overwrite").exit_code == 0
        assert asked == len(server.bodies) == 3 and record()["asked"].endswith("(3 cached)")
        assert call("segment", *args, "--overwrite", "--captioner", "points").exit_code == 0
        assert vocabulary()["words"] == ["tree", "bus"]


def test_dark_images_cost_no_word_of_the_points(
    call: Call, complete: Path, rig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "avs3d.captioning.points.PrefixCaptioner.candidates",
        lambda self, rows: [["A tree beside a wall."]] * len(rows),
    )
    for number, name in enumerate(CAMERAS):
        write_image(rig / "images" / f"{name}.png", colour=9 * number)
    answers = [said("A bus."), said(""), as_json({"error": "no"}, 400)]
    with serving(lambda number, body, handler: answers[number]) as server:
        config = rig / "eye.yaml"
        config.write_text(f"server: {server.address}\nmodel: eye\nconcurrency: 1\n")
        args = ("a.bin", *RIG, "-b", complete, "--image-captioner", config)
        result = call("segment", *args)
        assert result.exit_code == 0, result.output
        assert vocabulary()["words"] == ["bus", "tree", "wall"]
        left_out = record()["scans"]["a"]["left_out"]
        assert (
            left_out[0]
            == f"camera left: images/left.png: no caption: {server.address}: said nothing"
        )
        assert left_out[1].startswith("camera rear: images/rear.png: no caption: ")
        assert f"left out: {left_out[0]}" in result.stdout
        assert "image captions: 3 answers (2 failed)" in result.stdout


def test_without_any_image_words_come_from_points(call: Call, complete: Path, rig: Path) -> None:
    for name in CAMERAS:
        (rig / "images" / f"{name}.png").unlink()
    with serving(always(said("A bus."))) as server:
        args = ("a.bin", *RIG, "-b", complete, "--image-captioner", f"{server.address}#eye")
        result = call("segment", *args, "--captioner", "images")
        assert result.exit_code == 2 and "no words were found for a.bin" in lines(result)[0]
        assert "images: there are none" in lines(result)[0] and not server.bodies


def test_a_server_that_is_down_leaves_no_captions(call: Call, complete: Path, rig: Path) -> None:
    with serving(always(as_json({"error": "no"}, 400))) as server:
        args = ("a.bin", *RIG, "-b", complete, "--image-captioner", f"{server.address}#eye")
        args = ("caption", *args, "--captioner", "images", "--out", "told")
        for _ in range(2):  # and the same command tries again
            result = call(*args)
            assert result.exit_code == 2 and not Path("told", "a.captions.json").exists()
            assert lines(result)[0].startswith("error: a.bin: nothing describes it (camera front: ")


def test_captions_of_cameras_and_of_what_they_show(call: Call, complete: Path, rig: Path) -> None:
    with serving(always(said("A bus."))) as server:
        args = ("a.bin", *RIG, "-b", complete, "--image-captioner", f"{server.address}#eye")
        result = call("caption", *args, "--views", "cameras", "--out", "told")
        assert result.exit_code == 0, result.output
        told = json.loads(Path("told", "a.captions.json").read_text())["a"]
        assert list(told)[:3] == CAMERAS and told["front"] == "A bus."
        assert set(list(told)[3:]) <= {f"camera {name}" for name in CAMERAS}
    result = call("caption", "a.bin", "-b", complete, "--views", "cameras")
    assert result.exit_code == 2
    assert lines(result) == ["error: a.bin: has no cameras to describe; leave out --views cameras"]


def test_words_that_are_nearly_the_same_are_folded(call: Call, complete: Path, rig: Path) -> None:
    with serving(always(said("A car, an automobile, a tree and a car park."))) as server:
        args = ("a.bin", *RIG, "-b", complete, "--image-captioner", f"{server.address}#eye")
        args = (*args, "--captioner", "images", "--no-picture")
        assert call("segment", *args).exit_code == 0
        assert vocabulary()["words"] == ["car", "automobile", "tree", "car park"]
        assert call("segment", *args, "--overwrite", "--fold", 0.8).exit_code == 0
        assert vocabulary()["words"] == ["car", "tree", "car park"]
        assert len(vocabulary()["sources"]["car"]) == 3


def test_a_run_tells_how_often_words_came(call: Call, complete: Path, rig: Path) -> None:
    scan(rig / "b.bin", 1)
    for number, name in enumerate(CAMERAS):
        for stem in "ab":
            colour = 20 * number + ord(stem)
            write_image(rig / "images" / name / f"{stem}.png", colour=colour)
    answers = ["A bus."] * 3 + ["A tree."] * 3
    with serving(lambda number, body, handler: said(answers[number])) as server:
        config = rig / "eye.yaml"
        config.write_text(f"server: {server.address}\nmodel: eye\nconcurrency: 1\nprompt: What?\n")
        args = ("a.bin", "b.bin", *RIG, "-b", complete, "--image-captioner", config)
        result = call("segment", *args, "--captioner", "images", "--no-picture")
        assert result.exit_code == 0, result.output
    words = [(row["word"], row["scans"], row["points"]) for row in record()["words"]]
    assert words == [("bus", 1, 400), ("tree", 1, 400)]
    assert "2 of 2 done" in result.stdout


def test_fusion_ensemble_and_query_in_the_space_of_clip(
    call: Call, clip_bundle: Path, rig: Path
) -> None:
    found = {}
    for feature in ("distill", "fusion", "ensemble"):
        args = ("a.bin", *RIG, "-b", clip_bundle, "-v", "car,road,tree", "--no-picture")
        result = call("segment", *args, "--feature", feature, "--out", feature)
        assert result.exit_code == 0, result.output
        found[feature] = read_result(Path(feature, "a.npz"))
    distill, fusion, ensemble = (found[name] for name in ("distill", "fusion", "ensemble"))
    seen = fusion.label >= 0
    assert 100 < seen.sum() < 400 and (distill.label >= 0).sum() == 400
    better = seen & (fusion.cosine > distill.cosine)
    assert 0 < better.sum() < seen.sum()
    np.testing.assert_array_equal(ensemble.label, np.where(better, fusion.label, distill.label))
    np.testing.assert_allclose(ensemble.cosine, np.where(better, fusion.cosine, distill.cosine))
    said = call("query", "a.bin", "a car", *RIG, "-b", clip_bundle, "--feature", "fusion")
    assert said.exit_code == 0, said.output
    cloud = read(OUT / "a.query-a-car.ply")
    assert (cloud.fields["label"] == 0).sum() == seen.sum()


def test_stored_features_of_images(call: Call, clip_bundle: Path, rig: Path) -> None:
    for i, name in enumerate(CAMERAS):
        grid = np.zeros((6, 8, DIM), np.float32)
        grid[..., i] = 1
        path = rig / "features" / f"{name}.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, grid)
    args = ("a.bin", *RIG, "-b", clip_bundle, "-v", "car,road,tree", "--no-picture")
    result = call("segment", *args, "--features", "features")
    assert result.exit_code == 0, result.output
    assert record()["config"]["sources"]["pixels"] == "features"
    assert call("segment", *args, "--features", "features").exit_code == 0  # done already
    (rig / "features" / "left.npy").write_bytes(b"junk")
    result = call("segment", *args, "--features", "features")
    assert result.exit_code == 2 and "another set of features" in lines(result)[0]
    result = call("segment", *args, "--features", "features", "--out", "again")
    assert (
        result.exit_code == 0 and "left.npy" in record(Path("again"))["scans"]["a"]["left_out"][0]
    )


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--feature", "fusion"), "the words of bundle tiny are those of minilm, which no image"),
        (("--features", "clip:gone"), "the words of bundle tiny are those of minilm, which no"),
        (
            ("--image-captioner", "gone/model"),
            "image captioner 'gone/model' is not on this machine",
        ),
        (("--image-captioner", "gone.yaml"), "gone.yaml: no such file"),
        (("--image-captioner", "http://x/v1"), "image captioner 'http://x/v1' names no model"),
        (("-v", "car", "--fold", "0.9"), "--captioner, --image-captioner, --fold: are for words"),
        (("--views", "9x"), "--views 9x: give a number from 1 to 360, cameras or squares"),
    ],
)
def test_what_cannot_be_done_is_said(
    call: Call, complete: Path, rig: Path, monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...], said: str,
) -> None:  # fmt: skip
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    result = call("segment", "a.bin", *RIG, "-b", complete, *args)
    assert result.exit_code == 2 and lines(result)[0].startswith(f"error: {said}"), result.output
