"""Ctrl-C and SIGTERM: a run ends soon, in order, and says so in one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import SUFFIXES, scan
from roots import kitti

OUT = "avs3d-results"
SLOW = """
import sys, time
from avs3d import pipeline
from avs3d.cli import interrupt
interrupt._GRACE = 30  # to end in order takes longer on a busy machine
def encode(self, *given):
    print("begun", file=sys.stderr, flush=True)
    time.sleep(60)
pipeline.Pipeline.encode = encode
from avs3d.cli import main
main()
"""


PATIENT = """
from avs3d.cli import interrupt, main
interrupt._GRACE = 30
if __name__ == "__main__":
    main()
"""
pytestmark = pytest.mark.usefixtures("listening")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_a_run(bundle: Path, tmp_path: Path, name: str) -> None:
    for file in ("a.bin", "b.bin"):
        scan(tmp_path / file)
    args = ["segment", "a.bin", "b.bin", "--json", "-b", str(bundle), "-v", "car"]
    run = subprocess.Popen(
        [sys.executable, "-c", SLOW, *args],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stderr is not None and run.stderr.readline() == "begun\n"
    began = time.perf_counter()
    run.send_signal(getattr(signal, name))
    said, errors = run.communicate(timeout=40)
    print(f"{name}: ended after {time.perf_counter() - began:.2f} s")
    assert run.returncode == (130 if name == "SIGINT" else 143)
    assert errors == "error: interrupted\n"
    assert json.loads(said)["finished"] is False
    assert not (tmp_path / OUT).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_keyboard_ends_a_run_of_several_processes(bundle: Path, tmp_path: Path) -> None:
    inputs = [str(scan(tmp_path / f"{i}.bin", i, 20_001)) for i in range(60)]
    args = [*inputs, "--jobs", "2", "--json", "-b", str(bundle), "-v", "car"]
    said = tmp_path / "said"
    with said.open("w") as stdout:
        run = subprocess.Popen(
            [sys.executable, "-c", PATIENT, "segment", *args], start_new_session=True,
            cwd=tmp_path, stdout=stdout, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    while not said.read_text() and run.poll() is None:
        time.sleep(0.05)
    began = time.perf_counter()
    os.killpg(run.pid, signal.SIGINT)  # to all, as a terminal does
    _, errors = run.communicate(timeout=30)
    print(f"ended after {time.perf_counter() - began:.2f} s")
    assert run.returncode == 130 and errors == "error: interrupted\n"
    assert json.loads(said.read_text().splitlines()[-1])["finished"] is False
    record = json.loads((tmp_path / OUT / "run.json").read_text())
    assert record["finished"] is False and 0 < len(record["scans"]) < 60
    names = {path.name for path in (tmp_path / OUT).iterdir()} - {"run.json"}
    stems = {name.partition(".")[0] for name in names}
    assert stems >= record["scans"].keys() and "" not in stems
    for stem in stems:
        assert {f"{stem}{end}" for end in SUFFIXES} <= names


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_computation_that_does_not_listen_is_ended() -> None:
    code = (
        "import os, signal, threading\n"
        "from avs3d.cli.interrupt import ending_soon\n"
        "signal.signal(signal.SIGINT, lambda *_: None)\n"  # as if Python were not asked
        "with ending_soon(lambda: print('abandoned', flush=True)):\n"
        "    threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "    threading.Event().wait(90)\n"
    )
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 130 and time.perf_counter() - began < 40
    assert (done.stdout, done.stderr) == ("abandoned\n", "error: interrupted\n")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_run_that_does_not_listen_says_what_it_did_no_less(bundle: Path, tmp_path: Path) -> None:
    deaf = SLOW.replace("interrupt._GRACE = 30", "interrupt._GRACE = 0.1").replace(
        "def encode(self, *given):\n",
        "def encode(self, *given):\n    __import__('signal').signal(2, lambda *_: None)\n",
    )
    scan(tmp_path / "a.bin")
    run = subprocess.Popen(
        [sys.executable, "-c", deaf, "segment", "a.bin", "--json", "-b", str(bundle), "-v", "car"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stderr is not None
    assert run.stderr.readline() == "begun\n"
    run.send_signal(signal.SIGINT)
    said, errors = run.communicate(timeout=40)
    assert run.returncode == 130 and errors.endswith("error: interrupted\n")
    assert json.loads(said)["summary"]["done"] == 0 and not json.loads(said)["finished"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupted_run_of_a_dataset_goes_on(bundle: Path, tmp_path: Path) -> None:
    root = kitti.write_semantic(tmp_path / "root", ("00", "08"))
    slow = SLOW.replace("def encode", "real = pipeline.Pipeline.encode\ndef encode").replace(
        "sleep(60)", "sleep(1)\n    return real(self, *given)"
    )
    args = ["run", str(root), "-b", str(bundle), "-v", "car", "--write", "npz"]
    args += ["--predictions", "--mapper", "names", "--out", "out"]
    run = subprocess.Popen(
        [sys.executable, "-c", slow, *args], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    assert run.stderr is not None
    for _ in range(3):  # the third scan is begun: two are done
        assert run.stderr.readline() == "begun\n"
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=40)
    assert run.returncode == 130 and errors.endswith("error: interrupted\n"), errors
    record = json.loads((tmp_path / "out/latest/run.json").read_text())
    assert record["finished"] is False and len(record["scans"]) == 2
    again = [sys.executable, "-m", "avs3d", *args]
    done = subprocess.run(again, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "out/latest/run.json").read_text())
    assert record["finished"] is True and len(record["scans"]) == 6
    assert len(list((tmp_path / "out").rglob("*.label"))) == 6
