"""What SMAP is trained towards, in the files that the authors' code reads: the embeddings of the
camera images of a split, and which camera sees which points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avs3d.cameras.images import pixels
from avs3d.errors import ReadError, UserError
from avs3d.io.source import show
from avs3d.published.smap import (
    CAMERAS,
    ImageFeatures,
    read_image_features,
    write_image_features,
)
from avs3d.scan import Scan
from avs3d.views import camera_views

if TYPE_CHECKING:
    from avs3d.vision.clip import ClipVision

_SAVE_EVERY = 1000  # scans; what was made until then is there after an interruption


def cache_image_embeddings(
    path: Path, scans: Iterable[Scan], vision: ClipVision
) -> tuple[str, ...]:
    """Write ``cached_img_clip_feature_SPLIT.pt``, or add to it what is missing.

    The rows are in the order of the scans and their cameras, each called ``SCAN_CAMERA``; those
    that the file has of other scans follow. The authors' code counts six rows a scan, so a scan
    with an image that cannot be read is left out as a whole.

    Args:
        path: of the file. It does not tell what made it: give another for another model.
        scans: with their cameras; only the images of scans that are missing are opened.
        vision: makes the embeddings.

    Returns:
        The scans that were left out, and why, a line each.

    Raises:
        ReadError: the file is there, and is damaged or none of embeddings.
        UserError: it is of another width, or cannot be written.
    """
    earlier = _earlier(path, vision) if path.exists() else {}
    made: dict[str, np.ndarray] = {}
    left_out, fresh = [], 0
    for scan in scans:
        names = [f"{scan.name}_{camera.name}" for camera in scan.cameras]
        if not names:
            left_out.append(f"{show(scan.name)}: has no cameras")
            continue
        missing = [name for name in names if name not in earlier]
        try:
            rows = [earlier[name] for name in names] if not missing else _embed(scan, vision)
        except ReadError as error:
            left_out.append(f"{show(scan.name)}: {error}")
            continue
        made.update(zip(names, rows, strict=True))
        fresh += bool(missing)
        if missing and fresh % _SAVE_EVERY == 0:
            _save(path, made, earlier)
    if made or earlier:
        _save(path, made, earlier)
    return tuple(left_out)


def _earlier(path: Path, vision: ClipVision) -> Mapping[str, np.ndarray]:
    found = read_image_features(path)
    if (width := found.features.shape[1]) != vision.dim:
        raise UserError(
            f"{show(path)}: has embeddings {width} wide, those of {vision.name} are {vision.dim};"
            " give another file, or the model that it was made with"
        )
    return dict(zip(found.names, found.features.astype(np.float32), strict=True))


def _embed(scan: Scan, vision: ClipVision) -> list[np.ndarray]:
    """(D,) of each camera; one image is in memory at a time."""
    return [vision.embeddings([pixels(camera.image)])[0] for camera in scan.cameras]


def _save(path: Path, made: Mapping[str, np.ndarray], earlier: Mapping[str, np.ndarray]) -> None:
    rows = {**made, **{name: row for name, row in earlier.items() if name not in made}}
    found = ImageFeatures(tuple(rows), np.stack(list(rows.values())))
    write_image_features(path, found, overwrite=True)


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
