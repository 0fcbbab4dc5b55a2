"""Results for Rerun and Foxglove, read again by the libraries of those."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import warnings
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from avs3d import Camera, Scan, Segmentation, Vocabulary
from avs3d.errors import UserError
from avs3d.io import encode, read, write
from avs3d.palette import palette
from camera_files import make_rig
from commands import Call, scan
from test_io_results import results

pytest.importorskip("rerun.chunk")
pytest.importorskip("mcap")
WORDS = ("car", "a/b é", "<b>road</b>")
WHEN = 1_500_000_000_123_456_789


def made_up() -> Segmentation:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 3)).astype(np.float32)
    points[3] = np.nan
    pose = np.array([[0.0, -1, 0, 0.5], [0, 0, -1, 1], [1, 0, 0, 2], [0, 0, 0, 1]])
    K = np.array([[5.0, 0, 4], [0, 5, 3], [0, 0, 1]])
    camera = Camera("front left", np.full((8, 10, 3), 99, np.uint8), K, pose)
    taken = Scan(
        points, rng.uniform(0, 1, 60), origin=np.array([6e5, 5e6, 0]), cameras=(camera,),
        name="s3", sequence="folder 08/s0", number=3, timestamp=WHEN,
    )  # fmt: skip
    query = np.where(taken.finite, rng.uniform(0, 1, 60), np.nan).astype(np.float32)
    label = rng.integers(-1, 3, 60)
    label[3] = -1
    return Segmentation(
        taken, label, rng.uniform(0, 1, 60), Vocabulary(WORDS), "tiny",
        cosine=rng.uniform(0, 1, 60), queries={"a parked/car": query},
    )  # fmt: skip


def recorded(content: bytes, folder: Path) -> tuple[Any, dict[str, dict[str, list[Any]]]]:
    """The recording of a `.rrd`, and entity -> column -> rows."""
    from rerun.chunk import RrdReader

    path = folder / "a.rrd"
    path.write_bytes(content)
    reader = RrdReader(path)
    (recording,) = reader.recordings()
    found: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for chunk in reader.stream():
        batch = chunk.to_record_batch()
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            is_time = str(column.type).startswith("timestamp")
            found[chunk.entity_path][name] += (
                column.cast("int64") if is_time else column
            ).to_pylist()
    return recording, found


def the(rows: dict[str, list[Any]], end: str) -> Any:
    """The one value of the column whose name ends so."""
    values = [value for name, some in rows.items() if name.endswith(end) for value in some if value]
    assert len(values) == 1, (end, list(rows))
    return values[0]


def test_rerun_has_classes_scalars_cameras_and_times(tmp_path: Path) -> None:
    result = made_up()
    recording, found = recorded(encode(result, ".rrd"), tmp_path)
    assert recording.application_id == "avs3d"
    other = recorded(encode(replace(result, scan=replace(result.scan, number=4)), ".rrd"), tmp_path)
    assert other[0].recording_id == recording.recording_id  # one recording a sequence
    elsewhere = replace(result.scan, sequence="another")
    away = recorded(encode(replace(result, scan=elsewhere), ".rrd"), tmp_path)
    assert away[0].recording_id != recording.recording_id
    finite = result.scan.finite
    points = found["/scan/points"]
    np.testing.assert_array_equal(the(points, ":positions"), result.scan.points[finite])
    label = np.array(the(points, ":class_ids")).astype(int)
    np.testing.assert_array_equal(np.where(label == 65_535, -1, label), result.label[finite])
    assert points["scan"] == [3]
    assert points["time"] == [WHEN]
    told = json.dumps(the(found["/scan"], "context"), default=str)
    assert all(json.dumps(word)[1:-1] in told for word in (*WORDS, "no word"))
    np.testing.assert_array_equal(the(found["/scan"], "origin"), result.scan.origin)
    (query,) = (entity for entity in found if entity.startswith("/scan/query/"))
    assert "parked" in query
    for entity, values in (
        ("/scan/score", result.score),
        ("/scan/similarity", result.cosine),
        (query, result.queries["a parked/car"]),
    ):
        np.testing.assert_array_equal(the(found[entity], "value"), values[finite])
        assert len(the(found[entity], ":colors")) == finite.sum()
    (camera,) = (rows for entity, rows in found.items() if "/camera/" in entity)
    K = np.array(the(camera, ":image_from_camera")).reshape(3, 3).T
    np.testing.assert_array_equal(K, result.scan.cameras[0].intrinsics)
    assert bytes(np.array(the(camera, ":blob")).ravel().tolist())[:4] == b"\x89PNG"


def test_rerun_says_nothing_of_clouds_at_the_origin_or_without_points(tmp_path: Path) -> None:
    at_origin = replace(made_up(), scan=replace(made_up().scan, origin=np.zeros(3)))
    _, found = recorded(encode(at_origin, ".rrd"), tmp_path)
    np.testing.assert_array_equal(the(found["/scan"], "origin"), np.zeros(3))
    # In a process of its own: it is the first recording that Rerun has something to say of.
    code = "from avs3d.cli.options import parse_formats\nparse_formats(['rrd'], None)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr == ""


def messages(content: bytes) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """Topic -> message of a `.mcap`, and its metadata."""
    from mcap.reader import make_reader

    reader = make_reader(io.BytesIO(content))
    found = {}
    for schema, channel, message in reader.iter_messages():
        assert schema is not None
        found[channel.topic] = schema.name, message.data, message.log_time
    return found, {record.name: record.metadata for record in reader.iter_metadata()}


def fields_of(schema: str, data: bytes) -> Any:
    """A message of Foxglove as its own package reads it."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    foxglove = pytest.importorskip("foxglove.messages")
    told = getattr(foxglove, schema.removeprefix("foxglove.")).get_schema()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(told.data).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(schema)).FromString(data)


