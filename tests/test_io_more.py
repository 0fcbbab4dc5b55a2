"""The formats of the extra `formats`, and what is packed: what each keeps, and refuses."""

from __future__ import annotations

import gzip
import io
import sys
import zipfile
from pathlib import Path

import laspy
import numpy as np
import pytest

from avs3d.errors import ReadError
from avs3d.io import read
from avs3d.jobs import unique_names
from io_files import (
    COUNT,
    EXTRA,
    HERE,
    INTENSITY,
    LABEL,
    RING,
    XYZ,
    all_files,
    arrow_bytes,
    bin_bytes,
    double,
    drc_bytes,
    e57_bytes,
    e57_of,
    las_bytes,
    npy_bytes,
    put,
    zstd_bytes,
)

TURN = [np.sqrt(0.5), 0, 0, np.sqrt(0.5)]
"""A quarter turn to the left about z."""


@pytest.mark.parametrize("name", [name for name in EXTRA if name != "cloud.drc"])
def test_the_same_points_from_every_format_of_the_extra(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name, EXTRA[name]())
    scan = read(path)
    np.testing.assert_array_equal(scan.points, XYZ)
    np.testing.assert_array_equal(scan.intensity, INTENSITY)
    assert scan.path == path and scan.name == name.split(".")[0] and not scan.origin.any()


# E57


def test_e57_scans_are_put_where_they_stood(tmp_path: Path) -> None:
    content = e57_bytes(HERE, (TURN, [500_000.25, 10.0, 0.0]), (TURN, [500_000.25, 10.0, 0.0]))
    scan = read(put(tmp_path, "a.e57", content))
    x, y, z = XYZ.astype(float).T
    turned = np.column_stack([500_000.25 - y, 10 + x, z])
    expected = np.concatenate([XYZ, turned, turned])
    found = scan.points + scan.origin
    np.testing.assert_allclose(found[COUNT:], expected[COUNT:], atol=1e-5)
    np.testing.assert_allclose(found[:COUNT], XYZ, atol=0.05)  # 500 km from the other two
    assert scan.origin[0] > 400_000
    np.testing.assert_array_equal(scan.fields["scan_number"], np.repeat([0, 1, 2], COUNT))


def test_e57_keeps_colours_and_invalid_points(tmp_path: Path) -> None:
    state = (np.arange(COUNT) % 4 == 0).astype("i1") * 2
    colours = {f"color{c}": np.full(COUNT, i, "u1") for i, c in enumerate(("Red", "Green", "Blue"))}
    scan = read(put(tmp_path, "a.e57", e57_bytes(HERE, cartesianInvalidState=state, **colours)))
    np.testing.assert_array_equal(scan.finite, state == 0)
    np.testing.assert_array_equal(scan.points[state == 0], XYZ[state == 0])
    assert [scan.fields[c][5] for c in ("red", "green", "blue")] == [0, 1, 2]
    np.testing.assert_array_equal(scan.intensity, INTENSITY)


def test_e57_in_angles_and_scaled_integers(tmp_path: Path) -> None:
    x, y, z = XYZ.astype(float).T
    distance, wide = np.sqrt(x * x + y * y + z * z), RING.astype("q")
    content = e57_of(
        {
            "sphericalRange": (double, distance),
            "sphericalAzimuth": (double, np.arctan2(y, x)),
            "sphericalElevation": (double, np.arcsin(z / distance)),
            "intensity": (
                lambda lib, image: lib.ScaledIntegerNode(image, 0, 0, 2550, 0.1, 0.0),
                INTENSITY.astype(float),
            ),
            "rowIndex": (lambda lib, image: lib.IntegerNode(image, 0, -5, 1 << 40), wide),
            "columnIndex": (lambda lib, image: lib.IntegerNode(image, 0, 0, 1 << 20), wide),
        },
    )  # fmt: skip
    scan = read(put(tmp_path, "a.e57", content))
    np.testing.assert_allclose(scan.points, XYZ, atol=1e-5)
    np.testing.assert_allclose(scan.intensity, INTENSITY, atol=1e-4)
    for name, kind in {"rowIndex": np.int64, "columnIndex": np.int32}.items():
        np.testing.assert_array_equal(scan.fields[name], RING)
        assert scan.fields[name].dtype.itemsize == np.dtype(kind).itemsize


