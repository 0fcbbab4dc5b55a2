"""How datasets are found and opened; folders, ScanNet, OpenScene, PandaSet, Argoverse 2."""

from __future__ import annotations

import gzip
import json
import shutil
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import avs3d.datasets
from avs3d.datasets import guess, kinds, open_dataset, splits_of
from avs3d.datasets.folder import Reader
from avs3d.datasets.parts.dataset import runs
from avs3d.datasets.parts.poses import from_quaternion, inverse
from avs3d.io.source import MalformedError
from avs3d.labelsets import load
from published_files import refusal
from roots import argoverse2, nuscenes, pandaset, scannet
from roots.pandas_pickles import new_table
from roots.scene import COUNT, WORLD, applied, picture, put, rows, seen_from


def refused(*arguments: Any, **options: Any) -> str:
    return refusal(lambda: open_dataset(*arguments, **options))


# Finding and opening


def test_kinds() -> None:
    assert kinds() == (
        "argoverse2", "kitti", "nuscenes", "openscene", "pandaset", "rosbag", "scannet",
        "semantickitti", "simulated", "folder",
    )  # fmt: skip


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    assert (
        refusal(guess, tmp_path / "no") == f"{tmp_path}/no: no such file or folder; check the path"
    )
    assert "no dataset 'nuscene'; there are nuscenes" in refused(tmp_path, "nuscene")
    assert "no readable file in this folder" in refused(tmp_path)
    assert "folder has no option 'split'; it has columns" in refused(tmp_path, split="val")


@pytest.mark.parametrize(
    ("kind", "option"), [("nuscenes", "sweeps"), ("openscene", "images"), ("scannet", "classes")]
)
def test_options_that_are_numbers(tmp_path: Path, kind: str, option: str) -> None:
    assert refused(tmp_path, kind, **{option: "all"}) == f"{option}=all: give a whole number"


def test_options_that_are_texts_of_digits(tmp_path: Path) -> None:
    root = nuscenes.write(tmp_path)
    assert f"{root}/1/scene.json: no such file" in refused(root, "nuscenes", version=1)


def test_what_looks_like_two_is_asked_about(tmp_path: Path) -> None:
    pandaset.write(tmp_path)
    scannet.write(tmp_path)
    assert "looks like pandaset and like scannet; say which" in refusal(guess, tmp_path)
    assert open_dataset(tmp_path, "scannet").name == "scannet"


def test_others_add_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(Reader):
        name = "mine"

        @staticmethod
        def fits(root: Path) -> bool:
            return (root / "mine.txt").exists()

    class Found(EntryPoint):
        def load(self) -> Any:
            return Mine

    entry = Found("mine", "elsewhere:Mine", "avs3d.datasets")
    monkeypatch.setattr(avs3d.datasets, "entry_points", lambda group: [entry])
    put(tmp_path / "a.bin", rows(WORLD, np.ones(COUNT)))
    assert "mine" in kinds() and guess(tmp_path) == "folder"
    put(tmp_path / "mine.txt", "")
    assert guess(tmp_path) == "mine" and open_dataset(tmp_path).name == "mine"


@given(st.lists(st.tuples(st.sampled_from("ab"), st.none() | st.integers(0, 3)), max_size=8))
def test_sequences_cover_all_and_go_ahead_in_time(told: list[tuple[str, int | None]]) -> None:
    found = runs(*zip(*told, strict=True)) if told else runs([], [])
    assert [index for part in found for index in part] == list(range(len(told)))
    for part in found:
        times = [told[index][1] for index in part]
        assert len({told[index][0] for index in part}) == 1
        pairs = zip(times, times[1:], strict=False)
        assert all(a <= b for a, b in pairs if a is not None and b is not None)
    for part, after in zip(found, found[1:], strict=False):
        last, first = told[part[-1]], told[after[0]]
        assert last[0] != first[0] or (last[1] or 0) > (first[1] or 0)


numbers = st.floats(-10, 10)


@given(st.tuples(*[numbers] * 4), st.tuples(*[numbers] * 3))
def test_poses_turn_and_go_back(turn: tuple[float, ...], place: tuple[float, ...]) -> None:
    if sum(value * value for value in turn) <= 1e-12:
        with pytest.raises(MalformedError):
            from_quaternion(turn, place)
        return
    pose = from_quaternion(turn, place)
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
    np.testing.assert_allclose(inverse(pose) @ pose, np.eye(4), atol=1e-9)