def columns_of(cloud: Any) -> np.ndarray:
    kinds = {1: "u1", 6: "<i4", 7: "<f4"}
    formats = [kinds[field.type] for field in cloud.fields]
    dtype = np.dtype(
        {
            "names": [field.name for field in cloud.fields],
            "formats": formats,
            "offsets": [field.offset for field in cloud.fields],
            "itemsize": cloud.point_stride,
        }
    )
    return np.frombuffer(cloud.data, dtype)


def test_foxglove_has_points_words_and_cameras() -> None:
    pytest.importorskip("google.protobuf")
    result = made_up()
    found, told = messages(encode(result, ".mcap"))
    assert set(found) == {
        "/points", "/tf", "/front left/calibration", "/front left/image",
    }  # fmt: skip
    assert all(when == WHEN for _, _, when in found.values())
    rows = columns_of(fields_of(*found["/points"][:2]))
    np.testing.assert_array_equal(np.stack([rows[axis] for axis in "xyz"], 1), result.scan.points)
    for name, values in (
        ("label", result.label),
        ("score", result.score),
        ("similarity", result.cosine),
        ("intensity", result.scan.intensity),
        ("query: a parked/car", result.queries["a parked/car"]),
    ):
        np.testing.assert_array_equal(rows[name], values)
    labelled = result.label >= 0
    colours = np.stack([rows[name] for name in ("red", "green", "blue")], 1)
    np.testing.assert_array_equal(colours[labelled], palette(WORDS)[result.label[labelled]])
    assert told["avs3d words"] == {str(i): word for i, word in enumerate(WORDS)}
    assert told["avs3d result"]["sequence"] == "folder 08/s0"
    calibration = fields_of(*found["/front left/calibration"][:2])
    assert list(calibration.K) == result.scan.cameras[0].intrinsics.ravel().tolist()
    place = fields_of(*found["/tf"][:2])
    t, q = place.translation, place.rotation
    pose = np.linalg.inv(result.scan.cameras[0].camera_from_lidar)
    np.testing.assert_allclose([t.x, t.y, t.z], pose[:3, 3], atol=1e-12)
    np.testing.assert_allclose(_turned([q.x, q.y, q.z, q.w], [0, 0, 1]), pose[:3, 2], atol=1e-9)


def _turned(quaternion: list[float], vector: list[float]) -> np.ndarray:
    axis, w = np.array(quaternion[:3]), quaternion[3]
    return vector + 2 * np.cross(axis, np.cross(axis, vector) + w * np.array(vector))


@settings(max_examples=25)
@given(results())
def test_any_result_is_recorded(given_: Segmentation) -> None:
    content = encode(given_, ".mcap")
    assert content == encode(given_, ".mcap")  # the same bytes again
    found, told = messages(content)
    assert found["/points"][0] == "foxglove.PointCloud" and len(told) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Rerun's way to say that it left something out
        assert encode(given_, ".rrd")[:4] == b"RRF2"


