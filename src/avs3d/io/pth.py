"""``.pth``: a 3D scene as OpenScene prepares it, the tuple (coordinates, colours, labels)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from avs3d.io.columns import Table
from avs3d.io.facts import Facts
from avs3d.io.pickles import unpickle
from avs3d.io.source import MalformedError

FACTS = Facts(
    "OpenScene 3D scene",
    "colours as `red`, `green`, `blue` from 0 to 255; labels",
    "nothing is unpickled; see [published files](published-files.md)",
)

_WANTED = "give a scene of OpenScene, the tuple (coordinates, colours, labels)"
WHITE = 255


def parse(data: memoryview, path: Path, columns: tuple[str, ...] | None) -> Table:
    """Coordinates, colours and labels of a file of `torch.save`; see `avs3d.io.read`.

    Labels are those of the dataset, 255 or -100 where there is none (OpenScene gives all points
    but the key frame's 255). Colours of 0 mean that there are none.
    """
    content = unpickle(data)
    if isinstance(content, dict):
        raise MalformedError(f"holds a dict ({_keys(content)}); {_WANTED}")
    if not isinstance(content, tuple | list) or len(content) != 3:
        raise MalformedError(f"holds {_kind(content)}; {_WANTED}")
    points, colours, labels = map(_array, content)
    if points.ndim != 2 or points.shape[1] != 3 or points.dtype.kind not in "fiu":
        raise MalformedError(f"its coordinates are {_kind(points)}, not (N, 3) numbers; {_WANTED}")
    if labels.shape != points.shape[:1] or labels.dtype.kind not in "fiu":
        raise MalformedError(f"its labels are {_kind(labels)}, not one a point; {_WANTED}")
    table = dict(zip("xyz", points.T, strict=True))
    return Table(table | _colours(colours, len(points)) | {"label": labels})


def _array(part: Any) -> np.ndarray:
    if not isinstance(part, np.ndarray | int | float):
        raise MalformedError(f"holds {_kind(part)} among its three parts; {_WANTED}")
    return np.asarray(part)


def _colours(colours: np.ndarray, count: int) -> dict[str, np.ndarray]:
    if colours.ndim == 0 and colours.dtype.kind in "fiu" and colours == 0:
        return {}
    if colours.shape != (count, 3) or colours.dtype.kind not in "fiu":
        raise MalformedError(
            f"its colours are {_kind(colours)}, neither (N, 3) numbers nor 0; {_WANTED}"
        )
    if not colours.any():
        return {}
    if not ((colours >= -1) & (colours <= 1)).all():  # nor is NaN
        raise MalformedError("its colours are not from -1 to 1; divide 0 to 255 by 127.5, less 1")
    scaled = np.rint((colours.astype(np.float64) + 1) * (WHITE / 2)).astype(np.uint8)
    return dict(zip(("red", "green", "blue"), scaled.T, strict=True))


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and type {str(value.dtype)[:60]}"
    if isinstance(value, tuple | list):
        return f"{len(value)} parts"
    return f"a value of type {type(value).__name__}"


def _keys(content: dict[Any, Any]) -> str:
    return ", ".join(ascii(key)[:40] for key in list(content)[:6]) or "empty"
