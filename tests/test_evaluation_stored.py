"""Runs and labels on disk: what belongs together, and what is refused with one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from avs3d import Scan, Segmentation, Vocabulary, labelsets
from avs3d.errors import ReadError, UserError
from avs3d.evaluation.stored import GroundTruth, stored_scans
from avs3d.io import write
from avs3d.io.labels import read_labels

KITTI = labelsets.load("semantickitti")


def store(out: Path, name: str, source: Path, count: int = 4, **made: object) -> None:
    """A result as `avs3d segment` leaves it."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    scan = Scan(rng.normal(size=(count, 3)), labels=made.pop("labels", None))  # type: ignore[arg-type]
    label = np.arange(count) % 2
    result = Segmentation(scan, label, np.ones(count), Vocabulary(("car", "road")), "tiny")
    write(result, out / f"{name}.npz", overwrite=True)
    record = {
        "finished": made.pop("finished", True),
        "made": {"input": str(source), "bundle": "tiny", "vocabulary": None, **made},
        "outputs": {f"{name}.npz": 1},
        "scan": {},
    }
    (out / f"{name}.done.json").write_text(json.dumps(record))


def put(path: Path, ids: list[int]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.array(ids, "<u4").tofile(path)
    return path


def truth(out: Path, *places: Path) -> dict[str, list[int]]:
    source = GroundTruth(places)
    return {s.name: source.read(s, s.read(), KITTI).tolist() for s in stored_scans(out)}


def test_labels_are_found_by_stem_and_by_shared_folders(tmp_path: Path) -> None:
    data, out = tmp_path / "data" / "sequences", tmp_path / "out"
    for number in ("00", "01"):
        store(out, f"{number}_000000", data / number / "velodyne" / "000000.bin")
        put(tmp_path / "gt" / number / "labels" / "000000.label", [10, 40, int(number) * 40, 0])
    assert truth(out, tmp_path / "gt") == {
        "00_000000": [0, 8, 255, 255],
        "01_000000": [0, 8, 8, 255],
    }
    with pytest.raises(UserError, match=r"may be .* or .*; give one"):
        put(tmp_path / "gt" / "01" / "more" / "000000.label", [10])
        truth(out, tmp_path / "gt")


def test_lidarseg_beside_the_scan_or_by_its_token(tmp_path: Path) -> None:
    out, nuscenes = tmp_path / "out", labelsets.load("nuscenes-16")
    store(out, "08_lidar", tmp_path / "08" / "lidar.pcd.bin")
    store(out, "24_lidar", tmp_path / "24" / "lidar.pcd.bin")
    store(out, "abc", tmp_path / "abc.pcd.bin")
    for name, ids in (("08/", [17, 24, 0, 31]), ("24/", [24] * 4), ("gt/abc_", [2] * 4)):
        path = tmp_path / f"{name}lidarseg.bin"
        path.parent.mkdir(exist_ok=True)
        np.array(ids, np.uint8).tofile(path)
    source = GroundTruth([tmp_path])
    found = [source.read(s, s.read(), nuscenes).tolist() for s in stored_scans(out)]
    assert found == [[3, 10, 255, 255], [10] * 4, [6] * 4]


def test_of_a_folder_of_runs_the_latest_is_taken(tmp_path: Path) -> None:
    for name in ("2026-01-01", "2026-01-02"):
        store(tmp_path / "runs" / name, name, tmp_path / "a.bin")
        (tmp_path / "runs" / name / "config.json").write_text("{}")
    (tmp_path / "runs" / "latest").symlink_to("2026-01-02")
    assert [scan.name for scan in stored_scans(tmp_path / "runs")] == ["2026-01-02"]
    assert [scan.name for scan in stored_scans(tmp_path / "runs" / "2026-01-01")] == ["2026-01-01"]


def test_labels_that_the_scan_carries(tmp_path: Path) -> None:
    store(tmp_path / "out", "a", tmp_path / "a.npz", labels=np.array([10, 40, 252, 1]))
    assert truth(tmp_path / "out") == {"a": [0, 8, 0, 255]}
    store(tmp_path / "sweeps", "a", tmp_path / "a.npz", labels=np.array([10, -1, -1, -1]))
    assert truth(tmp_path / "sweeps") == {"a": [0, 255, 255, 255]}
    store(tmp_path / "bare", "a", tmp_path / "a.npz")
    with pytest.raises(ReadError, match="no labels of its points; give files of labels: --labels"):
        truth(tmp_path / "bare")


def test_labels_of_scenes_of_openscene_are_classes(tmp_path: Path) -> None:
    ids = np.array([0, 8, -100, 255])  # car and road; raw ids of both are 10 and 40
    store(tmp_path / "out", "a", tmp_path / "a.pth", labels=ids)
    assert truth(tmp_path / "out") == {"a": [0, 8, 255, 255]}


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([10, 40, 10], "has 3 labels, .*a.npz has 4 points"),
        ([1000, 1001, 1002, 10], r"none of semantickitti \(1000, 1001, 1002\).*--labelset"),
        ([0, 0, 1, 1], "none of its points is of a class"),
    ],
)
def test_labels_of_something_else(tmp_path: Path, ids: list[int], said: str) -> None:
    store(tmp_path / "out", "a", tmp_path / "a.bin")
    with pytest.raises(UserError, match=f"a.label: .*{said}") as error:
        truth(tmp_path / "out", put(tmp_path / "a.label", ids))
    assert "\n" not in str(error.value)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match="no results of `avs3d segment`"):
            stored_scans(folder)
    out = tmp_path / "out"
    store(out, "a", tmp_path / "a.bin", finished=False)
    (scan,) = stored_scans(out)
    with pytest.raises(UserError, match="not finished"):
        scan.read()
    store(out, "a", tmp_path / "a.bin")
    (out / "a.npz").unlink()
    with pytest.raises(UserError, match="--write npz"):
        stored_scans(out)[0].read()
    for place, said in ((tmp_path / "nothing", "no such file"), (out, "no files of labels")):
        with pytest.raises(UserError, match=said):
            GroundTruth([place])
    (out / "b.done.json").write_text('{"finished": true, "made": {"input": 3}, "outputs": {}}')
    assert [s.name for s in stored_scans(out)] == ["a"]
    store(out, "a", tmp_path / "a.bin")
    with pytest.raises(UserError, match="no labels by the name of a.bin"):
        truth(out, put(tmp_path / "b.label", [1] * 4))


