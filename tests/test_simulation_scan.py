"""Simulated scans: the same bytes again, valid values, every sensor, every category."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from avs3d.errors import ReadError, UserError
from avs3d.simulation import CATEGORIES, CATEGORY_ID, SENSORS, SimulatedScan, simulate
from avs3d.simulation.dataset import generate, load, save
from avs3d.simulation.ground import SURFACE_CATEGORY

ARRAYS = ("points", "intensity", "ring", "category", "instance")


def same(a: SimulatedScan, b: SimulatedScan) -> bool:
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in ARRAYS)


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    first = simulate(5, "vlp-16")
    assert same(first, simulate(5, "vlp-16"))
    assert not same(first, simulate(6, "vlp-16"))


@pytest.mark.parametrize("sensor", SENSORS)
def test_every_sensor_gives_a_valid_scan(sensor: str) -> None:
    scan = simulate(11, sensor)
    n = len(scan.points)
    assert 8_000 < n < 135_000
    assert scan.sensor == sensor and scan.seed == 11 and 0.4 < scan.height < 2.6
    assert scan.points.shape == (n, 3)
    dtypes = (np.float32, np.float32, np.int32, np.int32, np.int32)
    for name, dtype in zip(ARRAYS, dtypes, strict=True):
        array = getattr(scan, name)
        assert array.dtype == dtype and len(array) == n
    assert np.isfinite(scan.points).all()
    distance = np.linalg.norm(scan.points, axis=1)
    assert 0.3 < distance.min() and distance.max() < 121
    full = SENSORS[sensor].scale
    assert scan.intensity.min() >= 0 and scan.intensity.max() <= full
    assert full == 1 or (scan.intensity == np.round(scan.intensity)).all()
    assert scan.ring.min() >= 0 and scan.ring.max() < len(SENSORS[sensor].elevation)
    assert scan.category.min() >= 0 and scan.category.max() < len(CATEGORIES)


def test_points_lie_on_the_beams_of_their_ring() -> None:
    scan = simulate(2, "kitti-64")
    x, y, z = scan.points.astype(np.float64).T
    elevation = np.degrees(np.arctan2(z, np.hypot(x, y)))
    assert np.abs(elevation - SENSORS["kitti-64"].elevation[scan.ring]).max() < 0.15


def test_an_instance_that_is_no_ground_is_one_object() -> None:
    scan = simulate(3, "os1-64")
    solid = ~np.isin(scan.category, SURFACE_CATEGORY)
    cars = solid & (scan.category == CATEGORY_ID["car"])
    for instance in np.unique(scan.instance[cars]):
        extent = np.ptp(scan.points[cars & (scan.instance == instance)], axis=0)
        assert np.linalg.norm(extent) < 9
    ground = scan.category == CATEGORY_ID["road"]
    assert len(np.unique(scan.instance[ground])) == 1


def test_every_category_appears() -> None:
    missing = set(range(len(CATEGORIES)))
    for seed in range(30):
        missing -= set(simulate(seed, "vlp-16").category.tolist())
        if not missing:
            break
    assert not missing, [CATEGORIES[index] for index in missing]


def test_unknown_sensor_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="kitti-64"):
        simulate(0, "sonar")


def test_dataset_resumes_and_keeps_what_it_saves(tmp_path: Path) -> None:
    (first,) = generate(tmp_path, 1, start_seed=4)
    before = first.stat().st_mtime_ns
    paths = generate(tmp_path, 2, start_seed=4)
    assert [path.name for path in paths] == ["scan_000004.npz", "scan_000005.npz"]
    assert first.stat().st_mtime_ns == before
    assert sorted(tmp_path.iterdir()) == paths
    scan, again = simulate(4), load(first)
    assert np.abs(again.points - scan.points).max() <= 0.00101
    for name in ARRAYS[1:]:
        assert (getattr(again, name) == getattr(scan, name)).all()
        assert getattr(again, name).dtype == getattr(scan, name).dtype
    assert (again.sensor, again.height, again.seed) == (scan.sensor, scan.height, scan.seed)


@pytest.mark.parametrize(
    "spoil", [lambda data: b"", lambda data: data[:-40], lambda data: b"no zip at all"]
)
def test_a_spoilt_file_is_reported(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "scan_000000.npz"
    one = np.zeros(1, np.int32)
    scan = SimulatedScan(np.ones((1, 3), np.float32), np.ones(1, np.float32), one, one, one, "x",
                         1.8, 0)  # fmt: skip
    save(scan, path)
    assert dataclasses.astuple(load(path))[5:] == ("x", 1.8, 0)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ReadError, match="scan_000000"):
        load(path)
