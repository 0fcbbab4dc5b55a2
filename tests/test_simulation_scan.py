"""Simulated scans: the same bytes again, valid values, every sensor, every category."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from avs3d.errors import ReadError, UserError
from avs3d.simulation import (
    CATEGORIES,
    CATEGORY_ID,
    SENSORS,
    SimulatedScan,
    simulate,
    simulate_many,
)
from avs3d.simulation.dataset import generate, load, save
from avs3d.simulation.places.ground import SURFACE_CATEGORY
from avs3d.simulation.sensing.returns import NOBODY, NOTHING
from avs3d.simulation.sensing.sensors import draw_sensor
from avs3d.simulation.world import simulate_view

ARRAYS = ("points", "intensity", "ring", "category", "instance")


def same(a: SimulatedScan, b: SimulatedScan) -> bool:
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in ARRAYS)


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    first = simulate(5, "vlp-16")
    assert same(first, simulate(5, "vlp-16"))
    assert not same(first, simulate(6, "vlp-16"))


def test_views_of_a_world_do_not_depend_on_each_other() -> None:
    three = simulate_many(5, 3)
    assert same(three[0], simulate(5))
    assert same(three[2], simulate_view(5, 2))
    assert [scan.view for scan in three] == [0, 1, 2]
    assert not same(three[0], three[1])


@pytest.mark.parametrize("sensor", SENSORS)
def test_every_sensor_gives_a_valid_scan(sensor: str) -> None:
    kind = SENSORS[sensor]
    scan = simulate(11, sensor)
    n = len(scan.points)
    assert 2_000 < n <= 150_000
    assert scan.sensor == sensor and scan.seed == 11
    assert kind.height[0] <= scan.height <= kind.height[1]
    assert scan.points.shape == (n, 3)
    dtypes = (np.float32, np.float32, np.int32, np.int32, np.int32)
    for name, dtype in zip(ARRAYS, dtypes, strict=True):
        array = getattr(scan, name)
        assert array.dtype == dtype and len(array) == n
    assert np.isfinite(scan.points).all()
    assert np.linalg.norm(scan.points, axis=1).max() < 210 + 20 * 2.0  # ten sweeps of a drive
    assert scan.intensity.min() >= 0 and scan.intensity.max() <= kind.scale
    assert kind.scale == 1 or (scan.intensity == np.round(scan.intensity)).all()
    rings = len(kind.elevation) * len(kind.heads)
    assert scan.ring.min() >= 0 and scan.ring.max() < rings <= 256
    known = scan.category < len(CATEGORIES)
    assert scan.category.min() >= 0 and known.mean() > 0.5
    assert (scan.category[~known] == NOTHING).all()
    assert (scan.instance[~known] == NOBODY).all()


def test_held_out_sensors_are_drawn_on_request_only() -> None:
    rng = np.random.default_rng(0)
    kept = {name for name, sensor in SENSORS.items() if sensor.held_out}
    assert len(kept) == 4
    assert {draw_sensor(rng, held_out=True) for _ in range(200)} == kept
    assert not kept & {draw_sensor(rng) for _ in range(500)}
    assert simulate(1, held_out=True).sensor in kept


def test_an_instance_that_is_no_ground_is_one_object() -> None:
    scan = simulate(3, "os1-64")
    solid = ~np.isin(scan.category, SURFACE_CATEGORY)
    cars = solid & (scan.category == CATEGORY_ID["car"])
    for instance in np.unique(scan.instance[cars]):
        extent = np.ptp(scan.points[cars & (scan.instance == instance)], axis=0)
        assert np.linalg.norm(extent) < 9
    ground = scan.category == CATEGORY_ID["road"]
    assert len(np.unique(scan.instance[ground])) == 1


def test_most_categories_are_seen_in_a_few_worlds() -> None:
    seen: set[int] = set()
    for seed in range(15):
        seen |= set(simulate(seed, "vlp-16").category.tolist())
    assert len(seen - {NOTHING}) > 50


def test_unknown_sensor_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="kitti-64"):
        simulate(0, "sonar")


def test_dataset_resumes_and_keeps_what_it_saves(tmp_path: Path) -> None:
    (first,) = generate(tmp_path, 1, start_seed=4)
    before = first.stat().st_mtime_ns
    paths = generate(tmp_path, 3, start_seed=4)
    assert [path.name for path in paths] == [f"scan_00000{k}.npz" for k in (4, 5, 6)]
    assert first.stat().st_mtime_ns == before
    assert sorted(tmp_path.iterdir()) == paths
    assert (load(paths[1]).seed, load(paths[2]).seed) == (1, 2)
    scan, again = simulate_many(1, 3)[1], load(first)
    assert np.abs(again.points - scan.points).max() <= 0.00101
    for name in ARRAYS[1:]:
        assert (getattr(again, name) == getattr(scan, name)).all()
        assert getattr(again, name).dtype == getattr(scan, name).dtype
    assert (again.sensor, again.height, again.view) == (scan.sensor, scan.height, scan.view)


@pytest.mark.parametrize(
    "spoil", [lambda data: b"", lambda data: data[:-40], lambda data: b"no zip at all"]
)
def test_a_spoilt_file_is_reported(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "scan_000000.npz"
    one = np.zeros(1, np.int32)
    scan = SimulatedScan(np.ones((1, 3), np.float32), np.ones(1, np.float32), one, one, one, "x",
                         1.8, 0)  # fmt: skip
    save(scan, path)
    assert dataclasses.astuple(load(path))[5:] == ("x", 1.8, 0, 0)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ReadError, match="scan_000000"):
        load(path)
