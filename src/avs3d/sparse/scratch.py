"""Work memory that is used again: fresh memory costs the processor more than filling it."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import torch
from torch import Tensor

_KEPT_BYTES = 1 << 26  # larger buffers are given back at once

_kept = threading.local()


def scratch(name: str, shape: Sequence[int], like: Tensor) -> Tensor:
    """Uninitialised memory of this thread, the same for the same name until it is too small.

    Args:
        name: what it is for; whoever asks again under this name overwrites it.
        shape: of the tensor wanted.
        like: gives dtype and device; a GPU's memory PyTorch itself keeps for another time.
    """
    size = math.prod(shape)
    if like.device.type != "cpu" or size * like.element_size() > _KEPT_BYTES:
        return like.new_empty(tuple(shape))
    buffers: dict[tuple[str, torch.dtype], Tensor] = _kept.__dict__.setdefault("buffers", {})
    key = (name, like.dtype)
    if key not in buffers or buffers[key].numel() < size:
        with torch.inference_mode(False):  # usable inside and outside of inference mode
            buffers[key] = torch.empty(size, dtype=like.dtype, device=like.device)
    return buffers[key][:size].view(tuple(shape))
