"""A run as a whole: resumed, locked, ended, piped, and told to machines."""

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

from avs3d import pipeline
from avs3d.atomic import remove_leftovers
from avs3d.bundle import Bundle, save_bundle
from avs3d.cli import streams
from avs3d.errors import UserError
from avs3d.io import read
from avs3d.lock import LOCK, locked
from avs3d.workers import WorkerDied, in_processes
from commands import Call, lines, scan, segment
from workshop import make_work

OUT = "avs3d-results"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the record of the run."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name != "run.json"}


def scans(folder: Path, names: str) -> list[Path]:
    return [scan(folder / f"{name}.bin", seed) for seed, name in enumerate(names)]


def test_the_same_command_goes_on_where_it_was(
    call: Call, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans(tmp_path, "abc")
    args = ("a.bin", "b.bin", "c.bin", "--no-picture")
    assert segment(call, bundle, *args, "--out", "whole").exit_code == 0
    encode = pipeline.Pipeline.encode
    encoded = []

    def watched(self: pipeline.Pipeline, what: object, *given: object) -> object:
        encoded.append(getattr(what, "name", ""))
        if encoded == ["a", "b"]:
            raise KeyboardInterrupt
        return encode(self, what, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline.Pipeline, "encode", watched)
    assert segment(call, bundle, *args).exit_code == 130
    again = segment(call, bundle, *args)
    assert again.exit_code == 0 and "a   skipped: an earlier run has done it" in again.stdout
    assert "3 of 3 done" in again.stdout
    assert encoded == ["a", "b", "b", "c"]
    assert contents(tmp_path / OUT) == contents(tmp_path / "whole")
    records = [json.loads((tmp_path / f / "run.json").read_text()) for f in (OUT, "whole")]
    for record in records:
        assert record["finished"] and list(record["scans"]) == ["a", "b", "c"]
        for found in record["scans"].values():
            found.pop("timings")
    assert records[0]["scans"] == records[1]["scans"]
    assert segment(call, bundle, *args).exit_code == 0 and len(encoded) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL")
def test_killed_at_random_moments_the_files_are_the_same(bundle: Path, tmp_path: Path) -> None:
    inputs = [str(path) for path in scans(tmp_path / "in", "abcdefgh")]
    script = Path(__file__).with_name("killed.py")
    args = [sys.executable, str(script), str(bundle), str(tmp_path / "out"), "12", *inputs]
    done = subprocess.run(
        args, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 4, "else nothing was tried"
    assert contents(tmp_path / "out") == contents(tmp_path / "out-whole")
    assert len(contents(tmp_path / "out")) == 8 * 6
    records = [json.loads((tmp_path / f / "run.json").read_text()) for f in ("out", "out-whole")]
    assert [list(record["scans"]) for record in records] == [list("abcdefgh")] * 2


def test_other_weights_are_another_configuration(call: Call, bundle: Path, tmp_path: Path) -> None:
    own = shutil.copytree(bundle, tmp_path / "own")
    scan(tmp_path / "a.bin")
    assert segment(call, own, "a.bin").exit_code == 0
    made = Bundle.load(own)
    with torch.no_grad():
        made.network.final.kernel.mul_(-1)
    save_bundle(own, made.config, {"network": made.network})
    again = segment(call, own, "a.bin")
    assert again.exit_code == 2 and "made with another weights" in lines(again)[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--min-score", "0.5"], "made with another min_score"),
        (["--seed", "1", "--views", "3"], "made with another views, seed"),
        (["--write", "ply"], "made with another write"),
    ],
)
def test_a_changed_configuration_is_refused(
    call: Call, bundle: Path, tmp_path: Path, change: list[str], said: str
) -> None:
    scan(tmp_path / "a.bin")
    assert segment(call, bundle, "a.bin", "--no-picture").exit_code == 0
    before = contents(tmp_path / OUT)
    result = segment(call, bundle, "a.bin", "--no-picture", *change)
    assert result.exit_code == 2 and len(lines(result)) == 1
    assert f"is there already, {said}; --overwrite replaces it" in lines(result)[0]
    assert contents(tmp_path / OUT) == before


def test_results_that_were_changed_are_kept_and_missing_ones_made_again(
    call: Call, bundle: Path, tmp_path: Path
) -> None:
    scan(tmp_path / "a.bin")
    args = ("a.bin", "--no-picture", "--write", "ply,npz")
    assert segment(call, bundle, *args).exit_code == 0
    before = contents(tmp_path / OUT)
    for path in (tmp_path / OUT).glob("a.*"):
        if path.name != "a.done.json":
            path.unlink()
    (tmp_path / OUT / "a.done.json").write_bytes(
        before["a.done.json"].replace(b'"finished": true', b'"finished": false')
    )
    assert segment(call, bundle, *args).exit_code == 0
    assert contents(tmp_path / OUT) == before
    (tmp_path / OUT / "a.ply").write_bytes(b"painted by hand")
    result = segment(call, bundle, *args)
    assert result.exit_code == 2 and "is there already, but was changed since" in lines(result)[0]
    assert (tmp_path / OUT / "a.ply").read_bytes() == b"painted by hand"


def test_replacing_results_removes_those_of_other_formats(
    call: Call, bundle: Path, tmp_path: Path
) -> None:
    scan(tmp_path / "a.bin")
    (tmp_path / OUT).mkdir()
    (tmp_path / OUT / "a.las").write_text("of somebody else")
    assert segment(call, bundle, "a.bin", "--no-picture", "-w", "ply", "-w", "npz").exit_code == 0
    result = segment(call, bundle, "a.bin", "--no-picture", "-w", "pcd", "--overwrite")
    assert result.exit_code == 0, result.output
    ends = {path.name.removeprefix("a") for path in (tmp_path / OUT).glob("a.*")}
    assert ends == {".vocabulary.json", ".captions.json", ".done.json", ".pcd", ".las"}
    assert (tmp_path / OUT / "a.las").read_text() == "of somebody else"


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"outputs": {"../a": 1}}'])
def test_a_damaged_record_counts_as_none(
    call: Call, bundle: Path, tmp_path: Path, content: bytes
) -> None:
    scan(tmp_path / "a.bin")
    (tmp_path / OUT).mkdir()
    (tmp_path / OUT / "a.done.json").write_bytes(content)
    result = segment(call, bundle, "a.bin")
    assert result.exit_code == 2 and "a.done.json is there already; --overwrite" in lines(result)[0]


