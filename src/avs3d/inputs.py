"""What the 3D network is told about each point beside its voxel.

The published MinkUNets see nothing but ones, the published Point Transformers the coordinates and
the intensity as they are. The packaged network sees quantities chosen so that a stranger's scan
looks like a training scan: none depends on where z = 0 lies, on which way x points, or on the scale
of the sensor's intensity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from avs3d.scan import Scan
from avs3d.views import viewpoint

_CELL = 1.0  # metres, side of a ground cell
_REACH = 4  # cells; the ground is looked for this far around
_CELLS_AT_ONCE = 20_000


def point_inputs(scan: Scan, names: Sequence[str]) -> np.ndarray:
    """(N, len(names)) float32 network inputs of the scan's points, all of them finite.

    Args:
        scan: without NaN points.
        names: of `INPUTS`.

    Raises:
        ValueError: a name that is not in `INPUTS`.
    """
    unknown = [name for name in names if name not in INPUTS]
    if unknown:
        raise ValueError(f"unknown inputs {unknown}; there are {sorted(INPUTS)}")
    values = np.empty((len(scan), len(names)), np.float32)
    seen = _Seen(scan)
    for column, name in enumerate(names):
        values[:, column] = INPUTS[name](seen)
    return values


class _Seen:
    """A scan, and what several inputs are made from."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan

    @cached_property
    def height(self) -> np.ndarray:
        return ground_height(self.scan.points)


def ground_height(points: np.ndarray) -> np.ndarray:
    """(N,) float32 metres of each point above the lowest ground around it.

    The ground of a cell is a low quantile over the cells within `_REACH`, each of which gives its
    third lowest point, so that stray returns from below the road do not pull it down.
    """
    x, y = (np.floor(points[:, axis] / _CELL).astype(np.int64) for axis in (0, 1))
    x -= x.min() - _REACH
    y -= y.min() - _REACH
    depth = int(y.max()) + 1 + _REACH
    key = x * depth + y
    order = np.lexsort((points[:, 2], key))
    occupied, first, inverse, count = np.unique(
        key[order], return_index=True, return_inverse=True, return_counts=True
    )
    low = points[order[first + np.minimum(2, count - 1)], 2]
    ground = np.empty(len(occupied))
    for start in range(0, len(occupied), _CELLS_AT_ONCE):
        rows = slice(start, start + _CELLS_AT_ONCE)
        values = np.sort(_around(occupied, low, depth, rows), 1)
        rank = (np.isfinite(values).sum(1) - 1) // 10
        ground[rows] = np.take_along_axis(values, rank[:, None], 1)[:, 0]
    height = np.empty(len(points), np.float32)
    height[order] = points[order, 2] - ground[inverse]
    return height


def _around(occupied: np.ndarray, low: np.ndarray, depth: int, rows: slice) -> np.ndarray:
    """(n, K * K) the `low` of the cells within `_REACH` of each of `rows`; infinite for none.

    Cells that differ in y only follow each other in `occupied`, so one search finds K of them.
    """
    span = np.arange(-_REACH, _REACH + 1)
    wanted = occupied[rows, None] + span * depth - _REACH
    at = np.searchsorted(occupied, wanted)[:, :, None] + np.arange(len(span))
    none = len(occupied)
    at = np.minimum(at, none)
    away = np.append(occupied, np.iinfo(np.int64).max)[at] - wanted[:, :, None]
    at[away >= len(span)] = none
    return np.append(low, np.float32(np.inf))[at].reshape(len(wanted), -1)


def _height(seen: _Seen) -> np.ndarray:
    return np.clip(seen.height, -1.0, 12.0) / 4.0


def _step(seen: _Seen) -> np.ndarray:
    """The lowest half metre in a finer measure: kerbs and verges are a few centimetres high."""
    return np.clip(seen.height, -0.2, 0.6) * 5.0 - 1.0


def _distance(seen: _Seen) -> np.ndarray:
    away = seen.scan.points[:, :2] - viewpoint(seen.scan)[:2]
    return np.log1p(np.minimum(np.hypot(away[:, 0], away[:, 1]), MAX_DISTANCE)) / 2.0 - 1.0


def _intensity(seen: _Seen) -> np.ndarray:
    """Rank within the scan, -1 to 1: the same for 0-1 and 0-255, and after any gamma."""
    scan = seen.scan
    if not has_intensity(scan):
        return np.zeros(len(scan))
    assert scan.intensity is not None
    _, inverse, count = np.unique(
        np.nan_to_num(scan.intensity), return_inverse=True, return_counts=True
    )
    middle = np.cumsum(count) - 0.5 * count
    return (2.0 * middle / len(scan) - 1.0)[inverse]


def _has_intensity(seen: _Seen) -> np.ndarray:
    return np.full(len(seen.scan), float(has_intensity(seen.scan)))


def _strength(seen: _Seen) -> np.ndarray:
    """Intensity as it is; in parts of 255 where some is above 1. 0 without one."""
    if seen.scan.intensity is None:
        return np.zeros(len(seen.scan))
    strength = np.nan_to_num(seen.scan.intensity, posinf=0.0, neginf=0.0)
    return strength / 255.0 if strength.max() > 1 else strength


def has_intensity(scan: Scan) -> bool:
    """Whether there is an intensity column that says anything (it is not all one value)."""
    return scan.intensity is not None and bool(np.ptp(np.nan_to_num(scan.intensity)) > 0)


MAX_DISTANCE = 60.0
INPUTS: dict[str, Callable[[_Seen], np.ndarray]] = {
    "one": lambda seen: np.ones(len(seen.scan)),
    "height": _height,
    "step": _step,
    "distance": _distance,
    "intensity": _intensity,
    "has_intensity": _has_intensity,
    "x": lambda seen: seen.scan.points[:, 0],
    "y": lambda seen: seen.scan.points[:, 1],
    "z": lambda seen: seen.scan.points[:, 2],
    "strength": _strength,
}
