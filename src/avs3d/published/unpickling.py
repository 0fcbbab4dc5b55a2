"""Files of `torch.save`; nothing in them is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avs3d.errors import ReadError


def torch_load(path: Path) -> Any:
    """What a file of `torch.save` holds: plain data and tensors.

    Raises:
        ReadError: it is missing, damaged, or holds anything else.
    """
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ReadError(f"{path}: not a readable PyTorch file ({reason})") from None
