"""nuScenes: key frames, sweeps and cameras as their geometry says; what is wrong is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avs3d.datasets import open_dataset
from avs3d.datasets.parts import tables
from avs3d.datasets.parts.nuscenes_tables import scenes_of
from avs3d.errors import ReadError
from published_files import refusal, there_and_back
from roots import nuscenes as root
from roots.scene import AHEAD, COUNT, WORLD, applied, car, rigid


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return root.write(tmp_path_factory.mktemp("nuscenes"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A root to be damaged."""
    return root.write(tmp_path)


def changed(folder: Path, table: str, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    path = folder / root.VERSION / f"{table}.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_key_frames(mini: Path) -> None:
    dataset = open_dataset(mini)
    assert dataset.name == "nuscenes" and dataset.labelset == "nuscenes-16"
    assert len(dataset) == len(root.SCENES) * root.SAMPLES
    assert dataset.sequences() == [range(0, 3), range(3, 6)]
    for index in range(len(dataset)):
        scene, sample = divmod(index, root.SAMPLES)
        scan, moment = dataset[index], root.seconds(scene, sample)
        assert scan.name == dataset.key(index) == root.lidar_token(scene, sample)
        assert dataset.timestamp(index) == 1000 * (root.START + round(1e6 * moment))
        pose = dataset.pose(index)
        assert pose is not None
        np.testing.assert_allclose(pose, root.lidar_pose(moment), atol=1e-12)
        np.testing.assert_allclose(applied(pose, scan.points), WORLD, atol=1e-4)
        assert scan.labels is not None and scan.labels.tolist() == [n % 32 for n in range(COUNT)]
        assert scan.ring is not None and scan.sweep is None and not scan.left_out
        assert dataset.conditions(index) == (("day", "dry"), ("night", "rain"))[scene]
    with pytest.raises(IndexError):
        dataset[len(dataset)]
    assert len(list(dataset)) == len(dataset)  # type: ignore[call-overload]


def test_cameras_see_what_they_saw_at_their_own_time(mini: Path) -> None:
    scan = open_dataset(mini)[4]
    names = ["back", "back_left", "back_right", "front", "front_left", "front_right"]
    assert [camera.name for camera in scan.cameras] == names
    moment = root.seconds(1, 1) + root.CAMERA_LATE / 1e6
    world_from_camera = rigid(*car(moment % 100)) @ rigid(0, (1.5, 0, 1.5)) @ np.linalg.inv(AHEAD)
    for camera in scan.cameras:
        np.testing.assert_allclose(
            applied(camera.camera_from_lidar, scan.points),
            applied(np.linalg.inv(world_from_camera), WORLD),
            atol=1e-4,
        )
        assert camera.size == (1600, 900) and camera.intrinsics.tolist() == root.INTRINSICS
        assert isinstance(camera.image, Path) and camera.image.exists()
        assert camera.timestamp == 1000 * (root.START + round(1e6 * moment))


def test_sweeps_of_what_stands_still_coincide(mini: Path) -> None:
    dataset = open_dataset(mini, sweeps=10, split="mini_val")
    counts = [len(scan) // COUNT for scan in dataset]  # type: ignore[attr-defined]
    assert counts == [4, 8, 10] * 2  # a scene's first sweep follows none
    scan, key = dataset[1], open_dataset(mini, split="mini_val")[1]
    assert scan.sweep is not None and scan.labels is not None and key.labels is not None
    assert scan.sweep.tolist() == np.repeat(range(8), COUNT).tolist()
    np.testing.assert_array_equal(scan.points[:COUNT], key.points)
    np.testing.assert_array_equal(scan.labels[:COUNT], key.labels)
    assert (scan.labels[COUNT:] == -1).all()
    np.testing.assert_allclose(scan.points.reshape(8, COUNT, 3), [key.points] * 8, atol=1e-4)
    lags = scan.fields["time_lag"]
    np.testing.assert_allclose(lags, np.repeat(np.arange(8) * 0.125, COUNT), atol=1e-5)


def test_the_own_car_is_left_out_of_earlier_sweeps(tmp_path: Path) -> None:
    scan = open_dataset(root.write(tmp_path, own_car=True), sweeps=3)[2]
    assert scan.sweep is not None
    assert np.bincount(scan.sweep).tolist() == [COUNT, COUNT - 1, COUNT - 1]


def test_splits_have_the_order_of_the_official_lists(mini: Path) -> None:
    dataset = open_dataset(mini, split="mini_val")
    assert [dataset.scene(i) for i in (0, 3)] == ["scene-0103", "scene-0916"]  # type: ignore[attr-defined]
    assert dataset.split == "mini_val"
    numbers = {split: len(scenes_of(split)) for split in ("train", "val", "test")}
    assert numbers == {"train": 700, "val": 150, "test": 150}
    everything = {name for split in numbers for name in scenes_of(split)}
    assert len(everything) == 1000 and {"scene-0001", "scene-1110"} <= everything
    message = f"{mini}/v1.0-mini/scene.json: lacks 8 of the 8 scenes of split mini_train"
    with pytest.raises(ReadError, match=message):
        open_dataset(mini, split="mini_train")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "vall"}, "no split 'vall' of nuScenes; there are train, val, test, mini_train"),
        ({"sweeps": 11}, "sweeps=11: must be 1 to 10"),
        ({"version": "v1.0-test"}, "v1.0-test/scene.json: no such file, and no folder"),
        ({"sweep": 3}, "nuscenes has no option 'sweep'; did you mean sweeps?"),
    ],
)
def test_choices_that_there_are_not(mini: Path, options: dict[str, Any], message: str) -> None:
    def call() -> object:
        return open_dataset(mini, **options)

    assert message in refusal(call)


