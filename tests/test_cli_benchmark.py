"""`avs3d benchmark`: rows side by side, taken up again, and never more claimed than is so."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avs3d import labelsets, pipeline
from avs3d.errors import UserError
from avs3d.evaluation.benchmark import Line
from avs3d.evaluation.benchmark_config import BenchmarkConfig, RowConfig, read_benchmark
from avs3d.evaluation.benchmark_tables import tables, to_csv, to_latex, to_markdown
from commands import Call, lines
from roots import nuscenes

NUSCENES = labelsets.load("nuscenes-16")


def write_config(path: Path, root: Path, bundle: Path, *rows: dict[str, Any], **more: Any) -> None:
    told = {"dataset": str(root), **more, "rows": [{"bundle": str(bundle), **row} for row in rows]}
    path.write_text(json.dumps(told))  # JSON is YAML


def tables_of(folder: Path) -> list[list[dict[str, str]]]:
    parts = (folder / "benchmark.csv").read_text("utf-8").split("\n\n")
    return [list(csv.DictReader(part.splitlines())) for part in parts]


def test_rows_of_a_dataset(
    call: Call, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, path = nuscenes.write(tmp_path / "nuscenes"), tmp_path / "bench.yaml"
    encode, encoded = pipeline.Pipeline.encode, []

    def watched(self: pipeline.Pipeline, scan: Any, *more: Any) -> Any:
        encoded.append(scan.name)
        return encode(self, scan, *more)

    monkeypatch.setattr(pipeline.Pipeline, "encode", watched)
    rows: list[dict[str, Any]] = [{"vocabulary": kind} for kind in ("names", "present", "random")]
    rows.append({"vocabulary": "sedan, road", "name": "two & more"})
    write_config(path, root, bundle, *rows, split="mini_val", match="*", every=3)
    first = call("benchmark", "bench.yaml")
    assert first.exit_code == 0, first.output
    assert len(encoded) == 8, "two scans for each row"
    segmentation, tpss = tables_of(tmp_path / "bench")
    assert [row["words"] for row in segmentation] == ["16.0", "16.0", "16.0", "2.0"]
    assert [row["vocabulary"] for row in segmentation] == [row["vocabulary"] for row in rows]
    assert {row["scans"] for row in segmentation} == {"2"}
    assert [row["paper †"] for row in segmentation] == ["30.1", "", "", ""]
    assert {row["of names"] for row in tpss} == {tpss[0]["TPSS"]}
    assert {row["of nouns"] for row in tpss} == {tpss[2]["TPSS"]}
    for text in (first.stdout, (tmp_path / "bench" / "benchmark.md").read_text("utf-8")):
        said = " ".join(text.split())
        assert (
            "Quoted from the paper" in said and "Not to be compared: text encoder (minilm" in said
        )
        assert "split (mini_val; the paper: val)" in said and "scans (some of them)" in said
    # The oracle knows the classes that are there, and no others.
    told = json.loads((tmp_path / "bench" / "words-present.json").read_text("utf-8"))
    present = NUSCENES.to_classes(np.arange(nuscenes.COUNT) % 32)
    wanted = [NUSCENES.classes[i] for i in np.unique(present[present != 255])]
    assert list(told.values()) == [wanted] * 2
    assert r"two \& more" in (tmp_path / "bench" / "benchmark.tex").read_text("utf-8")
    # Again: nothing is to be done. One more mapper: the scans are labelled already.
    before = (tmp_path / "bench" / "benchmark.md").read_bytes()
    assert call("benchmark", "bench.yaml").exit_code == 0 and len(encoded) == 8
    assert (tmp_path / "bench" / "benchmark.md").read_bytes() == before
    rows.append({"vocabulary": "sedan, road", "mapper": "names"})
    write_config(path, root, bundle, *rows, split="mini_val", match="*", every=3)
    assert call("benchmark", "bench.yaml").exit_code == 0 and len(encoded) == 8
    segmentation, tpss = tables_of(tmp_path / "bench")
    assert len(segmentation) == 5 and len(tpss) == 4
    reports = sorted((tmp_path / "bench" / "evaluations").glob("*/evaluation.html"))
    assert len(reports) == 5


def test_an_interrupted_benchmark_goes_on_and_a_row_that_fails_is_told(
    call: Call, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, path = nuscenes.write(tmp_path / "nuscenes"), tmp_path / "bench.yaml"
    encode, encoded = pipeline.Pipeline.encode, []

    def watched(self: pipeline.Pipeline, scan: Any, *more: Any) -> Any:
        encoded.append(scan.name)
        if len(encoded) == 5:
            raise KeyboardInterrupt
        return encode(self, scan, *more)

    monkeypatch.setattr(pipeline.Pipeline, "encode", watched)
    rows = [{"vocabulary": "names"}, {"vocabulary": "points"}, {"vocabulary": "car, road"}]
    write_config(path, root, bundle, *rows, every=2)
    assert call("benchmark", "bench.yaml").exit_code == 130
    result = call("benchmark", "bench.yaml")
    assert result.exit_code == 2
    assert len(encoded) == 7, "three of the first row; one, the interrupted one, and two more"
    assert any("has no captioner" in line for line in lines(result))
    segmentation, _ = tables_of(tmp_path / "bench")
    assert [row["scans"] for row in segmentation] == ["3", "none", "3"]
    assert "has no captioner" in (tmp_path / "bench" / "benchmark.md").read_text("utf-8")


def test_what_is_out_of_date_is_made_anew(call: Call, bundle: Path, tmp_path: Path) -> None:
    root, path = nuscenes.write(tmp_path / "nuscenes"), tmp_path / "bench.yaml"
    words = tmp_path / "words.txt"
    words.write_text("car, road")
    write_config(path, root, bundle, {"vocabulary": str(words)}, every=3)
    assert call("benchmark", "bench.yaml").exit_code == 0
    run = next((tmp_path / "bench" / "runs").glob("*/run.json"))
    first = tables_of(tmp_path / "bench")[0]
    words.write_text("car, road, bus, building, grass")
    result = call("benchmark", "bench.yaml")
    assert result.exit_code == 0 and "another" not in result.output, result.output
    assert json.loads(run.read_text())["config"]["vocabulary"] == words.read_text().split(", ")
    assert [row["words"] for row in first] == ["2.0"]
    assert [row["words"] for row in tables_of(tmp_path / "bench")[0]] == ["5.0"]
    # What cannot be made anew is not taken for new.
    for sweep in (root / "samples" / "LIDAR_TOP").iterdir():
        sweep.write_bytes(b"")
    words.write_text("car, road, tree")
    assert call("benchmark", "bench.yaml").exit_code == 2
    assert [row["scans"] for row in tables_of(tmp_path / "bench")[0]] == ["none"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("datset: x\nrows: [{}]\n", "b.yaml: unknown key datset; did you mean dataset?"),
        ("dataset: x\nrows: [{vocabluary: a}]\n", "key rows.1.vocabluary; did you mean vocabulary"),
        ("dataset: x\nrows: [{}, {bundel: a}]\n", "key rows.2.bundel; did you mean bundle?"),
        ("dataset: x\nrows: []\n", "b.yaml: rows: .*at least 1 item"),
        ("dataset: x\n", "b.yaml: the key rows is missing"),
        ("rows: [{}]\n", "b.yaml: the key dataset is missing"),
        ("dataset: x\nrows: [{feature: all}]\n", "rows.1.feature: .*'distill', 'fusion'"),
        ("dataset: x\nrows: [{mapper: 3}]\n", "rows.1.mapper: .*valid string"),
        ("dataset: x\nrows: {}\n", "rows: .*valid list"),
        ("- 1\n", "needs at least dataset and rows"),
        ("[", "not a readable YAML file"),
        ("dataset: x\nrows: [{}]\n", "x: no such file or folder"),
        ("dataset: .\nrows: [{}]\n", "folder has no classes of its own; give a labelset"),
        ("dataset: .\nlabelset: nuscenes\nrows: [{}]\n", "no label set 'nuscenes'; there are"),
        ("dataset: .\nlabelset: nuscenes-16\nrows: [{vocabulary: both}]\n",
         "b.yaml: row 1: --captioner both: give the --image-captioner"),
        ("dataset: .\nlabelset: street-91\nrows: [{}, {vocabulary: detailed}]\n",
         "b.yaml: row 2: vocabulary detailed: street-91 has no detailed names"),
    ],
)  # fmt: skip
def test_configs_that_are_wrong(call: Call, tmp_path: Path, content: str, said: str) -> None:
    np.zeros((5, 4), np.float32).tofile(tmp_path / "a.bin")
    (tmp_path / "b.yaml").write_text(content)
    result = call("benchmark", "b.yaml")
    assert result.exit_code == 2 and len(lines(result)) == 1
    assert re.search(said, lines(result)[0]), lines(result)[0]


@settings(max_examples=80)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_a_config_or_wrong(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("configs") / "b.yaml"
    path.write_bytes(data)
    with pytest.raises(UserError) as caught:
        read_benchmark(path)
    assert "\n" not in str(caught.value)


def test_the_page_tells_every_key() -> None:
    text = (Path(__file__).resolve().parents[1] / "docs" / "evaluation.md").read_text("utf-8")
    table = text.split("## `avs3d benchmark`")[1].split("Unknown keys")[0]
    first = " ".join(row.split("|")[1] for row in table.splitlines() if row.startswith("| `"))
    keys = [*BenchmarkConfig.model_fields, *RowConfig.model_fields]
    told = [key for row in table.splitlines() if row.startswith("|") for key in row.split("`")]
    assert [key for key in keys if key not in told] == [] and "`rows`" in first


def report(miou: float = 0.25) -> dict[str, Any]:
    return {
        "scans": 2, "miou": miou, "miou_all": 0.2, "miou_interval": [0.2, 0.3], "failures": [],
        "vocabulary": {"distinct": 700, "size": {"mean": 10.0, "least": 1, "most": 19}},
        "tpss": {"points": 0.1, "scans": 0.1, "known": 2},
    }  # fmt: skip


def test_a_row_is_whole_when_every_scan_was_labelled() -> None:
    row = RowConfig()
    assert Line(row, "minilm", report(), "", 2).whole
    assert not Line(row, "minilm", report(), "", 3).whole
    assert not Line(row, "minilm", {**report(), "failures": [{}]}, "", 2).whole
    assert not Line(row, error="no such bundle").whole


def notes(encoder: str, mapper: str = "http://localhost/v1#m", scans: int = 2, **more: Any) -> str:
    row = RowConfig(mapper=mapper)
    config = BenchmarkConfig(dataset="x", rows=[row], **more)
    found = tables(config, "nuscenes-16", [Line(row, encoder, report(), "", scans)])
    assert found[0].rows[0][-1] == "36.2" and found[1].rows[0][-1] == "9.65"
    assert "671" in found[1].rows[0][5]
    return " ".join(found[0].notes)


def test_the_papers_figures_are_quoted_and_compared_with_nothing_that_differs() -> None:
    clip = "clip:openai/clip-vit-large-patch14-336"
    for text, difference in (
        (notes("minilm", split="val"), "text encoder (minilm;"),
        (notes(clip, split="train"), "split (train;"),
        (notes(clip), "split (all scans;"),
        (notes(clip, split="val", every=2), "scans (some of them)"),
        (notes(clip, split="val", scans=3), "scans (some failed)"),
        (notes(clip, "names", split="val"), "mapper (the paper asks a language model)"),
    ):
        assert "Not to be compared" in text and difference in text
        assert text.count(";") <= 3
    assert "mapper (the paper asks" in notes(clip, "words.json", split="val")
    same = notes(clip, split="val")
    assert "Not to be compared" not in same and "not measured here" in same


def test_features_by_default_are_those_that_are_asked_for() -> None:
    told = [{"vocabulary": "names"}, {"feature": "distill"}, {"vocabulary": "random"}]
    rows = [RowConfig(**row) for row in told]
    lines = [Line(row, "minilm", report(), "", 2) for row in rows]
    config = BenchmarkConfig(dataset="x", rows=rows)
    assert [row[-3:-1] for row in tables(config, "nuscenes-16", lines)[1].rows] == [
        ("10.0", "10.0")
    ] * 3


def test_a_row_that_failed_has_no_encoder_to_compare() -> None:
    rows = [RowConfig(), RowConfig(vocabulary="names")]
    lines = [Line(rows[0], "minilm", report(), "", 2), Line(rows[1], error="no such bundle")]
    config = BenchmarkConfig(dataset="x", rows=rows)
    assert "text encoder (minilm;" in tables(config, "nuscenes-16", lines)[1].notes[1]


@settings(max_examples=60)
@given(st.text(min_size=1, max_size=30))
def test_any_name_stays_in_its_cell(name: str) -> None:
    row = RowConfig(name=name)
    config = BenchmarkConfig(dataset="x", rows=[row])
    found = tables(config, "nuscenes-16", [Line(row, "minilm", report(), "", 2)])
    head, _, *rest = to_markdown(found[:1]).split("\n")[2:5]
    assert len(re.findall(r"(?<!\\)\|", rest[0])) == head.count("|")
    tex = next(line for line in to_latex(found[:1]).split("\n") if "25.0" in line)
    assert len(re.findall(r"(?<!\\)&", tex)) == 9 and tex.endswith(r" \\")
    assert [row[0] for row in csv.reader(to_csv(found[:1]).splitlines()[1:2])]


@pytest.mark.parametrize("name", ["[ours]", "*"])
def test_no_row_of_latex_is_an_argument(name: str) -> None:
    row = RowConfig(name=name)
    config = BenchmarkConfig(dataset="x", rows=[row])
    text = to_latex(tables(config, "nuscenes-16", [Line(row, "minilm", report(), "", 2)]))
    assert f"\n{{}}{name}" in text and f"\n{name}" not in text
