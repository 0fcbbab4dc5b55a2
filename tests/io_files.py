"""One small cloud as the bytes of every format; shared by the tests of `avs3d.io`."""

from __future__ import annotations

import gzip
import importlib
import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import laspy
import numpy as np
import pytest
from plyfile import PlyData, PlyElement
from pypcd4 import Encoding, PointCloud

COUNT = 80
_rng = np.random.default_rng(7)
XYZ = (_rng.normal(size=(COUNT, 3)) * (20, 20, 2)).round(2).astype(np.float32)
INTENSITY = _rng.integers(0, 256, COUNT).astype(np.float32)
RING = np.arange(COUNT, dtype=np.int32) % 32
LABEL = _rng.integers(0, 20, COUNT).astype(np.int32)


def put(folder: Path, name: str, content: bytes | str) -> Path:
    """A file with that content."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(dtype: str = "f4") -> np.ndarray:
    """The cloud as structured rows, the coordinates of type `dtype`."""
    kinds = [("x", dtype), ("y", dtype), ("z", dtype), ("intensity", "f4"), ("ring", "u2")]
    table = np.empty(COUNT, [*kinds, ("label", "i4"), ("time", "f8")])
    table["x"], table["y"], table["z"] = XYZ.T
    table["intensity"], table["ring"], table["label"] = INTENSITY, RING, LABEL
    table["time"] = np.arange(COUNT) / 8
    return table


def bin_bytes(*extra: np.ndarray) -> bytes:
    return np.column_stack([XYZ, *extra]).astype("<f4").tobytes()


def npy_bytes(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=array.dtype.hasobject)
    return stream.getvalue()


def npz_bytes(compressed: bool = False, **arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return stream.getvalue()


def pcd_bytes(encoding: Encoding, table: np.ndarray | None = None) -> bytes:
    table = rows() if table is None else table
    names = table.dtype.names or ()
    cloud = PointCloud.from_points(
        [table[name] for name in names], names, [table.dtype[name] for name in names]
    )
    stream = io.BytesIO()
    cloud.save(stream, encoding)
    return stream.getvalue()


def ply_bytes(order: str = "<", text: bool = False, table: np.ndarray | None = None) -> bytes:
    element = PlyElement.describe(rows() if table is None else table, "vertex")
    faces = np.array([([0, 1, 2],), ([1, 2, 3],)], dtype=[("vertex_indices", "i4", (3,))])
    stream = io.BytesIO()
    PlyData(
        [element, PlyElement.describe(faces, "face")], byte_order="=" if text else order, text=text
    ).write(stream)
    return stream.getvalue()


def las_bytes(packed: bool, offset: tuple[float, float, float] = (0, 0, 0)) -> bytes:
    header = laspy.LasHeader(point_format=6, version="1.4")
    header.scales, header.offsets = np.full(3, 0.001), np.array(offset, dtype=float)
    header.add_extra_dim(laspy.ExtraBytesParams("echo_width", np.float32))
    las = laspy.LasData(header)
    las.x, las.y, las.z = (XYZ.astype(float) + offset).T
    las.intensity, las.classification = INTENSITY, RING
    las.echo_width = np.arange(COUNT, dtype=np.float32)
    stream = io.BytesIO()
    las.write(stream, do_compress=packed)
    return stream.getvalue()


def text_bytes(table: np.ndarray, separator: str = " ", header: str = "") -> bytes:
    stream = io.BytesIO()
    np.savetxt(stream, table, fmt="%.9g", delimiter=separator, header=header, comments="")
    return stream.getvalue()


def e57_bytes(*poses: tuple[list[float], list[float]], **columns: np.ndarray) -> bytes:
    """The cloud once for every pose (rotation w x y z, translation); float32 coordinates."""
    pye57 = pytest.importorskip("pye57", reason="E57 needs the extra `formats`")
    axes = {f"cartesian{axis}": XYZ[:, i].astype("f8") for i, axis in enumerate("XYZ")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.e57")
        with pye57.E57(str(path), mode="w") as file:
            for rotation, translation in poses:
                file.write_scan_raw(
                    {**axes, "intensity": INTENSITY, **columns},
                    rotation=np.array(rotation, float),
                    translation=np.array(translation, float),
                )
        return path.read_bytes()


def e57_of(
    fields: dict[str, tuple[Callable, np.ndarray]], rotation: tuple[float, ...] | None = None
) -> bytes:
    """An E57 file with the prototype nodes `fields`: name -> (image file -> node, values)."""
    libe57 = pytest.importorskip("pye57", reason="E57 needs the extra `formats`").libe57
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name, "a.e57")
    image = libe57.ImageFile(str(path), "w")
    image.extensionsAdd("", libe57.E57_V1_0_URI)
    scan, prototype = libe57.StructureNode(image), libe57.StructureNode(image)
    if rotation:
        pose, turn = libe57.StructureNode(image), libe57.StructureNode(image)
        for axis, value in zip("wxyz", rotation, strict=True):
            turn.set(axis, libe57.FloatNode(image, value))
        pose.set("rotation", turn)
        scan.set("pose", pose)
    buffers = libe57.VectorSourceDestBuffer()
    for name, (node, values) in fields.items():
        prototype.set(name, node(libe57, image))
        buffers.append(libe57.SourceDestBuffer(image, name, values, len(values), True, True))
    points = libe57.CompressedVectorNode(image, prototype, libe57.VectorNode(image, True))
    scan.set("points", points)
    image.root().set("data3D", libe57.VectorNode(image, True))
    image.root()["data3D"].append(scan)
    count = len(next(iter(fields.values()))[1])
    points.writer(buffers).write(count)
    image.close()
    with folder:
        return path.read_bytes()


def double(libe57: object, image: object) -> object:
    return libe57.FloatNode(image, 0.0, libe57.E57_DOUBLE, -1e9, 1e9)


HERE = ([1, 0, 0, 0], [0, 0, 0])
"""A pose that changes nothing."""


def arrow_bytes(kind: str, table: dict[str, object] | None = None, **options: object) -> bytes:
    """A Feather or Parquet file of arrays, or of what else pyarrow makes columns of."""
    pyarrow = pytest.importorskip("pyarrow", reason="Arrow needs the extra `formats`")
    columns = {name: rows()[name] for name in rows().dtype.names} if table is None else table
    stream = io.BytesIO()
    module = importlib.import_module(f"pyarrow.{kind}")
    write = module.write_feather if kind == "feather" else module.write_table
    write(pyarrow.table(columns), stream, **options)
    return stream.getvalue()


def drc_bytes(**attributes: np.ndarray) -> bytes:
    """The points alone, in their order, to 20 bits."""
    draco = pytest.importorskip("DracoPy", reason="Draco needs the extra `formats`")
    return draco.encode(XYZ, quantization_bits=20, preserve_order=True, **attributes)


def zstd_bytes(content: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        zstd = pytest.importorskip("backports.zstd", reason="zstd needs the extra `formats`")
    return zstd.compress(content)


EXTRA = {
    "cloud.e57": lambda: e57_bytes(HERE),
    "cloud.feather": lambda: arrow_bytes("feather"),
    "cloud.parquet": lambda: arrow_bytes("parquet"),
    "cloud.drc": drc_bytes,
    "four.bin.zst": lambda: zstd_bytes(bin_bytes(INTENSITY)),
}
"""File name -> content of the formats of the extra; making it skips where that is missing."""


def all_files() -> dict[str, bytes]:
    """File name -> content: the same points in every format and variant that is read."""
    flat = np.column_stack([XYZ, INTENSITY])
    return {
        "four.bin": bin_bytes(INTENSITY),
        "five.bin": bin_bytes(INTENSITY, RING),
        "plain.npy": npy_bytes(flat),
        "double.npy": npy_bytes(flat.astype(np.float64)),
        "fortran.npy": npy_bytes(np.asfortranarray(flat)),
        "named.npy": npy_bytes(rows()),
        "points.npz": npz_bytes(points=XYZ, intensity=INTENSITY),
        "axes.npz": npz_bytes(
            True, x=XYZ[:, 0], y=XYZ[:, 1], z=XYZ[:, 2], remission=INTENSITY.astype(np.uint8)
        ),
        "ascii.pcd": pcd_bytes(Encoding.ASCII),
        "binary.pcd": pcd_bytes(Encoding.BINARY),
        "packed.pcd": pcd_bytes(Encoding.BINARY_COMPRESSED),
        "little.ply": ply_bytes("<"),
        "big.ply": ply_bytes(">"),
        "double.ply": ply_bytes("<", table=rows("f8")),
        "ascii.ply": ply_bytes(text=True),
        "tile.las": las_bytes(packed=False),
        "tile.laz": las_bytes(packed=True),
        "plain.xyz": text_bytes(flat),
        "tabs.asc": text_bytes(flat, "\t"),
        "named.csv": text_bytes(rows(), ",", ",".join(rows().dtype.names or ())),
        "named.txt": text_bytes(
            rows(), ";", "# made by hand\n//" + ";".join(rows().dtype.names or ())
        ),
        "count.pts": text_bytes(flat, header=str(COUNT)),
        "four.bin.gz": gzip.compress(bin_bytes(INTENSITY), mtime=0),
        "binary.pcd.gz": gzip.compress(pcd_bytes(Encoding.BINARY), mtime=0),
    }
