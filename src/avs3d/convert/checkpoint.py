"""A checkpoint file as named tensors, and whether they are those of a module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from avs3d.errors import UserError
from avs3d.published.unpickling import torch_load

M = TypeVar("M", bound=nn.Module)
_STATE = ("state_dict", "model_state_dict", "model")
_WRAPPER = "module."
_COUNTER = "num_batches_tracked"
"""Of BatchNorm; only training counts, and checkpoints of old PyTorch lack it."""
_SHOWN = 3
_VIEWS = 2
"""So many times its size may the tensors of a file be: a few share values (the tied word table of
GPT-2), but where all do, a small file makes a network of any size."""


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        path: the file.
        tensors: name -> tensor, without the `module.` that DataParallel puts in front.
        left_out: what else it holds, for example ``optimizer``.
    """

    path: Path
    tensors: dict[str, Tensor]
    left_out: tuple[str, ...]

    def below(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `prefix`, without it."""
        return {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}


@dataclass(frozen=True)
class Mismatch:
    """A tensor that is not as the module wants it.

    Attributes:
        name: as in the checkpoint.
        found: its shape there; None: it is missing.
        wanted: its shape in the module; None: the module has no such tensor.
    """

    name: str
    found: tuple[int, ...] | None
    wanted: tuple[int, ...] | None


class MismatchError(UserError):
    """The tensors of a checkpoint are not those of the module that they should be.

    Attributes:
        rows: every tensor that differs.
    """

    def __init__(self, path: Path, what: str, rows: list[Mismatch]) -> None:
        missing = [row for row in rows if row.found is None]
        spare = [row for row in rows if row.wanted is None]
        misshapen = len(rows) - len(missing) - len(spare)
        super().__init__(
            f"{path} is not a checkpoint of {what}: {len(missing)} tensors missing, {len(spare)} "
            f"spare, {misshapen} of another shape (first {rows[0].name}); get the file again, or "
            "the one that belongs to this architecture"
        )
        self.rows = tuple(rows)


def read_checkpoint(path: Path) -> Checkpoint:
    """The tensors of a PyTorch checkpoint.

    Raises:
        UserError: no checkpoint, one that only unpickling could open, one without weights, or one
            whose tensors are much larger than the file.
    """
    content = torch_load(path)
    left_out: tuple[str, ...] = ()
    if isinstance(content, dict):
        inner = next((key for key in _STATE if isinstance(content.get(key), dict)), None)
        if inner is not None:
            left_out = tuple(str(key) for key in content if key != inner)
            content = content[inner]
    if not isinstance(content, dict) or not any(isinstance(v, Tensor) for v in content.values()):
        raise UserError(f"{path} holds no weights (no dictionary of tensors): give a checkpoint")
    tensors: dict[str, Tensor] = {}
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            left_out += (str(key),)
            continue
        while key.startswith(_WRAPPER):
            key = key.removeprefix(_WRAPPER)
        if key in tensors:
            raise UserError(f"{path} has two tensors {key}: get the file again")
        tensors[key] = value
    claimed = sum(value.numel() * value.element_size() for value in tensors.values())
    if claimed > _VIEWS * path.stat().st_size:
        raise UserError(f"{path}: its tensors claim more than it holds: get the file again")
    return Checkpoint(path, tensors, left_out)


def fitted(
    make: Callable[[], M], tensors: Mapping[str, Tensor], path: Path, what: str, prefix: str = ""
) -> M:
    """A module with the tensors of a checkpoint, float32, in eval mode; nothing is copied twice.

    Args:
        make: makes the module; called on the meta device.
        tensors: by the module's own names.
        path: the checkpoint, for messages.
        what: what the module is called in messages.
        prefix: of the module's names in the checkpoint, for messages.

    Raises:
        MismatchError: tensors are missing, spare or of another shape.
        UserError: values that are not finite, or not numbers of a kind that weights have.
    """
    with torch.device("meta"):
        module = make()
    wanted = module.state_dict()
    found = dict(tensors)
    for name in wanted.keys() - found.keys():
        if name.endswith(_COUNTER):
            found[name] = torch.zeros((), dtype=torch.long)
    rows = [
        Mismatch(prefix + name, _shape(found.get(name)), _shape(wanted.get(name)))
        for name in sorted(wanted.keys() | found.keys())
        if _shape(found.get(name)) != _shape(wanted.get(name))
    ]
    if rows:
        raise MismatchError(path, what, rows)
    module.load_state_dict(
        {name: _as_stored(value, prefix + name, path) for name, value in found.items()},
        assign=True,
    )
    return module.eval()


def _shape(tensor: Tensor | None) -> tuple[int, ...] | None:
    return None if tensor is None else tuple(tensor.shape)


def _as_stored(value: Tensor, name: str, path: Path) -> Tensor:
    if name.endswith(_COUNTER) and not value.is_floating_point():
        return value.long()
    if not value.is_floating_point() or value.layout != torch.strided:
        raise UserError(f"{path}: {name} is of type {value.dtype}, not weights: get the file again")
    value = value.detach().float().contiguous()
    if not value.isfinite().all():
        raise UserError(f"{path}: {name} has values that are not finite: get the file again")
    return value


def listed(names: list[str]) -> str:
    """Some names and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
