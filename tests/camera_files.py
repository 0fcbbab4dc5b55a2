"""What tests of cameras share: an image folder with a calibration, and points that it shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIZE = (64, 48)
K = [[40.0, 0, 32], [0, 40, 24], [0, 0, 1]]


def pose(azimuth: float = 0.0) -> list[list[float]]:
    """`camera_from_lidar` of a camera at the sensor that looks towards an azimuth, degrees."""
    c, s = np.cos(np.radians(azimuth)), np.sin(np.radians(azimuth))
    return [[s, -c, 0, 0], [0, 0, -1, 0], [c, s, 0, 0], [0, 0, 0, 1]]


def describe(azimuth: float = 0.0, **more: Any) -> dict[str, Any]:
    """A camera as the JSON has it."""
    told = {"intrinsics": K, "camera_from_lidar": pose(azimuth)}
    return {**told, "width": SIZE[0], "height": SIZE[1], **more}


def write_rig(path: Path, cameras: dict[str, dict[str, Any]], **more: Any) -> Path:
    """A calibration."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cameras": cameras, **more}))
    return path


def write_image(path: Path, size: tuple[int, int] = SIZE, colour: int = 128) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (colour, colour // 2, 0)).save(path)
    return path


def make_rig(folder: Path, names: Sequence[str] = ("front", "left", "rear")) -> tuple[Path, Path]:
    """A folder with an image a camera, and its calibration; the cameras look all around."""
    for name in names:
        write_image(folder / "images" / f"{name}.png")
    step = 360 / len(names)
    cameras = {name: describe(i * step) for i, name in enumerate(names)}
    return folder / "images", write_rig(folder / "rig.json", cameras)
