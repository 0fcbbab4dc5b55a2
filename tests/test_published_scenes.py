"""OpenScene's 3D scenes and 2D folders: written and read back the same, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import avs3d
import avs3d.published
from avs3d.published.scenes import read_cameras, write_scene
from avs3d.scan import Scan
from published_files import refusal, saved, there_and_back

# 3D scenes


@there_and_back
@given(data=st.data())
def test_scenes(tmp_path: Path, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 6))
    per_point = (count,)
    colours = arrays.arrays("u1", per_point)
    scan = Scan(
        data.draw(arrays.arrays("f4", (count, 3), elements=st.floats(-9000, 9000, width=32))),
        labels=data.draw(st.none() | arrays.arrays("i4", per_point)),
        fields=data.draw(
            st.just({}) | st.fixed_dictionaries(dict.fromkeys(("red", "green", "blue"), colours))
        ),
    )
    back = avs3d.read(write_scene(tmp_path / "scene.pth", scan, overwrite=True))
    np.testing.assert_array_equal(back.points, scan.points)
    expected = np.full(count, 255) if scan.labels is None else scan.labels
    np.testing.assert_array_equal(back.labels, expected)
    for name, value in back.fields.items():
        np.testing.assert_array_equal(value, scan.fields[name])
    assert back.fields.keys() in (scan.fields.keys(), set())  # black and grey is no colour at all


def test_scenes_of_the_authors(tmp_path: Path) -> None:
    points, labels = np.arange(12.0).reshape(4, 3), np.array([0, 3, -100, 255.0])
    colours = np.array([[-1, 0, 1]] * 4)
    for kind in ("f4", "f8"):
        content = (points.astype(kind), colours.astype(kind), labels)
        scan = avs3d.read(saved(tmp_path / "scene0000_00_vh_clean_2.pth", content))
        assert scan.name == "scene0000_00_vh_clean_2"
        np.testing.assert_array_equal(scan.points, points)
        np.testing.assert_array_equal(scan.labels, labels)
        assert [scan.fields[name][0] for name in ("red", "green", "blue")] == [0, 128, 255]
        assert scan.fields["red"].dtype == np.uint8
    for none in (0, np.zeros((4, 3)), torch.zeros(4, 3)):
        scan = avs3d.read(saved(tmp_path / "a.pth", (torch.from_numpy(points), none, labels)))
        assert not scan.fields and scan.labels is not None


def test_far_scenes_keep_their_place(tmp_path: Path) -> None:
    scan = Scan(np.array([[0.5, 0, 0], [1, 2, 3]]), origin=np.array([5e5, 0, 0]))
    content = load_as_authors(write_scene(tmp_path / "a.pth", scan))
    assert content[0].dtype == np.float64 and content[0][0].tolist() == [500_000.5, 0, 0]
    assert content[1] == 0 and content[2].tolist() == [255, 255]


def load_as_authors(path: Path) -> Any:
    """With PyTorch and NumPy's own unpickling: our own files are no danger."""
    return torch.load(path, weights_only=False)


@pytest.mark.parametrize(
    ("scan", "message"),
    [
        (Scan(np.array([[0, 0, np.nan]])), "scan: has points without a position; leave them out"),
        (
            Scan(np.zeros((1, 3)), fields=dict.fromkeys(("red", "green", "blue"), np.array([256]))),
            "scan: its colours are not from 0 to 255; scale them",
        ),
    ],
)
def test_scenes_that_the_format_cannot_hold(tmp_path: Path, scan: Scan, message: str) -> None:
    assert refusal(write_scene, tmp_path / "a.pth", scan) == message
    assert not list(tmp_path.iterdir())


# 2D folders


POSE = np.array([[0.0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]])
MATRIX = np.array([[500.0, 0, 320], [0, 510, 240], [0, 0, 1]])


