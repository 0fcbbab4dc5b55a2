"""Bad files: one line that names the file and the remedy, quickly, within bounded memory."""

from __future__ import annotations

import io
import os
import pickle
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avs3d.errors import ReadError
from avs3d.io import READERS, read
from avs3d.scan import Scan
from io_files import COUNT, EXTRA, XYZ, all_files, las_bytes, npy_bytes, npz_bytes, put

FILES = all_files()
TEXT = [extension for extension, name in READERS.items() if name == "text"]
CHEAP = [name for name in FILES if not name.endswith(".laz")]


def refused(path: Path, columns: int | None = None) -> str:
    """The message of a refusal, which must be one line with the file's name, and be quick."""
    start = time.perf_counter()
    with pytest.raises(ReadError) as caught:
        read(path, columns=columns)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.isprintable() and len(message) < 600
    assert time.perf_counter() - start < 20
    return message


def scan_or_refusal(path: Path, columns: int | None = None) -> None:
    try:
        scan = read(path, columns=columns)
    except ReadError as error:
        assert str(path.name) in str(error) and "\n" not in str(error)
    else:
        assert isinstance(scan, Scan) and len(scan)


fuzz = settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzz
@given(
    extension=st.sampled_from(sorted(READERS)),
    head=st.sampled_from(
        [b"", b"ply\n", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"LASF", b"1 2 3\n", b"x,y,z\n1,",
         b"ASTM-E57", b"PAR1", b"ARROW1\0\0", b"DRACO\x02\x02"]
    ),
    tail=st.binary(max_size=400),
    columns=st.sampled_from([None, 4]),
)  # fmt: skip
def test_arbitrary_bytes(
    tmp_path: Path, extension: str, head: bytes, tail: bytes, columns: int | None
) -> None:
    scan_or_refusal(put(tmp_path, f"a{extension}", head + tail), columns)


@pytest.mark.parametrize("name", CHEAP)
@settings(fuzz, max_examples=60)
@given(data=st.data())
def test_damage_to_valid_files(tmp_path: Path, name: str, data: st.DataObject) -> None:
    damage(tmp_path, name, data)


@settings(fuzz, max_examples=25)
@given(data=st.data())
def test_damage_to_packed_las(tmp_path: Path, data: st.DataObject) -> None:
    damage(tmp_path, "tile.laz", data)


@pytest.mark.parametrize("name", EXTRA)
@settings(fuzz, max_examples=6)
@given(data=st.data())
def test_damage_to_files_of_the_extra(tmp_path: Path, name: str, data: st.DataObject) -> None:
    FILES.setdefault(name, EXTRA[name]())
    damage(tmp_path, name, data)


