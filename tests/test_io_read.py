"""Every format gives the same scan; names, origins and odd points mean the same everywhere."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import lzf
import numpy as np
import pytest
from plyfile import PlyData, PlyElement
from pypcd4 import Encoding

from avs3d.errors import ReadError
from avs3d.io import read
from io_files import (
    COUNT,
    INTENSITY,
    LABEL,
    RING,
    XYZ,
    all_files,
    bin_bytes,
    las_bytes,
    npy_bytes,
    npz_bytes,
    pcd_bytes,
    ply_bytes,
    put,
    rows,
)

FILES = all_files()
UTM = np.array([448_262.0, 5_411_932.0, 0.0])


@pytest.mark.parametrize("name", FILES)
def test_the_same_points_from_every_format(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name, FILES[name])
    scan = read(str(path))
    np.testing.assert_array_equal(scan.points, XYZ)
    np.testing.assert_array_equal(scan.intensity, INTENSITY)
    assert scan.path == path and scan.name == name.split(".")[0] and not scan.origin.any()
    if name.startswith(("named", "ascii", "binary", "packed", "little", "big")):
        np.testing.assert_array_equal(scan.ring, RING)
        np.testing.assert_array_equal(scan.labels, LABEL)
        assert list(scan.fields) == ["time"]
        np.testing.assert_array_equal(scan.fields["time"], np.arange(COUNT) / 8)


@pytest.mark.parametrize("name", ["tile.las", "tile.laz"])
def test_las_keeps_every_dimension(tmp_path: Path, name: str) -> None:
    scan = read(put(tmp_path, name, FILES[name]))
    np.testing.assert_array_equal(scan.fields["classification"], RING)
    np.testing.assert_array_equal(scan.fields["echo_width"], np.arange(COUNT))
    assert {"gps_time", "return_number", "scan_angle"} <= scan.fields.keys()
    assert not {"X", "Y", "Z", "intensity"} & scan.fields.keys()


def test_upper_case_extensions(tmp_path: Path) -> None:
    assert len(read(put(tmp_path, "TILE.LAZ", FILES["tile.laz"]))) == COUNT


def far(kind: str) -> bytes:
    table = rows("f8")
    for axis, offset in zip("xyz", UTM, strict=True):
        table[axis] += offset
    flat = np.column_stack([table[axis] for axis in "xyz"])
    return {
        "npy": lambda: npy_bytes(flat),
        "npz": lambda: npz_bytes(points=flat),
        "pcd": lambda: pcd_bytes(Encoding.BINARY, table),
        "ply": lambda: ply_bytes(table=table),
        "las": lambda: las_bytes(False, tuple(UTM)),
        "laz": lambda: las_bytes(True, tuple(UTM)),
    }[kind]()


@pytest.mark.parametrize("kind", ["npy", "npz", "pcd", "ply", "las", "laz"])
def test_map_coordinates_get_an_origin(tmp_path: Path, kind: str) -> None:
    scan = read(put(tmp_path, f"a.{kind}", far(kind)))
    assert np.abs(scan.origin - UTM).max() < 30 and scan.origin[2] == 0
    assert np.array_equal(scan.origin, np.round(scan.origin))
    np.testing.assert_allclose(scan.points + scan.origin, XYZ + UTM, atol=1e-5)


def test_one_stray_point_does_not_move_a_scan(tmp_path: Path) -> None:
    points = XYZ.astype(np.float64)
    points[3] = 4e6, np.inf, -1e300
    scan = read(put(tmp_path, "a.npy", npy_bytes(points)))
    assert not scan.origin.any()
    np.testing.assert_array_equal(np.delete(scan.points, 3, 0), np.delete(XYZ, 3, 0))


def test_points_without_position_stay_in_place(tmp_path: Path) -> None:
    points = XYZ.copy()
    points[5], points[7, 1] = np.nan, -np.inf
    for name, content in {
        "a.npy": npy_bytes(points),
        "a.bin": np.column_stack([points, INTENSITY]).tobytes(),
    }.items():
        scan = read(put(tmp_path, name, content))
        np.testing.assert_array_equal(scan.points, points)
        assert np.flatnonzero(~scan.finite).tolist() == [5, 7]


@pytest.mark.parametrize("value", [np.nan, 3.0])
def test_equal_or_missing_points_are_read(tmp_path: Path, value: float) -> None:
    assert len(read(put(tmp_path, "a.npy", npy_bytes(np.full((9, 4), value))))) == 9


@pytest.mark.parametrize("target", ["intensity", "ring", "labels"])
def test_columns_under_their_other_names(tmp_path: Path, target: str) -> None:
    names = {
        "intensity": [
            "intensity",
            "reflectance",
            "remission",
            "i",
            "Reflectivity",
            "Intensity",
            "scalar_Intensity",
        ],
        "ring": ["ring", "laser", "channel"],
        "labels": ["label", "labels", "semantic", "scalar_Label"],
    }[target]
    values = np.arange(COUNT, dtype=np.uint16)
    for name in names:
        for column in (values, values[:, None]):
            scan = read(put(tmp_path, "a.npz", npz_bytes(xyz=XYZ, **{name: column})))
            np.testing.assert_array_equal(getattr(scan, target), values)
            assert not scan.fields


def test_an_intensity_goes_before_a_reflectivity(tmp_path: Path) -> None:
    columns = {"reflectivity": RING, "intensity": INTENSITY}
    scan = read(put(tmp_path, "a.npz", npz_bytes(xyz=XYZ, **columns)))
    np.testing.assert_array_equal(scan.intensity, INTENSITY)
    np.testing.assert_array_equal(scan.fields["reflectivity"], RING)


def test_values_that_a_noun_cannot_hold_stay_fields(tmp_path: Path) -> None:
    ring, label = np.arange(COUNT) + 0.5, np.full(COUNT, 2**40)
    scan = read(put(tmp_path, "a.npz", npz_bytes(points=XYZ, ring=ring, label=label)))
    assert scan.ring is None and scan.labels is None
    np.testing.assert_array_equal(scan.fields["ring"], ring)
    np.testing.assert_array_equal(scan.fields["label"], label)


def test_npz_leaves_out_what_is_not_a_column(tmp_path: Path) -> None:
    content = npz_bytes(
        points=XYZ,
        normals=XYZ,
        features=np.zeros((COUNT, 64)),
        pose=np.eye(4),
        words=np.array(["a"] * COUNT),
    )
    assert list(read(put(tmp_path, "a.npz", content)).fields) == [f"normals_{i}" for i in range(3)]


def test_an_origin_in_a_npz_is_ours_in_results_only(tmp_path: Path) -> None:
    given = {"points": XYZ, "origin": np.array([100.0, 200.0, 1.8])}
    assert not read(put(tmp_path, "a.npz", npz_bytes(**given))).origin.any()
    given |= {"label": LABEL, "vocabulary": np.array(["car"]), "bundle": np.array("tiny")}
    assert read(put(tmp_path, "b.npz", npz_bytes(**given))).origin.tolist() == [100, 200, 1.8]


@pytest.mark.parametrize(("width", "fields"), [(3, []), (5, []), (7, [3, 4, 5, 6])])
def test_columns_without_names(tmp_path: Path, width: int, fields: list[int]) -> None:
    flat = np.column_stack([XYZ, np.tile(RING[:, None], 4)])[:, :width]
    scan = read(put(tmp_path, "a.npy", npy_bytes(flat)))
    assert list(scan.fields) == [f"column_{i}" for i in fields]
    assert (scan.ring is None) == (width != 5)


def test_big_endian_npy(tmp_path: Path) -> None:
    scan = read(put(tmp_path, "a.npy", npy_bytes(rows().astype(rows().dtype.newbyteorder(">")))))
    np.testing.assert_array_equal(scan.points, XYZ)
    assert scan.fields["time"].dtype.isnative


def test_ply_with_lists_before_and_in_the_points(tmp_path: Path) -> None:
    faces = np.array([([0, 1, 2],), ([1, 2, 3],)], dtype=[("vertex_indices", "i4", (3,))])
    listed = np.empty(COUNT, [("x", "f4"), ("y", "f4"), ("z", "f4"), ("seen", "u1", (2,))])
    listed["x"], listed["y"], listed["z"] = XYZ.T
    listed["seen"] = 1
    face = PlyElement.describe(faces, "face")
    for text in (False, True):
        for vertex in (PlyElement.describe(table, "vertex") for table in (rows(), listed)):
            PlyData([face, vertex], text=text).write(str(tmp_path / "a.ply"))
            np.testing.assert_array_equal(read(tmp_path / "a.ply").points, XYZ)


def test_ply_after_another_scalar_element(tmp_path: Path) -> None:
    camera = np.ones(2, dtype=[("f", "f8")])
    for text in (False, True):
        parts = [PlyElement.describe(camera, "camera"), PlyElement.describe(rows(), "vertex")]
        PlyData(parts, text=text).write(str(tmp_path / "a.ply"))
        np.testing.assert_array_equal(read(tmp_path / "a.ply").points, XYZ)


def test_pcd_with_padding_and_blanks(tmp_path: Path) -> None:
    text = (
        "# .PCD v.7\nVERSION .7\nFIELDS x _ y z rgb\nSIZE 4 1 4 4 4\nTYPE F U F F F\n"
        "COUNT 1 2 1 1 1\nWIDTH 2\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 2\nDATA ascii\n"
        "1 0 0  2 3 0.5\n nan 0 0 5 6 0.5 \n"
    )
    scan = read(put(tmp_path, "a.pcd", text.encode()))
    np.testing.assert_array_equal(scan.points, [[1, 2, 3], [np.nan, 5, 6]])
    assert list(scan.fields) == ["rgb"]


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("line", ["COUNT", "POINTS"])
def test_pcd_without_lines_that_may_be_left_out(
    tmp_path: Path, encoding: Encoding, line: str
) -> None:
    content = re.sub(rb"(?m)^%s .*\n" % line.encode(), b"", pcd_bytes(encoding), count=1)
    scan = read(put(tmp_path, "a.pcd", content))
    np.testing.assert_array_equal(scan.points, XYZ)
    np.testing.assert_array_equal(scan.ring, RING)


def pcd(fields: str, version: str = "0.7") -> str:
    """Two points with four values."""
    return (
        f"VERSION {version}\nFIELDS {fields}\nSIZE 4 4 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\nWIDTH 2\n"
        "HEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 2\nDATA ascii\n1 2 3 4\n5 6 7 8\n"
    )


@pytest.mark.parametrize("version", [".5", "0.6", ".7", "0.7", "0.8"])
def test_pcd_of_any_version(tmp_path: Path, version: str) -> None:
    scan = read(put(tmp_path, "a.pcd", f"# .PCD v{version}\n{pcd('x y z i', version)}"))
    assert scan.points.tolist() == [[1, 2, 3], [5, 6, 7]] and scan.intensity.tolist() == [4, 8]


@pytest.mark.parametrize("name", ["a:b", "Roughness_(0.1)", "é", "a/b", "x"])
def test_pcd_fields_of_any_name(tmp_path: Path, name: str) -> None:
    scan = read(put(tmp_path, "a.pcd", pcd(f"x {name} y z")))
    assert scan.points.tolist() == [[1, 3, 4], [5, 7, 8]]
    assert list(scan.fields) == ["column_1" if name == "x" else name]


def test_compressed_pcd_has_the_values_of_a_field_together(tmp_path: Path) -> None:
    """As PCL writes them: x of every point, then both normals of every point, …"""
    values = np.zeros((400, 6), "f4")
    values[:, 3], values[:, 4], values[:, 5] = np.arange(400), np.arange(400) + 1000, 7
    fields = (values[:, :1], values[:, 1:2], values[:, 2:3], values[:, 3:5], values[:, 5:])
    packed = lzf.compress(b"".join(field.tobytes() for field in fields))
    head = (
        "FIELDS x y z normal i\nSIZE 4 4 4 4 4\nTYPE F F F F F\nCOUNT 1 1 1 2 1\nWIDTH 400\n"
        "HEIGHT 1\nDATA binary_compressed\n"
    )
    content = head.encode() + struct.pack("<II", len(packed), values.nbytes) + packed
    scan = read(put(tmp_path, "a.pcd", content))
    np.testing.assert_array_equal(scan.fields["normal__0000"], np.arange(400))
    np.testing.assert_array_equal(scan.fields["normal__0001"], np.arange(400) + 1000)
    assert (scan.intensity == 7).all() and not scan.points.any()


NUMBERS = [
    ("4.0 255", "u1", [4, 255], "u1"),
    ("3 nan", "u2", [3, np.nan], "f8"),
    ("4.5 -1", "i4", [4.5, -1], "f8"),
    ("256 1", "u1", [256, 1], "f8"),
    ("inf 1e3", "i4", [np.inf, 1000], "f8"),
    ("9223372036854775807 1", "i8", [2**63 - 1, 1], "i8"),
    ("9223372036854775808.0 1", "i8", [2.0**63, 1], "f8"),
]
"""Two values, the type that the header tells, and what they are, of which type."""


@pytest.mark.parametrize("given", NUMBERS)
def test_integers_with_points_or_missing(tmp_path: Path, given: tuple) -> None:
    values, told, expected, kind = given
    one, two = values.split()
    rows = f"nan nan nan {one}\n1 2 3 {two}\n"
    letter, size = told.upper()
    text = pcd("x y z value").partition("DATA ascii\n")[0] + f"DATA ascii\n{rows}"
    text = text.replace("SIZE 4 4 4 4", f"SIZE 4 4 4 {size}").replace("F F F F", f"F F F {letter}")
    files = {"a.pcd": text}
    if size != "8":  # which PLY does not have
        names = {"u1": "uchar", "u2": "ushort", "i4": "int"}
        axes = "".join(f"property float {axis}\n" for axis in "xyz")
        files["a.ply"] = (
            f"ply\nformat ascii 1.0\nelement vertex 2\n{axes}property {names[told]} value\n"
            f"end_header\n{rows}"
        )
    for name, content in files.items():
        scan = read(put(tmp_path, name, content))
        np.testing.assert_array_equal(scan.points, [[np.nan] * 3, [1, 2, 3]])
        np.testing.assert_array_equal(scan.fields["value"], expected)
        assert scan.fields["value"].dtype == kind


def test_properties_of_the_same_name(tmp_path: Path) -> None:
    scan = read(put(tmp_path, "a.pcd", pcd("x y z x")))
    assert scan.fields["column_3"].tolist() == [4, 8]
    for text in (False, True):
        content = ply_bytes(text=text).replace(b"double time", b"double ring")
        scan = read(put(tmp_path, "a.ply", content))
        np.testing.assert_array_equal(scan.ring, RING)
        np.testing.assert_array_equal(scan.fields["column_6"], np.arange(COUNT) / 8)


@pytest.mark.parametrize(
    "name", ["a.npy", "b.npz", "c.pcd", "d.pcd", "e.ply", "f.ply", "g.las", "h.laz"]
)
def test_a_valid_file_without_points(tmp_path: Path, name: str) -> None:
    import laspy

    none = rows()[:0]
    path = tmp_path / name
    if name[2:] in ("las", "laz"):
        laspy.LasData(laspy.LasHeader(point_format=6, version="1.4")).write(str(path))
    else:
        path.write_bytes(
            {
                "a.npy": lambda: npy_bytes(np.empty((0, 4))),
                "b.npz": lambda: npz_bytes(points=np.empty((0, 3))),
                "c.pcd": lambda: pcd_bytes(Encoding.BINARY, none),
                "d.pcd": lambda: pcd_bytes(Encoding.ASCII, none),
                "e.ply": lambda: ply_bytes(table=none),
                "f.ply": lambda: ply_bytes(text=True, table=none),
            }[name]()
        )
    with pytest.raises(ReadError, match=f"{name}: holds no points"):
        read(path)


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    path = put(tmp_path, "a.bin", bin_bytes(INTENSITY))
    assert read(path).points.tobytes() == read(path).points.tobytes()
