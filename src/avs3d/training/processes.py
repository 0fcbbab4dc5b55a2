"""Several processes that train one network: their gradients, and the statistics of its norms.

PyTorch's `DistributedDataParallel` is not used: it wants one `forward` for the whole network, while
a step here goes through parts of it (the trunk for all voxels, the wide last layer for those that
have a target), and its `SyncBatchNorm` has no CPU.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn

from avs3d.atomic import write_bytes
from avs3d.errors import UserError
from avs3d.workers import end_with_parent, leave_at_once

_USER_FAULT = 2
_PATIENCE = timedelta(hours=6)  # the others wait while the first process examines


def place() -> tuple[int, int]:
    """The number of this process, and how many there are."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def is_first() -> bool:
    return place()[0] == 0


def join_torchrun() -> None:
    """Meet the other processes that ``torchrun`` started; nothing where it did not."""
    if "TORCHELASTIC_RUN_ID" in os.environ and not dist.is_initialized():
        cuda = torch.cuda.is_available()
        if cuda:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if cuda else "gloo", timeout=_PATIENCE)


def agreed(value: Any) -> Any:
    """What the first process says, in all of them."""
    if place()[1] == 1:
        return value
    said = [value]
    dist.broadcast_object_list(said, 0)
    return said[0]


def share_step(module: nn.Module) -> None:
    """Give the parameters of every process the mean of all gradients, and its BatchNorms the mean
    of all statistics, or each would go on with its own."""
    world = place()[1]
    if world == 1:
        return
    parameters = [p for p in module.parameters() if p.requires_grad]
    statistics = [b for b in module.buffers() if b.is_floating_point()]
    grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
    flat = torch.cat([values.reshape(-1) for values in (*grads, *statistics)])
    dist.all_reduce(flat)
    flat /= world
    parts = iter(flat.split([values.numel() for values in (*grads, *statistics)]))
    for p in parameters:
        p.grad = next(parts).view_as(p).clone()
    for b in statistics:
        b.copy_(next(parts).view_as(b))


def averaged(value: float) -> float:
    """The mean of what all processes say."""
    if place()[1] == 1:
        return value
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    total = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(total)
    return float(total) / place()[1]


class _Sum(torch.autograd.Function):
    """Over all processes; so is the gradient, as what one gives counts in the loss of every one."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


class SharedBatchNorm(nn.BatchNorm1d):
    """BatchNorm over the rows of all processes, also on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or place()[1] == 1:
            return super().forward(x)
        wide = x.float()
        sums = torch.cat([wide.sum(0), wide.square().sum(0), wide.new_full((1,), len(wide))])
        sums = _Sum.apply(sums)
        count = sums[-1]
        mean, square = (sums[:-1] / count).chunk(2)
        variance = (square - mean.square()).clamp(min=0)
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None
            assert self.momentum is not None and self.num_batches_tracked is not None
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1).clamp(min=1), self.momentum)
            self.num_batches_tracked += 1
        scaled = (wide - mean) * torch.rsqrt(variance + self.eps) * self.weight + self.bias
        return scaled.to(x.dtype)


def share_norms(module: nn.Module) -> None:
    """Let the BatchNorms of a network see the rows of all processes; same parameters and names."""
    for part in module.modules():
        if type(part) is nn.BatchNorm1d:
            part.__class__ = SharedBatchNorm


def in_processes(
    stage: Callable[..., None], processes: int, meeting: Path, *arguments: Any
) -> None:
    """Call ``stage(*arguments)`` in so many single-threaded processes that know of each other.

    With one it is called here, on all of torch's threads.

    Args:
        stage: can be pickled, as can the arguments.
        processes: how many.
        meeting: of the file by which they find each other.

    Raises:
        UserError: what one of them raised.
    """
    if processes == 1:
        stage(*arguments)
        return
    complaint = meeting.with_suffix(".error")
    for file in (meeting, complaint):
        file.unlink(missing_ok=True)
    try:
        mp.spawn(_ranked, (processes, meeting, stage, arguments), nprocs=processes, join=True)
    except mp.ProcessExitedException:
        if complaint.exists():
            raise UserError(complaint.read_text("utf-8")) from None
        raise
    finally:
        for file in (meeting, complaint):
            file.unlink(missing_ok=True)


def _ranked(
    rank: int, world: int, meeting: Path, stage: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    end_with_parent()
    torch.set_num_threads(1)
    address = f"file://{meeting.absolute()}"
    dist.init_process_group(
        "gloo", init_method=address, rank=rank, world_size=world, timeout=_PATIENCE
    )
    try:
        stage(*arguments)
    except UserError as error:
        write_bytes(meeting.with_suffix(".error"), str(error).encode())
        _leave(_USER_FAULT)  # the others may wait for this one: no good-bye to them
    dist.barrier()  # one that has nothing to do must not be gone before another has found it
    dist.destroy_process_group()
    _leave(0)


def _leave(code: int) -> NoReturn:
    """End this process; what Python gives back at its end it gives back first, or the parent would
    complain of leaked semaphores."""
    atexit._run_exitfuncs()
    leave_at_once(code)
