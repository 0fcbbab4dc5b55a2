"""Features of pixels: what gives them, how one is found, and how they are read between cells."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from avs3d.errors import UserError
from avs3d.io.source import show
from avs3d.scan import Camera

_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


@dataclass(frozen=True)
class FeatureMap:
    """Features of the cells of an image.

    Attributes:
        grid: (h, w, D) float16 or float32; the cells divide the image evenly.
        size: width and height of the image, pixels.
    """

    grid: np.ndarray
    size: tuple[int, int]

    def sample(self, column: np.ndarray, row: np.ndarray) -> np.ndarray:
        """The features at pixels, bilinear between the middles of the cells.

        That is what the map, enlarged to the image, has there; of a map of the image's own size it
        is the pixel itself. Beyond the outermost middles the value there holds.

        Args:
            column, row: (M,), pixels of the whole image; 0 is the middle of the first one.

        Returns:
            (M, D) float32; NaN or infinite where a cell that takes part is.
        """
        left, across = _between(column, self.size[0], self.grid.shape[1])
        top, down = _between(row, self.size[1], self.grid.shape[0])
        out = np.zeros((len(left), self.grid.shape[2]), np.float32)
        for below, right in _CORNERS:
            weight = (down if below else 1 - down) * (across if right else 1 - across)
            used = np.flatnonzero(weight)  # what has no part is not read: it may be NaN, or on disk
            cells = self.grid[top[used] + below, left[used] + right].astype(np.float32)
            out[used] += weight[used, None].astype(np.float32) * cells
        return out


def _between(place: np.ndarray, pixels: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """(M,) the cell whose middle lies before each place, and the share of the next one."""
    at = ((np.asarray(place, np.float64) + 0.5) * (cells / pixels) - 0.5).clip(0, cells - 1)
    first = np.floor(at).astype(np.int64)
    return first, at - first


class PixelFeatures(Protocol):
    """Gives the features of an image's pixels, in the space of a text encoder."""

    @property
    def name(self) -> str:
        """The spec that `load_pixel_features` finds it by."""
        ...

    @property
    def dim(self) -> int:
        """Width of the space."""
        ...

    def of(self, camera: Camera) -> FeatureMap:
        """The features of a camera's image, not enlarged.

        Raises:
            ReadError: this camera has none: its image or the file of its features cannot be used.
            UserError: nor has any other, as where a model cannot be loaded.
        """
        ...


def load_pixel_features(
    spec: str, width: int | None, device: str = "cpu", words: str = "the text encoder"
) -> PixelFeatures:
    """The features of pixels that a spec names.

    Args:
        spec: ``clip:X``, where X is a local folder or a hub id of a CLIP model, or a folder with a
            file of features for each image, see `StoredFeatures`.
        width: of the features that are wanted; None: whatever a model gives.
        device: where a model runs, as torch names it.
        words: whose width that is, for messages.

    Raises:
        UserError: the spec is neither, a model cannot be loaded, or has another width.
    """
    from avs3d.vision.clip import ClipVision
    from avs3d.vision.stored import StoredFeatures

    kind, _, place = spec.partition(":")
    if kind == "clip" and place:
        tower = ClipVision(place, device)
        if width not in (None, tower.dim):
            raise UserError(
                f"pixel features {tower.name!r} are {tower.dim} wide, the words of {words} {width}:"
                " give the CLIP model whose text encoder is used"
            )
        return tower
    folder = os.path.expanduser(spec)
    if os.path.isdir(folder):
        if width is None:
            raise UserError(
                f"pixel features {show(spec)!r}: tell how wide they are, to know their axes"
            )
        return StoredFeatures(Path(folder), width)
    raise UserError(
        f"pixel features {show(spec)!r}: there is no such folder; give clip:FOLDER_OR_HUB_ID, or a"
        " folder with a file of features for each image"
    )
