"""How the lines of a text of points are to be read: separator, header and comments."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from avs3d.io.columns import SHORT, distinct
from avs3d.io.source import MalformedError

MAX_LINE = 1 << 16
COMMENTS = ("#", "//")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf|infinity)", re.I)
_MAX_COLUMNS = 1024
_SEPARATORS = (";", ",", "\t")
_METRES = re.compile(r"([xyz])1?(_m| ?\(m\)| ?\[m\])", re.I)
"""Other names of x, y and z; with a 1, that of Ouster for the first return."""
_QUOTED = re.compile('"[^"]*"')


@dataclass
class Layout:
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


def layout_of(data: bytes) -> tuple[Layout, list[str]]:
    """The layout, and the values of the first line of points."""
    comments: list[str] = []
    count: int | None = None
    names: list[str] | None = None
    mark: str | None = None
    for number, (start, line) in enumerate(_lines(data), start=1):
        text = line.strip()
        if not text:
            continue
        if text.startswith(COMMENTS):
            comments.append(text.lstrip("#/").strip())
            continue
        separator = _separator(text)
        values = split(text, separator)
        if len(values) == 1 and text.isdecimal() and count is None and names is None:
            count = int(text[:18])
        elif names is None and _is_header(values):
            names, mark = _header_names(values), _mark(text)
        else:
            if mark == "\t" and len(split(text, mark)) == len(names or ()):
                separator, values = mark, split(text, mark)  # a later line may have gaps
            _check_first(values, number, names is not None)
            if names is None:
                names = _names_in(comments, len(values), _mark(text))
            behind = _behind(values, separator, names)
            return Layout(start, number, separator, len(values), names, count, behind), values
    raise MalformedError("holds no points; check how it was made")


def _lines(data: bytes) -> list[tuple[int, str]]:
    """Where each of the first lines begins, and its text."""
    lines, start = [], 3 if data.startswith(b"\xef\xbb\xbf") else 0
    for line in data[start : start + 2 * MAX_LINE].splitlines(keepends=True):
        lines.append((start, line.decode("utf-8", "replace")))
        start += len(line)
    return lines


def _is_header(values: list[str]) -> bool:
    """Whether a first line has names: no numbers, or x, y and z beside those of pandas."""
    return not any(map(NUMBER.fullmatch, values)) or _has_axes(_header_names(values))


def _has_axes(names: list[str]) -> bool:
    return {"x", "y", "z"} <= set(map(str.lower, names))


def _behind(values: list[str], separator: str | None, names: list[str] | None) -> tuple[str, ...]:
    """What begins a comment in a line: not what stands in a value, as ``#ff0000`` does."""
    told = names is not None and separator is not None
    return tuple(mark for mark in COMMENTS if not told or not any(mark in v for v in values))


def _mark(text: str) -> str | None:
    """What stands between values, if it is no blank."""
    bare = _QUOTED.sub("", text)
    return next((mark for mark in _SEPARATORS if bare.count(mark) >= 2), None)


def _separator(text: str) -> str | None:
    """The mark between values; None for blanks, also where these are tabs and nothing is empty."""
    mark = _mark(text)
    return None if mark == "\t" and split(text, mark) == text.split() else mark


def split(text: str, separator: str | None) -> list[str]:
    """The values of a line, without quotes."""
    if separator in (",", ";"):  # which may stand in quotes; a return in a line is no value's end
        values = next(csv.reader([text.replace("\r", " ")], delimiter=separator))
    else:
        values = text.split(separator)
    return [value.strip().strip('"') for value in values]


def _check_first(values: list[str], line: int, has_names: bool) -> None:
    last = len(values) - (values[-1] == "")  # a separator at the end of every line
    wrong = next((value for value in values[:last] if not NUMBER.fullmatch(value)), None)
    if wrong is not None and not has_names:
        raise bad_line(line, wrong)
    if not 3 <= len(values) <= _MAX_COLUMNS:
        raise MalformedError(
            f"line {line} has {len(values)} columns;"
            f" save x y z and up to {_MAX_COLUMNS - 3} more, separated by blanks or commas"
        )


def bad_line(line: int, value: str) -> MalformedError:
    """What to say of a value that is no number."""
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
    values = split(header, mark)
    if mark and len(values) == width and not any(map(NUMBER.fullmatch, values)):
        return _header_names(values)
    for separator in (_separator(header), None):
        names = _header_names(split(header, separator))
        if len(names) == width and _has_axes(names):
            return names
    return None
