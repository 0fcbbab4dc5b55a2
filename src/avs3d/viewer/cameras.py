"""Camera images in the scene, each where it was taken, with the labelled points drawn on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from avs3d.report.overlay import paint_overlay
from avs3d.scan import Camera

if TYPE_CHECKING:
    import viser

    from avs3d.viewer.app import App

_ROOM = (640, 640)  # pixels
_SCALE = 1.5  # metres
_ROOT = "/cameras"


class Cameras:
    """The cameras of the scan that is seen.

    Args:
        app: the viewer.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._of: object = None
        self._frusta: list[viser.CameraFrustumHandle] = []
        self._pictures: dict[str, np.ndarray] = {}

    def picture(self, camera: str) -> np.ndarray:
        """(H, W, 3) uint8, the image with the labelled points on it."""
        return self._pictures[camera]

    def refresh(self) -> None:
        """The images with the labels of now."""
        result = self._app.subject.result
        if self._of is result:
            return
        self._of = result
        for frustum in self._frusta:
            frustum.remove()
        cameras = result.scan.cameras
        self._pictures = {c.name: paint_overlay(result, c, _ROOM)[0] for c in cameras}
        self._frusta = [self._add(i, camera) for i, camera in enumerate(cameras)]

    def _add(self, index: int, camera: Camera) -> viser.CameraFrustumHandle:
        from viser.transforms import SE3

        assert camera.size is not None
        width, height = camera.size
        pose = np.linalg.inv(camera.camera_from_lidar)
        place = SE3.from_matrix(pose)
        return self._app.server.scene.add_camera_frustum(
            f"{_ROOT}/{index}",
            fov=2 * float(np.arctan2(height / 2, camera.intrinsics[1, 1])),
            aspect=width / height,
            scale=_SCALE,
            color=(255, 180, 84),
            image=self._pictures[camera.name],
            format="jpeg",
            jpeg_quality=80,
            wxyz=place.rotation().wxyz,
            position=place.translation() - self._app.subject.scan.origin,
        )
