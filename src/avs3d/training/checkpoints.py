"""Checkpoints: all that a run needs to go on, whole or not there at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
from torch import nn

from avs3d.atomic import write_bytes
from avs3d.errors import UserError
from avs3d.io.source import show
from avs3d.published.unpickling import torch_load


def save(path: Path, state: dict[str, Any]) -> None:
    """Write plain data and tensors; what was there before is intact until the new file is whole.

    Raises:
        UserError: it cannot be written, for example because the disk is full.
    """
    stream = io.BytesIO()
    torch.save(state, stream)
    try:
        write_bytes(path, stream.getvalue())
    except OSError as error:
        left = (
            f"what {show(path)} held before is intact: make room, and the same command goes on"
            " from there"
            if path.exists()
            else "make room and start again"
        )
        raise UserError(f"{show(path)}: cannot be written ({error.strerror}); {left}") from None


def load(path: Path, module: nn.Module, schedule: dict[str, Any]) -> dict[str, Any] | None:
    """The state in a checkpoint, its weights put into `module`; None where there is none.

    Raises:
        ReadError: the file is damaged.
        UserError: it belongs to another schedule or another network.
    """
    if not path.exists():
        return None
    state = torch_load(path)
    if not isinstance(state, dict) or not {"step", "schedule", "module"} <= state.keys():
        raise UserError(f"{show(path)}: is no checkpoint of a training; remove it to start afresh")
    if state["schedule"] != schedule:
        raise UserError(
            f"{show(path)}: was made with another schedule ({_difference(state, schedule)}); give"
            " that one, another --out, or remove it to start afresh"
        )
    put(path, module, state["module"])
    return state


def put(path: Path, module: nn.Module, weights: dict[str, Any]) -> None:
    """Put weights of a file into a module.

    Raises:
        UserError: they are those of another network; says by which part.
    """
    own = module.state_dict()
    for name in sorted(own.keys() | weights.keys()):
        one, other = (_shape(place.get(name)) for place in (own, weights))
        if one != other:
            raise UserError(
                f"{show(path)}: belongs to another model: its {name} is {other}, this one's {one};"
                " give the config it was made with, another --out, or remove it to start afresh"
            )
    module.load_state_dict(weights)


def _shape(value: Any) -> str:
    return "missing" if value is None else str(tuple(value.shape))


def _difference(state: dict[str, Any], schedule: dict[str, Any]) -> str:
    told = state["schedule"]
    names = [name for name in schedule if told.get(name) != schedule[name]]
    return ", ".join(f"{name} {told.get(name)}" for name in names) or "with further entries"