@pytest.mark.parametrize(
    "turn", [[1, 0, 0], "abcd", [1, 0, 0, None], [float("nan")] * 4, [1e200] * 4]
)
def test_what_is_no_quaternion(turn: Any) -> None:
    with pytest.raises(MalformedError):
        from_quaternion(turn, [0, 0, 0])


# Folders


def test_folders(tmp_path: Path) -> None:
    for name in ("b/2.bin", "b/1.bin", "a/1.bin", "c/1.bin", "c/1.xyz"):
        put(tmp_path / name, rows(WORLD, np.ones(COUNT)))
    np.savetxt(tmp_path / "c" / "1.pts", WORLD, header=str(COUNT), comments="")
    (tmp_path / "c" / "1.xyz").unlink()
    put(tmp_path / "b" / "0.bin", b"no scan")
    dataset = open_dataset(tmp_path)
    assert dataset.name == "folder" and dataset.labelset is None and dataset.split is None
    keys = [dataset.key(index) for index in range(len(dataset))]
    assert keys == ["a/1", "b/0", "b/1", "b/2", "c/1.bin", "c/1.pts"]
    assert dataset.sequences() == [range(0, 1), range(1, 4), range(4, 6)]
    assert "0.bin: " in refusal(dataset.__getitem__, 1)
    np.testing.assert_allclose(dataset[5].points, WORLD, atol=1e-5)
    assert dataset.pose(0) is None and dataset.timestamp(0) is None
    some = open_dataset(tmp_path / "b" / "[12].bin", columns=4)
    assert [some.key(0), some.key(1)] == ["1", "2"] and some[0].intensity is not None


def test_keys_of_a_folder_stay_when_scans_are_added(tmp_path: Path) -> None:
    put(tmp_path / "day1" / "000.bin", rows(WORLD, np.ones(COUNT)))
    before = open_dataset(tmp_path)
    put(tmp_path / "day2" / "000.bin", rows(WORLD, np.ones(COUNT)))
    after = open_dataset(tmp_path)
    assert before.key(0) == after.key(0) == "day1/000"


def test_simulated_streets_are_no_sequence(tmp_path: Path) -> None:
    put(tmp_path / "categories.json", "[]")
    for seed in range(2):
        np.savez(tmp_path / f"street_{seed:06}.npz", points=WORLD)
    dataset = open_dataset(tmp_path)
    assert dataset.name == "simulated" and dataset.sequences() == [range(0, 1), range(1, 2)]


# ScanNet


def test_scannet(tmp_path: Path) -> None:
    dataset = open_dataset(scannet.write(tmp_path))
    assert dataset.name == "scannet" and dataset.labelset == "scannet-20"
    keys = ["scene0000_00", "scene0001_00", "scene0707_00"]
    assert [dataset.key(index) for index in range(3)] == keys
    assert dataset.sequences() == [range(0, 1), range(1, 2), range(2, 3)]
    scan = dataset[0]
    np.testing.assert_allclose(scan.points, WORLD, atol=1e-5)
    assert np.array_equal(scan.fields["green"], scannet.COLOURS[:, 1])
    assert scan.labels is not None and scan.labels[:6].tolist() == scannet.NYU40.tolist()
    # Every 20th frame, without the one whose tracking was lost.
    assert [camera.name for camera in scan.cameras] == ["0", "40"]
    camera = scan.cameras[1]
    np.testing.assert_allclose(
        np.linalg.inv(camera.camera_from_lidar), scannet.camera_pose(40), atol=1e-5
    )
    assert camera.intrinsics[0].tolist() == [1170.19, 0, 647.75]
    assert camera.depth is not None and camera.depth.name == "40.png"
    assert dataset[2].labels is None and not dataset[2].cameras
    assert len(open_dataset(tmp_path, images=0)[0].cameras) == 0
    assert len(open_dataset(tmp_path, images=10)[0].cameras) == 4
    train = open_dataset(tmp_path, split="train")
    assert len(train) == 2 and train.split == "train"


