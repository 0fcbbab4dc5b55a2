"""`avs3d evaluate` as a user has it: a run, labels, tables, files, and one line for a mistake."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import Result

from api_server import Said, as_json, said, serving
from avs3d import Scan, Segmentation, Vocabulary, labelsets
from avs3d.cli.evaluation_tables import show_report
from avs3d.io import read_result, write
from commands import Call, lines, scan, segment
from roots import nuscenes

KITTI = labelsets.load("semantickitti")
WORDS_SAY = {"roadster": "**Car**", "macadam": "'road'", "gizmo": "?"}
RAW = dict(zip(KITTI.classes, KITTI.export_ids, strict=True))


@pytest.fixture
def run(call: Call, bundle: Path, tmp_path: Path) -> Path:
    """Two scans with words that were given, and labels that say the same as the words."""
    for seed, name in enumerate("ab"):
        scan(tmp_path / f"{name}.bin", seed)
    assert segment(call, bundle, "a.bin", "b.bin", "--out", "run").exit_code == 0
    words = {"car": "car", "road": "road", "tree": "vegetation"}
    for name in "ab":
        result = read_result(tmp_path / "run" / f"{name}.npz")
        told = [RAW[words[word]] for word in result.vocabulary.words]
        ids = np.append(told, 0)[result.label].astype("<u4")
        (tmp_path / "labels").mkdir(exist_ok=True)
        (ids | 7 << 16).tofile(tmp_path / "labels" / f"{name}.label")  # of instance 7
    return tmp_path / "run"


def evaluate(call: Call, *args: object) -> Result:
    return call("evaluate", "run", "--labelset", "semantickitti", "--labels", "labels", *args)


def report(folder: Path) -> dict:
    return json.loads((folder / "evaluation.json").read_text("utf-8"))


def test_a_run_against_its_own_labels_is_right_throughout(call: Call, run: Path) -> None:
    result = evaluate(call)
    assert result.exit_code == 0, result.output
    found = report(run)
    assert found["miou"] == 1.0 and found["points"] == 800 and found["scans"] == 2
    assert (found["bundle"], found["words_are"], found["mapper"]) == ("tiny", "given", "minilm")
    assert found["miou_interval"] == [1.0, 1.0] and found["failures"] == []
    assert found["tpss"]["known"] == 2 and -1 <= found["tpss"]["points"] <= 1
    rows = {row["vocabulary"]: row for row in found["baselines"]}
    assert list(rows) == ["class names", "detailed names", "classes present", "random nouns"]
    assert [rows[name]["words"] for name in rows] == [19, 48, pytest.approx(2, abs=1), 3]
    # More words to choose from are never less alike.
    assert rows["class names"]["tpss"] >= rows["classes present"]["tpss"]
    for text in ("mIoU, classes present", "vegetation", "random nouns", "beyond 50 m", "names"):
        assert text in result.stdout
    with (run / "evaluation.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [row["class"] for row in table] == list(KITTI.classes)
    assert {"iou", "precision", "recall", "low", "high"} <= table[0].keys()
    with (run / "evaluation.words.csv").open(encoding="utf-8") as file:
        mapped = {row["word"]: row["class"] for row in csv.DictReader(file)}
    assert mapped == {"car": "car", "road": "road", "tree": "vegetation"}
    again = evaluate(call)
    assert again.exit_code == 2 and "--overwrite" in lines(again)[0]
    first = (run / "evaluation.json").read_bytes()
    assert evaluate(call, "--overwrite").exit_code == 0
    assert (run / "evaluation.json").read_bytes() == first


def test_void_words_are_wrong_or_taken_away(call: Call, run: Path, tmp_path: Path) -> None:
    made_with = ("-b", json.loads((run / "run.json").read_text())["config"]["bundle"])
    words = ("-v", "sky, road, automobile")
    made = call("segment", "a.bin", "b.bin", "--out", "other", *words, *made_with)
    assert made.exit_code == 0, made.output
    (tmp_path / "map.json").write_text('{"sky": "void", "automobile": "car"}')
    options = ("--labelset", "semantickitti", "--labels", "labels", "--mapper", "map.json")
    kept = call("evaluate", "other", *options, "--out", "kept", "--no-baselines")
    gone = call("evaluate", "other", *options, "--out", "gone", "--void", "remove")
    assert kept.exit_code == gone.exit_code == 0, gone.output
    one, other = report(tmp_path / "kept"), report(tmp_path / "gone")
    assert [row["mapper"] for row in one["mappers"]] == ["map.json", "minilm", "names"]
    assert [row["void_words"] for row in one["mappers"]][::2] == [1, 2]  # automobiles, by names
    skies = [row for row in one["words"] if row["word"] == "sky"]
    assert one["points_void"] == skies[0]["counted"] > 0 == other["points_void"]
    assert other["removed_words"] == ["sky"] and "removed words: sky" in gone.stdout
    assert {row["word"] for row in other["words"]} == {"road", "automobile"}
    assert other["points_unlabelled"] == 0 and other["points"] == one["points"]
    nouns = other["baselines"][-1]
    assert (nouns["vocabulary"], nouns["words"]) == ("random nouns", 2.0)
    (tmp_path / "map.json").write_text("{}")
    assert call("segment", "a.bin", "--out", "third", "-v", "sky", *made_with).exit_code == 0
    none = call("evaluate", "third", *options, "--out", "none", "--void", "remove")
    assert none.exit_code == 0, none.output
    assert [row["vocabulary"] for row in report(tmp_path / "none")["baselines"]] == [
        "class names", "detailed names", "classes present"
    ]  # fmt: skip


def test_a_result_that_hangs_on_the_mapper_says_so(call: Call, run: Path) -> None:
    assert "hangs on the mapper" not in evaluate(call, "--no-baselines").stdout
    found = report(run)
    found["mappers"][1]["miou"] = 0.94
    console = Console(record=True, width=100)
    show_report(found, console)
    assert "mIoU is 0.940 to 1.000 by mapper: it hangs on the mapper" in console.export_text()


def test_scans_that_were_labelled_together_are_not_labelled_again(call: Call, run: Path) -> None:
    for path in run.glob("*.done.json"):
        told = json.loads(path.read_text())
        told["made"]["window"] = 4
        path.write_text(json.dumps(told))
    result = evaluate(call)
    assert result.exit_code == 2
    assert "labelled together with the scans before it (--window 4), which is" in lines(result)[0]
    assert evaluate(call, "--no-baselines").exit_code == 0


def test_scans_that_fail_do_not_stop_the_others(call: Call, run: Path, tmp_path: Path) -> None:
    np.zeros(3, "<u4").tofile(tmp_path / "labels" / "a.label")
    result = evaluate(call, "--no-baselines")
    assert result.exit_code == 2
    said = lines(result)
    assert len(said) == 1 and "a.label: has 3 labels" in said[0] and "401 points" in said[0]
    found = report(run)
    assert found["scans"] == 1 and found["points"] == 400
    assert len(found["failures"]) == 1 and "has 3 labels" in found["failures"][0]["error"]
    assert "1 scan could not be evaluated" in result.stdout


def test_a_fault_of_ours_costs_its_scan_only(
    call: Call, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from avs3d.evaluation.stored import StoredScan

    sources = StoredScan.sources

    def broken(self: StoredScan) -> dict[str, Any]:
        if self.name == "a":
            raise ZeroDivisionError("by design")
        return sources(self)

    monkeypatch.setattr(StoredScan, "sources", broken)
    result = evaluate(call)
    assert result.exit_code == 1 and "report" in lines(result)[0] and len(lines(result)) == 1
    found = report(run)
    assert found["scans"] == 1 and found["miou"] == 1.0
    (run / "a.done.json").unlink()
    assert evaluate(call, "--overwrite").exit_code == 0
    assert report(run)["baselines"][:3] == found["baselines"][:3]  # without the random nouns


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nothing", "--labelset", "semantickitti"], "no results of `avs3d segment`"),
        (["run", "--labelset", "semkitti"], "no label set 'semkitti'; there are .*semantickitti"),
        (["run", "--labelset", "nuscenes-43"], "only names things"),
        (["run", "--labelset", "semantickitti", "--mapper", "gpt"], "no such mapper"),
        (["run", "--labelset", "semantickitti", "--mapper", "no.json"], "no.json: no such file"),
        (["run", "--labelset", "semantickitti", "--labels", "none"], "none: no such file"),
        (["run", "--labelset", "semantickitti"], "has no labels of its points"),
        (["run"], "run: was made from no dataset whose classes are known; give --labelset"),
        (["run", "--labelset", "nuscenes-16", "--labels", "labels"], "most of its labels are none"),
    ],
)
def test_mistakes_are_told_in_one_line(call: Call, run: Path, args: list[str], said: str) -> None:
    result = call("evaluate", *args, "--no-baselines")
    assert result.exit_code == 2
    assert any(re.search(said, line) for line in lines(result)), result.stderr
    assert all(line.startswith("error: ") for line in lines(result))
    assert not (run / "evaluation.json").exists()


def test_labels_that_are_not_what_they_were_made_with(
    call: Call, bundle: Path, run: Path, tmp_path: Path
) -> None:
    """Another bundle under the same name, and scans of two bundles in one evaluation."""
    from tiny import make_bundle

    record = json.loads((run / "a.done.json").read_text())
    record["made"]["bundle"] = str(make_bundle(tmp_path / "tiny-2", seed=3))
    (run / "a.done.json").write_text(json.dumps(record))
    result = evaluate(call)
    assert result.exit_code == 2 and "same word again" in lines(result)[0]
    assert evaluate(call, "--no-baselines").exit_code == 0
    record["made"]["bundle"] = str(tmp_path / "gone")
    (run / "a.done.json").write_text(json.dumps(record))
    lost = evaluate(call, "--overwrite")
    assert lost.exit_code == 2 and "--no-baselines" in lines(lost)[0] and len(lines(lost)) == 1
    other = replace(read_result(run / "b.npz"), bundle="another")
    write(other, run / "b.npz", overwrite=True)
    mixed = evaluate(call, "--no-baselines", "--overwrite")
    assert mixed.exit_code == 2 and "b.npz: was made with bundle another" in lines(mixed)[0]
    assert report(run)["scans"] == 1


def test_a_tenth_of_the_cars_called_trucks_is_what_the_tables_say(
    call: Call, tmp_path: Path
) -> None:
    words, counts = ("car", "truck", "road"), (1000, 500, 3000)
    truth = np.repeat(np.arange(3), counts)
    told = truth.copy()
    told[np.random.default_rng(0).permutation(1000)[:100]] = 1
    raw = np.array([RAW[word] for word in words], np.int32)[truth]
    cloud = Scan(np.random.default_rng(0).uniform(-9, 9, (4500, 3)), labels=raw)
    result = Segmentation(cloud, told, np.ones(4500), Vocabulary(words), "tiny")
    (tmp_path / "run").mkdir()
    write(result, tmp_path / "run" / "a.npz")
    record = {"finished": True, "made": {"input": "a.npz", "bundle": "tiny", "vocabulary": None},
              "outputs": {}, "scan": {}}  # fmt: skip
    (tmp_path / "run" / "a.done.json").write_text(json.dumps(record))
    shown = call("evaluate", "run", "--labelset", "semantickitti", "--no-baselines")
    assert shown.exit_code == 0, shown.output
    for line in (
        r"car +0.900 +1.000 +0.900 +1,000 +900",
        r"truck +0.833 +0.833 +1.000 +500 +600",
        r"road +1.000 +1.000 +1.000 +3,000 +3,000",
        r"truck +truck +0.089 +600 +500 +car",
        r"LAVE mIoU, classes present +0.911",
        r"points right +0.978",
    ):
        assert re.search(line, shown.stdout), line
    confusion = np.array(report(tmp_path / "run")["confusion"])
    car, truck = KITTI.classes.index("car"), KITTI.classes.index("truck")
    assert confusion[car, truck] == 100 and confusion.sum() - np.trace(confusion) == 100
    page = (tmp_path / "run" / "evaluation.html").read_text("utf-8")
    assert "truck → truck, truly car: 100 points" in page and "car (100)" in page


def test_a_run_over_a_dataset_needs_neither_labels_nor_names_of_classes(
    call: Call, bundle: Path, tmp_path: Path
) -> None:
    root = nuscenes.write(tmp_path / "nuscenes")
    words = ("-v", "car, road, tree", "-b", bundle, "--write", "npz")
    assert call("run", root, *words).exit_code == 0
    result = call("evaluate", "results", "--mapper", "names")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "results" / "latest"
    found = report(folder)
    assert (found["labelset"], found["scans"]) == ("nuscenes-16", 6)
    rows = {row["condition"]: row for row in found["conditions"]}
    assert list(rows) == ["day", "dry", "night", "rain"]
    assert rows["night"] | {"condition": ""} == rows["rain"] | {"condition": ""}
    assert [rows[name]["scans"] for name in ("day", "night")] == [3, 3]
    assert sum(rows[name]["points"] for name in ("day", "night")) == found["points"]
    assert rows["day"]["miou_interval"] is not None
    assert re.search(r"night +3 +0\.\d{3}", result.stdout)
    # A run that is named twice counts once.
    twice = call("evaluate", "results", folder, "--mapper", "names", "--out", "twice")
    assert twice.exit_code == 0 and report(tmp_path / "twice") | {"runs": []} == found | {
        "runs": []
    }
    # The same ids mean other things in other datasets.
    other = call("evaluate", folder, "--labelset", "pandaset-18", "--out", "other")
    assert other.exit_code == 2 and "no scan could be evaluated" in lines(other)[-1]
    assert "its labels are those of nuscenes-16, not of pandaset-18; evaluate" in lines(other)[0]
    # The files of labels say the same.
    given = call("evaluate", folder, "--mapper", "names", "--labels", root / "lidarseg",
                 "--labelset", "nuscenes-16", "--out", "given")  # fmt: skip
    assert given.exit_code == 0, given.output
    assert report(tmp_path / "given") | {"runs": []} == found | {"runs": []}
    # Without the dataset its classes are not known; its labels are in the results.
    root.rename(tmp_path / "moved")
    lost = call("evaluate", folder, "--out", "lost")
    assert lost.exit_code == 2 and "give --labelset to do without it" in lines(lost)[0]
    assert len(lines(lost)) == 1
    named = call("evaluate", folder, "--out", "lost", "--labelset", "nuscenes-16", "--no-baselines")
    assert named.exit_code == 0 and report(tmp_path / "lost")["conditions"] == []


@pytest.mark.usefixtures("plain_environment")
def test_a_language_model_maps_and_what_it_did_not_answer_is_asked_again(
    call: Call, bundle: Path, run: Path, tmp_path: Path
) -> None:
    made = call(
        "segment", "a.bin", "--out", "other", "-v", "macadam, roadster, gizmo", "-b", bundle
    )
    assert made.exit_code == 0
    broken = [True]

    def script(number: int, body: dict[str, Any], handler: object) -> Said:
        text = body["messages"][0]["content"]
        if "is 'roadster'" in text and broken:
            return as_json({"error": {"message": "busy"}}, 400)
        return said(WORDS_SAY[text.split("is '")[1].split("'")[0]])

    options = ("--labelset", "semantickitti", "--labels", "labels", "--no-baselines")
    with serving(script) as api:
        mapper = ("--mapper", f"{api.address}#m", "--samples", 2)
        first = call("evaluate", "other", *options, *mapper)
        assert first.exit_code == 0, first.output
        assert f"{api.address}#m gave no answer for 1 words" in first.stdout
        assert "9 answers (3 failed), 180 + 30 tokens" in first.stdout
        rows = {row["word"]: row for row in report(tmp_path / "other")["words"]}
        assert rows["roadster"]["class"] is None and "no answer" in rows["roadster"]["why"]
        assert (rows["gizmo"]["class"], rows["gizmo"]["agreement"]) == (None, 1.0)
        broken.clear()
        second = call("evaluate", "other", *options, *mapper, "--overwrite")
        assert "9 answers (6 cached)" in second.stdout and "no answer" not in second.stdout
        assert "draws agree" in second.stdout
    # Random nouns for a baseline are not its to map, nor counted as its answers.
    with serving(script) as api:
        again = call("evaluate", "other", *options[:-1], "--mapper", f"{api.address}#m",
                     "--samples", 2, "--overwrite")  # fmt: skip
        assert again.exit_code == 0, again.output
        assert "9 answers, 270 + 45 tokens" in again.stdout
        assert len(api.bodies) == 9 and report(tmp_path / "other")["mappers"][0]["no_answer"] == 0
        assert len(report(tmp_path / "other")["baselines"]) == 4
    found = report(tmp_path / "other")
    assert {row["word"]: row["class"] for row in found["words"]} == {
        "macadam": "road", "roadster": "car", "gizmo": None
    }  # fmt: skip
    assert [row["mapper"] for row in found["mappers"]] == [f"{api.address}#m", "minilm", "names"]
    page = (tmp_path / "other" / "evaluation.html").read_text("utf-8")
    assert "**Car**" in page and "the reply names no class: ?" in page
    gone = call("evaluate", "other", *options, *mapper[:2], "--out", "gone")
    assert gone.exit_code == 0, "all answers are known"
    elsewhere = call("evaluate", "other", *options, "--mapper", f"{api.address}#n", "--out", "no")
    assert elsewhere.exit_code == 2 and "no connection" in lines(elsewhere)[0]
    assert not (tmp_path / "no").exists()
