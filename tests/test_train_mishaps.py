"""What the commands of the trainings do with bad data, bad settings and a full disk: one line, an
exit code, and the last checkpoint as it was."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from avs3d.published.smap import write_camera_masks
from commands import Call, lines
from training_files import KIND, training, write_all, write_fused

QUICK = ("schedule.steps=3", "save_every=1")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_all(tmp_path / "data")


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def told(result: object) -> str:
    """The last line on stderr, of which nothing else may be left over."""
    found = lines(result)  # type: ignore[arg-type]
    assert not any("Traceback" in line or 'File "' in line for line in found), found
    return found[-1]


@pytest.mark.parametrize("kind", ["distill", "smap", "captioner"])
def test_a_loss_that_is_not_a_number_ends_the_command(
    call: Call, data: Path, tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "out"
    how = ("schedule.steps=9", "schedule.lr=1.0e+30", "schedule.decay=none", "save_every=1")
    found = call(*training(kind, data, out, *how))
    assert found.exit_code == 2 and "not finite; its batch is in" in told(found), found.stderr
    batch = torch.load(out / "not-finite-0.pt", weights_only=True)
    kept = torch.load(out / "checkpoint.pt", weights_only=True)
    assert kept["step"] == batch["step"] - 1 >= 1
    assert all(w.isfinite().all() for w in kept["module"].values() if w.is_floating_point())
    assert not (out / "bundle").exists()
    (part,) = batch["parts"]
    if kind == "captioner":
        assert len(part["captions"]) == 64 and part["captions"][0].endswith(" on the road.")
    else:
        assert part["coords"].shape[1] == 4 and len(part["names"]) == 2


@pytest.mark.parametrize("workers", [0, 1])
def test_empty_key_frames_are_named(call: Call, data: Path, tmp_path: Path, workers: int) -> None:
    how = (*QUICK, f"workers={workers}")
    np.save(data / "scenes" / "scene_1" / "sweep.npy", np.ones(900, np.int32))
    found = call(*training("distill", data, tmp_path / "some", *how))
    assert found.exit_code == 0, found.stderr
    if not workers:  # else its processes say it themselves
        warning = "warning: scene_1: no point of its key frame has a target: passed over"
        assert warning in lines(found)
    for name in ("scene_0", "scene_2"):
        np.save(data / "scenes" / name / "sweep.npy", np.ones(900, np.int32))
    found = call(*training("distill", data, tmp_path / "none", *how))
    assert found.exit_code == 2
    assert told(found).endswith("no point of its key frame has a target; prepare them again")


def test_scenes_of_which_no_view_sees_a_point(call: Call, data: Path, tmp_path: Path) -> None:
    rng, masks = np.random.default_rng(0), data / "mask_train.pkl"
    seen = {f"scene_{n}": rng.integers(0, 32, 850).astype(np.uint8) for n in range(3)}
    seen["scene_1"][:] = 0
    write_camera_masks(masks, seen, overwrite=True)
    found = call(*training("smap", data, tmp_path / "some", *QUICK))
    assert found.exit_code == 0, found.stderr
    assert "warning: scene_1: no point of its key frame has a target: passed over" in lines(found)
    none = {name: np.zeros_like(mask) for name, mask in seen.items()}
    write_camera_masks(masks, none, overwrite=True)
    found = call(*training("smap", data, tmp_path / "none", *QUICK))
    assert found.exit_code == 2 and "cannot be learned from" in told(found)


@pytest.mark.parametrize("workers", [0, 1])
def test_features_of_another_width(call: Call, data: Path, tmp_path: Path, workers: int) -> None:
    narrow = write_fused(tmp_path / "narrow", dim=64)
    given = training("distill", data, tmp_path / "out", *QUICK, f"workers={workers}")
    found = call(*given, "--features", narrow)
    assert found.exit_code == 2
    assert "64 wide, the config's network.out_channels is 384" in told(found)


def test_a_damaged_scene_ends_a_run_and_leaves_its_checkpoint(
    call: Call, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    how = ("schedule.steps=6", "batch=1", "save_every=1", "schedule.evaluate_every=0")
    whole = training("distill", data, tmp_path / "whole", *how)
    assert call(*whole).exit_code == 0
    scene = data / "scenes" / "scene_2" / "coord.npy"
    coords = scene.read_bytes()
    scene.write_bytes(coords[:1000])
    again = training("distill", data, out, *how)
    found = call(*again)
    assert found.exit_code == 2 and "scene_2/coord.npy: cannot be read" in told(found)
    scene.write_bytes(coords)
    assert call(*again).exit_code == 0
    weights = [
        (place / "bundle/network.safetensors").read_bytes() for place in (tmp_path / "whole", out)
    ]
    assert weights[0] == weights[1]


def test_a_checkpoint_of_another_network_is_left_alone(
    call: Call, data: Path, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    assert call(*training("distill", data, one, *QUICK)).exit_code == 0
    kept = (one / "checkpoint.pt").read_bytes()
    wider = KIND.replace("stem: 8", "stem: 16")
    found = call(*training("distill", data, one, *QUICK, wider))
    assert found.exit_code == 2 and "holds a training with another network" in told(found)
    other.mkdir()
    shutil.copy(one / "checkpoint.pt", other)
    found = call(*training("distill", data, other, *QUICK, wider))
    assert found.exit_code == 2 and "checkpoint.pt: belongs to another model: its" in told(found)
    for place in (one, other):
        assert (place / "checkpoint.pt").read_bytes() == kept


@pytest.mark.parametrize("kind", ["distill", "captioner"])
def test_a_full_disk_leaves_the_last_checkpoint(
    call: Call, data: Path, tmp_path: Path, kind: str
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    how = ("schedule.steps=4", "save_every=2")
    assert call(*training(kind, data, whole, *how)).exit_code == 0
    size = (whole / "checkpoint.pt").stat().st_size
    again = training(kind, data, out, *how)
    with room_for(size // 2):
        found = call(*again)
    assert found.exit_code == 2 and "make room and start again" in told(found), found.stderr
    shutil.copy(whole / "checkpoint.pt", out)
    kept = (out / "checkpoint.pt").read_bytes()
    weights = max((whole / "bundle").glob("*.safetensors"), key=lambda path: path.stat().st_size)
    with room_for(weights.stat().st_size // 2):
        found = call(*again)  # nothing is left to do but the bundle
    assert found.exit_code == 2 and "File too large" in told(found), found.stderr
    assert "the same command goes on" in told(found)
    assert (out / "checkpoint.pt").read_bytes() == kept
    assert not list(out.rglob("*.part"))
    assert call(*again).exit_code == 0
    assert (out / "bundle" / weights.name).read_bytes() == weights.read_bytes()