@settings(max_examples=60)
@given(hnp.arrays(np.uint32, st.integers(1, 30)), st.sampled_from([".label", ".npy", ".npz"]))
def test_labels_come_back(
    tmp_path_factory: pytest.TempPathFactory, ids: np.ndarray, end: str
) -> None:
    path = tmp_path_factory.mktemp("labels") / f"a{end}"
    if end == ".label":
        ids.tofile(path)
    elif end == ".npy":
        np.save(path, ids)
    else:
        np.savez(path, semantic=ids, points=np.zeros((len(ids), 3)))
    wanted = ids & 0xFFFF if end == ".label" else ids
    np.testing.assert_array_equal(read_labels(path), wanted)


@settings(max_examples=100)
@given(st.binary(max_size=200), st.sampled_from([".label", "_lidarseg.bin", ".npy", ".npz"]))
def test_any_bytes_are_labels_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, end: str
) -> None:
    path = tmp_path_factory.mktemp("labels") / f"a{end}"
    path.write_bytes(data)
    try:
        found = read_labels(path)
    except ReadError as error:
        assert "\n" not in str(error) and path.name in str(error)
    else:
        assert found.dtype == np.int64 and found.ndim == 1


def test_labels_in_clouds_and_results_that_are_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x y z label\n1.5 2 3 40\n2 3 4 10\n")
    assert read_labels(path).tolist() == [40, 10]
    np.save(tmp_path / "cloud.npy", np.ones((5, 4), np.float32))
    with pytest.raises(ReadError, match="no labels of its points"):
        read_labels(tmp_path / "cloud.npy")
    store(tmp_path / "out", "a", path)
    with pytest.raises(ReadError, match="result of avs3d, not ground truth"):
        read_labels(tmp_path / "out" / "a.npz")
