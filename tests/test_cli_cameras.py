"""`avs3d segment` with cameras: overlays, what is left out, and results that follow the images."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avs3d import Camera, Scan, Segmentation, Vocabulary
from avs3d.jobs import BatchConfig, find_jobs
from avs3d.palette import palette
from avs3d.report.overlay import draw_overlay
from avs3d.report.page import on_dark
from camera_files import SIZE, K, describe, make_rig, pose, write_image, write_rig
from commands import OUT, Call, lines, record, scan, segment

RIG = ("--images", "images", "--calibration", "rig.json", "--no-picture")


def overlays(folder: Path = OUT) -> list[str]:
    return sorted(path.name for path in folder.glob("*.png"))


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    scan(tmp_path / "a.bin")
    make_rig(tmp_path)
    return tmp_path


def test_a_picture_of_every_camera(call: Call, bundle: Path, rig: Path) -> None:
    result = segment(call, bundle, "a.bin", *RIG, "--overlay")
    assert result.exit_code == 0, result.output
    assert overlays() == ["a.front.png", "a.left.png", "a.rear.png"]
    assert f"  {OUT / 'a.front.png'}" in result.stdout and "left out" not in result.stdout
    for name in overlays():
        assert Image.open(OUT / name).size[0] == 1600
    found = record()["scans"]["a"]
    assert found["outputs"][-3:] == overlays() and found["timings"]["overlay"] > 0
    assert [camera["camera"] for camera in found["cameras"]] == ["front", "left", "rear"]
    assert all(0 < camera["points"] < 401 for camera in found["cameras"])
    assert found["cameras"][0]["image"] == str(Path("images", "front.png"))
    assert found["left_out"] == [] and record()["config"]["images"] == "images"


def test_without_overlay_the_cameras_are_only_counted(call: Call, bundle: Path, rig: Path) -> None:
    assert segment(call, bundle, "a.bin", *RIG).exit_code == 0
    assert overlays() == [] and len(record()["scans"]["a"]["cameras"]) == 3
    assert segment(call, bundle, "a.bin", "--no-picture", "--out", "plain").exit_code == 0
    assert record(Path("plain"))["scans"]["a"]["cameras"] == []
    for name in ("a.npz", "a.ply", "a.vocabulary.json"):
        assert (OUT / name).read_bytes() == Path("plain", name).read_bytes()


def test_what_is_left_out_is_said_and_the_scan_goes_on(call: Call, bundle: Path, rig: Path) -> None:
    Path("images", "left.png").write_bytes(b"")
    Path("images", "rear.png").unlink()
    result = segment(call, bundle, "a.bin", *RIG, "--overlay")
    assert result.exit_code == 0 and overlays() == ["a.front.png"]
    left_out = record()["scans"]["a"]["left_out"]
    assert left_out[1] == "camera left: images/left.png: is empty (0 bytes); get the file again"
    assert left_out[0].startswith("camera rear: images: has no images called rear/a or ")
    for line in left_out:
        assert f"left out: {line}" in result.stdout
    told = segment(call, bundle, "a.bin", *RIG, "--overlay", "--json", "--out", "json")
    assert json.loads(told.stdout.splitlines()[0])["left_out"] == left_out


def test_many_scans_of_which_one_has_no_images(call: Call, bundle: Path, tmp_path: Path) -> None:
    for seed, name in enumerate("abc"):
        scan(tmp_path / f"{name}.bin", seed)
    for name in "ac":
        write_image(tmp_path / "images" / "front" / f"{name}.jpg")
    write_rig(tmp_path / "rig.json", {"front": describe()})
    result = segment(call, bundle, ".", *RIG, "--overlay")
    assert result.exit_code == 0 and overlays() == ["a.front.png", "c.front.png"]
    assert "left out: camera front: images: has no images called front/b or" in result.stdout


def test_results_follow_their_images(call: Call, bundle: Path, rig: Path) -> None:
    args = ("a.bin", *RIG, "--overlay")
    assert segment(call, bundle, *args).exit_code == 0
    assert "skipped" in segment(call, bundle, *args).stdout
    write_image(Path("images", "front.png"), colour=9)
    result = segment(call, bundle, *args)
    assert result.exit_code == 2 and "made with another images; --overwrite" in lines(result)[0]
    cameras = {"front": describe(), "new": describe(180, file="rear.png")}
    write_rig(Path("rig.json"), cameras)
    Path(OUT, "a.mine.png").touch()
    assert segment(call, bundle, *args, "--overwrite").exit_code == 0
    assert overlays() == ["a.front.png", "a.mine.png", "a.new.png"]
    result = segment(call, bundle, "a.bin", "--no-picture")
    assert "made with another images, overlay; --overwrite" in lines(result)[0]


def test_a_picture_of_a_scan_and_one_of_a_camera_do_not_share_a_name(
    call: Call, bundle: Path, rig: Path
) -> None:
    scan(rig / "a.front.bin")
    write_image(rig / "images" / "front" / "a.png")
    result = segment(call, bundle, "a.bin", "a.front.bin", *RIG, "--overlay")
    assert result.exit_code == 2 and not OUT.exists()
    assert "a.front.bin: its picture and that of camera front of a.bin would" in lines(result)[0]
    assert segment(call, bundle, "a.bin", "a.front.bin", *RIG).exit_code == 0


def test_cameras_go_to_other_processes(rig: Path) -> None:
    config = BatchConfig((str(rig),), None, images=f"{rig}/images", calibration=f"{rig}/rig.json")
    (job,) = find_jobs(config).found
    there = pickle.loads(pickle.dumps(job))
    assert there == job and there.rig_state == job.rig_state and len(job.rig_state) == 4
    assert [camera.name for camera in there.rig.cameras] == ["front", "left", "rear"]


def test_an_overlay_replaces_no_image(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "a.bin")
    image = write_image(tmp_path / "images" / "a.front.png").read_bytes()
    write_rig(tmp_path / "rig.json", {"front": describe()})
    args = ("a.bin", *RIG, "--overlay", "--out", "images", "--overwrite")
    result = segment(call, bundle, *args)
    assert result.exit_code == 2
    assert "would replace an input; choose another --out" in lines(result)[0]
    assert Path("images", "a.front.png").read_bytes() == image


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--images", "images"), "--images and --calibration: give both, or none"),
        (("--calibration", "rig.json"), "--images and --calibration: give both, or none"),
        (("--overlay",), "--overlay: give the --images to draw on, and their --calibration"),
        (
            ("--images", "gone", "--calibration", "rig.json"),
            "--images gone: there is no such folder; check the path",
        ),
        (
            ("--images", "images", "--calibration", "rigs.json"),
            "rigs.json: no such file; did you mean rig.json?",
        ),
        (
            (*RIG, "--overlay", "--out", "-", "--write", "ply"),
            "--out -: give one --write, and no --json, --overlay or --report: stdout is for the"
            " result alone",
        ),
    ],
)
def test_options_that_do_not_go_together(
    call: Call, bundle: Path, rig: Path, args: tuple[str, ...], said: str
) -> None:
    result = segment(call, bundle, "a.bin", *args)
    assert result.exit_code == 2 and lines(result) == [f"error: {said}"]
    assert not OUT.exists()


def seen_by(camera: Camera, points: np.ndarray, label: list[int], folder: Path) -> np.ndarray:
    """The picture between heading and legend, as (H, W, 3)."""
    words = Vocabulary.from_words(["car", "road"])
    result = Segmentation(Scan(points, cameras=(camera,)), label, np.ones(len(label)), words, "b")
    first = draw_overlay(result, camera, folder / "a.png").read_bytes()
    assert draw_overlay(result, camera, folder / "b.png").read_bytes() == first
    return np.asarray(Image.open(folder / "a.png").convert("RGB"))[84 : 84 + 1200]


def test_points_are_drawn_where_they_are_seen(tmp_path: Path) -> None:
    image = np.full((SIZE[1], SIZE[0], 3), 200, np.uint8)
    camera = Camera("front", image, np.array(K), np.array(pose()))
    points = np.array([[10, 2, 1], [10, -2, 1], [10, 0, -1], [20, 4, 2], [-9, 0, 0], [np.nan] * 3])
    found = seen_by(camera, points, [0, 1, -1, 1, 1, -1], tmp_path)
    colours = on_dark(palette(["car", "road"]))
    for i, at in ((0, (-8, -4)), (1, (8, -4))):  # x = 40 / 10 * 2 pixels left of the middle
        rows, columns = np.nonzero((found == colours[i]).all(2))
        assert abs(rows.mean() - (24.5 + at[1]) * 25) < 26
        assert abs(columns.mean() - (32.5 + at[0]) * 25) < 26
        assert len(rows) == 36, "and the point behind the first is hidden"
    assert (found[600 + 100] == 160).all(), "no point without a word"


def test_overlays_of_odd_images(tmp_path: Path) -> None:
    for size in ((1, 1), (3, 400), (400, 3)):
        image = np.zeros((size[1], size[0], 3), np.uint8)
        camera = Camera("odd", image, np.array(K), np.array(pose()))
        seen_by(camera, np.array([[10.0, 0, 0]]), [0], tmp_path)
        seen_by(camera, np.zeros((0, 3)), [], tmp_path)


def test_the_nuscenes_sample_from_all_cameras(call: Call, bundle: Path, shared: Path) -> None:
    folder = shared / "data" / "nuscenes_sample"
    (path,) = folder.glob("*.pcd.bin")
    rig = ("--images", folder, "--calibration", folder / "sample.json", "--overlay")
    assert segment(call, bundle, path, *rig, "--no-picture").exit_code == 0
    assert len(overlays()) == 6
    found = record()["scans"][path.name.removesuffix(".pcd.bin")]
    assert [camera["points"] for camera in found["cameras"]] == [4768, 4019, 3274, 2962, 3639, 3016]
    assert found["cameras"][0]["timestamp"] == 1532402927637525000
