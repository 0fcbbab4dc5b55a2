"""OpenScene's folders: ``DATASET_3d/SPLIT/SCENE.pth`` and ``DATASET_2d/SPLIT/SCENE``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avs3d.cameras.images import opened, pixels_of
from avs3d.errors import ReadError, UserError
from avs3d.io.source import MalformedError, damaged, naming, show
from avs3d.labelsets import load
from avs3d.prepare.product import Part, Product, all_sweeps
from avs3d.projection import resized
from avs3d.published.scenes import write_scene
from avs3d.scan import Camera, Scan

if TYPE_CHECKING:
    from PIL.Image import Image

_PARTS = ("train", "val", "test")
_INDOOR = (320, 240)
"""Width and height of ScanNet's images and depths, as OpenScene has them."""
_QUALITY = 90
_200 = "scannet-200"


@dataclass(frozen=True)
class OpenScene(Product):
    """Points with classes, 255 where there is none, and images with what was known of their
    cameras. Images of nuScenes are halved, and those with depths become `_INDOOR`; others keep
    their size."""

    what = "openscene"

    def told(self) -> dict[str, Any]:
        return {}

    def options(self, kind: str) -> dict[str, Any]:
        return all_sweeps(kind)

    def check(self, part: Part) -> None:
        if part.name not in _PARTS:
            raise UserError(
                f"{part.name}: OpenScene's folders are {', '.join(_PARTS)}; choose one by --name"
            )

    def make(self, scan: Scan, part: Part, folder: Path) -> tuple[str, ...]:
        dataset = "scannet200" if part.labelset == _200 else part.kind
        images = folder / f"{dataset}_2d" / part.name / scan.name
        left_out = list(scan.left_out)
        for camera in scan.cameras:
            try:
                _write_camera(camera, images, part.kind)
            except ReadError as error:
                left_out.append(f"camera {show(camera.name)} of {show(scan.name)}: {error}")
        if scan.labels is not None and part.labelset is not None:
            scan = replace(scan, labels=load(part.labelset).to_classes(scan.labels))
        points = folder / f"{dataset}_3d" / part.name / f"{scan.name}.pth"
        points.parent.mkdir(parents=True)
        write_scene(points, scan)
        return tuple(left_out)


def _write_camera(camera: Camera, folder: Path, kind: str) -> None:
    """Its image, pose and matrix, all or nothing; or `ReadError`."""
    if camera.lens != "pinhole" or camera.distortion.any():
        raise ReadError(
            f"{show(str(camera.image))}: its lens bends, which these folders cannot say; undistort"
            " the images"
        )
    image = pixels_of(camera)
    size = (image.shape[1], image.shape[0])
    depth = None if camera.depth is None else _depth(camera.depth)
    target = _INDOOR if depth is not None else size
    if kind == "nuscenes":
        target = (max(size[0] // 2, 1), max(size[1] // 2, 1))
    matrix = resized(camera.intrinsics, size, target)
    pose = np.linalg.inv(camera.camera_from_lidar)
    from PIL.Image import Resampling, fromarray

    picture = fromarray(image)
    if target != size:
        picture = picture.resize(target, Resampling.BOX)
    _put(folder / "color" / f"{camera.name}.jpg", lambda path: picture.save(path, quality=_QUALITY))
    if depth is None:
        _put(folder / "pose" / f"{camera.name}.npy", lambda path: np.save(path, pose))
        _put(folder / "K" / f"{camera.name}.npy", lambda path: np.save(path, matrix))
        return
    smaller = depth.resize(target, Resampling.NEAREST)
    _put(folder / "depth" / f"{camera.name}.png", smaller.save)
    _put(folder / "pose" / f"{camera.name}.txt", lambda path: np.savetxt(path, pose))
    whole = np.eye(4)
    whole[:3, :3] = matrix
    _put(folder / "intrinsics.txt", lambda path: np.savetxt(path, whole))


def _depth(path: Path) -> Image:
    """16 bits of millimetres, or `ReadError`."""
    with naming(path), damaged("image"):
        image = opened(path)
        if not image.mode.startswith("I"):
            raise MalformedError(f"is an image of type {image.mode}, no depths; get it again")
        return image


def _put(path: Path, write: Callable[[Path], Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path)