def test_results_beside_their_inputs_are_told_apart(
    call: Call, bundle: Path, tmp_path: Path
) -> None:
    scan(tmp_path / "a.bin")
    options = ("--out", ".", "--no-picture")
    for _ in "12":  # the second time a.pcd is a result, that is no input
        result = segment(call, bundle, ".", *options, "-w", "pcd")
        assert result.exit_code == 0 and "1 of 1 done" in result.stdout
    for path in tmp_path.glob("a.*"):
        if path.suffix != ".pcd":
            path.unlink()
    for _ in "12":  # and now it is an input, beside its own words
        result = segment(call, bundle, ".", *options, "-w", "ply")
        assert result.exit_code == 0 and "1 of 1 done" in result.stdout


def test_one_run_at_a_time_in_a_folder(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "a.bin")
    with locked(tmp_path / OUT):
        result = segment(call, bundle, "a.bin", "--no-picture")
    assert result.exit_code == 2
    assert lines(result) == [
        f"error: {OUT}: another avs3d writes there; wait for its end, or choose another --out"
    ]
    assert not (tmp_path / OUT).exists()
    (tmp_path / OUT).mkdir()
    (tmp_path / OUT / LOCK).touch()  # as a process leaves it that was killed
    assert segment(call, bundle, "a.bin", "--no-picture").exit_code == 0
    assert not (tmp_path / OUT / LOCK).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed")
def test_a_lock_that_is_removed_while_it_is_taken_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    flock = fcntl.flock

    def removed_just_before(file: int, how: int) -> None:  # by the run that had it
        (tmp_path / LOCK).unlink()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", removed_just_before)
    with pytest.raises(UserError, match="another avs3d writes there"), locked(tmp_path):
        pass


