from __future__ import annotations

import re

import numpy as np
import pytest

from avs3d.simulation.categories import CATEGORIES, CATEGORY_ID
from avs3d.simulation.words.captions import MAX_WORDS, describe
from avs3d.simulation.words.lexicon import lexicon
from avs3d.simulation.words.random_views import random_view
from avs3d.simulation.words.salience import gap, in_front, salient, stands_on

LEX = lexicon()
# Said of a thing when the geometry shows it; some stand in front of nouns in the lexicon too.
ADJECTIVES = ("parked ", "large ", "big ", "small ", "low ", "tall ")
View = tuple[np.ndarray, np.ndarray, np.ndarray]


def view_of(*boxes: tuple[str, tuple[float, float, float], tuple[float, float, float]]) -> View:
    """Points on a grid inside boxes given by kind, middle of the foot, and size; one instance
    each. The sensor is at the origin, the ground at z = -1.8."""
    points, category, instance = [], [], []
    for number, (kind, foot, size) in enumerate(boxes):
        grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 6)] * 3), -1).reshape(-1, 3)
        xyz = (grid + [0, 0, 0.5]) * size + foot
        points.append(xyz)
        category.append(np.full(len(xyz), CATEGORY_ID[kind]))
        instance.append(np.full(len(xyz), number))
    return (
        np.concatenate(points).astype(np.float32),
        np.concatenate(category),
        np.concatenate(instance),
    )


ROAD = ("road", (10.0, 0.0, -1.8), (16.0, 6.0, 0.0))


def test_everything_named_is_there_and_nothing_held_out_is_said() -> None:
    rng = np.random.default_rng(1)
    surfaces, kinds = set(), set()
    for _ in range(400):
        view = random_view(rng)
        text = describe(*view, rng, LEX)
        seen = {CATEGORY_ID[thing.category] for thing in salient(*view)}
        words = LEX.find(text)
        assert words or not seen
        for word in words:
            assert word not in LEX.held_out
            assert word not in LEX.specific or word.startswith(ADJECTIVES)
            assert LEX.names(word) & seen, (word, text)
            kinds |= LEX.names(word) & seen
        surfaces.add(re.sub("|".join(map(re.escape, words)), "X", text) if words else text)
    assert len(surfaces) > 300
    assert len(kinds) > 70


def test_captions_are_one_well_formed_sentence() -> None:
    rng = np.random.default_rng(2)
    for _ in range(400):
        text = describe(*random_view(rng), rng, LEX)
        assert text == "" or re.fullmatch(r"[A-Z][a-z ,-]*[a-z]\.", text), text
        assert len(text.split()) <= MAX_WORDS
        assert "  " not in text and " ," not in text
        assert not re.search(r"\ba (?!uti|uni)[aeiou]", text, re.IGNORECASE), text
        assert not re.search(r"\ban ([^aeiou]|uti|uni)", text, re.IGNORECASE), text
        assert not re.search(r"\b(\w+) \1\b", text, re.IGNORECASE), text
        assert "couple of" not in text


def test_same_seed_same_sentence() -> None:
    view = random_view(np.random.default_rng(3))
    texts = [describe(*view, np.random.default_rng(seed), LEX) for seed in (7, 7, 8, 9)]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def test_an_empty_view_has_no_caption() -> None:
    none = np.zeros(0, np.int32)
    rng = np.random.default_rng(0)
    assert describe(np.zeros((0, 3), np.float32), none, none, rng, LEX) == ""
    lost = np.full((50, 3), np.nan, np.float32)
    zeros = np.zeros(50, np.int32)
    assert describe(lost, zeros, zeros, rng, LEX) == ""


def test_what_is_barely_seen_is_not_named() -> None:
    points, category, instance = view_of(ROAD, ("car", (9.0, 0.0, -1.8), (4.0, 2.0, 1.5)))
    few = np.flatnonzero(category == CATEGORY_ID["car"])[:4]
    kept = np.concatenate([np.flatnonzero(category != CATEGORY_ID["car"]), few])
    names = [thing.category for thing in salient(points[kept], category[kept], instance[kept])]
    assert names == ["road"]


def test_objects_are_counted() -> None:
    cars = [("car", (8.0 + 6 * i, 2.0, -1.8), (4.0, 1.8, 1.5)) for i in range(3)]
    things = {thing.category: thing for thing in salient(*view_of(ROAD, *cars))}
    assert things["car"].count == 3
    assert things["road"].count == 1
    texts = [describe(*view_of(ROAD, *cars), np.random.default_rng(s), LEX) for s in range(60)]
    assert any("three" in text for text in texts)
    assert not any(re.search(r"\b(two|four|pair|couple|several)\b", text) for text in texts)