def folder_2d(folder: Path, *images: str) -> Path:
    for name in ("color", "pose", "K"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for image in images or ("back.jpg", "front.jpg"):
        (folder / "color" / image).write_bytes(b"opened by nobody")
        np.save(folder / "pose" / f"{Path(image).stem}.npy", POSE)
        np.save(folder / "K" / f"{Path(image).stem}.npy", MATRIX)
    return folder


def test_cameras_of_nuscenes(tmp_path: Path) -> None:
    scene = folder_2d(tmp_path / "scene", "front.jpg", "back.jpg")
    back, front = read_cameras(scene)
    assert (back.name, front.name) == ("back", "front")
    assert front.image == scene / "color" / "front.jpg" and front.depth is None
    np.testing.assert_array_equal(front.intrinsics, MATRIX)
    np.testing.assert_allclose(front.camera_from_lidar @ POSE, np.eye(4), atol=1e-12)
    np.testing.assert_allclose((front.camera_from_lidar @ [5, 6, 7, 1])[:3], 0, atol=1e-12)


def test_cameras_of_scannet(tmp_path: Path) -> None:
    scene = tmp_path / "scannet_2d" / "scene0000_00"
    for name in ("color", "pose", "depth"):
        (scene / name).mkdir(parents=True)
    for frame in (0, 20, 100):
        (scene / "color" / f"{frame}.jpg").touch()
        (scene / "depth" / f"{frame}.png").touch()
        np.savetxt(
            scene / "pose" / f"{frame}.txt", POSE if frame != 20 else np.full((4, 4), -np.inf)
        )
    wide = np.eye(4)
    wide[:3, :3] = MATRIX
    np.savetxt(tmp_path / "scannet_2d" / "intrinsics.txt", wide)
    cameras = read_cameras(scene)
    assert [camera.name for camera in cameras] == ["0", "100"]
    np.testing.assert_array_equal(cameras[0].intrinsics, MATRIX)
    assert cameras[1].depth == scene / "depth" / "100.png"


def edited(path: str, content: Any) -> Callable[[Path], Path]:
    def edit(folder: Path) -> Path:
        file = folder_2d(folder) / path
        if content is None:
            file.unlink()
        elif isinstance(content, bytes):
            file.write_bytes(content)
        else:
            np.save(file, content)
        return file

    return edit


SCENE_2D = "give a scene of OpenScene's 2D data"
BAD_2D = [
    (
        edited("pose/back.npy", np.zeros((3, 4))),
        "holds an array of shape (3, 4) and type float64, not (4, 4) numbers; get it again",
    ),
    (
        edited("pose/back.npy", np.array([["a"] * 4] * 4)),
        "holds an array of shape (4, 4) and type <U1, not (4, 4) numbers; get it again",
    ),
    (
        edited("pose/back.npy", np.zeros((4, 4))),
        "is no pose: it does more than turn and shift; get it again",
    ),
    (
        edited("pose/back.npy", bytes(1 << 17)),
        "is larger than 64 KiB: not one matrix; get it again",
    ),
    (edited("K/back.npy", None), "no such file; check the path"),
    (
        edited("K/back.npy", np.zeros((3, 3))),
        "is no camera matrix: its focal lengths are not positive; get it again",
    ),
    (
        edited("K/back.npy", np.array([[{}]])),
        "holds Python objects, which are never unpickled; save plain numbers",
    ),
]


@pytest.mark.parametrize(("edit", "message"), BAD_2D)
def test_folders_with_bad_matrices(
    tmp_path: Path, edit: Callable[[Path], Path], message: str
) -> None:
    file = edit(tmp_path / "scene")
    assert refusal(read_cameras, tmp_path / "scene") == f"{file}: {message}"


def test_folders_without_images(tmp_path: Path) -> None:
    assert refusal(read_cameras, tmp_path) == (
        f"{tmp_path}: no images in its folder color (No such file or directory); {SCENE_2D}"
    )
    (tmp_path / "color").mkdir()
    assert refusal(read_cameras, tmp_path) == (
        f"{tmp_path}: its folder color holds no .jpg or .png; {SCENE_2D}"
    )
