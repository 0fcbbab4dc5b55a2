"""Calibration files: what they mean, and that a bad camera costs only itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avs3d import Camera, ReadError
from avs3d.cameras.calibration import Calibration, nanoseconds, read_calibration
from avs3d.io.source import MalformedError
from avs3d.projection import project

K = [[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]
POSE = [[0.0, -1, 0, 0.1], [0, 0, -1, 0.2], [1, 0, 0, 0.3], [0, 0, 0, 1]]
GOOD: dict[str, Any] = {"intrinsics": K, "camera_from_lidar": POSE}
INFO = """image_width: 640
image_height: 480
camera_name: narrow/left
camera_matrix:
  rows: 3
  cols: 3
  data: [5e2, 0, 320, 0, 500, 240, 0, 0, 1]
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.3, 1e-1, 0.001, -2e-3, 0]}
camera_from_lidar: [[0, -1, 0, 0.1], [0, 0, -1, 0.2], [1, 0, 0, 0.3], [0, 0, 0, 1]]
"""
ECHO = """header:
  stamp: {sec: 1532402927, nanosec: 612460001}
  frame_id: right
height: 480
width: 640
distortion_model: equidistant
d: [0.01, 0.02, 0.03, 0.04]
k: [500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0]
r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
camera_from_lidar: [0, -1, 0, 0.1, 0, 0, -1, 0.2, 1, 0, 0, 0.3, 0, 0, 0, 1]
---
"""
KITTI = """P0: 500 0 320 0 0 500 240 0 0 0 1 0
P2: 500 0 320 50 0 500 240 0 0 0 1 0

