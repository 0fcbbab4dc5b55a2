"""Points in images: the published pixels exactly, lenses against plain formulas, who hides whom."""

from __future__ import annotations

import json
from dataclasses import replace
from math import atan2, hypot, pi
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avs3d import Camera, Scan
from avs3d.projection import Projection, on_surface, project, resized, unhidden
from avs3d.views import camera_views

K = np.array([[100.0, 0, 50], [0, 100, 40], [0, 0, 1]])
AHEAD = Camera("ahead", Path(), K, np.eye(4), (100, 80))
NUMBER = st.floats(-20, 20)


def mapping(projection: Projection, kept: np.ndarray) -> np.ndarray:
    """As the golden files have it: row, column and 1 of the points of a mask, else zeros."""
    out = np.zeros((len(kept), 3), int)
    out[kept] = np.stack([*projection.pixels(kept), np.ones(kept.sum(), int)], 1)
    return out


@pytest.fixture(scope="module")
def nuscenes(shared: Path) -> Scan:
    folder = shared / "data" / "nuscenes_sample"
    facts = json.loads((folder / "sample.json").read_text())
    points = np.fromfile(folder / facts["lidar"]["file"], np.float32).reshape(-1, 5)[:, :3]
    cameras = [
        Camera(name, Path(), camera["intrinsics"], camera["camera_from_lidar"], (1600, 900))
        for name, camera in sorted(facts["cameras"].items())
    ]
    return Scan(points, cameras=tuple(cameras))


@pytest.mark.parametrize(("kind", "size", "border"), [("half", (800, 450), 5), ("full", None, 0)])
def test_pixels_are_the_published_ones(
    nuscenes: Scan, golden: Path, kind: str, size: tuple[int, int] | None, border: int
) -> None:
    data = np.load(golden / "projection_nuscenes.npz")
    bits = np.zeros(len(nuscenes), np.uint8)
    for i, camera in enumerate(nuscenes.cameras):
        found = project(nuscenes.points, camera, size)
        kept = found.inside(border)
        bits |= kept.astype(np.uint8) << i
        assert (mapping(found, kept) == data[f"{kind}_{camera.name}_mapping"]).all(), camera.name
        matrix = resized(camera.intrinsics, (1600, 900), size or (1600, 900))
        np.testing.assert_allclose(matrix, data[f"{kind}_{camera.name}_K"], rtol=1e-12)
    assert (bits == data[f"{kind}_camera_id_bits"]).all()


def test_camera_views_are_the_published_bits(nuscenes: Scan, golden: Path) -> None:
    views = camera_views(nuscenes)
    bits = np.packbits(views, axis=1, bitorder="little")[:, 0]
    assert (bits == np.load(golden / "projection_nuscenes.npz")["half_camera_id_bits"]).all()
    hidden = views & ~camera_views(nuscenes, cell=8)
    assert 0 < hidden.sum() < 0.2 * views.sum()


def test_pixels_of_toy_points_are_rounded_as_published(golden: Path) -> None:
    toy = json.loads((golden / "projection_toy.json").read_text())
    camera = Camera("toy", Path(), toy["K"], np.eye(4), tuple(toy["image_dim"]))
    found = project(np.array(toy["points"]), camera)
    assert mapping(found, found.inside()).tolist() == toy["mapping"]
    case = toy["depth_case"]
    found = project(np.array(case["points"]), camera)
    depth = np.full((80, 100), case["depth_const"])
    kept = on_surface(found, found.inside(), depth, case["vis_thres"])
    assert mapping(found, kept).tolist() == case["mapping"]


def test_a_depth_that_was_not_measured_shows_nothing() -> None:
    found = project(np.array([[0, 0, 1.0]]), AHEAD)
    assert not on_surface(found, found.inside(), np.zeros((80, 100))).any()
    with pytest.raises(ValueError, match=r"\(80, 100\), got \(100, 80\)"):
        on_surface(found, found.inside(), np.zeros((100, 80)))


def plain_pixel(point: np.ndarray, lens: str, k: list[float]) -> tuple[float, float]:
    """The formulas of OpenCV's manual for one point, without limits."""
    x, y, z = point
    k = k + [0.0] * (8 - len(k))
    if lens == "fisheye":
        r, t = hypot(x, y), atan2(hypot(x, y), z)
        bent = t * (1 + k[0] * t**2 + k[1] * t**4 + k[2] * t**6 + k[3] * t**8)
        return 100 * bent * x / r + 50, 100 * bent * y / r + 40
    x, y = x / z, y / z
    r2 = x * x + y * y
    radial = (1 + k[0] * r2 + k[1] * r2**2 + k[4] * r2**3) / (
        1 + k[5] * r2 + k[6] * r2**2 + k[7] * r2**3
    )
    u = x * radial + 2 * k[2] * x * y + k[3] * (r2 + 2 * x * x)
    v = y * radial + k[2] * (r2 + 2 * y * y) + 2 * k[3] * x * y
    return 100 * u + 50, 100 * v + 40


