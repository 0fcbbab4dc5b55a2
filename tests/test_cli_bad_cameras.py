"""What is wrong with cameras, servers and models, from the command line: it is said, it costs what
it concerns, and the run goes on."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from api_server import Said, always, as_json, hang_up, said, serving
from avs3d import load
from avs3d.captioning.image_config import ImageCaptionerConfig
from avs3d.io import read, read_result
from avs3d.sources import Sources
from camera_files import SIZE, describe, make_rig, write_image, write_rig
from commands import OUT, Call, lines, record, scan
from test_cameras import JPEG, header_of
from tiny import make_clip, make_clip_bundle

RIG = ("--images", "images", "--calibration", "rig.json", "--no-picture")
DIM = 12


@pytest.fixture(autouse=True)
def _alone(plain_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "avs3d.captioning.points.PrefixCaptioner.candidates",
        lambda self, rows: [["A tree beside a wall."]] * len(rows),
    )


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CLIP model, ``clip``, and a bundle in its space, ``bundle``."""
    folder = tmp_path_factory.mktemp("clip")
    make_clip_bundle(folder / "bundle", make_clip(folder / "clip", DIM), DIM)
    return folder


ODD = {  # are images all the same
    "grey": lambda path: Image.new("L", SIZE, 90).save(path),
    "grey16": lambda path: Image.fromarray(np.full(SIZE[::-1], 40_000, np.uint16)).save(path),
    "cmyk": lambda path: Image.new("CMYK", SIZE, (9, 90, 0, 0)).save(path, "JPEG"),
    "turned": lambda path: Image.new("RGB", SIZE[::-1], (7, 70, 0)).save(path, exif=turned()),
}
BAD_IMAGES = {
    "absent": (None, "no such file"),
    "truncated": (JPEG[:-200], "not a readable image file ("),
    "zero_bytes": (b"", "is empty (0 bytes); get the file again"),
    "zero_size": (header_of(0, 48), "is no readable JPEG, PNG, WebP or BMP; save it as one"),
    "megapixels": (header_of(10_000, 10_000), "has more than 50 megapixels (10000 x 10000)"),
}
SKY = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -50], [0, 0, 0, 1]]
MIRROR = [[1, 0, 0, 0], [0, 0, -1, 0], [0, -1, 0, 0], [0, 0, 0, 1]]
BAD_MATRICES = {
    "singular": ({"camera_from_lidar": np.zeros((4, 4)).tolist()}, "must be a rotation and a"),
    "flat": ({"intrinsics": [[40, 0, 32], [0, 0, 24], [0, 0, 1]]}, "with fx and fy above 0"),
    "mirror": ({"camera_from_lidar": MIRROR}, "must be right-handed: it mirrors; correct it"),
    "nan": ({"intrinsics": [[float("nan")] * 3] * 3}, "must be (3, 3) and finite; correct it"),
}


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def test_every_fault_of_a_camera_is_said_and_the_scan_goes_on(
    call: Call, complete: Path, tmp_path: Path
) -> None:
    scan(tmp_path / "a.bin")
    (tmp_path / "images").mkdir()
    for name, save in ODD.items():
        save(tmp_path / "images" / f"{name}.png")
    for name, (content, _) in BAD_IMAGES.items():
        if content is not None:
            (tmp_path / "images" / f"{name}.png").write_bytes(content)
    for name in ("sky", *BAD_MATRICES):
        write_image(tmp_path / "images" / f"{name}.png")
    write_image(tmp_path / "images" / "small.png", (10, 10))
    told = {name: {} for name in (*ODD, *BAD_IMAGES, "small")}
    told |= {name: change for name, (change, _) in BAD_MATRICES.items()}
    told["sky"] = {"camera_from_lidar": SKY}
    cameras = {name: describe(file=f"{name}.png") | more for name, more in told.items()}
    write_rig(tmp_path / "rig.json", cameras)
    expected = {name: (f"images/{name}.png", why) for name, (_, why) in BAD_IMAGES.items()}
    expected |= {name: ("rig.json", why) for name, (_, why) in BAD_MATRICES.items()}
    expected["small"] = ("images/small.png", "is 10 x 10, its calibration is for 64 x 48; give")
    expected["sky"] = ("images/sky.png", "shows no point of the scan; correct where its")
    with serving(always(said("A bus."))) as server:
        model = f"{server.address}#eye"
        args = ("a.bin", *RIG, "-b", complete, "--image-captioner", model, "--overlay")
        result = call("segment", *args)
    assert result.exit_code == 0, result.output
    found = record()["scans"]["a"]
    assert [camera["camera"] for camera in found["cameras"]] == sorted(ODD)
    assert all((OUT / f"a.{name}.png").is_file() for name in ODD)
    assert list(json.loads((OUT / "a.captions.json").read_text())["a"])[:4] == sorted(ODD)
    assert found["labelled"] == 400
    lines_of = {line.split(": ")[0].removeprefix("camera "): line for line in found["left_out"]}
    assert lines_of.keys() == expected.keys()
    for name, (file, why) in expected.items():
        assert lines_of[name].startswith(f"camera {name}: {file}: ") and why in lines_of[name]
        assert f"left out: {lines_of[name]}" in result.stdout


