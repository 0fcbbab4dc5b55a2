"""Where rays of the simulation end, against answers known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from avs3d.simulation.categories import CATEGORIES, CATEGORY_ID
from avs3d.simulation.materials import draw_palette
from avs3d.simulation.places.ground import SURFACES, Band, Ground, Patch, Road
from avs3d.simulation.places.scene import Scene
from avs3d.simulation.sensing.lidar import Returns, cast
from avs3d.simulation.shapes.catalogue import SHAPES
from avs3d.simulation.shapes.mesh import Shape, rotation

EYE = np.array([0.0, 0.0, 2.0])
KERB = (Band("curb", 0.2, 0.15), Band("sidewalk", 2.0, 0.15), Band("grass", np.inf, 0.15))


def street(**changes: object) -> Ground:
    flat = {"roads": (Road(0, 0, 0, half=3.0),), "bands": (KERB, KERB), "carriageway": "road",
            "fillet": 3.0, "roughness": np.zeros(len(SURFACES), np.float32)}  # fmt: skip
    return Ground(**{**flat, **changes})  # type: ignore[arg-type]


def look(
    ground: Ground, rays: np.ndarray, shape: Shape | None = None, x: float = 0.0, **how: float
) -> Returns:
    rng = np.random.default_rng(0)
    scene, palette = Scene(ground), draw_palette(rng)
    far = Shape("building")
    far.box("concrete", (500, 0, 0), (1, 1, 1))
    scene.put((shape or far).finish(), x, 0.0, 0.0)
    solid = scene.build(rng, palette, first_instance=len(CATEGORIES))
    rays = np.asarray(rays, float)
    rays = (rays / np.linalg.norm(rays, axis=1, keepdims=True)).astype(np.float32)
    return cast(rng, solid, ground, palette, EYE, np.ascontiguousarray(rays), 100.0, **how)


def test_a_box_is_as_far_as_it_is() -> None:
    box = Shape("container")
    box.box("concrete", (0, 0, 1), (2, 4, 4))
    found = look(street(), np.array([[1, 0, 0], [1, 0.1, -0.1], [-1, 0, 0], [0, 0, 1]]), box, 10.0)
    assert found.range[:2] == pytest.approx([9.0, 9.0 * np.sqrt(1.02)], abs=1e-3)
    assert (found.category[:2] == CATEGORY_ID["container"]).all()
    assert np.isinf(found.range[2:]).all()
    assert found.cosine[0] == pytest.approx(1.0)


def test_the_ground_is_met_at_its_height_with_its_kind() -> None:
    targets = np.array([[9.0, 1.0, 0.0], [1.0, 2.5, 0.0], [2.0, 4.0, 0.15], [-4.0, -9.0, 0.15]])
    found = look(street(), targets - EYE)
    assert found.range == pytest.approx(np.linalg.norm(targets - EYE, axis=1), abs=0.01)
    names = [CATEGORIES[index] for index in found.category]
    assert names == ["road", "road", "sidewalk", "grass"]


def test_the_face_of_a_kerb_is_met() -> None:
    target = np.array([0.5, 3.01, 0.07])
    found = look(street(), (target - EYE)[None])
    assert found.range[0] == pytest.approx(np.linalg.norm(target - EYE), abs=0.03)
    assert CATEGORIES[found.category[0]] == "curb"


def test_hills_are_followed_within_a_centimetre() -> None:
    ground = street(waves=np.array([[0.1, 0.05, 1.0, 0.3]]), crown=0.02)
    rng = np.random.default_rng(1)
    turn = rng.uniform(0, 2 * np.pi, 500)
    rays = np.stack([np.cos(turn), np.sin(turn), rng.uniform(-1.0, -0.1, 500)], 1)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    ranges = ground.hit(EYE, rays.astype(np.float32), 100.0)
    ends = EYE + rays * ranges[:, None]
    _, _, (_, edges) = ground.look(*ends[:, :2].T.astype(np.float32))
    smooth = np.abs(edges[0]) > 0.05  # the face of a kerb is nearly upright
    gap = ends[:, 2] - ground.height(ends[:, 0], ends[:, 1])
    assert np.isfinite(ranges).all() and smooth.sum() > 400
    assert np.abs(gap[smooth]).max() < 0.01


def test_what_is_too_steep_for_a_lawn_is_a_wall() -> None:
    upright = np.array([[8.0, 0.0], [8.15, 1.0], [14.0, 1.0]], np.float32)
    bank = np.array([[8.0, 0.0], [10.0, 2.0]], np.float32)
    ground = street(relief=(upright, bank))
    targets = np.array([[0, 11.08, 0.65], [0, 12.5, 1.15], [0, -12.0, 1.15]])  # face, top, bank
    found = look(ground, targets - EYE)
    assert [CATEGORIES[index] for index in found.category] == ["wall", "grass", "grass"]
    assert found.range == pytest.approx(np.linalg.norm(targets - EYE, axis=1), abs=0.1)
    face, top, slope = found.cosine**2
    assert face > 0.9 and top < 0.1
    rise, away = np.array([0, 1, 1]) / np.sqrt(2), (targets[2] - EYE)
    assert slope == pytest.approx(-away @ rise / np.linalg.norm(away), abs=0.02)


def test_no_pavement_lies_on_a_wall() -> None:
    upright = np.array([[8.0, 0.0], [8.15, 1.0], [14.0, 1.0]], np.float32)
    yard = Patch("lot", 0, (0.0, 12.0), (5.0, 4.0))
    ground = street(relief=(upright, np.zeros((1, 2), np.float32)), patches=(yard,))
    found = look(ground, np.array([[0, 11.08, 0.65], [0, 12.5, 1.15], [0, 10, 0.15]]) - EYE)
    assert [CATEGORIES[index] for index in found.category] == ["wall", "parking lot", "parking lot"]


def test_a_mesh_is_denser_to_a_wide_beam_far_away() -> None:
    mesh = Shape("fence")
    for y in np.arange(-5, 5, 0.05):
        mesh.box("metal", (0, y, 1.0), (0.01, 0.01, 4.0))
    turn = np.random.default_rng(0).uniform(-0.1, 0.1, 4000)
    rays = np.stack([np.ones(4000), turn, 0 * turn], 1)

    def share(x: float, width: float) -> float:
        found = look(street(), rays, mesh, x, width=width)
        seen = np.isfinite(found.range)
        assert (np.abs(found.range[seen] - x / rays[seen, 0]) < 0.3).all()
        return float(seen.mean())

    thin, near, far = share(25.0, 0.0), share(2.0, 0.003), share(25.0, 0.003)
    assert abs(near - thin) < 0.05 and 1.5 * thin < far < 2.1 * thin


def test_a_crossing_road_cuts_through_the_sidewalk() -> None:
    roads = (Road(0, 0, 0, half=3.0), Road(20, 0, np.pi / 2, half=2.0))
    ground = street(roads=roads)
    surface, _, _ = ground.look(
        np.array([10.0, 20.0], np.float32), np.array([4.0, 8.0], np.float32)
    )
    assert [SURFACES[index] for index in surface] == ["sidewalk", "road"]


def test_road_coordinates_and_world_coordinates_agree() -> None:
    road = Road(3, -2, 0.4, half=3.0, sway=(2.0, 30.0, 0.3), curvature=0.003)
    for s, t in ((-30.0, 2.0), (0.0, 0.0), (25.0, -4.0)):
        x, y, _ = road.pose(s, t)
        again = road.frame(np.array([x]), np.array([y]))
        assert float(again[0][0]) == pytest.approx(s, abs=0.5)  # s is measured on the chord
        assert float(again[1][0]) == pytest.approx(t, abs=0.15)


def test_rotation_turns_x_to_y() -> None:
    assert rotation(np.pi / 2) @ [1, 0, 0] == pytest.approx([0, 1, 0])
    turn = rotation(0.3, -0.2, 0.7)
    assert turn @ turn.T == pytest.approx(np.eye(3), abs=1e-12)


def test_nothing_is_put_inside_another() -> None:
    scene = Scene(street())
    box = Shape("container")
    box.box("concrete", (0, 0, 1), (6, 2, 2))
    template = box.finish()
    assert scene.put(template, 0, 0, 0)
    assert not scene.put(template, 4, 0.5, 0)
    assert scene.put(template, 0, 2.5, 0)


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_sound_and_of_their_size(name: str) -> None:
    for seed in range(3):
        template = SHAPES[name][0](np.random.default_rng(seed))
        assert np.isfinite(template.vertices).all()
        assert template.faces.min() >= 0
        assert template.faces.max() < len(template.vertices)
        assert len(template.faces) == len(template.material) == len(template.category)
        assert 0.01 < template.vertices[:, 2].max() < 30
        assert template.vertices[:, 2].min() > -1.5
