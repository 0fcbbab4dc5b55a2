"""``.bin``: bare float32 rows, as KITTI (x y z intensity) and nuScenes (… ring) store them.

Nothing in such a file says how many columns it has. Where the number is not given, it follows
from the byte count, from evidence in the values that only one reading agrees with, or from the
name that the dataset gives the file; a file that none of these decides is refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avs3d.io.columns import DEFAULT_NAMES, Table, named
from avs3d.io.facts import Facts
from avs3d.io.source import MalformedError, is_text

FACTS = Facts(
    "bare float32 rows",
    "x y z intensity (KITTI), and ring (nuScenes); what `--columns` names",
    "refused where the values do not tell how many: pass `--columns`",
)

_WINDOW = 20 * 65_536
"""Values that are looked at: a whole number of rows for both 4 and 5 columns."""
_UNLIKELY, _WRONG = 0.01, 0.2
"""Shares of negative intensities that speak against a reading, and for the only other one."""
_ALIKE = 0.01
"""Columns that differ less in size are all of one kind."""
_FEW = 64
"""Of fewer points nothing is concluded."""
_TEXT_BYTES = 256
"""So many bytes of text are text."""


def parse(data: memoryview, path: Path, columns: tuple[str, ...] | None) -> Table:
    """Rows of little-endian float32; see `avs3d.io.read`."""
    # A handful of points can look like text by chance: then a told width is believed.
    if is_text(data) and (columns is None or len(data) >= _TEXT_BYTES):
        raise MalformedError(
            "holds text where float32 values are expected; give a binary .bin file"
        )
    if columns is None:
        columns = DEFAULT_NAMES[_width(data, path)]
    elif len(data) % (4 * len(columns)):
        raise MalformedError(
            f"{len(data)} bytes are no whole number of rows of {len(columns)} float32 columns"
            f" (whole for: {_whole(len(data))}); pass another --columns, or get the file again"
        )
    return Table(named(np.frombuffer(data, "<f4").reshape(-1, len(columns)), columns))


def _fitting(size: int) -> list[int]:
    return [width for width in range(3, 11) if size % (4 * width) == 0]


def _whole(size: int) -> str:
    return ", ".join(map(str, _fitting(size))) or "none of 3 to 10"


def _width(data: memoryview, path: Path) -> int:
    """How many columns the file has: 4 or 5, or `MalformedError` where that is not certain."""
    fits = [width for width in (4, 5) if len(data) % (4 * width) == 0]
    if not fits:
        raise MalformedError(
            f"{len(data)} bytes are no whole number of rows of 4 or 5 float32 columns"
            f" (whole for: {_whole(len(data))}); pass --columns, or get the file again"
        )
    values = np.frombuffer(data, "<f4")[:_WINDOW]
    if not _could_be_metres(values):
        raise MalformedError(
            "holds no float32 coordinates (labels, or another number type?); give the scan itself"
        )
    if len(data) % 24 == 0 and _has_colours(values):
        raise MalformedError("looks like x y z and colours 0-255 in 6 columns; pass --columns 6")
    unlikely = _unlikely(values, fits, _fitting(len(data)))
    width = _width_by_values(values, fits) or _width_by_name(path)
    if width in fits and width not in unlikely:
        return width
    if len(fits) == 1 and not unlikely:
        return fits[0]
    if unlikely == fits:
        raise MalformedError(
            f"{len(data)} bytes make rows of {' and of '.join(map(str, fits))} columns, but column"
            f" 4 does not look like an intensity; pass --columns (whole for: {_whole(len(data))})"
        )
    raise MalformedError(
        f"{len(data)} bytes make whole rows of 4 and of 5 columns, and the values do not tell"
        " which; pass --columns 4 (x y z intensity) or --columns 5 (x y z intensity ring)"
    )


def _width_by_values(values: np.ndarray, fits: list[int]) -> int:
    """The one reading that the values speak for, or 0."""
    if 5 in fits and _has_rings(values):
        return 5
    rest = [width for width in fits if _negative_intensities(values, width) < _WRONG]
    if len(rest) != 1 or len(values) < _FEW * 5 or _negative_intensities(values, rest[0]):
        return 0
    return rest[0]


def _width_by_name(path: Path) -> int:
    """nuScenes calls its scans ``*.pcd.bin``; KITTI keeps them in folders ``velodyne*``."""
    if path.name.lower().endswith(".pcd.bin"):
        return 5
    folders = path.absolute().parts[-3:-1]
    return 4 if any(folder.lower().startswith("velodyne") for folder in folders) else 0


def _could_be_metres(values: np.ndarray) -> bool:
    """Integers or float64 read as float32 are mostly denormal or of absurd size."""
    size = np.abs(values[np.isfinite(values) & (values != 0)])
    absurd = np.count_nonzero((size < 1e-12) | (size > 1e12))
    return bool(2 * absurd <= len(size))


# Read with a wrong width, one column of the reading runs through all true columns in turn. So if it
# is whole numbers only, or never negative, then so is about every value of the file; the tests
# below want the other columns, or the other reading, to show the opposite in many places.


def _has_colours(values: np.ndarray) -> bool:
    rows = values[: len(values) // 6 * 6].reshape(-1, 6)
    return _are_bytes(rows[:, 3:]) and bool(rows[:, 3:].any()) and _are_broken(rows[:, :3])


def _has_rings(values: np.ndarray) -> bool:
    rows = values.reshape(-1, 5)
    return _are_bytes(rows[:, 4]) and _are_broken(rows[:, :3])


def _negative_intensities(values: np.ndarray, width: int) -> float:
    """Share of negative values in column 4, which no intensity has."""
    return float(np.mean(values.reshape(-1, width)[:, 3] < 0))


def _unlikely(values: np.ndarray, fits: list[int], others: list[int]) -> list[int]:
    """The readings that intensities speak against, or that another number of columns takes the
    values apart far better, or that all columns are alike."""
    wrong = [width for width in fits if _negative_intensities(values, width) >= _UNLIKELY]
    if len(values) < 4 * 5 * _FEW:
        return wrong
    shares = _differences(values, others)
    clearest, positive = max(shares.values()), not (values < 0).any()
    alike = [width for width in fits if positive and shares[width] < _ALIKE]
    unclear = [width for width in fits if clearest > 2 * shares[width] + 5 * _ALIKE]
    return [width for width in fits if width in (*wrong, *alike, *unclear)]


def _differences(values: np.ndarray, widths: list[int]) -> dict[int, float]:
    """For each number of columns the share of the variance of sizes that lies between them."""
    sizes = np.log(np.maximum(np.abs(np.nan_to_num(values)), 1e-3)).astype(np.float64)
    whole = sizes.var()
    if not whole:
        return dict.fromkeys(widths, 0.0)
    found = {}
    for width in widths:
        rows = sizes[: len(sizes) // width * width]
        found[width] = float(np.var([rows[i::width].mean() for i in range(width)]) / whole)
    return found


def _are_bytes(values: np.ndarray) -> bool:
    with np.errstate(invalid="ignore"):
        return bool(((values >= 0) & (values <= 255) & (values == np.round(values))).all())


def _are_broken(values: np.ndarray) -> bool:
    """Whether there are many values and most of them have decimals, as coordinates do."""
    with np.errstate(invalid="ignore"):
        decimals = np.isfinite(values) & (values != np.round(values))
    return len(values) >= _FEW and bool(decimals.mean() > 0.5)
