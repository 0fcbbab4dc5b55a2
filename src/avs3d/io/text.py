"""``.xyz .txt .csv .asc .pts``: a point a line; separator, header and columns are found.

Column names come from a header line or the last comment before the points; where these name no
x, y and z, from ``--columns``; without either, from the number of columns. Decimals have points.
The first line may be the number of points, as ``.pts`` has it.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avs3d.io.columns import SHORT, Table, distinct, named
from avs3d.io.facts import Facts
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
_QUOTED = re.compile('"[^"]*"')
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
    """

    start: int
    line: int
    separator: str | None
    width: int
    names: list[str] | None
    count: int | None


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
        return Table(named(rows, _coloured(rows)))
    found = {names[i]: rows[:, place] for place, i in enumerate(used)}
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
    for _, line in _lines(data[layout.start : layout.start + 2 * _MAX_LINE]):
        values = _split(line.strip(), layout.separator)
        if "" not in first:
            break
        if len(values) == len(first):
            first = [old or new for old, new in zip(first, values, strict=True)]
    return first


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
    header: str | None = None
    count: int | None = None
    names: list[str] | None = None
    for number, (start, line) in enumerate(_lines(data), start=1):
        text = line.strip()
        if not text:
            continue
        if text.startswith(_COMMENTS):
            header = text.lstrip("#/").strip()
            continue
        separator = _separator(text)
        values = _split(text, separator)
        if len(values) == 1 and text.isdecimal() and count is None and names is None:
            count = int(text[:18])
        elif names is None and not any(_NUMBER.fullmatch(value) for value in values):
            names = _header_names(values)
        else:
            _check_first(values, number, names is not None)
            if names is None and header is not None:
                names = _commented_names(header, len(values), _mark(text))
            return _Layout(start, number, separator, len(values), names, count), values
    raise MalformedError("holds no points; check how it was made")


def _lines(data: bytes) -> list[tuple[int, str]]:
    """Where each of the first lines begins, and its text."""
    lines, start = [], 3 if data.startswith(b"\xef\xbb\xbf") else 0
    for line in data[start : start + 2 * _MAX_LINE].splitlines(keepends=True):
        lines.append((start, line.decode("utf-8", "replace")))
        start += len(line)
    return lines


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
        if len(names) == width and {"x", "y", "z"} <= {name.lower() for name in names}:
            return names
    return None


def _coloured(rows: np.ndarray) -> tuple[str, ...] | None:
    """Names for 6 and 7 columns that end with colours, whole numbers from 0 to 255."""
    names = _COLOURED.get(rows.shape[1])
    if names is None or not len(rows):
        return None
    colours = rows[:, -3:]
    with np.errstate(invalid="ignore"):
        are = ((colours >= 0) & (colours <= 255) & (colours == np.round(colours))).all()
    return names if are and colours.any() else None


def _rows(data: bytes, layout: _Layout, used: list[int], gaps: list[int]) -> np.ndarray:
    """(N, columns used) float64; NaN where a column of `gaps` has an empty value."""
    try:
        return _loaded(data, layout, used, [])
    except ValueError as error:
        _explain(data, layout, used, gaps)
        failed = error
    try:
        return _loaded(data, layout, used, gaps)  # slowly, since Python looks at each value
    except ValueError:
        raise MalformedError("is no table of numbers; save one point a line") from failed


def _loaded(data: bytes, layout: _Layout, used: list[int], gaps: list[int]) -> np.ndarray:
    marks = [mark for mark in _COMMENTS if data.find(mark.encode(), layout.start) >= 0]
    stream = io.BytesIO(data)
    stream.seek(layout.start)
    return np.loadtxt(
        stream,
        comments=marks or None,
        delimiter=layout.separator,
        converters=dict.fromkeys(gaps, lambda value: float(value.strip() or "nan")),
        usecols=used if len(used) < layout.width else None,
        quotechar=None if "//" in marks else '"',  # numpy cannot do both
        ndmin=2,
        encoding="latin-1",
    )


def _explain(data: bytes, layout: _Layout, used: list[int], gaps: list[int]) -> None:
    """Raise the `MalformedError` that names the first bad line, if there is one."""
    lines = io.BytesIO(data)
    lines.seek(layout.start)
    for number, line in enumerate(lines, start=layout.line):
        text = re.split("#|//", line.decode("latin-1"), maxsplit=1)[0].strip()
        if not text:
            continue
        values = _split(text, layout.separator)
        if len(values) != layout.width:
            raise MalformedError(
                f"line {number} has {len(values)} columns where {layout.width} are expected;"
                " correct that line"
            )
        for i in used:
            if not _NUMBER.fullmatch(values[i]) and not (i in gaps and values[i] == ""):
                raise _bad_line(number, values[i])
