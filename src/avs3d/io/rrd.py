"""Results as ``.rrd``, for the viewer of Rerun; a recording is a sequence, a file of it a scan.

Files of one sequence share the id of their recording, so ``rerun results/*.rrd`` shows them as one,
with the timelines ``scan`` and, where scans know when they were taken, ``time``. Rerun numbers what
it records by the clock: the same result does not give the same bytes.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from avs3d.environment import require
from avs3d.io.facts import Facts
from avs3d.io.result import UnwritableError, camera_image, scalar_colours, sound
from avs3d.palette import UNLABELLED_COLOR
from avs3d.scan import Camera
from avs3d.segmentation import Segmentation

FACTS = Facts("Rerun recording", "none", 'needs `pip install "avs3d[recordings]"`')

APPLICATION = "avs3d"
UNLABELLED_CLASS = 65_535


def encode(segmentation: Segmentation) -> bytes:
    """One scan of a recording.

    ``scan/points`` has the words as class ids, whose names and colours are in the annotation
    context of ``scan``; id 65535 is no word. ``scan/score``, ``scan/similarity`` and
    ``scan/query/…`` are the same points, coloured by a number, which is in their ``value``.
    ``scan/camera/NAME`` are cameras with their images.
    """
    require("recordings")
    import rerun as rr

    if len(segmentation.vocabulary) > UNLABELLED_CLASS:
        raise UnwritableError(f"Rerun has room for {UNLABELLED_CLASS} words; write .npz")
    scan = segmentation.scan
    sequence = scan.sequence or scan.name
    stream = rr.RecordingStream(APPLICATION, recording_id=_id_of(sequence), send_properties=False)
    with stream:
        memory = rr.memory_recording(stream)
        rr.send_recording_name(sound(sequence), recording=stream)
        rr.set_time("scan", sequence=scan.number, recording=stream)
        if scan.timestamp is not None:
            rr.set_time("time", timestamp=np.datetime64(scan.timestamp, "ns"), recording=stream)
        _log(rr, stream, segmentation)
        return bytes(memory.drain_as_bytes())


def _id_of(sequence: str) -> str:
    return hashlib.sha256(sequence.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _log(rr: Any, stream: Any, segmentation: Segmentation) -> None:
    scan, words = segmentation.scan, segmentation.vocabulary.words
    classes = [
        (index, sound(word), tuple(int(c) for c in colour))
        for index, (word, colour) in enumerate(zip(words, segmentation.colors, strict=True))
    ]
    classes.append((UNLABELLED_CLASS, "no word", UNLABELLED_COLOR))
    stream.log("scan", rr.AnnotationContext(classes), rr.AnyValues(origin=scan.origin))
    finite = scan.finite
    points = scan.points[finite]
    label = segmentation.label[finite]
    ids = np.where(label < 0, UNLABELLED_CLASS, label).astype(np.uint16)
    stream.log("scan/points", rr.Points3D(points, class_ids=ids))
    scalars = {"score": segmentation.score, "similarity": segmentation.cosine}
    scalars |= {f"query/{_part(text)}": value for text, value in segmentation.queries.items()}
    for name, value in scalars.items():
        if value is None:
            continue
        shown = rr.Points3D(points, colors=scalar_colours(value[finite]))
        told = value[finite].astype(np.float32)
        values = [rr.AnyValues(value=told)] if len(told) else []  # of none Rerun would warn
        stream.log(f"scan/{name}", shown, *values)
    for camera in scan.cameras:
        _log_camera(rr, stream, camera)


def _log_camera(rr: Any, stream: Any, camera: Camera) -> None:
    name = f"scan/camera/{_part(camera.name)}"
    pose = np.linalg.inv(camera.camera_from_lidar)
    content, kind = camera_image(camera)
    assert camera.size is not None
    stream.log(name, rr.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3]))
    pinhole = rr.Pinhole(
        image_from_camera=camera.intrinsics,
        resolution=camera.size,
        camera_xyz=rr.ViewCoordinates.RDF,
    )
    stream.log(name, pinhole)
    stream.log(name, rr.EncodedImage(contents=content, media_type=f"image/{kind}"))


def _part(text: str) -> str:
    """A name as one part of a path of Rerun, in which all but letters and digits is escaped."""
    import rerun as rr

    return str(rr.escape_entity_path_part(sound(text)))
