"""From named columns to a `Scan`: the meaning of column names, and large coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avs3d.errors import UserError
from avs3d.io.names import stem
from avs3d.io.source import MalformedError
from avs3d.scan import Scan

MAX_COORDINATE = 10_000.0
"""Metres; beyond it float32 steps are over a millimetre, so an origin is taken off."""
_PART = 1 << 16
"""Points that fit into a processor's cache."""
MAX_WIDTH = 16
"""A wider 2-D array beside the points is a table of features, not a few more columns."""

DEFAULT_NAMES: dict[int, tuple[str, ...]] = {
    3: ("x", "y", "z"),
    4: ("x", "y", "z", "intensity"),
    5: ("x", "y", "z", "intensity", "ring"),
    6: ("x", "y", "z", "red", "green", "blue"),
}
ALIASES: dict[str, tuple[str, ...]] = {
    "intensity": ("intensity", "reflectance", "remission", "i", "reflectivity"),
    "ring": ("ring", "laser", "channel", "laser_number"),
    "labels": ("label", "labels", "semantic"),
}
_PACKED = ("rgb", "rgba")
_NO_COLOUR = 0x7FC00000
"""A NaN, which stands where a point was not seen."""
SHORT = {"r": "red", "g": "green", "b": "blue"}
COLOURS = tuple(SHORT.values())


@dataclass(frozen=True)
class Table:
    """What a format reader returns.

    Attributes:
        columns: name -> (N,) or (N, K) array, in the file's order; x, y and z among them.
        origin: (3,) float64 to add to x, y, z, or None.
        result: written by `avs3d.io.write`: its label is a prediction, not ground truth.
        crs: what x, y and z refer to, as OGC WKT, or "".
    """

    columns: dict[str, np.ndarray]
    origin: np.ndarray | None = None
    result: bool = False
    crs: str = ""


