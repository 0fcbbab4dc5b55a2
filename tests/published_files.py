"""What tests of the authors' files share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from avs3d.errors import UserError

there_and_back = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_half = st.floats(-60_000, 60_000, width=16)
_single = st.floats(-60_000, 60_000, width=32)


def floats(kind: str, shape: st.SearchStrategy[Any]) -> st.SearchStrategy[np.ndarray]:
    return arrays.arrays(kind, shape, elements=_half if kind == "f2" else _single)


def shapes(axes: int) -> st.SearchStrategy[Any]:
    return arrays.array_shapes(min_dims=axes, max_dims=axes, max_side=5)


def refusal(call: Callable[..., Any], *arguments: Any) -> str:
    """The one line that is said."""
    with pytest.raises(UserError) as caught:
        call(*arguments)
    assert str(caught.value).isprintable()
    return str(caught.value)


def saved(path: Path, content: Any) -> Path:
    """As the authors' code does it."""
    torch.save(content, path)
    return path
