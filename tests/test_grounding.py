"""Of several captions of a view its points choose; words that they do not bear out are gone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from avs3d.captioning.grounding import BORNE_OUT, Evidence, ground
from avs3d.vocabulary import Source, Vocabulary

WORDS = ("car", "tree", "bus", "road")


def tag(captions: Mapping[str, str]) -> Vocabulary:
    """The words above, in order of appearance."""
    found: dict[str, list[Source]] = {}
    for view, caption in captions.items():
        for word in caption.split():
            if word in WORDS:
                found.setdefault(word, []).append(Source("points", view, caption))
    return Vocabulary(tuple(found), tuple(map(tuple, found.values())))


def voxels(**counts: int) -> tuple[list[str], int]:
    return [word for word, count in counts.items() for _ in range(count)], sum(counts.values())


def scene(*views: dict[str, int]) -> tuple[np.ndarray, list[str]]:
    """(M, V) masks, and what each voxel is."""
    things = [voxels(**view) for view in views]
    owner = np.repeat(np.arange(len(views)), [count for _, count in things])
    return owner[:, None] == np.arange(len(views)), [word for words, _ in things for word in words]


def told(masks: np.ndarray, things: list[str], *candidates: list[str], chance: float = 1.0):
    def look(words: tuple[str, ...]) -> Evidence:
        label = np.array([words.index(thing) if thing in words else 0 for thing in things])
        sure = np.array([chance if thing in words else 0.0 for thing in things])
        return Evidence(label, sure, np.eye(len(words)))

    named = {f"view {i}": texts for i, texts in enumerate(candidates)}
    return ground(named, masks, tag, look)


def test_the_caption_with_most_behind_it_is_chosen() -> None:
    masks, things = scene({"car": 20, "road": 200}, {"tree": 30})
    found = told(
        masks, things,
        ["a bus", "a car on the road", "a car"],
        ["a car", "a tree", "a bus by a tree"],
    )  # fmt: skip
    assert found.captions == {"view 0": "a car on the road", "view 1": "a tree"}
    assert set(found.vocabulary.words) == {"car", "road", "tree"}


def test_a_word_stands_where_the_voxels_of_its_own_view_bear_it_out() -> None:
    masks, things = scene({"car": 20}, {"tree": 30})
    found = told(masks, things, ["a car", "a tree"], ["a tree", "a car", "a tree and a car"])
    sources = dict(zip(found.vocabulary.words, found.vocabulary.sources, strict=True))
    assert sources["car"] == (Source("points", "view 0", "a car"),)
    assert sources["tree"] == (
        Source("points", "view 1", "a tree"),
        Source("points", "view 1", "a tree and a car"),
    )


@pytest.mark.parametrize("count", [2, 3])
def test_how_many_voxels_are_enough(count: int) -> None:
    assert BORNE_OUT == 3
    masks, things = scene({"car": count, "tree": 30})
    found = told(masks, things, ["a car and a tree"])
    assert ("car" in found.vocabulary.words) == (count >= 3)


def test_doubtful_voxels_count_less() -> None:
    masks, things = scene({"car": 20})
    assert told(masks, things, ["a car"], chance=0.2).vocabulary.words == ("car",)
    unsure = told(masks, things, ["nothing much", "a car"], chance=0.1)
    assert unsure.captions == {"view 0": "nothing much"}


def test_the_likelier_of_two_that_are_equal() -> None:
    masks, things = scene({"car": 9})
    assert told(masks, things, ["one car", "a car"]).captions == {"view 0": "one car"}


def test_views_of_which_nothing_is_said() -> None:
    masks, things = scene({"car": 9}, {"tree": 9})
    found = told(masks, things, [""], ["", "a tree"])
    assert found.captions == {"view 1": "a tree"} and found.vocabulary.words == ("tree",)
    nothing = told(masks, things, ["grey"], [""])
    assert nothing.captions == {"view 0": "grey"} and not len(nothing.vocabulary)


def test_where_nothing_is_sure_what_was_said_stands() -> None:
    masks, things = scene({"tree": 30})
    found = told(masks, things, ["a bus"])
    assert found.captions == {"view 0": "a bus"} and found.vocabulary.words == ("bus",)
