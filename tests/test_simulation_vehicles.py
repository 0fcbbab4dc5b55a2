"""Vehicles, people and animals: of their size, their kinds named, and each one different."""

from __future__ import annotations

import numpy as np
import pytest

from avs3d.simulation.categories import CATEGORIES
from avs3d.simulation.shapes.catalogue import HELD_OUT, SHAPES
from avs3d.simulation.shapes.mesh import Template

# name: lowest and highest length, width and height in metres, loads and open doors included
SIZES = {
    "car": (2.4, 6.0, 1.6, 3.9, 1.1, 2.7),
    "pickup truck": (4.7, 6.2, 1.7, 2.6, 1.6, 2.3),
    "van": (3.9, 9.0, 1.7, 5.3, 1.7, 3.6),
    "truck": (5.0, 26.0, 2.0, 5.5, 2.1, 13.0),
    "bus": (6.5, 18.5, 2.2, 3.2, 2.6, 5.0),
    "bicycle": (1.0, 3.3, 0.35, 1.0, 0.7, 1.8),
    "motorcycle": (1.5, 2.8, 0.5, 1.2, 0.9, 1.8),
    "excavator": (1.5, 9.0, 0.8, 9.0, 1.2, 6.0),
    "cow": (1.0, 3.4, 0.2, 1.3, 0.4, 2.2),
    "horse": (0.8, 3.4, 0.2, 1.1, 0.8, 3.2),
    "person": (0.2, 2.2, 0.3, 1.6, 0.5, 2.4),
}
KINDS = {
    "motorcyclist": {"motorcycle", "person"},
    "cyclist": {"cyclist"},
    "wheelchair": {"wheelchair", "person"},
    "stroller": {"stroller", "person"},
    "boat": {"boat", "trailer"},
    "forklift": {"forklift", "person", "pallet"},
    "group": {"person"},
    "excavator": {"excavator"},
}


def _many(name: str, count: int = 30) -> list[Template]:
    return [SHAPES[name][0](np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_real_also_of_those_held_out(name: str) -> None:
    low, high = np.array(SIZES[name]).reshape(3, 2).T
    makers = [shapes[name][0] for shapes in (SHAPES, HELD_OUT) if name in shapes]
    for maker in makers:
        for seed in range(25):
            size = np.ptp(maker(np.random.default_rng(seed)).vertices, axis=0)
            assert (low <= size).all() and (size <= high).all(), (name, seed, size)


@pytest.mark.parametrize("name", KINDS)
def test_every_face_has_the_category_of_its_kind(name: str) -> None:
    found = {CATEGORIES[i] for made in _many(name) for i in np.unique(made.category)}
    assert found == KINDS[name]


def test_main_kinds_have_a_stand_in_built_differently() -> None:
    for name in ("car", "van", "truck", "bus", "person", "bicycle", "motorcycle"):
        assert HELD_OUT[name][0] is not SHAPES[name][0]
        for seed in range(5):
            made = HELD_OUT[name][0](np.random.default_rng(seed))
            assert {CATEGORIES[i] for i in np.unique(made.category)} == {name}


@pytest.mark.parametrize("name", ["car", "van", "truck", "person", "bus", "dog"])
def test_no_two_are_alike_and_the_same_seed_gives_the_same(name: str) -> None:
    first, again = _many(name, 12), _many(name, 12)
    assert len({made.vertices.tobytes() for made in first}) == 12
    for a, b in zip(first, again, strict=True):
        assert a.vertices.tobytes() == b.vertices.tobytes()


@pytest.mark.parametrize("name", ["car", "truck", "person", "bicycle", "horse", "tractor"])
def test_they_stand_on_the_ground_and_are_not_costly(name: str) -> None:
    for made in _many(name):
        assert -0.12 < made.vertices[:, 2].min() < 0.1
        assert len(made.faces) < 2500
