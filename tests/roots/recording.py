"""Recordings of ROS 1 and 2 with PointCloud2, made by `rosbags`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roots.scene import COUNT, WORLD

START = 1_700_000_000_000_000_000
STEP = 100_000_000
POINTS = "sensor_msgs/msg/PointCloud2"
_CODES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8}

KINDS = {
    "velodyne": np.dtype(
        {"names": ["x", "y", "z", "intensity", "ring", "time"],
         "formats": ["<f4", "<f4", "<f4", "<f4", "<u2", "<f4"],
         "offsets": [0, 4, 8, 16, 20, 24], "itemsize": 32}
    ),
    "ouster": np.dtype(
        {"names": ["x", "y", "z", "intensity", "t", "reflectivity", "ring"],
         "formats": ["<f4", "<f4", "<f4", "<f4", "<u4", "<u2", "u1"],
         "offsets": [0, 4, 8, 16, 20, 24, 26], "itemsize": 48}
    ),
    "big": np.dtype(
        [("x", ">f8"), ("y", ">f8"), ("z", ">f8"), ("intensity", ">u4"), ("ring", ">i2")]
    ),
}  # fmt: skip
"""Kinds of points: with bytes in between, with many, and big-endian without any."""


def rows(kind: np.dtype, moment: int = 0) -> np.ndarray:
    """(N,) points, each scan a metre further."""
    table = np.zeros(COUNT, kind)
    for axis, values in zip("xyz", (WORLD + (moment, 0, 0)).T, strict=True):
        table[axis] = values
    for name in set(kind.names or ()) - set("xyz"):
        table[name] = np.arange(COUNT) % 32
    return table


def cloud(
    store: Any, table: np.ndarray, height: int = 1, padding: int = 0, seq: int | None = None
) -> Any:
    """A message; with `height` rows of points, and `padding` bytes after each row."""
    types = store.types
    stamp = types["builtin_interfaces/msg/Time"](sec=1_700_000_000, nanosec=0)
    head = {} if seq is None else {"seq": seq}
    header = types["std_msgs/msg/Header"](stamp=stamp, frame_id="lidar", **head)
    kind = table.dtype
    field = types["sensor_msgs/msg/PointField"]
    fields = [
        field(name=name, offset=kind.fields[name][1], datatype=_CODES[kind[name].str[1:]], count=1)
        for name in kind.names or ()
    ]  # type: ignore[index]
    lines = np.frombuffer(table.tobytes(), np.uint8).reshape(height, -1)
    data = np.hstack([lines, np.full((height, padding), 0xEE, np.uint8)])
    order = any(kind[name].str[0] == ">" for name in kind.names or ())
    return types[POINTS](
        header=header, height=height, width=len(table) // height, fields=fields, is_bigendian=order,
        point_step=kind.itemsize, row_step=data.shape[1], data=data.reshape(-1), is_dense=True,
    )  # fmt: skip


def write(path: Path, topics: dict[str, str], count: int = 3, **form: Any) -> Path:
    """A recording: ``.bag``; or else a folder, of `storage` ``mcap`` or ``sqlite3``.

    Args:
        path: where to.
        topics: name -> one of `KINDS`.
        count: messages of each.
        form: `storage`; `packed`, how the bag (LZ4) or which part of a folder (none); see `cloud`.
    """
    pytest.importorskip("rosbags", reason="recordings need the extra `ros`")
    from rosbags import rosbag1, rosbag2
    from rosbags.typesys import Stores, get_typestore

    ros1, storage = path.suffix == ".bag", form.pop("storage", "mcap")
    store = get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_HUMBLE)
    if ros1:
        writer: Any = rosbag1.Writer(path)
        writer.set_compression(rosbag1.Writer.CompressionFormat[form.pop("packed", "LZ4")])
    else:
        plugin = {"mcap": rosbag2.StoragePlugin.MCAP, "sqlite3": rosbag2.StoragePlugin.SQLITE3}
        writer = rosbag2.Writer(path, version=8, storage_plugin=plugin[storage])
        if mode := form.pop("packed", ""):
            writer.set_compression(rosbag2.CompressionMode[mode], rosbag2.CompressionFormat.ZSTD)
    serialize = store.serialize_ros1 if ros1 else store.serialize_cdr
    with writer:
        for topic, kind in topics.items():
            connection = writer.add_connection(topic, POINTS, typestore=store)
            for number in range(count):
                table = rows(KINDS[kind], number)
                message = cloud(store, table, seq=number if ros1 else None, **form)
                writer.write(connection, START + STEP * number, serialize(message, POINTS))
        text = writer.add_connection("/chatter", "std_msgs/msg/String", typestore=store)
        words = store.types["std_msgs/msg/String"](data="hello")
        writer.write(text, START, serialize(words, "std_msgs/msg/String"))
    return path


def write_mcap(
    path: Path, profile: str = "ros2", index: str = "ALL", chunks: bool = True, other: int = 0
) -> None:
    """Three messages on ``/p`` as a writer that is not ROS may leave them.

    Args:
        path: where to.
        profile: what the file says that it is of.
        index: which there is.
        chunks: messages are in packed chunks.
        other: bytes of a message on another topic; 0: none.
    """
    writers = pytest.importorskip("mcap.writer", reason="needs the extra `recordings`")
    pytest.importorskip("rosbags", reason="recordings need the extra `ros`")
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    with open(path, "wb") as file:
        indexes = writers.IndexType[index]
        writer = writers.Writer(file, index_types=indexes, use_chunking=chunks)
        writer.start(profile=profile)
        schema = writer.register_schema(POINTS, "ros2msg", b"")
        channel = writer.register_channel("/p", "cdr", schema)
        for number in range(3):
            message = cloud(store, rows(KINDS["velodyne"], number))
            raw = bytes(store.serialize_cdr(message, POINTS))
            writer.add_message(channel, START + STEP * number, raw, START)
        if other:
            writer.add_message(writer.register_channel("/q", "cdr", 0), START, bytes(other), START)
        writer.finish()
