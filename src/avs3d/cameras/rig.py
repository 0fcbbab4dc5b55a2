"""Which image belongs to which camera of which scan."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from avs3d.cameras.calibration import (
    FORMATS,
    Calibration,
    left_out_line,
    read_calibration,
)
from avs3d.cameras.images import EXTENSIONS, check_size, opened
from avs3d.errors import ReadError, UserError, cannot_list
from avs3d.io.names import stem
from avs3d.io.source import MalformedError, show
from avs3d.scan import Camera, Scan
from avs3d.views import camera_views


@dataclass(frozen=True)
class Rig:
    """The cameras of one scan, whose images were found but not opened.

    Attributes:
        cameras: by name; `Camera.image` is a path.
        left_out: those that cannot be used, and why, a line each.
        files: the calibration and the images.
    """

    cameras: tuple[Camera, ...]
    left_out: tuple[str, ...]
    files: tuple[Path, ...]

    def on(self, scan: Scan) -> Scan:
        """The scan with those cameras whose image can be read, has the size that the calibration is
        for, and shows points of the scan; the others are in `left_out`.

        Every image is decoded once here, one at a time, so that a broken one costs its camera and
        nothing later.
        """
        cameras, left_out = [], list(self.left_out)
        for camera in self.cameras:
            assert isinstance(camera.image, Path)
            try:
                cameras.append(_checked(camera, opened(camera.image).size, scan))
            except MalformedError as error:
                left_out.append(left_out_line(camera.name, camera.image, str(error)))
        return replace(scan, cameras=tuple(cameras), left_out=tuple(left_out))

    def without(self, images: Collection[str]) -> Rig:
        """Without the cameras that have one of the images."""
        why = "is the image of several scans; make a run for each of their folders"
        shared = [camera for camera in self.cameras if str(camera.image) in images]
        lines = [left_out_line(camera.name, Path(str(camera.image)), why) for camera in shared]
        kept = tuple(camera for camera in self.cameras if camera not in shared)
        return replace(self, cameras=kept, left_out=(*self.left_out, *lines))


_MIDDLE = (0.25, 0.9)
"""Where the middle of a calibration may lie, as a share of the width or the height; that for twice
or half the image's size lies outside."""


def _checked(camera: Camera, size: tuple[int, int], scan: Scan) -> Camera:
    """The camera with the size of its image, or `MalformedError`."""
    check_size(camera, size)
    share = camera.intrinsics[:2, 2] / size
    if camera.size is None and not (_MIDDLE[0] < share.min() and share.max() < _MIDDLE[1]):
        x, y = camera.intrinsics[:2, 2]
        raise MalformedError(
            f"is {size[0]} x {size[1]}, and the middle of its calibration ({x:.0f}, {y:.0f}) is far"
            " from the image's; give it as it was calibrated, or a .json with width and height"
        )
    camera = replace(camera, size=size)
    if not camera_views(replace(scan, cameras=(camera,))).any():
        raise MalformedError("shows no point of the scan; correct where its calibration puts it")
    return camera


def find_rigs(images: Path, calibration: Path, scans: Sequence[Path]) -> list[Rig]:
    """The cameras of each scan.

    For camera C of scan S the image is ``C/S.EXT``, ``S/C.EXT`` or ``S.C.EXT`` in the folder, or
    ``S.EXT`` where the folder is called C or there is but one camera. With one scan it is also
    ``C.EXT``, or what the calibration names; that belongs, of many scans, to the one it names.

    Args:
        images: folder with the images.
        calibration: a file of one of `calibration.FORMATS` for all scans, or a folder with such a
            file, called ``S.EXT``, for each.
        scans: files.

    Raises:
        ReadError: a calibration for all scans that cannot be read.
        UserError: `images` is no folder.
    """
    if not images.is_dir():
        raise UserError(f"--images {show(images)}: there is no such folder; check the path")
    folder = _Folder(images)
    alone = len(scans) == 1
    if calibration.is_dir():
        rigs = [_own_rig(folder, calibration, scan, alone) for scan in scans]
    else:
        told = read_calibration(calibration)
        rigs = [folder.rig(told, calibration, scan, alone) for scan in scans]
    return _apart(rigs, scans)


def _apart(rigs: Sequence[Rig], scans: Sequence[Path]) -> list[Rig]:
    """The rigs without images that scans of several folders, which are called alike, would share;
    one folder may hold a scan in several formats."""
    owners: dict[str, set[str]] = {}
    for rig, scan in zip(rigs, scans, strict=True):
        for camera in rig.cameras:
            owners.setdefault(str(camera.image), set()).add(os.path.abspath(scan.parent))
    shared = {image for image, folders in owners.items() if len(folders) > 1}
    return [rig.without(shared) for rig in rigs]


def _own_rig(folder: _Folder, calibrations: Path, scan: Path, alone: bool) -> Rig:
    """Of a scan with a calibration of its own; without one it goes on without cameras."""
    paths = [calibrations / f"{stem(scan)}{extension}" for extension in FORMATS]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        known = ", ".join(FORMATS)
        line = f"{show(calibrations)}: no calibration {show(stem(scan))}.* ({known}); add it"
        return Rig((), (line,), ())
    try:
        return folder.rig(read_calibration(path), path, scan, alone)
    except ReadError as error:
        return Rig((), (str(error),), (path,))


class _Folder:
    """A folder of images; each of its folders is listed once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listed = cache(self._list)

    def rig(self, told: Calibration, calibration: Path, scan: Path, alone: bool) -> Rig:
        """The cameras of a calibration with their images of a scan."""
        cameras, left_out = [], list(told.left_out)
        named = alone or (told.scan is not None and stem(Path(told.scan)) == stem(scan))
        for camera in told.cameras:
            if named and camera.image != Path():
                cameras.append(replace(camera, image=self._path / str(camera.image)))
                continue
            places = self._places(camera.name, stem(scan), alone, len(told.cameras) == 1)
            found = [path for place in places for path in self._find(*place)]
            if len(found) == 1:
                cameras.append(replace(camera, image=found[0]))
            elif found or not told.partial:
                looked = " or ".join("/".join(filter(None, place)) for place in places)
                why = f"has {len(found) or 'no'} images called {looked}; there must be one"
                left_out.append(left_out_line(camera.name, self._path, why))
        if told.partial and not cameras and not left_out:
            names = ", ".join(camera.name for camera in told.cameras)
            left_out.append(f"{show(self._path)}: no image of {show(stem(scan))} from {names}")
        files = (calibration, *(Path(str(camera.image)) for camera in cameras))
        return Rig(tuple(cameras), tuple(left_out), files)

    def _places(self, camera: str, scan: str, alone: bool, single: bool) -> list[tuple[str, str]]:
        """Folder and stem of what the image may be called."""
        places = [(camera, scan), (scan, camera), ("", f"{scan}.{camera}")]
        if single or self._path.resolve().name == camera:
            places.append(("", scan))
        return [*places, ("", camera)] if alone else places

    def _find(self, folder: str, name: str) -> list[Path]:
        return self._listed(folder).get(name, [])

    def _list(self, folder: str) -> dict[str, list[Path]]:
        """Stem -> images."""
        found: dict[str, list[Path]] = {}
        path = self._path / folder
        if path.is_dir():
            for name in _names(path):
                if Path(name).suffix.lower() in EXTENSIONS:
                    found.setdefault(Path(name).stem, []).append(path / name)
        return found


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise cannot_list(f"--images {show(folder)}", error) from None
