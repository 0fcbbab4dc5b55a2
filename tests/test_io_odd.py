"""Odd, but what sensors and people make: every reader gives the points, or refuses in one line."""

from __future__ import annotations

import gzip
import io
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import laspy
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pypcd4 import Encoding

from avs3d.errors import ReadError
from avs3d.io import find, read
from io_files import (
    XYZ,
    arrow_bytes,
    double,
    e57_of,
    npy_bytes,
    npz_bytes,
    pcd_bytes,
    ply_bytes,
    put,
    text_bytes,
    zstd_bytes,
)


def table(points: np.ndarray) -> np.ndarray:
    rows = np.empty(len(points), [(axis, "f8") for axis in "xyz"])
    rows["x"], rows["y"], rows["z"] = points.T
    return rows


def las(points: np.ndarray, packed: bool) -> bytes:
    header = laspy.LasHeader(point_format=0, version="1.2")
    header.offsets, header.scales = points[0].round(), np.full(3, 0.001)
    tile = laspy.LasData(header)
    tile.x, tile.y, tile.z = points.T
    stream = io.BytesIO()
    tile.write(stream, do_compress=packed)
    return stream.getvalue()


def e57(points: np.ndarray) -> bytes:
    axes = zip("XYZ", points.T, strict=True)
    return e57_of({f"cartesian{axis}": (double, value.copy()) for axis, value in axes})


MAKE: dict[str, Callable[[np.ndarray], bytes]] = {
    "a.npy": npy_bytes,
    "a.npz": lambda points: npz_bytes(True, xyz=points),
    "ascii.pcd": lambda points: pcd_bytes(Encoding.ASCII, table(points)),
    "binary.pcd": lambda points: pcd_bytes(Encoding.BINARY, table(points)),
    "packed.pcd": lambda points: pcd_bytes(Encoding.BINARY_COMPRESSED, table(points)),
    "little.ply": lambda points: ply_bytes("<", table=table(points)),
    "big.ply": lambda points: ply_bytes(">", table=table(points)),
    "ascii.ply": lambda points: ply_bytes(text=True, table=table(points)),
    "a.xyz": text_bytes,
    "a.csv": lambda points: text_bytes(points, ",", "X,Y,Z"),
    "a.pts": lambda points: text_bytes(points, header=str(len(points))),
    "a.feather": lambda points: arrow_bytes("feather", dict(zip("xyz", points.T, strict=True))),
    "a.parquet": lambda points: arrow_bytes("parquet", dict(zip("xyz", points.T, strict=True))),
    "a.e57": e57,
    "a.npy.gz": lambda points: gzip.compress(npy_bytes(points)),
    "a.npy.zst": lambda points: zstd_bytes(npy_bytes(points)),
}
"""File name -> float64 points (N, 3) as that file."""
APART = ("a.e57", "a.feather", "a.parquet")
DIGITS = ("ascii.pcd", "a.xyz", "a.csv", "a.pts")
"""Those that are written with some digits only, and slowly."""
WHOLE = {
    **MAKE,
    "a.las": lambda points: las(points, False),
    "a.laz": lambda points: las(points, True),
}
"""Those, and those which know no NaN."""


@pytest.mark.parametrize("name", WHOLE)
def test_one_point(tmp_path: Path, name: str) -> None:
    scan = read(put(tmp_path, name, WHOLE[name](np.array([[1.0, 2.0, 3.0]]))))
    np.testing.assert_array_equal(scan.points, [[1, 2, 3]])


@pytest.mark.parametrize("name", WHOLE)
def test_coordinates_of_a_billion(tmp_path: Path, name: str) -> None:
    points = 1e9 + XYZ.astype(np.float64).round(2)
    scan = read(put(tmp_path, name, WHOLE[name](points)))
    assert np.abs(scan.points).max() < 1000 and (scan.origin > 9e8).all()
    assert np.abs(scan.points + scan.origin - points).max() < (100 if name in DIGITS else 0.002)


@pytest.mark.parametrize("name", MAKE)
def test_nothing_infinite_and_denormal_values(tmp_path: Path, name: str) -> None:
    points = XYZ[:6].astype(np.float64)
    points[1], points[2, 0], points[3, 1] = np.nan, np.inf, -np.inf
    points[4] = 1e-310, 1e-40, -5e-324
    scan = read(put(tmp_path, name, MAKE[name](points)))
    assert scan.finite.tolist() == [True, False, False, False, True, True]
    np.testing.assert_array_equal(scan.points[[0, 5]], XYZ[[0, 5]])
    assert np.abs(scan.points[4]).max() < 1e-30 and not scan.origin.any()


