"""What a calibration file says of the cameras of a scan, or of a whole recording."""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from avs3d.io.source import MalformedError, brief, load_small, naming, show
from avs3d.scan import Camera

FORMATS = {".json": "sample", ".txt": "kitti", ".yaml": "camera_info", ".yml": "camera_info"}
"""Extension -> module of this folder."""
_MAX_BYTES = 1 << 20
_MAX_CAMERAS = 64
_MAX_NAME = 64
_LENSES = {
    "none": "pinhole",
    "plumb_bob": "pinhole",
    "rational_polynomial": "pinhole",
    "equidistant": "fisheye",
    "fisheye": "fisheye",
}
T = TypeVar("T")


@dataclass(frozen=True)
class Calibration:
    """Cameras, before it is known which images there are.

    Attributes:
        cameras: by name; `Camera.image` is what the file says, a path below the folder of the
            images, or `Path()` where it says nothing.
        left_out: those that cannot be used, and why, a line each.
        scan: the file of the scan that images named in the file belong to, or None.
        partial: a camera without an image is no mistake.
    """

    cameras: tuple[Camera, ...]
    left_out: tuple[str, ...] = ()
    scan: str | None = None
    partial: bool = False


def read_calibration(path: Path) -> Calibration:
    """Read a file of one of `FORMATS`, or `ReadError`."""
    with naming(path):
        data = load_small(path, _MAX_BYTES, "give a calibration")
        if path.suffix.lower() not in FORMATS:
            raise MalformedError(f"no calibration by its extension; readable are {_known()}")
        try:
            text = bytes(data).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise MalformedError("is not a text file; give a calibration") from None
        module = importlib.import_module(f"avs3d.cameras.{FORMATS[path.suffix.lower()]}")
        found: Calibration = module.parse(text, path)
        return found


def _known() -> str:
    return ", ".join(FORMATS)


def collect(
    path: Path, described: Iterable[tuple[str, T]], make: Callable[[str, T], Camera]
) -> Calibration:
    """The cameras of a file; one that cannot be made costs the others nothing.

    Args:
        path: the file.
        described: name and description of each.
        make: gets the same with the name in the form of `_clean`; raises `MalformedError`, or
            `ValueError` as `Camera` does.
    """
    cameras: dict[str, Camera] = {}
    left_out = []
    for number, (given, description) in enumerate(described):
        if number == _MAX_CAMERAS:
            raise MalformedError(f"has more than {_MAX_CAMERAS} cameras; give those of the scan")
        try:
            name = _clean(given)
            if name.lower() in cameras:
                raise MalformedError("has the name of another one; rename it")
            cameras[name.lower()] = make(name, description)
        except MalformedError as error:
            left_out.append(left_out_line(given, path, str(error)))
        except ValueError as error:
            left_out.append(left_out_line(given, path, f"{error}; correct it"))
    found = sorted(cameras.values(), key=lambda camera: camera.name)
    return Calibration(tuple(found), tuple(left_out))


def left_out_line(camera: str, path: Path, reason: str) -> str:
    """What is said of a camera that cannot be used: its name, the file, what is wrong."""
    return f"camera {brief(str(camera))}: {show(path)}: {brief(reason)}"


def _clean(name: Any) -> str:
    """The name as part of a file's name: what is no letter, digit, - or _ becomes _."""
    text = re.sub(r"[^\w-]+", "_", name) if isinstance(name, str) else ""
    if not 0 < len(text) <= _MAX_NAME:
        raise MalformedError(f"must have a name of 1 to {_MAX_NAME} characters; rename it")
    return text


def numbers(value: Any, what: str, *shape: int) -> np.ndarray:
    """Float64 numbers in a shape, from lists of rows, a flat list, or one in `data` as ROS has it.

    Raises:
        MalformedError: it is not so many numbers; `what` is its name in the file.
    """
    flat = _flat(value)
    try:
        if len(flat) == math.prod(shape):
            return np.array([float(item) for item in flat]).reshape(shape)
    except (TypeError, ValueError, OverflowError):
        pass
    raise MalformedError(f"{what} must be {' x '.join(map(str, shape))} numbers; correct it")


def _flat(value: Any) -> list[Any]:
    """What a list of rows or a flat one, perhaps in `data`, holds; a single value; none of None."""
    value = value.get("data") if isinstance(value, dict) else value
    rows = value if isinstance(value, list) else [] if value is None else [value]
    return [item for row in rows for item in (row if isinstance(row, list) else [row])]


def with_size(camera: Camera, width: Any, height: Any) -> Camera:
    """The camera with the size of its image, where the file states one."""
    if width is None and height is None:
        return camera
    size = numbers([width, height], "width and height", 2)
    if not all(value.is_integer() and 0 < value < 1 << 20 for value in size.tolist()):
        raise MalformedError("width and height must be whole numbers above 0; correct them")
    return replace(camera, size=(int(size[0]), int(size[1])))


def with_lens(camera: Camera, model: Any, coefficients: Any) -> Camera:
    """The camera with its distortion, named and ordered as ROS has it."""
    values = _flat(coefficients)
    model = model or ("plumb_bob" if values else "none")
    if not isinstance(model, str) or model.lower() not in _LENSES:
        known = ", ".join(_LENSES)
        raise MalformedError(f"distortion_model {model!r} is not known; known are {known}")
    if model.lower() == "none":
        values = []  # of rectified images: what is still told is of those that the camera took
    bent = numbers(values, "distortion", len(values)) if values else np.zeros(0)
    if not bent[8:].any():  # OpenCV writes 12 or 14, of which the last are often not used
        bent = bent[:8]
    return replace(camera, lens=_LENSES[model.lower()], distortion=bent)


def nanoseconds(value: Any) -> int | None:
    """A timestamp: whole numbers are nanoseconds, others seconds; kept to the last digit."""
    if value is None:
        return None
    if isinstance(value, float) and np.isfinite(value):
        value = round(Decimal(repr(value)) * 10**9)
    if not isinstance(value, int) or not -(1 << 63) <= value < 1 << 63:
        raise MalformedError("timestamp must be a number of 64 bits; correct it")
    return value
