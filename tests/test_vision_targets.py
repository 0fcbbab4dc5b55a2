"""Embeddings of images and masks of cameras, in the files that the authors' code reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avs3d import Camera, ReadError, Scan, UserError
from avs3d.cameras import pixels
from avs3d.published.smap import read_camera_masks, seen_by, write_camera_masks
from avs3d.views import camera_views
from avs3d.vision import ClipVision
from avs3d.vision.targets import camera_mask, image_embeddings
from camera_files import SIZE, K, pose, write_image
from tiny import make_clip

DIM = 24
NAMES = ("back", "front")
POINTS = np.random.default_rng(0).uniform([-20, -20, -2], [20, 20, 3], (500, 3))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_clip(tmp_path_factory.mktemp("clip"), DIM))


def make_scans(folder: Path, *tokens: str) -> list[Scan]:
    scans = []
    for token in tokens:
        cameras = []
        for i, name in enumerate(NAMES):
            path = write_image(folder / token / f"{name}.png", colour=40 * len(scans) + 15 * i + 5)
            cameras.append(Camera(name, path, K, pose(180 * (1 - i)), SIZE))
        scans.append(Scan(POINTS, cameras=tuple(cameras), name=token))
    return scans


def test_embeddings_are_those_of_each_image(place: str, tmp_path: Path) -> None:
    (scan,) = make_scans(tmp_path, "a")
    clip = ClipVision(place)
    found = image_embeddings(scan, clip)
    assert found.shape == (len(NAMES), DIM) and found.dtype == np.float32
    for camera, row in zip(scan.cameras, found, strict=True):
        np.testing.assert_array_equal(row, clip.embeddings([pixels(camera.image)])[0])
    assert not np.array_equal(*found)


def test_a_scan_lacks_all_where_it_lacks_one(place: str, tmp_path: Path) -> None:
    clip, (scan,) = ClipVision(place), make_scans(tmp_path, "a")
    with pytest.raises(ReadError, match="a: has no cameras"):
        image_embeddings(replace(scan, cameras=()), clip)
    with pytest.raises(ReadError, match="camera left: no such file"):
        image_embeddings(replace(scan, left_out=("camera left: no such file",)), clip)
    image = scan.cameras[1].image
    assert isinstance(image, Path)
    write_image(image, (10, 10))
    with pytest.raises(ReadError, match="front.png: is 10 x 10, its calibration is for 64 x 48"):
        image_embeddings(scan, clip)
    image.write_bytes(b"")
    with pytest.raises(ReadError, match=r"front.png: is empty \(0 bytes\)"):
        image_embeddings(scan, clip)


def test_masks_have_a_bit_a_camera(tmp_path: Path) -> None:
    (scan,) = make_scans(tmp_path, "a")
    mask = camera_mask(scan)
    assert mask.dtype == np.uint8 and set(mask) == {0, 1, 2}
    assert (seen_by(mask, 2) == camera_views(scan)).all()
    sweep = np.arange(len(scan)) % 3
    key = camera_mask(replace(scan, sweep=sweep))
    assert (key == mask[sweep == 0]).all()
    path = write_camera_masks(tmp_path / "nuscenes_camera_id_mask_val.pkl", {scan.name: key})
    assert (read_camera_masks(path)["a"] == key).all()
    many = tuple(replace(scan.cameras[0], name=f"c{i}") for i in range(9))
    with pytest.raises(UserError, match="a: has 9 cameras, a mask has room for 8"):
        camera_mask(replace(scan, cameras=many))


def test_masks_are_the_published_ones(shared: Path, golden: Path) -> None:
    from avs3d.cameras import read_cameras
    from avs3d.io import read

    folder = shared / "data" / "nuscenes_sample"
    scan = read(next(folder.glob("*.pcd.bin")))
    scan = read_cameras(scan, folder, folder / "sample.json")
    expected = np.load(golden / "projection_nuscenes.npz")["half_camera_id_bits"]
    assert (camera_mask(scan) == expected).all()
