"""`STEM.CAMERA.png`: a camera image with the labelled points on it, coloured by word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from avs3d.cameras import pixels
from avs3d.projection import project, unhidden
from avs3d.report.page import FAINT, INK, WIDTH, Box, Page, hex_colour, on_dark, shorten
from avs3d.report.views import NOTHING, winners
from avs3d.scan import Camera
from avs3d.segmentation import Segmentation

_TOP, _TALLEST = 84, 1600  # pixels: the heading; the image at most
_SMALLEST, _LARGEST, _RIM = 3, 6, 2  # pixels: side of a point, and what is dark around it
_DIMMED = 0.8  # brightness of the image, against that of the points
_CELL = 12  # pixels of the page: points that lie behind others in such a square are not drawn
_COLUMNS, _ROWS, _ROW = 5, 4, 26  # of the legend


def draw_overlay(segmentation: Segmentation, camera: Camera, path: str | Path) -> Path:
    """Draw what a camera sees of a segmentation; the same input gives the same bytes.

    Args:
        segmentation: the result.
        camera: one of its scan's; points that are hidden or have no word are not drawn.
        path: the PNG to write; replaced when there.

    Returns:
        The path.

    Raises:
        ReadError: the image cannot be read.
    """
    image = pixels(camera.image)
    height, width = image.shape[:2]
    scale = min(WIDTH / width, _TALLEST / height)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    projection = project(segmentation.scan.points + segmentation.scan.origin, camera, size)
    seen = unhidden(projection, projection.inside(), _CELL) & (segmentation.label >= 0)
    colours = on_dark(segmentation.colors)
    picture = np.asarray(Image.fromarray(image).resize(size)) * _DIMMED
    picture = picture.astype(np.uint8)
    priority = np.where(seen, -projection.distance, np.nan)
    apart = np.sqrt(size[0] * size[1] / max(seen.sum(), 1))
    dot = int(np.clip(apart / 4, _SMALLEST, _LARGEST))
    row, column = projection.row + 0.5, projection.column + 0.5
    picture[winners(column, row, priority, size[::-1], dot + _RIM) != NOTHING] = 0
    index = winners(column, row, priority, size[::-1], dot)
    drawn = index != NOTHING
    picture[drawn] = colours[segmentation.label[index[drawn]]]
    return _page(segmentation, camera.name, picture, seen, colours).save(Path(path))


def _page(
    segmentation: Segmentation,
    camera: str,
    picture: np.ndarray,
    seen: np.ndarray,
    colours: np.ndarray,
) -> Page:
    """Heading, picture, and a legend of the words by their points in the image."""
    height, width = picture.shape[:2]
    counts = np.bincount(segmentation.label[seen], minlength=len(segmentation.vocabulary))
    order = [i for i in np.argsort(-counts, kind="stable").tolist() if counts[i]]
    rows = min(-(-len(order) // _COLUMNS), _ROWS)
    page = Page(_TOP + height + _ROW * rows + 24)
    page.text(24, 30, shorten(f"{segmentation.scan.name}  ·  {camera}", 90), size=17, weight="bold")
    subtitle = f"{seen.sum():,} points  ·  {len(order)} words  ·  {segmentation.bundle}"
    page.text(24, 62, subtitle, size=11.5, color=FAINT)
    canvas = page.canvas(Box((WIDTH - width) // 2, _TOP, width, height))
    canvas.imshow(picture, extent=(0, width, height, 0), aspect="auto", interpolation="nearest")
    step = (WIDTH - 48) // _COLUMNS
    places = _COLUMNS * _ROWS
    shown = order if len(order) <= places else order[: places - 1]
    for place, i in enumerate(shown):
        x = 24 + step * (place % _COLUMNS)
        y = _TOP + height + 24 + _ROW * (place // _COLUMNS)
        page.text(x, y, "■", size=14, color=hex_colour(colours[i]))
        word = page.fit(segmentation.vocabulary.words[i], 11.5, step - 110)
        page.text(x + 24, y, word, size=11.5, color=INK)
        page.text(x + step - 24, y, f"{counts[i]:,}", size=11.5, color=FAINT, ha="right")
    if len(shown) < len(order):
        last = _TOP + height + 24 + _ROW * (_ROWS - 1)
        more = f"and {len(order) - len(shown)} more"
        page.text(24 + step * (_COLUMNS - 1), last, more, size=11.5, color=FAINT)
    return page