def test_what_dead_processes_left_is_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for name in (f".a.ply.{dead.pid}-0123abcd.part", f".a.ply.{os.getpid()}-0123abcd.part"):
        (tmp_path / name).touch()
    kept = {f".a.ply.{os.getppid()}-0123abcd.part", "a.part", ".a.1-2.part", "b.npz"}
    for name in kept:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_failures_are_listed_again_at_the_end(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "a.bin")
    (tmp_path / "b.bin").write_bytes(b"123")
    result = segment(call, bundle, "b.bin", "a.bin", "absent.bin", "--no-picture")
    assert result.exit_code == 2
    said = lines(result)
    assert said[0].startswith("error: b.bin: ") and said[1].startswith("error: absent.bin: ")
    assert said[2] == "2 of 3 failed:" and said[3].split() == ["input", "reason"]
    assert said[4].startswith("b.bin       ") and said[5].startswith("absent.bin  no such file")


def test_several_processes_write_the_same(call: Call, bundle: Path, tmp_path: Path) -> None:
    scans(tmp_path, "abcd")
    (tmp_path / "bad.bin").write_bytes(b"123")
    args = ("d.bin", "a.bin", "bad.bin", "c.bin", "b.bin", "--no-picture", "--json")
    one, two = (segment(call, bundle, *args, "--out", n, "--jobs", n) for n in (1, 2))
    assert one.exit_code == two.exit_code == 2
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    said = [[json.loads(line) for line in result.stdout.splitlines()] for result in (one, two)]
    for told in said:
        assert [line.get("scan") for line in told] == ["d", "a", "bad", "c", "b", None]
        assert [line.get("status") for line in told[:3]] == ["done", "done", "failed"]
        counts = {"inputs": 5, "done": 4, "skipped": 0, "failed": 1}
        assert told[-1]["summary"] == counts and told[-1]["finished"] is True
    record = json.loads((tmp_path / "2" / "run.json").read_text())
    assert list(record["scans"]) == ["d", "a", "c", "b"] and record["device"] == "cpu"


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_process_that_dies_costs_its_job_only() -> None:
    jobs = ["slow", "a", "die", "b", "exit", "c"]
    found = list(in_processes(make_work, jobs, 2))
    assert [type(f) is WorkerDied or f.split()[0] for f in found] == [
        "slow", "a", True, "b", True, "c",
    ]  # fmt: skip
    assert (found[2].code, found[4].code) == (-9, 3)
    with pytest.raises(ValueError, match="by design"):
        list(in_processes(make_work, ["a", "raise", "b"], 2))


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_processes_end_with_their_parent() -> None:
    code = (
        "from avs3d.workers import in_processes\n"
        "from workshop import make_work\n"
        "if __name__ == '__main__':\n"
        "    for said in in_processes(make_work, ['a', 'forever', 'forever'], 2):\n"
        "        print(said, flush=True)\n"
    )
    script = [sys.executable, "-c", code]
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    parent = subprocess.Popen(script, stdout=subprocess.PIPE, text=True, env=env)
    assert parent.stdout is not None
    assert parent.stdout.readline().startswith("a ")
    killed = time.monotonic()
    parent.kill()
    parent.wait()
    assert parent.stdout.read() == "", "their end of the line is open as long as they live"
    assert time.monotonic() - killed < 30, "they worked to the end, a minute"


