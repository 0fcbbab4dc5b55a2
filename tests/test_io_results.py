"""Results in each format: what their own libraries find in them, and every column of the input."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import laspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pypcd4 import PointCloud

from avs3d import Scan, Segmentation, Vocabulary
from avs3d.errors import UserError
from avs3d.io import encode, read, write
from avs3d.io.asprs import CLASSES, classification
from avs3d.io.npz import decode
from avs3d.io.source import MalformedError
from avs3d.labelsets import load
from avs3d.palette import palette

TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "i8", "f4", "f8", "?", "f2")
COLUMNS = (
    "time", "red", "green", "blue", "user_data", "label", "withheld", "X", "file", "a b", "é",
)  # fmt: skip
DATASETS = [(".label", "semantickitti", "<u4"), ("_lidarseg.bin", "nuscenes-16", "u1")]


@st.composite
def results(draw: st.DrawFn, words: tuple[str, ...] | None = None) -> Segmentation:
    """Up to eight points with any columns; far away or near, some without a position."""
    count = draw(st.integers(1, 8))
    if words is None:
        word = st.text(min_size=1).filter(str.strip)
        words = tuple(draw(st.lists(word, max_size=4, unique=True)))
    axis = st.floats(-100, 100, width=32) | st.just(np.nan)
    points = draw(hnp.arrays(np.float32, (count, 3), elements=axis))
    names = draw(st.lists(st.sampled_from(COLUMNS), unique=True))
    columns = {n: draw(hnp.arrays(draw(st.sampled_from(TYPES)), count)) for n in names}
    optional = st.none() | hnp.arrays(np.float32, count)
    label = draw(hnp.arrays(np.int32, count, elements=st.integers(-1, len(words) - 1)))
    return Segmentation(
        scan=Scan(
            points,
            intensity=draw(optional),
            labels=draw(st.none() | hnp.arrays(np.int32, count)),
            origin=np.array(draw(st.sampled_from([(0, 0, 0), (448262, 5411932, 99)])), float),
            fields=columns,
        ),
        label=label,
        score=draw(hnp.arrays(np.float32, count, elements=st.floats(0, 1, width=32))),
        vocabulary=Vocabulary(words),
        bundle="street-mini",
        cosine=draw(optional),
    )


def check_columns(given: Segmentation, found: dict[str, np.ndarray]) -> None:
    """Label, score, and each input column under its name or under ``input_NAME``."""
    np.testing.assert_array_equal(found["label"], given.label)
    np.testing.assert_array_equal(found["score"], given.score)
    scan = given.scan
    own = {"intensity": scan.intensity, "label": scan.labels}
    columns = [(n, v) for n, v in own.items() if v is not None] + list(scan.fields.items())
    for name, value in columns:
        plain = {"a b": "a_b", "é": "column"}.get(name, name)
        kept = [
            found[key]
            for key in (plain, f"input_{plain}", f"input_2_{plain}")
            if key in found and key not in ("score", *"xyz")
        ]
        if kept and name in ("red", "green", "blue"):
            kept += [kept[0] / 257]  # of 8 bits, in LAS
        assert any(np.array_equal(k, value, equal_nan=True) for k in kept), name


@settings(max_examples=60)
@given(results())
def test_npz_keeps_all(given: Segmentation) -> None:
    with np.load(io.BytesIO(encode(given, ".npz")), allow_pickle=False) as found:
        check_columns(given, dict(found))


@settings(max_examples=60)
@given(results())
def test_npz_is_the_result_again(given: Segmentation) -> None:
    found = decode(memoryview(encode(given, ".npz")), Path("scan.npz"))
    # Arrays of texts end at NUL, which no word has that anybody wrote.
    words = tuple(word.replace("\0", "\ufffd") for word in given.vocabulary.words)
    assert (found.vocabulary.words, found.bundle) == (words, "street-mini")
    for name in ("label", "score", "cosine"):
        np.testing.assert_array_equal(getattr(found, name), getattr(given, name))
    np.testing.assert_array_equal(found.scan.points, given.scan.points)
    np.testing.assert_array_equal(found.scan.origin, given.scan.origin)
    intensity = given.scan.intensity
    np.testing.assert_array_equal(found.scan.intensity, intensity)
    if given.scan.labels is not None and "label" not in given.scan.fields:
        np.testing.assert_array_equal(found.scan.labels, given.scan.labels)


@settings(max_examples=150)
@given(results(), st.data())
def test_damaged_results_are_told(given: Segmentation, data: st.DataObject) -> None:
    arrays = dict(np.load(io.BytesIO(encode(given, ".npz"))))
    name = data.draw(st.sampled_from(["label", "score", "similarity", "vocabulary", "points"]))
    odd = hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, max_side=4))
    changed = data.draw(odd | st.none())
    if changed is None:
        arrays.pop(name, None)
    else:
        arrays[name] = changed
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    with contextlib.suppress(MalformedError):  # what is still a result is read
        decode(memoryview(stream.getvalue()), Path("scan.npz"))


@settings(max_examples=60)
@given(results())
def test_pcd_keeps_all(given: Segmentation) -> None:
    data = encode(given, ".pcd")
    cloud = PointCloud.from_fileobj(io.BytesIO(data))  # type: ignore[arg-type]
    columns = {name: cloud.pc_data[name] for name in cloud.fields}
    if "rgb" in columns and "rgb" not in given.scan.fields:  # how PCD has colours of 8 bits
        packed = columns.pop("rgb").view(np.uint32)
        parts = zip(("red", "green", "blue"), (packed >> 16, packed >> 8, packed), strict=True)
        columns |= {name: (part & 255).astype(np.uint8) for name, part in parts}
    check_columns(given, columns)
    xyz = given.scan.points + given.scan.origin
    found = np.stack([cloud.pc_data[axis] for axis in "xyz"], 1)
    np.testing.assert_array_equal(found, xyz if given.scan.origin.any() else given.scan.points)
    for index, word in enumerate(given.vocabulary):
        assert not word.isascii() or f"# avs3d label {index} ".encode() in data


@settings(max_examples=60)
@given(results(), st.sampled_from([".las", ".laz"]))
def test_las_keeps_all(given: Segmentation, end: str) -> None:
    las = laspy.read(io.BytesIO(encode(given, end)))
    check_columns(given, {name: np.asarray(las[name]) for name in las.point_format.dimension_names})
    finite = given.scan.finite
    assert (np.asarray(las.withheld)[~finite] == 1).all()
    expected = given.scan.points[finite].astype(float) + given.scan.origin
    np.testing.assert_allclose(las.xyz[finite], expected, atol=1e-6, rtol=0)
    words = {v.record_id: v.record_data for v in las.vlrs if v.user_id == "avs3d words"}
    assert words == {i: word.encode("utf-8", "replace") for i, word in enumerate(given.vocabulary)}


@settings(max_examples=40)
@given(results())
def test_parquet_keeps_all(given: Segmentation) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(encode(given, ".parquet")))
    check_columns(given, {n: table[n].to_numpy() for n in table.column_names if n != "word"})
    words = [None if i < 0 else given.vocabulary.words[i] for i in given.label]
    kept = [w and w.encode("utf-8", "replace").decode() for w in words]
    assert table["word"].to_pylist() == kept
    assert str(table.schema.field("x").type) == ("double" if given.scan.origin.any() else "float")
    assert b"avs3d result" in table.schema.metadata


@settings(max_examples=40)
@given(results(words=("car", 'a "b", c', "line\nbreak")))
def test_csv_keeps_all(given: Segmentation) -> None:
    csv = pytest.importorskip("pyarrow.csv")
    options = csv.ParseOptions(newlines_in_values=True)
    types = csv.ConvertOptions(column_types=dict.fromkeys("xyz", "float64"))
    table = csv.read_csv(io.BytesIO(encode(given, ".csv")), None, options, types)
    assert table.column_names[:6] == ["x", "y", "z", "label", "score", "word"]
    np.testing.assert_array_equal(table["label"].to_numpy(), given.label)
    np.testing.assert_array_equal(table["score"].to_numpy().astype(np.float32), given.score)
    words = [given.vocabulary.words[i] if i >= 0 else "" for i in given.label]
    assert [word or "" for word in table["word"].to_pylist()] == words
    for axis, name in enumerate("xyz"):
        found = table[name].to_numpy() - given.scan.origin[axis]
        np.testing.assert_allclose(found, given.scan.points[:, axis], atol=1e-6)


@settings(max_examples=30)
@given(st.data(), st.sampled_from(DATASETS))
def test_labels_of_datasets(data: st.DataObject, form: tuple[str, str, str]) -> None:
    end, name, dtype = form
    labels = load(name)
    classes = data.draw(st.lists(st.sampled_from(labels.classes), min_size=1, unique=True))
    words = tuple(word.upper().replace(" ", "-") for word in classes)
    given = data.draw(results(words=words))
    found = np.frombuffer(encode(given, end), dtype)
    ids = [labels.export_ids[labels.classes.index(word)] for word in classes]
    every = np.array([*ids, 0])[given.label]
    sweep = given.scan.sweep  # what belongs to the dataset's file are the points of the key frame
    np.testing.assert_array_equal(found, every if sweep is None else every[sweep == 0])


def segmentation(words: tuple[str, ...] = ("car",), **scan: object) -> Segmentation:
    cloud = Scan(np.zeros((4, 3)), **scan)  # type: ignore[arg-type]
    return Segmentation(cloud, np.zeros(4), np.ones(4), Vocabulary(words), "tiny")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (np.array([20, 0, 60, 255], "u1"), [5140, 0, 15420, 65535]),
        (np.array([20, 0, 60, 255], "f8"), [5140, 0, 15420, 65535]),  # of text
        (np.array([20, 0, 60, 255], "u2"), [20, 0, 60, 255]),  # as it was in the tile
        (np.array([0, 1, 2, 65535], "f4"), [0, 1, 2, 65535]),
        (np.array([0.2, 0.4, 0.6, 0.9], "f4"), None),
        (np.array([0, 1, 1, 0], "f4"), None),
        (np.zeros(4, "u2"), None),
        (np.array([0, 1, 2, 65536]), None),
    ],
)
def test_colours_of_las(values: np.ndarray, found: list[int] | None) -> None:
    fields = {"red": values, "green": values[::-1], "blue": values}
    las = laspy.read(io.BytesIO(encode(segmentation(fields=fields), ".las")))
    if found is None:
        by_word = np.uint16(palette(("car",))[0]) * 257
        np.testing.assert_array_equal(np.stack([las.red, las.green, las.blue], 1), [by_word] * 4)
        np.testing.assert_array_equal(las.input_green, values[::-1])
    else:
        assert las.red.tolist() == las.blue.tolist() == las.green.tolist()[::-1] == found
        assert set(las.point_format.extra_dimension_names) == {"label", "score"}


def test_two_good_colours_of_three_are_none() -> None:
    fields = {"red": np.full(4, 9), "green": np.full(4, 9), "blue": np.full(4, 0.5)}
    las = laspy.read(
        io.BytesIO(encode(segmentation(fields=fields | {"nir": fields["red"]}), ".las"))
    )
    assert las.red[0] == int(palette(("car",))[0][0]) * 257 and las.point_format.id == 7


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (
            "a.label", segmentation(("car", "kiosk", "Traffic-Sign")),
            "a.label: no classes of semantickitti: kiosk; segment with --vocabulary semantickitti",
        ),
        (
            "a_lidarseg.bin", segmentation(tuple("abcdefgh")),
            "no classes of nuscenes-16: a, b, c, d, e, …; segment with --vocabulary nuscenes-16",
        ),
        (
            "a.las", segmentation(fields={f"f{i}": np.zeros(4) for i in range(400)}),
            "a.las: LAS has room for 330 columns of other names, not 402; write .ply or .npz",
        ),
    ],
)  # fmt: skip
def test_what_a_format_cannot_hold(
    tmp_path: Path, name: str, given: Segmentation, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        write(given, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_las_refuses_what_is_too_far_for_millimetres(tmp_path: Path) -> None:
    far = Segmentation(Scan(np.full((1, 3), 3e6)), [0], [1], Vocabulary(("car",)), "tiny")
    with pytest.raises(UserError, match=r"reach 3e\+06 m, too far for millimetres"):
        write(far, tmp_path / "a.las")


def test_las_has_the_classes_of_asprs() -> None:
    words = ("Road", "tree", "grass", "building", "unheard of", "water", "rail", "bridge")
    found = classification(np.array([0, 1, 2, 3, 4, 5, 6, 7, -1]), words)
    assert found.tolist() == [11, 5, 3, 6, 1, 9, 10, 17, 1]
    assert set(CLASSES.values()) == {2, 3, 4, 5, 6, 9, 10, 11, 14, 15, 17}
    las = laspy.read(io.BytesIO(encode(segmentation(("road",)), ".laz")))
    assert (las.classification == 11).all() and las.header.creation_date is None


def test_las_dimensions_are_used_where_they_hold_the_values() -> None:
    fields = {
        "gps_time": np.arange(4) / 3,
        "user_data": np.full(4, 300),
        "point_source_id": np.arange(4),
    }
    given = segmentation(intensity=np.array([0.0, 0.5, 1.0, np.nan]), fields=fields)
    las = laspy.read(io.BytesIO(encode(given, ".las")))
    np.testing.assert_array_equal(las.gps_time, fields["gps_time"])
    np.testing.assert_array_equal(las.input_user_data, fields["user_data"])
    assert las.intensity.tolist() == [0, 32768, 65535, 0]
    assert set(las.point_format.extra_dimension_names) == {
        "label",
        "score",
        "input_user_data",
        "input_intensity",
    }


def test_a_tile_comes_back_in_its_own_columns(tmp_path: Path) -> None:
    from io_files import las_bytes

    (tmp_path / "tile.laz").write_bytes(las_bytes(packed=True, offset=(448262, 5411932, 0)))
    scan = read(tmp_path / "tile.laz")
    count = len(scan)
    given = Segmentation(scan, np.zeros(count), np.ones(count), Vocabulary(("road",)), "tiny")
    before, after = (
        laspy.read(p) for p in (tmp_path / "tile.laz", write(given, tmp_path / "b.laz"))
    )
    np.testing.assert_allclose(after.xyz, before.xyz, atol=1e-4, rtol=0)
    for name in ("intensity", "echo_width", "return_number", "gps_time"):
        np.testing.assert_array_equal(after[name], before[name])
    np.testing.assert_array_equal(after["input_classification"], before["classification"])


def written(scan: Scan, end: str = ".las") -> laspy.LasData:
    count = len(scan)
    given = Segmentation(scan, np.zeros(count), np.ones(count), Vocabulary(("road",)), "tiny")
    return laspy.read(io.BytesIO(encode(given, end)))


def tile(point_format: int, version: str, **dimensions: object) -> laspy.LasData:
    las = laspy.LasData(laspy.LasHeader(point_format=point_format, version=version))
    las.xyz = np.arange(9.0).reshape(3, 3)
    for name, value in dimensions.items():
        las[name] = value
    return las


def test_readers_that_hold_to_the_standard_take_our_las(tmp_path: Path) -> None:
    """PDAL refuses these point formats without the bit, and returns count from 1."""
    las = written(Scan(np.ones((5, 3))))
    assert las.header.global_encoding.wkt
    for name in ("return_number", "number_of_returns"):
        assert np.asarray(las[name]).tolist() == [1] * 5
    assert las.header.number_of_points_by_return[0] == 5
    tile(3, "1.2", scan_angle_rank=np.array([-15, 0, 90], np.int8)).write(tmp_path / "a.las")
    las = written(read(tmp_path / "a.las"))
    np.testing.assert_allclose(las.scan_angle * 0.006, [-15, 0, 90], atol=0.003)


def test_a_tile_keeps_its_coordinate_system_and_times(tmp_path: Path) -> None:
    las = tile(7, "1.4", gps_time=np.array([3.0e8, 3.0e8 + 1, 3.0e8 + 2]))
    wkt = 'PROJCS["WGS 84 / UTM zone 32N",AUTHORITY["EPSG","32632"]]'
    las.header.vlrs.append(laspy.vlrs.known.WktCoordinateSystemVlr(wkt))
    las.header.global_encoding.gps_time_type = laspy.header.GpsTimeType.STANDARD
    las.write(tmp_path / "a.laz")
    scan = read(tmp_path / "a.laz")
    assert scan.crs == wkt
    for end in (".las", ".laz"):
        found = written(scan, end)
        assert [v.string for v in found.header.vlrs.get("WktCoordinateSystemVlr")] == [wkt]
        assert found.header.global_encoding.gps_time_type == laspy.header.GpsTimeType.STANDARD
    week = written(Scan(np.zeros((2, 3)), fields={"gps_time": np.array([0.0, 604_799.5])}))
    assert week.header.global_encoding.gps_time_type == laspy.header.GpsTimeType.WEEK_TIME


def test_geotiff_keys_become_wkt(tmp_path: Path) -> None:
    pyproj = pytest.importorskip("pyproj")
    las = tile(3, "1.2")
    las.header.add_crs(pyproj.CRS.from_epsg(32632))
    las.write(tmp_path / "a.las")
    (record,) = written(read(tmp_path / "a.las")).header.vlrs.get("WktCoordinateSystemVlr")
    assert pyproj.CRS.from_wkt(record.string).to_epsg() == 32632
    keys = las.header.vlrs.get("GeoKeyDirectoryVlr")[0].geo_keys
    keys[:] = [key for key in keys if key.id not in (2048, 3072)]
    las.write(tmp_path / "b.las")
    assert read(tmp_path / "b.las").crs == "", "keys that tell nothing do no harm"


def test_names_that_differ_in_case_only_are_ours_no_less(tmp_path: Path) -> None:
    """PDAL takes an extra byte called Classification for the classification."""
    text = "X,Y,Z,Classification,Red,Green,Blue,Score\n1,2,3,2,300,400,65535,7\n"
    (tmp_path / "a.csv").write_text(text)
    scan = read(tmp_path / "a.csv")
    las = written(scan)
    assert (las.red[0], las.green[0], las.blue[0]) == (300, 400, 65535)
    assert np.asarray(las.classification)[0] == 11 and las["input_Classification"][0] == 2
    given = Segmentation(scan, np.zeros(1), np.ones(1), Vocabulary(("road",)), "tiny")
    write(given, tmp_path / "b.ply")
    assert {"input_Red", "input_Score"} <= read(tmp_path / "b.ply").fields.keys()


@pytest.mark.parametrize("alpha", [0, 255])
@pytest.mark.parametrize("kind", ["f4", "u4"])
def test_packed_colours_of_pcd_are_colours(tmp_path: Path, kind: str, alpha: int) -> None:
    rgb = np.array([0xC8FF00, 0x010203, 0, 0x7FC000], "u4") | np.uint32(alpha << 24)
    rgb[-1] = 0x7FC00000 if kind == "f4" else rgb[-1]  # NaN of a missing point
    cloud = PointCloud.from_points(
        [*np.zeros((3, 4), "f4"), rgb.view(kind)], ("x", "y", "z", "rgb"), ("f4",) * 3 + (kind,)
    )
    cloud.save(tmp_path / "a.pcd")
    scan = read(tmp_path / "a.pcd")
    colours = np.stack([scan.fields[name] for name in ("red", "green", "blue")], 1)
    assert colours.dtype == np.uint8
    assert colours[:3].tolist() == [[200, 255, 0], [1, 2, 3], [0, 0, 0]]
    assert written(scan).red.tolist()[:2] == [200 * 257, 257]
    given = Segmentation(scan, np.zeros(4), np.ones(4), Vocabulary(("road",)), "tiny")
    again = PointCloud.from_path(write(given, tmp_path / "b.pcd"))
    packed = again.pc_data["rgb"].view("u4") & 0xFFFFFF
    assert packed[:2].tolist() == [0xC8FF00, 0x010203] and "red" not in again.fields


def test_numbers_called_rgb_stay_numbers(tmp_path: Path) -> None:
    values = np.array([0.1, 0.2], "f4")
    np.savez(tmp_path / "a.npz", points=np.zeros((2, 3)), rgb=values)
    np.testing.assert_array_equal(read(tmp_path / "a.npz").fields["rgb"], values)


def test_x_y_z_of_an_archive_are_the_cloud(tmp_path: Path) -> None:
    axes = dict(zip("xyz", np.arange(27.0).reshape(3, 9), strict=True))
    np.savez(tmp_path / "a.npz", **axes, intensity=np.ones(9), pos=np.zeros((4, 3)))
    scan = read(tmp_path / "a.npz")
    assert len(scan) == 9 and scan.intensity is not None
