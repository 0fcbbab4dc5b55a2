"""Every kind of place: its ground, what stands there, and what is kept apart for validation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from avs3d.simulation import CATEGORIES, CATEGORY_ID
from avs3d.simulation.materials import draw_palette
from avs3d.simulation.places.ground import SURFACE_CATEGORY, SURFACE_ID, SURFACES
from avs3d.simulation.places.kinds import PLACES, Place
from avs3d.simulation.places.layout import HELD_OUT_KINDS, KINDS, Layout, draw_layout, layout_of
from avs3d.simulation.places.population import populate
from avs3d.simulation.places.scene import Solid
from avs3d.simulation.places.specials import SITES, add_rare, add_specials
from avs3d.simulation.places.town import Town
from avs3d.simulation.shapes.catalogue import SHAPES


def furnished(kind: str, seed: int) -> tuple[Layout, Solid]:
    rng = np.random.default_rng(seed)
    layout = layout_of(rng, kind)
    town = Town(rng, layout)
    add_specials(town)
    add_rare(town)
    populate(town)
    return layout, town.scene.build(rng, draw_palette(rng), first_instance=len(CATEGORIES))


def around(layout: Layout, reach: float = 40.0) -> tuple[np.ndarray, np.ndarray]:
    line = np.linspace(-reach, reach, 161, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    surface, height, _ = layout.ground.look(x.ravel(), y.ravel())
    return surface, height


def words(place: Place) -> Iterator[str]:
    for text in (place.near, place.vehicles, place.edge):
        yield from (word.replace("_", " ") for word in text.split() if word != "_")
    yield from place.growth


def test_kinds_kept_apart_are_drawn_only_when_asked_for() -> None:
    rng = np.random.default_rng(0)
    assert {draw_layout(rng).kind for _ in range(300)} <= set(KINDS)
    assert {draw_layout(rng, held_out=True).kind for _ in range(80)} == set(HELD_OUT_KINDS)
    assert not set(KINDS) & set(HELD_OUT_KINDS)


@pytest.mark.parametrize("kind", PLACES)
def test_every_kind_can_be_furnished(kind: str) -> None:
    for seed in range(2):
        layout, solid = furnished(kind, seed)
        _, height = around(layout)
        assert np.isfinite(height).all() and np.abs(height).max() < 25
        assert np.isfinite(solid.vertices).all()
        assert 10_000 < len(solid.faces) < 500_000


@pytest.mark.parametrize("kind", PLACES)
def test_places_name_only_what_there_is(kind: str) -> None:
    place = PLACES[kind]
    missing = {word for word in words(place)} - set(SHAPES)
    assert not missing
    assert set(place.sites) <= set(SITES) | {"puddles"}
    assert {word.replace("_", " ") for word in (place.road + " " + place.outer).split()} <= set(
        SURFACES
    )


def test_every_category_is_built_somewhere() -> None:
    missing = set(range(len(CATEGORIES)))
    for seed in range(150):
        layout, solid = furnished(draw_layout(np.random.default_rng(seed)).kind, seed)
        missing -= set(solid.category.tolist())
        missing -= set(SURFACE_CATEGORY[around(layout)[0]].tolist())
        if not missing:
            return
    raise AssertionError([CATEGORIES[index] for index in sorted(missing)])


@pytest.mark.parametrize(
    ("kind", "category"),
    [("tunnel", "tunnel"), ("bridge", "bridge"), ("rail yard", "railway track")],
)
def test_what_makes_the_place_is_built(kind: str, category: str) -> None:
    _, solid = furnished(kind, 3)
    assert (solid.category == CATEGORY_ID[category]).sum() > 20


def test_beside_a_bridge_it_is_far_down() -> None:
    surface, height = around(layout_of(np.random.default_rng(1), "bridge"))
    road = surface == SURFACE_ID["road"]
    assert np.median(height[~road]) < np.median(height[road]) - 2.5


def test_water_is_level_and_never_on_the_road() -> None:
    seen = 0
    for seed in range(6):
        layout = layout_of(np.random.default_rng(seed), "lakeside")
        surface, height = around(layout)
        wet = surface == SURFACE_ID["water"]
        seen += int(wet.sum())
        assert (height[wet] == np.float32(layout.ground.water)).all()
    assert seen > 1000


def test_meadow_tracks_have_ruts_lower_than_the_grass_between() -> None:
    layout = layout_of(np.random.default_rng(2), "meadow")
    assert layout.ground.ruts is not None
    surface, _ = around(layout, 8.0)
    assert (surface == SURFACE_ID[layout.ground.ruts.surface]).mean() > 0.01
    assert (surface == SURFACE_ID["grass"]).mean() > 0.3


def test_sidewalks_rise_to_the_front_in_some_streets_and_never_fall() -> None:
    rises = []
    for seed in range(60):
        layout = layout_of(np.random.default_rng(seed), "city")
        for side in layout.sides:
            kerb, front = (np.interp(d, *side.relief.T) for d in (side.bay, side.front))
            if side.walk:
                rises.append(float(front - kerb) / (side.front - side.bay))
    assert min(rises) >= 0 and max(rises) <= 0.07001
    assert 0.25 < np.mean(np.array(rises) > 0.005) < 0.55


def test_banks_of_snow_are_no_walls() -> None:
    banks = 0
    for seed in range(40):
        ground = layout_of(np.random.default_rng(seed), "snow").ground
        for relief, bands in zip(ground.relief, ground.bands, strict=True):
            run, rise = np.diff(relief, axis=0).T
            if bands[0].surface == "snow" and len(relief) > 3:
                banks += 1
                assert (np.abs(rise[:3]) <= 1.6 * run[:3]).all()
    assert banks > 20
