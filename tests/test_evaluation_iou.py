"""IoU: the numbers of the official code, and what must not change them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from avs3d.evaluation.iou import (
    VOID,
    Confusion,
    distance_range,
    interval,
    iou,
    mean_all,
    mean_present,
    recall,
)
from avs3d.segmentation import UNLABELLED

GOLDEN = Path(__file__).parent / "data" / "golden"
METRIC = json.loads((GOLDEN / "metric.json").read_text())
C = 5
NO_FEATURE = 256  # of the official code


def golden_confusion(case: str) -> Confusion:
    with np.load(GOLDEN / "metric_inputs.npz") as inputs:
        guess = inputs[f"{case}_pred"]
        guess = np.where(guess == NO_FEATURE, UNLABELLED, guess)
        return Confusion.of(inputs[f"{case}_gt"], guess, 16)


@pytest.mark.parametrize("case", METRIC["cases"])
def test_published_way_gives_the_numbers_of_the_official_code(case: str) -> None:
    told, found = METRIC["cases"][case], golden_confusion(case)
    np.testing.assert_array_equal(found.counts[:, :16].T, told["confusion"])
    sums = found.sums(published=True)
    for i, name in enumerate(METRIC["labels"]):
        if told["get_iou"][name] is None:
            assert sums[1, i] == 0
            continue
        value, hits, union = told["get_iou"][name]
        assert (sums[0, i], sums[1, i]) == (hits, union)
        assert sums[0, i] / sums[1, i] == value
    if "evaluate_error" in told:  # it divides by zero there; a class without any hit has 0
        assert iou(sums)[METRIC["labels"].index("car")] == 0
        return
    assert mean_all(iou(sums)) == pytest.approx(told["evaluate_mean_iou"], rel=1e-15)
    accuracy = float(told["evaluate_stdout"].rsplit("Mean Acc ", 1)[1])
    assert mean_all(recall(sums)) == pytest.approx(accuracy, rel=1e-15)


def test_points_without_a_word_and_absent_classes_count_as_they_should() -> None:
    found = golden_confusion("missing_gt_classes")
    published, ours = found.sums(published=True), found.sums()
    missed = found.counts[:, -1]
    assert missed.sum() > 0
    np.testing.assert_array_equal(ours[1] - published[1], missed)
    values = iou(ours)
    assert np.isnan(values[[2, 7]]).all() and np.isnan(values).sum() == 2
    assert mean_present(values) == pytest.approx(mean_all(values) * 16 / 14)


ids = st.integers(0, C - 1)
truths = hnp.arrays(np.uint8, st.integers(0, 60), elements=ids | st.just(255))


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    truth = draw(truths)
    guess = hnp.arrays(np.int32, len(truth), elements=st.integers(VOID, C - 1))
    return truth, draw(guess)


@settings(max_examples=80)
@given(labelled(), st.randoms(use_true_random=False))
def test_order_of_points_and_chunks_do_not_matter(
    pair: tuple[np.ndarray, np.ndarray], random: object
) -> None:
    truth, guess = pair
    whole = Confusion.of(truth, guess, C)
    order = np.random.default_rng(random.randrange(2**32)).permutation(len(truth))  # type: ignore[attr-defined]
    np.testing.assert_array_equal(Confusion.of(truth[order], guess[order], C).counts, whole.counts)
    parts = Confusion.empty(C)
    for part in np.array_split(order, 3):
        parts += Confusion.of(truth[part], guess[part], C)
    np.testing.assert_array_equal(parts.counts, whole.counts)
    assert whole.counts.sum() == (truth != 255).sum()


@settings(max_examples=80)
@given(labelled(), st.permutations(range(C)))
def test_other_ids_for_the_classes_move_the_numbers_with_them(
    pair: tuple[np.ndarray, np.ndarray], new: list[int]
) -> None:
    truth, guess = pair
    table = np.array([*new, VOID, UNLABELLED])
    truth_table = np.full(256, 255)
    truth_table[:C] = new
    one = Confusion.of(truth, guess, C).sums()
    other = Confusion.of(truth_table[truth], table[guess], C).sums()
    np.testing.assert_array_equal(other[:, new], one)


@settings(max_examples=80)
@given(labelled())
def test_values_are_those_of_the_definition(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, guess = pair
    values = iou(Confusion.of(truth, guess, C).sums())
    counted = truth != 255
    for c in range(C):
        is_, told = (truth == c) & counted, (guess == c) & counted
        if is_.any():
            assert values[c] == (is_ & told).sum() / (is_ | told).sum()
        else:
            assert np.isnan(values[c])


@pytest.mark.parametrize(
    ("truth", "guess"),
    [([0, 1], [0]), ([5], [0]), ([-1], [0]), ([0], [5]), ([0], [-3]), ([[0]], [[0]])],
)
def test_ids_that_are_none_are_refused(truth: list, guess: list) -> None:
    with pytest.raises(ValueError, match="truth|guess"):
        Confusion.of(np.array(truth), np.array(guess), C)


def test_intervals_hold_the_value_and_shrink_with_more_scans() -> None:
    rng = np.random.default_rng(0)

    def scans(count: int) -> np.ndarray:
        hits = rng.binomial(100, 0.6, (count, 3))
        truth = np.full((count, 3), 100)
        truth[:, 2] = hits[:, 2] = 0  # never there
        return np.stack([hits, truth, truth], 1)

    few, many = scans(10), scans(400)
    narrow, wide = interval(many), interval(few)
    assert narrow is not None and wide is not None and interval(few[:1]) is None
    assert np.isnan(narrow[:, 2]).all()
    for ends, drawn in ((narrow, many), (wide, few)):
        values = iou(drawn.sum(0))
        values = np.append(values, [mean_present(values), mean_all(values)])[[0, 1, 3, 4]]
        assert (ends[0, [0, 1, 3, 4]] < values).all() and (values < ends[1, [0, 1, 3, 4]]).all()
    assert (narrow[1] - narrow[0])[3] < 0.5 * (wide[1] - wide[0])[3]
    np.testing.assert_array_equal(interval(few), interval(few))
    # The standard error of the mean of 400 x 2 x 100 draws, twice to each side.
    assert (narrow[1] - narrow[0])[3] == pytest.approx(4 * (0.24 / 80_000) ** 0.5, rel=0.2)


def test_ranges_of_distance_are_half_open_and_level() -> None:
    points = np.array([[0, 0, 99], [19.9, 0, 0], [12, 16, 0], [51, 0, 0], [np.nan, 0, 0]])
    assert distance_range(points, np.zeros(3)).tolist() == [0, 0, 1, 2, 3]
    assert distance_range(points, np.array([51.0, 0, 0])).tolist() == [2, 1, 1, 0, 3]
