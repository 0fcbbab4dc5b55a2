"""SemanticKITTI and KITTI: scans, cameras, poses and labels as their geometry says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avs3d.datasets import open_dataset
from avs3d.datasets.parts.dataset import Dataset
from avs3d.labelsets import load
from published_files import refusal
from roots import kitti as root
from roots.scene import COUNT, WORLD, applied, seen_from


@pytest.fixture
def semantic(tmp_path: Path) -> Path:
    return root.write_semantic(tmp_path)


def moved_to_the_first(dataset: Dataset, index: int, first: np.ndarray) -> None:
    """The points of a scan, in the world of the poses, are where the first scan saw them."""
    pose = dataset.pose(index)
    assert pose is not None
    np.testing.assert_allclose(applied(pose, dataset[index].points), first, atol=1e-3)


def test_semantickitti(semantic: Path) -> None:
    dataset = open_dataset(semantic)
    assert (dataset.name, dataset.labelset, len(dataset)) == ("semantickitti",) * 2 + (9,)
    assert [dataset.key(index) for index in (0, 4, 8)] == ["00/000000", "08/000001", "11/000002"]
    assert dataset.sequences() == [range(0, 3), range(3, 6), range(6, 9)]
    assert [dataset.timestamp(index) for index in range(3)] == [0, 100_000_000, 200_000_000]
    for index in range(9):
        moved_to_the_first(dataset, index, seen_from(root.lidar_pose(0)))
        scan = dataset[index]
        camera = scan.cameras[0]
        assert [camera.name for camera in scan.cameras] == ["image_2"] and not scan.left_out
        assert isinstance(camera.image, Path) and camera.image.exists()
        np.testing.assert_allclose(camera.camera_from_lidar, root.LIDAR_TO_CAMERA, atol=1e-9)
        assert (scan.labels is None) == (index > 5)
    labels = dataset[0].labels
    assert labels is not None and labels[:6].tolist() == root.RAW_LABELS.tolist()
    assert load("semantickitti").to_classes(labels)[:6].tolist() == [255, 0, 8, 12, 14, 0]
    assert [open_dataset(semantic, split="val").key(0)] == ["08/000000"]
    assert len(open_dataset(semantic.parent / semantic.name, kind="semantickitti")) == 9


def test_the_download_has_a_folder_above(tmp_path: Path) -> None:
    root.write_semantic(tmp_path / "dataset")
    assert open_dataset(tmp_path).key(0) == "00/000000"


def test_semantickitti_without_what_may_be_missing(semantic: Path) -> None:
    for name in ("calib.txt", "times.txt", "poses.txt"):
        (semantic / "sequences" / "00" / name).unlink()
    dataset = open_dataset(semantic)
    assert dataset.pose(0) is None and dataset.timestamp(0) is None
    assert dataset[0].cameras == () and dataset.pose(3) is not None


def test_semantickitti_that_is_wrong(semantic: Path) -> None:
    assert "split train lacks 01, 02" in refusal(lambda: open_dataset(semantic, split="train"))
    assert "no split 'valid'" in refusal(lambda: open_dataset(semantic, split="valid"))
    folder = semantic / "sequences" / "00"
    (folder / "velodyne" / "000000.bin").write_bytes(b"")
    (folder / "labels" / "000001.label").write_bytes(bytes(4 * COUNT - 4))
    (folder / "image_2" / "000002.png").unlink()
    (folder / "calib.txt").write_text("P0: 1 2 3\n")
    (folder / "poses.txt").write_text("1 2 3\n")
    (folder / "times.txt").write_text("0.2\n0.1\n0.3\n")
    dataset = open_dataset(semantic)
    assert "000000.bin: is empty" in refusal(dataset.__getitem__, 0)
    assert f"has {COUNT - 1} labels for {COUNT} points" in refusal(dataset.__getitem__, 1)
    assert "poses.txt: has 3 numbers a line, not 12" in refusal(dataset.pose, 0)
    scan = dataset[2]
    assert len(scan) == COUNT and not scan.cameras
    assert "calib.txt: has no P0 to P3 with a Tr" in scan.left_out[0]
    assert dataset.sequences()[:2] == [range(0, 1), range(1, 3)]  # the clock goes back


def test_an_image_that_is_missing_costs_its_camera(semantic: Path) -> None:
    (semantic / "sequences" / "08" / "image_2" / "000001.png").unlink()
    scan = open_dataset(semantic)[4]
    assert not scan.cameras and len(scan.left_out) == 1
    assert scan.left_out[0].startswith("camera image_2: ")
    assert "000001.jpg: no such file; get it" in scan.left_out[0]


def test_the_object_benchmark(tmp_path: Path) -> None:
    dataset = open_dataset(root.write_object(tmp_path))
    assert dataset.name == "kitti" and dataset.labelset == "kitti"
    keys = [dataset.key(index) for index in range(len(dataset))]
    assert keys == ["training/000000", "training/000001", "testing/000000", "testing/000001"]
    alone = [range(index, index + 1) for index in range(4)]
    assert dataset.sequences() == alone  # scans of many drives, shuffled
    scan = dataset[1]
    assert scan.labels is None and scan.intensity is not None
    np.testing.assert_allclose(scan.points, seen_from(root.lidar_pose(0)), atol=1e-4)
    (camera,) = scan.cameras
    np.testing.assert_allclose(camera.camera_from_lidar, root.LIDAR_TO_CAMERA, atol=1e-9)
    assert dataset.pose(0) is None and dataset.timestamp(0) is None
    test = open_dataset(tmp_path, split="test")
    assert test.split == "test" and test.key(0) == "testing/000000"
    assert "no split 'val'" in refusal(lambda: open_dataset(tmp_path, split="val"))


def test_raw_drives(tmp_path: Path) -> None:
    dataset = open_dataset(root.write_raw(tmp_path))
    assert dataset.name == "kitti" and len(dataset) == 3
    assert dataset.key(2) == "2011_09_26/2011_09_26_drive_0001_sync/0000000002"
    assert dataset.sequences() == [range(0, 3)]
    times = [dataset.timestamp(index) for index in range(3)]
    assert times[0] == 1317042145_000951199 and times[2] == times[0] + 200_000_000
    for index in range(3):  # degrees and metres agree to a centimetre or so on this little way
        pose = dataset.pose(index)
        assert pose is not None
        np.testing.assert_allclose(applied(pose, dataset[index].points), WORLD, atol=0.02)
    (camera,) = dataset[0].cameras
    assert camera.name == "image_02" and camera.size == (1242, 375)
    np.testing.assert_allclose(camera.camera_from_lidar, root.LIDAR_TO_CAMERA, atol=1e-9)
    with pytest.raises(IndexError):
        dataset.key(3)


def test_raw_drives_that_are_wrong(tmp_path: Path) -> None:
    date = root.write_raw(tmp_path) / "2011_09_26"
    drive = date / "2011_09_26_drive_0001_sync"
    (drive / "oxts" / "data" / "0000000001.txt").write_text("1 2\n")
    (drive / "velodyne_points" / "timestamps.txt").write_text("2011-09-26 13:02:25.9\n\nsoon\n")
    (date / "calib_cam_to_cam.txt").write_text("S_rect_02: 1 1\n")
    dataset = open_dataset(tmp_path)
    assert "0000000001.txt: has 2 numbers a line, not 30" in refusal(dataset.pose, 1)
    assert dataset.pose(2) is not None
    assert [dataset.timestamp(index) is None for index in range(3)] == [False, True, True]
    assert "R_rect_00 must be 3 x 3 numbers" in dataset[0].left_out[0]
    (date / "calib_imu_to_velo.txt").unlink()
    assert dataset.pose(2) is None


def test_real_scans(shared: Path) -> None:
    scan = open_dataset(shared / "data" / "semantickitti")[0]
    assert len(scan) == 124_668 and scan.labels is not None
    assert np.mean(load("semantickitti").to_classes(scan.labels) != 255) > 0.9
    (camera,) = open_dataset(shared / "data" / "kitti_object")[0].cameras
    assert camera.name == "image_2"
    np.testing.assert_allclose(camera.camera_from_lidar[2, 0], 1, atol=1e-3)  # looks ahead
