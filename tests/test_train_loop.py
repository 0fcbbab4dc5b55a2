"""What the training loop does when things go well, and when they do not."""

from __future__ import annotations

import json
import math
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from avs3d.errors import ReadError, UserError
from avs3d.training import checkpoints
from avs3d.training.loop import BEST, CHECKPOINT, Habits, Schedule, fit
from avs3d.training.processes import in_processes, place, share_norms
from test_training import SCHEDULE, model, step

OFTEN = Habits(save_every=5, log_every=1)


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in (folder / "log.jsonl").read_text().splitlines()]


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_a_loss_that_is_not_a_number_stops_with_its_batch(tmp_path: Path) -> None:
    class Part:
        def __init__(self, value: float) -> None:
            self.value = value

        def plain(self) -> dict[str, float]:
            return {"value": self.value}

    def source(number: int, rank: int, world: int) -> list[tuple[float, Part]]:
        return [(1.0, Part(math.nan if number == 7 else 1.0))]

    def poisoned(module: nn.Module, part: Part) -> tuple[Tensor, dict[str, float]]:
        return module(torch.full((4, 4), part.value)).square().mean(), {}

    with pytest.raises(UserError, match=r"step 8: the loss is nan.*not-finite-0.pt.*intact"):
        fit(model(), poisoned, SCHEDULE, tmp_path, source=source, habits=OFTEN)
    state = checkpoints.torch_load(tmp_path / CHECKPOINT)
    assert state["step"] == 5
    assert all(v.isfinite().all() for v in state["module"].values() if v.is_floating_point())
    saved = checkpoints.torch_load(tmp_path / "not-finite-0.pt")
    assert saved["step"] == 8 and math.isnan(saved["parts"][0]["value"])


def test_a_full_disk_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, part = model(), model()
    fit(whole, step, SCHEDULE, tmp_path / "whole", habits=OFTEN)
    write = Path.write_bytes
    written = 0

    def full(path: Path, data: bytes) -> int:
        nonlocal written
        if CHECKPOINT in path.name and (written := written + 1) == 3:
            write(path, data[:100])
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"checkpoint.pt: cannot be written \(No space.*intact"):
        fit(part, step, SCHEDULE, tmp_path / "part", habits=OFTEN)
    monkeypatch.undo()
    assert checkpoints.torch_load(tmp_path / "part" / CHECKPOINT)["step"] == 10
    assert [path.name for path in (tmp_path / "part").glob(".*")] == []
    with (tmp_path / "part" / "log.jsonl").open("a") as log:
        log.write('{"step": 16, "lo')  # what the disk had room for
    part = model()
    fit(part, step, SCHEDULE, tmp_path / "part", habits=OFTEN)
    assert same(whole, part)
    assert [row["step"] for row in rows(tmp_path / "part")] == list(range(1, 31))


def test_checkpoints_of_something_else_say_what(tmp_path: Path) -> None:
    fit(model(), step, SCHEDULE, tmp_path)
    with pytest.raises(UserError, match=r"another model: its 0.bias is \(8,\), this one's missing"):
        fit(nn.Linear(4, 1), step, SCHEDULE, tmp_path)
    with pytest.raises(UserError, match=r"another schedule \(lr 0.05\)"):
        fit(model(), step, SCHEDULE.model_copy(update={"lr": 0.1}), tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(b"no checkpoint")
    with pytest.raises(ReadError, match="checkpoint.pt"):
        fit(model(), step, SCHEDULE, tmp_path)
    torch.save([1], tmp_path / CHECKPOINT)
    with pytest.raises(UserError, match="no checkpoint of a training"):
        fit(model(), step, SCHEDULE, tmp_path)


def test_accumulated_parts_are_one_batch(tmp_path: Path) -> None:
    def halves(number: int, rank: int, world: int) -> list[tuple[float, Tensor]]:
        x = torch.from_numpy(np.random.default_rng(number).normal(size=(8, 4)).astype(np.float32))
        return [(0.25, x[:2]), (0.75, x[2:])]

    def all_at_once(number: int, rank: int, world: int) -> list[tuple[float, Tensor]]:
        return [(1.0, torch.cat([part for _, part in halves(number, rank, world)]))]

    def linear(module: nn.Module, x: Tensor) -> tuple[Tensor, dict[str, float]]:
        return (module(x)[:, 0] - x.sum(1)).square().mean(), {"voxels": float(len(x))}

    found = []
    for name, source in (("one", all_at_once), ("two", halves)):
        torch.manual_seed(0)
        module = nn.Linear(4, 1)
        fit(module, linear, SCHEDULE, tmp_path / name, source=source, habits=OFTEN)
        found.append(module.weight)
        assert rows(tmp_path / name)[0]["voxels"] == 8
    assert torch.allclose(found[0], found[1], atol=1e-5)


def test_the_best_is_kept_and_a_run_ends_early(tmp_path: Path) -> None:
    schedule = Schedule(steps=40, lr=0.05, warmup=1, evaluate_every=4, patience=2, average=0.0)
    scores = iter([0.2, 0.5, 0.4, 0.3, 0.9])
    seen: list[Tensor] = []

    def exam(module: nn.Module) -> dict[str, float]:
        assert not module.training
        seen.append(module[0].weight.clone())
        return {"score": next(scores)}

    module = model().train()
    fit(module, step, schedule, tmp_path, exam=exam, habits=OFTEN)
    assert len(seen) == 4 and module.training
    assert torch.equal(module[0].weight, seen[1])
    assert checkpoints.torch_load(tmp_path / BEST)["step"] == 8
    again = model()
    fit(again, step, schedule, tmp_path, exam=exam, habits=OFTEN)  # it stays ended
    assert torch.equal(again[0].weight, seen[1]) and next(scores) == 0.9


def test_averaged_weights_are_examined(tmp_path: Path) -> None:
    seen: list[Tensor] = []

    def exam(module: nn.Module) -> dict[str, float]:
        seen.append(module[0].weight.clone())
        return {"score": 1.0}

    schedule = Schedule(steps=8, lr=0.05, warmup=1, evaluate_every=8, average=0.9)
    module = model().train()
    fit(module, step, schedule, tmp_path, exam=exam, habits=OFTEN)
    state = checkpoints.torch_load(tmp_path / CHECKPOINT)
    assert torch.equal(seen[0], module[0].weight)
    assert not torch.equal(seen[0], state["module"]["0.weight"])


def test_half_precision_learns_the_same(tmp_path: Path) -> None:
    losses = []
    for precision in ("fp32", "bf16"):
        schedule = Schedule(steps=60, lr=0.05, warmup=3, precision=precision)  # type: ignore[arg-type]
        module = model()
        fit(module, step, schedule, tmp_path / precision, habits=OFTEN)
        losses.append(rows(tmp_path / precision)[-1]["loss"])
        assert module[0].weight.dtype == torch.float32
    assert losses[0] != losses[1] and losses[1] < 1.5 * losses[0] + 0.1


def test_rates_fall_as_published() -> None:
    poly = Schedule(steps=100, lr=1.0, warmup=0, decay="poly", power=0.9)
    assert poly.lr_at(0) == 1 and poly.lr_at(50) == pytest.approx(0.5**0.9)
    assert Schedule(steps=100, lr=1.0, warmup=0, decay="none").lr_at(99) == 1


def test_rates_rise_at_first_and_fall_as_a_cosine() -> None:
    rates = [Schedule(steps=110, lr=1.0, warmup=10).lr_at(step) for step in (0, 9, 10, 60, 110)]
    assert rates == pytest.approx([0.1, 1, 1, 0.5, 0])


def test_tensorboard_has_the_curves(tmp_path: Path) -> None:
    fit(model(), step, SCHEDULE, tmp_path, habits=Habits(loggers=("tensorboard",)))
    files = list((tmp_path / "tensorboard").glob("events*"))
    assert files and b"loss" in files[0].read_bytes()


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm, self.last = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.norm(self.first(x))))