@pytest.mark.parametrize("name", MAKE)
def test_no_position_at_all(tmp_path: Path, name: str) -> None:
    scan = read(put(tmp_path, name, MAKE[name](np.full((3, 3), np.nan))))
    assert len(scan) == 3 and not scan.finite.any() and not scan.origin.any()


@pytest.mark.parametrize("name", [n for n in WHOLE if n not in (*DIGITS, "ascii.ply")])
def test_a_million_times_the_same_point(tmp_path: Path, name: str) -> None:
    """Such a cloud packs a thousandfold, but it is small enough: it is read."""
    path = put(tmp_path, name, WHOLE[name](np.full((1_000_000, 3), 7.5)))
    tracemalloc.start()
    try:
        scan = read(path)
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
    finally:
        tracemalloc.stop()
    assert len(scan) == 1_000_000 and (scan.points == 7.5).all()


def test_a_laz_of_equal_points_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avs3d.io.source.FREE_EXPANSION_BYTES", 1 << 20)
    content = las(np.full((100_000, 3), 7.5), True)
    assert 200 * len(content) < 2_000_000
    with pytest.raises(ReadError, match="would unpack .* to 2000000 bytes, which no point cloud"):
        read(put(tmp_path, "a.laz", content))


def check_round_trip(folder: Path, name: str, points: np.ndarray) -> None:
    scan = read(put(folder, name, MAKE[name](points)))
    with np.errstate(over="ignore", invalid="ignore"):
        if not scan.origin.any():
            np.testing.assert_array_equal(scan.points, points.astype(np.float32))
        else:
            expected = (points - scan.origin).astype(np.float32)
            np.testing.assert_array_equal(scan.points, expected)


any_points = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.just(3)),
    elements=st.floats(width=32) | st.integers(-(10**6), 10**6).map(float),
)
fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("name", [n for n in MAKE if n not in (*APART, *DIGITS)])
@settings(fuzz, max_examples=25)
@given(points=any_points)
def test_any_points(tmp_path: Path, name: str, points: np.ndarray) -> None:
    check_round_trip(tmp_path, name, points)


@pytest.mark.parametrize("name", ["a.feather", "a.parquet"])
@settings(fuzz, max_examples=4)
@given(points=any_points)
def test_any_points_apart(tmp_path: Path, name: str, points: np.ndarray) -> None:
    check_round_trip(tmp_path, name, points)


@settings(fuzz, max_examples=4)
@given(points=any_points)
def test_any_points_in_e57(tmp_path: Path, points: np.ndarray) -> None:
    """The pose is a multiplication, in which a NaN or an infinite value is of all three axes."""
    finite = np.where(np.isfinite(points), points, 0).clip(-1e8, 1e8)
    check_round_trip(tmp_path, "a.e57", finite)


# files


@pytest.mark.parametrize(
    "stem", ["two words", "line\nbreak", "\N{ROBOT FACE}", "-", "--help", "a'b\"c"]
)
def test_names_of_any_kind(tmp_path: Path, stem: str) -> None:
    path = put(tmp_path, f"{stem}.npy", npy_bytes(XYZ))
    assert find([tmp_path]) == [path]
    assert read(path).name == stem
    with pytest.raises(ReadError) as caught:
        read(put(tmp_path, f"{stem}.xyz", b"no"))
    assert str(caught.value).isprintable()


def test_links_are_followed_to_files_only(tmp_path: Path) -> None:
    real = put(tmp_path, "real.npy", npy_bytes(XYZ))
    (tmp_path / "link.npy").symlink_to(real)
    assert len(read(tmp_path / "link.npy")) == len(XYZ)
    (tmp_path / "loop.npy").symlink_to(tmp_path / "loop.npy")
    (tmp_path / "gone.npy").symlink_to(tmp_path / "nowhere")
    (tmp_path / "dir.npy").mkdir()
    (tmp_path / "up.npy").symlink_to(tmp_path)
    for name, message in {
        "loop.npy": "cannot be read",
        "gone.npy": "no such file",
        "dir.npy": "is a folder",
        "up.npy": "is a folder",
    }.items():
        with pytest.raises(ReadError, match=message):
            read(tmp_path / name)
    assert real in find([tmp_path]), "and a link to a folder above is no endless walk"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_that_takes_a_files_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the opening; nobody ever writes into it, so waiting would not end."""
    path = put(tmp_path, "a.npy", npy_bytes(XYZ))
    status = path.stat()
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(Path, "stat", lambda self, **_: status)
    with pytest.raises(ReadError, match="is not a regular file"):
        read(path)


def test_a_file_that_vanishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, "a.npy", npy_bytes(XYZ))
    status = path.stat()
    path.unlink()
    looks = iter([status])
    look = Path.stat
    monkeypatch.setattr(Path, "stat", lambda self, **o: next(looks, None) or look(self, **o))
    with pytest.raises(ReadError, match="no such file; check the path"):
        read(path)
