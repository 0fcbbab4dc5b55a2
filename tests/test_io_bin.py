"""``.bin``: the number of columns is found where it is certain, and never guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avs3d.errors import ReadError, UserError
from avs3d.io import read
from avs3d.io.bin import parse
from avs3d.io.source import MalformedError
from io_files import COUNT, INTENSITY, RING, XYZ, bin_bytes, put

FOUR, FIVE = bin_bytes(INTENSITY), bin_bytes(INTENSITY, RING)
POSITIVE = (np.arange(1, 201) / 8).astype("<f4").tobytes()
"""Fits 4 and 5 columns; nothing in its values tells which."""


def test_byte_count_and_values_decide(tmp_path: Path) -> None:
    assert len(FOUR) % 20 == 0 and len(FIVE) % 16 == 0, "both must fit both readings"
    four, five = read(put(tmp_path, "4.bin", FOUR)), read(put(tmp_path, "5.BIN", FIVE))
    np.testing.assert_array_equal(four.points, XYZ)
    np.testing.assert_array_equal(five.points, XYZ)
    np.testing.assert_array_equal(five.ring, RING)
    assert four.ring is None and four.name == "4"


@pytest.mark.parametrize(
    ("name", "columns"),
    [("a.pcd.bin", 5), ("velodyne/a.bin", 4), ("velodyne_points/data/a.bin", 4)],
)
def test_a_datasets_name_decides_where_values_do_not(
    tmp_path: Path, name: str, columns: int
) -> None:
    scan = read(put(tmp_path, name, POSITIVE))
    assert len(scan) == 200 // columns and scan.name == "a"


def test_a_file_that_fits_both_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, "a.bin", POSITIVE)
    with pytest.raises(ReadError, match=r"a\.bin: .*--columns 4 .* or --columns 5"):
        read(path)
    assert len(read(path, columns=4)) == 50 and len(read(path, columns="5")) == 40


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.bin", FOUR[:-3], "no whole number of rows of 4 or 5"),
        ("cut.pcd.bin", FIVE[:-8], r"no whole number of rows of 4 or 5 .*\(whole for: "),
        ("three.bin", bin_bytes()[:240], r"rows of 4 and of 5 .*whole for: 3, 4, 5, 6, 10"),
        ("three.bin", bin_bytes()[: 16 * 12], r"like an intensity.*whole for: 3, 4, 6, 8"),
        ("text.bin", b"1.0 2.0 3.0 0.5\n" * 5, "holds text where float32 values are expected"),
        ("labels.bin", np.tile(np.arange(32, dtype=np.uint8), 5).tobytes(), "no float32"),
        ("ids.bin", np.arange(1, 81, dtype=np.uint32).tobytes(), "no float32"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        read(put(tmp_path, name, content))


@pytest.mark.parametrize("points", [1000, 1004])
@pytest.mark.parametrize("folder", [".", "velodyne"])
@pytest.mark.parametrize(
    ("kind", "width"), [("positive", 3), ("cube", 3), ("waymo", 6), ("colours", 6), ("eight", 8)]
)
def test_other_widths_are_not_taken_for_four(
    tmp_path: Path, folder: str, points: int, kind: str, width: int
) -> None:
    """Also where negative values are few or none, and in the folder of KITTI's scans."""
    rng = np.random.default_rng(0)
    xyz = rng.normal(size=(points, 3)) * (20, 20, 2)
    rest = rng.random((points, 5))
    rows = {
        "positive": np.abs(xyz),
        "cube": rest[:, :3],
        "waymo": np.column_stack([xyz, np.tanh(rest[:, :2]), np.full(points, 1.5e15)]),
        "colours": np.column_stack([xyz, rest[:, :3]]),
        "eight": np.column_stack([xyz, rest]),
    }[kind]
    path = put(tmp_path, f"{folder}/a.bin", rows.astype("<f4").tobytes())
    with pytest.raises(ReadError, match=rf"pass --columns \(whole for: .*\b{width}\b"):
        read(path)
    four = np.column_stack([xyz, rest[:, 0]]).astype("<f4").tobytes()
    assert len(read(put(tmp_path, "velodyne/four.bin", four))) == points


def test_colours_need_to_be_told(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (COUNT, 3))
    path = put(tmp_path, "room.bin", bin_bytes(colours))
    with pytest.raises(ReadError, match="pass --columns 6"):
        read(path)
    for columns in (6, "6", "x,y,z,r,g,b", ["x", "y", "z", "red", "green", "blue"]):
        scan = read(path, columns=columns)
        np.testing.assert_array_equal(scan.fields["green"], colours[:, 1])
        assert scan.intensity is None


def test_named_columns_may_come_in_any_order(tmp_path: Path) -> None:
    path = put(tmp_path, "a.bin", np.column_stack([INTENSITY, XYZ[:, ::-1]]).tobytes())
    scan = read(path, columns="i, z, y, x")
    np.testing.assert_array_equal(scan.points, XYZ)
    np.testing.assert_array_equal(scan.intensity, INTENSITY)


@pytest.mark.parametrize("columns", [0, 2, 7, "", "x,y", "x,y,z,z", ["x", "y", "z", ""], -4])
def test_senseless_columns_are_the_users_error(tmp_path: Path, columns: int | str) -> None:
    with pytest.raises(UserError, match="--columns"):
        read(put(tmp_path, "a.bin", FOUR), columns=columns)


def test_wrong_columns_say_which_would_fit(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"rows of 6 .*whole for: 4, 5"):
        read(put(tmp_path, "a.bin", POSITIVE), columns=6)


@pytest.mark.parametrize("points", [1, 2, 3])
def test_a_few_points_are_a_scan(tmp_path: Path, points: int) -> None:
    assert len(read(put(tmp_path, "a.bin", np.ones((points, 4), "<f4").tobytes()))) == points


@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32 - 1),
    points=st.integers(1, 40).map(lambda n: 20 * n),
    columns=st.sampled_from([4, 5]),
    centre=st.sampled_from([0.0, 5.0, 500.0, -30.0]),
    size=st.sampled_from([0.0, 1e-3, 2.0, 40.0]),
    decimals=st.sampled_from([0, 1, 2, 7]),
    intensity=st.sampled_from([(0, 1), (0, 255), (-1, 1), (-1, 256)]),
    last=st.sampled_from(["ring", "time", "zero", "missing"]),
)
def test_never_the_wrong_number_of_columns(
    seed: int,
    points: int,
    columns: int,
    centre: float,
    size: float,
    decimals: int,
    intensity: tuple[int, int],
    last: str,
) -> None:
    """Whatever the cloud: the true number of columns, or a refusal that asks for it."""
    rng = np.random.default_rng(seed)
    rows = (centre + size * rng.normal(size=(points, 5))).round(decimals)
    rows[:, 3] = rng.uniform(*intensity, points).round(decimals)
    rows[:, 4] = {
        "ring": np.arange(points) % 32,
        "time": rng.uniform(0, 0.1, points),
        "zero": np.zeros(points),
        "missing": np.full(points, -1),
    }[last]
    try:
        table = parse(rows[:, :columns].astype("<f4").tobytes(), Path("a.bin"), None)
    except MalformedError as error:
        assert "--columns" in str(error)
    else:
        assert len(table.columns) == columns


@pytest.mark.parametrize("columns", [None, 4])
def test_text_is_refused_also_where_columns_are_told(tmp_path: Path, columns: int | None) -> None:
    path = tmp_path / "notes.bin"
    path.write_text("12.5 3.25 0.75 17\n" * 64)
    with pytest.raises(ReadError, match=r"notes\.bin.*holds text"):
        read(path, columns=columns)
