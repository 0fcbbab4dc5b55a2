"""The commands of the trainings, killed and started again: all weights are as they should be."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from commands import Call
from training_files import PTV3, training, write_all

PATIENCE = 120  # seconds


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_all(tmp_path_factory.mktemp("data"))


def kill_after_a_checkpoint(arguments: list[str], out: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "avs3d", *arguments], stderr=subprocess.PIPE
    ) as run:
        until = time.monotonic() + PATIENCE
        while not (out / "checkpoint.pt").exists():
            if run.poll() is not None or time.monotonic() > until:
                break
            time.sleep(0.002)
        run.kill()
        said = run.communicate()[1].decode()
    assert run.returncode == -signal.SIGKILL, said


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_worker(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_a_worker_that_begins_ends_with_a_killed_command(data: Path, tmp_path: Path) -> None:
    arguments = training("distill", data, tmp_path / "out", "schedule.steps=12", "workers=1")
    with subprocess.Popen(
        [sys.executable, "-m", "avs3d", *arguments], stderr=subprocess.DEVNULL
    ) as run:
        until = time.monotonic() + PATIENCE
        while not (workers := list(filter(is_worker, children(run.pid)))):
            assert run.poll() is None and time.monotonic() < until
            time.sleep(0.01)
        time.sleep(1)  # it has what it is to do, and has not begun to wait for more
        run.kill()
    while any(map(is_worker, workers)):
        assert time.monotonic() < until, "the worker goes on"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("kind", "part", "changes"),
    [
        ("distill", "network", ["schedule.steps=12"]),
        ("distill", "network", ["schedule.steps=12", PTV3]),  # which shuffles its curves
        ("smap", "pooling", ["schedule.steps=12"]),
        ("captioner", "captioner", ["schedule.steps=200"]),  # whose GPT-2 has dropout
    ],
)
def test_a_killed_command_goes_on_to_the_same_weights(
    call: Call, data: Path, tmp_path: Path, kind: str, part: str, changes: list[str]
) -> None:
    whole, other = tmp_path / "whole", tmp_path / "killed"
    assert call(*training(kind, data, whole, *changes, "save_every=3")).exit_code == 0
    again = training(kind, data, other, *changes, "save_every=3")
    kill_after_a_checkpoint(again, other)
    assert not (other / "bundle").exists()
    found = call(*again)
    assert found.exit_code == 0, found.stderr
    names = sorted(path.name for path in (whole / "bundle").glob("*.safetensors"))
    assert f"{part}.safetensors" in names
    for name in names:
        one, two = (out / "bundle" / name for out in (whole, other))
        if PTV3 in changes:  # whose matrix products differ in the last digit now and then
            torch.testing.assert_close(load_file(one), load_file(two), rtol=1e-5, atol=1e-6)
        else:
            assert one.read_bytes() == two.read_bytes(), name
