"""Recordings of ROS: ``.bag``, ``.mcap``, ``.db3`` and their folders, a PointCloud2 a scan."""

from __future__ import annotations

import io
import re
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePath
from typing import Any

from avs3d.datasets.parts.dataset import Dataset
from avs3d.datasets.parts.files import listed, state_of
from avs3d.datasets.parts.point_cloud2 import columns_of
from avs3d.environment import require
from avs3d.errors import ReadError, UserError
from avs3d.io.columns import Table, to_scan
from avs3d.io.packed import unpack, unpacking
from avs3d.io.source import MalformedError, damaged, load_small, naming, show
from avs3d.plain_yaml import documents
from avs3d.scan import Scan

POINTS = "sensor_msgs/msg/PointCloud2"
_ENDINGS = (".bag", ".mcap", ".db3")
_PACKETS = re.compile("velodyne|ouster|livox|hesai|pandar|rslidar|nebula")
"""Packages of the messages that drivers of LiDARs make points of."""
_METADATA = "metadata.yaml"
_MESSAGE_INDEX = 0x07
_MAX_CHUNK = 1 << 30
_MAX_METADATA = 64 << 20
_RECOVER = "run `mcap recover` on it"
_REMEDIES = {
    "not indexed": "is a bag without an index, as a recording that was cut off leaves it; run"
    " `rosbag reindex` on it",
    "end magic": f"has no end, as a recording that was cut off; {_RECOVER}",
    "Invalid MCAP footer": f"has no end, as a recording that was cut off; {_RECOVER}",
    "Profile is not ros2": "is an MCAP file that was not made by ROS 2 (its profile); give the .bag"
    " or the recording of ROS 2 that it was made of",
}


@dataclass(frozen=True)
class _Part:
    """An open file of a recording.

    Attributes:
        storage: its reader, of `rosbags`.
        state: of the recording that it is a part of, see `Dataset.state`.
        packed: each message is packed by itself.
    """

    storage: Any
    state: tuple[int, int] | None
    packed: bool = False

    @property
    def path(self) -> Path:
        path: Path = self.storage.path
        return path

    @property
    def points(self) -> list[Any]:
        """Its topics of points."""
        return [found for found in self.storage.connections if found.msgtype == POINTS]


class Reader(Dataset):
    """The messages of a topic, in the order of the times at which they were recorded.

    A key is the topic and a number: ``velodyne_points/000123``. What the sensor calls its columns
    stays in `Scan.fields`. One message is in memory at a time, and the part of the file that it
    was packed with. What the recording says of its message types is not used.

    Args:
        root: a file, a folder with ``metadata.yaml``, or a folder with files.
        topic: of PointCloud2; needed where there are several.
    """

    name = "rosbag"
    labelset = None
    split = None

    def __init__(self, root: Path, topic: str | None = None) -> None:
        require("ros")
        self.root = root
        self._lock = threading.Lock()  # who reads has the place in the file
        parts = [part for path in _files(root) for part in _opened(path)]
        counts: Counter[str] = Counter()
        for connection in (found for part in parts for found in part.points):
            counts[connection.topic] += connection.msgcount  # a topic can have several
        if not counts:
            kinds = {str(found.msgtype) for part in parts for found in part.storage.connections}
            raise ReadError(f"{show(root)}: {_without_points(kinds)}")
        self.topic = _topic(root, topic, counts)
        self._messages = sorted(
            (
                (time, which, part, connection)
                for part in parts
                for connection in part.points
                if connection.topic == self.topic
                for time, which in _times(part, connection)
            ),
            key=lambda message: message[0],
        )

    @staticmethod
    def fits(root: Path) -> bool:
        return root.suffix in _ENDINGS or bool(listed(root, *_ENDINGS)) or _is_folder(root)

    def __len__(self) -> int:
        return len(self._messages)

    def key(self, index: int) -> str:
        return f"{self.topic.strip('/')}/{range(len(self))[index]:06}"

    def timestamp(self, index: int) -> int | None:
        """When it was recorded."""
        return self._messages[index][0]

    def state(self, index: int) -> tuple[int, int] | None:
        return self._messages[index][2].state

    def __getitem__(self, index: int) -> Scan:
        time, which, part, connection = self._messages[index]
        key = self.key(index)
        with naming(part.path), _message(key):
            with self._lock, _reading(part.path):
                same = part.storage.messages([connection], time, time + 1)
                found = next(islice(same, which, None), None)
            if found is None:
                raise MalformedError("is in the index and not in the file; get it again")
            raw = unpack(memoryview(found[2]), Path("a.zst")) if part.packed else found[2]
            with damaged("PointCloud2"):
                message = _decoded(raw, part.path.suffix == ".bag")
            scan = to_scan(Table(columns_of(message)), part.path)
            return replace(scan, name=key.rpartition("/")[2])