def test_scannet200_takes_ids_from_the_segments(tmp_path: Path) -> None:
    dataset = open_dataset(scannet.write(tmp_path), classes=200)
    assert dataset.labelset == "scannet-200"
    labels = dataset[0].labels
    assert labels is not None and labels[:6].tolist() == list(scannet.IDS)
    names = load("scannet-200")
    found = names.to_classes(labels[:6])
    assert [names.classes[i] if i != 255 else "" for i in found] == list(scannet.NAMES)
    # The same table has what NYU40 calls them.
    (tmp_path / "scans" / "scene0000_00" / "scene0000_00_vh_clean_2.labels.ply").unlink()
    labels = open_dataset(tmp_path)[0].labels
    assert labels is not None and labels[:6].tolist() == scannet.NYU40.tolist()


def test_scannet_that_is_wrong(tmp_path: Path) -> None:
    scannet.write(tmp_path)
    assert "split val lacks 1 of 1 scenes (scene0568_00, …)" in refused(tmp_path, split="val")
    assert "no split 'all' of ScanNet" in refused(tmp_path, split="all")
    assert "classes=40: ScanNet has 20 or 200" in refused(tmp_path, classes=40)
    splits = tmp_path / "scannetv2_test.txt"
    splits.write_text("../scene0000_00\n")
    assert "names the scene ../scene0000_00, which is no plain" in refused(tmp_path, split="test")
    splits.write_bytes("\ufeffscene0000_00\n".encode())
    assert len(open_dataset(tmp_path, split="test")) == 1  # as Windows writes text
    splits.unlink()
    assert "scannetv2_test.txt: no such file" in refused(tmp_path, split="test")
    scenes = [tmp_path / "scans" / name for name in ("scene0000_00", "scene0001_00")]
    first, second = (scene / scene.name for scene in scenes)
    Path(f"{first}_vh_clean_2.ply").write_bytes(b"ply\n")
    Path(f"{second}.aggregation.json").write_text('{"segGroups": [{"label": 3}]}')
    dataset = open_dataset(tmp_path, classes=200)
    assert "scene0000_00_vh_clean_2.ply: is not a .ply file" in refusal(dataset.__getitem__, 0)
    assert "has no segGroups with label and segments" in refusal(dataset.__getitem__, 1)
    Path(f"{second}_vh_clean_2.0.010000.segs.json").write_text('{"segIndices": [1, 2]}')
    Path(f"{second}.aggregation.json").write_text('{"segGroups": []}')
    assert f"has 2 labels for {COUNT} points" in refusal(dataset.__getitem__, 1)
    put(scenes[1] / "color" / "0.jpg", picture())
    scan = open_dataset(tmp_path)[1]
    assert len(scan) == COUNT and "0.npy: no such file" in scan.left_out[0]


# OpenScene


def test_openscene(tmp_path: Path) -> None:
    dataset = open_dataset(scannet.write_openscene(tmp_path))
    assert dataset.name == "openscene" and dataset.labelset == "scannet-20"
    assert [dataset.key(0), dataset.key(1)] == ["train/scene0000_00", "val/scene0011_00"]
    scan = dataset[1]
    np.testing.assert_allclose(scan.points, WORLD, atol=1e-5)
    assert scan.labels is not None and scan.labels[:4].tolist() == [1, 2, 5, -1]
    classes = load("scannet-20").to_classes(scan.labels)
    assert classes[:4].tolist() == [0, 1, 4, 255]
    assert [camera.name for camera in scan.cameras] == ["0", "20", "100"]
    assert scan.cameras[0].intrinsics[0, 0] == 577.87
    pose = tmp_path / "scannet_2d" / "val" / "scene0011_00" / "pose" / "20.txt"
    told = pose.read_text()
    np.savetxt(pose, np.loadtxt(pose) * [[1.002], [1.002], [1.002], [1]])
    scan = open_dataset(tmp_path)[1]
    assert not scan.cameras and "20.txt: camera_from_lidar of camera '20'" in scan.left_out[0]
    pose.write_text(told)
    only = open_dataset(tmp_path / "scannet_3d", split="val", images=2)
    assert only.key(0) == "val/scene0011_00" and len(only[0].cameras) == 2
    assert "has no split 'test'; it has train, val" in refused(tmp_path, split="test")