def test_with_several_versions_one_is_chosen(own: Path) -> None:
    (own / root.VERSION).rename(own / "v1.0-trainval")
    (own / "v1.0-test").mkdir()
    assert "has v1.0-test, v1.0-trainval; choose one as version" in refusal(open_dataset, own)
    assert len(open_dataset(own, version="v1.0-trainval")) == 6


DAMAGE: list[tuple[str, Callable[[list[dict[str, Any]]], Any], str]] = [
    ("sample", lambda rows: rows.pop(1), "sample.json: lacks sample"),
    ("sample", lambda rows: rows[1].update(next=rows[0]["token"]), "or has it twice"),
    ("sample_data", lambda rows: rows[0].pop("prev"), "has a row without prev (str)"),
    ("sample_data", lambda rows: rows[3].update(timestamp="soon"), "without timestamp (int)"),
    ("calibrated_sensor", lambda rows: rows.pop(0), "sample_data.json: names the sensor"),
    ("ego_pose", lambda rows: rows[3].update(rotation=[1, 0]), "is not 4 and 3 numbers"),
    ("scene", lambda rows: rows.append(7), "scene.json: has a row that is no object"),
    ("sample_data", lambda rows: rows[0].update(token="../a"), "has the token ../a, which is not"),
    *(
        (table, lambda rows, name=name: rows[0].update(filename=name), "is outside of the root")
        for table in ("sample_data", "lidarseg")
        for name in ("/samples/LIDAR_TOP/a", "../samples/LIDAR_TOP/a", "C:\\samples/LIDAR_TOP/a")
    ),
]


@pytest.mark.parametrize(("table", "change", "message"), DAMAGE)
def test_damaged_tables_are_refused_when_opened(
    own: Path, table: str, change: Callable[[list[dict[str, Any]]], Any], message: str
) -> None:
    changed(own, table, change)

    def call() -> object:
        return open_dataset(own, sweeps=2)

    assert message in refusal(call)


@pytest.mark.parametrize("name", ["sample_data", "ego_pose", "sensor"])
def test_cut_and_missing_tables_are_named(own: Path, name: str) -> None:
    path = own / root.VERSION / f"{name}.json"
    path.write_bytes(path.read_bytes()[:-5])
    assert f"{name}.json: " in refusal(open_dataset, own)
    path.unlink()
    # Without the table that tells them apart, these are files in folders.
    assert f"{name}.json: " in refusal(open_dataset, own, "nuscenes")