Tr: 0 -1 0 0.1 0 0 -1 0.2 1 0 0 0.3
"""


def read(folder: Path, name: str, content: str | bytes) -> Calibration:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_calibration(path)


def read_json(folder: Path, cameras: Any, **more: Any) -> Calibration:
    return read(folder, "rig.json", json.dumps({"cameras": cameras, **more}))


def check(camera: Camera) -> None:
    np.testing.assert_allclose(camera.intrinsics, K)
    np.testing.assert_allclose(camera.camera_from_lidar, POSE, atol=1e-12)


def test_json_as_of_the_nuscenes_sample(tmp_path: Path) -> None:
    b = {**GOOD, "file": "b/1.jpg", "width": 640, "height": 480, "timestamp": 1532402927.612461}
    a = {**GOOD, "distortion_model": "equidistant", "distortion": [0.1, 0, 0, 0]}
    found = read_json(tmp_path, {"b": b, "a": a}, lidar={"file": "scan.bin"})
    assert found.left_out == () and found.scan == "scan.bin" and not found.partial
    for camera in found.cameras:
        check(camera)
    first, second = found.cameras
    assert (first.name, first.image, first.size, first.lens) == ("a", Path(), None, "fisheye")
    assert (second.name, second.image, second.size) == ("b", Path("b/1.jpg"), (640, 480))
    assert second.timestamp == 1532402927612461000
    assert second.lens == "pinhole" and not len(second.distortion)


def test_camera_info_as_saved_and_as_printed(tmp_path: Path) -> None:
    found = read(tmp_path, "rig.yaml", f"{INFO}---\n{ECHO}")
    assert found.left_out == ()
    left, right = found.cameras
    check(left)
    check(right)
    assert (left.name, left.size, left.lens) == ("narrow_left", (640, 480), "pinhole")
    assert left.distortion.tolist() == [-0.3, 0.1, 0.001, -0.002, 0] and left.timestamp is None
    assert (right.name, right.size, right.lens) == ("right", (640, 480), "fisheye")
    assert right.distortion.tolist() == [0.01, 0.02, 0.03, 0.04]
    assert right.timestamp == 1532402927612460001


def test_opencv_s_unused_coefficients_are_dropped(tmp_path: Path) -> None:
    bent = [0.1] * 8 + [0.0] * 6
    found = read_json(tmp_path, {"a": {**GOOD, "distortion": bent}, "b": {**GOOD, "distortion": 1}})
    assert len(found.cameras[0].distortion) == 8
    found = read_json(tmp_path, {"a": {**GOOD, "distortion": [[-0.3, 0.1, 0, 0, 0.2]]}})  # OpenCV's
    assert found.cameras[0].distortion.tolist() == [-0.3, 0.1, 0, 0, 0.2]
    found = read_json(tmp_path, {"a": {**GOOD, "distortion": [0.1] * 14}})
    assert "must be 0, 4, 5 or 8 finite numbers" in found.left_out[0]


def test_of_rectified_images_coefficients_do_not_count(tmp_path: Path) -> None:
    camera = read(tmp_path, "rig.yaml", INFO.replace("plumb_bob", "none")).cameras[0]
    assert camera.lens == "pinhole" and not len(camera.distortion)


def test_kitti_odometry(tmp_path: Path) -> None:
    found = read(tmp_path, "calib.txt", KITTI)
    assert found.partial and [camera.name for camera in found.cameras] == ["image_0", "image_2"]
    check(found.cameras[0])
    moved = found.cameras[1].camera_from_lidar - found.cameras[0].camera_from_lidar
    np.testing.assert_allclose(moved[:3, 3], [0.1, 0, 0])


def test_kitti_object_is_the_product_of_its_matrices(shared: Path) -> None:
    path = shared / "data" / "kitti_object" / "training" / "calib" / "000001.txt"
    found = read_calibration(path)
    assert found.left_out == () and len(found.cameras) == 4
    rows = dict(line.split(":") for line in path.read_text().splitlines() if line)
    told = {key: np.array(value.split(), float) for key, value in rows.items()}
    points = np.array([[10, 1, -1], [20, -5, 2], [7, 0, 0.0]])
    camera = np.c_[points, np.ones(3)] @ told["Tr_velo_to_cam"].reshape(3, 4).T
    camera = camera @ told["R0_rect"].reshape(3, 3).T
    for i in range(4):
        flat = np.c_[camera, np.ones(3)] @ told[f"P{i}"].reshape(3, 4).T
        pixel = project(points, Camera(**{**vars(found.cameras[i]), "size": (1242, 375)}))
        np.testing.assert_allclose(pixel.column, flat[:, 0] / flat[:, 2])
        np.testing.assert_allclose(pixel.row, flat[:, 1] / flat[:, 2])


def mirrored() -> list[list[float]]:
    return [[-value for value in POSE[0]], *POSE[1:]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"intrinsics": None}, "intrinsics must be 3 x 3 numbers; correct it"),
        ({"intrinsics": [[1, 2], [3, 4]]}, "intrinsics must be 3 x 3 numbers; correct it"),
        ({"intrinsics": [["a"] * 3] * 3}, "intrinsics must be 3 x 3 numbers; correct it"),
        (
            {"intrinsics": [[0, 0, 1]] * 3},
            "intrinsics of camera 'bad' must be fx s cx, 0 fy cy, 0 0 1 with fx and fy above 0;"
            " correct it",
        ),
        (
            {"camera_from_lidar": mirrored()},
            "camera_from_lidar of camera 'bad' must be right-handed: it mirrors; correct it",
        ),
        (
            {"camera_from_lidar": [POSE[0], POSE[0], POSE[2], POSE[3]]},
            "camera_from_lidar of camera 'bad' must be a rotation and a translation, with 0 0 0 1"
            " below; correct it",
        ),
        (
            {"camera_from_lidar": [[float("nan")] * 4] * 4},
            "camera_from_lidar of camera 'bad' must be (4, 4) and finite; correct it",
        ),
        (
            {"distortion_model": "barrel"},
            "distortion_model 'barrel' is not known; known are none, plumb_bob,"
            " rational_polynomial, equidistant, fisheye",
        ),
        (
            {"distortion": [1, 2]},
            "distortion of camera 'bad' must be 0, 4, 5 or 8 finite numbers for a pinhole lens;"
            " correct it",
        ),
        ({"width": 640}, "width and height must be 2 numbers; correct it"),
        ({"width": 0, "height": 5}, "width and height must be whole numbers above 0; correct them"),
        ({"file": "../a.jpg"}, "file must be a path below the folder of the images; correct it"),
        ({"file": "/a.jpg"}, "file must be a path below the folder of the images; correct it"),
        ({"timestamp": 1 << 63}, "timestamp must be a number of 64 bits; correct it"),
        ({"timestamp": "now"}, "timestamp must be a number of 64 bits; correct it"),
    ],
)
def test_a_bad_camera_is_named_and_costs_only_itself(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    found = read_json(tmp_path, {"good": GOOD, "bad": {**GOOD, **change}})
    assert [camera.name for camera in found.cameras] == ["good"]
    assert found.left_out == (f"camera bad: {tmp_path / 'rig.json'}: {said}",)


def test_names_become_parts_of_names_of_files(tmp_path: Path) -> None:
    found = read_json(tmp_path, {"../a b": GOOD, "A": GOOD, "a": GOOD, "": GOOD, "x" * 65: GOOD})
    assert [camera.name for camera in found.cameras] == ["A", "_a_b"]
    assert [line.split(": ")[2] for line in found.left_out] == [
        "has the name of another one; rename it",
        *["must have a name of 1 to 64 characters; rename it"] * 2,
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xml", "<a/>", "no calibration by its extension; readable are .json, .txt, .yaml, .yml"),
        ("a.json", b"", "is empty (0 bytes); get the file again"),
        ("a.json", b"\xff\xfe", "is not a text file; give a calibration"),
        ("a.json", "[1]", 'has no cameras; it needs {"cameras": {NAME: {…}}}'),
        ("a.json", '{"cameras": {}}', 'has no cameras; it needs {"cameras": {NAME: {…}}}'),
        ("a.json", "[" * 100_000, "is not JSON ("),
        ("a.json", "{", "is not JSON ("),
        ("a.json", json.dumps({"cameras": dict.fromkeys(map(str, range(65)))}),
         "has more than 64 cameras; give those of the scan"),
        ("a.json", b" " * (1 << 20) + b"[]", "1.0 MiB are more than the 1.0 MiB that"),
        ("a.txt", "P0: 1\n", "has no P0 to P3 with a Tr or Tr_velo_to_cam; give KITTI's calib.txt"),
        ("a.txt", KITTI + "R0_rect: 1 2\n", "R0_rect must be 3 x 3 numbers; correct it"),
        ("a.yaml", "a: [1", "not a readable YAML file ("),
        ("a.yaml", "[" * 20_000, "not a readable YAML file ("),
        ("a.yaml", "1", "has no camera_info; it needs camera_matrix and camera_from_lidar"),
        ("a.yml", "", "is empty (0 bytes)"),
        ("a.yml", "a: &a [1]\nb: [*a, *a]", "has a YAML alias (*…); write out what it stands for"),
        ("a.yml", "a: !!timestamp x", "not a readable YAML file ("),
        ("a.yml", "a: !!python/object/apply:os.getcwd []", "not a readable YAML file (could not"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_calibration(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    with pytest.raises(ReadError) as caught:
        read(tmp_path, name, content)
    assert str(caught.value).startswith(f"{tmp_path / name}: {said}")
    assert "\n" not in str(caught.value)


def test_cameras_of_yaml_and_kitti_that_cannot_be_used(tmp_path: Path) -> None:
    lost = "\n".join(line for line in INFO.splitlines() if not line.startswith("camera_from"))
    told = f"{lost}\n---\n{ECHO}---\n{ECHO.replace('1532402927', 'soon').replace('right', 'up')}"
    found = read(tmp_path, "a.yaml", told)
    assert [camera.name for camera in found.cameras] == ["right"]
    assert [line.split(": ", 2)[::2] for line in found.left_out] == [
        [
            "camera narrow/left",
            "does not tell where the camera is; add camera_from_lidar, 4 x 4 numbers",
        ],
        ["camera up", "header.stamp must be whole seconds and nanoseconds; correct it"],
    ]
    found = read(tmp_path, "a.txt", KITTI.replace("500 0 320 50", "0 0 0 50"))
    assert len(found.cameras) == 1 and found.left_out[0].endswith("P2 is singular; correct it")


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (None, None),
        (1532402927612460001, 1532402927612460001),
        (1532402927.61246, 1532402927612460000),
        (0.1, 100_000_000),
    ],
)
def test_timestamps_keep_their_digits(told: Any, found: int | None) -> None:
    assert nanoseconds(told) == found


@pytest.mark.parametrize("told", [float("nan"), float("inf"), 1e300, [], "1e999999"])
def test_what_is_no_timestamp(told: Any) -> None:
    with pytest.raises(MalformedError, match="timestamp must be"):
        nanoseconds(told)


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ANY = st.recursive(
    LEAF, lambda x: st.lists(x, max_size=4) | st.dictionaries(st.text(), x), max_leaves=9
)
KEYS = st.sampled_from(
    ["file", "width", "height", "distortion_model", "distortion", "timestamp", "intrinsics",
     "camera_from_lidar"]
)  # fmt: skip


CAMERA = st.dictionaries(KEYS, ANY, max_size=3).map(lambda x: {**GOOD, **x})


@given(st.dictionaries(st.text(max_size=3), CAMERA, min_size=1, max_size=4))
def test_any_json_gives_cameras_or_lines(
    tmp_path_factory: pytest.TempPathFactory, cameras: dict[str, Any]
) -> None:
    found = read_json(tmp_path_factory.getbasetemp(), cameras)
    assert len(found.cameras) + len(found.left_out) == len(cameras)
    assert all(line.isprintable() for line in found.left_out)


@given(
    st.sampled_from([("a.yaml", INFO + "---\n" + ECHO), ("a.txt", KITTI)]),
    st.integers(0, 600),
    st.integers(0, 40),
    st.binary(max_size=6),
)
def test_damaged_text_gives_cameras_or_lines_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory,
    file: tuple[str, str],
    start: int,
    count: int,
    put: bytes,
) -> None:
    name, content = file
    data = bytearray(content.encode())
    data[start : start + count] = put
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data)
    try:
        found = read_calibration(path)
    except ReadError as error:
        assert str(error).isprintable()
    else:
        assert found.cameras or found.left_out
        assert all(line.isprintable() for line in found.left_out)


def test_the_calibrations_of_the_documentation_are_read(tmp_path: Path) -> None:
    page = Path(__file__).parents[1].joinpath("docs", "cameras.md").read_text("utf-8")
    for kind in ("json", "yaml"):
        (text,) = re.findall(rf"```{kind}\n(.*?)```", page, re.S)
        found = read(tmp_path, f"a.{kind}", text)
        assert [camera.name for camera in found.cameras] == ["front"] and found.left_out == ()
        assert len(found.cameras[0].distortion) in (4, 5)
