"""Colours of words."""

from __future__ import annotations

import time

import numpy as np
import pytest

from avs3d.palette import _ALIASES, FIXED, UNLABELLED_COLOR, palette, steady_palette


def test_a_word_has_one_colour() -> None:
    alone, among = palette(["car"]), palette(["tree", "zebra", "car", "road"])
    assert alone.shape == (1, 3) and alone.dtype == np.uint8
    np.testing.assert_array_equal(alone[0], among[2])
    np.testing.assert_array_equal(palette(["zebra"])[0], among[1])
    assert palette([]).shape == (0, 3)


def test_the_order_of_the_words_does_not_matter() -> None:
    words = [*list(FIXED)[:8], "zebra", "awning", "street", "pedestrian", "kiosk"]
    np.testing.assert_array_equal(palette(words)[::-1], palette(words[::-1]))


def test_an_alias_takes_the_colour_when_it_is_free() -> None:
    np.testing.assert_array_equal(palette(["pedestrian"])[0], FIXED["person"])
    both = palette(["pedestrian", "person"])
    np.testing.assert_array_equal(both[1], FIXED["person"])
    assert (both[0] != both[1]).any()


@pytest.mark.parametrize(
    "words",
    [list(FIXED), [f"thing {i}" for i in range(40)], [*FIXED, "kiosk", "awning", "statue"]],
)
def test_no_near_duplicates_within_a_vocabulary(words: list[str]) -> None:
    colors = np.vstack([palette(words), UNLABELLED_COLOR]).astype(int)
    gap = np.abs(colors[:, None] - colors[None]).sum(2) + np.eye(len(colors), dtype=int) * 999
    assert gap.min() >= 30


def test_huge_vocabularies_are_quick() -> None:
    start = time.perf_counter()
    words = [f"word {i}" for i in range(3000)]
    assert len(palette(words)) == len(steady_palette(words)) == 3000
    assert time.perf_counter() - start < 20


def test_a_steady_colour_is_that_of_a_word_beside_the_common_ones() -> None:
    for word in ("zebra", "kiosk", "awning", "car", "lorry"):
        expected = palette([*FIXED, *_ALIASES, word])[-1]
        np.testing.assert_array_equal(steady_palette([word, "other"])[0], expected)
