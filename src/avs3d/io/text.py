"""``.xyz .txt .csv .asc .pts``: a point a line; separator, header and columns are found.

Column names come from a header line or a comment before the points; where these name no x, y and
z, from ``--columns``; without either, from the number of columns. Decimals have points.
The first line may be the number of points, as ``.pts`` has it.
"""

from __future__ import annotations

import io
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.io.columns import COLOURS, Table, named
from avs3d.io.facts import Facts
from avs3d.io.names import unpacked
from avs3d.io.result import TABLE
from avs3d.io.source import MalformedError
from avs3d.io.text_layout import COMMENTS, MAX_LINE, NUMBER, Layout, bad_line, layout_of, split

FACTS = Facts(
    "a point a line",
    "every column of numbers",
    "blanks, tabs, `,` or `;`; header or comment with names, a count in the first line",
)

_COLOURED = {6: ("x", "y", "z", *COLOURS), 7: ("x", "y", "z", "intensity", *COLOURS)}
_WHOLE = re.compile(rb"^[ \t]*(#|//).*$", re.M)
"""A line that is a comment."""
_INEXACT = 2**53
_EMPTY = ("", "null", "na", "n/a", "none")  # what pandas and databases write where nothing is


def parse(data: memoryview, path: Path, columns: tuple[str, ...] | None) -> Table:
    """All columns of numbers, float64; see `avs3d.io.read`."""
    text = bytes(data)
    _check_text(text)
    if b"\n" not in text:
        text = text.replace(b"\r", b"\n")
    layout, first = layout_of(text)
    names = _names(layout, columns)
    gaps = [] if names is None else [i for i, name in enumerate(names) if not _is_axis(name)]
    if gaps:
        first = _filled(text, layout, first)
    used = [i for i in range(len(first)) if _is_used(i, first, names)]
    rows = _rows(text, layout, used, [i for i in used if i in gaps])
    if len(rows) and rows.shape[1] != len(used):
        raise MalformedError(
            f"line {layout.line} has {rows.shape[1]} columns before a comment, not {len(used)};"
            " take the comment out"
        )
    if layout.count is not None and layout.count != len(rows):
        raise MalformedError(
            f"truncated or damaged: its first line promises {layout.count} points,"
            f" but {len(rows)} follow; get the file again, or remove that line"
        )
    if names is None:
        return Table(named(rows, _coloured(rows, path)))
    found = {names[i]: _exact(rows[:, place], text, layout, i) for place, i in enumerate(used)}
    return Table(found, result=names[: len(TABLE)] == TABLE)


def _names(layout: Layout, columns: tuple[str, ...] | None) -> list[str] | None:
    """A name for every column, x, y and z among them; None where nothing tells any."""
    names, told = layout.names, "the header"
    missing = [axis for axis in "xyz" if axis not in map(str.lower, names or ())]
    if missing and columns is not None:
        names, told, missing = list(columns), "--columns", []
    if names is None:
        return None
    if len(names) != layout.width:
        raise MalformedError(
            f"line {layout.line} has {layout.width} columns, {told} {len(names)}; correct {told}"
        )
    if missing:
        raise MalformedError(
            f"has no column {missing[0]} (columns: {', '.join(names[:12])}); name x, y and z in"
            " the header, or with --columns"
        )
    return names


def _is_used(i: int, values: list[str], names: list[str] | None) -> bool:
    """Whether a column is read: of named ones what holds numbers, else all but an empty last."""
    if names is None:
        return i + 1 < len(values) or values[i] != ""
    return _is_axis(names[i]) or bool(NUMBER.fullmatch(values[i]))


def _is_axis(name: str) -> bool:
    return name.lower() in ("x", "y", "z")


def _filled(data: bytes, layout: Layout, first: list[str]) -> list[str]:
    """The values of the first line, and for an empty one the next that its column has."""
    first = ["" if _is_empty(value) else value for value in first]
    lines = io.BytesIO(data)
    lines.seek(layout.start)
    for line in lines:
        if "" not in first:
            break
        values = split(line.decode("utf-8", "replace").strip(), layout.separator)
        if len(values) == len(first):
            pairs = zip(first, values, strict=True)
            first = [old or ("" if _is_empty(new) else new) for old, new in pairs]
    return first