def test_e57_of_constants_is_no_bomb(tmp_path: Path) -> None:
    """Columns of one value take no byte a point, so a small file can promise any number."""
    count = 4_000_000
    values = np.ones(count)

    def constant(libe57: object, image: object) -> object:
        return libe57.ScaledIntegerNode(image, 1, 1, 1, 1.0, 0.0)

    content = e57_of({f"cartesian{a}": (constant, values) for a in "XYZ"})
    assert len(content) < 1 << 20
    with pytest.raises(ReadError, match=f"would unpack from .* to {24 * count} bytes"):
        read(put(tmp_path, "a.e57", content))


# Arrow


@pytest.mark.parametrize("kind", ["feather", "parquet"])
def test_arrow_keeps_numbers_and_leaves_out_the_rest(tmp_path: Path, kind: str) -> None:
    table = {
        "x": XYZ[:, 0].astype("f2"),
        "y": XYZ[:, 1],
        "z": XYZ[:, 2].astype("f8"),
        "intensity": INTENSITY.astype("u1"),
        "laser_number": RING.astype("u1"),
        "offset_ns": np.arange(COUNT, dtype="i4"),
        "holes": [None, *range(1, COUNT)],
        "seen": [None, *[True] * (COUNT - 1)],
        "word": ["a"] * COUNT,
        "list": [[1, 2]] * COUNT,
        "struct": [{"x": 1}] * COUNT,
    }
    scan = read(put(tmp_path, f"a.{kind}", arrow_bytes(kind, table)))
    np.testing.assert_array_equal(scan.points[:, 0], table["x"])
    np.testing.assert_array_equal(scan.points[:, 1:], XYZ[:, 1:])
    np.testing.assert_array_equal(scan.ring, RING)
    assert list(scan.fields) == ["offset_ns", "holes"]
    assert np.isnan(scan.fields["holes"][0]) and scan.fields["holes"][5] == 5


@pytest.mark.parametrize("kind", ["feather", "parquet"])
def test_arrow_of_one_value_is_no_bomb(tmp_path: Path, kind: str) -> None:
    table = dict.fromkeys("xyz", np.zeros(6_000_000, np.float32))
    content = arrow_bytes(kind, table, compression="zstd")
    assert len(content) < 100_000
    with pytest.raises(ReadError, match="which no point cloud does"):
        read(put(tmp_path, f"a.{kind}", content))


@pytest.mark.parametrize("compression", ["uncompressed", "lz4"])
def test_feather_in_batches(tmp_path: Path, compression: str) -> None:
    content = arrow_bytes("feather", chunksize=7, compression=compression)
    np.testing.assert_array_equal(read(put(tmp_path, "a.feather", content)).points, XYZ)


def test_argoverse_2(shared: Path) -> None:
    pytest.importorskip("pyarrow", reason="Arrow needs the extra `formats`")
    path = next((shared / "data/av2").rglob("lidar/*.feather"), None)
    if path is None:
        pytest.skip("needs the Argoverse 2 sweep in shared/data/av2")
    scan = read(path)
    assert len(scan) > 50_000 and np.isfinite(scan.points).all()
    assert scan.intensity.max() <= 255 and scan.ring.max() == 63
    assert list(scan.fields) == ["offset_ns"]


# Draco


def test_draco(tmp_path: Path) -> None:
    colours = np.column_stack([RING, LABEL, RING]).astype("u1")
    scan = read(put(tmp_path, "a.drc", drc_bytes(colors=colours)))
    np.testing.assert_allclose(scan.points, XYZ, atol=2e-4)
    np.testing.assert_array_equal(scan.fields["green"], LABEL)


# gzip and zstd


@pytest.mark.parametrize("name", all_files())
def test_any_format_in_gzip(tmp_path: Path, name: str) -> None:
    content = all_files()[name]
    path = put(tmp_path, f"{name}.gz", gzip.compress(content))
    if name.endswith(".gz"):
        with pytest.raises(ReadError, match="is packed twice; unpack it once"):
            read(path)
        return
    scan = read(path)
    np.testing.assert_array_equal(scan.points, XYZ)
    assert scan.name == name.split(".")[0] and scan.path == path


def test_zstd_in_several_frames(tmp_path: Path) -> None:
    content = bin_bytes(INTENSITY)
    path = put(tmp_path, "a.pcd.bin.zst", zstd_bytes(content[:320]) + zstd_bytes(content[320:]))
    assert len(read(path, columns=4)) == COUNT and read(path, columns=4).name == "a"