def late(*args: object) -> Said:
    time.sleep(8)
    return said("A lamp.")


FAULTS = {  # in the order of cameras, by name
    "429": (always(as_json({"error": {"message": "slower"}}, 429)), "HTTP 429 (slower)"),
    "500": (always(as_json({"error": {"message": "on fire"}}, 500)), "HTTP 500 (on fire)"),
    "empty": (always(said("")), "said nothing"),
    "good": (always(said("A bus.")), ""),
    "hangs": (hang_up, "the connection broke off"),
    "html": (always(Said(b"<html>Hello</html>", kind="text/html")), "web page; check the address"),
    "large": (always(said("car " * (1 << 18))), "more than 512 KiB"),
    "slow": (late, "no answer in 3 s"),
}


def server_config(folder: Path, address: str) -> Path:
    """One question after the other, each asked once."""
    path = folder / "eye.yaml"
    path.write_text(
        f"server: {address}\nmodel: eye\nconcurrency: 1\nretries: 0\ntimeout: 3\nprompt: What?\n"
    )
    return path


def rig_of(folder: Path, names: list[str]) -> None:
    make_rig(folder, names)
    for number, name in enumerate(names):  # no two the same: that would be one question
        write_image(folder / "images" / f"{name}.png", colour=20 + 20 * number)


def test_every_fault_of_a_server_costs_one_caption(
    call: Call, complete: Path, tmp_path: Path
) -> None:
    scan(tmp_path / "a.bin")
    rig_of(tmp_path, list(FAULTS))
    scripts = [script for script, _ in FAULTS.values()]
    with serving(lambda number, *args: scripts[number](number, *args)) as server:
        config = server_config(tmp_path, server.address)
        result = call("segment", "a.bin", *RIG, "-b", complete, "--image-captioner", config)
    assert result.exit_code == 0, result.output
    told = json.loads((OUT / "a.vocabulary.json").read_text())
    assert told["words"] == ["bus", "tree", "wall"]
    assert [source["view"] for source in told["sources"]["bus"]] == ["good"]
    found = record()["scans"]["a"]
    assert found["labelled"] == 400 and len(found["cameras"]) == len(FAULTS)
    bad = [(name, why) for name, (_, why) in FAULTS.items() if why]
    for line, (name, why) in zip(found["left_out"], bad, strict=True):
        assert line.startswith(f"camera {name}: images/{name}.png: no caption: {server.address}: ")
        assert why in line and len(line) < 500
        assert f"left out: {line}" in result.stdout
    assert found["asked"]["asked"] == 8 and found["asked"]["failed"] == 7
    assert record()["asked"].startswith("image captions: 8 answers (7 failed)")


def test_a_server_that_is_down_costs_no_word_of_the_points(
    call: Call, complete: Path, tmp_path: Path
) -> None:
    scan(tmp_path / "a.bin")
    rig_of(tmp_path, ["front", "left", "rear"])
    with serving(always(said("A bus."))) as server:
        address = server.address
    config = server_config(tmp_path, address)
    result = call("segment", "a.bin", *RIG, "-b", complete, "--image-captioner", config)
    assert result.exit_code == 0, result.output
    assert json.loads((OUT / "a.vocabulary.json").read_text())["words"] == ["tree", "wall"]
    left_out = record()["scans"]["a"]["left_out"]
    assert len(left_out) == 3 and all(f"no caption: {address}: " in line for line in left_out)
    result = call("caption", "a.bin", *RIG[:4], "-b", complete, "--image-captioner", config)
    assert result.exit_code == 0 and result.stdout.count("left out: camera ") == 3
    assert "image captions: 3 answers (3 failed)" in result.stdout


def test_a_scan_of_which_nothing_is_said_does_not_end_the_run(
    call: Call, complete: Path, tmp_path: Path
) -> None:
    write_rig(tmp_path / "rig.json", {"front": describe()})
    for seed, name in enumerate("abc"):
        scan(tmp_path / f"{name}.bin", seed)
        write_image(tmp_path / "images" / "front" / f"{name}.png", colour=50 * seed)
    answers = [said("A bus."), as_json({"error": {"message": "on fire"}}, 500), said("A car.")]
    with serving(lambda number, body, handler: answers[number]) as server:
        config = server_config(tmp_path, server.address)
        args = ("-b", complete, "--image-captioner", config, "--captioner", "images")
        result = call("segment", "a.bin", "b.bin", "c.bin", *RIG, *args)
    assert result.exit_code == 2
    assert lines(result)[0].startswith("error: no words were found for b.bin (camera front: images")
    assert "HTTP 500 (on fire)): give a vocabulary" in lines(result)[0]
    assert list(record()["scans"]) == ["a", "c"] and len(record()["failures"]) == 1
    assert [(row["word"], row["from"]) for row in record()["words"]] == [
        ("bus", ["images"]), ("car", ["images"]),
    ]  # fmt: skip


