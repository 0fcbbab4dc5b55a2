"""Pages to send to somebody: `STEM.html` of a scan, `run.html` of a run.

Each is one file that asks nothing of any network. Words, sentences and names may be anything, so
every text goes through Jinja's escaping, and what a page may load is said in its own policy.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from avs3d.atomic import write_bytes
from avs3d.environment import require, versions
from avs3d.report.overlay import paint_overlay
from avs3d.report.page import hex_colour, on_dark
from avs3d.report.scene import MOST_POINTS, scene_html
from avs3d.segmentation import Segmentation
from avs3d.vocabulary import said_by

if TYPE_CHECKING:
    from jinja2 import Environment

_CAMERAS, _ROOM = 12, (900, 900)  # images of a page; pixels of one
_WORDS = 1000  # rows of a table


def write_page(
    segmentation: Segmentation,
    path: Path,
    *,
    picture: Path | None = None,
    warnings: tuple[str, ...] = (),
    config: Mapping[str, Any] | None = None,
) -> Path:
    """Write the page of a scan: its cloud to turn, the picture, words and where they came from.

    Args:
        segmentation: the result.
        path: replaced when there.
        picture: the PNG to show; None: none.
        warnings: lines.
        config: options as they took effect.

    Returns:
        The path.

    Raises:
        UserError: viser is not installed.
    """
    page = scan_page(segmentation, picture=picture, warnings=warnings, config=config)
    return write_bytes(path, page.encode("utf-8", "replace"))


def scan_page(
    segmentation: Segmentation,
    *,
    picture: Path | None = None,
    warnings: tuple[str, ...] = (),
    config: Mapping[str, Any] | None = None,
) -> str:
    """The page as text, see `write_page`."""
    scan, words = segmentation.scan, segmentation.vocabulary.words
    colours = dict(zip(words, on_dark(segmentation.colors), strict=True))
    rows = [
        {**row, "colour": hex_colour(colours[row["word"]])}
        for row in segmentation.summary()[:_WORDS]
    ]
    labelled = segmentation.label >= 0
    finite = int(scan.finite.sum())
    return templates().get_template("scan.html").render(
        title=scan.name,
        points=len(scan),
        used=segmentation.used,
        bundle=segmentation.bundle,
        mean_score=float(segmentation.score[labelled].mean()) if labelled.any() else None,
        warnings=[*filter(None, warnings), *scan.left_out],
        scene=scene_html(segmentation),
        sampled=MOST_POINTS if finite > MOST_POINTS else 0,
        picture=None if picture is None else data_uri(picture.read_bytes(), "png"),
        rows=rows,
        said_by=said_by,
        unlabelled=int((~labelled).sum()),
        captions=segmentation.captions,
        cameras=_cameras(segmentation),
        timings=segmentation.timings,
        config=json.dumps(config or {}, indent=1, default=str, ensure_ascii=False),
        versions=versions(),
    )  # fmt: skip


def templates() -> Environment:
    """Raises `UserError` where what pages need is not installed."""
    require("viewer")
    from jinja2 import Environment, PackageLoader

    return Environment(loader=PackageLoader("avs3d.report"), autoescape=True, trim_blocks=False)


def data_uri(content: bytes, kind: str) -> str:
    """An image within a page; `kind` is ``png`` or ``jpeg``."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def jpeg(image: Image.Image | np.ndarray, room: tuple[int, int]) -> str:
    """An image within a page, shrunk until it fits."""
    small = Image.fromarray(image) if isinstance(image, np.ndarray) else image.convert("RGB")
    small.thumbnail(room)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=80)
    return data_uri(stream.getvalue(), "jpeg")


def _cameras(segmentation: Segmentation) -> list[dict[str, Any]]:
    """Images with the labelled points on them."""
    found = []
    for camera in segmentation.scan.cameras[:_CAMERAS]:
        picture, seen = paint_overlay(segmentation, camera, _ROOM)
        told = {"name": camera.name, "points": int(seen.sum()), "image": jpeg(picture, _ROOM)}
        found.append(told)
    return found