@pytest.mark.parametrize(
    ("lens", "k"),
    [
        ("pinhole", []),
        ("pinhole", [-0.2, 0.03, 0.001, -0.002]),
        ("pinhole", [-0.35, 0.15, 0.001, -0.0005, -0.03]),
        ("pinhole", [0.4, 0.1, 0.0, 0.001, 0.01, 0.7, 0.2, 0.02]),
        ("fisheye", []),
        ("fisheye", [0.05, -0.01, 0.003, -0.001]),
    ],
)
def test_lenses_bend_as_their_formulas_say(lens: str, k: list[float]) -> None:
    camera = replace(AHEAD, lens=lens, distortion=np.array(k))
    points = np.random.default_rng(0).uniform([-0.7, -0.7, 1], [0.7, 0.7, 1.5], (200, 3))
    found = project(points, camera)
    expected = [plain_pixel(point, lens, k) for point in points]
    np.testing.assert_allclose(np.stack([found.column, found.row], 1), expected, atol=1e-9)


def test_a_lens_does_not_bend_the_outside_in() -> None:
    camera = replace(AHEAD, distortion=np.array([-0.3, 0.0, 0, 0]))
    far = np.array([[1.8, 0, 1.0], [1.0, 0, 1.0]])  # the image ends at x = 0.5 z
    assert 0 <= plain_pixel(far[0], "pinhole", [-0.3])[0] < 100, "else nothing was tried"
    found = project(far, camera)
    assert np.isnan(found.column[0]) and found.column[1] > 100


def test_a_fisheye_sees_beyond_a_right_angle_but_nothing_behind() -> None:
    camera = replace(AHEAD, lens="fisheye", intrinsics=K * [[0.25], [0.25], [1]] + 0.0)
    found = project(np.array([[1, 0, -0.2], [0, 0, -1], [0, 0, 0], [0, 0, 5.0]]), camera)
    assert found.column[0] == pytest.approx(12.5 + 25 * atan2(1, -0.2))
    assert np.isnan(found.column[1:3]).all() and found.column[3] == 12.5


@pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")
@given(
    st.lists(st.tuples(*[st.one_of(NUMBER, st.sampled_from([0, np.nan, np.inf, 1e30]))] * 3)),
    st.sampled_from([("pinhole", 0), ("pinhole", 5), ("pinhole", 8), ("fisheye", 4)]),
    st.lists(st.floats(-1e3, 1e3), min_size=8, max_size=8),
)
def test_any_point_and_any_lens_gives_pixels_of_the_image_or_none(
    points: list[tuple[float, ...]], lens: tuple[str, int], k: list[float]
) -> None:
    camera = replace(AHEAD, lens=lens[0], distortion=np.array(k[: lens[1]]))
    found = project(np.array(points, np.float32).reshape(-1, 3), camera)
    kept = found.inside(3)
    row, column = found.pixels(kept)
    assert ((row >= 3) & (row < 77) & (column >= 3) & (column < 97)).all()
    if lens[0] == "pinhole":
        assert (found.depth[kept] > 0).all()
    assert np.isfinite(found.distance[kept]).all()
    assert (unhidden(found, kept, 4) <= kept).all()


@given(st.tuples(NUMBER, NUMBER, NUMBER), st.floats(-pi, pi))
def test_a_turned_camera_sees_the_turned_world(point: tuple[float, ...], angle: float) -> None:
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, 0, s, 1], [0, 1, 0, 2], [-s, 0, c, 3], [0, 0, 0, 1]])
    there = project((turn[:3, :3] @ point + turn[:3, 3])[None], AHEAD)
    here = project(np.array([point]), replace(AHEAD, camera_from_lidar=turn))
    np.testing.assert_allclose(here.depth, there.depth, atol=1e-9)
    np.testing.assert_allclose(here.column, there.column, rtol=1e-6)


def test_nearer_points_hide_those_behind_them_in_their_square() -> None:
    points = np.array([[0, 0, 10], [0, 0, 10.4], [0.01, 0, 20], [3, 0, 20.0], [0, 0, -1]])
    found = project(points, AHEAD)
    seen = unhidden(found, found.inside(), 8)
    assert seen.tolist() == [True, True, False, True, False]
    assert unhidden(found, found.inside(), 8, nearer=0.01)[1] == False  # noqa: E712
    assert unhidden(found, np.zeros(5, bool), 8).tolist() == [False] * 5
    with pytest.raises(ValueError, match="at least one pixel"):
        unhidden(found, found.inside(), 0)


def test_views_of_a_scan_far_from_the_origin_of_its_map() -> None:
    there = np.eye(4)
    there[:3, 3] = [-5e5, -5e6, 0]
    far = Scan(
        [[0, 0, 9.0]], origin=[5e5, 5e6, 0], cameras=(replace(AHEAD, camera_from_lidar=there),)
    )
    assert camera_views(far).all()
    assert camera_views(Scan([[0, 0, 9.0]])).shape == (1, 0)


def test_a_camera_without_a_size_projects_nothing() -> None:
    with pytest.raises(ValueError, match="size of camera 'ahead' is not known"):
        project(np.zeros((1, 3)), replace(AHEAD, size=None))