def test_a_scan_from_stdin_and_a_result_to_stdout(
    call: Call, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from avs3d.cli import app

    data = scan(tmp_path / "a.bin").read_bytes()
    args = ["segment", "-", "--stdin", "bin", "-b", str(bundle), "-v", "car,road"]
    result = CliRunner().invoke(app, [*args, "--out", "-", "--write", "ply"], input=data)
    assert result.exit_code == 0, result.output
    (tmp_path / "out.ply").write_bytes(result.stdout_bytes)
    assert len(read(tmp_path / "out.ply")) == 401
    assert "stdin   401 points" in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"a.bin", "out.ply"}
    bad = CliRunner().invoke(app, [*args, "--out", "-", "--write", "ply"], input=b"123")
    assert bad.exit_code == 2 and bad.stdout_bytes == b""
    result = CliRunner().invoke(app, [*args, "--no-picture", "--quiet"], input=data)
    assert result.exit_code == 0 and result.output == ""
    assert (tmp_path / OUT / "stdin.npz").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_streams_that_cannot_be_used_are_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.ply").write_bytes(b"ply")
    with open("/dev/full", "wb", buffering=0) as full, monkeypatch.context() as patched:
        patched.setattr(streams.typer, "get_binary_stream", lambda name: full)
        with pytest.raises(UserError, match="--out -: stdout cannot be written to .*No space left"):
            streams.to_stdout(tmp_path, ".ply")
    monkeypatch.setattr(sys, "stdin", None)  # as `<&-` does
    with (
        pytest.raises(UserError, match="nothing comes from stdin"),
        streams.with_stdin(["-"], "bin"),
    ):
        pass


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-"], "-: tell what comes from stdin with --stdin: asc, bin, "),
        (["-", "--stdin", "docx"], "--stdin docx: no such format; readable are asc, bin, "),
        (["a.bin", "--stdin", "bin"], "--stdin bin: give - as the input"),
        (["a.bin", "--out", "-"], "--out -: give one --write"),
        (["a.bin", "--out", "-", "--write", "ply", "--json"], "--out -: give one --write"),
        (["a.bin", "b.bin", "--out", "-", "--write", "ply"], "--out -: give one scan"),
        (["a.bin", "--write", "png"], "--write png: no such format; there are csv, label, las"),
        (["a.bin", "--write", "label"], "--write label: no classes of semantickitti: tree;"),
    ],
)
def test_wrong_streams_and_formats(
    args: list[str], said: str, call: Call, bundle: Path, tmp_path: Path
) -> None:
    scans(tmp_path, "ab")
    result = segment(call, bundle, *args)
    assert result.exit_code == 2 and len(lines(result)) == 1 and said in lines(result)[0]
    assert {path.name for path in tmp_path.iterdir()} == {"a.bin", "b.bin"}


def test_own_words_cannot_be_classes(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "a.bin")
    result = call("segment", "a.bin", "-b", bundle, "--write", "label")
    said = "--write label: no classes of semantickitti: the scan's own words; segment with --voc"
    assert result.exit_code == 2 and said in lines(result)[0]
    assert {path.name for path in tmp_path.iterdir()} == {"a.bin"}


def test_label_sets_are_vocabularies(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "a.bin")
    args = ("segment", "a.bin", "-b", bundle, "--no-picture", "-v", "nuscenes-16")
    result = call(*args, "--write", "lidarseg.bin,CSV")
    assert result.exit_code == 0, result.output
    found = np.fromfile(tmp_path / OUT / "a_lidarseg.bin", np.uint8)
    assert found.shape == (401,) and found[2] == 0 and np.delete(found, 2).min() >= 1
    assert (tmp_path / OUT / "a.csv").read_text().startswith("x,y,z,label,score,word")


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE")
def test_a_full_disk_leaves_no_broken_file(call: Call, bundle: Path, tmp_path: Path) -> None:
    import resource

    scan(tmp_path / "small.bin", count=49)
    scan(tmp_path / "large.bin", count=2001)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        result = segment(call, bundle, "large.bin", "small.bin", "--no-picture")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert result.exit_code == 2
    assert "cannot be written (File too large)" in lines(result)[0]
    names = {path.name for path in (tmp_path / OUT).iterdir()}
    assert {name for name in names if "large" in name or name.startswith(".")} == set()
    assert "small.npz" in names and "small.done.json" in names


def test_folder_that_cannot_be_written(
    call: Call, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    scan(tmp_path / "a.bin")
    monkeypatch.setattr(Path, "write_bytes", full)
    result = segment(call, bundle, "a.bin", "--no-picture")
    assert result.exit_code == 2 and len(lines(result)) == 1
    assert "No space left on device" in lines(result)[0] and "make room" in lines(result)[0]
    assert not (tmp_path / OUT).exists()
