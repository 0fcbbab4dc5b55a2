"""Real samples read as they are, without options."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avs3d.errors import ReadError
from avs3d.io import find, read


@pytest.mark.parametrize("folder", ["nuscenes_sample", "nuscenes_lidarseg"])
def test_nuscenes(shared: Path, folder: str) -> None:
    for path in find([shared / "data" / folder]):
        scan = read(path)
        rows = np.fromfile(path, "<f4").reshape(-1, 5)
        np.testing.assert_array_equal(scan.points, rows[:, :3])
        np.testing.assert_array_equal(scan.intensity, rows[:, 3])
        assert len(scan) == 34_688 and np.unique(scan.ring).tolist() == list(range(32))


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("semantickitti/sequences/00/velodyne/000000.bin", 124_668),
        ("kitti_object/training/velodyne/000001.bin", 120_268),
    ],
)
def test_kitti(shared: Path, path: str, count: int) -> None:
    scan = read(shared / "data" / path)
    assert len(scan) == count and scan.ring is None
    assert 0 <= scan.intensity.min() and scan.intensity.max() <= 1


@pytest.mark.parametrize("points", [99_999, 100_000, 100_003, 120_000])
def test_the_name_is_not_needed(shared: Path, tmp_path: Path, points: int) -> None:
    kitti = shared / "data/semantickitti/sequences/00/velodyne/000000.bin"
    nuscenes = next((shared / "data/nuscenes_sample").glob("*.pcd.bin"))
    path = tmp_path / "scan.bin"
    path.write_bytes(kitti.read_bytes()[: 16 * points])
    assert len(read(path)) == points
    path.write_bytes(nuscenes.read_bytes()[: 20 * (points // 4)])
    assert len(read(path)) == points // 4


def test_label_files_are_no_scans(shared: Path) -> None:
    for path in (shared / "data/nuscenes_lidarseg").glob("*/lidarseg.bin"):
        with pytest.raises(ReadError, match="holds no float32 coordinates"):
            read(path)


def test_pandaset(shared: Path) -> None:
    scan = read(shared / "data/pandaset/frame20.npz")
    assert len(scan) == 106_016 and (scan.labels.min(), scan.labels.max()) == (4, 42)
    assert scan.intensity.max() == 255 and not scan.fields


def test_scannet_needs_its_columns(shared: Path) -> None:
    path = shared / "data/scannet/scene0000_00.bin"
    with pytest.raises(ReadError, match="pass --columns 6"):
        read(path)
    scan = read(path, columns=6)
    assert len(scan) == 40_684 and scan.points.max() < 9 and scan.fields["red"].max() <= 255


def test_airborne_tile_keeps_its_coordinates(shared: Path) -> None:
    laspy = pytest.importorskip("laspy")
    path = next((shared / "data/airborne").glob("*.laz"))
    scan, tile = read(path), laspy.read(path)
    assert np.abs(scan.points[:, :2]).max() < 1000 and scan.origin[0] > 100_000
    np.testing.assert_allclose(scan.points + scan.origin, tile.xyz, atol=1e-4)
    np.testing.assert_array_equal(scan.intensity, tile.intensity)
    np.testing.assert_array_equal(scan.fields["classification"], tile.classification)
    assert {"building", "entropy", "nir", "gps_time"} <= scan.fields.keys()