@contextmanager
def _message(number: str) -> Iterator[None]:
    try:
        yield
    except MalformedError as error:
        raise MalformedError(f"message {number}: {error}") from error


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What `rosbags` raises, as a `MalformedError` with a remedy."""
    try:
        with damaged(path.suffix):
            yield
    except MalformedError as error:
        remedy = next((text for sign, text in _REMEDIES.items() if sign in str(error)), None)
        if remedy is None:
            raise
        raise MalformedError(remedy) from error


def _is_folder(root: Path) -> bool:
    """Whether it is a recording of ROS 2, whatever files are left of it."""
    try:
        with open(root / _METADATA, "rb") as file:
            return b"rosbag2_bagfile_information" in file.read(1 << 12)
    except OSError:
        return False


def _files(root: Path) -> list[Path]:
    if root.is_dir() and not _is_folder(root):
        return [root / name for name in listed(root, *_ENDINGS)]
    return [root]


def _opened(path: Path) -> list[_Part]:
    """The open files of a recording; a recording in a folder can have several."""
    from rosbags import rosbag1, rosbag2

    _bound_chunks()
    state = _state(path)
    with naming(path), _reading(path):
        if path.suffix == ".bag":
            bag = rosbag1.Reader(path)
            bag.open()
            return [_Part(bag, state)]
        if path.is_dir():
            _check_files(path)
        reader = rosbag2.Reader(path)
        reader.open()
        storages = getattr(reader.storage, "storages", [reader.storage])
        packed = reader.compression_mode == "message"
        return [_Part(storage, state, packed) for storage in storages]


def _state(path: Path) -> tuple[int, int] | None:
    """Of a file, or of those of a folder together: storages that are packed as wholes are read
    from copies."""
    files = [path / name for name in listed(path, *_ENDINGS, ".zstd")] or [path]
    states = [state for file in files if (state := state_of(file)) is not None]
    if not states:
        return None
    return sum(size for size, _ in states), max(changed for _, changed in states)


def _bound_chunks() -> None:
    """`rosbags` unpacks a chunk to any size, by tables in which other functions can stand."""
    from rosbags.rosbag1 import reader
    from rosbags.rosbag2 import storage_mcap

    reader.decompressors.update({kind: _within_bounds(f".{kind}") for kind in ("bz2", "lz4")})
    storage_mcap.DECOMPRESSORS.update(zstd=_within_bounds(".zst"), lz4=_within_bounds(".lz4"))


def _within_bounds(suffix: str) -> Callable[..., bytes]:
    return lambda data, _=0: b"".join(unpacking(io.BytesIO(data), len(data), suffix))


def _check_files(root: Path) -> None:
    """Of a recording whose files are packed as wholes: `rosbags` unpacks them into TMPDIR."""
    metadata = load_small(root / _METADATA, _MAX_METADATA, "give the recording's own")
    told = documents(bytes(metadata).decode("utf-8", "replace"))[0]["rosbag2_bagfile_information"]
    if str(told.get("compression_mode")).lower() != "file":
        return
    for name in told["relative_file_paths"]:
        path = root / PurePath(name).name
        with open(path, "rb") as file:
            for _ in unpacking(file, path.stat().st_size, ".zst"):
                pass


def _without_points(kinds: set[str]) -> str:
    """What a recording with messages of these types is told."""
    told = ", ".join(show(kind) for kind in sorted(kinds)) or "nothing else"
    if any(_PACKETS.match(kind) for kind in kinds):
        remedy = "packets of a LiDAR: play them through its driver's node and record the points"
    else:
        remedy = "give a recording of a LiDAR"
    return f"has no PointCloud2, but {told}; {remedy}"


def _topic(root: Path, topic: str | None, counts: Counter[str]) -> str:
    told = ", ".join(f"{name} ({count:,} messages)" for name, count in sorted(counts.items()))
    if topic is None and len(counts) > 1:
        raise UserError(f"{show(root)}: has several topics of points; choose one: {show(told)}")
    if topic is not None and topic not in counts:
        raise UserError(f"{show(root)}: has no points on topic {show(topic)}; it has {show(told)}")
    return topic or next(iter(counts))


def _times(part: _Part, connection: Any) -> Iterator[tuple[int, int]]:
    """When each message was recorded, and how many of that time are before it."""
    with naming(part.path), _reading(part.path):
        last, which = None, 0
        moments = sorted(_moments(part.storage, connection))
        if connection.msgcount and not moments:
            raise MalformedError(f"has no index of messages; {_RECOVER}")
        for time in moments:
            which = which + 1 if time == last else 0
            last = time
            yield time, which


def _moments(storage: Any, connection: Any) -> Iterator[int]:
    """By an index, where the file has one, else by reading it through."""
    if hasattr(storage, "indexes"):
        yield from (entry.time for entry in storage.indexes[connection.id])
    elif hasattr(storage, "dbconn"):
        query = "SELECT timestamp FROM messages WHERE topic_id = ?"
        yield from (time for (time,) in storage.dbconn.cursor().execute(query, (connection.id,)))
    elif storage.chunks:
        for chunk in storage.chunks:
            if chunk.uncompressed_size > _MAX_CHUNK:
                raise MalformedError("has a chunk of more than 1 GiB; record it in smaller ones")
            if connection.id in chunk.message_index_offsets:
                yield from _indexed(storage.bio, chunk.message_index_offsets[connection.id])
    else:
        yield from (time for _, time, _ in storage.messages([connection]))


def _indexed(file: Any, offset: int) -> Iterator[int]:
    """The times in a message index of MCAP: opcode, size, channel, bytes, (time, place) …"""
    file.seek(offset)
    head = file.read(15)
    opcode, _, _, size = struct.unpack("<BQHI", head)
    entries = file.read(size)
    if opcode != _MESSAGE_INDEX or len(entries) != size or size % 16:
        raise MalformedError(f"has a damaged index of messages; {_RECOVER}")
    yield from (time for time, _ in struct.iter_unpack("<QQ", entries))


def _decoded(raw: bytes | memoryview, ros1: bool) -> Any:
    """The message by the definition that ROS has, whatever the file says."""
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_HUMBLE)
    return store.deserialize_ros1(raw, POINTS) if ros1 else store.deserialize_cdr(raw, POINTS)