def test_a_run_writes_recordings_with_its_queries(call: Call, bundle: Path, tmp_path: Path) -> None:
    for i in range(2):
        scan(tmp_path / "drive" / f"{i}.bin", i)
    done = call(
        "segment", "drive", "--columns", "4", "--bundle", bundle, "-v", "car, road", "--write",
        "rrd,mcap", "--query", "a parked car", "--no-picture",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert done.output.rstrip().endswith("avs3d view drive/0.bin")
    out = tmp_path / "avs3d-results"
    first, second = (recorded((out / f"{i}.rrd").read_bytes(), tmp_path) for i in range(2))
    assert first[0].recording_id == second[0].recording_id
    assert [one[1]["/scan/points"]["scan"] for one in (first, second)] == [[0], [1]]
    assert any(entity.startswith("/scan/query/") for entity in first[1])
    whole = tmp_path / "drive.rrd"
    merge = [sys.executable, "-m", "rerun", "rrd", "merge", out / "0.rrd", out / "1.rrd"]
    subprocess.run([*merge, "-o", whole], check=True, capture_output=True)
    one, found = recorded(whole.read_bytes(), tmp_path)  # which is one recording, with both scans
    assert one.recording_id == first[0].recording_id
    points = found["/scan/points"]
    assert sorted(points["scan"]) == [0, 1]
    (positions,) = (rows for name, rows in points.items() if name.endswith(":positions"))
    for number, rows in zip(points["scan"], positions, strict=True):
        given_ = read(tmp_path / "drive" / f"{number}.bin", columns="4")
        np.testing.assert_array_equal(rows, given_.points[given_.finite])
    assert messages((out / "1.mcap").read_bytes())[0]["/points"][2] == 100_000_000
    refused = call(
        "segment", "drive", "--columns", "4", "--bundle", bundle, "-v", "car", "--query", "x",
    )  # fmt: skip
    assert refused.exit_code == 2 and "--write rrd" in refused.stderr


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, _ = make_rig(tmp_path, ("front",))
    K, pose = np.eye(3), np.eye(4)
    gone = Camera("front", images / "gone.png", K, pose, size=(4, 4))
    result = Segmentation(
        Scan(np.zeros((1, 3)), cameras=(gone,)), [0], [1.0], Vocabulary(("car",)), "b"
    )
    for end in (".rrd", ".mcap"):
        with pytest.raises(UserError, match=r"gone\.png"):
            write(result, tmp_path / f"a{end}")
    monkeypatch.setattr("avs3d.environment.missing_modules", lambda modules: list(modules))
    with pytest.raises(UserError, match=r"avs3d\[recordings\]"):
        encode(result, ".rrd")


def test_cloudcompare_and_potree_have_what_they_look_for(tmp_path: Path) -> None:
    """CloudCompare: binary PLY with uchar red, green, blue and scalars. Potree's converter: LAS of
    a point format with colours, 16 bits each, bounds that hold, and extra bytes that are described.
    """
    import laspy
    from plyfile import PlyData

    result = replace(made_up(), scan=replace(made_up().scan, cameras=()), queries={})
    ply = PlyData.read(write(result, tmp_path / "a.ply"))
    assert ply.byte_order == "<" and not ply.text
    kinds = {p.name: p.val_dtype for p in ply["vertex"].properties}
    assert {kinds[name] for name in ("red", "green", "blue")} == {"u1"}
    assert {kinds[name] for name in "xyz"} == {"f8"} and kinds["score"] == "f4"
    las = laspy.read(write(result, tmp_path / "a.laz"))
    assert las.header.point_format.id == 7 and las.header.are_points_compressed
    labelled = result.label >= 0
    colours = np.stack([las.red, las.green, las.blue], 1)[labelled]
    np.testing.assert_array_equal(colours, 257 * palette(WORDS)[result.label[labelled]].astype(int))
    kept = np.asarray(las.withheld) == 0
    inside = (las.xyz[kept] >= las.header.mins - 1e-9) & (las.xyz[kept] <= las.header.maxs + 1e-9)
    assert inside.all()
    assert {"label", "score"} <= set(las.point_format.extra_dimension_names)
    assert len(read(tmp_path / "a.laz")) == 60
