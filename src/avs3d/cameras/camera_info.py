"""ROS ``camera_info`` as ``.yaml``: what the calibrators save, or what ``topic echo`` prints of the
message, a document (``---``) a camera.

It does not tell where the camera is: ``camera_from_lidar`` (4 x 4) must be added to each document.
"""

from __future__ import annotations

from pathlib import Path
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
from avs3d.plain_yaml import documents
from avs3d.scan import Camera


def parse(text: str, path: Path) -> Calibration:
    """The cameras of such a file, or `MalformedError`."""
    found = [told for told in documents(text) if told is not None]
    if not found or not all(isinstance(told, dict) for told in found):
        raise MalformedError("has no camera_info; it needs camera_matrix and camera_from_lidar")
    return collect(path, ((_name(told), told) for told in found), _camera)


def _either(told: dict[Any, Any], *keys: str) -> Any:
    return next((told[key] for key in keys if told.get(key) is not None), None)


def _name(told: dict[Any, Any]) -> Any:
    header = told.get("header")
    frame = header.get("frame_id") if isinstance(header, dict) else None
    return told.get("camera_name") or frame


def _camera(name: str, told: dict[Any, Any]) -> Camera:
    if told.get("camera_from_lidar") is None:
        raise MalformedError(
            "does not tell where the camera is; add camera_from_lidar, 4 x 4 numbers"
        )
    camera = Camera(
        name,
        Path(),
        numbers(_either(told, "camera_matrix", "K", "k"), "camera_matrix", 3, 3),
        numbers(told["camera_from_lidar"], "camera_from_lidar", 4, 4),
        timestamp=_stamp(told),
    )
    sizes = (_either(told, f"image_{key}", key) for key in ("width", "height"))
    bent = _either(told, "distortion_coefficients", "D", "d")
    return with_lens(with_size(camera, *sizes), told.get("distortion_model"), bent)


def _stamp(told: dict[Any, Any]) -> int | None:
    header = told.get("header")
    stamp = header.get("stamp") if isinstance(header, dict) else None
    if not isinstance(stamp, dict):
        return None
    parts = (_either(stamp, "sec", "secs") or 0, _either(stamp, "nanosec", "nsecs") or 0)
    if not all(isinstance(part, int) for part in parts):
        raise MalformedError("header.stamp must be whole seconds and nanoseconds; correct it")
    return nanoseconds(parts[0] * 10**9 + parts[1])
