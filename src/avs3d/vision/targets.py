"""What SMAP is trained towards: the embeddings of a scan's camera images, and which camera sees
which points. `avs3d.prepare.smap` puts them in the files that the authors' code reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from avs3d.cameras.images import pixels_of
from avs3d.errors import ReadError, UserError
from avs3d.io.source import show
from avs3d.published.smap import CAMERAS
from avs3d.scan import Scan
from avs3d.views import camera_views

if TYPE_CHECKING:
    from avs3d.vision.clip import ClipVision


def image_embeddings(scan: Scan, vision: ClipVision) -> np.ndarray:
    """(V, D) float32, the embedding of the image of each camera, in their order.

    The authors' code counts six rows a scan, so a scan lacks all where it lacks one. One image is
    in memory at a time.

    Raises:
        ReadError: there is no camera, or one of them or its image cannot be used.
    """
    if scan.left_out:
        raise ReadError(scan.left_out[0])
    if not scan.cameras:
        raise ReadError(f"{show(scan.name)}: has no cameras; give scans with their images")
    return np.concatenate([vision.embeddings([pixels_of(camera)]) for camera in scan.cameras])


def camera_mask(scan: Scan) -> np.ndarray:
    """(K,) uint8 of the key frame's K points, as in ``nuscenes_camera_id_mask_SPLIT``: bit i says
    that camera i of the scan sees the point (`camera_views`, `seen_by`).

    Raises:
        UserError: more than eight cameras, for which there is no bit.
    """
    if len(scan.cameras) > 8:
        raise UserError(
            f"{show(scan.name)}: has {len(scan.cameras)} cameras, a mask has room for 8, and is"
            f" meant for {', '.join(CAMERAS)}; leave some out"
        )
    masks = camera_views(scan)
    if scan.sweep is not None:
        masks = masks[scan.sweep == 0]
    padded = np.zeros((len(masks), 8), bool)
    padded[:, : masks.shape[1]] = masks
    return np.packbits(padded, axis=1, bitorder="little")[:, 0]
