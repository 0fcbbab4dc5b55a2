from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avs3d.errors import UserError
from avs3d.simulation.words.captions import describe
from avs3d.simulation.words.lexicon import lexicon
from avs3d.simulation.words.random_views import random_view
from avs3d.tagging import nouns
from avs3d.vocabulary import Source


def words(*captions: str) -> tuple[str, ...]:
    return nouns({str(i): caption for i, caption in enumerate(captions)}, "points").words


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("Two cars are parked next to a hedge.", ["car", "hedge"]),
        # Compounds that name a thing stay whole, up to three words.
        ("A traffic light and a fire hydrant.", ["traffic light", "fire hydrant"]),
        ("Several street lamps along the road.", ["street lamp", "road"]),
        ("A bus stop shelter on a parking lot.", ["bus stop shelter", "parking lot"]),
        ("A sports car by the advertising board.", ["sports car", "advertising board"]),
        ("Tall grass and a tall tree.", ["tall grass", "tree"]),
        ("A car car car parked by a street street lamp.", ["car", "street lamp"]),
        # Plurals, regular or not, become singular.
        ("Three people, two women and a few children.", ["person", "woman", "child"]),
        ("Buses, bushes, benches and leaves.", ["bus", "bush", "bench", "leaf"]),
        ("Many passers-by and two-wheelers.", ["passer-by", "two-wheeler"]),
        # Unique, in order of appearance.
        ("A car, a tree, cars and trees and a car.", ["car", "tree"]),
        # Not things: colours, the picture itself, where and how many, one or two letters.
        ("A blurry photo of a red car in the background.", ["car"]),
        ("A view of a scene with something in the foreground.", []),
        ("A group of people on the left side in front of a row of houses.", ["person", "house"]),
        ("A lot of cars in a lot of areas.", ["car"]),
        ("An ox and a TV by the road.", ["road"]),
        # A relation word breaks a compound instead of hiding in it.
        ("A street scene with a car.", ["street", "car"]),
        # The dictionary: misspelt and invented words are dropped, closed compounds are not.
        ("A blorb and a florgle near a footway.", ["footway"]),
        ("A white SUV near a streetlamp.", ["suv", "streetlamp"]),
        # Lists, as models make them of "list the things", here in a line; beginnings are no names.
        (
            "- Cars - Trees - Traffic lights - Pedestrian",
            ["car", "tree", "traffic light", "pedestrian"],
        ),
        ("1. Car 2. Tree 3. Bench 4. Traffic light", ["car", "tree", "bench", "traffic light"]),
        ("Road, Sidewalk, Trees, Cars.", ["road", "sidewalk", "tree", "car"]),
        ("The image shows: Cars, Trees, Road.", ["car", "tree", "road"]),
        ("Street Lamps and Parked Cars with Trees", ["street lamp", "car", "tree"]),
        ("STREET LAMPS, CARS", ["street lamp", "car"]),
        ("A bus. Houses behind a Ford and an Apple store.", ["bus", "house", "store"]),
        # Hyphens that are no minus signs.
        ("A two\u2011wheeler and a fire\u2010hydrant.", ["two-wheeler", "fire-hydrant"]),
        ("", []),
        (".", []),
    ],
)
def test_nouns_of_one_caption(caption: str, expected: list[str]) -> None:
    assert list(words(caption)) == expected


def test_provenance_names_every_caption_of_a_word() -> None:
    captions = {"sector 00": "A car and a car.", "sector 01": "A tree.", "sector 02": "Two cars."}
    found = nouns(captions, "points")
    assert found.words == ("car", "tree")
    assert found.sources[0] == (
        Source("points", "sector 00", "A car and a car."),
        Source("points", "sector 02", "Two cars."),
    )


def test_no_captions_need_no_model() -> None:
    assert len(nouns({}, "points", model="no/such/model")) == 0


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(("car", "red", "two", "street lamps", "a", "tree's")) | st.text(max_size=20)
    ).map(" ".join)
)
def test_any_text_gives_words_or_nothing(caption: str) -> None:
    for word in words(caption):
        assert word == word.lower().strip() and len(word) > 2


def test_a_very_long_caption_is_cut() -> None:
    assert words("a car and " * 300_000) == ("car",)


def test_what_our_captions_name_is_found() -> None:
    """Of the lexicon's words in 200 captions, nine in ten come out, and little else does."""
    lex, rng = lexicon(), np.random.default_rng(0)
    captions = {str(i): describe(*random_view(rng), rng, lex) for i in range(200)}
    found = nouns(captions, "points")
    by_view: dict[str, set[str]] = {view: set() for view in captions}
    for word, sources in zip(found.words, found.sources, strict=True):
        for source in sources:
            by_view[source.view or ""].add(word)
    said = {view: set(lex.find(caption)) for view, caption in captions.items()}
    right = sum(len(said[view] & by_view[view]) for view in captions)
    assert right / sum(map(len, said.values())) > 0.9
    assert right / sum(map(len, by_view.values())) > 0.9


def test_a_missing_model_is_the_users_error() -> None:
    with pytest.raises(UserError, match="no/such/model"):
        nouns({"a": "A car."}, "points", model="no/such/model")


def test_a_model_without_a_dictionary_is_refused(tmp_path: Path) -> None:
    import spacy

    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(UserError, match="no dictionary"):
        nouns({"a": "A car."}, "points", model=str(tmp_path / "blank"))


def test_the_published_filter_splits_compounds() -> None:
    caption = {"0": "A traffic light, two sports cars and tall grass by the parking lot."}
    found = nouns(caption, "points", compounds=False).words
    assert {"traffic", "light", "car", "grass"} <= set(found)
    assert not {"traffic light", "sports car", "tall grass", "parking lot"} & set(found)
