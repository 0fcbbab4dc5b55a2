"""What a user types and gets: files, tables, one line for a mistake, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from commands import SUFFIXES, Call, lines, scan, segment
from tiny import make_bundle


def test_segment_writes_all_that_it_promises(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "scan.bin")
    result = segment(call, bundle, "scan.bin")
    assert result.exit_code == 0, result.output
    out = tmp_path / "avs3d-results"
    assert {path.name for path in out.iterdir()} == {f"scan{s}" for s in SUFFIXES} | {"run.json"}

    with np.load(out / "scan.npz") as arrays:
        assert arrays["label"].dtype == np.int32 and arrays["label"].shape == (401,)
        assert arrays["label"][2] == -1 and arrays["label"].max() < 3
        assert arrays["score"].dtype == np.float32
        assert arrays["vocabulary"].tolist() == ["car", "road", "tree"]
        assert str(arrays["bundle"]) == "tiny"
    words = json.loads((out / "scan.vocabulary.json").read_text())
    assert words["words"] == ["car", "road", "tree"]
    assert json.loads((out / "scan.captions.json").read_text()) == {"scan": {}}

    record = json.loads((out / "run.json").read_text())
    assert record["finished"] is True and record["failures"] == []
    assert record["config"]["vocabulary"] == ["car", "road", "tree"]
    assert record["device"] == "cpu"
    assert record["versions"]["avs3d"] and record["versions"]["torch"]
    entry = record["scans"]["scan"]
    assert (entry["points"], entry["labelled"]) == (401, 400)
    assert sum(row["points"] for row in entry["words"]) == 400
    assert {"read", "network", "segment", "write", "picture"} <= entry["timings"].keys()
    assert sys.platform == "win32" or record["peak_memory"]["process_mib"] > 10


def test_table_tells_words_shares_and_that_scores_are_low(
    call: Call, bundle: Path, tmp_path: Path
) -> None:
    scan(tmp_path / "scan.bin")
    result = segment(call, bundle, "scan.bin")
    heading = next(line.split() for line in result.stdout.splitlines() if "word" in line.split())
    assert heading == ["word", "points", "share", "score", "from"]
    assert "given" in result.stdout and "(unlabelled)" in result.stdout
    assert "of 3 words" in result.stdout
    assert "little alike" not in result.stdout  # nobody expects that of words that are given
    for suffix in SUFFIXES[:-1]:
        assert f"avs3d-results/scan{suffix}" in result.stdout.replace("\\", "/")


def test_words_that_are_little_like_the_points_are_told(
    call: Call, bundle: Path, tmp_path: Path
) -> None:
    scan(tmp_path / "scan.bin")
    (tmp_path / "said.json").write_text('{"scan": {"front": "A car on a road."}}')
    result = call("segment", "scan.bin", "-b", bundle, "--no-picture", "--captions", "said.json")
    assert result.exit_code == 0, result.output
    assert "little alike" in result.stdout and "may be wrong" in result.stdout


def test_doubtful_points_stay_unlabelled(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "a.bin")
    assert segment(call, bundle, "a.bin", "--min-score", 1.0).exit_code == 0
    with np.load(tmp_path / "avs3d-results" / "a.npz") as result:
        assert (result["label"] == -1).all()
    record = json.loads((tmp_path / "avs3d-results" / "run.json").read_text())
    assert record["config"]["min_score"] == 1.0
    assert record["scans"]["a"]["labelled"] == 0


def test_the_demo_labels_the_shipped_scan_each_time(call: Call, tmp_path: Path) -> None:
    for _ in range(2):
        done = call("demo")
        assert done.exit_code == 0, done.output
        assert (tmp_path / "demo-output" / "street.png").exists()
        with np.load(tmp_path / "demo-output" / "street.npz") as result:
            assert (result["label"] >= 0).all() and len(result["vocabulary"]) > 20
    assert "now your own" in done.stdout


def test_results_are_the_same_bytes_again(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "scan.bin")
    for out in ("a", "b"):
        assert segment(call, bundle, "scan.bin", "--out", out).exit_code == 0
    for suffix in SUFFIXES:
        first, second = ((tmp_path / out / f"scan{suffix}").read_bytes() for out in "ab")
        assert first == second, suffix


def test_bad_files_do_not_stop_the_others(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "good.bin")
    (tmp_path / "empty.bin").touch()
    (tmp_path / "cut.bin").write_bytes(b"\0" * 37)
    (tmp_path / "text.bin").write_text("x y z\n1 2 3\n" * 40)
    (tmp_path / "nothing").mkdir()
    np.full((5, 4), np.nan, np.float32).tofile(tmp_path / "nan.bin")
    bad = ["empty.bin", "cut.bin", "text.bin", "absent.bin", "nothing", "no*match.bin", "nan.bin"]
    result = segment(call, bundle, *bad, "good.bin")
    assert result.exit_code == 2
    said = lines(result)
    assert said[len(bad)] == f"{len(bad)} of {len(bad) + 1} failed:"
    for name in bad:
        assert sum(line.startswith(f"error: {name}") for line in said) == 1, name
    assert not any("Traceback" in line for line in said)
    out = tmp_path / "avs3d-results"
    assert (out / "good.npz").exists() and not (out / "nan.npz").exists()
    record = json.loads((out / "run.json").read_text())
    assert len(record["failures"]) == len(bad)
    assert {failure["kind"] for failure in record["failures"]} == {"input"}


def test_existing_results_are_kept_until_told(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "a.bin")
    assert segment(call, bundle, "a.bin").exit_code == 0
    out = tmp_path / "avs3d-results"
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    scan(tmp_path / "a.bin", seed=1)
    scan(tmp_path / "b.bin", seed=2)

    result = segment(call, bundle, "a.bin")
    assert result.exit_code == 2
    assert len(lines(result)) == 1 and "--overwrite" in lines(result)[0]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before

    assert segment(call, bundle, "a.bin", "b.bin").exit_code == 2
    assert (out / "b.npz").exists()
    assert (out / "a.npz").read_bytes() == before["a.npz"]

    assert segment(call, bundle, "a.bin", "--overwrite", "--no-picture").exit_code == 0
    assert (out / "a.npz").read_bytes() != before["a.npz"]
    assert not (out / "a.png").exists()  # the old picture would not fit the new words


def test_results_never_replace_an_input(call: Call, bundle: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "scan.npz", points=rng.uniform(-5, 5, (50, 3)))
    before = (tmp_path / "scan.npz").read_bytes()
    result = segment(call, bundle, "scan.npz", "--out", ".", "--overwrite")
    assert result.exit_code == 2 and "would replace an input" in lines(result)[0]
    assert (tmp_path / "scan.npz").read_bytes() == before
    # Nor is it lost where its folder, or the file itself, has another name.
    (tmp_path / "link").symlink_to(".", target_is_directory=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "scan.npz").symlink_to("../scan.npz")
    for told, out in (("scan.npz", "link"), ("link/scan.npz", "."), ("other/scan.npz", ".")):
        result = segment(call, bundle, told, "--out", out, "--overwrite", "--write", "npz")
        assert result.exit_code == 2 and "would replace an input" in lines(result)[0]
        assert (tmp_path / "scan.npz").read_bytes() == before
    # A link in the place of a result is replaced, not what it leads to.
    result = segment(call, bundle, "scan.npz", "--out", "other", "--overwrite", "--write", "npz")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "scan.npz").read_bytes() == before


def test_an_input_is_kept_on_disks_that_take_no_notice_of_case(
    call: Call, bundle: Path, tmp_path: Path
) -> None:
    cloud = scan(tmp_path / "a.bin")
    assert segment(call, bundle, cloud, "--out", "made", "--no-picture").exit_code == 0
    (tmp_path / "made" / "a.ply").rename(tmp_path / "TILE.PLY")
    os.link(tmp_path / "TILE.PLY", tmp_path / "TILE.ply")  # as such a disk shows the one file
    before = (tmp_path / "TILE.PLY").read_bytes()
    result = segment(call, bundle, "TILE.PLY", "--out", ".", "--overwrite", "--no-picture")
    assert result.exit_code == 2 and "TILE.ply would replace an input" in result.stderr
    assert (tmp_path / "TILE.PLY").read_bytes() == before


def test_a_file_that_is_called_as_the_record_of_a_run_is_kept(
    call: Call, bundle: Path, tmp_path: Path
) -> None:
    scan(tmp_path / "a.bin")
    (tmp_path / "run.json").write_text('{"my": "own"}')
    result = segment(call, bundle, "a.bin", "--out", ".", "--no-picture")
    assert (
        result.exit_code == 2
        and "run.json: is there already, and is not of a run" in lines(result)[-1]
    )
    assert (tmp_path / "run.json").read_text() == '{"my": "own"}'
    assert not (tmp_path / "a.ply").exists()
    args = ("a.bin", "--out", ".", "--no-picture", "--overwrite")
    assert segment(call, bundle, *args).exit_code == 0
    assert segment(call, bundle, "a.bin", "--out", ".", "--no-picture").exit_code == 0  # our own


def test_a_name_that_is_too_long_costs_its_scan(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "a.bin")
    long = scan(tmp_path / f"{'l' * 245}.bin")
    result = segment(call, bundle, "a.bin", long, "--no-picture")
    assert result.exit_code == 2 and "cannot be written (File name too long)" in result.stderr
    assert (tmp_path / "avs3d-results" / "a.ply").exists()


def test_want_of_memory_is_not_called_a_fault(
    call: Call, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    scan(tmp_path / "a.bin")
    monkeypatch.setattr("avs3d.pipeline.Pipeline.encode", full)
    result = segment(call, bundle, "a.bin")
    assert result.exit_code == 2
    assert (
        "a.bin: out of memory (CUDA out of memory. Tried to allocate 9 GiB); take"
        in lines(result)[-1]
    )


def test_one_scan_has_all_threads_however_many_jobs(
    call: Call, bundle: Path, tmp_path: Path
) -> None:
    scan(tmp_path / "a.bin")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        result = segment(call, bundle, "a.bin", "--no-picture", "--jobs", "2")
    finally:
        torch.set_num_threads(before)
    assert result.exit_code == 0, result.stderr
    assert json.loads(Path("avs3d-results/run.json").read_text())["threads"] == 2


def test_same_stems_do_not_collide(call: Call, bundle: Path, tmp_path: Path) -> None:
    for folder in ("day", "night"):
        scan(tmp_path / folder / "lidar.pcd.bin")
    result = segment(call, bundle, "day", "night")
    assert result.exit_code == 0, result.output
    out = tmp_path / "avs3d-results"
    assert {path.name for path in out.glob("*.npz")} == {"day_lidar.npz", "night_lidar.npz"}


def test_results_below_a_folder_are_no_input(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "scan.bin")
    assert segment(call, bundle, ".").exit_code == 0
    assert call("query", "scan.bin", "a car", "-b", bundle).exit_code == 0
    result = segment(call, bundle, ".", "--overwrite")
    assert result.exit_code == 0 and "1 of 1 done" in result.stdout


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--bundle", "street-minu"], "street-minu"),
        (["--bundle", "BUNDLE", "--device", "tpu"], "tpu"),
        (["--bundle", "BUNDLE", "--vocabulary", " , "], "--vocabulary"),
        (["--bundle", "BUNDLE", "--vocabulary", "absent.txt"], "absent.txt"),
        (["--bundle", "BUNDLE", "--columns", "9"], "--columns"),
        (["--bundle", "BUNDLE", "-v", "car, tree", "--z-buffer", "8"], "give the --images"),
        (["--bundle", "BUNDLE"], "give it a vocabulary"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(
    args: list[str], expected: str, call: Call, bundle: Path, tmp_path: Path
) -> None:
    scan(tmp_path / "scan.bin")
    args = [str(bundle) if arg == "BUNDLE" else arg for arg in args]
    result = call("segment", "scan.bin", *args)
    assert result.exit_code == 2
    assert len(lines(result)) == 1 and expected in lines(result)[0]
    assert not (tmp_path / "avs3d-results").exists()


def test_folder_for_results_that_cannot_be_made(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "scan.bin")
    (tmp_path / "file").touch()
    result = segment(call, bundle, "scan.bin", "--out", "file")
    assert result.exit_code == 2
    assert len(lines(result)) == 1 and "--out" in lines(result)[0]


def test_vocabulary_from_files(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "scan.bin")
    (tmp_path / "words.txt").write_text("car\ntraffic light\n\ncar\n")
    (tmp_path / "words.json").write_text('{"words": ["car", "traffic light"], "sources": {}}')
    many = ",".join(f"легковой автомобиль {letter}" for letter in "абвгдежз")
    assert len(many) < 255 < len(many.encode())  # characters are bytes of a file's name
    assert call("segment", "scan.bin", "-b", bundle, "-v", many, "--out", "many").exit_code == 0
    for name in ("words.txt", "words.json"):
        result = call("segment", "scan.bin", "-b", bundle, "-v", name, "--out", name[6:])
        assert result.exit_code == 0, result.output
        with np.load(tmp_path / name[6:] / "scan.npz") as arrays:
            assert arrays["vocabulary"].tolist() == ["car", "traffic light"]


def test_query_finds_places_and_writes_a_heat_map(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "scan.bin")
    result = call("query", "scan.bin", "A parked car!", "-b", bundle)
    assert result.exit_code == 0, result.output
    assert "similarity" in result.stdout and "distance" in result.stdout
    out = tmp_path / "avs3d-results"
    names = {path.name for path in out.iterdir()}
    assert names == {"scan.query-a-parked-car.ply", "scan.query-a-parked-car.png"}
    again = call("query", "scan.bin", "A parked car!", "-b", bundle)
    assert again.exit_code == 2 and "--overwrite" in lines(again)[0]
    for words, said in ((" ", "no words"), ("a\x1b[2J", "control characters"), ("a" * 201, "201")):
        refused = call("query", "scan.bin", words, "-b", bundle)
        assert refused.exit_code == 2 and said in lines(refused)[0]


def test_caption_without_a_captioner_says_so(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "scan.bin")
    result = call("caption", "scan.bin", "-b", bundle)
    assert result.exit_code == 2 and len(lines(result)) == 1


def test_captions_are_printed_and_written_when_asked(call: Call, tmp_path: Path) -> None:
    complete = make_bundle(tmp_path / "bundle")
    scan(tmp_path / "scan.bin")
    result = call("caption", "scan.bin", "-b", complete, "--views", 4)
    assert result.exit_code == 0, result.output
    assert "scan   4 views" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", "scan.bin"}
    assert call("caption", "scan.bin", "-b", complete, "--views", 4, "-o", "out").exit_code == 0
    content = json.loads((tmp_path / "out" / "scan.captions.json").read_text("utf-8"))
    assert set(content) == {"scan"}
    assert set(content["scan"]) <= {f"sector {i:02d}" for i in range(4)}
    for caption in content["scan"].values():
        assert " ".join(caption.split()) in " ".join(result.stdout.split())
    (tmp_path / "file").touch()
    nowhere = call("caption", "scan.bin", "-b", complete, "-o", "file")
    assert nowhere.exit_code == 2 and "choose another --out" in lines(nowhere)[0]


def test_simulated_scans_can_be_segmented(call: Call, bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    assert call("simulate", "--seed", 3, "--sensor", "vlp-16", "--out", "sim").exit_code == 0
    result = call("segment", "sim", "-b", bundle, "-v", "car, road", "--no-picture")
    assert result.exit_code == 0, result.output
    again = call("simulate", "--seed", 3, "--out", "sim")
    assert again.exit_code == 2 and "--overwrite" in lines(again)[0]
    unknown = call("simulate", "--sensor", "vlp-15", "--out", "other")
    assert unknown.exit_code == 2 and "vlp-16" in unknown.stderr
    assert not (tmp_path / "other").exists()
    (tmp_path / "file").touch()
    nowhere = call("simulate", "--sensor", "vlp-16", "--out", "file")
    assert nowhere.exit_code == 2 and "choose another --out" in lines(nowhere)[0]


def test_seeds_beyond_what_is_stored_are_refused(call: Call, tmp_path: Path) -> None:
    result = call("simulate", "--seed", 2**63 - 1, "--out", tmp_path / "out")
    assert result.exit_code == 2 and not (tmp_path / "out").exists()


def test_categories_of_others_are_not_replaced_by_simulated(call: Call, tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    kinds = tmp_path / "sim" / "categories.json"
    kinds.parent.mkdir()
    for mine in ('["mine"]', "mine"):
        kinds.write_text(mine)
        said = call("simulate", "--sensor", "vlp-16", "--out", "sim")
        assert said.exit_code == 2 and f"{Path('sim', kinds.name)}: is there already" in said.stderr
        assert kinds.read_text() == mine and len(list(kinds.parent.iterdir())) == 1
    options = ("--sensor", "vlp-16", "--out", "sim")
    assert call("simulate", *options, "--overwrite").exit_code == 0
    assert call("simulate", *options, "--seed", 1).exit_code == 0  # of the same kinds


def test_bundles_and_info_answer(call: Call, bundle: Path, tmp_path: Path) -> None:
    assert call("bundles").exit_code == 0
    shutil.copytree(bundle, tmp_path / "hostile")
    config = tmp_path / "hostile" / "bundle.json"
    told = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps({**told, "provenance": {"licence": "\x1b[2JMIT"}}), "utf-8")
    result = call("bundles", "hostile")
    assert result.exit_code == 0 and "\\x1b[2JMIT" in result.stdout
    result = call("info")
    assert result.exit_code == 0
    assert "torch" in result.stdout and "cpu" in result.stdout


def test_fault_of_ours_is_told_apart_and_the_other_files_are_done(
    call: Call, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from avs3d.report import picture

    draw = picture.draw

    def broken(segmentation: object, path: Path, **options: object) -> Path:
        if path.name == "a.png":
            raise ZeroDivisionError("by design")
        return draw(segmentation, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(picture, "draw", broken)
    for name in ("a.bin", "b.bin"):
        scan(tmp_path / name)
    result = segment(call, bundle, "a.bin", "b.bin")
    assert result.exit_code == 1
    assert "a.bin" in lines(result)[0] and "report" in lines(result)[0]
    assert lines(result)[1] == "1 of 2 failed:" and not list(tmp_path.glob("avs3d-results/a.*"))
    assert (tmp_path / "avs3d-results" / "b.png").exists()
    monkeypatch.setenv("AVS3D_DEBUG", "1")
    assert "Traceback" in segment(call, bundle, "a.bin", "--out", "again").stderr


def test_interrupted_run_ends_with_130_and_a_record(
    call: Call, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from avs3d import pipeline

    encode = pipeline.Pipeline.encode

    def stopped(self: pipeline.Pipeline, what: object, *given: object) -> object:
        if getattr(what, "name", "") == "b":
            raise KeyboardInterrupt
        return encode(self, what, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline.Pipeline, "encode", stopped)
    for name in ("a.bin", "b.bin"):
        scan(tmp_path / name)
    result = segment(call, bundle, "a.bin", "b.bin")
    assert result.exit_code == 130
    assert lines(result) == ["error: interrupted"]
    record = json.loads((tmp_path / "avs3d-results" / "run.json").read_text())
    assert record["finished"] is False and list(record["scans"]) == ["a"]


def test_wrong_usage_is_exit_code_2(call: Call) -> None:
    for args in (["segment"], ["segmnt", "a.bin"], ["segment", "a.bin", "--views", "0"]):
        assert call(*args).exit_code == 2


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    heavy = "torch transformers sentence_transformers spacy matplotlib laspy plyfile embreex rich"
    code = (
        "import sys\nsys.argv = ['avs3d', '--help']\nfrom avs3d.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    print(f"avs3d --help: {time.perf_counter() - began:.2f} s")
    assert done.stdout.rstrip().endswith("[]")
    for command in (
        "demo", "segment", "caption", "query", "evaluate", "simulate", "train", "convert", "info"
    ):  # fmt: skip
        assert f"\n  {command} " in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "segment",
        "caption",
        "query",
        "evaluate",
        "simulate",
        "bundles",
        "convert",
        "info",
        "train street-mini",
    ],  # fmt: skip
)
def test_every_command_explains_itself(command: str, call: Call) -> None:
    result = call(*command.split(), "--help")
    assert result.exit_code == 0
    assert "[bold]" not in result.stdout and "See `HELP`" not in result.stdout
