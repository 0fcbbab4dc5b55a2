"""``.xyz .txt .csv .asc .pts``: a point a line; separator, header and columns are found.

Column names come from a header line or a comment before the points; where these name no x, y and
z, from ``--columns``; without either, from the number of columns. Decimals have points.
The first line may be the number of points, as ``.pts`` has it.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.io.columns import SHORT, Table, distinct, named
from avs3d.io.facts import Facts
from avs3d.io.names import unpacked
from avs3d.io.result import TABLE
from avs3d.io.source import MalformedError

FACTS = Facts(
    "a point a line",
    "every column of numbers",
    "blanks, tabs, `,` or `;`; header or comment with names, a count in the first line",
)

_MAX_LINE = 1 << 16
_MAX_COLUMNS = 1024
_COMMENTS = ("#", "//")
_SEPARATORS = (";", ",", "\t")
_COLOURS = ("red", "green", "blue")
_COLOURED = {6: ("x", "y", "z", *_COLOURS), 7: ("x", "y", "z", "intensity", *_COLOURS)}
_METRES = re.compile(r"([xyz])1?(_m| ?\(m\)| ?\[m\])", re.I)
"""Other names of x, y and z; with a 1, that of Ouster for the first return."""
_WHOLE = re.compile(rb"^[ \t]*(#|//).*$", re.M)
"""A line that is a comment."""
_INEXACT = 2**53
_QUOTED = re.compile('"[^"]*"')
_EMPTY = ("", "null", "na", "n/a", "none")  # what pandas and databases write where nothing is
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf|infinity)", re.I)


@dataclass
class _Layout:
    """How the lines of a file are to be read.

    Attributes:
        start: byte where the points begin.
        line: number of the line that begins there, from 1.
        separator: between values; None: any number of blanks and tabs.
        width: values in the first line of points.
        names: of the columns by the header, or None.
        count: how many points the first line promises, or None.
        comments: what begins a comment behind values.
    """

    start: int
    line: int
    separator: str | None
    width: int
    names: list[str] | None
    count: int | None
    comments: tuple[str, ...]


def parse(data: memoryview, path: Path, columns: tuple[str, ...] | None) -> Table:
    """All columns of numbers, float64; see `avs3d.io.read`."""
    text = bytes(data)
    _check_text(text)
    if b"\n" not in text:
        text = text.replace(b"\r", b"\n")
    layout, first = _layout(text)
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


def _names(layout: _Layout, columns: tuple[str, ...] | None) -> list[str] | None:
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
    return _is_axis(names[i]) or bool(_NUMBER.fullmatch(values[i]))


def _is_axis(name: str) -> bool:
    return name.lower() in ("x", "y", "z")


def _filled(data: bytes, layout: _Layout, first: list[str]) -> list[str]:
    """The values of the first line, and for an empty one the next that its column has."""
    first = ["" if _is_empty(value) else value for value in first]
    lines = io.BytesIO(data)
    lines.seek(layout.start)
    for line in lines:
        if "" not in first:
            break
        values = _split(line.decode("utf-8", "replace").strip(), layout.separator)
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
    for start in range(0, len(data) - _MAX_LINE, _MAX_LINE):
        if not ends.search(data, start, start + _MAX_LINE):
            raise MalformedError(f"has lines of over {_MAX_LINE} bytes; save one point a line")


def _layout(data: bytes) -> tuple[_Layout, list[str]]:
    """The layout, and the values of the first line of points."""
    comments: list[str] = []
    count: int | None = None
    names: list[str] | None = None
    mark: str | None = None
    for number, (start, line) in enumerate(_lines(data), start=1):
        text = line.strip()
        if not text:
            continue
        if text.startswith(_COMMENTS):
            comments.append(text.lstrip("#/").strip())
            continue
        separator = _separator(text)
        values = _split(text, separator)
        if len(values) == 1 and text.isdecimal() and count is None and names is None:
            count = int(text[:18])
        elif names is None and _is_header(values):
            names, mark = _header_names(values), _mark(text)
        else:
            if mark == "\t" and len(_split(text, mark)) == len(names or ()):
                separator, values = mark, _split(text, mark)  # a later line may have gaps
            _check_first(values, number, names is not None)
            if names is None:
                names = _names_in(comments, len(values), _mark(text))
            behind = _behind(values, separator, names)
            return _Layout(start, number, separator, len(values), names, count, behind), values
    raise MalformedError("holds no points; check how it was made")


def _lines(data: bytes) -> list[tuple[int, str]]:
    """Where each of the first lines begins, and its text."""
    lines, start = [], 3 if data.startswith(b"\xef\xbb\xbf") else 0
    for line in data[start : start + 2 * _MAX_LINE].splitlines(keepends=True):
        lines.append((start, line.decode("utf-8", "replace")))
        start += len(line)
    return lines


def _is_header(values: list[str]) -> bool:
    """Whether a first line has names: no numbers, or x, y and z beside those of pandas."""
    return not any(map(_NUMBER.fullmatch, values)) or _has_axes(_header_names(values))


def _has_axes(names: list[str]) -> bool:
    return {"x", "y", "z"} <= set(map(str.lower, names))


def _behind(values: list[str], separator: str | None, names: list[str] | None) -> tuple[str, ...]:
    """What begins a comment in a line: not what stands in a value, as ``#ff0000`` does."""
    told = names is not None and separator is not None
    return tuple(mark for mark in _COMMENTS if not told or not any(mark in v for v in values))


