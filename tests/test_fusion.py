"""Fusion against a loop over points and cameras, who hides whom, what a bad camera costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avs3d import Camera, ReadError, Scan, UserError
from avs3d.cameras.images import depths
from avs3d.fusion import fuse
from avs3d.projection import project
from avs3d.views import camera_views
from avs3d.vision import FeatureMap, load_pixel_features
from camera_files import SIZE, K, pose, write_image
from tiny import make_clip

WIDTH = 3
AROUND = np.random.default_rng(0).uniform([-20, -20, -2], [20, 20, 3], (3000, 3))


class Given:
    """Maps by the camera's name; a text instead of one is why there is none."""

    name = "given"
    dim = WIDTH

    def __init__(self, **grids: np.ndarray | str) -> None:
        self.grids = grids
        self.asked: list[str] = []

    def of(self, camera: Camera) -> FeatureMap:
        self.asked.append(camera.name)
        grid = self.grids[camera.name]
        if isinstance(grid, str):
            raise ReadError(f"{camera.name}.png: {grid}")
        assert camera.size is not None
        return FeatureMap(grid, camera.size)


def random_map(seed: int, shape: tuple[int, int] = SIZE[::-1]) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(*shape, WIDTH)).astype(np.float32)


def look(name: str, azimuth: float = 0.0, size: tuple[int, int] | None = SIZE) -> Camera:
    return Camera(name, Path(f"{name}.png"), K, pose(azimuth), size)


def rig(points: np.ndarray = AROUND) -> Scan:
    cameras = (look("a"), look("b", 30), look("c", 60))  # each sees some of what the next one does
    return Scan(points, cameras=cameras)


def test_fusion_is_the_mean_over_the_cameras_that_see_a_point() -> None:
    points = AROUND.copy()
    points[5] = np.nan
    scan = replace(rig(points), origin=np.array([1.0, -2, 0.5]))
    maps = {"a": random_map(1), "b": random_map(2), "c": random_map(3).astype(np.float16)}
    source = Given(**maps)
    fused = fuse(scan, source)
    assert fused.left_out == () and source.asked == ["a", "b", "c"]
    assert fused.features.name == "given" and fused.features.features.dtype == np.float32
    expected, mask, several = [], [], 0
    for point in scan.points.astype(np.float64) + scan.origin:
        rows = []
        for camera in scan.cameras:
            x, y, z = camera.camera_from_lidar[:3, :3] @ point + camera.camera_from_lidar[:3, 3]
            if not z > 0:
                continue
            half = [round(40 * x / z / 2 + 32 * 31 / 63), round(40 * y / z / 2 + 24 * 23 / 47)]
            if 5 <= half[0] < 32 - 5 and 5 <= half[1] < 24 - 5:
                pixel = round(40 * y / z + 24), round(40 * x / z + 32)
                rows.append(maps[camera.name][pixel].astype(np.float64))
        mask.append(bool(rows))
        several += len(rows) > 1
        if rows:
            expected.append(np.mean(rows, axis=0))
    assert fused.features.mask.tolist() == mask and several > 20
    np.testing.assert_allclose(fused.features.features, expected, atol=1e-6)


def test_the_same_points_as_camera_views_sees(shared: Path) -> None:
    from avs3d.cameras import read_cameras
    from avs3d.io import read

    folder = shared / "data" / "nuscenes_sample"
    scan = read(next(folder.glob("*.pcd.bin")))
    scan = read_cameras(scan, folder, folder / "sample.json")
    names = [camera.name for camera in scan.cameras]
    assert len(names) == 6
    for cell in (None, 8):
        source = Given(**{name: np.full((2, 2, WIDTH), i, "f4") for i, name in enumerate(names)})
        fused = fuse(scan, source, cell=cell)
        views = camera_views(scan, cell)
        assert (fused.features.mask == views.any(1)).all()
        seen = views[views.any(1)]
        mean = (seen * np.arange(6)).sum(1) / seen.sum(1)
        np.testing.assert_allclose(fused.features.features[:, 0], mean, rtol=1e-6)


WALL, BEHIND, ASIDE = [4.0, 0, 0], [8.0, 0, 0], [8.0, 1, 0]


def test_nothing_hides_anything_unless_asked() -> None:
    scan = Scan(np.array([WALL, BEHIND, ASIDE]), cameras=(look("a"),))
    source = Given(a=random_map(0))
    assert fuse(scan, source).features.mask.tolist() == [True, True, True]
    assert fuse(scan, source, cell=2).features.mask.tolist() == [True, False, True]


@pytest.mark.parametrize("size", [SIZE, (32, 24), (640, 480)])
def test_a_depth_image_says_what_is_on_the_surface(tmp_path: Path, size: tuple[int, int]) -> None:
    depth = np.full(size[::-1], 4000, np.uint16)
    left = slice(None, int(0.4 * size[0]))
    depth[:, left] = 10_000
    Image.fromarray(depth).save(tmp_path / "d.png")
    assert depths(tmp_path / "d.png")[0, -1] == np.float32(4)
    camera = replace(look("a"), depth=tmp_path / "d.png")
    # 4 m: from 3 to 5; 10 m to the left: from 7.5 to 12.5
    points = np.array([[3.1, 0, 0], [2.9, 0, 0], [4.9, 0, 0], [5.1, 0, 0]])
    aside = points * [2.5, 1, 1]
    aside[:, 1] = aside[:, 0] * 0.3
    edge = np.array([[4.0, -2.6, 0]])  # on the surface, but too near to the edge of the image
    origin = np.array([2.0, 1, 0])
    points = np.concatenate([points, aside, edge]) - origin
    scan = Scan(points, cameras=(camera,), origin=origin)
    mask = fuse(scan, Given(a=random_map(0))).features.mask
    assert mask.tolist() == [True, False, True, False] * 2 + [False]
    Image.fromarray(np.zeros_like(depth)).save(tmp_path / "d.png")  # nothing was measured
    fused = fuse(scan, Given(a=random_map(0)))
    assert len(fused.features.features) == 0 and not fused.features.mask.any()
    assert fused.left_out == ("camera a: sees no point of the scan; correct camera_from_lidar",)


