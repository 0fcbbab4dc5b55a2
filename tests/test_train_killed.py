"""The commands of the trainings, killed and started again: all weights are as they should be."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import Call
from training_files import PTV3, training, write_all

PATIENCE = 120  # seconds until there is a checkpoint


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
        one, two = ((out / "bundle" / name).read_bytes() for out in (whole, other))
        assert one == two, name
