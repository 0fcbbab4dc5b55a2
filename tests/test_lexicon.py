from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from avs3d.simulation.categories import CATEGORIES, CATEGORY_ID
from avs3d.simulation.words.lexicon import Lexicon, lexicon

SHARED = Path(__file__).parents[1].parent / "shared"

PANDASET = """vegetation, ground, road, lane line marking, stop line marking, other road marking,
sidewalk, driveway, car, pickup truck, medium-sized truck, semi-truck, towed object, motorcycle,
construction vehicle, pedicab, emergency vehicle, bus, personal mobility device,
motorized scooter, bicycle, train, trolley, tram, subway, pedestrian, pedestrian with object,
animal, pylon, road barrier, sign, cone, construction sign, temporary construction barrier,
rolling container, building, other static object"""
RELLIS = """grass, tree, pole, water, sky, vehicle, object, asphalt, building, log, person,
fence, bush, concrete, barrier, puddle, mud, rubble"""

OTHERS = """other vehicle, motorcyclist, bicyclist, construction cone, lane marker, other ground,
walkable, regular vehicle, large vehicle, box truck, truck cab, vehicular trailer, school bus,
message board trailer, traffic light trailer, railed vehicle, wheeled rider, wheeled device,
official signaler, stop sign, mobile pedestrian crossing sign, construction barrel, rail track,
rider, on rails, guard rail, tunnel, pole group, debris, pushable pullable object"""


@pytest.fixture(scope="module")
def lex() -> Lexicon:
    return lexicon()


def test_every_category_has_ten_to_twenty_nouns(lex: Lexicon) -> None:
    assert set(lex.nouns) == set(CATEGORIES)
    for category, nouns in lex.nouns.items():
        assert 10 <= len(nouns) <= 20, category
        assert nouns[0] == category


def test_weights_fall_from_common_to_rare(lex: Lexicon) -> None:
    weights = lex.weights("car")
    assert len(weights) == len(lex.nouns["car"])
    assert list(weights) == sorted(weights, reverse=True)
    assert sum(weights) == pytest.approx(1.0)


def test_held_out_words_are_many_and_never_trained(lex: Lexicon) -> None:
    assert len(lex.held_out) >= 85
    assert len(set(lex.held_out.values())) >= 60
    assert {"automobile", "shrub", "lamp post", "pavement", "lorry"} <= set(lex.held_out)
    assert not set(lex.held_out) & set(lex.trained_words)


def test_a_trained_compound_of_a_held_out_word_is_refused(lex: Lexicon) -> None:
    general = {**lex.general, "tarmac road": ("road",)}
    with pytest.raises(ValueError, match="tarmac"):
        replace(lex, general=general)


def test_unknown_category_is_refused(lex: Lexicon) -> None:
    with pytest.raises(ValueError, match="spaceship"):
        replace(lex, general={**lex.general, "ufo": ("spaceship",)})


@pytest.mark.parametrize(
    ("word", "categories"),
    [
        ("foliage", {"tree", "bush", "hedge"}),
        ("sidewalk", {"sidewalk"}),
        ("pavement", {"sidewalk"}),
        ("terrain", {"grass", "soil", "tall grass", "mud", "snow"}),
        ("drivable surface", {"road", "parking lot", "concrete"}),
        ("post", {"pole", "bollard"}),
        ("mud", {"mud", "soil"}),
        ("sky", set()),
        ("animal", {"dog", "horse", "cow", "deer"}),
        ("sculpture", {"statue"}),
        ("quark", set()),
    ],
)
def test_names(lex: Lexicon, word: str, categories: set[str]) -> None:
    assert lex.names(word) == {CATEGORY_ID[c] for c in categories}


@pytest.mark.parametrize("names", [PANDASET, RELLIS, OTHERS], ids=["pandaset", "rellis", "others"])
def test_class_names_of_public_sets_are_trained(lex: Lexicon, names: str) -> None:
    unknown = [n for n in " ".join(names.split()).split(", ") if n not in lex.trained_words]
    assert not unknown


def test_class_names_of_shared_label_sets_are_known(lex: Lexicon) -> None:
    path = SHARED / "reference" / "labelsets.json"
    if not path.exists():
        pytest.skip("shared/reference/labelsets.json is not beside this checkout")
    data = json.loads(path.read_text())
    names = set(data["nuscenes"]["classes_16"]) | set(data["nuscenes"]["detailed_43"])
    names |= {n.replace("-", " ") for n in data["semantic_kitti"]["labels"].values()}
    names = {n for n in names if not n.startswith("moving ")} - {"unlabeled", "outlier"}
    names = names - {"on rails"} | {"on-rails"}
    assert not {n for n in names if not lex.names(n)}


@pytest.mark.parametrize(
    ("noun", "plural"),
    [
        ("car", "cars"), ("person", "people"), ("bus", "buses"), ("bench", "benches"),
        ("lorry", "lorries"), ("gravel", "gravel"), ("alley", "alleys"), ("box", "boxes"),
        ("construction worker", "construction workers"), ("parked bicycle", "parked bicycles"),
        ("flight of stairs", "flights of stairs"), ("passer-by", "passers-by"),
        ("roe deer", "roe deer"), ("calf", "calves"), ("bale of hay", "bales of hay"),
        ("person in a wheelchair", "people in wheelchairs"), ("snow", "snow"),
    ],
)  # fmt: skip
def test_plural(lex: Lexicon, noun: str, plural: str) -> None:
    assert lex.plural(noun) == plural


@pytest.mark.parametrize(
    ("noun", "text"),
    [
        ("car", "a car"), ("excavator", "an excavator"), ("utility box", "a utility box"),
        ("underpass", "an underpass"), ("grass", "grass"), ("stairs", "stairs"),
        ("umbrella", "an umbrella"), ("utility truck", "a utility truck"), ("mud", "mud"),
    ],
)  # fmt: skip
def test_article(lex: Lexicon, noun: str, text: str) -> None:
    assert lex.article(noun) == text


def test_find_takes_compounds_whole_and_plurals_as_singular(lex: Lexicon) -> None:
    text = "Two parked cars and some people behind a traffic light, near a lamp post."
    assert lex.find(text) == ["parked car", "person", "traffic light", "lamp post"]


def test_sayable_nouns_claim_no_more_than_the_category(lex: Lexicon) -> None:
    for category in CATEGORIES:
        said = lex.sayable(category)
        assert said[0] == category
        assert not set(said) & lex.specific
        assert not set(said[1:]) & set(CATEGORIES)
    assert "police officer" not in lex.sayable("person")