def _mark(text: str) -> str | None:
    """What stands between values, if it is no blank."""
    bare = _QUOTED.sub("", text)
    return next((mark for mark in _SEPARATORS if bare.count(mark) >= 2), None)


def _separator(text: str) -> str | None:
    """The mark between values; None for blanks, also where these are tabs and nothing is empty."""
    mark = _mark(text)
    return None if mark == "\t" and _split(text, mark) == text.split() else mark


def _split(text: str, separator: str | None) -> list[str]:
    if separator in (",", ";"):  # which may stand in quotes; a return in a line is no value's end
        values = next(csv.reader([text.replace("\r", " ")], delimiter=separator))
    else:
        values = text.split(separator)
    return [value.strip().strip('"') for value in values]


def _check_first(values: list[str], line: int, has_names: bool) -> None:
    last = len(values) - (values[-1] == "")  # a separator at the end of every line
    wrong = next((value for value in values[:last] if not _NUMBER.fullmatch(value)), None)
    if wrong is not None and not has_names:
        raise _bad_line(line, wrong)
    if not 3 <= len(values) <= _MAX_COLUMNS:
        raise MalformedError(
            f"line {line} has {len(values)} columns;"
            f" save x y z and up to {_MAX_COLUMNS - 3} more, separated by blanks or commas"
        )


def _bad_line(line: int, value: str) -> MalformedError:
    shown = ascii(value[:20])
    return MalformedError(
        f"line {line} has {shown} where a number is expected, with a point for decimals;"
        " correct that line"
    )


def _header_names(values: list[str]) -> list[str]:
    """Names of columns, each once; r g b are colours, and axes in metres are x, y and z."""
    values, names = list(values), [value.lower() for value in values]
    for i, name in enumerate(names):
        if (found := _METRES.fullmatch(name)) and found[1] not in names:
            values[i] = names[i] = found[1]
    if {"r", "g", "b"} <= set(names):
        values = [SHORT.get(name, value) for name, value in zip(names, values, strict=True)]
    return distinct(values)


def _names_in(comments: list[str], width: int, mark: str | None) -> list[str] | None:
    """The names in the last comment with x, y and z among them, else those in the last one."""
    found = [_commented_names(comment, width, mark) for comment in comments]
    told = next((names for names in reversed(found) if names and _has_axes(names)), None)
    return told or (found[-1] if found else None)


def _commented_names(header: str, width: int, mark: str | None) -> list[str] | None:
    """The names in a comment such as ``//X Y Z Intensity``, if it is a header.

    It is one where it has as many words as the points have columns, between the same marks; or,
    since blanks are between any words, with x, y and z among them.
    """
    values = _split(header, mark)
    if mark and len(values) == width and not any(map(_NUMBER.fullmatch, values)):
        return _header_names(values)
    for separator in (_separator(header), None):
        names = _header_names(_split(header, separator))
        if len(names) == width and _has_axes(names):
            return names
    return None


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


def _exact(values: np.ndarray, data: bytes, layout: _Layout, i: int) -> np.ndarray:
    """A column of whole numbers too large for float64, such as nanoseconds, with all their digits;
    any other as it is."""
    with np.errstate(invalid="ignore"):
        if not (np.abs(values) >= _INEXACT).any():
            return values
    try:
        return _loaded(data, layout, [i], {i: int}, np.int64)[:, 0]
    except (ValueError, OverflowError):  # of int: something is no whole number, or too large
        return values


def _rows(data: bytes, layout: _Layout, used: list[int], gaps: list[int]) -> np.ndarray:
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
    layout: _Layout,
    used: list[int],
    converters: Any = None,
    dtype: type = np.float64,
) -> np.ndarray:
    marks = [mark for mark in layout.comments if data.find(mark.encode(), layout.start) >= 0]
    stream = io.BytesIO(data)
    stream.seek(layout.start)
    if len(layout.comments) < len(_COMMENTS):
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


def _explain(data: bytes, layout: _Layout, used: list[int], gaps: list[int]) -> None:
    """Raise the `MalformedError` that names the first bad line, if there is one."""
    lines = io.BytesIO(data)
    lines.seek(layout.start)
    for number, line in enumerate(lines, start=layout.line):
        text = line.decode("latin-1").strip()
        for mark in layout.comments:
            text = text.partition(mark)[0].strip()
        if not text or text.startswith(_COMMENTS):
            continue
        values = _split(text, layout.separator)
        if len(values) != layout.width:
            raise MalformedError(
                f"line {number} has {len(values)} columns where {layout.width} are expected;"
                " correct that line"
            )
        for i in used:
            if not _NUMBER.fullmatch(values[i]) and not (i in gaps and _is_empty(values[i])):
                raise _bad_line(number, values[i])