def damage(folder: Path, name: str, data: st.DataObject) -> None:
    """Flip bytes, preferably in the header; cut the end; put something in."""
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(0, 3))):
        reach = data.draw(st.sampled_from([min(400, len(content)), len(content)]))
        content[data.draw(st.integers(0, reach - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, min(500, len(content))))
        content[place:place] = data.draw(
            st.sampled_from([b"99999999999", b"-1", b"nan", b"\n", b" ", b"\xff\xff\xff\xff"])
        )
    end = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    scan_or_refusal(put(folder, name, bytes(content[:end])))


@pytest.mark.parametrize("name", FILES)
def test_truncated_files_are_never_shorter_scans(tmp_path: Path, name: str) -> None:
    content = FILES[name]
    for end in (len(content) // 3 + 1, 2 * len(content) // 3 + 1):
        path = put(tmp_path, name, content[:end])
        if name.endswith(
            (".bin", ".xyz", ".asc", ".csv", ".txt")
        ):  # nothing in it says how many points there were
            scan_or_refusal(path)
        else:
            refused(path)


def npy_header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def las_with(offset: int, kind: str, value: int, packed: bool = False) -> bytes:
    content = bytearray(las_bytes(packed))
    struct.pack_into(kind, content, offset, value)
    return bytes(content)


def zip_bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        array = npy_bytes(np.zeros((1 << 21, 3), np.float32))
        for i in range(8):
            archive.writestr(f"points{i}.npy", array)
    return stream.getvalue()


PLY = "ply\nformat {}\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\n"
PCD = (
    "VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 {count}\nWIDTH {points}\n"
    "HEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {points}\nDATA {kind}\n"
)
LIES = {
    "a.npy": npy_header("{'descr':'<f4','fortran_order':False,'shape':(1000000000000,3),}\n"),
    "overflow.npy": npy_header(
        "{'descr':'<f4','fortran_order':False,'shape':(4611686018427387905,4),}\n"
    ),
    "zero.npy": npy_header("{'descr':'|V0','fortran_order':False,'shape':(1000000000000,3),}\n"),
    "negative.npy": npy_header("{'descr':'<f4','fortran_order':False,'shape':(-5,-3),}\n"),
    "a.ply": (PLY.format("binary_big_endian 1.0", 10**12) + "end_header\n\0\0\0\0").encode(),
    "ascii.ply": (PLY.format("ascii 1.0", 10**12) + "end_header\n0 0 0\n").encode(),
    "faces.ply": (
        PLY.format("ascii 1.0", 1) + f"element face {10**12}\nend_header\n0 0 0\n"
    ).encode(),
    "minus.ply": (PLY.format("ascii 1.0", -4) + "end_header\n0 0 0\n").encode(),
    "lists.ply": (
        PLY.format("binary_little_endian 1.0", 10**12) + "property list int int a\nend_header\n"
    ).encode(),
    "a.pcd": PCD.format(points=10**12, kind="binary", count=1).encode() + b"\0" * 99,
    "ascii.pcd": PCD.format(points=10**12, kind="ascii", count=1).encode() + b"0 0 0\n",
    "count.pcd": PCD.format(points=1, kind="binary", count=10**9).encode() + b"\0" * 99,
    "packed.pcd": PCD.format(points=10**8, kind="binary_compressed", count=1).encode()
    + struct.pack("<II", 4, 1_200_000_000)
    + b"\0" * 4,
    "points.las": las_with(247, "<Q", 10**12),
    "records.las": las_with(100, "<I", 0xFFFFFFFF),
    "offset.las": las_with(96, "<I", 0xFFFFFFFF),
    "points.laz": las_with(247, "<Q", 10**12, packed=True),
    "bomb.npz": zip_bomb(),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_headers_that_lie_cost_no_memory(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name, LIES[name])
    tracemalloc.start()
    try:
        message = refused(path)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert any(word in message for word in ("truncated", "unpack", "not a readable")), message


class Bomb:
    """Unpickling it makes a file: the proof that it was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.path,))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    proof = tmp_path / "opened"
    objects = np.array([Bomb(proof)], dtype=object)
    assert "never unpickled" in refused(put(tmp_path, "a.npy", npy_bytes(objects)))
    assert "pickled" in refused(put(tmp_path, "b.npz", npz_bytes(points=objects)))
    assert "never opened" in refused(put(tmp_path, "c.npy", pickle.dumps(Bomb(proof))))
    beside = put(tmp_path, "d.npz", npz_bytes(points=XYZ, extra=objects))
    assert len(read(beside)) == COUNT
    assert not proof.exists()


@pytest.mark.parametrize("extension", sorted(READERS))
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "holds a web page"),
        (b'\n{"token": "ca9a282c", "points": [1, 2]}', "holds JSON"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "`git lfs pull`"),
        (b"\x1f\x8b\x08\x00" + bytes(60), "gzip data; add .gz to its name"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "a PNG image"),
        (pickle.dumps({"points": 1}, protocol=4), "pickle, which is never opened"),
    ],
)
def test_other_kinds_of_files(tmp_path: Path, extension: str, content: bytes, message: str) -> None:
    assert message in refused(put(tmp_path, f"a{extension}", content))


@pytest.mark.parametrize("extension", sorted(set(READERS) - {".bin", *TEXT}))
def test_plain_text_is_no_cloud(tmp_path: Path, extension: str) -> None:
    refused(put(tmp_path, f"a{extension}", b"1.0 2.0 3.0 0.5\n" * 20))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", npy_bytes(np.zeros(12)), r"shape \(12,\)"),
        ("a.npy", npy_bytes(np.zeros((12, 2))), r"shape \(12, 2\)"),
        ("a.npy", npy_bytes(np.zeros((3, 900))), r"shape \(3, 900\).*one row a point"),
        ("a.npy", npy_bytes(np.array([["x"] * 3])), "type <U1"),
        ("a.npy", npy_bytes(np.zeros(3, [("x", "f4"), ("y", "f4")])), "no column z"),
        ("a.npz", npz_bytes(labels=np.zeros(3)), r"no array points .*arrays: labels"),
        ("a.npz", npz_bytes(x=XYZ[:, 0], y=XYZ[:, 1], z=XYZ[1:, 2]), "have the shapes"),
        ("a.npz", npz_bytes(points=np.zeros((2, 3, 3))), r"shape \(2, 3, 3\)"),
        ("a.ply", b"ply\nformat ascii 1.0\nelement face 0\nend_header\n", "no element vertex"),
        ("a.ply", PLY.format("binary_middle_endian 1.0", 0).encode() + b"end_header\n", "unknown"),
    ],
)
def test_wrong_arrays_and_columns(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = put(tmp_path, name, content)
    with pytest.raises(ReadError, match=message):
        read(path)


def test_told_columns_must_fit_the_array(tmp_path: Path) -> None:
    path = put(tmp_path, "a.npy", npy_bytes(np.zeros((9, 4))))
    assert "has 4 columns, not 5" in refused(path, columns=5)


def test_a_missing_file_offers_the_nearest_names(tmp_path: Path) -> None:
    put(tmp_path, "scan_0001.bin", b"x")
    assert "did you mean scan_0001.bin" in refused(tmp_path / "scan_001.bin")
    assert "no such file; check" in refused(tmp_path / "other.laz")
    assert "no folder" in refused(tmp_path / "nowhere" / "a.bin")


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "x.bin").mkdir()
    assert "is a folder" in refused(tmp_path / "x.bin")
    assert "unknown extension; readable are .asc, .bin, " in refused(put(tmp_path, "a.doc", b"x"))
    assert "unknown extension" in refused(put(tmp_path, "noextension", b"x"))
    with pytest.raises(ReadError, match="cannot be read"):
        read(tmp_path / ("a" * 5000 + ".bin"))
    with pytest.raises(ReadError, match="cannot be read"):
        read("a\0b.bin")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.bin")
    assert "not a regular file" in refused(tmp_path / "pipe.bin")
    (tmp_path / "zero.bin").symlink_to("/dev/zero")
    assert "not a regular file" in refused(tmp_path / "zero.bin")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_no_permission(tmp_path: Path) -> None:
    path = put(tmp_path, "a.bin", FILES["four.bin"])
    path.chmod(0)
    assert "no permission" in refused(path)


def test_a_sparse_giant_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with open(path, "wb") as handle:
        handle.truncate(1 << 40)
    assert "split it into tiles" in refused(path)


def test_odd_names_stay_one_line(tmp_path: Path) -> None:
    path = put(tmp_path, "two\nlines \N{SNOWMAN}.bin", b"123")
    with pytest.raises(ReadError) as caught:
        read(path)
    assert "two\\nlines \N{SNOWMAN}.bin: " in str(caught.value) and "\n" not in str(caught.value)
    good = put(tmp_path, "two\nlines \N{SNOWMAN}.npy", FILES["plain.npy"])
    assert len(read(good)) == COUNT


def test_names_from_a_file_are_quoted_on_one_line_and_briefly(tmp_path: Path) -> None:
    name = "\x1d\n" * 400
    array = np.zeros(COUNT, [("x", "f4"), ("y", "f4"), (name, "f4")])
    assert "has no column z (columns: x, y, \\x1d\\n" in refused(
        put(tmp_path, "a.npy", npy_bytes(array))
    )
