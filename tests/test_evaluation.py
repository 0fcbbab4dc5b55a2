"""`Evaluation`: planted errors show as what they are, and nothing else moves the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from avs3d import Scan, Segmentation, Vocabulary, labelsets
from avs3d.evaluation.evaluation import Evaluation
from avs3d.evaluation.mappers import Mapped, NameMapper, Targets
from avs3d.evaluation.vocabulary import Worth
from avs3d.vocabulary import Source

KITTI = labelsets.load("semantickitti")
CAR, TRUCK, ROAD = (KITTI.classes.index(name) for name in ("car", "truck", "road"))
WORDS = ("car", "delivery truck", "road", "sky", "jeep")
IDS = (CAR, TRUCK, ROAD, -2, CAR)


class Reversed(NameMapper):
    """Takes delivery trucks for cars."""

    name = "other"

    def map(self, words: Any, targets: Targets) -> list[Mapped]:
        return [Mapped(word, CAR, self.name) for word in words]


def made(label: np.ndarray, cosine: np.ndarray | None = None, seed: int = 0) -> Segmentation:
    points = np.random.default_rng(seed).uniform(-40, 40, (len(label), 3))
    if cosine is None:
        cosine = np.linspace(0, 1, len(label))
    return Segmentation(Scan(points), label, np.ones(len(label)), Vocabulary(WORDS), "tiny",
                        cosine=cosine)  # fmt: skip


def evaluate(*scans: tuple[np.ndarray, np.ndarray], **options: Any) -> Evaluation:
    found = Evaluation(KITTI, [NameMapper(), Reversed()], **options)
    for i, (label, truth) in enumerate(scans):
        found.add(f"{i}", made(label), truth, {"road": [Source("points", "view", "A road.")] * 3})
    return found


def row(table: list[dict[str, Any]], key: str, value: str) -> dict[str, Any]:
    return next(item for item in table if item[key] == value)


def test_a_tenth_of_the_cars_called_trucks_is_all_that_shows() -> None:
    truth = np.repeat([CAR, TRUCK, ROAD, 255], [1000, 500, 3000, 700]).astype(np.uint8)
    label = np.repeat([0, 1, 2, 3], [1000, 500, 3000, 700])
    label[np.random.default_rng(0).permutation(1000)[:100]] = 1
    table = evaluate((label, truth)).table()
    car, truck, road = (row(table["classes"], "class", n) for n in ("car", "truck", "road"))
    assert (car["iou"], car["recall"], car["precision"]) == (0.9, 0.9, 1.0)
    assert (truck["iou"], truck["recall"]) == (pytest.approx(500 / 600, abs=1e-6), 1.0)
    assert truck["precision"] == pytest.approx(500 / 600, abs=1e-6)
    assert (road["iou"], road["points"], road["told"]) == (1.0, 3000, 3000)
    assert all(r["iou"] is None for r in table["classes"] if r not in (car, truck, road))
    present = (0.9 + 500 / 600 + 1) / 3
    assert table["miou"] == pytest.approx(present, abs=1e-6)
    assert table["miou_all"] == pytest.approx(present * 3 / 19, abs=1e-6)
    assert (table["points"], table["points_void"], table["points_right"]) == (
        4500, 0, pytest.approx(4400 / 4500, abs=1e-6)
    )  # fmt: skip
    confusion = np.array(table["confusion"])
    assert confusion[CAR, TRUCK] == 100
    confusion[CAR, TRUCK] = 0
    assert np.count_nonzero(confusion - np.diag(np.diag(confusion[:, :19])) @ np.eye(19, 21)) == 0
    worst = table["words"][0]
    assert (worst["word"], worst["class"], worst["why"]) == (
        "delivery truck", "truck", "ends in truck"
    )  # fmt: skip
    assert (worst["mostly"], worst["mostly_points"], worst["right"]) == ("car", 100, 500)
    assert worst["cost"] == pytest.approx(1 - present, abs=1e-6)
    assert [r["cost"] for r in table["words"][1:]] == [0, 0, 0, 0]
    assert row(table["words"], "word", "road")["captions"] == 3
    sky = row(table["words"], "word", "sky")
    assert (sky["class"], sky["points"], sky["counted"]) == (None, 700, 0)


def test_void_words_and_missing_words_are_wrong_and_told_apart() -> None:
    truth = np.repeat([CAR, ROAD], [10, 10]).astype(np.uint8)
    label = np.repeat([0, 3, -1, 2], [4, 3, 3, 10])
    table = evaluate((label, truth)).table()
    assert (table["points_void"], table["points_unlabelled"]) == (3, 3)
    assert row(table["classes"], "class", "car")["iou"] == 0.4
    published = evaluate((label, truth), published=True).table()
    assert row(published["classes"], "class", "car")["iou"] == pytest.approx(4 / 7, abs=1e-6)
    assert row(published["classes"], "class", "car")["recall"] == 0.4


def test_how_the_result_moves_with_the_mapper() -> None:
    truth = np.repeat([CAR, TRUCK], [60, 40]).astype(np.uint8)
    label = np.repeat([0, 1], [60, 40])
    one, other = evaluate((label, truth)).table()["mappers"]
    assert (one["miou"], one["same_words"], one["same_points"]) == (1.0, 1.0, 1.0)
    assert (other["mapper"], other["miou"]) == ("other", 0.3)
    # Of five words, the delivery truck and the sky are mapped otherwise; 60 points have cars.
    assert (other["same_words"], other["same_points"]) == (0.6, 0.6)
    assert (one["void_words"], other["void_words"]) == (1, 0)


def test_distances_and_tpss() -> None:
    truth = np.full(4, ROAD, np.uint8)
    result = made(np.array([2, 2, 0, -1]), np.array([0.5, 0.3, 0.1, 0.9]))
    points = np.array([[1, 0, 0], [30, 0, 0], [-60, 0, 0], [0, np.nan, 0]])
    found = Evaluation(KITTI, [NameMapper()])
    found.add("a", Segmentation(Scan(np.vstack([points, -points])), np.tile(result.label, 2),
        np.ones(8), Vocabulary(WORDS), "tiny", cosine=np.tile(result.cosine, 2)),
        np.tile(truth, 2), {})  # fmt: skip
    table = found.table()
    assert [r["points"] for r in table["distance"]] == [2, 2, 2]
    assert [r["miou"] for r in table["distance"]] == [1.0, 1.0, 0.0]
    assert table["tpss"] == {"points": pytest.approx(0.3), "scans": pytest.approx(0.3), "known": 1}
    unknown = Segmentation(result.scan, result.label, result.score, result.vocabulary, "tiny")
    found.add("b", unknown, truth, {})
    assert found.table()["tpss"]["known"] == 1 and found.table()["per_scan"][1]["tpss"] is None


def test_worth_of_words() -> None:
    truth = np.array([70, 0, 30, 0])
    assert Worth.of(np.array([0, 0, 1, -2]), truth) == Worth(
        words=4, covered=70, points=100, excess=2, named=2, mapped=3
    )
    assert Worth.of(np.array([-2]), truth).coverage == 0.0
    assert Worth.of(np.zeros(0, np.int64), np.zeros(4, np.int64)).coverage is None
    table = evaluate((np.array([0, 2]), np.array([CAR, ROAD], np.uint8))).table()["vocabulary"]
    # Trucks and the sky are not there; cars have two words of the four that mean a class.
    assert (table["coverage"], table["excess"], table["redundancy"]) == (1.0, 0.4, 4 / 3)
    assert table["distinct"] == 5 and table["size"] == {"mean": 5.0, "least": 5, "most": 5}


def test_groups_of_scannet200_are_means_of_their_classes() -> None:
    labels = labelsets.load("scannet-200")
    words = ("tv", "bed", "paper")  # head, head, tail
    truth = np.array([labels.classes.index(w) for w in words]).repeat(10).astype(np.uint8)
    label = np.array([0, 1, 2]).repeat(10)
    label[10:20] = 2
    result = Segmentation(Scan(np.zeros((30, 3))), label, np.ones(30), Vocabulary(words), "tiny")
    found = Evaluation(labels, [NameMapper()])
    found.add("a", result, truth, {})
    assert found.table()["groups"] == {"head": 0.5, "common": None, "tail": 0.5}


def test_nothing_is_no_number() -> None:
    table = Evaluation(KITTI, [NameMapper()]).table()
    assert table["miou"] is None and table["words"] == [] and table["tpss"]["points"] is None


pairs = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.int64, n, elements=st.integers(-1, len(WORDS) - 1)),
        hnp.arrays(np.uint8, n, elements=st.sampled_from([CAR, TRUCK, ROAD, 14, 255])),
    )
)


@settings(max_examples=25)
@given(st.lists(pairs, min_size=1, max_size=5), st.data())
def test_order_and_split_of_scans_do_not_matter(scans: list, data: st.DataObject) -> None:
    moved = ("per_scan", "tpss", "distance", "miou_interval", "miou_all_interval", "classes")
    whole = evaluate(*scans).table()
    shuffled = evaluate(*data.draw(st.permutations(scans))).table()
    assert {k: v for k, v in whole.items() if k not in moved} == {
        k: v for k, v in shuffled.items() if k not in moved
    }
    first, second = evaluate(*scans[:2]), evaluate(*scans[2:])
    merged = first.confusion + second.confusion
    np.testing.assert_array_equal(merged.counts, whole["confusion"])
    # All scans as one: the same counts, whatever the cut.
    label, truth = (np.concatenate(column) for column in zip(*scans, strict=True))
    joined = evaluate((label, truth)).table()
    assert joined["confusion"] == whole["confusion"] and joined["miou"] == whole["miou"]


@settings(max_examples=25)
@given(pairs, st.data())
def test_order_of_points_and_words_does_not_matter(pair: tuple, data: st.DataObject) -> None:
    label, truth = pair
    order = np.array(data.draw(st.permutations(range(len(label)))))
    new = data.draw(st.permutations(range(len(WORDS))))
    result = made(label)
    places = np.append(new, -1)
    words = [""] * len(WORDS)
    for old, place in enumerate(new):
        words[place] = WORDS[old]
    assert result.cosine is not None
    moved = Segmentation(Scan(result.scan.points[order]), places[label[order]], result.score,
        Vocabulary(tuple(words)), "tiny", cosine=result.cosine[order])  # fmt: skip
    tables = []
    for scan, target in ((result, truth), (moved, truth[order])):
        found = Evaluation(KITTI, [NameMapper(), Reversed()])
        found.add("a", scan, target, {})
        tables.append(found.table())
    one, other = tables
    for table in tables:
        table["tpss"] = {k: v and round(v, 5) for k, v in table["tpss"].items()}
        table["per_scan"][0].pop("tpss")
    assert one == other
