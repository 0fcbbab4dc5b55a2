"""Cameras of stored results, which are found again where they were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avs3d.jobs import BatchConfig
from avs3d.viewer.shows import Results, stored_at
from camera_files import make_rig
from commands import Call, scan, segment
from roots import kitti
from roots.scene import picture, put

NOTHING = BatchConfig((), None)


def shown(out: Path, config: BatchConfig = NOTHING) -> Results:
    return Results(stored_at(out), config, lambda text: None)


def test_cameras_stand_where_the_record_says(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "a.bin")
    images, rig = make_rig(tmp_path)
    options = ("--columns", "4", "--images", images, "--calibration", rig)
    assert segment(call, bundle, "a.bin", *options).exit_code == 0
    subject = shown(tmp_path / "avs3d-results").open(0)
    assert [camera.name for camera in subject.scan.cameras] == ["front", "left", "rear"]
    assert subject.view("front") is not None and subject.scan.name == "a"
    rig.rename(tmp_path / "elsewhere.json")
    lost = shown(tmp_path / "avs3d-results").open(0).scan
    assert not lost.cameras and "cameras are gone" in lost.left_out[-1]
    told = replace(NOTHING, images=str(images), calibration=str(tmp_path / "elsewhere.json"))
    assert len(shown(tmp_path / "avs3d-results", told).open(0).scan.cameras) == 3


def test_cameras_of_a_dataset_are_those_of_each_scan(
    call: Call, bundle: Path, tmp_path: Path
) -> None:
    root = kitti.write_semantic(tmp_path / "root", ("00",))
    for number in range(3):
        put(root / f"sequences/00/image_2/{number:06}.png", picture(1242, 375, "PNG"))
    done = call("run", root, "-b", bundle, "-v", "car, road", "--write", "npz", "--every", "2")
    assert done.exit_code == 0, done.output
    results = shown(Path("results"))
    assert len(results.names) == 2
    for index in range(2):
        (camera,) = results.open(index).scan.cameras
        assert camera.name == "image_2" and f"00000{2 * index}.png" in str(camera.image)
    root.rename(tmp_path / "moved")
    alone = shown(Path("results")).open(0).scan
    assert not alone.cameras and not alone.left_out


def test_results_without_cameras_are_as_they_were(call: Call, bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("viser")
    scan(tmp_path / "a.bin")
    assert segment(call, bundle, "a.bin", "--columns", "4").exit_code == 0
    found = shown(tmp_path / "avs3d-results").open(0).scan
    assert not found.cameras and not found.left_out
    with np.load(tmp_path / "avs3d-results" / "a.npz") as arrays:
        np.testing.assert_array_equal(found.points, arrays["points"])
