"""What `avs3d prepare` makes of official roots, read back by those who take it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from avs3d import Scan
from avs3d.cameras import pixels
from avs3d.datasets import guess, open_dataset, splits_of
from avs3d.fusion import fuse
from avs3d.labelsets import load
from avs3d.prepare.scenes import arrays_of
from avs3d.published.features import FeatureSet
from avs3d.published.smap import read_camera_masks, read_image_features
from avs3d.published.texts import read_captions
from avs3d.vision import ClipVision
from avs3d.vision.targets import camera_mask
from commands import Call
from published_files import there_and_back
from roots import kitti, nuscenes, scannet
from roots.scene import COUNT
from tiny import make_clip, make_clip_bundle
from tiny_captioners import make_blip

DIM = 24
TEN = {"sweeps": 10, "split": "mini_val"}


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nuscenes.write(tmp_path_factory.mktemp("nuscenes"))


@pytest.fixture(scope="module")
def indoor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scannet.write(tmp_path_factory.mktemp("scannet"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip"), DIM, image_size=32)


def prepare(call: Call, what: str, root: Path, *args: object, split: str = "mini_val") -> str:
    """What is said of a preparation without a mistake."""
    given = [] if not split else ["--split", split]
    result = call("prepare", what, root, "--out", "out", *given, *args)
    assert result.exit_code == 0, result.output
    return result.stdout


def as_classes(labels: Any, labelset: str) -> np.ndarray:
    return load(labelset).to_classes(labels)


def test_openscene_of_nuscenes(call: Call, mini: Path, tmp_path: Path) -> None:
    assert "val: 6 scans made" in prepare(call, "openscene", mini)
    source, made = open_dataset(mini, **TEN), open_dataset(tmp_path / "out")
    assert made.name == "openscene" and made.labelset == "nuscenes-16"
    assert {made.key(i) for i in range(6)} == {f"val/{source.key(i)}" for i in range(6)}
    order = {made.key(i): i for i in range(6)}
    for index in range(6):
        scan, token = source[index], source.key(index)
        path = tmp_path / "out" / "nuscenes_3d" / "val" / f"{token}.pth"
        points, colours, labels = torch.load(path, weights_only=False)
        assert points.dtype == np.float32 and colours == 0 and labels.dtype == np.uint8
        np.testing.assert_array_equal(points, scan.points)
        assert scan.sweep is not None and len(scan) == COUNT * (4, 8, 10)[index % 3]
        key = scan.sweep == 0
        assert key[:COUNT].all() and (labels[~key] == 255).all()
        np.testing.assert_array_equal(labels[key], as_classes(scan.labels[key], "nuscenes-16"))
        again = made[order[f"val/{token}"]]
        assert again.labels is not None
        np.testing.assert_array_equal(as_classes(again.labels, "nuscenes-16"), labels)
        assert [c.name for c in again.cameras] == [c.name for c in scan.cameras]
        for ours, theirs in zip(again.cameras, scan.cameras, strict=True):
            np.testing.assert_allclose(ours.camera_from_lidar, theirs.camera_from_lidar, atol=1e-9)
            assert pixels(ours.image).shape == (450, 800, 3)
    matrix = np.load(tmp_path / "out" / "nuscenes_2d" / "val" / token / "K" / "front.npy")
    (fx, _, cx), (_, fy, cy), last = nuscenes.INTRINSICS
    expected = [[fx / 2, 0, cx * 799 / 1599], [0, fy / 2, cy * 449 / 899], last]
    np.testing.assert_allclose(matrix, expected)


def test_images_are_halved_by_the_mean_of_four_pixels(call: Call, tmp_path: Path) -> None:
    root = nuscenes.write(tmp_path / "root")
    image = next((root / "samples" / "CAM_FRONT").glob("*.jpg"))
    rows = np.linspace(0, 255, 1600).astype(np.uint8)[None, :, None]
    Image.fromarray(np.repeat(np.repeat(rows, 900, 0), 3, 2)).save(image, "JPEG", quality=100)
    prepare(call, "openscene", root)
    halves = [pixels(path) for path in (tmp_path / "out").rglob("front.jpg")]
    (ramp,) = [half for half in halves if np.ptp(half) > 200]
    expected = pixels(image).reshape(450, 2, 800, 2, 3).mean((1, 3))
    assert np.abs(ramp - expected).max() < 4


def test_openscene_of_scannet(call: Call, indoor: Path, tmp_path: Path) -> None:
    prepare(call, "openscene", indoor, split="train,test")
    made = open_dataset(tmp_path / "out", split="train")
    source = open_dataset(indoor, split="train")
    assert len(made) == 2 and made.labelset == "scannet-20"
    for index in range(2):
        ours, theirs = made[index], source[index]
        np.testing.assert_array_equal(ours.points, theirs.points)
        np.testing.assert_array_equal(ours.fields["blue"], theirs.fields["blue"])
        found, wanted = (as_classes(scan.labels, "scannet-20") for scan in (ours, theirs))
        np.testing.assert_array_equal(found, wanted)
    cameras, official = made[0].cameras, source[0].cameras
    assert (
        [camera.name for camera in cameras] == [camera.name for camera in official] == ["0", "40"]
    )
    for ours, theirs in zip(cameras, official, strict=True):
        np.testing.assert_allclose(ours.camera_from_lidar, theirs.camera_from_lidar, atol=1e-9)
        assert ours.depth is not None and isinstance(ours.depth, Path)
        with Image.open(ours.depth) as depth:
            assert depth.size == (320, 240) and set(np.unique(depth)) == {scannet.DEPTH}
        assert pixels(ours.image).shape == (240, 320, 3)
        assert ours.intrinsics[0, 0] == pytest.approx(1170.19 * 320 / 1296)
        assert ours.intrinsics[1, 2] == pytest.approx(483.75 * 239 / 967)
    assert len(open_dataset(tmp_path / "out", split="test")) == 1


def test_scannet200_and_semantickitti(call: Call, indoor: Path, tmp_path: Path) -> None:
    prepare(call, "openscene", indoor, "--option", "classes=200", split="train")
    made = open_dataset(tmp_path / "out" / "scannet200_3d")
    names = load("scannet-200")
    assert made.labelset == "scannet-200"
    found = as_classes(made[0].labels, "scannet-200")[: len(scannet.NAMES)]
    assert [names.classes[i] if i != 255 else "" for i in found] == list(scannet.NAMES)
    root = kitti.write_semantic(tmp_path / "kitti", ("00", "08"))
    assert splits_of(root, "semantickitti") == ("val",)
    prepare(call, "openscene", root, split="")  # what is there as a whole
    prepare(call, "openscene", root, "--match", "00/*", "--name", "train", split="")
    points, _, labels = torch.load(
        tmp_path / "out" / "semantickitti_3d" / "val" / "08_000002.pth", weights_only=False
    )
    np.testing.assert_array_equal(labels, as_classes(kitti.labels() & 0xFFFF, "semantickitti"))
    scan = open_dataset(root, split="val")[2]
    np.testing.assert_array_equal(points, scan.points)
    made = open_dataset(tmp_path / "out" / "semantickitti_3d")
    assert made.labelset == "semantickitti" and len(made) == 6
    (camera,) = made[5].cameras
    assert camera.name == "image_2" and pixels(camera.image).shape == (375, 1242, 3)
    np.testing.assert_allclose(camera.intrinsics, scan.cameras[0].intrinsics)


def test_smap(call: Call, mini: Path, clip: Path, tmp_path: Path) -> None:
    prepare(call, "smap", mini, "--clip", clip)
    source = open_dataset(mini, split="mini_val")
    found = read_image_features(tmp_path / "out" / "cached_img_clip_feature_val.pt")
    masks = read_camera_masks(tmp_path / "out" / "nuscenes_camera_id_mask_val.pkl")
    scans = [source[i] for i in range(6)]
    names = [f"{scan.name}_{camera.name}" for scan in scans for camera in scan.cameras]
    assert list(found.names) == names and list(masks) == [scan.name for scan in scans]
    expected = ClipVision(str(clip)).embeddings([pixels(scans[0].cameras[0].image)])[0]
    np.testing.assert_array_equal(found.features, np.tile(expected, (36, 1)))
    for scan in scans:
        np.testing.assert_array_equal(masks[scan.name], camera_mask(scan))
        assert masks[scan.name].any()


def test_features_are_those_of_the_key_frame(
    call: Call, mini: Path, clip: Path, tmp_path: Path
) -> None:
    prepare(call, "features", mini, "--features", f"clip:{clip}", "--every", 5)
    source, key = open_dataset(mini, **TEN), open_dataset(mini, split="mini_val")
    found = FeatureSet(tmp_path / "out")
    for index in (0, 5):
        fused = fuse(key[index], ClipVision(str(clip))).features
        features = found.load(source.key(index))
        assert features.mask.shape == (len(source[index]),) and not features.mask[COUNT:].any()
        np.testing.assert_array_equal(features.mask[:COUNT], fused.mask)
        np.testing.assert_array_equal(features.features, fused.features.astype(np.float16))


def test_random_halves_of_a_room(call: Call, indoor: Path, clip: Path, tmp_path: Path) -> None:
    args = ["--features", f"clip:{clip}", "--match", "scene0000_00"]
    prepare(call, "features", indoor, *args, "--halves", 3, split="train")
    seen = fuse(open_dataset(indoor)[0], ClipVision(str(clip))).features
    count = int(seen.mask.sum())
    assert count > 5
    masks = []
    for number in range(3):
        path = tmp_path / "out" / f"scene0000_00_{number}.pt"
        content = torch.load(path, weights_only=True)
        assert content["feat"].shape == ((count + 1) // 2, DIM)
        masks.append(content["mask_full"].numpy())
        assert not masks[-1][~seen.mask].any()
    assert not np.array_equal(masks[0], masks[1])
    joined = FeatureSet(tmp_path / "out").load("scene0000_00")
    np.testing.assert_array_equal(joined.mask, masks[0] | masks[1] | masks[2])


def test_features_of_files_need_a_width(call: Call, mini: Path, tmp_path: Path) -> None:
    names = {path.stem for path in (mini / "samples").rglob("*.jpg")}
    grid = np.random.default_rng(0).normal(size=(9, 16, 7)).astype(np.float16)
    (tmp_path / "maps").mkdir()
    for name in names:
        np.save(tmp_path / "maps" / f"{name}.npy", grid)
    args = ["features", mini, "--features", "maps", "--split", "mini_val", "--out", "out"]
    result = call("prepare", *args)
    assert result.exit_code == 2 and "tell how wide they are" in result.stderr
    assert call("prepare", *args, "--width", 7).exit_code == 0
    assert FeatureSet(tmp_path / "out").load(nuscenes.lidar_token(0, 0)).features.shape[1] == 7


def test_captions(call: Call, mini: Path, tmp_path: Path) -> None:
    blip = make_blip(tmp_path / "blip")
    prepare(call, "captions", mini, "--image-captioner", blip, "--every", 5)
    told = read_captions(tmp_path / "out" / "captions_val.json").content
    source = open_dataset(mini, split="mini_val")
    assert list(told) == [source.key(0), source.key(5)]
    for views in told.values():
        assert list(views) == [camera.name for camera in source[0].cameras]
        assert all(views.values())


def test_scenes_of_any_dataset(call: Call, mini: Path, indoor: Path, tmp_path: Path) -> None:
    prepare(call, "scenes", mini, "--sweeps", 3)
    scan = open_dataset(mini, sweeps=3, split="mini_val")[5]
    folder = tmp_path / "out" / "val" / scan.name
    found = {path.stem: np.load(path) for path in folder.iterdir()}
    assert set(found) == {"coord", "strength", "segment", "sweep"}
    np.testing.assert_array_equal(found["coord"], scan.points)
    np.testing.assert_array_equal(found["strength"][:, 0], scan.intensity)
    np.testing.assert_array_equal(found["sweep"], scan.sweep)
    classes = as_classes(scan.labels, "nuscenes-16").astype(int)
    np.testing.assert_array_equal(found["segment"], np.where(classes == 255, -1, classes))
    prepare(call, "scenes", indoor, split="train")
    colours = np.load(tmp_path / "out" / "train" / "scene0001_00" / "color.npy")
    np.testing.assert_array_equal(colours, scannet.COLOURS)
    assert colours.dtype == np.uint8


def test_scenes_of_simulated_streets(call: Call, tmp_path: Path) -> None:
    pytest.importorskip("embreex", reason="needs the extra `simulation`")
    assert call("simulate", "--out", "streets").exit_code == 0
    assert guess("streets") == "simulated"
    refused = call("prepare", "scenes", "streets", "--out", "out")
    assert refused.exit_code == 2 and "give --name" in refused.stderr
    prepare(call, "scenes", Path("streets"), "--name", "train", split="")
    with np.load(tmp_path / "streets" / "street_000000.npz") as street:
        folder = tmp_path / "out" / "train" / "street_000000"
        np.testing.assert_array_equal(np.load(folder / "coord.npy"), street["points"])
        category = street["category"].astype(int)
        segment = np.load(folder / "segment.npy")
        np.testing.assert_array_equal(segment, np.where(category == 255, -1, category))
        np.testing.assert_array_equal(np.load(folder / "instance.npy"), street["instance"])
    names = json.loads((tmp_path / "streets" / "categories.json").read_text())
    assert load("street-91").classes == tuple(names)


def test_from_the_official_root_to_labels(
    call: Call, mini: Path, clip: Path, tmp_path: Path
) -> None:
    bundle = make_clip_bundle(tmp_path / "bundle", clip, DIM)
    prepare(call, "openscene", mini, "--every", 3)
    prepare(call, "features", mini, "--features", f"clip:{clip}", "--every", 3)
    words = ["--vocabulary", "nuscenes-16", "--bundle", bundle]
    scenes = "out/nuscenes_3d/val/*.pth"
    done = call("segment", scenes, "--features", "out", *words, "--no-picture", "--out", "labels")
    assert done.exit_code == 0, done.output
    token = nuscenes.lidar_token(0, 0)
    with np.load(tmp_path / "labels" / f"{token}.npz") as result:
        mask = FeatureSet(tmp_path / "out").load(token).mask
        np.testing.assert_array_equal(result["label"] >= 0, mask)
    done = call("run", "out", *words, "--feature", "fusion", "--out", "runs", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout.splitlines()[-1])["summary"]["done"] == 2


@there_and_back
@given(st.data())
def test_arrays_hold_what_is_known_of_each_point(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 20))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    ids = rng.integers(-5, 300, count)
    colours = {name: rng.integers(0, 256, count) for name in ("red", "green", "blue")}
    some = data.draw(st.sets(st.sampled_from(["intensity", "labels", "sweep"])))
    columns = {name: ids for name in some}
    origin = np.array(data.draw(st.sampled_from([(0, 0, 0), (4e5, 6e6, 10)])), float)
    points = rng.normal(size=(count, 3))
    scan = Scan(points, origin=origin, fields=colours, **columns)  # type: ignore[arg-type]
    found = arrays_of(scan, data.draw(st.sampled_from(["semantickitti", "nuscenes-16"])))
    assert all(len(array) == count for array in found.values())
    np.testing.assert_allclose(found["coord"], points + origin, rtol=1e-6)
    assert found["color"].tolist() == np.column_stack(list(colours.values())).tolist()
    given_names = {"intensity": "strength", "labels": "segment", "sweep": "sweep"}
    assert set(found) == {"coord", "color", *(given_names[name] for name in some)}
    if "segment" in found:
        assert found["segment"].min() >= -1 and found["segment"].max() < 19
    plain = arrays_of(scan, None).get("segment")
    assert plain is None or plain.tolist() == ids.tolist()
