"""Pickled tables of pandas, read without pandas and without unpickling: columns of numbers.

`avs3d.io.pickle_machine` carries the pickle out; what pandas would make of its own names stays a
record of the name and what it was told. The layouts of pandas before 1.3 (as PandaSet has it) and
up to 2 are known.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from avs3d.io.pickle_machine import Machine, Name
from avs3d.io.source import MalformedError, damaged

_NAMES = {
    "pandas.core.frame.DataFrame": "frame",
    "pandas.core.internals.managers.BlockManager": "blocks",
    "pandas._libs.internals._unpickle_block": "block",
    "pandas.core.indexes.base._new_Index": "index",
    "pandas.core.indexes.base.Index": "Index",
    "pandas.core.indexes.range.RangeIndex": "RangeIndex",
    "pandas.core.indexes.numeric.Int64Index": "Index",
    "builtins.slice": "slice",
    "__builtin__.slice": "slice",
}


@dataclass(frozen=True)
class _Class:
    """What a pickle calls by name, and this module knows."""

    name: str


@dataclass
class _Record:
    """What is made by such a name: from which arguments, and filled with what."""

    name: str
    told: tuple[Any, ...]
    state: Any = None


@dataclass
class _Texts:
    """An array of texts, before and after it was filled."""

    values: tuple[Any, ...] = ()


class _FrameMachine(Machine):
    """A `Machine` that also takes the names of pandas, and arrays of texts."""

    def named(self, full: str) -> Any:
        return _Class(_NAMES[full]) if full in _NAMES else super().named(full)

    def made(self, callee: Any, arguments: Any) -> Any:
        match callee, arguments:
            case _Class(name), tuple():
                return _Record(name, arguments)
            case Name("numpy.dtype"), ("O8" | "O4", *_):  # the type of an array of texts
                return _Texts()
        return super().made(callee, arguments)

    def filled(self, made: Any, state: Any) -> Any:
        match made, state:
            case _Record(), _:
                made.state = state
                return made
            case _Texts(), _:  # its byte order
                return made
            case _, (_, tuple(shape), _Texts(), _, list(values)) if shape == (len(values),):
                return _Texts(tuple(values))
        return super().filled(made, state)


def columns_of(data: memoryview) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The columns of numbers of a pickled table, and the number of each of its rows.

    Returns:
        Name -> (N,) array, in the table's order; (N,) int64.

    Raises:
        MalformedError: it is no such pickle, is damaged, or its rows have no whole numbers.
    """
    if bytes(data[:1]) != b"\x80":
        raise MalformedError("is no pickled table of pandas; get the file again")
    with damaged("pickle"):
        return _columns(_FrameMachine(len(data), _no_tensors, _no_tensors).run(io.BytesIO(data)))


def _columns(frame: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    match frame:
        case _Record("frame", (), {"_mgr": manager}) | _Record("frame", (), {"_data": manager}):
            axes, blocks = _parts(manager)
        case _:
            raise MalformedError("holds no table of pandas; get the file again")
    names, rows = _names(axes[0]), _rows(axes[1], blocks[0][0].shape[1] if blocks else 0)
    columns: dict[int, np.ndarray] = {}
    for values, places in blocks:
        where = range(len(names))[places] if isinstance(places, slice) else places.tolist()
        if values.shape != (len(where), len(rows)):
            raise MalformedError("is damaged: a block has not its table's size; get it again")
        columns |= dict(zip(where, values, strict=True))
    return {name: columns[at] for at, name in enumerate(names) if at in columns}, rows


def _no_tensors(*_: Any) -> NoReturn:
    raise MalformedError("holds tensors instead of a table of pandas; get the file again")


def _parts(manager: Any) -> tuple[list[Any], list[tuple[np.ndarray, Any]]]:
    """The two axes, and the arrays of numbers with the places of their columns."""
    match manager:
        case _Record("blocks", (tuple(told), [_, _] as axes)):
            found = [b.told[:2] for b in told if isinstance(b, _Record) and len(b.told) == 3]
        case _Record("blocks", (), (_, _, _, {"0.14.1": {"axes": [_, _] as axes, "blocks": told}})):
            found = [(block["values"], block["mgr_locs"]) for block in told]
        case _:
            raise MalformedError("has a layout of pandas that is not known; save it with pandas 2")
    numbers = [pair for pair in found if isinstance(pair[0], np.ndarray) and pair[0].ndim == 2]
    # Of no columns there could be any number of rows, which nothing in the file stands for.
    return axes, [(values, _places(places)) for values, places in numbers if len(values)]


def _places(told: Any) -> Any:
    match told:
        case _Record("slice", (int(start), int(stop), int(step))) if step > 0:
            return slice(start, stop, step)
        case np.ndarray() if told.dtype.kind == "i" and told.ndim == 1:
            return told
    raise MalformedError("is damaged: its columns have no places; get the file again")


def _names(axis: Any) -> list[str]:
    match axis:
        case _Record("index", (_Class("Index"), {"data": _Texts(values)})):
            if all(isinstance(value, str) for value in values):
                return list(values)
    raise MalformedError("its columns have no names; get the file again")


def _rows(axis: Any, count: int) -> np.ndarray:
    match axis:
        case _Record(
            "index", (_Class("RangeIndex"), {"start": int(start), "stop": int(stop), "step": 1})
        ) if stop - start == count:
            return np.arange(start, stop)
        case _Record("index", (_Class("Index"), {"data": np.ndarray() as data})):
            if data.dtype.kind == "i" and data.ndim == 1:
                return data.astype(np.int64)
    raise MalformedError("its rows have no whole numbers; get the file again")
