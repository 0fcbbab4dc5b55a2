"""What the writers of point clouds share: the columns of a result, and how its words are told."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable

import numpy as np

from avs3d.io.source import load_small, naming
from avs3d.scan import Camera, Scan
from avs3d.segmentation import Segmentation

MARK = "avs3d result"
"""In files that have a place for it: their label is a prediction, not ground truth."""
TABLE = ["x", "y", "z", "label", "score", "word"]
"""The first columns of a table; in a .csv, which has no such place, they are the mark."""
_LONGEST = 200  # characters of a word in a header
_LARGEST_IMAGE = 256 << 20  # bytes


class UnwritableError(Exception):
    """Why a format cannot hold a result, and the remedy; `avs3d.io.write` names the file."""


def coordinates(scan: Scan) -> np.ndarray:
    """(N, 3) metres in the file's coordinates: float32, or float64 where there is an origin."""
    return scan.points + scan.origin if scan.origin.any() else scan.points


def given_columns(scan: Scan, taken: Iterable[str], longest: int = 64) -> dict[str, np.ndarray]:
    """Every column of the input but its coordinates, under names that any format allows.

    Args:
        scan: the input.
        taken: names that are not free; a column that has one of them is called ``input_NAME``.
        longest: characters of a name.
    """
    own = {"intensity": scan.intensity, "ring": scan.ring, "sweep": scan.sweep}
    given = {name: value for name, value in own.items() if value is not None}
    if scan.labels is not None:
        given["label"] = scan.labels
    columns: dict[str, np.ndarray] = {}
    taken = set(taken)
    for name, value in [*given.items(), *scan.fields.items()]:
        name = free_name(name, taken | columns.keys(), longest)
        columns[name] = value
    return columns


def free_name(name: str, taken: Iterable[str], longest: int = 64) -> str:
    """A column's name in ASCII letters, digits and ``_``, and not one of `taken`, in whatever case:
    readers of PDAL and others take ``Classification`` for ``classification``."""
    taken = set(map(str.lower, taken))
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)[:longest]
    plain = plain if plain.strip("_") else "column"
    free, count = plain, 1
    while free.lower() in taken:
        free = f"input_{plain}"[:longest] if count == 1 else f"input_{count}_{plain}"[:longest]
        count += 1
    return free


def numeric(value: np.ndarray) -> np.ndarray:
    """Without booleans and 16-bit floats, which few formats have."""
    if value.dtype.kind == "b":
        return value.astype(np.uint8)
    return value.astype(np.float32) if value.dtype == np.float16 else value


def scalar_colours(values: np.ndarray) -> np.ndarray:
    """(N, 3) uint8 from dark to bright with values, strays cut; black where they are not finite."""
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [1, 99.5]) if len(known) else (0.0, 1.0)
    level = np.clip((np.nan_to_num(values, nan=low) - low) / max(high - low, 1e-9), 0, 1)
    stops = np.array([[20, 20, 60], [130, 50, 110], [240, 130, 40], [255, 245, 150]])
    ramp = [np.interp(level, np.linspace(0, 1, len(stops)), channel) for channel in stops.T]
    return np.where(np.isfinite(values)[:, None], np.stack(ramp, 1), 0).astype(np.uint8)


def camera_image(camera: Camera) -> tuple[bytes, str]:
    """The image of a camera, as it was encoded, and what as: ``jpeg``, ``png``, …

    Raises:
        ReadError: it cannot be read any more.
    """
    if isinstance(camera.image, np.ndarray):
        from PIL import Image

        stream = io.BytesIO()
        Image.fromarray(camera.image).save(stream, "PNG")
        return stream.getvalue(), "png"
    kind = camera.image.suffix.lower().lstrip(".")
    with naming(camera.image):
        content = bytes(load_small(camera.image, _LARGEST_IMAGE, "give a smaller image"))
    return content, "jpeg" if kind == "jpg" else kind


def sound(text: str) -> str:
    """Without lone surrogates (of damaged files), which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode()


def header_lines(segmentation: Segmentation) -> list[str]:
    """The mark, the bundle and the words, for formats whose header has room for comments."""
    words = enumerate(segmentation.vocabulary.words)
    return [
        MARK,
        f"avs3d bundle {_ascii_line(segmentation.bundle)}",
        *(f"avs3d label {index} {_ascii_line(word)}" for index, word in words),
    ]


def _ascii_line(text: str) -> str:
    """Escaped as in JSON, since headers are ASCII, and short, since readers have line limits."""
    return json.dumps(text)[1:-1][:_LONGEST]
