"""Cameras of scans: calibrations in, images matched to them and opened late.

`read_cameras` puts cameras on a scan; `find_rigs` does the finding for many scans of a run.

To add a calibration format, write ``avs3d/cameras/FORMAT.py`` with
``parse(text: str, path: Path) -> Calibration`` and name it in `calibration.FORMATS`.
"""

from __future__ import annotations

from pathlib import Path

from avs3d.cameras.images import pixels
from avs3d.cameras.rig import Rig, find_rigs
from avs3d.scan import Scan

__all__ = ["Rig", "find_rigs", "pixels", "read_cameras"]


def read_cameras(scan: Scan, images: str | Path, calibration: str | Path) -> Scan:
    """The scan with its cameras, in the order of their names.

    Args:
        scan: one that `avs3d.read` read from a file.
        images: folder with the images.
        calibration: a file of one of `calibration.FORMATS`, or a folder with one a scan.

    Returns:
        The scan; `left_out` says which cameras cannot be used, and why.

    Raises:
        ReadError: the calibration cannot be read.
        UserError: `images` is no folder.
    """
    path = scan.path or Path(scan.name)
    (rig,) = find_rigs(Path(images), Path(calibration), [path])
    return rig.on(scan)
