"""Files, folders and globs: which scans they mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from avs3d.errors import UserError
from avs3d.io import find


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.bin", "a.PLY", "notes.txt", ".hidden.bin", ".cache/c.bin", "deep/er/c.laz",
        "deep/TOKEN_lidarseg.bin", "deep/d[1].npy", "out/b.npz", "out/b.ply",
        "out/b.vocabulary.json", "out/own.ply", "f.bin.gz", "g.ply.zst", "h.txt.gz", "i.doc.gz",
        "av2/annotations.feather", "av2/calibration/egovehicle_SE3_sensor.feather",
        "av2/lidar/1.feather", "table.csv", ".j.bin.gz", "k.PCD.BIN.GZ", "l_lidarseg.bin.gz",
        "panoptic/TOKEN_panoptic.npz", "scene0000_00/scene0000_00_vh_clean_2.labels.ply",
        "2d/pose/front.npy", "2d/K/front.npy", "2d/pose/0.txt", "08/voxels/000000.bin",
        "av2/map/LOG_ground_height_surface____PIT.npy", "samples/RADAR_BACK_LEFT/n__RADAR__1.pcd",
        "samples/LIDAR_TOP/n__LIDAR_TOP__1.pcd.bin", "av2/map/radar.pcd",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(folder: Path, paths: list[Path]) -> list[str]:
    return [str(path.relative_to(folder)) for path in paths]


def test_a_folder_means_the_scans_below_it(folder: Path) -> None:
    assert names(folder, find([folder])) == [
        "a.PLY",
        "b.bin",
        "f.bin.gz",
        "g.ply.zst",
        "k.PCD.BIN.GZ",
        "av2/lidar/1.feather",
        "av2/map/radar.pcd",
        "deep/d[1].npy",
        "deep/er/c.laz",
        "out/own.ply",
        "samples/LIDAR_TOP/n__LIDAR_TOP__1.pcd.bin",
    ]


def test_any_text_is_a_scan_where_it_is_asked_for(folder: Path) -> None:
    assert names(folder, find([f"{folder}/*.csv", folder / "notes.txt"])) == [
        "table.csv",
        "notes.txt",
    ]
    assert names(folder, find([f"{folder}/*.txt*"])) == ["h.txt.gz", "notes.txt"]
    assert "table.csv" not in names(folder, find([f"{folder}/*"]))


def test_globs(folder: Path) -> None:
    assert names(folder, find([f"{folder}/*.bin"])) == ["b.bin"]
    assert names(folder, find([f"{folder}/**/*.laz"])) == ["deep/er/c.laz"]
    assert names(folder, find([f"{folder}/out/*"])) == ["out/own.ply"]
    assert names(folder, find([f"{folder}/d*"])) == ["deep/d[1].npy", "deep/er/c.laz"]


def test_a_named_file_is_taken_as_it_is(folder: Path) -> None:
    given = ["missing.bin", "out/b.ply", "deep/d[1].npy", "notes.txt", ".hidden.bin"]
    assert names(folder, find([folder / name for name in given])) == given


def test_each_file_once_in_the_order_given(folder: Path) -> None:
    found = find([folder / "b.bin", folder, f"{folder}/*.bin"])
    assert names(folder, found)[:2] == ["b.bin", "a.PLY"] and len(found) == len(set(found)) == 11


def test_an_empty_input_is_not_the_folder_one_is_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(UserError, match="an input is empty, as a shell variable that is not set"):
        find(["b.bin", ""])


@pytest.mark.parametrize("given", ["*.pcd", ".cache/../empty", "out/*.npz"])
def test_nothing_to_read_is_said(folder: Path, given: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match=r"no readable file .*; readable are \.asc, \.bin"):
        find([folder, folder / given])
