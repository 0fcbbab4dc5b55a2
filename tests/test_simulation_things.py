"""Shapes of buildings, street furniture and plants: their sizes and the kinds of their faces."""

from __future__ import annotations

import numpy as np
import pytest

from avs3d.simulation.categories import CATEGORIES
from avs3d.simulation.shapes.buildings import building
from avs3d.simulation.shapes.catalogue import HELD_OUT, SHAPES
from avs3d.simulation.shapes.mesh import Template

WIDTHS = {"block": 16.0, "house": 11.0, "hall": 30.0, "tower": 26.0, "barn": 12.0, "shed": 3.0}
PARTS = {
    "gate": {"gate"}, "scaffolding": {"scaffolding"}, "playground": {"playground"},
    "fountain": {"fountain"}, "statue": {"statue"}, "tent": {"tent", "table"}, "kiosk": {"kiosk"},
    "tank": {"tank"}, "power line": {"pole", "wire"}, "parking meter": {"parking meter"},
    "traffic drum": {"traffic drum"}, "mailbox": {"mailbox"}, "dumpster": {"dumpster"},
    "phone booth": {"phone booth"}, "planter": {"planter", "bush", "trunk", "tree"},
    "parasol": {"parasol", "table", "chair"}, "chair": {"chair"}, "fuel pump": {"fuel pump"},
    "pallet": {"pallet"}, "pipe": {"pipe"}, "log": {"log"}, "hay bale": {"hay bale"},
    "low branch tree": {"trunk", "tree"}, "leaning tree": {"trunk", "tree"},
    "dead tree": {"trunk"}, "fern": {"bush"}, "broadleaf": {"trunk", "tree"},
    "traffic sign": {"pole", "traffic sign"}, "table": {"table", "chair", "bench"},
}  # fmt: skip


def categories(template: Template) -> set[str]:
    return {CATEGORIES[index] for index in np.unique(template.category)}


@pytest.mark.parametrize("name", PARTS)
def test_faces_are_of_the_kinds_that_the_name_says(name: str) -> None:
    found: set[str] = set()
    for seed in range(30):
        found |= categories(SHAPES[name][0](np.random.default_rng(seed)))
    assert found == PARTS[name]


@pytest.mark.parametrize("kind", WIDTHS)
def test_buildings_stand_on_their_front(kind: str) -> None:
    for seed in range(12):
        template = building(np.random.default_rng(seed), WIDTHS[kind], kind)
        x, y, z = template.vertices.T
        assert categories(template) == {"building"}
        assert len(template.faces) < 5000
        assert np.abs(x).max() < WIDTHS[kind] / 2 + 5
        assert -40 < y.min() < -1 and y.max() < 6.5
        assert z.min() > -1.6 and z.max() < 75


def test_towers_are_high() -> None:
    high = [
        building(np.random.default_rng(s), 26.0, "tower").vertices[:, 2].max() for s in range(9)
    ]
    assert np.median(high) > 30


def test_a_building_is_the_same_again() -> None:
    one, two = (building(np.random.default_rng(4), 15.0, "block") for _ in range(2))
    assert one.vertices.tobytes() == two.vertices.tobytes()


@pytest.mark.parametrize("name", HELD_OUT)
def test_what_is_kept_apart_is_of_the_same_kinds_but_another_form(name: str) -> None:
    apart, used = HELD_OUT[name][0], SHAPES[name][0]
    assert apart is not used
    kinds = set.union(*(categories(used(np.random.default_rng(seed))) for seed in range(20)))
    assert categories(apart(np.random.default_rng(0))) <= kinds


def test_leaves_let_light_through() -> None:
    """From above, a broad crown is no solid disc: its triangles are small against its spread."""
    template = SHAPES["broadleaf"][0](np.random.default_rng(0))
    crown = template.category == CATEGORIES.index("tree")
    corner = template.vertices[template.faces[crown]]
    edge = np.linalg.norm(corner[:, 0] - corner[:, 1], axis=1)
    assert np.median(edge) < 0.2 * np.ptp(corner[..., 0])
