"""Files that cannot be read, and what is said of each; `test_io_messages.py` reads them."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Callable

import laspy
import numpy as np
import torch

from avs3d.io import READERS
from io_files import (
    INTENSITY,
    RING,
    XYZ,
    arrow_bytes,
    bin_bytes,
    double,
    e57_of,
    las_bytes,
    npy_bytes,
    npz_bytes,
)

KINDS = ", ".join(READERS)
PLY = b"ply\nformat ascii 1.0\nelement vertex %d\nproperty float x\nproperty float y\n"
PCD = (
    b"VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 9\nHEIGHT 1\n"
    b"VIEWPOINT 0 0 0 1 0 0 0\nPOINTS 9\nDATA "
)
AGAIN = "get or export it again"
SCENE = "give a scene of OpenScene, the tuple (coordinates, colours, labels)"
SHAPE = "an array of shape (80, 3) and type float32"


def scene(content: object) -> bytes:
    """A file of `torch.save`."""
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def with_laszip_record(size: int) -> bytes:
    """A LAZ file whose LASzip record is `size` bytes long."""
    stream = io.BytesIO()
    with laspy.open(io.BytesIO(las_bytes(packed=False))) as source:
        tile = source.read()
    tile.header.vlrs.append(laspy.VLR("laszip encoded", 22204, "", bytes(size)))
    tile.write(stream, do_compress=False)
    content = bytearray(stream.getvalue())
    content[104] |= 128
    return bytes(content)


def zip_of(kind: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        archive.writestr("points.npy", npy_bytes(XYZ))
    return stream.getvalue()


def listed_ply() -> bytes:
    head = b"ply\nformat ascii 1.0\nelement vertex 600000\nproperty float x\n"
    return head + b"property list uchar int a\nend_header\n" + b"0 0\n" * 600_000


BOMB = gzip.compress(bytes(1 << 20), mtime=0) * 128  # so many streams one after the other
CASES: dict[str, list[tuple[str, bytes | Callable[[], bytes], str]]] = {
    "any file": [
        ("a.bin", b"", "is empty (0 bytes); get the file again"),
        ("a.doc", b"x", f"unknown extension; readable are {KINDS}, each also as .gz or .zst"),
        ("a.bin", b"<html><body>", "holds a web page or XML, not a point cloud; download it again"),
        (
            "a.bin",
            b'{"a": 1}',
            "holds JSON, not a point cloud; give the cloud that belongs to it",
        ),
        (
            "a.bin",
            b"version https://git-lfs",
            "holds a Git LFS pointer, not the data; run `git lfs pull`",
        ),
        ("a.bin", b"\x1f\x8b\x08", "holds gzip data; add .gz to its name"),
        ("a.bin", b"\x28\xb5\x2f\xfd", "holds zstd data; add .zst to its name"),
        ("a.bin", b"BZh9", "holds bzip2 data; unpack it first"),
        ("a.bin", b"\xfd7zXZ", "holds xz data; unpack it first"),
        ("a.bin", b"PK\x03\x04", "holds a zip archive; unpack it first"),
        ("a.bin", b"\x89PNG", "holds a PNG image; give a point cloud"),
        ("a.bin", b"\xff\xd8\xff", "holds a JPEG image; give a point cloud"),
        ("a.bin", b"%PDF-1.4", "holds a PDF document; give a point cloud"),
        (
            "a.bin",
            b"\x89HDF",
            "holds an HDF5 file; convert it first, for example to .npy",
        ),
        (
            "a.bin",
            b"CCB2" + bytes(60),
            "holds a project of CloudCompare; save the cloud as .ply or .las",
        ),
        ("a.mcap", b"x", "is a recording of many scans; give it to `avs3d run`"),
        (
            "a.npy",
            b"\x80\x04\x95",
            "holds a Python pickle, which is never opened; save it with numpy.save",
        ),
    ],
    "packed": [
        ("a.bin.gz.gz", b"x", "is packed twice; unpack it once"),
        ("a.bin.gz", gzip.compress(b"\x1f\x8b", mtime=0), "is packed twice; unpack it once"),
        ("a.bin.gz", gzip.compress(b"", mtime=0), "holds an empty file; get it again"),
        ("a.bin.gz", b"abc", f"not a readable .gz file (Not a gzipped file (b'ab')); {AGAIN}"),
        (
            "a.bin.gz",
            BOMB,
            f"would unpack from {len(BOMB)} to {65 << 20} bytes, which no"
            " point cloud does; export it again without compression",
        ),
    ],
    ".bin": [
        (
            "a.bin",
            b"1 2 3 4\n" * 40,
            "holds text where float32 values are expected; give a binary .bin file",
        ),
        (
            "a.bin",
            bin_bytes()[:252],
            "252 bytes are no whole number of rows of 4 or 5 float32 columns (whole for: 3, 7, 9);"
            " pass --columns, or get the file again",
        ),
        (
            "a.bin",
            np.arange(1, 81, dtype="u4").tobytes(),
            "holds no float32 coordinates (labels, or another number type?); give the scan itself",
        ),
        (
            "a.bin",
            lambda: bin_bytes(*[INTENSITY] * 3),
            "looks like x y z and colours 0-255 in 6 columns; pass --columns 6",
        ),
        (
            "a.bin",
            bin_bytes()[:192],
            "192 bytes make rows of 4 columns, but column 4 does not look like an intensity; pass"
            " --columns (whole for: 3, 4, 6, 8)",
        ),
        (
            "a.bin",
            (np.arange(1, 201) / 8).astype("<f4").tobytes(),
            "800 bytes make whole rows of 4 and of 5 columns, and the values do not tell which;"
            " pass --columns 4 (x y z intensity) or --columns 5 (x y z intensity ring)",
        ),
    ],
    ".npy and .npz": [
        (
            "a.npy",
            b"abc",
            "not a readable .npy file (EOF: reading magic string, expected 8 bytes got 3);"
            f" {AGAIN}",
        ),
        (
            "a.npy",
            npy_bytes(np.array([{}, None])),
            "holds Python objects, which are never unpickled; save plain numbers",
        ),
        (
            "a.npy",
            npy_bytes(XYZ)[:-12],
            "truncated: its header promises 80 points in 960 bytes, but 948 bytes follow; get the"
            " file again",
        ),
        (
            "a.npy",
            npy_bytes(np.zeros(12)),
            "its array has shape (12,) and type float64; save the points as (N, 3 to 16) numbers,"
            " one row a point",
        ),
        ("a.npy", npy_bytes(np.zeros((0, 3))), "holds no points; check how it was made"),
        (
            "a.npy",
            npy_bytes(np.zeros(3, [("x", "f4"), ("Y", "f4")])),
            "has no column z (columns: x, Y); it needs x, y and z",
        ),
        ("a.npz", b"abc", f"not a readable .npz file (File is not a zip file); {AGAIN}"),
        (
            "a.npz",
            npz_bytes(labels=np.zeros(3)),
            "has no array points or x, y, z (arrays: labels); save one of them",
        ),
        (
            "a.npz",
            npz_bytes(points=np.array([{}])),
            "has no array points or x, y, z (arrays: points (pickled)); save one of them",
        ),
        (
            "a.npz",
            npz_bytes(x=np.ones(2), y=np.ones(2), z=np.ones(3)),
            "its x, y and z have the shapes (2,), (2,), (3,); save one value of each a point",
        ),
        (
            "a.npz",
            npz_bytes(
                points=XYZ, label=RING, vocabulary=np.array(["car"]), bundle=np.array("b"),
                origin=np.array([0, np.nan, 0]),
            ),
            "its origin is not finite; save it again",
        ),
        (
            "a.npz",
            lambda: zip_of(zipfile.ZIP_BZIP2),
            "is packed in a way that numpy does not use; save it with numpy.savez",
        ),
    ],
    ".pcd": [
        ("a.pcd", b"abc\n", f"is not a .pcd file (no PCD header); {AGAIN}"),
        (
            "a.pcd",
            b"VERSION .7\nFIELDS x\n",
            f"is not a .pcd file (its header has no DATA line); {AGAIN}",
        ),
        (
            "a.pcd",
            PCD + b"ascii\n" + b"1 2 3\n" * 4 + b"#" * 99,
            "truncated: 4 of 9 points; get the file again",
        ),
        (
            "a.pcd",
            PCD + b"binary_compressed\n",
            "truncated: no compressed points follow the header; get the file again",
        ),
        (
            "a.pcd",
            PCD + b"binary_compressed\n" + struct.pack("<II", 4, 96) + b"\0" * 4,
            "its header promises 108 bytes of points, its compressed part 96; export it again",
        ),
    ],
    ".ply": [
        ("a.ply", b"abc", f"is not a .ply file (no PLY header); {AGAIN}"),
        (
            "a.ply",
            b"ply\nformat ascii 1.0\nelement face 0\nend_header\n",
            "has no element vertex, so no points; export it as a point cloud",
        ),
        (
            "a.ply",
            b"ply\nformat ascii 1.0\nelement vertex 1\nend_header\n1\n",
            "its element vertex has no properties; export it again",
        ),
        (
            "a.ply",
            b"ply\nformat odd 1.0\nend_header\n",
            "is a .ply file of an unknown kind; export it as binary_little_endian 1.0",
        ),
        (
            "a.ply",
            PLY % -4 + b"end_header\n",
            "truncated: its header promises -4 points in -4 bytes, but 0 bytes follow; get the"
            " file again",
        ),
        (
            "a.ply",
            PLY % 9 + b"end_header\n" + b"1 2\n" * 8 + b"\n" * 9,
            "truncated: 8 of 9 points; get the file again",
        ),
        (
            "a.ply",
            listed_ply,
            "is a large .ply with lists among its points; export it without them",
        ),
    ],
    ".las and .laz": [
        ("a.las", b"abc", f"is not a LAS file (no LASF header); {AGAIN}"),
        (
            "a.laz",
            lambda: with_laszip_record(5000),
            "not a readable LAZ file (its LASzip record is damaged); get it again",
        ),
    ],
    ".pth": [
        (
            "a.pth",
            lambda: scene({"output_smap": 1, "img_feats": 2}),
            f"holds a dict ('output_smap', 'img_feats'); {SCENE}",
        ),
        ("a.pth", lambda: scene((XYZ, 0)), f"holds 2 parts; {SCENE}"),
        ("a.pth", lambda: scene(XYZ), f"holds {SHAPE}; {SCENE}"),
        (
            "a.pth",
            lambda: scene((XYZ, [XYZ, 1], RING)),
            f"holds 2 parts among its three parts; {SCENE}",
        ),
        ("a.pth", lambda: scene(None), f"holds a value of type NoneType; {SCENE}"),
        (
            "a.pth",
            lambda: scene((XYZ[:, :2], 0, RING)),
            f"its coordinates are {SHAPE.replace('3)', '2)')}, not (N, 3) numbers; {SCENE}",
        ),
        (
            "a.pth",
            lambda: scene((XYZ, 0, XYZ)),
            f"its labels are {SHAPE}, not one a point; {SCENE}",
        ),
        (
            "a.pth",
            lambda: scene((XYZ, XYZ[:9], RING)),
            f"its colours are {SHAPE.replace('80', '9')}, neither (N, 3) numbers nor 0; {SCENE}",
        ),
        (
            "a.pth",
            lambda: scene((XYZ, np.full((80, 3), 200), RING)),
            "its colours are not from -1 to 1; divide 0 to 255 by 127.5, less 1",
        ),
        (
            "a.pth",
            lambda: scene((XYZ, np.full((80, 3), np.nan), RING)),
            "its colours are not from -1 to 1; divide 0 to 255 by 127.5, less 1",
        ),
        ("a.pth", lambda: scene((XYZ[:0], 0, RING[:0])), "holds no points; check how it was made"),
        (
            "a.pth",
            b"\x80\x02}q\x00.",
            "holds a Python pickle, which is never opened; save it with numpy.save",
        ),
    ],
    "text": [
        ("a.xyz", b"1 2 3\0", "is no plain text; give a text file in ASCII or UTF-8"),
        ("a.xyz", b"1 " * 99_999, "has lines of over 65536 bytes; save one point a line"),
        ("a.xyz", b"# nothing\n", "holds no points; check how it was made"),
        (
            "a.xyz",
            b"1 2\n",
            "line 1 has 2 columns; save x y z and up to 1021 more, separated by blanks or commas",
        ),
        (
            "a.xyz",
            b"1 2 3\n4 5 6\n7 8\n",
            "line 3 has 2 columns where 3 are expected; correct that line",
        ),
        (
            "a.csv",
            b"x;y;z\n\n1;2,5;3\n",
            "line 3 has '2,5' where a number is expected, with a point for decimals; correct that"
            " line",
        ),
        (
            "a.csv", b"# timestamp, x, y\n1,2,3\n",
            "has no column z (columns: timestamp, x, y); name x, y and z in the header, or with"
            " --columns",
        ),
        ("a.csv", b"x y z\n1 2 3 4\n", "line 2 has 4 columns, the header 3; correct the header"),
        (
            "a.pts",
            b"3\n1 2 3\n4 5 6\n",
            "truncated or damaged: its first line promises 3 points, but 2 follow; get the file"
            " again, or remove that line",
        ),
        (
            "a.xyz",
            b'1 2 3\n"4 5 6\n',
            "is no table of numbers; save one point a line",
        ),
    ],
    "the extra": [
        ("a.e57", b"abc", f"is not an E57 file (no ASTM-E57 header); {AGAIN}"),
        (
            "a.e57",
            lambda: e57_of({"intensity": (double, np.ones(9))}),
            "has a scan without coordinates; export it again",
        ),
        (
            "a.e57",
            lambda: e57_of({"cartesianX": (double, np.ones(9))}, rotation=(0.0, 0.0, 0.0, 0.0)),
            "has a scan whose pose is not finite; export it again",
        ),
        ("a.feather", b"abc", f"is no Feather and no Parquet file; {AGAIN}"),
        (
            "a.csv",
            b"x y z\n1 2# 3\n",
            "line 2 has 2 columns before a comment, not 3; take the comment out",
        ),
        ("a.csv", b"1,2,\r\r\r", "has 2 columns; it needs x, y and z"),
        (
            "a.feather",
            b"FEA1",
            "is a Feather file of version 1; write it again with pyarrow",
        ),
        (
            "a.parquet",
            lambda: arrow_bytes("parquet", {"x": [1.0], "y": ["a"]}),
            "has no column y (columns: x); it needs x, y and z",
        ),
        ("a.drc", b"abc", f"is not a Draco file (no DRACO header); {AGAIN}"),
    ],
}  # fmt: skip
