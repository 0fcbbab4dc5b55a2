"""``.json`` with the cameras of one scan by name:

    {"cameras": {"front": {"file": "front.jpg", "width": 1600, "height": 900,
                           "intrinsics": 3 x 3, "camera_from_lidar": 4 x 4}}}

Optional are ``file`` (below the folder of the images), ``width`` and ``height``,
``distortion_model`` and ``distortion`` (as in ROS), ``timestamp``, and beside ``cameras``
``"lidar": {"file": …}``, the scan that it belongs to.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from avs3d.cameras.calibration import (
    Calibration,
    collect,
    nanoseconds,
    numbers,
    with_lens,
    with_size,
)
from avs3d.io.source import MalformedError
from avs3d.scan import Camera


def parse(text: str, path: Path) -> Calibration:
    """The cameras of such a file, or `MalformedError`."""
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"is not JSON ({error}); get or export it again") from None
    cameras = content.get("cameras") if isinstance(content, dict) else None
    if not isinstance(cameras, dict) or not cameras:
        raise MalformedError('has no cameras; it needs {"cameras": {NAME: {…}}}')
    lidar = content.get("lidar")
    scan = lidar.get("file") if isinstance(lidar, dict) else None
    found = collect(path, cameras.items(), _camera)
    return replace(found, scan=scan if isinstance(scan, str) else None)


def _camera(name: str, told: Any) -> Camera:
    if not isinstance(told, dict):
        raise MalformedError("must be an object with intrinsics and camera_from_lidar; correct it")
    camera = Camera(
        name,
        _below(told.get("file")),
        numbers(told.get("intrinsics"), "intrinsics", 3, 3),
        numbers(told.get("camera_from_lidar"), "camera_from_lidar", 4, 4),
        timestamp=nanoseconds(told.get("timestamp")),
    )
    camera = with_size(camera, told.get("width"), told.get("height"))
    return with_lens(camera, told.get("distortion_model"), told.get("distortion"))


def _below(file: Any) -> Path:
    if file is None:
        return Path()
    parts = PurePosixPath(file).parts if isinstance(file, str) else ()
    if not parts or ".." in parts or Path(file).is_absolute() or "\0" in file:
        raise MalformedError("file must be a path below the folder of the images; correct it")
    return Path(*parts)
