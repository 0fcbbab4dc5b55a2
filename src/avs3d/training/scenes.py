"""Prepared scenes that are trained on: of which only what is asked for comes into memory.

- Scene folders: ``SCENE/coord.npy`` (N, 3) metres with, where there are any, ``segment.npy`` (N,)
  class ids, ``strength.npy`` (N,) intensities, ``instance.npy`` (N,) objects and ``sweep.npy``
  (N,), 0 for the key frame. They are mapped into memory.
- OpenScene's ``SCENE.pth``, in which points off the key frame have the label 255.
- Simulated scans, ``street_SEED.npz`` (`avs3d simulate`) or ``scan_SEED.npz`` (of the recipe).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from avs3d.errors import ReadError, UserError
from avs3d.io import read
from avs3d.io.columns import local
from avs3d.io.source import show
from avs3d.simulation.dataset import load as load_simulated

NONE = -1
"""Class of a point without one; that of a feature which a point does not have."""
_COORD = "coord.npy"


@dataclass(frozen=True)
class Scene:
    """The points of a scene.

    Attributes:
        name: of its file or folder.
        points: (N, 3) float32 metres; where coordinates are a map's, from the middle.
        segment: (N,) int64 class, or `NONE`.
        key: (N,) bool, the key frame.
        intensity: (N,), or None.
        instance: (N,) object, or None.
    """

    name: str
    points: np.ndarray
    segment: np.ndarray
    key: np.ndarray
    intensity: np.ndarray | None = None
    instance: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.points)

    def finite(self) -> Scene:
        """The points that have a position."""
        rows = np.isfinite(self.points).all(1)
        if rows.all():
            return self
        some = (self.intensity, self.instance)
        intensity, instance = (None if part is None else part[rows] for part in some)
        return Scene(
            self.name, self.points[rows], self.segment[rows], self.key[rows], intensity, instance
        )  # fmt: skip

    def check_classes(self, count: int) -> None:
        """Raise `UserError` where it has a class that is none of so many."""
        most = int(self.segment.max(initial=NONE))
        if most >= count:
            raise UserError(
                f"scene {self.name}: has the class {most}, and only {count} have names: set"
                " `classes` to the label set of the scenes, or to all their names"
            )


@dataclass(frozen=True)
class SceneSet:
    """Scenes of a folder, opened when asked for.

    Attributes:
        path: the folder.
        files: of the scenes, sorted: a folder, a ``.pth`` or an ``.npz`` each.
    """

    path: Path
    files: tuple[Path, ...]

    @classmethod
    def of(cls, path: Path) -> SceneSet:
        """Raises `UserError` where there are no scenes."""
        if not path.is_dir():
            raise UserError(f"{show(path)}: no such folder; give one of prepared scenes")
        found = [
            *(coord.parent for coord in path.rglob(_COORD)),
            *path.rglob("*.pth"),
            *path.rglob("street_*.npz"),
            *path.rglob("scan_*.npz"),
        ]
        if not found:
            raise UserError(
                f"{show(path)}: holds no scenes (SCENE/{_COORD}, SCENE.pth or street_SEED.npz);"
                " make them with `avs3d prepare` or `avs3d simulate`"
            )
        return cls(path, tuple(sorted(found)))

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        return self.files[index].name.removesuffix(".pth").removesuffix(".npz")

    def first(self, count: int) -> SceneSet:
        return replace(self, files=self.files[:count])

    def load(self, index: int) -> Scene:
        """A scene.

        Raises:
            ReadError: a file is missing or damaged.
        """
        file = self.files[index]
        if file.is_dir():
            return _of_folder(file)
        if file.suffix == ".npz":
            scan = load_simulated(file)
            segment = np.where(scan.category < 255, scan.category, NONE).astype(np.int64)
            every = np.ones(len(segment), bool)
            return Scene(
                file.stem, scan.points, segment, every, scan.intensity, scan.instance
            )  # fmt: skip
        return _of_openscene(file)


def _of_openscene(file: Path) -> Scene:
    scan = read(file)
    assert scan.labels is not None
    labels = np.asarray(scan.labels).astype(np.int64)
    none = (labels < 0) | (labels == 255)
    key = ~none if none.any() and not none.all() else np.ones(len(labels), bool)
    return Scene(file.stem, scan.points, np.where(none, NONE, labels), key)


def _of_folder(folder: Path) -> Scene:
    coord = _array(folder / _COORD, None)
    count = len(coord)
    if coord.ndim != 2 or coord.shape[1] != 3 or coord.dtype.kind != "f":
        raise ReadError(f"{show(folder / _COORD)}: is {coord.shape}, not (N, 3) metres")
    points, origin = local(list(coord.T))
    if origin.any():  # a map's; it is seen from the middle, see `avs3d.views.viewpoint`
        points -= np.nanmedian(points, 0)
    segment = _optional(folder / "segment.npy", count)
    labels = np.full(count, NONE) if segment is None else segment.astype(np.int64)
    labels[labels == 255] = NONE
    sweep = _optional(folder / "sweep.npy", count)
    key = np.ones(count, bool) if sweep is None else sweep == 0
    return Scene(
        folder.name,
        points,
        np.maximum(labels, NONE),
        key,
        _optional(folder / "strength.npy", count),
        _optional(folder / "instance.npy", count),
    )


def _optional(path: Path, count: int) -> np.ndarray | None:
    if not path.exists():
        return None
    found = np.array(_array(path, count))
    if found.ndim != 1:
        raise ReadError(f"{show(path)}: is {found.shape}, not ({count},); prepare it again")
    return found


def _array(path: Path, count: int | None) -> np.ndarray:
    """Mapped into memory, with `count` rows."""
    try:
        found: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ReadError(f"{show(path)}: cannot be read ({error}); prepare it again") from None
    if found.dtype.kind not in "fiub" or (count is not None and found.shape[:1] != (count,)):
        raise ReadError(
            f"{show(path)}: is {found.shape} {found.dtype} beside {count} points; prepare it again"
        )
    return found if found.ndim != 2 or found.shape[1] != 1 else found[:, 0]


def joined(one: Scene, rows: np.ndarray, other: Scene, pasted: np.ndarray) -> Scene:
    """`one` and, behind it, the points `rows` of `other` at other places.

    Args:
        rows: (K,) of `other`.
        pasted: (K, 3) float32 metres, where they are put.
    """

    def both(a: np.ndarray | None, b: np.ndarray | None) -> np.ndarray | None:
        return None if a is None or b is None else np.concatenate([a, b[rows]])

    return Scene(
        one.name,
        np.concatenate([one.points, pasted]),
        np.concatenate([one.segment, other.segment[rows]]),
        np.concatenate([one.key, other.key[rows]]),
        both(one.intensity, other.intensity),
        both(one.instance, other.instance),
    )


def classes_of(names: Sequence[str] | str) -> tuple[str, ...]:
    """Names of classes, or those of a label set."""
    from avs3d import labelsets

    return labelsets.load(names).classes if isinstance(names, str) else tuple(names)
