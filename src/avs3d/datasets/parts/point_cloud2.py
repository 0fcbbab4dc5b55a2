"""``sensor_msgs/PointCloud2``: columns out of rows of bytes that describe themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from avs3d.io.source import MalformedError

_KINDS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}
_MAX_COUNT = 64


def columns_of(message: Any) -> dict[str, np.ndarray]:
    """Name -> (N,) or (N, count) array in native byte order; N is width times height.

    Bytes between and behind the values of a point, and between the rows of points, belong to
    nothing. Fields of a type that there is not are left out.

    Raises:
        MalformedError: the points are not inside the data, or fields not inside a point.
    """
    step, rows, width = int(message.point_step), int(message.height), int(message.width)
    row_step = int(message.row_step) or step * width  # some drivers leave it 0
    kind = _dtype(message.fields, step, ">" if message.is_bigendian else "<")
    data = np.ascontiguousarray(message.data, np.uint8)
    if not kind.names:
        raise MalformedError("has no fields of numbers; record it again")
    if not rows or not width:
        raise MalformedError("holds no points; check the sensor")
    if row_step < step * width or (rows - 1) * row_step + step * width > len(data):
        raise MalformedError(
            f"promises {rows} x {width} points of {step} bytes, but has {len(data)} bytes; record"
            " it again"
        )
    points = np.ndarray((rows, width), kind, data, strides=(row_step, step)).reshape(-1)
    return {name: points[name].astype(points[name].dtype.newbyteorder("=")) for name in kind.names}


def _dtype(fields: Any, step: int, order: str) -> np.dtype:
    names, formats, offsets = [], [], []
    for field in fields:
        kind = _KINDS.get(int(field.datatype))
        # A count of 0 is what old drivers write for one.
        count = max(int(field.count), 1)
        if kind is None or count > _MAX_COUNT or not field.name or field.name in names:
            continue
        if int(field.offset) + count * int(kind[1]) > step:
            raise MalformedError(
                f"its field {field.name[:40]} lies outside of a point; record it again"
            )
        names.append(field.name)
        formats.append(order + kind if count == 1 else (order + kind, (count,)))
        offsets.append(int(field.offset))
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": step})