def test_one_bad_scan_leaves_the_others(own: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        by_token = {row["token"]: row for row in rows}
        by_token[root.lidar_token(0, 0)]["filename"] = "samples/LIDAR_TOP/gone.pcd.bin"
        by_token[root.lidar_token(0, 1, 2)]["timestamp"] += 10**9
        by_token[root.lidar_token(1, 0, 2)]["prev"] = "nobody"
        rows.remove(by_token[root.lidar_token(1, 1)])
        front = root.token("CAM_FRONT", 1, 2)
        by_token[front]["filename"] = "samples/CAM_FRONT/gone.jpg"
        by_token[root.token("CAM_BACK", 1, 2)]["ego_pose_token"] = "nowhere"

    changed(own, "sample_data", change)
    put = own / "lidarseg" / root.VERSION / f"{root.lidar_token(0, 2)}_lidarseg.bin"
    put.write_bytes(bytes(COUNT - 1))
    dataset = open_dataset(own, sweeps=3)
    assert len(dataset) == 6
    assert "gone.pcd.bin: no such file" in refusal(dataset.__getitem__, 0)
    assert "is no later than" in refusal(dataset.__getitem__, 1)
    assert f"has {COUNT - 1} labels for {COUNT} points" in refusal(dataset.__getitem__, 2)
    assert "follows nobody, which is not there" in refusal(dataset.__getitem__, 3)
    assert "has no LIDAR_TOP of sample" in refusal(dataset.__getitem__, 4)
    assert dataset.key(4) == root.token("scene-0103", 1)
    changed(own, "lidarseg", lambda rows: rows.pop())
    changed(own, "sample_data", lambda rows: [row.update(prev="") for row in rows])
    scan = open_dataset(own, sweeps=3)[5]
    assert len(scan) == COUNT and scan.labels is None
    assert [camera.name for camera in scan.cameras] == [
        "back_left", "back_right", "front_left", "front_right"
    ]  # fmt: skip
    back, front = sorted(scan.left_out)
    assert back.startswith("camera back: ") and "has no pose nowhere" in back
    assert front.startswith("camera front: ") and "gone.jpg: no such file" in front


def test_labels_that_are_only_in_the_table_are_none(tmp_path: Path) -> None:
    own = root.write(tmp_path)
    (own / "lidarseg" / root.VERSION / f"{root.lidar_token(0, 0)}_lidarseg.bin").unlink()
    dataset = open_dataset(own)
    assert dataset[0].labels is None and dataset[1].labels is not None


plain_text = st.text(st.characters(exclude_characters="}", exclude_categories=["Cs"]), max_size=8)
flat = st.dictionaries(
    plain_text, plain_text | st.integers() | st.booleans() | st.none() | st.lists(st.integers()),
    min_size=1, max_size=4,
)  # fmt: skip


@there_and_back
@given(st.lists(flat, max_size=6), st.integers(1, 40), st.sampled_from([None, 0, 2]), st.booleans())
def test_long_tables_are_read_as_json_is(
    tmp_path: Path, content: list[dict], chunk: int, indent: int | None, readable: bool
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content, indent=indent, ensure_ascii=not readable))
    before, tables.CHUNK_BYTES = tables.CHUNK_BYTES, chunk
    try:
        assert list(tables.rows(path, lambda text: True)) == content
        few = list(tables.rows(path, lambda text: b"7" in text))
        text = json.dumps
        assert few == [row for row in content if "7" in text(row, ensure_ascii=not readable)]
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(ReadError, match="truncated"):
            list(tables.rows(path, lambda text: False))
    finally:
        tables.CHUNK_BYTES = before


@pytest.mark.parametrize(
    "content", ["", "{}", '[{"a": 1}', '[{"a": }]', '[{"a": "}"}]', "[" * 99, '[{"a": "}{"}]']
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    assert "a.json: " in refusal(lambda: list(tables.rows(path, lambda text: True)))


@pytest.mark.parametrize("name", ["08", "24"])
def test_real_key_frames(own: Path, shared: Path, name: str) -> None:
    frame = own / open_dataset(own)[0].path  # type: ignore[operator]
    real = shared / "data" / "nuscenes_lidarseg" / name
    frame.write_bytes((real / "lidar.pcd.bin").read_bytes())
    labels = own / "lidarseg" / root.VERSION / f"{root.lidar_token(0, 0)}_lidarseg.bin"
    labels.write_bytes((real / "lidarseg.bin").read_bytes())
    scan = open_dataset(own, sweeps=10)[0]
    assert scan.sweep is not None and scan.ring is not None and scan.labels is not None
    assert np.count_nonzero(scan.sweep == 0) == 34688 and np.unique(scan.ring).size == 32
    assert set(np.unique(scan.labels)) <= {-1, *range(32)}
