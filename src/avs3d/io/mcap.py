"""Results as ``.mcap``, in the schemas of Foxglove; several files are opened there as one."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from avs3d.environment import require
from avs3d.io.facts import Facts
from avs3d.io.result import camera_image, sound
from avs3d.palette import UNLABELLED_COLOR
from avs3d.scan import Scan
from avs3d.segmentation import Segmentation

FACTS = Facts("Foxglove MCAP", "`intensity`", 'needs `pip install "avs3d[recordings]"`')

FRAME = "lidar"
_PERIOD = 100_000_000  # nanoseconds between scans that do not know when they were taken
_TYPES = {"f4": "Float32", "i4": "Int32", "u1": "Uint8"}


def encode(segmentation: Segmentation) -> bytes:
    """One scan.

    ``/points`` is a point cloud with ``x y z red green blue alpha`` by word, ``label`` (-1: no
    word), ``score``, ``similarity``, ``intensity`` and ``query: …`` where there are any; the words
    by label are in the metadata ``avs3d words``. Cameras are ``/NAME/image``, ``/NAME/calibration``
    and a frame that ``/tf`` places. Times are the scan's, or a tenth of a second a scan. The same
    result gives the same bytes.
    """
    require("recordings")
    from mcap.writer import CompressionType, Writer

    scan = segmentation.scan
    when = scan.timestamp if scan.timestamp is not None else scan.number * _PERIOD
    stream = io.BytesIO()
    writer = Writer(stream, compression=CompressionType.ZSTD)
    writer.start(profile="", library="avs3d")
    out = _Channels(writer, max(int(when), 0))
    out.write("/points", _cloud(segmentation, out.stamp))
    _write_cameras(out, scan)
    words = {str(index): word for index, word in enumerate(segmentation.vocabulary.words)}
    writer.add_metadata("avs3d words", {label: sound(word) for label, word in words.items()})
    told = {"bundle": segmentation.bundle, "scan": scan.name, "sequence": scan.sequence}
    told["origin"] = json.dumps(scan.origin.tolist())
    writer.add_metadata("avs3d result", {key: sound(value) for key, value in told.items()})
    writer.finish()
    return stream.getvalue()


class _Channels:
    """Messages of Foxglove, all of one moment; channels are made when they are first written to."""

    def __init__(self, writer: Any, when: int) -> None:
        from foxglove.messages import Timestamp

        self._writer, self._when = writer, when
        self.stamp = Timestamp(sec=when // 10**9, nsec=when % 10**9)
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}

    def write(self, topic: str, message: Any) -> None:
        schema = message.get_schema()
        if schema.name not in self._schemas:
            self._schemas[schema.name] = self._writer.register_schema(
                schema.name, schema.encoding, schema.data
            )
        if topic not in self._channels:
            self._channels[topic] = self._writer.register_channel(
                topic, "protobuf", self._schemas[schema.name]
            )
        self._writer.add_message(
            self._channels[topic], self._when, message.encode(), publish_time=self._when
        )


def _cloud(segmentation: Segmentation, stamp: Any) -> Any:
    from foxglove.messages import (
        PackedElementField,
        PackedElementFieldNumericType,
        PointCloud,
        Pose,
        Quaternion,
        Vector3,
    )

    columns = _columns(segmentation)
    rows = np.empty(
        len(segmentation.scan), [(name, value.dtype) for name, value in columns.items()]
    )
    for name, value in columns.items():
        rows[name] = value
    fields = [
        PackedElementField(
            name=sound(name),
            offset=int(rows.dtype.fields[name][1]),  # type: ignore[index]
            type=getattr(PackedElementFieldNumericType, _TYPES[value.dtype.str[1:]]),
        )
        for name, value in columns.items()
    ]
    return PointCloud(
        timestamp=stamp,
        frame_id=FRAME,
        pose=Pose(position=Vector3(x=0, y=0, z=0), orientation=Quaternion(x=0, y=0, z=0, w=1)),
        point_stride=rows.dtype.itemsize,
        fields=fields,
        data=rows.tobytes(),
    )


def _columns(segmentation: Segmentation) -> dict[str, np.ndarray]:
    scan = segmentation.scan
    colours = np.vstack([segmentation.colors, UNLABELLED_COLOR])
    red, green, blue = colours.astype(np.uint8)[segmentation.label].T
    found = dict(zip("xyz", scan.points.T, strict=True))
    found |= {"red": red, "green": green, "blue": blue, "alpha": np.full_like(red, 255)}
    found |= {"label": segmentation.label, "score": segmentation.score}
    if segmentation.cosine is not None:
        found["similarity"] = segmentation.cosine
    if scan.intensity is not None:
        found["intensity"] = scan.intensity
    return found | {f"query: {text}": value for text, value in segmentation.queries.items()}


def _write_cameras(out: _Channels, scan: Scan) -> None:
    from foxglove.messages import (
        CameraCalibration,
        CompressedImage,
        FrameTransform,
        Quaternion,
        Vector3,
    )

    for camera in scan.cameras:
        assert camera.size is not None
        content, kind = camera_image(camera)
        pose = np.linalg.inv(camera.camera_from_lidar)
        x, y, z = pose[:3, 3].tolist()
        qx, qy, qz, qw = _quaternion(pose[:3, :3])
        out.write("/tf", FrameTransform(
            timestamp=out.stamp, parent_frame_id=FRAME, child_frame_id=sound(camera.name),
            translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=qx, y=qy, z=qz, w=qw),
        ))  # fmt: skip
        projection = np.column_stack([camera.intrinsics, np.zeros(3)])
        out.write(f"/{sound(camera.name)}/calibration", CameraCalibration(
            timestamp=out.stamp, frame_id=sound(camera.name), width=camera.size[0],
            height=camera.size[1], distortion_model=_model(camera.lens, len(camera.distortion)),
            D=camera.distortion.tolist(), K=camera.intrinsics.ravel().tolist(),
            R=np.eye(3).ravel().tolist(), P=projection.ravel().tolist(),
        ))  # fmt: skip
        image = CompressedImage(
            timestamp=out.stamp, frame_id=sound(camera.name), data=content, format=kind
        )
        out.write(f"/{sound(camera.name)}/image", image)


def _model(lens: str, count: int) -> str:
    if lens == "fisheye":
        return "kannala_brandt"
    return "rational_polynomial" if count > 5 else "plumb_bob"


def _quaternion(rotation: np.ndarray) -> tuple[float, ...]:
    """x y z w of a (3, 3) rotation: the eigenvector that belongs to its largest eigenvalue."""
    (a, b, c), (d, e, f), (g, h, i) = rotation
    K = np.array(
        [
            [a - e - i, b + d, c + g, h - f],
            [b + d, e - a - i, f + h, c - g],
            [c + g, f + h, i - a - e, d - b],
            [h - f, c - g, d - b, a + e + i],
        ]
    )
    return tuple(float(v) for v in np.linalg.eigh(K / 3)[1][:, -1])