def parse_columns(columns: int | str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Column names from what a user gave as `columns`; None stays None.

    Raises:
        UserError: a count without default names, a name twice, or no x, y, z.
    """
    if columns is None:
        return None
    if isinstance(columns, str):
        text = columns.strip()
        columns = int(text) if text.isascii() and text.isdigit() else text.split(",")
    if isinstance(columns, int):
        if columns not in DEFAULT_NAMES:
            raise UserError(
                f"--columns {columns}: only 3, 4, 5 and 6 have default names; give the names,"
                " for example --columns x,y,z,intensity,time"
            )
        return DEFAULT_NAMES[columns]
    names = [name.strip().lower() for name in columns]
    names = [SHORT.get(name, name) for name in names]
    if not {"x", "y", "z"} <= set(names) or len(set(names)) != len(names) or "" in names:
        raise UserError(
            f"--columns {','.join(columns)}: give 3, 4, 5, 6, or names that are all different"
            " and include x, y and z"
        )
    return tuple(names)


def named(array: np.ndarray, names: tuple[str, ...] | None) -> dict[str, np.ndarray]:
    """Columns of an (N, K) array: by `names`, by default for K of 3-5, else x, y, z, column_3, …"""
    width = array.shape[1]
    if names is not None and len(names) != width:
        raise MalformedError(
            f"has {width} columns, not {len(names)}; pass --columns with {width} names"
        )
    if width < 3:
        raise MalformedError(f"has {width} columns; it needs x, y and z")
    if names is None:
        names = DEFAULT_NAMES[min(width, 5)] if width <= 5 else DEFAULT_NAMES[3]
        names += tuple(f"column_{i}" for i in range(len(names), width))
    return {name: array[:, i] for i, name in enumerate(names)}


def distinct(names: Sequence[str]) -> list[str]:
    """Names of columns, each once: one that is empty or was there before is ``column_I``."""
    found: dict[str, None] = {}
    for i, name in enumerate(names):
        if not name or name in found:
            name = f"column_{i}"
            while name in found:
                name += "_"
        found[name] = None
    return list(found)


def to_scan(table: Table, path: Path) -> Scan:
    """The scan that a table of columns describes, or `MalformedError`."""
    columns = _coloured(_flat(table.columns))
    keys = {_plain(name): name for name in reversed(columns)}
    if missing := [axis for axis in "xyz" if axis not in keys]:
        found = ", ".join(list(columns)[:12]) or "none"
        raise MalformedError(f"has no column {missing[0]} (columns: {found}); it needs x, y and z")
    axes = [columns.pop(keys[axis]) for axis in "xyz"]
    if not len(axes[0]):
        raise MalformedError("holds no points; check how it was made")
    names = {
        target: next((keys[alias] for alias in aliases if keys.get(alias) in columns), None)
        for target, aliases in ALIASES.items()
    }
    copies = _copies(columns, names["intensity"])
    points, origin = local(axes, [(copies[name], columns[name]) for name in copies])
    columns |= copies
    if table.origin is not None:
        origin = origin + table.origin
    if not np.isfinite(origin).all():
        raise MalformedError("its origin is not finite; save it again")
    own: dict[str, np.ndarray | None] = dict.fromkeys(ALIASES)
    for target, name in names.items():
        if name is None or (target == "labels" and table.result):
            continue
        value = columns[name] if target == "intensity" else whole(columns[name], np.dtype("i4"))
        if value is not None:
            own[target] = value
            del columns[name]
    return Scan(
        points=points,
        intensity=own["intensity"],
        ring=own["ring"],
        labels=own["labels"],
        origin=origin,
        fields=columns,
        name=stem(path),
        path=path,
        crs=table.crs,
    )


def _plain(name: str) -> str:
    """A column's name without case and without the ``scalar_`` that CloudCompare adds."""
    return name.lower().removeprefix("scalar_")


def _flat(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Numeric columns in native byte order; (N, K) arrays as K columns ``name_0`` …, (N, 1) as one
    that keeps its name."""
    flat: dict[str, np.ndarray] = {}
    for name, value in columns.items():
        if value.dtype.kind not in "fiub":
            continue
        if value.ndim == 2 and value.shape[1] == 1:
            value = value[:, 0]
        dtype = value.dtype.newbyteorder("=") if value.dtype.itemsize <= 8 else np.dtype("f8")
        if value.ndim == 1:
            flat[name] = value.astype(dtype, copy=False)
        elif value.ndim == 2 and value.shape[1] <= MAX_WIDTH:
            flat |= {f"{name}_{i}": value[:, i].astype(dtype) for i in range(value.shape[1])}
    return flat


def _coloured(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A colour that is packed into 4 bytes, as PCL and ROS have it, as red, green and blue."""
    name = next((name for name in columns if name.lower() in _PACKED), None)
    if name is None or columns[name].dtype.itemsize != 4 or {*COLOURS} & columns.keys():
        return columns
    bits = np.ascontiguousarray(columns[name]).view(np.uint32)
    if columns[name].dtype.kind == "f":
        bits = np.where(bits == _NO_COLOUR, 0, bits)
        if not np.isin(bits >> 24, (0, 255)).all():  # what PCL puts there: it is a number
            return columns
    parts = {"red": bits >> 16, "green": bits >> 8, "blue": bits}
    if (alpha := bits >> 24).any() and (alpha != 255).any():
        parts["alpha"] = alpha
    del columns[name]
    return columns | {key: (value & 255).astype(np.uint8) for key, value in parts.items()}


def _copies(columns: dict[str, np.ndarray], intensity: str | None) -> dict[str, np.ndarray]:
    """Room for the columns that lie scattered in the rows of a file, or in another type."""
    kinds = {name: value.dtype for name, value in columns.items()}
    if intensity is not None:
        kinds[intensity] = np.dtype(np.float32)
    return {
        name: np.empty(len(value), kinds[name])
        for name, value in columns.items()
        if value.dtype != kinds[name] or not value.flags.c_contiguous
    }


def local(
    axes: Sequence[np.ndarray], copies: Sequence[tuple[np.ndarray, np.ndarray]] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates as (N, 3) float32 and the (3,) float64 origin that was taken off them.

    Copies the pairs (to, from) on the way. The origin is the median, not the middle of the bounds:
    one stray point must not move a scan.
    """
    points = np.empty((len(axes[0]), 3), dtype=np.float32)
    origin = np.zeros(3)
    with np.errstate(invalid="ignore", over="ignore"):
        if _fill(points, axes, copies) <= MAX_COORDINATE:
            return points, origin
        for i, axis in enumerate(axes):
            if _largest(axis) > MAX_COORDINATE and abs(middle := _median(axis)) > MAX_COORDINATE:
                origin[i] = np.round(middle)
                points[:, i] = axis.astype(np.float64) - origin[i]
    return points, origin


def _fill(
    points: np.ndarray, axes: Sequence[np.ndarray], copies: Sequence[tuple[np.ndarray, np.ndarray]]
) -> float:
    """Put the axes beside each other and return their largest absolute value, without NaN.

    Part by part, and all copies with them: the rows of a file, which the columns are strides of,
    then come from memory once.
    """
    largest = 0.0
    for start in range(0, len(points), _PART):
        part = points[start : start + _PART]
        for i, axis in enumerate(axes):
            part[:, i] = axis[start : start + _PART]
        for copy, column in copies:
            copy[start : start + _PART] = column[start : start + _PART]
        largest = np.fmax(largest, _largest(part.reshape(-1)))
    return float(largest)


def _largest(values: np.ndarray) -> float:
    """The largest absolute value; NaN only where all are."""
    return max(abs(float(np.fmin.reduce(values))), abs(float(np.fmax.reduce(values))))


def _median(values: np.ndarray) -> float:
    """A finite value with half of the finite values on each side; 0 where none is finite."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0
    return float(np.partition(finite, len(finite) // 2)[len(finite) // 2])


def whole(values: np.ndarray, dtype: np.dtype) -> np.ndarray | None:
    """The values as integers of `dtype`, or None where that would change one."""
    if values.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            if not (values == np.round(values)).all():
                return None
    limits = np.iinfo(dtype)
    if values.min().item() < limits.min or values.max().item() > limits.max:
        return None
    return values.astype(dtype)
