"""Tables as pandas pickles them, made without pandas: its classes by name, and what they tell."""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np

Columns = dict[str, np.ndarray]
_PLACES = {
    "DataFrame": "pandas.core.frame",
    "BlockManager": "pandas.core.internals.managers",
    "_unpickle_block": "pandas._libs.internals",
    "_new_Index": "pandas.core.indexes.base",
    "Index": "pandas.core.indexes.base",
    "RangeIndex": "pandas.core.indexes.range",
    "Int64Index": "pandas.core.indexes.numeric",
}


class _Told:
    """Pickled as a call of `callee`."""

    def __init__(self, callee: Any, arguments: tuple[Any, ...]) -> None:
        self.told = callee, arguments

    def __reduce__(self) -> Any:
        return self.told


class _Filled:
    """Pickled as a new object of its class, which is filled with a state."""

    def __init__(self, state: Any) -> None:
        self.state = state

    def __getstate__(self) -> Any:
        return self.state


def _call() -> None:
    """Stands for a function of pandas."""


def old_table(columns: Columns, index: np.ndarray | None = None, protocol: int = 4) -> bytes:
    """As pandas 1.0 writes it, with which PandaSet was made."""
    named = _classes()
    axes = _axes(named, list(columns), _size(columns), index, named["Int64Index"])
    blocks = _blocks(columns)
    parts = [{"values": values, "mgr_locs": places} for values, places in blocks]
    items = [
        _index(named, [name for name, value in columns.items() if value.dtype == values.dtype])
        for values, _ in blocks
    ]
    state = (
        axes,
        [values for values, _ in blocks],
        items,
        {"0.14.1": {"axes": axes, "blocks": parts}},
    )
    manager = named["BlockManager"](state)
    frame = {"_data": manager, "_typ": "dataframe", "_metadata": [], "attrs": {}}
    return _pickled(named, named["DataFrame"](frame), protocol)


def new_table(columns: Columns, index: np.ndarray | None = None, protocol: int = 5) -> bytes:
    """As pandas 2 writes it."""
    named = _classes()
    axes = _axes(named, list(columns), _size(columns), index, named["Index"])
    blocks = tuple(
        _Told(named["_unpickle_block"], (values, places, 2)) for values, places in _blocks(columns)
    )
    manager = _Told(named["BlockManager"], (blocks, axes))
    flags = {"allows_duplicate_labels": True}
    frame = {"_mgr": manager, "_typ": "dataframe", "_metadata": [], "attrs": {}, "_flags": flags}
    return _pickled(named, named["DataFrame"](frame), protocol)


def odd_table(frame: Callable[[dict[str, Any], Callable[..., Any]], Any]) -> bytes:
    """A table of pandas that is filled with anything, made of its names and of calls of them."""
    named = _classes()
    return _pickled(named, named["DataFrame"](frame(named, lambda c, *told: _Told(c, told))), 4)


def _size(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def _blocks(columns: Columns) -> list[tuple[np.ndarray, Any]]:
    """Columns of a type lie together: (columns, rows) and where they are."""
    found = []
    for dtype in dict.fromkeys(value.dtype for value in columns.values()):
        places = [i for i, value in enumerate(columns.values()) if value.dtype == dtype]
        # pandas takes them off rows: they lie in the order of Fortran.
        values = np.asfortranarray([list(columns.values())[i] for i in places])
        run = places == list(range(places[0], places[-1] + 1))
        found.append((values, slice(places[0], places[-1] + 1, 1) if run else np.array(places)))
    return found


def _index(named: dict[str, Any], names: list[str]) -> _Told:
    data = np.array(names, dtype=object)
    return _Told(named["_new_Index"], (named["Index"], {"data": data, "name": None}))


def _axes(
    named: dict[str, Any], names: list[str], size: int, index: np.ndarray | None, kind: Any
) -> list[_Told]:
    told = {"name": None, "start": 0, "stop": size, "step": 1}
    rows = _Told(named["_new_Index"], (named["RangeIndex"], told))
    if index is not None:
        rows = _Told(named["_new_Index"], (kind, {"data": index, "name": None}))
    return [_index(named, names), rows]


def _classes() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, module in _PLACES.items():
        function = name.startswith("_")
        made: Any = types.FunctionType(_call.__code__, {}, name) if function else None
        made = made or type(name, (_Filled,), {})
        made.__module__, made.__qualname__ = module, name
        found[name] = made
    return found


def _pickled(named: dict[str, Any], content: Any, protocol: int) -> bytes:
    modules = {}
    for name, module in _PLACES.items():
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            whole = ".".join(parts[:end])
            modules.setdefault(whole, types.ModuleType(whole))
        setattr(modules[module], name, named[name])
    with patch.dict(sys.modules, modules):
        return pickle.dumps(content, protocol)
