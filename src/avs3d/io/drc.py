"""``.drc`` of Google Draco through DracoPy, in a process of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avs3d.io.apart import call, limit_memory
from avs3d.io.columns import Table
from avs3d.io.facts import Facts
from avs3d.io.source import MalformedError, check_expansion, damaged, require

FACTS = Facts(
    "Google Draco",
    "position, colour, normal and named attributes",
    "extra `formats`; not always in the order in which it was packed",
)

_EXPANSION = 25
"""Points may take this many times the file's size: Draco needs a byte or more for twelve."""
_POSITION = 0
_COMPONENTS = {  # by the number that Draco has for the kind of an attribute
    1: ("normal_x", "normal_y", "normal_z"),
    2: ("red", "green", "blue", "alpha"),
    3: ("texture_u", "texture_v"),
}


def parse(data: memoryview, path: Path, columns: tuple[str, ...] | None) -> Table:
    """Positions and every other attribute of a cloud, or of a mesh's corners."""
    require(".drc", "DracoPy")
    if data[:5] != b"DRACO":
        raise MalformedError("is not a Draco file (no DRACO header); get or export it again")
    return Table(call("avs3d.io.drc:unpack", data, seconds=30 + len(data) / 1e5))


def unpack(data: bytes) -> dict[str, np.ndarray]:
    """The columns of a Draco file; runs in a process of its own."""
    import DracoPy

    limit_memory(len(data), _EXPANSION * len(data))
    columns: dict[str, np.ndarray] = {}
    with damaged("Draco"):
        for attribute in DracoPy.decode(data).attributes:
            values = np.asarray(attribute["data"])
            values = values.reshape(len(values), -1)
            names = _names(attribute, values.shape[1])
            columns |= dict(zip(names, values.T, strict=False))
    check_expansion(len(data), sum(value.nbytes for value in columns.values()))
    count = len(columns.get("x", ()))
    return {name: value for name, value in columns.items() if len(value) == count}


def _names(attribute: dict, width: int) -> tuple[str, ...]:
    kind = attribute["attribute_type"]
    if kind == _POSITION:
        return ("x", "y", "z") if width == 3 else ()
    if kind in _COMPONENTS:
        return _COMPONENTS[kind]
    name = attribute["name"] or f"attribute_{attribute['unique_id']}"
    return (name,) if width == 1 else tuple(f"{name}_{i}" for i in range(width))