def test_points_of_nothing_change_nothing() -> None:
    points, category, instance = view_of(ROAD, ("cow", (9.0, 0.0, -1.8), (2.2, 0.7, 1.4)))
    rain = np.full((80, 3), [0.5, 3.0, 4.0], np.float32)
    wet = np.concatenate([points, rain])
    nothing = np.full(80, 255, category.dtype), np.full(80, 65535, instance.dtype)
    told = [np.concatenate(pair) for pair in zip((category, instance), nothing, strict=True)]
    for seed in range(20):
        dry = describe(points, category, instance, np.random.default_rng(seed), LEX)
        assert describe(wet, *told, np.random.default_rng(seed), LEX) == dry


@pytest.mark.parametrize(
    ("kind", "size", "many"),
    [
        ("person", (0.7, 0.6, 1.8), False), ("person", (2.2, 1.2, 1.8), True),
        ("bicycle", (1.8, 0.6, 1.1), False), ("bicycle", (3.5, 1.7, 1.1), True),
        ("log", (4.0, 0.4, 0.4), False), ("log", (4.0, 1.2, 1.2), True), ("wire", (30, 1, 1), True),
    ],
)  # fmt: skip
def test_what_is_one_object_may_be_many(
    kind: str, size: tuple[float, float, float], many: bool
) -> None:
    view = view_of((kind, (9.0, 0.0, -1.8), size))
    (thing,) = salient(*view)
    assert thing.several == many
    texts = " ".join(describe(*view, np.random.default_rng(s), LEX) for s in range(60))
    assert not re.search(r"\b(two|three|four|several|pair)\b", texts, re.IGNORECASE)


def test_what_stands_beside_a_ground_is_not_on_it() -> None:
    edge = ("sidewalk", (10.0, 4.0, -1.8), (16.0, 3.0, 0.0))
    view = view_of(edge, ("car", (10.0, 1.6, -1.8), (4.2, 1.8, 1.5)))
    texts = " ".join(describe(*view, np.random.default_rng(s), LEX) for s in range(150)).lower()
    assert "parked" in texts
    walks = "|".join(LEX.sayable("sidewalk"))
    assert not re.search(rf"\bon (the|a) ({walks})\b", texts)


def test_wires_are_above_a_road_and_trees_on_both_sides_of_it() -> None:
    view = view_of(
        ROAD,
        ("wire", (10.0, 0.0, 5.0), (14.0, 1.0, 0.4)),
        *[("tree", (12.0, y, -1.8), (3.0, 2.0, 6.0)) for y in (-9.0, 9.0)],
    )
    texts = " ".join(describe(*view, np.random.default_rng(s), LEX) for s in range(200)).lower()
    assert re.search(r"(above|over) the ", texts)
    assert "on both sides of the " in texts
    assert not re.search(rf"\bon the ({'|'.join(LEX.sayable('road'))})", texts)


def test_relations_follow_the_geometry() -> None:
    view = view_of(
        ROAD,
        ("car", (8.0, 0.0, -1.8), (4.0, 1.8, 1.5)),
        ("building", (22.0, 0.0, -1.8), (6.0, 12.0, 8.0)),
    )
    things = {thing.category: thing for thing in salient(*view)}
    car, building = things["car"], things["building"]
    assert in_front(car, building) and not in_front(building, car)
    assert stands_on(car, list(things.values())) is things["road"]
    assert gap(car, building) == pytest.approx(9.0, abs=1.5)
    assert building.height == pytest.approx(8.0, abs=0.5)
    texts = " ".join(describe(*view, np.random.default_rng(s), LEX) for s in range(150)).lower()
    nouns = "|".join(LEX.sayable("building"))
    assert re.search(rf"in front of a ({nouns})", texts)
    assert not re.search(rf"behind a ({nouns})", texts)
    assert "next to a building" not in texts


def test_left_and_right_are_seen_from_the_sensor() -> None:
    view = view_of(
        ROAD,
        ("tree", (10.0, 4.0, -1.8), (2.0, 2.0, 5.0)),
        ("bus", (10.0, -4.0, -1.8), (2.0, 2.0, 3.0)),
    )
    texts = " ".join(describe(*view, np.random.default_rng(s), LEX) for s in range(200)).lower()
    assert re.search(r"on the left (is|are) [^,.]*(tree|foliage|canopy)", texts)
    assert not re.search(r"on the right (is|are) [^,.]*(tree|foliage|canopy)", texts)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_kind_can_be_told(category: str) -> None:
    view = view_of((category, (8.0, 1.0, -1.8), (2.0, 2.0, 1.0)))
    for seed in range(5):
        words = LEX.find(describe(*view, np.random.default_rng(seed), LEX))
        assert any(CATEGORY_ID[category] in LEX.names(word) for word in words)