def test_depths_that_are_none_cost_their_camera(tmp_path: Path) -> None:
    Image.new("L", SIZE, 200).save(tmp_path / "grey.png")
    Image.new("I;16", (48, 64)).save(tmp_path / "turned.png")
    cameras = [look("b"), *(replace(look(n), depth=tmp_path / f"{n}.png") for n in "gt")]
    cameras[1] = replace(cameras[1], depth=tmp_path / "grey.png")
    cameras[2] = replace(cameras[2], depth=tmp_path / "turned.png")
    cameras.append(replace(look("u"), depth=tmp_path / "gone.png"))
    fused = fuse(Scan(AROUND, cameras=tuple(cameras)), Given(b=random_map(0)))
    assert fused.features.mask.sum() == camera_views(Scan(AROUND, cameras=(look("b"),))).sum() > 9
    assert fused.left_out == (
        f"camera g: {tmp_path}/grey.png: is an image of type L, no depths; save millimetres as"
        " 16-bit grey",
        f"camera t: {tmp_path}/turned.png: is 48 x 64, its image 64 x 48; give depths of the same"
        " shape",
        f"camera u: {tmp_path}/gone.png: no such file; did you mean grey.png or turned.png?",
    )


def test_a_camera_without_features_costs_itself_only() -> None:
    scan = rig()
    fused = fuse(scan, Given(a=random_map(1), b="is damaged", c=random_map(3)))
    without = fuse(
        replace(scan, cameras=scan.cameras[::2]), Given(a=random_map(1), c=random_map(3))
    )
    assert fused.left_out == ("camera b: b.png: is damaged",)
    assert (fused.features.mask == without.features.mask).all()
    np.testing.assert_array_equal(fused.features.features, without.features.features)


def test_a_camera_that_sees_nothing_is_not_looked_at() -> None:
    ahead = AROUND[AROUND[:, 0] > 1]
    scan = Scan(ahead, cameras=(look("a"), look("b", 180)))
    source = Given(a=random_map(0))
    assert fuse(scan, source).left_out == (
        "camera b: sees no point of the scan; correct camera_from_lidar",
    )
    assert source.asked == ["a"]
    empty = fuse(Scan(ahead), source)
    assert empty.features.features.shape == (0, WIDTH) and empty.left_out == ()


def test_features_that_are_not_finite_have_no_part() -> None:
    scan, half = rig(), random_map(1)
    half[:, :32] = np.nan
    whole, nothing = random_map(2), np.full((2, 2, WIDTH), np.inf, np.float16)
    fused = fuse(scan, Given(a=half, b=whole, c=nothing))
    assert fused.left_out == (
        "camera c: its features are finite at no point that it sees; make them again",
    )
    views = camera_views(scan)
    right = np.rint(project(scan.points, scan.cameras[0]).column) >= 32
    views[:, 0] &= right
    assert (fused.features.mask == views[:, :2].any(1)).all()
    assert np.isfinite(fused.features.features).all()
    only_b = views[:, 1] & ~views[:, 0]
    expected = fuse(replace(scan, cameras=scan.cameras[1:2]), Given(b=whole))
    mask = only_b[expected.features.mask]
    np.testing.assert_array_equal(
        fused.features.features[only_b[fused.features.mask]], expected.features.features[mask]
    )


def test_a_source_that_fails_as_a_whole_is_not_a_fault_of_cameras() -> None:
    class Broken(Given):
        def of(self, camera: Camera) -> FeatureMap:
            raise UserError("no model")

    with pytest.raises(UserError, match="no model"):
        fuse(rig(), Broken())


def test_images_through_clip(tmp_path: Path) -> None:
    """Bright and dark images, of which one is of unknown size and one cannot be read."""
    clip = make_clip(tmp_path / "clip", WIDTH)
    cameras = [replace(c, image=tmp_path / c.image, size=None) for c in rig().cameras]
    write_image(tmp_path / "a.png", colour=250)
    write_image(tmp_path / "b.png", colour=10)
    (tmp_path / "c.png").write_bytes(b"")
    cameras[1] = replace(cameras[1], size=SIZE)
    fused = fuse(Scan(AROUND, cameras=tuple(cameras)), load_pixel_features(f"clip:{clip}", WIDTH))
    assert fused.left_out == (
        f"camera c: {tmp_path}/c.png: is empty (0 bytes); get the file again",
    )
    assert fused.features.name == f"clip:{clip}"
    views = camera_views(Scan(AROUND, cameras=rig().cameras[:2]))
    assert (fused.features.mask == views.any(1)).all()
    names = views[views.any(1)] @ [1, 2]
    one, other, both = (fused.features.features[names == n].mean(0) for n in (1, 2, 3))
    assert np.abs(one - other).max() > 10 * np.abs(both - (one + other) / 2).max()