def shares(number: int, rank: int, world: int) -> list[tuple[float, Tensor]]:
    """Four rows of sixteen to each of four processes, and so on."""
    x = np.random.default_rng(number).normal(size=(16, 4)).astype(np.float32)
    return [(1.0, torch.from_numpy(x[rank * 16 // world : (rank + 1) * 16 // world]))]


def square_loss(module: nn.Module, x: Tensor) -> tuple[Tensor, dict[str, float]]:
    return (module(x)[:, 0] - x.sum(1)).square().mean(), {}


def normed_stage(folder: Path) -> None:
    module = Normed().train()
    share_norms(module)
    fit(module, square_loss, SCHEDULE, folder, source=shares, habits=OFTEN)
    if torch.distributed.is_initialized() and torch.distributed.get_rank():
        return
    torch.save(module.state_dict(), folder / "result.pt")


def test_two_processes_see_what_one_sees(tmp_path: Path) -> None:
    for count in (1, 2):
        in_processes(normed_stage, count, tmp_path / "meeting", tmp_path / str(count))
    one, two = (torch.load(tmp_path / n / "result.pt", weights_only=True) for n in "12")
    curves = [[row["loss"] for row in rows(tmp_path / n)] for n in "12"]
    assert len(curves[0]) == SCHEDULE.steps and curves[0][-1] < curves[0][0] / 2
    assert np.allclose(*curves, atol=1e-4)
    # The bias before a norm has no effect, and no gradient but noise.
    for key in one.keys() - {"first.bias", "norm.running_mean"}:
        assert torch.allclose(one[key], two[key], atol=1e-3), key


def own_norms_stage(folder: Path, steps: int) -> None:
    module = Normed().train()
    fit(module, square_loss, Schedule(steps=steps, lr=1e-2), folder, source=shares, habits=OFTEN)
    torch.save(module.state_dict(), folder / f"result-{steps}-{place()[0]}.pt")


def test_processes_end_with_one_network_also_where_each_has_norms_of_its_own(
    tmp_path: Path,
) -> None:
    in_processes(own_norms_stage, 2, tmp_path / "meeting", tmp_path, 5)
    one, two = (torch.load(tmp_path / f"result-5-{n}.pt", weights_only=True) for n in (0, 1))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not torch.equal(one["norm.running_mean"], torch.zeros(8))


def test_workers_make_the_same_batches_and_are_gone_afterwards(tmp_path: Path) -> None:
    one, other = Normed(), Normed()
    fit(one, square_loss, SCHEDULE, tmp_path / "here", source=shares)
    fit(other, square_loss, SCHEDULE, tmp_path / "there", source=shares, habits=Habits(workers=1))
    assert same(one, other)
    assert multiprocessing.active_children() == []


def complaining_stage(folder: Path) -> None:
    raise UserError(f"{folder}: has nothing in it; fill it")


def test_what_a_process_complains_of_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has nothing in it; fill it"):
        in_processes(complaining_stage, 2, tmp_path / "meeting", tmp_path)
