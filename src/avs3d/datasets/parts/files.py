"""The files of scans, and the small ones beside them: JSON, tables of numbers, folders."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from avs3d.cameras.calibration import Calibration, collect, left_out_line
from avs3d.errors import ReadError
from avs3d.io.labels import read_labels
from avs3d.io.source import MalformedError, damaged, load_small, naming, show
from avs3d.scan import Camera, Scan

MAX_JSON_BYTES = 128 << 20
_MAX_TEXT_BYTES = 64 << 20
IMAGES = (".jpg", ".png", ".jpeg")
AGAIN = "get the file again"
T = TypeVar("T")


def state_of(path: Path) -> tuple[int, int] | None:
    """The bytes of a file and when it was changed (ns); None: not there."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: a NUL in the name
        status = path.stat()
        return status.st_size, status.st_mtime_ns
    return None


def read_json(path: Path, kind: type) -> Any:
    """The content of a JSON file, a list or a dict as `kind` says, or `ReadError`."""
    with naming(path):
        text = bytes(load_small(path, MAX_JSON_BYTES, "give the dataset's own file"))
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise MalformedError(f"is not JSON ({error}); {AGAIN}") from None
        if not isinstance(content, kind):
            raise MalformedError(f"holds no JSON {kind.__name__}; {AGAIN}")
        return content


def read_numbers(path: Path, width: int) -> np.ndarray:
    """(N, width) float64 of a text of numbers, or `ReadError`."""
    with naming(path):
        text = bytes(load_small(path, _MAX_TEXT_BYTES, "give the dataset's own file"))
        with damaged("text"):
            table = np.loadtxt(io.StringIO(text.decode("ascii")), ndmin=2)
        if table.shape[1] != width:
            raise MalformedError(f"has {table.shape[1]} numbers a line, not {width}; {AGAIN}")
        return table


def listed(folder: Path, *endings: str) -> list[str]:
    """The names in a folder that end so, sorted; none where it is missing."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [name for name in names if name.lower().endswith(endings) and name[0] != "."]


def folders(folder: Path) -> list[str]:
    """The names of the folders in a folder, sorted."""
    return [name for name in listed(folder, "") if (folder / name).is_dir()]


def image_of(folder: Path, stem: str) -> Path:
    """The image of that name in a folder; the first of `IMAGES` where none is there."""
    places = [folder / f"{stem}{ending}" for ending in IMAGES]
    return next((place for place in places if place.exists()), places[0])


def with_labels(scan: Scan, path: Path) -> Scan:
    """The scan with the labels of a file, or `ReadError` where they are not of these points."""
    return replace(scan, labels=for_points(read_labels(path), scan, path))


def for_points(labels: np.ndarray, scan: Scan, path: Path) -> np.ndarray:
    """The labels, or `ReadError` where there are more or fewer than points."""
    if len(labels) != len(scan):
        raise ReadError(
            f"{show(path)}: has {len(labels)} labels for {len(scan)} points of"
            f" {show(scan.path or scan.name)}; get both again"
        )
    return labels


def with_cameras(scan: Scan, find_cameras: Callable[[], Calibration]) -> Scan:
    """The scan with its cameras; one that cannot be used, and a calibration that cannot be read,
    cost no more than the cameras: `left_out` names them."""
    try:
        found = find_cameras()
    except ReadError as error:
        return replace(scan, left_out=(str(error),))
    missing = [c for c in found.cameras if isinstance(c.image, Path) and not c.image.exists()]
    names = {camera.name for camera in missing}
    lines = [left_out_line(c.name, Path(str(c.image)), "no such file; get it") for c in missing]
    return replace(
        scan,
        cameras=tuple(camera for camera in found.cameras if camera.name not in names),
        left_out=(*found.left_out, *lines),
    )


def cameras_of(
    path: Path, described: Iterable[tuple[str, T]], make: Callable[[str, T], Camera]
) -> Calibration:
    """`collect`, where `make` may also raise `ReadError`, which names another file than `path`."""

    def careful(name: str, description: T) -> Camera:
        try:
            return make(name, description)
        except ReadError as error:
            raise MalformedError(str(error)) from None

    return collect(path, described, careful)
