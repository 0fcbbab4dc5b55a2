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
    check_columns(given, {name: cloud.pc_data[name] for name in cloud.fields})
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
    np.testing.assert_array_equal(found, np.array([*ids, 0])[given.label])


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
