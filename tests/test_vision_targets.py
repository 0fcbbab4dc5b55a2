"""Embeddings of images and masks of cameras, in the files that the authors' code reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from avs3d import Camera, ReadError, Scan, UserError
from avs3d.cameras import pixels
from avs3d.published.smap import read_camera_masks, read_image_features, seen_by, write_camera_masks
from avs3d.views import camera_views
from avs3d.vision import ClipVision, targets
from avs3d.vision.targets import cache_image_embeddings, camera_mask
from camera_files import SIZE, K, pose, write_image
from tiny import make_clip

DIM = 24
NAMES = ("back", "front")
POINTS = np.random.default_rng(0).uniform([-20, -20, -2], [20, 20, 3], (500, 3))


class Counting(ClipVision):
    """Says how many images were looked at."""

    count = 0

    def embeddings(self, images: Sequence[np.ndarray]) -> np.ndarray:
        self.count += len(images)
        return super().embeddings(images)


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


def names(*tokens: str) -> list[str]:
    return [f"{token}_{camera}" for token in tokens for camera in NAMES]


def test_embeddings_are_added_to_what_is_there(place: str, tmp_path: Path) -> None:
    path, scans = tmp_path / "cached_img_clip_feature_val.pt", make_scans(tmp_path, *"abc")
    clip = Counting(place)
    assert cache_image_embeddings(path, scans[:2], clip) == () and clip.count == 4
    content = torch.load(path, weights_only=True)
    assert content["token_names"] == names("a", "b")
    assert content["img_feats"].shape == (4, DIM) and content["img_feats"].dtype == torch.float32
    assert cache_image_embeddings(path, [scans[2], scans[0]], clip) == () and clip.count == 6
    found = read_image_features(path)
    assert list(found.names) == names("c", "a", "b")  # in the order asked for, then the others
    rows = dict(zip(found.names, found.features, strict=True))
    for scan in scans:
        for camera in scan.cameras:
            expected = clip.embeddings([pixels(camera.image)])[0]
            np.testing.assert_array_equal(rows[f"{scan.name}_{camera.name}"], expected)
    assert len(np.unique(found.features, axis=0)) == 6


def test_a_scan_with_a_broken_image_is_left_out_whole(place: str, tmp_path: Path) -> None:
    path, scans = tmp_path / "a.pt", make_scans(tmp_path, *"abc")
    image = scans[1].cameras[1].image
    assert isinstance(image, Path)
    image.write_bytes(b"")
    scans[2] = replace(scans[2], cameras=())
    clip = Counting(place)
    assert cache_image_embeddings(path, scans, clip) == (
        f"b: {image}: is empty (0 bytes); get the file again",
        "c: has no cameras",
    )
    assert list(read_image_features(path).names) == names("a")
    write_image(image)
    assert len(cache_image_embeddings(path, scans, clip)) == 1
    assert list(read_image_features(path).names) == names("a", "b")


def test_nothing_to_embed_writes_nothing(place: str, tmp_path: Path) -> None:
    assert cache_image_embeddings(tmp_path / "a.pt", [], ClipVision(place)) == ()
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_keeps_what_was_made(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, scans = tmp_path / "a.pt", make_scans(tmp_path, *"abc")
    monkeypatch.setattr(targets, "_SAVE_EVERY", 2)
    clip = Counting(place)

    def stopped() -> object:
        yield from scans
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache_image_embeddings(path, stopped(), clip)  # type: ignore[arg-type]
    assert list(read_image_features(path).names) == names("a", "b")
    cache_image_embeddings(path, scans, clip)
    assert clip.count == 8 and list(read_image_features(path).names) == names("a", "b", "c")


def test_a_file_of_another_model_or_none(place: str, tmp_path: Path) -> None:
    path, scans = tmp_path / "a.pt", make_scans(tmp_path, "a")
    content = {"img_feats": torch.ones(1, 512), "token_names": ["x_back"]}
    torch.save(content, path)
    before = path.read_bytes()
    with pytest.raises(UserError) as caught:
        cache_image_embeddings(path, scans, ClipVision(place))
    assert str(caught.value) == (
        f"{path}: has embeddings 512 wide, those of clip:{place} are 24; give another file, or the"
        " model that it was made with"
    )
    assert path.read_bytes() == before
    path.write_bytes(b"nothing")
    with pytest.raises(ReadError):
        cache_image_embeddings(path, scans, ClipVision(place))


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
