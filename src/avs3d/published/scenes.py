"""OpenScene's 3D scenes written (`avs3d.read` reads them), and its 2D folders read as cameras."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from avs3d.errors import ReadError, UserError
from avs3d.io.npy import array_from
from avs3d.io.pth import WHITE
from avs3d.io.result import coordinates
from avs3d.io.source import MalformedError, damaged, load, naming, show
from avs3d.published.saving import save_torch
from avs3d.scan import Camera, Scan

IGNORED = 255
_COLOURS = ("red", "green", "blue")
_IMAGES = (".jpg", ".jpeg", ".png")
_INTRINSICS = "intrinsics.txt"
_EXPORTED = "intrinsic/intrinsic_color.txt"
_MAX_MATRIX_BYTES = 1 << 16


def write_scene(path: Path, scan: Scan, *, overwrite: bool = False) -> Path:
    """Write ``SCENE.pth``: the tuple (coordinates, colours, labels) of NumPy arrays.

    Coordinates are (N, 3) float32 metres, float64 where the scan has an origin. Colours are (N, 3)
    float32 from -1 to 1, made of the fields red, green and blue from 0 to 255, or 0 where there
    are none. Labels are (N,), uint8 where they fit into it, 255 where the scan has none.

    Raises:
        UserError: a point has no position, or colours are beyond 255; see also `save_plain`.
    """
    if not scan.finite.all():
        raise UserError(f"{scan.path or scan.name}: has points without a position; leave them out")
    labels = scan.labels
    if labels is None:
        labels = np.full(len(scan), IGNORED, np.uint8)
    elif len(labels) and 0 <= labels.min() and labels.max() <= IGNORED:
        labels = labels.astype(np.uint8)
    return save_torch(path, (coordinates(scan), _colours(scan), labels), overwrite=overwrite)


def _colours(scan: Scan) -> np.ndarray | int:
    found = [scan.fields[name] for name in _COLOURS if name in scan.fields]
    if len(found) < len(_COLOURS):
        return 0
    colours = np.column_stack(found)
    if not ((colours >= 0) & (colours <= WHITE)).all():
        raise UserError(f"{scan.path or scan.name}: its colours are not from 0 to 255; scale them")
    return (colours / (WHITE / 2) - 1).astype(np.float32)


def read_cameras(folder: Path, every: int = 1) -> tuple[Camera, ...]:
    """The cameras of a scene of OpenScene's 2D data, ``DATASET_2d/SPLIT/SCENE``.

    ``color/NAME.jpg`` with ``pose/NAME.npy`` (4x4, camera to world) and ``K/NAME.npy`` (3x3), or
    as for ScanNet ``pose/NAME.txt``, ``depth/NAME.png`` and one ``intrinsics.txt`` in the scene or
    at most two folders above; or as ScanNet's own tool exports them, with
    ``intrinsic/intrinsic_color.txt`` in the scene. Frames whose pose is not finite, which ScanNet
    has where tracking was lost, are left out. No image is opened.

    Args:
        folder: of the scene.
        every: takes one of so many images.

    Returns:
        A camera an image, sorted by name, numbers by their value; intrinsics as in the files.

    Raises:
        ReadError: the folder is not like that, or a matrix is missing, damaged or no pose.
    """
    images = _images(folder)[::every]
    told = [folder / _EXPORTED, *(above / _INTRINSICS for above in (folder, *folder.parents[:2]))]
    shared = next((path for path in told if path.is_file()), None)
    found = []
    for image in images:
        file = _with_ending(folder / "pose" / image.stem, (".npy", ".txt"))
        pose = _matrix(file, (4, 4))
        if not np.isfinite(pose).all():
            continue
        own = folder / "K" / f"{image.stem}.npy"
        intrinsics = _intrinsics(own if shared is None or own.exists() else shared)
        depth = folder / "depth" / f"{image.stem}.png"
        there = depth if depth.exists() else None
        try:
            camera = Camera(image.stem, image, intrinsics, _inverse(pose, file), depth=there)
        except ValueError as error:  # nearly a pose
            raise ReadError(f"{show(file)}: {error}; get it again") from None
        found.append(camera)
    return tuple(found)


def _images(folder: Path) -> list[Path]:
    try:
        entries = [path for path in (folder / "color").iterdir() if path.suffix.lower() in _IMAGES]
    except OSError as error:
        raise ReadError(
            f"{show(folder)}: no images in its folder color ({error.strerror}); give a scene of"
            " OpenScene's 2D data"
        ) from None
    if not entries:
        raise ReadError(
            f"{show(folder)}: its folder color holds no .jpg or .png; give a scene of OpenScene's"
            " 2D data"
        )
    return sorted(entries, key=_number_or_name)


def _number_or_name(path: Path) -> tuple[int, str]:
    return int(path.stem) if path.stem.isdecimal() else -1, path.stem


def _with_ending(path: Path, endings: tuple[str, ...]) -> Path:
    """The file of that name that is there; the first where none is."""
    files = [path.with_name(path.name + ending) for ending in endings]
    return next((file for file in files if file.exists()), files[0])


def _matrix(path: Path, *shapes: tuple[int, int]) -> np.ndarray:
    """A matrix of one of the shapes, in float64, from ``.npy`` or text."""
    with naming(path):
        data = load(path)
        if len(data) > _MAX_MATRIX_BYTES:
            raise MalformedError("is larger than 64 KiB: not one matrix; get it again")
        if path.suffix == ".npy":
            matrix = array_from(data)
        else:
            with damaged("text"):
                matrix = np.loadtxt(io.StringIO(bytes(data).decode("ascii")), ndmin=2)
        if matrix.shape not in shapes or matrix.dtype.kind not in "fiu":
            wanted = " or ".join(map(str, shapes))
            raise MalformedError(
                f"holds an array of shape {matrix.shape} and type {str(matrix.dtype)[:60]}, not"
                f" {wanted} numbers; get it again"
            )
        return matrix.astype(np.float64)


def _intrinsics(path: Path) -> np.ndarray:
    matrix = _matrix(path, (3, 3), (4, 4))[:3, :3]
    if not np.isfinite(matrix).all() or matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
        raise ReadError(
            f"{show(path)}: is no camera matrix: its focal lengths are not positive; get it again"
        )
    return matrix


def _inverse(pose: np.ndarray, path: Path) -> np.ndarray:
    """Camera from world."""
    turn = pose[:3, :3]
    rigid = np.allclose(turn @ turn.T, np.eye(3), atol=1e-2) and np.linalg.det(turn) > 0
    if not rigid or not np.allclose(pose[3], (0, 0, 0, 1), atol=1e-6):
        raise ReadError(f"{show(path)}: is no pose: it does more than turn and shift; get it again")
    return np.linalg.inv(pose)
