"""Text: names of columns, separators, and values that are missing or in quotes."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from avs3d.errors import ReadError
from avs3d.io import read
from avs3d.io.text import parse
from io_files import put


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("1 2 3 9\n4 5 6 9\n", []),
        ("  1\t2  3 9 \r\n\r\n4 5\t6 9\r\n", []),
        ("1,2,3,9,\n4, 5, 6, 9,\n", []),
        ("1;2;3;9\n4;5;6;9", []),
        ("2\n1 2 3 9\n4 5 6 9\n", []),
        ("# by hand\n# x y z intensity\n1 2 3 9\n// between\n4 5 6 9 # here\n", []),
        ("//X Y Z Intensity\n2\n1 2 3 9\n4 5 6 9\n", []),
        ('\ufeff"X","Y","Z","name","Intensity"\n1,2,3,"a b",9\n4,5,6,c,9\n', []),
        ('x,y,z,i,word,t\n1,2,3,9,"pole, ""red""; it; is",0\n4,5,6,9,"a",0\n', ["t"]),
        ('x;y;z;i;word\n1;2;3;9;"a; b"\n4;5;6;9;c\n', []),
        ("z y x i t\n3 2 1 9 0.5\n6 5 4 9 0.5\n", ["t"]),
        ("x,y,z,0,i\n1,2,3,7,9\n4,5,6,7,9\n", ["0"]),
        ("x\ty\tz\tt\ti\n1\t2\t3\t7\t9\n4\t5\t6\t\t9\n", ["t"]),
        ("#x y z i t\n# by hand\n1 2 3 9 0\n4 5 6 9 0\n", ["t"]),
        ("x,y,z,colour,i\n1,2,3,#ff0000,9\n# between\n4,5,6,#00ff00,9\n", []),
        ("X Y Z i R G B\n1 2 3 9 1 2 3\n4 5 6 9 1 2 3\n", ["red", "green", "blue"]),
        ("1e0 +2. .3e1 9\r4 5 6 9\r", []),
    ],
)
def test_text_of_many_kinds(tmp_path: Path, text: str, fields: list[str]) -> None:
    scan = read(put(tmp_path, "a.txt", text))
    np.testing.assert_array_equal(scan.points, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(scan.intensity, [9, 9])
    assert list(scan.fields) == fields


def test_text_without_names(tmp_path: Path) -> None:
    path = put(tmp_path, "a.xyz", "1 2 3 4 5 6\n1 2 3 4 5 256\n")
    assert list(read(path).fields) == ["column_3", "column_4", "column_5"]
    scan = read(path, columns="i,z,y,x,a,c")
    assert scan.points[0].tolist() == [4, 3, 2] and list(scan.fields) == ["a", "c"]
    assert list(read(put(tmp_path, "b.xyz", "1 2 3 4 5 6\n")).fields) == ["red", "green", "blue"]


def test_seven_columns_that_may_be_in_two_orders(tmp_path: Path) -> None:
    """CloudCompare writes the intensity behind the colours, .pts has it before."""
    for row, suffix, is_known in (
        ("1 2 3 900 10 20 255", "xyz", True),
        ("1 2 3 0.5 10 20 255", "xyz", True),
        ("1 2 3 200 100 50 7", "xyz", False),
        ("1 2 3 200 100 50 7", "pts", True),
        ("1 2 3 200 100 50 7", "pts.gz", True),
    ):
        content = f"{row}\n{row}\n".encode()
        content = gzip.compress(content) if "gz" in suffix else content
        scan = read(put(tmp_path, f"a.{suffix}", content))
        assert (scan.intensity is not None) == is_known
        colours = ["red", "green", "blue"] if is_known else [f"column_{i}" for i in range(3, 7)]
        assert list(scan.fields) == colours


def test_a_column_that_is_empty_for_long_is_kept(tmp_path: Path) -> None:
    rows = ["1,2,3,,NULL"] * 20_000 + ["1,2,3,7,8", "1,2,3,N/A,"]
    scan = read(put(tmp_path, "a.csv", "\n".join(["x,y,z,intensity,t", *rows])))
    assert scan.intensity is not None and scan.intensity[-2] == 7
    assert scan.fields["t"][-2] == 8
    assert np.isnan(scan.intensity).sum() == np.isnan(scan.fields["t"]).sum() == 20_001


def test_large_whole_numbers_keep_their_digits(tmp_path: Path) -> None:
    lines = ["1597056735123456789,1,2,3,18446744073709551615,1e17", "-1,1,2,3,0,0"]
    scan = read(put(tmp_path, "a.csv", "\n".join(["timestamp,x,y,z,id,t", *lines])))
    assert scan.fields["timestamp"].tolist() == [1597056735123456789, -1]
    assert scan.fields["id"].tolist() == [2.0**64, 0], "too large for int64: as before"
    assert scan.fields["t"].tolist() == [1e17, 0]


@pytest.mark.parametrize(
    ("names", "fields"),
    [
        ("# frame num: 0\n# TIMESTAMP (ns), RANGE (mm), X1 (m), Y1 (m), Z1 (m)", 2),  # Ouster's SDK
        ("TIMESTAMP (ns),X (m),Y (m),Z (m),X2 (m)", 2),
        ("# timestamp, x_m, y_m, z_m, reflect", 2),
        ("// t; X[m]; Y[m]; Z[m]; X1 [m]", 2),
        ("#t\tX (m)\tY (m)\tZ (m)\tup to (m)", 2),
    ],
)
def test_names_of_columns_in_metres(tmp_path: Path, names: str, fields: int) -> None:
    mark = next(mark for mark in "\t;," if mark in names)
    heads = names.splitlines()[-1].lstrip("#/ ").split(mark)
    first = next(i for i, name in enumerate(heads) if name.strip()[0] in "xX")
    row = mark.join(str(i - first + 1) for i in range(len(heads)))
    scan = read(put(tmp_path, "a.csv", f"{names}\n{row}\n"))
    assert scan.points.tolist() == [[1, 2, 3]] and len(scan.fields) == fields


def test_a_header_without_x_is_no_reason_to_take_other_columns(tmp_path: Path) -> None:
    for head in ("# t, x_mm, y_mm, z_mm", "t, x_mm, y_mm, z_mm", "#t\tx_mm\ty_mm\tz_mm"):
        row = "9\t1\t2\t3\n" if "\t" in head else "9,1,2,3\n"
        path = put(tmp_path, "a.csv", f"{head}\n{row}")
        with pytest.raises(ReadError, match=r"has no column x \(columns: t, x_mm, y_mm, z_mm\)"):
            read(path)
        scan = read(path, columns="time,x,y,z")
        assert scan.points.tolist() == [[1, 2, 3]] and list(scan.fields) == ["time"]
    path = put(tmp_path, "a.csv", "# t, 1, x, y\n9,1,2,3\n")
    assert read(path).points.tolist() == [[9, 1, 2]], "numbers are no names"
    path = put(tmp_path, "a.csv", "# z y x\n1 2 3\n")
    assert read(path, columns="x,y,z").points.tolist() == [[3, 2, 1]], "a header that does is kept"


@pytest.mark.parametrize("empty", [0, 1])
def test_empty_values_of_named_columns_are_nan(tmp_path: Path, empty: int) -> None:
    """As pandas writes them; a column of words is left out also where the first is missing."""
    lines = ["1,2,3,9,0.5,car", "4,5,6,9,1.5,car"]
    lines[empty] = f"{lines[empty][:5]},, ,"
    scan = read(put(tmp_path, "a.csv", "\n".join(["x,y,z,intensity,t,class", *lines])))
    assert scan.intensity is not None and list(scan.fields) == ["t"]
    assert np.isnan(scan.intensity).tolist() == [empty == 0, empty == 1]
    assert np.isnan(scan.fields["t"]).tolist() == [empty == 0, empty == 1]
    with pytest.raises(ReadError, match="line 3 has '' where a number is expected"):
        read(put(tmp_path, "b.csv", "x,y,z,intensity\n1,2,3,\n4,,6,1\n"))


def test_text_keeps_map_coordinates_and_missing_points(tmp_path: Path) -> None:
    scan = read(
        put(tmp_path, "a.xyz", "448262.125 5411932.25 3\nnan nan NaN\n448264 5411932 -inf\n")
    )
    np.testing.assert_array_equal((scan.points + scan.origin)[0], [448262.125, 5411932.25, 3])
    assert scan.finite.tolist() == [True, False, False]


@settings(max_examples=100)
@given(
    table=arrays.arrays(
        np.float64,
        st.tuples(st.integers(1, 9), st.integers(3, 9)),
        elements=st.floats(width=64) | st.integers(0, 255).map(float),
    ),
    separator=st.sampled_from([" ", "\t", ",", ";", " , "]),
    header=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_text_round_trip(table: np.ndarray, separator: str, header: bool, end: str) -> None:
    names = [*"xyz", *(f"c{i}" for i in range(3, table.shape[1]))]
    lines = [separator.join(map(repr, map(float, row))) for row in table]
    text = end.join([separator.join(names)] * header + lines) + end
    columns = parse(text.encode(), Path("a.xyz"), None).columns
    np.testing.assert_array_equal(np.column_stack(list(columns.values())), table)
    assert not header or list(columns) == names


def test_text_is_not_cut_up_without_bounds(tmp_path: Path) -> None:
    began = time.perf_counter()
    for content in (b"1 " * 2_000_000, b"1 2 3\n" + b"1 " * 2_000_000, b"9" * 4_000_000):
        with pytest.raises(ReadError, match="has lines of over 65536 bytes"):
            read(put(tmp_path, "a.xyz", content))
    assert time.perf_counter() - began < 20
