"""Tables that pandas pickled: the columns that were in them, or a refusal; nothing is run."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from avs3d.io.frames import columns_of
from avs3d.io.source import MalformedError
from pickle_files import DATA, Call, tensor
from roots.pandas_pickles import new_table, odd_table, old_table

KINDS = st.sampled_from(["f8", "f4", "i8", "i4", "u1", "?"])
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@pytest.mark.parametrize("write", [old_table, new_table])
@settings(max_examples=60)
@given(data=st.data())
def test_tables(write: Callable[..., bytes], data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 5))
    names = data.draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    columns = {name: data.draw(arrays.arrays(data.draw(KINDS), (count,))) for name in names}
    index = data.draw(st.none() | arrays.arrays("i8", (count,)))
    content = write(columns, index, protocol=data.draw(st.integers(2, 5)))
    found, rows = columns_of(memoryview(content))
    assert list(found) == names
    for name in names:
        assert found[name].dtype == columns[name].dtype
        np.testing.assert_array_equal(found[name], columns[name])
    np.testing.assert_array_equal(rows, np.arange(count) if index is None else index)


@settings(max_examples=300)
@given(st.integers(0, 10_000), st.integers(0, 255), st.booleans())
def test_damaged_tables_are_read_or_refused(place: int, byte: int, cut: bool) -> None:
    content = bytearray(old_table({"x": np.arange(3.0), "class": np.arange(3)}))
    place %= len(content)
    content = content[:place] if cut else content
    if not cut:
        content[place] = byte
    try:
        found, rows = columns_of(memoryview(bytes(content)))
    except MalformedError as error:
        assert str(error)
    else:
        assert all(len(value) == len(rows) for value in found.values())


def odd(places: Any = None, names: Any = None, rows: Any = None, size: int = 2) -> bytes:
    """A column of two rows, whose parts may be other ones."""

    def frame(named: dict[str, Any], call: Callable[..., Any]) -> Any:
        data = np.array(["x"], object) if names is None else names
        told = {"start": 0, "stop": size, "step": 1, "name": None}
        axes = [
            call(named["_new_Index"], named["Index"], {"data": data, "name": None}),
            call(named["_new_Index"], named["RangeIndex"], told) if rows is None else rows,
        ]
        place = slice(0, 1, 1) if places is None else places
        block = call(named["_unpickle_block"], np.zeros((1, 2)), place, 2)
        return {"_mgr": call(named["BlockManager"], (block,), axes)}

    return odd_table(frame)


NO_ROWS = "its rows have no whole numbers; get the file again"
FRAMES = [
    (b"", "is no pickled table of pandas; get the file again"),
    (pickle.dumps(DATA["arrays"], 4), "holds no table of pandas; get the file again"),
    (
        b"\x80\x02" + tensor() + b".",
        "holds tensors instead of a table of pandas; get the file again",
    ),
    (
        odd_table(lambda named, call: {"_mgr": 3}),
        "has a layout of pandas that is not known; save it with pandas 2",
    ),
    (odd(places=7), "is damaged: its columns have no places; get the file again"),
    (odd(names=np.arange(1)), "its columns have no names; get the file again"),
    (odd(rows=7), NO_ROWS),
    (odd(size=10**12), NO_ROWS),
    (new_table({"x": np.arange(2.0)}, np.array(["a", "b"], object)), NO_ROWS),
    (
        new_table({"x": np.arange(2.0)}, np.arange(3)),
        "is damaged: a block has not its table's size; get it again",
    ),
]
"""Content and message of everything that `avs3d.io.frames` refuses by itself."""
HOSTILE = [
    (pickle.dumps(Call(os.system, "true"), 4), "asks for 'posix.system', and nothing but"),
    (
        new_table({"x": np.arange(2.0)}).replace(b"_unpickle_block", b"_unpickle_blocl"),
        "asks for 'pandas._libs.internals._unpickle_blocl', and nothing but",
    ),
]


@pytest.mark.parametrize(("content", "message"), [*FRAMES, *HOSTILE])
def test_what_is_no_table_of_numbers(content: bytes, message: str) -> None:
    with pytest.raises(MalformedError) as caught:
        columns_of(memoryview(content))
    exactly = (content, message) in FRAMES
    assert str(caught.value) == message if exactly else str(caught.value).startswith(message)
