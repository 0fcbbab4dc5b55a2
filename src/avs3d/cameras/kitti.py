"""KITTI's ``calib.txt``: ``P0`` to ``P3``, and the LiDAR's pose as ``Tr_velo_to_cam`` with
``R0_rect`` (object) or as ``Tr`` (odometry). Camera N is called ``image_N`` after its folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from avs3d.cameras.calibration import Calibration, collect, numbers
from avs3d.io.source import MalformedError
from avs3d.scan import Camera

_POSES = ("Tr_velo_to_cam", "Tr_velo_cam", "Tr")
_RECTIFICATIONS = ("R0_rect", "R_rect")


def parse(text: str, path: Path) -> Calibration:
    """The cameras of such a file, or `MalformedError`.

    The images are rectified, so there is no distortion; their size is not told.
    """
    rows = (line.partition(":") for line in text.splitlines())
    told = {key.strip(): value.split() for key, _, value in rows}
    names = {f"image_{key[1:]}": key for key in ("P0", "P1", "P2", "P3") if key in told}
    pose = next((key for key in _POSES if key in told), None)
    if not names or pose is None:
        raise MalformedError("has no P0 to P3 with a Tr or Tr_velo_to_cam; give KITTI's calib.txt")
    rectified = np.eye(4)
    for key in _RECTIFICATIONS:
        if key in told:
            rectified[:3, :3] = numbers(told[key], key, 3, 3)
    first_from_lidar = np.eye(4)
    first_from_lidar[:3] = numbers(told[pose], pose, 3, 4)
    first_from_lidar = rectified @ first_from_lidar

    def camera(name: str, key: str) -> Camera:
        matrix = numbers(told[key], key, 3, 4)
        shift = np.eye(4)
        try:
            shift[:3, 3] = np.linalg.solve(matrix[:, :3], matrix[:, 3])
        except np.linalg.LinAlgError:
            raise MalformedError(f"{key} is singular; correct it") from None
        return Camera(name, Path(), matrix[:, :3], shift @ first_from_lidar)

    # Most recordings have the images of one camera, or of two.
    return replace(collect(path, names.items(), camera), partial=True)
