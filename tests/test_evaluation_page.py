"""The page of an evaluation: everything in it, nothing from elsewhere, nothing that runs."""

from __future__ import annotations

import re
import tracemalloc
from html.parser import HTMLParser
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from avs3d import Scan, Segmentation, Vocabulary, labelsets
from avs3d.evaluation.evaluation import Evaluation
from avs3d.evaluation.flow import Flow, flows, svg
from avs3d.evaluation.mappers import NameMapper
from avs3d.evaluation.page import page
from avs3d.vocabulary import Source

KITTI = labelsets.load("semantickitti")
ABOUT = {
    "runs": ["runs/<b>"], "bundle": "tiny & co", "labelset": "semantickitti", "mapper": "names",
    "threshold": 0.45, "samples": 0, "void": "wrong", "published": False, "words_are": "found",
    "removed_words": [], "baselines": None, "failures": [],
}  # fmt: skip


def result(words: tuple[str, ...], count: int = 50, seed: int = 0) -> tuple[Segmentation, Any]:
    rng = np.random.default_rng(seed)
    label = rng.integers(-1, len(words), count)
    truth = rng.choice([0, 8, 14, 255], count).astype(np.uint8)
    points = rng.uniform(-60, 60, (count, 3))
    made = Segmentation(Scan(points), label, np.ones(count), Vocabulary(words), "tiny",
                        cosine=np.linspace(0, 1, count))  # fmt: skip
    return made, truth


def report(words: tuple[str, ...], caption: str = "A car on a road.") -> dict[str, Any]:
    found = Evaluation(KITTI, [NameMapper()])
    for seed in range(2):
        sources = {word: [Source("points", "sector 0", caption)] for word in words}
        found.add(f"scan {seed}", *result(words, seed=seed), sources, ("night",))
    return {**ABOUT, **found.table()}


class Reader(HTMLParser):
    """Checks that what is opened is closed, and collects what is seen."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_holds_every_table_and_nothing_from_elsewhere() -> None:
    text = page(report(("car", "delivery truck", "road", "sky")))
    reader = read(text)
    said = " ".join(reader.text)
    headings = ("Words that cost most", "From captions to words to classes", "By condition",
                "By distance", "How the result moves", "What each class was taken for")  # fmt: skip
    assert [heading for heading in headings if heading not in said] == []
    for word in ("delivery truck", "ends in truck", "ends in no class", "A car on a road.", "night",
                 "runs/<b>", "tiny & co"):  # fmt: skip
        assert word in said
    assert not reader.tags & {"script", "link", "img", "iframe", "object", "b"}
    assert not {name for name, _ in reader.attributes} & {"src", "href", "onclick", "onload"}
    assert "http" not in text and "url(" not in text


@settings(max_examples=40)
@given(
    st.lists(st.text(min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=5,
             unique=True),
    st.text(max_size=40),
)  # fmt: skip
def test_words_and_captions_are_shown_as_they_are(words: list[str], caption: str) -> None:
    hostile = (*words, "<script>alert(1)</script>", "\"'&amp;</td>")
    reader = read(page(report(hostile, caption)))
    assert "script" not in reader.tags
    assert any("<script>alert(1)</script>" in text for text in reader.text)


def test_bands_hold_every_point_once() -> None:
    words = tuple(f"word {i}" for i in range(40))
    rows = report(words)["words"]
    found = flows(rows)
    assert sum(flow.points for flow in found) == sum(row["counted"] for row in rows)
    assert len({flow.names[0] for flow in found}) == 31 and found[0].names[1] == "void"
    picture = svg(found, KITTI)
    told = [int(n.replace(",", "")) for n in re.findall(r": ([\d,]+) points</title>", picture)]
    assert sum(told) == 2 * sum(flow.points for flow in found)
    heights = [float(h) for h in re.findall(r'height="([\d.]+)"', picture)]
    assert all(height > 0 for height in heights) and svg([], KITTI) == ""


def test_bars_of_many_classes_fit_below_each_other() -> None:
    labels = labelsets.load("scannet-200")
    names = enumerate(labels.classes)
    found = [Flow((f"word {i % 30}", name, name), 10**i % 997) for i, name in names]
    picture = svg(found, labels)
    bars = re.findall(r'<rect x="(\d+)" y="([\d.]+)" width="14" height="([\d.]+)"', picture)
    assert len(bars) == 30 + 200 + 200 == picture.count("<rect")
    assert all(float(high) > 0 and float(y) + float(high) < 720.2 for _, y, high in bars)
    assert len(re.findall(r"v\d+\.\d+C", picture)) == 2 * len(found)


def test_a_page_of_nothing() -> None:
    found = Evaluation(KITTI, [NameMapper()])
    made, truth = result(("sky",))
    found.add("a", Segmentation(made.scan, np.full(50, -1), made.score, made.vocabulary, "t"),
              truth, {})  # fmt: skip
    read(page({**ABOUT, **found.table()}))


def test_memory_does_not_grow_with_the_points_of_the_scans() -> None:
    """300 scans of 4,000 points take no more than 30 do, but for a few numbers a scan."""
    peaks = []
    for count in (30, 300):
        found = Evaluation(KITTI, [NameMapper()])
        scans = [result(("car", "road", "sky"), 4000, seed) for seed in range(3)]
        tracemalloc.start()
        for number in range(count):
            found.add(f"{number}", *scans[number % 3], {})
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    points_of_a_scan = 4000 * (3 * 4 + 8 + 8 + 8)
    assert peaks[1] - peaks[0] < 270 * 4096 and peaks[1] < 20 * points_of_a_scan
