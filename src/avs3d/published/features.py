"""Fused features of points: ``SCENE.pt``, or in parts ``SCENE_K.pt``, a scene at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avs3d.errors import ReadError, UserError
from avs3d.features import PointFeatures
from avs3d.io.source import MalformedError, naming, show
from avs3d.published.saving import save_torch, tensor
from avs3d.published.texts import nearest
from avs3d.published.unpickling import load_plain

_PART = re.compile(r"(.+)_(0|[1-9][0-9]*)")
"""A scene and the number of its part; ``scene0000_00`` is a scene of ScanNet, not a part."""


class FeatureSet:
    """The fused features of many scenes, loaded when asked for and not kept.

    Args:
        path: a folder of ``.pt`` files, or one of them.

    Attributes:
        path: likewise.
        names: of the scenes, sorted; parts count as their scene.

    Raises:
        UserError: no such file or folder, or none with features in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise UserError(f"{show(path)}: no such file or folder; give fused features (.pt)")
        files = sorted(path.glob("*.pt")) if path.is_dir() else [path]
        if not files:
            raise UserError(f"{show(path)}: holds no fused features (.pt); give their folder")
        self._files = {file.stem: file for file in files}
        self._parts: dict[str, list[tuple[int, Path]]] = {}
        for file in files:
            if part := _PART.fullmatch(file.stem):
                self._parts.setdefault(part[1], []).append((int(part[2]), file))
        whole = {stem for stem in self._files if not _PART.fullmatch(stem)}
        self.names = tuple(sorted(whole | self._parts.keys()))

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, scene: str) -> bool:
        return scene in self._files or scene in self._parts

    def files(self, scene: str) -> tuple[Path, ...]:
        """The file of a scene, or those of its parts in their order.

        Raises:
            UserError: there is none.
        """
        if scene in self._files:
            return (self._files[scene],)
        if scene in self._parts:
            return tuple(file for _, file in sorted(self._parts[scene]))
        raise UserError(
            f"{show(self.path)}: has no features of {show(Path(scene))}; "
            f"{nearest(scene, self.names)}"
        )

    def load(self, scene: str) -> PointFeatures:
        """The features of a scene; those of a point that is in several parts from the first.

        Raises:
            UserError: there are none.
            ReadError: a file is damaged or is none of features, or parts do not fit together.
        """
        return read_parts(self.files(scene))


def read_parts(files: Sequence[Path]) -> PointFeatures:
    """The features of a scene from all of its files, see `FeatureSet.load`."""
    found = read_features(files[0])
    for file in files[1:]:
        found = _joined(found, read_features(file), file)
    return found


def read_features(path: Path) -> PointFeatures:
    """One file: a dict of ``feat`` (M, C) and ``mask_full`` (N,).

    In older files, which have a ``mask`` too, ``mask_full`` names the points of the file, and
    ``mask``, (M,) bool or the numbers of rows, those of them that have a feature.

    Raises:
        ReadError: it is damaged, has no features, or they are not finite.
    """
    content = load_plain(path)
    with naming(path):
        return _features(content, show(path))


def write_features(path: Path, features: PointFeatures, *, overwrite: bool = False) -> Path:
    """Write ``SCENE.pt`` (or a part, ``SCENE_K.pt``): float16, with the keys of today.

    Raises:
        UserError: a feature is beyond float16 or not finite; see also `save_plain`.
    """
    with np.errstate(over="ignore"):
        half = features.features.astype(np.float16)
    if not np.isfinite(half).all():
        raise UserError(f"{features.name}: has features that float16 cannot hold; scale them")
    content = {"feat": tensor(half), "mask_full": tensor(features.mask)}
    return save_torch(path, content, overwrite=overwrite)


def _features(content: Any, name: str) -> PointFeatures:
    if not isinstance(content, dict) or not {"feat", "mask_full"} <= content.keys():
        raise MalformedError("is no file of fused features: it needs feat and mask_full")
    features, full = content["feat"], content["mask_full"]
    if not isinstance(features, np.ndarray) or features.ndim != 2 or features.dtype.kind != "f":
        raise MalformedError("its feat is no array of (M, C) floats; fuse the scene again")
    if not isinstance(full, np.ndarray) or full.ndim != 1 or full.dtype.kind not in "bu":
        raise MalformedError("its mask_full is no array of (N,) booleans; fuse the scene again")
    full = full.astype(bool)
    if int(full.sum()) != len(features):
        raise MalformedError(
            f"its mask_full names {int(full.sum())} points, its feat has {len(features)}; fuse the"
            " scene again"
        )
    if "mask" in content:
        rows = _rows(content["mask"], len(features))
        full[np.flatnonzero(full)[~rows]] = False
        features = features[rows]
    if not features.size:
        raise MalformedError("holds the feature of no point; fuse the scene again")
    if features.dtype == np.float64:
        features = features.astype(np.float32)
    if not np.isfinite(features).all():
        raise MalformedError("has features that are not finite; fuse the scene again")
    return PointFeatures(features, full, name)


def _rows(mask: Any, count: int) -> np.ndarray:
    """(M,) bool from the same or from the numbers of rows."""
    if isinstance(mask, np.ndarray) and mask.ndim == 1:
        if mask.dtype.kind == "b" and len(mask) == count:
            return mask
        if mask.dtype.kind in "iu" and (not len(mask) or 0 <= mask.min() <= mask.max() < count):
            rows = np.zeros(count, bool)
            rows[mask] = True
            return rows
    raise MalformedError(f"its mask names none of its {count} rows; fuse the scene again")


def _joined(one: PointFeatures, other: PointFeatures, file: Path) -> PointFeatures:
    if len(one) != len(other) or one.features.shape[1] != other.features.shape[1]:
        raise ReadError(
            f"{show(file)}: has {len(other)} points and features {other.features.shape[1]} wide,"
            f" {one.name} {len(one)} and {one.features.shape[1]}; they are no parts of one scene"
        )
    mask = one.mask | other.mask
    dtype = np.result_type(one.features, other.features)
    features = np.empty((int(mask.sum()), one.features.shape[1]), dtype)
    features[other.mask[mask]] = other.features
    features[one.mask[mask]] = one.features
    return PointFeatures(features, mask, one.name)