def _is_empty(value: str) -> bool:
    return value.lower() in _EMPTY


def _check_text(data: bytes) -> None:
    """Refuse what is no text, and lines so long that cutting them up would take all memory."""
    if b"\0" in data:
        raise MalformedError("is no plain text; give a text file in ASCII or UTF-8")
    ends = re.compile(rb"[\r\n]")
    for start in range(0, len(data) - MAX_LINE, MAX_LINE):
        if not ends.search(data, start, start + MAX_LINE):
            raise MalformedError(f"has lines of over {MAX_LINE} bytes; save one point a line")


def _coloured(rows: np.ndarray, path: Path) -> tuple[str, ...] | None:
    """Names for 6 and 7 columns that end with colours, whole numbers from 0 to 255.

    Of 7, CloudCompare puts the intensity last: where the fourth could be a colour, too, nothing
    says which it is, but of .pts, whose order is fixed.
    """
    names = _COLOURED.get(rows.shape[1])
    if names is None or not len(rows):
        return None
    with np.errstate(invalid="ignore"):
        rest = rows[:, 3:]
        could_be = ((rest >= 0) & (rest <= 255) & (rest == np.round(rest))).all(axis=0)
    if not could_be[-3:].all() or not rest[:, -3:].any():
        return None
    return None if could_be.sum() > 3 and unpacked(path).suffix.lower() != ".pts" else names


def _exact(values: np.ndarray, data: bytes, layout: Layout, i: int) -> np.ndarray:
    """A column of whole numbers too large for float64, such as nanoseconds, with all their digits;
    any other as it is."""
    with np.errstate(invalid="ignore"):
        if not (np.abs(values) >= _INEXACT).any():
            return values
    try:
        return _loaded(data, layout, [i], {i: int}, np.int64)[:, 0]
    except (ValueError, OverflowError):  # of int: something is no whole number, or too large
        return values


def _rows(data: bytes, layout: Layout, used: list[int], gaps: list[int]) -> np.ndarray:
    """(N, columns used) float64; NaN where a column of `gaps` has an empty value."""
    try:
        return _loaded(data, layout, used)
    except ValueError as error:
        _explain(data, layout, used, gaps)
        failed = error
    try:
        # Slowly, since Python looks at each value.
        return _loaded(data, layout, used, dict.fromkeys(gaps, _number))
    except ValueError:
        raise MalformedError("is no table of numbers; save one point a line") from failed


def _loaded(
    data: bytes,
    layout: Layout,
    used: list[int],
    converters: Any = None,
    dtype: type = np.float64,
) -> np.ndarray:
    marks = [mark for mark in layout.comments if data.find(mark.encode(), layout.start) >= 0]
    stream = io.BytesIO(data)
    stream.seek(layout.start)
    if len(layout.comments) < len(COMMENTS):
        stream = io.BytesIO(_WHOLE.sub(b"", stream.read()))
    found: np.ndarray = np.loadtxt(
        stream,
        dtype,
        comments=marks or None,
        delimiter=layout.separator,
        converters=converters,
        usecols=used if len(used) < layout.width else None,
        quotechar=None if "//" in marks else '"',  # numpy cannot do both
        ndmin=2,
        encoding="latin-1",
    )
    return found


def _number(value: str) -> float:
    value = value.strip()
    return math.nan if _is_empty(value) else float(value)


def _explain(data: bytes, layout: Layout, used: list[int], gaps: list[int]) -> None:
    """Raise the `MalformedError` that names the first bad line, if there is one."""
    lines = io.BytesIO(data)
    lines.seek(layout.start)
    for number, line in enumerate(lines, start=layout.line):
        text = line.decode("latin-1").strip()
        for mark in layout.comments:
            text = text.partition(mark)[0].strip()
        if not text or text.startswith(COMMENTS):
            continue
        values = split(text, layout.separator)
        if len(values) != layout.width:
            raise MalformedError(
                f"line {number} has {len(values)} columns where {layout.width} are expected;"
                " correct that line"
            )
        for i in used:
            if not NUMBER.fullmatch(values[i]) and not (i in gaps and _is_empty(values[i])):
                raise bad_line(number, values[i])