@pytest.mark.parametrize(("name", "expected"), [("nuscenes", [9, 14, 18, -1]), ("mine", None)])
def test_openscene_of_other_datasets(tmp_path: Path, name: str, expected: list[int] | None) -> None:
    scan = open_dataset(scannet.write_openscene(tmp_path, name))[0]
    assert (scan.labels is None) == (expected is None)
    if scan.labels is not None:
        assert scan.labels[:4].tolist() == expected
        found = load("nuscenes-16").to_classes(scan.labels[:4])
        assert found.tolist() == [0, 1, 4, 255]


def test_openscene_from_within_and_with_200_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scannet.write_openscene(tmp_path, "scannet")
    monkeypatch.chdir(tmp_path / "scannet_3d")
    dataset = open_dataset(".")
    assert (dataset.name, dataset.labelset) == ("openscene", "scannet-20")
    assert len(dataset[0].cameras) == 3
    (tmp_path / "scannet_3d").rename(tmp_path / "scannet_200_3d")
    assert open_dataset(tmp_path).labelset == "scannet-200"


def test_of_several_datasets_of_openscene_one_is_asked_for(tmp_path: Path) -> None:
    assert "has no folder DATASET_3d with train, val or test" in refused(tmp_path, "openscene")
    for name in ("scannet", "nuscenes"):
        scannet.write_openscene(tmp_path, name)
    told = "has several datasets; give one of these folders: nuscenes_3d, scannet_3d"
    assert told in refused(tmp_path) and told in refusal(lambda: splits_of(tmp_path, "openscene"))
    assert open_dataset(tmp_path / "scannet_3d").labelset == "scannet-20"


def test_openscene_with_another_number_of_classes(tmp_path: Path) -> None:
    scannet.write_openscene(tmp_path, "matterport")
    assert open_dataset(tmp_path).labelset == "matterport-21"
    (tmp_path / "matterport_3d").rename(tmp_path / "matterport_3d_160")
    dataset = open_dataset(tmp_path)
    assert dataset.name == "openscene" and dataset.labelset is None
    assert dataset[0].labels is None and len(dataset[0].cameras) == 3


# PandaSet


def test_pandaset(tmp_path: Path) -> None:
    dataset = open_dataset(pandaset.write(tmp_path))
    assert dataset.name == dataset.labelset == "pandaset" and len(dataset) == 6
    assert dataset.key(4) == "002/01" and dataset.sequences() == [range(0, 3), range(3, 6)]
    for index in range(6):
        scan, pose = dataset[index], dataset.pose(index)
        assert pose is not None
        np.testing.assert_allclose(pose, pandaset.lidar_pose(index % 3), atol=1e-9)
        expected = seen_from(pose, WORLD[pandaset.ROWS])
        np.testing.assert_allclose(scan.points, expected, atol=1e-4)
        assert dataset.timestamp(index) == pytest.approx(1e9 * (1557539924.5 + index % 3 / 10))
        assert np.array_equal(scan.fields["d"], pandaset.ROWS % 2) and scan.intensity is not None
        if index < 3:
            assert scan.labels is not None
            assert scan.labels.tolist() == pandaset.CLASSES[pandaset.ROWS].tolist()
        else:
            assert scan.labels is None
        (camera,) = scan.cameras
        seen = seen_from(pandaset.camera_pose(index % 3), WORLD[pandaset.ROWS])
        np.testing.assert_allclose(applied(camera.camera_from_lidar, scan.points), seen, atol=1e-4)


def test_pandaset_that_is_wrong(tmp_path: Path) -> None:
    folder = pandaset.write(tmp_path) / "001"
    (folder / "lidar" / "00.pkl.gz").write_bytes(b"\x1f\x8b nothing")
    semseg = folder / "annotations" / "semseg"
    (semseg / "01.pkl.gz").write_bytes((folder / "lidar" / "01.pkl.gz").read_bytes())
    poses = json.loads((folder / "lidar" / "poses.json").read_text())
    (folder / "lidar" / "poses.json").write_text(json.dumps(poses[:2]))
    camera = tmp_path / "002" / "camera" / "front_camera"
    camera.joinpath("intrinsics.json").write_text('{"fx": "long"}')
    dataset = open_dataset(tmp_path)
    assert "00.pkl.gz: not a readable .gz file" in refusal(dataset.__getitem__, 0)
    assert "01.pkl.gz: has no column class" in refusal(dataset.__getitem__, 1)
    assert "poses.json: has no entry for frame 02" in refusal(dataset.__getitem__, 2)
    few = gzip.compress(new_table({"class": np.arange(COUNT - 1)}))
    (semseg / "01.pkl.gz").write_bytes(few)
    assert "01.pkl.gz: lacks points of its frame" in refusal(dataset.__getitem__, 1)
    scan = dataset[3]
    assert not scan.cameras and "fx is no number" in scan.left_out[0]


