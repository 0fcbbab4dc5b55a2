"""A picture of where the points of a run went: word, class that it means, true class. SVG."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any, NamedTuple

from avs3d.labelsets import LabelSet

VOID = "void"
_MOST_WORDS = 30
_OTHERS = "other words"
_WIDTH, _HEIGHT = 960, 720
_BAR, _GAP, _TEXT = 14, 4, 150  # pixels: width of a bar, between bars, for names at the sides
_LEAST = 1.5  # pixels of a bar
_NAMED = 8  # pixels of a bar from which its name is written
_PLACES = (_TEXT, (_WIDTH - _BAR) // 2, _WIDTH - _TEXT - _BAR)  # of the bars, from the left


class Flow(NamedTuple):
    """Points of a word that mean one class and are of another.

    Attributes:
        names: the word, the class that it means, the true class.
        points: how many.
    """

    names: tuple[str, str, str]
    points: int


def flows(words: Iterable[dict[str, Any]]) -> list[Flow]:
    """Of the rows of `Words.table`; words with few points are put together."""
    rows = sorted(words, key=lambda row: (-row["counted"], row["word"]))
    found: dict[tuple[str, str, str], int] = {}
    for place, row in enumerate(rows):
        word = row["word"] if place < _MOST_WORDS else _OTHERS
        for truth, points in row["truth"].items():
            key = word, row["class"] or VOID, truth
            found[key] = found.get(key, 0) + points
    return [Flow(key, points) for key, points in found.items()]


def svg(found: list[Flow], labels: LabelSet) -> str:
    """Bars for words, told and true classes, as high as their points are many, and bands between
    them in the colour of the true class."""
    if not found:
        return ""
    triples = zip(labels.classes, labels.colors.tolist(), strict=True)
    colors = {name: "#" + bytes(color).hex() for name, color in triples}
    order = [*labels.classes, VOID]
    found = sorted(found, key=lambda flow: [_rank(name, order) for name in flow.names])
    columns = [_stack(found, column, order) for column in range(3)]
    bands = "".join(_bands(found, left, columns, colors) for left in (0, 1))
    bars = "".join(
        _bar(name, column, y, high, colors.get(name, "#888"))
        for column, stack in enumerate(columns)
        for name, (y, high) in stack.items()
    )
    return (
        f'<svg viewBox="0 -18 {_WIDTH} {_HEIGHT + 18}" role="img" aria-label="words, the classes'
        f' that they mean, true classes"><g fill-opacity=".45">{bands}</g>{_headings()}{bars}</svg>'
    )


def _bands(
    found: list[Flow],
    left: int,
    columns: list[dict[str, tuple[float, float]]],
    colors: dict[str, str],
) -> str:
    """Those between a column and the next one."""
    sides = (left, left + 1)
    tops = [{name: y for name, (y, _) in columns[side].items()} for side in sides]
    scales = [_scale(columns[side], found, side) for side in sides]
    (x, end), paths = (_PLACES[left] + _BAR, _PLACES[left + 1]), []
    middle = (x + end) / 2
    for names, points in found:
        y, high = [], []
        for side, top, scale in zip(sides, tops, scales, strict=True):
            y.append(top[names[side]])
            high.append(points * scale[names[side]])
            top[names[side]] += high[-1]
        word, told, truth = map(escape, names)
        paths.append(
            f'<path fill="{colors[names[2]]}" d="M{x} {y[0]:.1f}C{middle} {y[0]:.1f} {middle}'
            f" {y[1]:.1f} {end} {y[1]:.1f}v{high[1]:.2f}C{middle} {y[1] + high[1]:.1f} {middle}"
            f' {y[0] + high[0]:.1f} {x} {y[0] + high[0]:.1f}z"><title>{word} → {told}, truly'
            f" {truth}: {points:,} points</title></path>"
        )
    return "".join(paths)


def _rank(name: str, order: list[str]) -> tuple[int, str]:
    return (order.index(name), "") if name in order else (-1, name)


def _stack(found: list[Flow], column: int, order: list[str]) -> dict[str, tuple[float, float]]:
    """Name -> top and height of its bar, pixels; words by their points, classes in their order."""
    points: dict[str, int] = {}
    for flow in found:
        name = flow.names[column]
        points[name] = points.get(name, 0) + flow.points
    if column == 0:
        names = sorted(points, key=lambda name: (name == _OTHERS, -points[name], name))
    else:
        names = sorted(points, key=order.index)
    # Of many names the bars are closer and thinner: half of the height is left for the points.
    shrunk = min(1.0, _HEIGHT / 2 / ((_GAP + _LEAST) * len(names)))
    gap, least = shrunk * _GAP, shrunk * _LEAST
    room = _HEIGHT - gap * (len(names) - 1) - least * len(names)
    total, stack, y = sum(points.values()), {}, 0.0
    for name in names:
        high = least + room * points[name] / total
        stack[name] = (y, high)
        y += high + gap
    return stack


def _scale(
    column: dict[str, tuple[float, float]], found: list[Flow], place: int
) -> dict[str, float]:
    """Pixels that a point is high within each bar."""
    points: dict[str, int] = dict.fromkeys(column, 0)
    for flow in found:
        points[flow.names[place]] += flow.points
    return {name: column[name][1] / points[name] for name in column}


def _bar(name: str, column: int, y: float, high: float, color: str) -> str:
    x = _PLACES[column]
    bar = (
        f'<rect x="{x}" y="{y:.1f}" width="{_BAR}" height="{high:.1f}" fill="{color}"'
        f"><title>{escape(name)}</title></rect>"
    )
    if high < _NAMED:
        return bar
    at, anchor = (x - 6, "end") if column == 0 else (x + _BAR + 6, "start")
    return bar + (
        f'<text x="{at}" y="{y + high / 2 + 4:.1f}" text-anchor="{anchor}">{escape(name)}</text>'
    )


def _headings() -> str:
    heads = (("word", "end", _BAR), ("class it means", "middle", _BAR // 2), ("truth", "start", 0))
    return "".join(
        f'<text class="head" x="{place + shift}" y="-8" text-anchor="{anchor}">{name}</text>'
        for place, (name, anchor, shift) in zip(_PLACES, heads, strict=True)
    )
