"""Results on disk: what Python and other tools find in them, and that they come whole or not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plyfile import PlyData

from avs3d import Scan, Segmentation, Vocabulary
from avs3d.errors import ReadError, UserError
from avs3d.io import READERS, WRITERS, read, write
from avs3d.io.labels import read_labels
from avs3d.palette import UNLABELLED_COLOR, palette
from io_files import COUNT, INTENSITY, LABEL, RING, XYZ

WORDS = ("road", "car", "traffic light", "straße", "line\nbreak")
CLOUDS = sorted(WRITERS.keys() & READERS.keys() - {".csv", ".parquet"})
"""What can be read again as it was written."""


def result(
    words: tuple[str, ...] = WORDS, origin: tuple[float, float, float] = (0, 0, 0), **scan: object
) -> Segmentation:
    points = XYZ.copy()
    points[4] = np.nan
    label = np.arange(COUNT, dtype=np.int32) % max(len(words), 1) - (0 if words else 1)
    label[4] = -1
    return Segmentation(
        scan=Scan(points, intensity=INTENSITY, origin=np.array(origin, float), **scan),
        label=label,
        score=np.linspace(0, 1, COUNT),
        vocabulary=Vocabulary(words),
        bundle="street-mini",
    )


def test_npz_is_what_python_expects(tmp_path: Path) -> None:
    given = result()
    path = write(given, tmp_path / "a.npz")
    with np.load(path, allow_pickle=False) as found:
        assert found["label"].dtype == np.int32 and found["score"].dtype == np.float32
        np.testing.assert_array_equal(found["label"], given.label)
        np.testing.assert_array_equal(found["score"], given.score)
        assert found["vocabulary"].tolist() == list(WORDS)
        assert str(found["bundle"]) == "street-mini"


@pytest.mark.parametrize("extension", CLOUDS)
@pytest.mark.parametrize("origin", [(0, 0, 0), (874403.0, 6616692.0, 0.0)])
def test_results_are_scans_too(
    tmp_path: Path, extension: str, origin: tuple[float, float, float]
) -> None:
    given = result(origin=origin)
    scan = read(given.save(tmp_path / f"a{extension}"))
    expected = given.scan.points + given.scan.origin
    if extension in (".las", ".laz"):  # no NaN there
        expected[4] = origin
    np.testing.assert_allclose(scan.points + scan.origin, expected, atol=1e-5)
    np.testing.assert_array_equal(scan.intensity, INTENSITY)
    assert scan.labels is None, "a prediction is not ground truth"
    np.testing.assert_array_equal(scan.fields["label"], given.label)


@pytest.mark.parametrize("extension", [*CLOUDS, ".csv", ".parquet"])
def test_results_are_no_ground_truth(tmp_path: Path, extension: str) -> None:
    if extension == ".parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs the extra `formats`")
    path = write(result(), tmp_path / f"a{extension}")
    assert read(path).labels is None
    with pytest.raises(ReadError, match="is a result of avs3d, not ground truth; give the labels"):
        read_labels(path)


def test_a_word_with_commas_in_a_csv_is_read_again(tmp_path: Path) -> None:
    given = result(("pole, red; or, so", "car"))
    scan = read(write(given, tmp_path / "a.csv"))
    np.testing.assert_array_equal(scan.fields["label"], given.label)
    np.testing.assert_allclose(scan.points, given.scan.points, atol=1e-6)


def test_ply_for_viewers(tmp_path: Path) -> None:
    given = result()
    cloud = PlyData.read(str(write(given, tmp_path / "a.ply")))
    rows = cloud["vertex"].data
    assert not cloud.text and cloud.byte_order == "<" and len(cloud.elements) == 1
    assert rows.dtype.names[:8] == ("x", "y", "z", "red", "green", "blue", "label", "score")
    assert [rows.dtype[n].str for n in ("x", "red", "label", "score")] == [
        "<f4",
        "|u1",
        "<i4",
        "<f4",
    ]
    np.testing.assert_array_equal(np.stack([rows[a] for a in "xyz"], 1), given.scan.points)
    np.testing.assert_array_equal(rows["label"], given.label)
    colors = np.stack([rows["red"], rows["green"], rows["blue"]], 1)
    np.testing.assert_array_equal(colors[1], palette(WORDS)[1])
    np.testing.assert_array_equal(colors[4], UNLABELLED_COLOR)
    assert "avs3d label 2 traffic light" in cloud.comments
    assert "avs3d label 4 line\\nbreak" in cloud.comments
    assert "avs3d bundle street-mini" in cloud.comments


def test_ply_keeps_every_input_column(tmp_path: Path) -> None:
    fields = {
        "red": np.arange(COUNT, dtype=np.uint16),
        "gps time": np.arange(COUNT) / 8,
        "id": np.arange(COUNT, dtype=np.int64),
        "huge": np.full(COUNT, 2**40),
        "seen": np.ones(COUNT, bool),
        "half": np.ones(COUNT, np.float16),
    }
    given = result(ring=RING, labels=LABEL, fields=fields)
    rows = PlyData.read(str(write(given, tmp_path / "a.ply")))["vertex"].data
    np.testing.assert_array_equal(rows["ring"], RING)
    np.testing.assert_array_equal(rows["input_label"], LABEL)
    for name, column in {"red": "input_red", "gps time": "gps_time"}.items():
        np.testing.assert_array_equal(rows[column], fields[name])
    for name in ("id", "huge", "seen", "half"):
        np.testing.assert_array_equal(rows[name], fields[name])


def test_ply_has_float64_only_where_there_is_an_origin(tmp_path: Path) -> None:
    path = write(result(origin=(448262.0, 0.0, 0.0)), tmp_path / "a.ply")
    assert PlyData.read(str(path))["vertex"]["x"].dtype == np.float64


@pytest.mark.parametrize("extension", WRITERS)
def test_no_words_and_same_bytes(tmp_path: Path, extension: str) -> None:
    empty = write(result(words=()), tmp_path / f"empty{extension}")
    assert extension not in CLOUDS or (read(empty).fields["label"] == -1).all()
    words = ("car", "truck", "person")
    first = write(result(words), tmp_path / f"a{extension}").read_bytes()
    again = write(result(words), tmp_path / f"b{extension}").read_bytes()
    assert again == first or extension == ".rrd"  # Rerun numbers what it records by the clock


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = write(result(), tmp_path / "a.npz")
    before = path.read_bytes()
    with pytest.raises(UserError, match="a.npz: is there already; pass overwrite=True"):
        write(result(words=("road",)), path)
    assert path.read_bytes() == before
    write(result(words=("road",)), path, overwrite=True)
    assert path.read_bytes() != before
    assert os.listdir(tmp_path) == ["a.npz"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.bin", r"no such output format; writable are \.csv, \.label, \.las"),
        ("a", "no such output format"),
        ("no/a.ply", "there is no folder .*no; create it first"),
        ("folder.npz", "is a folder"),
    ],
)
def test_where_nothing_can_be_written(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(UserError, match=message):
        write(result(), tmp_path / name, overwrite=True)


def test_the_content_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, there = tmp_path / "a.npz", []
    monkeypatch.setattr(
        "os.fsync", lambda file: there.append((path.exists(), os.fstat(file).st_size))
    )
    write(result(), path)
    assert there == [(False, path.stat().st_size)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is full")
@pytest.mark.parametrize("extension", WRITERS)
def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, extension: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(result(("car",)), tmp_path / f"a{extension}")
    before = path.read_bytes()

    def full(self: Path, content: bytes) -> int:
        with open("/dev/full", "wb", buffering=0) as disk:
            return disk.write(content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="cannot be written .No space left on device.; check"):
        write(result(words=("truck",)), path, overwrite=True)
    assert path.read_bytes() == before and os.listdir(tmp_path) == [path.name]


@settings(max_examples=40)
@given(
    words=st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=6, unique=True),
    names=st.lists(st.text(min_size=1, max_size=90), max_size=4, unique=True),
    extension=st.sampled_from(CLOUDS),
)
def test_any_words_and_any_column_names(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], names: list[str], extension: str
) -> None:
    given = result(tuple(words), fields={name: RING for name in names})
    path = write(given, tmp_path_factory.mktemp("any") / f"a{extension}")
    scan = read(path)
    np.testing.assert_array_equal(scan.fields["label"], given.label)
    if extension == ".ply":
        assert len(PlyData.read(str(path))["vertex"].properties) == 9 + len(names)
