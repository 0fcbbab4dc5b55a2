"""The one command that makes the packaged bundle, on very little of everything."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import avs3d
from avs3d.bundle import Bundle
from avs3d.errors import UserError
from avs3d.models.minkunet import MinkUNet
from avs3d.models.point_transformer_v3 import PointTransformerV3
from avs3d.scan import Scan
from avs3d.simulation import simulate
from avs3d.training.processes import in_processes
from avs3d.training.settings import read
from avs3d.training.street_mini import (
    PRESET,
    Recipe,
    begin_with,
    keep_some,
    network_stage,
    train,
)
from avs3d.vocabulary import Vocabulary

STAGES = ("network", "tuning", "pooling", "captioner")
FEW = ("schedule.steps=2", "schedule.lr=1e-3", "schedule.warmup=1")
RECIPE = read(
    Recipe,
    "street-mini",
    PRESET,
    [
        *(f"{stage}.{few}" for stage in STAGES for few in FEW),
        *("scans=2", "validation=1", "written_views=4", "pooled_scans=1", "tuning.rounds=2"),
    ],
)
INPUTS, SIZES = RECIPE.network.network.inputs, RECIPE.network.network


def test_from_a_seed_to_a_bundle_and_again(tmp_path: Path) -> None:
    bundle = train(tmp_path, RECIPE, seed=3)
    weights = (bundle / "network.safetensors").read_bytes()
    scan = simulate(1, "vlp-16")
    result = avs3d.load(bundle).segment(
        Scan(scan.points, scan.intensity), Vocabulary.from_words(["road", "car"])
    )
    assert (result.label >= 0).all() and np.isfinite(result.score).all()
    logs = {path.name.removesuffix(".log.jsonl") for path in bundle.glob("*.log.jsonl")}
    assert logs == {"network", "tuning.1", "tuning.2", "pooling", "captioner"}
    assert (bundle / "tokenizer.json").exists()
    (tmp_path / "bundle" / "bundle.json").unlink()
    assert train(tmp_path, RECIPE, seed=3) == bundle  # nothing is trained twice
    assert (bundle / "network.safetensors").read_bytes() == weights
    with pytest.raises(UserError, match="holds a training with another seed; give another --out"):
        train(tmp_path, RECIPE, seed=4)


def test_two_processes_make_a_network(tmp_path: Path) -> None:
    from avs3d.simulation.dataset import generate

    generate(tmp_path / "scans", 2, start_seed=3)
    in_processes(network_stage, 2, tmp_path / "meeting", tmp_path, RECIPE, 0)
    state = Bundle.load(tmp_path / "tuning" / "2" / "bundle").network.state_dict()
    assert all(torch.isfinite(value).all() for value in state.values())


def test_a_step_takes_as_many_scans_in_any_number_of_processes() -> None:
    assert RECIPE.network.batch == 2
    assert [RECIPE.shared_by(n).network.batch * n for n in (1, 2, 4)] == [2, 2, 4]
    kept = RECIPE.shared_by(2).model_dump(exclude={"network"})
    assert kept == RECIPE.model_dump(exclude={"network"})


def waiting_stage(folder: Path, recipe: Recipe, seed: int) -> None:
    Path(folder, f"pid_{os.getpid()}").touch()
    time.sleep(600)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_no_process_outlives_a_killed_run(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_street_mini import *
if __name__ == "__main__":
    folder = Path({str(tmp_path)!r})
    in_processes(waiting_stage, 2, folder / "meeting", folder, RECIPE, 0)
"""
    (tmp_path / "run.py").write_text(script)
    run = subprocess.Popen([sys.executable, str(tmp_path / "run.py")])
    try:
        assert soon(lambda: len(list(tmp_path.glob("pid_*"))) == 2)
    finally:
        run.kill()
        run.wait()
    pids = [int(path.name[4:]) for path in tmp_path.glob("pid_*")]
    assert soon(lambda: not any(map(is_alive, pids)))


def is_alive(pid: int) -> bool:
    """Not gone, and not a process that nobody asks how it ended, whose line is empty."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


KEPT = []


def locking_stage() -> None:
    KEPT.append(multiprocessing.Lock())  # until the process ends


def test_processes_leave_nothing_to_complain_of(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_street_mini import *
if __name__ == "__main__":
    in_processes(locking_stage, 2, Path({str(tmp_path)!r}) / "meeting")
"""
    (tmp_path / "run.py").write_text(script)
    run = subprocess.run(
        [sys.executable, str(tmp_path / "run.py")], capture_output=True, text=True,
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo"},  # else it looks for this machine's name
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")


def soon(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within three minutes."""
    end = time.monotonic() + 180
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def test_a_network_begins_with_a_bundle_whatever_its_inputs() -> None:
    bundle = Bundle.load("street-mini")
    fewer = bundle.config.model_copy(update={"inputs": bundle.config.inputs[:-1]})
    bundle.config = fewer
    kernel = bundle.network.conv0p1s1.kernel.detach()
    bundle.network.conv0p1s1.kernel = torch.nn.Parameter(kernel[:, : len(fewer.inputs)].clone())
    network = SIZES.make()
    begin_with(network, INPUTS, bundle)
    for column, name in enumerate(INPUTS):
        found = network.conv0p1s1.kernel[:, column]
        known = name in fewer.inputs
        wanted = kernel[:, fewer.inputs.index(name)] if known else torch.zeros_like(found)
        assert torch.equal(found, wanted), name
    assert torch.equal(network.final.kernel, bundle.network.final.kernel)
    with torch.no_grad():
        network.final.kernel.add_(1.0)
    keep_some(network, INPUTS, bundle, 0.25)
    assert torch.allclose(network.final.kernel, bundle.network.final.kernel + 0.75, atol=1e-5)
    other = MinkUNet(len(INPUTS), 384, (8,) * 8, (1,) * 8, stem=8, stem_kernel=3)
    with pytest.raises(UserError, match="another network"):
        begin_with(other, INPUTS, bundle)
    with torch.device("meta"):
        bundle.network = PointTransformerV3(len(INPUTS), 384)
    with pytest.raises(UserError, match="another network"):
        begin_with(network, INPUTS, bundle)
