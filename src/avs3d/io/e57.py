"""``.e57`` through libE57Format (pye57), in a process of its own: all scans of a file, placed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.io.apart import call, limit_memory
from avs3d.io.columns import Table
from avs3d.io.facts import Facts
from avs3d.io.source import MalformedError, check_expansion, damaged, require

FACTS = Facts(
    "ASTM E57",
    "every number; `scan_number` where there are several scans",
    "extra `formats`; scans are put where they stood; invalid points have no position",
)

_CHUNK = 1 << 18
"""Points that are unpacked at once, into the types that libE57Format has."""
_NAMES = {
    "cartesianX": "x", "cartesianY": "y", "cartesianZ": "z",
    "colorRed": "red", "colorGreen": "green", "colorBlue": "blue",
}  # fmt: skip
_CARTESIAN = ("x", "y", "z")
_SPHERICAL = ("sphericalRange", "sphericalAzimuth", "sphericalElevation")
_INVALID = ("cartesianInvalidState", "sphericalInvalidState")
_SCAN = "scan_number"


def parse(data: memoryview, path: Path, columns: tuple[str, ...] | None) -> Table:
    """Every scan of the file, in the file's coordinates; see `avs3d.io.read`.

    Points that are marked as invalid stay in place, without a position.
    """
    require(".e57", "pye57")
    if data[:8] != b"ASTM-E57":
        raise MalformedError("is not an E57 file (no ASTM-E57 header); get or export it again")
    with tempfile.TemporaryDirectory(prefix="avs3d-") as folder:  # libE57Format wants a path
        copy = Path(folder, "scan.e57")
        try:
            copy.write_bytes(data)
        except OSError as error:
            raise MalformedError(
                f"cannot be unpacked in {folder} ({error.strerror}); make room there, or set TMPDIR"
            ) from error
        return Table(
            call("avs3d.io.e57:unpack", data, seconds=30 + len(data) / 1e6, path=str(copy))
        )


def unpack(data: bytes, path: str) -> dict[str, np.ndarray]:
    """The columns of the E57 file at `path`; runs in a process of its own."""
    from pye57 import libe57

    with damaged("E57"):
        image = libe57.ImageFile(path, "r")
        scans = [_Scan(libe57, image, node) for node in _scans(image.root())]
    check_expansion(len(data), sum(scan.size for scan in scans))
    limit_memory(len(data), 2 * sum(scan.size for scan in scans))
    with damaged("E57"):
        return _joined([scan.read() for scan in scans])


def _scans(root: Any) -> Iterator[Any]:
    nodes = root["data3D"] if root.isDefined("data3D") else ()
    for i in range(len(nodes)):
        yield nodes[i]


class _Scan:
    """One scan of a file: its columns as the header tells, then their values.

    Attributes:
        size: bytes of its columns.
    """

    def __init__(self, libe57: Any, image: Any, node: Any) -> None:
        self._libe57, self._image = libe57, image
        self._points = node["points"]
        self._count = self._points.childCount()
        prototype = libe57.StructureNode(self._points.prototype())
        fields = [prototype[i] for i in range(prototype.childCount())]
        kinds = {field.elementName(): _kind(libe57, field) for field in fields}
        self._kinds = {name: kind for name, kind in kinds.items() if kind}
        self._rotation, self._translation = _pose(node)
        self.size = self._count * sum(np.dtype(kind).itemsize for kind in self._kinds.values())

    def read(self) -> dict[str, np.ndarray]:
        """Its columns by our names, x y z in the file's coordinates."""
        columns = {name: np.empty(self._count, kind) for name, kind in self._kinds.items()}
        # pye57 knows no int32, and takes "l" (numpy's int64) for one of four bytes: "q" is right.
        parts = {
            name: np.empty(min(_CHUNK, self._count), "q" if kind in ("i4", "u4", "i8") else kind)
            for name, kind in self._kinds.items()
        }
        buffers = self._libe57.VectorSourceDestBuffer()
        for name, part in parts.items():
            buffers.append(
                self._libe57.SourceDestBuffer(self._image, name, part, len(part), True, True)
            )
        done = 0
        reader = self._points.reader(buffers) if self._count else None
        while reader is not None and (count := reader.read()):
            for name, part in parts.items():
                columns[name][done : done + count] = part[:count]
            done += count
        if done < self._count:
            raise ValueError(f"{done} of {self._count} points")
        return self._placed({_NAMES.get(name, name): value for name, value in columns.items()})

    def _placed(self, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if set(_CARTESIAN) <= columns.keys():
            points = np.column_stack([columns.pop(axis) for axis in _CARTESIAN]).astype(np.float64)
        elif set(_SPHERICAL) <= columns.keys():
            points = _cartesian(*(columns.pop(name).astype(np.float64) for name in _SPHERICAL))
        else:
            raise MalformedError("has a scan without coordinates; export it again")
        for name in _INVALID:
            if name in columns:
                points[columns.pop(name) != 0] = np.nan
        with np.errstate(all="ignore"):
            points = points @ self._rotation.T + self._translation
        return dict(zip(_CARTESIAN, points.T, strict=True)) | columns


def _kind(libe57: Any, field: Any) -> str:
    """The smallest type that holds every value of a field, or nothing for what is no number."""
    if isinstance(field, libe57.FloatNode):
        return "f4" if field.precision() == libe57.E57_SINGLE else "f8"
    if isinstance(field, libe57.ScaledIntegerNode):
        return "f8"
    if not isinstance(field, libe57.IntegerNode):
        return ""
    low, high = field.minimum(), field.maximum()
    for kind in ("u1", "i1", "u2", "i2", "u4", "i4"):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return kind
    return "i8"


def _pose(node: Any) -> tuple[np.ndarray, np.ndarray]:
    """(3, 3) rotation and (3,) translation, metres, from the scan to the file."""
    quaternion, translation = np.array([1.0, 0, 0, 0]), np.zeros(3)
    if node.isDefined("pose"):
        pose = node["pose"]
        if pose.isDefined("rotation"):
            quaternion = np.array([pose["rotation"][axis].value() for axis in "wxyz"])
        if pose.isDefined("translation"):
            translation = np.array([pose["translation"][axis].value() for axis in "xyz"])
    length = float(np.linalg.norm(quaternion))
    if not (np.isfinite(translation).all() and np.isfinite(length) and length > 0):
        raise MalformedError("has a scan whose pose is not finite; export it again")
    w, x, y, z = quaternion / length
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return rotation, translation


def _cartesian(distance: np.ndarray, azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """(N, 3) from metres and radians, as the E57 standard has its angles."""
    flat = distance * np.cos(elevation)
    return np.column_stack(
        [flat * np.cos(azimuth), flat * np.sin(azimuth), distance * np.sin(elevation)]
    )


def _joined(scans: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """One after the other, with the number of the scan; a column that one lacks is NaN there."""
    if len(scans) == 1:
        return scans[0]
    joined: dict[str, np.ndarray] = {}
    for name in dict.fromkeys(name for scan in scans for name in scan):
        joined[name] = np.concatenate(
            [scan.get(name, np.full(len(scan["x"]), np.nan, np.float32)) for scan in scans]
        )
    if scans:
        sizes = [len(scan["x"]) for scan in scans]
        joined[_SCAN] = np.repeat(np.arange(len(scans), dtype=np.int32), sizes)
    return joined
