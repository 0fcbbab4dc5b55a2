"""Recordings of ROS 1 and 2: every kind of point, every storage, and what goes wrong with them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avs3d.datasets import open_dataset
from avs3d.datasets.parts.point_cloud2 import columns_of
from avs3d.io.source import MalformedError
from published_files import refusal
from roots import recording
from roots.scene import COUNT, WORLD

pytest.importorskip("rosbags", reason="recordings need the extra `ros`")

PACKED: list[tuple[str, dict[str, Any]]] = [
    ("a.bag", {"packed": "LZ4"}),
    ("a.bag", {"packed": "BZ2"}),
    ("a", {"storage": "mcap", "packed": "STORAGE"}),
    ("a", {"storage": "sqlite3", "packed": "FILE"}),
    ("a", {"storage": "sqlite3", "packed": "MESSAGE"}),
]
FORMS = [*PACKED, ("a", {"storage": "mcap"}), ("a", {"storage": "sqlite3"})]


def refused(*arguments: Any, **options: Any) -> str:
    return refusal(lambda: open_dataset(*arguments, **options))


@pytest.mark.parametrize("kind", recording.KINDS)
@pytest.mark.parametrize(("name", "form"), FORMS)
def test_recordings(tmp_path: Path, name: str, form: dict[str, Any], kind: str) -> None:
    path = recording.write(tmp_path / name, {"/lidar/points": kind}, height=4, padding=5, **form)
    dataset = open_dataset(path)
    assert dataset.name == "rosbag" and dataset.labelset is None and len(dataset) == 3
    assert dataset.key(2) == "lidar/points/000002" and dataset.sequences() == [range(0, 3)]
    for index in (2, 0, 1, 2):
        scan = dataset[index]
        assert scan.name == f"{index:06}"
        assert dataset.timestamp(index) == recording.START + index * recording.STEP
        np.testing.assert_allclose(scan.points, WORLD + (index, 0, 0), atol=1e-5)
        assert scan.ring is not None and scan.ring.tolist() == [n % 32 for n in range(COUNT)]
        assert scan.intensity is not None and scan.intensity[31] == 31
    extra = set(recording.KINDS[kind].names or ()) - {*"xyz", "intensity", "ring"}
    assert set(scan.fields) == extra
    with pytest.raises(IndexError):
        dataset[3]


@pytest.mark.parametrize(("name", "form"), PACKED)
def test_recordings_are_no_bombs(
    tmp_path: Path, name: str, form: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recording.write(tmp_path / name, {"/p": "velodyne"}, **form)
    monkeypatch.setattr("avs3d.io.source.FREE_EXPANSION_BYTES", 0)
    monkeypatch.setattr("avs3d.io.source.MAX_EXPANSION", 1)
    assert "which no point cloud does" in refusal(lambda: open_dataset(path)[0])


def test_files_of_folders_alone(tmp_path: Path) -> None:
    for storage, ending in (("mcap", ".mcap"), ("sqlite3", ".db3")):
        folder = recording.write(tmp_path / storage, {"/p": "velodyne"}, storage=storage)
        (file,) = folder.glob(f"*{ending}")
        assert len(open_dataset(file)) == 3 and len(open_dataset(file)[1]) == COUNT
        (folder / "metadata.yaml").unlink()
        assert len(open_dataset(folder)) == 3
    for name in ("a.bag", "b.bag"):
        recording.write(tmp_path / name, {"/p": "velodyne"})
    both = open_dataset(tmp_path)
    assert len(both) == 6  # of the same times: both are there
    assert {both.timestamp(index) for index in range(6)} == {
        recording.START + recording.STEP * number for number in range(3)
    }


def test_of_several_topics_one_is_chosen(tmp_path: Path) -> None:
    path = recording.write(tmp_path / "a.bag", {"/front": "velodyne", "/rear": "ouster"})
    told = "/front (3 messages), /rear (3 messages)"
    assert f"has several topics of points; choose one: {told}" in refused(path)
    assert f"has no points on topic /top; it has {told}" in refused(path, topic="/top")
    dataset = open_dataset(path, topic="/rear")
    assert dataset.key(0) == "rear/000000" and "reflectivity" in dataset[0].fields


def test_threads_may_read_the_same_recording(tmp_path: Path) -> None:
    path = recording.write(tmp_path / "a.bag", {"/p": "velodyne"}, count=20)
    dataset = open_dataset(path)
    with ThreadPoolExecutor(4) as pool:
        for index, scan in enumerate(pool.map(dataset.__getitem__, range(20))):
            np.testing.assert_allclose(scan.points[:, 0], WORLD[:, 0] + index, atol=1e-4)


def test_two_that_publish_the_same_topic(tmp_path: Path) -> None:
    path = tmp_path / "a.bag"
    from rosbags import rosbag1
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS1_NOETIC)
    with rosbag1.Writer(path) as writer:
        for sender in range(2):
            connection = writer.add_connection(
                "/p", recording.POINTS, typestore=store, callerid=f"/driver{sender}"
            )
            for number in range(2):  # both at the same time
                table = recording.rows(recording.KINDS["velodyne"], 10 * number + sender)
                message = recording.cloud(store, table, seq=0)
                raw = store.serialize_ros1(message, recording.POINTS)
                writer.write(connection, recording.START + number, raw)
    dataset = open_dataset(path)
    first = [round(float(dataset[index].points[0, 0] - WORLD[0, 0])) for index in range(4)]
    assert first == [0, 1, 10, 11]
    assert "it has /p (4 messages)" in refused(path, topic="/q")


def test_recordings_without_points(tmp_path: Path) -> None:
    path = recording.write(tmp_path / "a.bag", {})
    told = "has no PointCloud2, but std_msgs/msg/String; give a recording of a LiDAR"
    assert told in refused(path)


@pytest.mark.parametrize(
    "kind", ["velodyne_msgs/msg/VelodyneScan", "ouster_ros/msg/PacketMsg",
             "livox_ros_driver2/msg/CustomMsg"],
)  # fmt: skip
def test_recordings_of_packets(tmp_path: Path, kind: str) -> None:
    from rosbags import rosbag1

    with rosbag1.Writer(tmp_path / "a.bag") as writer:
        connection = writer.add_connection("/packets", kind, msgdef="uint8 a", md5sum="0" * 32)
        writer.write(connection, recording.START, b"\0")
    assert (
        f"has no PointCloud2, but {kind}; packets of a LiDAR: play them through its driver's node"
        " and record the points"
    ) in refused(tmp_path / "a.bag")


def test_bags_without_an_index(tmp_path: Path) -> None:
    path = recording.write(tmp_path / "a.bag", {"/p": "velodyne"})
    content = path.read_bytes()
    place = content.index(b"index_pos=") + len(b"index_pos=")
    path.write_bytes(content[:place] + bytes(8) + content[place + 8 :])
    assert "is a bag without an index" in refused(path)
    assert "run `rosbag reindex` on it" in refused(path)
    path.write_bytes(b"")
    assert "a.bag: not a readable .bag file" in refused(path)


def test_mcap_that_was_cut_off(tmp_path: Path) -> None:
    folder = recording.write(tmp_path / "a", {"/p": "velodyne"})
    (file,) = folder.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:-300])
    assert "has no end, as a recording that was cut off; run `mcap recover`" in refused(file)
    file.unlink()
    assert "missing" in refused(folder)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"profile": ""}, "was not made by ROS 2"),
        ({"profile": "ros1"}, "was not made by ROS 2"),
        ({"index": "CHUNK"}, "has no index of messages; run `mcap recover` on it"),
        ({"index": "NONE"}, None),
        ({"index": "NONE", "chunks": False}, None),
    ],
)
def test_mcap_of_other_writers(tmp_path: Path, form: dict[str, Any], message: str | None) -> None:
    path = tmp_path / "a.mcap"
    recording.write_mcap(path, **form)
    if message is None:
        assert len(open_dataset(path)) == 3
    else:
        assert message in refused(path)


def test_a_chunk_that_is_in_no_index_is_no_bomb(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    recording.write_mcap(path, index="NONE", other=128 << 20)
    assert path.stat().st_size < 1 << 20
    assert "which no point cloud does" in refused(path)


def test_a_damaged_chunk_costs_its_own_messages(tmp_path: Path) -> None:
    count = 2000  # over a megabyte a chunk
    folder = recording.write(tmp_path / "a", {"/p": "velodyne"}, count=count)
    (file,) = folder.glob("*.mcap")
    content = bytearray(file.read_bytes())
    dataset = open_dataset(file)
    chunks = dataset._messages[0][2].storage.chunks  # type: ignore[attr-defined]
    assert len(chunks) > 1
    first = chunks[0].chunk_start_offset + 9 + 40 + len(chunks[0].compression)
    content[first + 1 : first + 9] = b"\xff" * 8  # the size of the first message
    file.write_bytes(content)
    dataset = open_dataset(file)
    assert len(dataset) == count
    message = refusal(dataset.__getitem__, 5)
    assert message.startswith(f"{file}: message p/000005: not a readable .mcap file")
    assert len(dataset[count - 1]) == COUNT


def test_empty_scans_are_refused_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.bag"
    kind = recording.KINDS["velodyne"]
    from rosbags import rosbag1
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS1_NOETIC)
    with rosbag1.Writer(path) as writer:
        connection = writer.add_connection("/p", recording.POINTS, typestore=store)
        for number, count in enumerate((0, COUNT)):
            message = recording.cloud(store, recording.rows(kind)[:count], seq=0)
            raw = store.serialize_ros1(message, recording.POINTS)
            writer.write(connection, recording.START + number, raw)
        writer.write(connection, recording.START + 2, b"\x00" * 7)
    dataset = open_dataset(path)
    assert "message p/000000: holds no points; check the sensor" in refusal(dataset.__getitem__, 0)
    assert len(dataset[1]) == COUNT
    assert "message p/000002: not a readable PointCloud2" in refusal(dataset.__getitem__, 2)


CODES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}


@given(st.data())
def test_points_of_any_layout(data: st.DataObject) -> None:
    """Fields anywhere in a point, in any order and type, with bytes between points and rows."""
    big, (rows, width) = data.draw(st.booleans()), data.draw(st.tuples(*[st.integers(1, 4)] * 2))
    codes = data.draw(st.lists(st.sampled_from(sorted(CODES)), min_size=1, max_size=5))
    formats, offsets, place = [], [], 0
    for code in codes:
        place += data.draw(st.integers(0, 3))
        offsets.append(place)
        formats.append((">" if big else "<") + CODES[code])
        place += int(CODES[code][1])
    step = place + data.draw(st.integers(0, 5))
    names = [f"f{index}" for index in range(len(codes))]
    kind = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": step})
    row_step = step * width + data.draw(st.integers(0, 7))
    raw = np.frombuffer(
        data.draw(st.binary(min_size=rows * row_step, max_size=rows * row_step)), "u1"
    )
    fields = [
        SimpleNamespace(name=name, offset=offset, datatype=code, count=1)
        for name, offset, code in zip(names, offsets, codes, strict=True)
    ]
    message = SimpleNamespace(
        height=rows, width=width, fields=fields, is_bigendian=big, point_step=step,
        row_step=row_step, data=raw,
    )  # fmt: skip
    found = columns_of(message)
    for row in range(rows):
        line = np.frombuffer(raw[row * row_step :][: step * width].tobytes(), kind)
        for name in names:
            part = found[name][row * width : (row + 1) * width]
            np.testing.assert_array_equal(part, line[name])
    cut = data.draw(st.integers(1, max(1, len(raw))))
    message.data = raw[: len(raw) - cut]
    if len(message.data) < (rows - 1) * row_step + step * width:
        with pytest.raises(MalformedError, match="promises"):
            columns_of(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"point_step": 3}, "its field x lies outside of a point"),
        ({"row_step": 5}, "promises 1 x 2 points of 8 bytes"),
        ({"width": 1 << 31}, "promises"),
        ({"width": 0}, "holds no points"),
        ({"fields": [], "point_step": 0, "height": 1 << 31}, "has no fields of numbers"),
    ],
)
def test_points_that_are_not_inside(change: dict[str, Any], message: str) -> None:
    field = SimpleNamespace(name="x", offset=0, datatype=7, count=1)
    told = dict(
        height=1, width=2, fields=[field], is_bigendian=False, point_step=8, row_step=16,
        data=np.zeros(16, "u1"),
    ) | change  # fmt: skip
    with pytest.raises(MalformedError, match=message):
        columns_of(SimpleNamespace(**told))


def test_odd_fields() -> None:
    """A type that there is not, a name twice, a count of 0 and of 3."""
    told = [("x", 0, 7, 0), ("n", 4, 4, 3), ("x", 4, 7, 1), ("odd", 0, 9, 1), ("", 0, 2, 1)]
    fields = [
        SimpleNamespace(name=name, offset=offset, datatype=code, count=count)
        for name, offset, code, count in told
    ]
    message = SimpleNamespace(
        height=1, width=2, fields=fields, is_bigendian=False, point_step=10, row_step=0,
        data=np.arange(20, dtype="u1"),
    )  # fmt: skip
    found = columns_of(message)
    assert list(found) == ["x", "n"] and found["n"].shape == (2, 3) and found["x"].shape == (2,)