@pytest.mark.parametrize("pack", [gzip.compress, zstd_bytes], ids=["gz", "zst"])
def test_streams_are_whole_or_refused(tmp_path: Path, pack: object) -> None:
    suffix = "gz" if pack is gzip.compress else "zst"
    content = bytearray(pack(npy_bytes(XYZ)))
    path = tmp_path / f"a.npy.{suffix}"
    for cut in (len(content) - 1, len(content) // 2, 3):
        put(tmp_path, path.name, bytes(content[:cut]))
        with pytest.raises(ReadError, match=rf"not a readable \.{suffix} file"):
            read(path)
    put(tmp_path, path.name, bytes(content) + b"more")
    with pytest.raises(ReadError, match=rf"not a readable \.{suffix} file"):
        read(path)


@pytest.mark.parametrize("pack", [gzip.compress, zstd_bytes], ids=["gz", "zst"])
def test_streams_are_no_bombs(tmp_path: Path, pack: object) -> None:
    suffix = "gz" if pack is gzip.compress else "zst"
    path = put(tmp_path, f"a.npy.{suffix}", pack(npy_bytes(np.zeros((6_000_000, 3), "f4"))))
    with pytest.raises(ReadError, match="which no point cloud does"):
        read(path)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        zeros = npy_bytes(np.zeros((6_000_000, 3), "f4"))
        archive.writestr("points.npy", zeros, zipfile.ZIP_DEFLATED)
        archive.writestr("rest.npy", zeros[:1_000_000], zipfile.ZIP_STORED)
    inner = stream.getvalue()
    assert 200 * len(inner) > 73_000_000, "as far as the .npz alone goes it might unpack"
    with pytest.raises(ReadError, match="which no point cloud does"):
        read(put(tmp_path, f"a.npz.{suffix}", pack(inner)))


def test_what_is_packed_is_looked_at(tmp_path: Path) -> None:
    for name, content, message in (
        ("a.bin.gz", gzip.compress(b""), "holds an empty file"),
        ("a.bin.gz", gzip.compress(b"<html></html>"), "holds a web page"),
        ("a.bin.gz", bin_bytes(INTENSITY), r"not a readable \.gz file \(Not a gzipped file"),
        ("a.bin.gz.zst", b"x", "is packed twice"),
        ("a.bin.gz", gzip.compress(gzip.compress(b"x")), "is packed twice"),
        ("a.gz", gzip.compress(b"x"), "unknown extension"),
        ("a.doc.gz", gzip.compress(b"x"), "unknown extension"),
    ):
        with pytest.raises(ReadError, match=message):
            read(put(tmp_path, name, content))


def test_names_of_results_leave_out_what_packs() -> None:
    given = ["a.bin.gz", "b.pcd.bin.zst", "c.copc.laz", "d.COPC.LAZ.GZ", "e.ply", "f.v2.bin"]
    assert unique_names([Path(name) for name in given]) == ["a", "b", "c", "d", "e", "f.v2"]
    both = unique_names([Path("a.bin"), Path("a.bin.gz")])
    assert len(set(both)) == 2


# COPC


def test_copc_is_read_as_the_laz_that_it_is(tmp_path: Path) -> None:
    info = laspy.VLR("copc", 1, "COPC info", bytes(160))
    stream = io.BytesIO()
    with laspy.open(io.BytesIO(las_bytes(packed=False))) as source:
        tile = source.read()
    tile.header.vlrs.insert(0, info)
    tile.write(stream, do_compress=True)
    scan = read(put(tmp_path, "tile.copc.laz", stream.getvalue()))
    assert scan.name == "tile"
    np.testing.assert_array_equal(scan.points, XYZ)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("a.e57", "pye57"),
        ("a.feather", "pyarrow"),
        ("a.parquet", "pyarrow"),
        ("a.drc", "DracoPy"),
        ("a.bin.zst", "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"),
    ],
)
def test_a_missing_library_is_named(
    tmp_path: Path, name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avs3d.io.source.missing_modules", list)
    hint = rf'{name[name.rindex(".") :]} needs {module}; run `pip install "avs3d\[formats\]"`'
    with pytest.raises(ReadError, match=hint):
        read(put(tmp_path, name, b"anything"))
