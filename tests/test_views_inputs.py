"""Views against the published ones, and what the inputs must not depend on."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from avs3d.inputs import INPUTS, ground_height, point_inputs
from avs3d.scan import Scan
from avs3d.views import lidar_sectors, point_views, squares, viewpoint

AS_THEY_ARE = ("x", "y", "z", "strength")


def cloud(seed: int = 0, count: int = 4000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 20, (count, 3))
    points[:, 2] = np.abs(rng.normal(0, 1, count)) - 1.7
    return points.astype(np.float32)


@pytest.mark.parametrize("count", [6, 12])
def test_sectors_are_the_published_ones(golden: Path, count: int) -> None:
    data = np.load(golden / "sectors.npz")
    points = np.load(golden / "voxel_nuscenes_005.npz")["points"]
    assert (lidar_sectors(points, count) == data[f"sectors{count}"].astype(bool)).all()


def test_squares_are_the_published_ones(golden: Path) -> None:
    data = np.load(golden / "sectors.npz")
    facts = json.loads((golden / "sectors.json").read_text())
    for minimum, key in ((150, "scannet_intended"), (200, "scannet_official_call_typo")):
        found = squares(data["scannet_points"], 0.5, minimum)
        assert found.sum(0).tolist() == facts[key]["sums"]


def test_sectors_begin_at_minus_pi_and_hold_their_first_border() -> None:
    axes = np.array([[-1, -1, 0], [0, -1, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    assert lidar_sectors(axes, 4).argmax(1).tolist() == [0, 1, 2, 3]


def test_sectors_of_a_map_lie_around_its_middle() -> None:
    far = Scan(cloud() + np.array([500, 300, 0], np.float32))
    names, masks = point_views(far, np.arange(len(far)), 4)
    assert names == [f"sector {i:02d}" for i in range(4)]
    assert (masks == lidar_sectors(far.points - np.median(far.points, 0), 4)).all()


def test_every_point_is_in_one_sector_also_at_pi() -> None:
    points = np.array([[-1, 0, 0], [-1, -0.0, 0], [0, 0, 0], [1, 0, 0], [0, -1, 0]], np.float32)
    masks = lidar_sectors(points, 12)
    assert (masks.sum(1) == 1).all()
    assert masks[0].argmax() == 0 and masks[1].argmax() == 0


def test_the_published_sectors_lose_a_point_at_pi() -> None:
    points = np.array([[-1, 0, 0], [-1, -0.0, 0], [1, 0, 0]], np.float32)
    assert lidar_sectors(points, 12, closed=False).sum(1).tolist() == [0, 1, 1]


@pytest.mark.parametrize("published", [False, True])
def test_points_of_earlier_sweeps_are_in_no_view(published: bool) -> None:
    points, rows = cloud(), np.arange(4000)
    points[:1000, 0] = np.abs(points[:1000, 0])
    key = points[:1000]
    scan = Scan(points, sweep=np.repeat([0, 1, 2, 3], 1000))
    names, masks = point_views(scan, rows, 4, published=published)
    assert names == ["sector 01", "sector 02"] and not masks[1000:].any()
    assert (masks[:1000] == lidar_sectors(key, 4)[:, 1:3]).all()
    small = Scan(points / 100, sweep=scan.sweep)
    masks = point_views(small, rows, "squares", published=published)[1]
    assert masks[:1000].any() and not masks[1000:].any()


@pytest.mark.parametrize(("published", "minimum"), [(False, 150), (True, 200)])
def test_squares_of_some_points_cost_no_more_than_these(published: bool, minimum: int) -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 10, (140_000, 3))
    points[::7] = np.nan
    scan, rows = Scan(points), np.flatnonzero(np.isfinite(points[:, 0]))[::100]
    tracemalloc.start()
    names, masks = point_views(scan, rows, "squares", published=published)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    place = np.cumsum(scan.finite) - 1
    expected = squares(scan.points[scan.finite], minimum=minimum)[place[rows]]
    np.testing.assert_array_equal(masks, expected[:, expected.any(0)])
    assert len(names) > 100 and peak < 30 << 20  # of all points it would be 100 bytes a point


def test_viewpoint_is_the_sensor_or_the_middle() -> None:
    assert not viewpoint(Scan(cloud())).any()
    far = cloud() + np.float32(500)
    assert np.allclose(viewpoint(Scan(far)), np.median(far, 0))
    assert viewpoint(Scan(cloud(), origin=np.array([6e5, 0, 0]))).any()


def test_inputs_do_not_see_frame_order_or_intensity_scale() -> None:
    points = cloud()
    rng = np.random.default_rng(1)
    intensity = rng.integers(0, 200, len(points)).astype(np.float32)
    names = [name for name in INPUTS if name not in AS_THEY_ARE]
    base = point_inputs(Scan(points, intensity), names)
    raised = point_inputs(Scan(points + np.float32([0, 0, 1.75]), intensity), names)
    scaled = point_inputs(Scan(points, (intensity / 255) ** 2), names)
    order = rng.permutation(len(points))
    shuffled = point_inputs(Scan(points[order], intensity[order]), names)
    assert base.dtype == np.float32 and np.isfinite(base).all()
    np.testing.assert_allclose(base, raised, atol=1e-5)
    np.testing.assert_allclose(base, scaled, atol=1e-6)
    np.testing.assert_array_equal(base[order], shuffled)


def test_intensity_that_says_nothing_counts_as_absent() -> None:
    for intensity in (None, np.zeros(4000), np.full(4000, np.nan)):
        values = point_inputs(Scan(cloud(), intensity), ("intensity", "has_intensity"))
        assert not values.any()


@pytest.mark.parametrize("scale", [1, 255])
def test_inputs_of_published_transformers_are_the_scans(scale: int) -> None:
    strength = np.array([0, 0.25, 1, np.nan, np.inf], np.float32)
    points = np.arange(15).reshape(5, 3)
    values = point_inputs(Scan(points, strength * scale), AS_THEY_ARE)
    np.testing.assert_array_equal(values[:, :3], points)
    np.testing.assert_allclose(values[:, 3], [0, 0.25, 1, 0, 0])
    assert not point_inputs(Scan(points), ["strength"]).any()


def test_height_is_above_the_ground_of_a_slope_despite_stray_points() -> None:
    rng = np.random.default_rng(2)
    xy = rng.uniform(-30, 30, (20_000, 2))
    ground = np.c_[xy, 0.05 * xy[:, 0]]
    box = np.c_[rng.uniform(3, 5, (500, 2)), rng.uniform(0.2, 1.7, 500)]
    stray = np.array([[4.0, 4.0, -6.0], [-9.0, 2.0, -4.0]])
    height = ground_height(np.concatenate([ground, box, stray]).astype(np.float32))
    assert np.abs(height[:20_000]).max() < 0.5
    assert height[20_000:20_500].max() > 1.4


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_points(count: int) -> None:
    values = point_inputs(Scan(np.ones((count, 3)), np.arange(count)), tuple(INPUTS))
    assert np.isfinite(values).all()


def test_unknown_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown inputs"):
        point_inputs(Scan(cloud()), ("colour",))