def test_an_image_that_is_gone_when_it_is_to_be_described(complete: Path, tmp_path: Path) -> None:
    from avs3d.cameras import read_cameras

    rig_of(tmp_path, ["front", "rear"])
    cloud = read(scan(tmp_path / "a.bin"), columns=4)
    cloud = read_cameras(cloud, tmp_path / "images", tmp_path / "rig.json")
    (tmp_path / "images" / "front.png").unlink()
    with serving(always(said("A bus."))) as server:
        eye = ImageCaptionerConfig(model="eye", server=server.address)
        encoded = load(complete, sources=Sources("images", eye)).encode(replace(cloud, name="a"))
        assert encoded.captions() == encoded.captions(4) == {"rear": "A bus."}
        assert encoded.usage is not None and encoded.usage.asked == 1  # views are of the points
    (line,) = encoded.scan.left_out
    assert line == f"camera front: {tmp_path}/images/front.png: no such file; check the path"


def test_the_full_method_in_the_space_of_clip(
    call: Call, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doing: list[str] = []
    monkeypatch.setattr("avs3d.cli.console.Progress.status", lambda self, text: doing.append(text))
    scan(tmp_path / "a.bin")
    rig_of(tmp_path, ["front", "left", "rear"])
    args = ("a.bin", *RIG, "-b", clip / "bundle", "--feature", "ensemble", "--z-buffer", 4)
    with serving(always(said("A bus by a tree."))) as server:
        model = ("--image-captioner", f"{server.address}#eye")
        result = call("segment", *args, *model)
        assert lines(result) == [
            "error: bundle tiny has no captioner, so it cannot choose words itself: give it a"
            " vocabulary, or take words from images alone"
        ]
        result = call("segment", *args, *model, "--captioner", "images")
        assert result.exit_code == 0, result.output
    steps = [f"features of image {number} of 3" for number in (1, 2, 3)]
    steps.append("describing images 1 to 3 of 3")
    assert doing[-4:] == [f"a.bin  (401 points)  {step}" for step in steps]
    found = read_result(OUT / "a.npz")
    assert found.vocabulary.words == ("bus", "tree") and (found.label >= 0).sum() == 400


def refused(call: Call, bundle: Path, *args: object) -> str:
    result = call("segment", "a.bin", *RIG, "-b", bundle, "-v", "car,road", *args)
    assert result.exit_code == 2 and len(lines(result)) == 1, result.output
    return lines(result)[0].removeprefix("error: ")


def test_features_of_another_space_are_refused_by_name_and_width(
    call: Call, clip: Path, tmp_path: Path
) -> None:
    scan(tmp_path / "a.bin")
    make_rig(tmp_path)
    own, wide = clip / "clip", make_clip(tmp_path / "wide", 16)
    here = f"bundle tiny (clip:{own})"
    assert refused(call, clip / "bundle", "--features", f"clip:{wide}") == (
        f"pixel features 'clip:{wide}' are 16 wide, the words of {here} 12: give the CLIP model"
        " whose text encoder is used"
    )
    other = make_clip(tmp_path / "other", DIM, seed=1)
    assert refused(call, clip / "bundle", "--features", f"clip:{other}") == (
        f"pixel features 'clip:{other}' are those of another model than the words of {here}, though"
        " as wide (12): give the CLIP model whose text encoder is used"
    )
    copy = shutil.copytree(own, tmp_path / "copy")
    args = ("a.bin", *RIG, "-b", clip / "bundle", "-v", "car,road", "--features", f"clip:{copy}")
    assert call("segment", *args).exit_code == 0
    torn = make_clip_bundle(tmp_path / "torn", wide, DIM)
    assert refused(call, torn, "--overwrite") == (
        f"bundle tiny: its text encoder clip:{wide} is 16 wide, its network 12: give a bundle with"
        " the text encoder of its features"
    )
    np.save(tmp_path / "images" / "front.npy", np.zeros((6, 8, 9), np.float32))
    told = refused(call, clip / "bundle", "--features", "images", "--overwrite")
    assert told.startswith("images: has no feature of a point with a position (camera front:")
    assert "has shape (6, 8, 9), and features 12 wide are wanted" in told