# Argoverse 2


def test_argoverse2(tmp_path: Path) -> None:
    dataset = open_dataset(argoverse2.write(tmp_path))
    assert dataset.name == dataset.labelset == "argoverse2" and len(dataset) == 3
    assert dataset.key(1) == f"val/{argoverse2.LOG}/{argoverse2.START + argoverse2.STEP}"
    assert dataset.sequences() == [range(0, 3)]
    for index in range(3):
        time = argoverse2.START + index * argoverse2.STEP
        scan, pose = dataset[index], dataset.pose(index)
        assert dataset.timestamp(index) == time and pose is not None
        np.testing.assert_allclose(pose, argoverse2.car_pose(time), atol=1e-9)
        np.testing.assert_allclose(applied(pose, scan.points), WORLD, atol=0.02)  # of 16 bits
        assert scan.ring is not None and scan.labels is None and "offset_ns" in scan.fields
        taken = time + argoverse2.CAMERA_LATE
        seen = seen_from(argoverse2.car_pose(taken) @ argoverse2.CAMERA)
        front = scan.cameras[0]
        assert front.name == "ring_front_center" and front.size == (1550, 2048)
        assert front.timestamp == taken
        np.testing.assert_allclose(applied(front.camera_from_lidar, scan.points), seen, atol=0.02)
        assert len(scan.cameras) == (1 if index == 1 else 2)
    assert dataset.alias(0) == f"{argoverse2.LOG}_{argoverse2.START}"  # as `prepare` calls it
    assert "ring_rear_left: " in dataset[1].left_out[0]
    assert "has no image at the time of the sweep; get it" in dataset[1].left_out[0]
    log = open_dataset(tmp_path / "val")
    assert log.name == "argoverse2" and log.key(0) == f"{argoverse2.LOG}/{argoverse2.START}"
    assert "has no logs of split 'train'; get them" in refused(tmp_path, split="train")


def test_poses_of_argoverse2_need_no_calibration(tmp_path: Path) -> None:
    folder = argoverse2.write(tmp_path) / "val" / argoverse2.LOG
    shutil.rmtree(folder / "calibration")
    dataset = open_dataset(tmp_path)
    pose = dataset.pose(0)
    assert pose is not None
    np.testing.assert_allclose(pose, argoverse2.car_pose(argoverse2.START), atol=1e-9)
    assert "egovehicle_SE3_sensor.feather: no such file" in dataset[0].left_out[0]


def test_argoverse2_that_is_wrong(tmp_path: Path) -> None:
    folder = argoverse2.write(tmp_path) / "val" / argoverse2.LOG
    (folder / "calibration" / "intrinsics.feather").write_bytes(b"ARROW1 and no more")
    dataset = open_dataset(tmp_path)
    assert len(dataset[0]) == COUNT and "intrinsics.feather: " in dataset[0].left_out[0]
    far = argoverse2.feather({"timestamp_ns": [7], **dict.fromkeys(("qw", "tx_m"), [1.0])})
    (folder / "city_SE3_egovehicle.feather").write_bytes(far)
    argoverse2.write(tmp_path / "other")
    (folder / "calibration" / "intrinsics.feather").write_bytes(far)
    assert f"has no pose at {argoverse2.START}" in refusal(open_dataset(tmp_path).pose, 0)
    (folder / "city_SE3_egovehicle.feather").unlink()
    dataset = open_dataset(tmp_path)
    assert dataset.pose(0) is None and not dataset[0].cameras
    sweep = folder / "sensors" / "lidar" / f"{argoverse2.START}.feather"
    sweep.write_bytes(sweep.read_bytes()[:-900])
    assert sweep.name in refusal(dataset.__getitem__, 0) and len(dataset[1]) == COUNT


def test_a_real_log(shared: Path) -> None:
    dataset = open_dataset(shared / "data" / "av2")
    scan, pose = dataset[0], dataset.pose(0)
    assert len(scan) == 99_229 and pose is not None and pose[2, 2] > 0.99
    assert np.unique(scan.ring).size == 64
