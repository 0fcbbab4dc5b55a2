"""Batches of prepared scenes: augmented, voxelised, cut so that memory holds them.

How many scenes a step learns from is counted, since the learning rate is meant for that. How many
go through the network at a time is bounded by voxels, since memory is: what does not fit together
goes through one after the other (accumulation), and of one scene that is too large by itself a part
around a drawn place stays.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from avs3d.errors import UserError
from avs3d.inputs import point_inputs
from avs3d.scan import Scan
from avs3d.sparse import Level, SparseTensor, voxelize
from avs3d.training.augmentation import Augmentation, drawn_objects, kept, move
from avs3d.training.scenes import NONE, Scene, SceneSet, joined
from avs3d.training.targets import OfPoints, ViewTargets

LEAST_COARSE = 8  # voxels of the coarsest level; fewer leave nothing to normalise by
_TRIES = 20  # scenes that are looked at for one that can be learned from


@dataclass(frozen=True)
class Batch:
    """Scenes that go through the network together; M voxels.

    Attributes:
        x: inputs of the voxels.
        rows: (K,) int64, the voxels that have a target.
        target: (K, D) float32 of those.
        views: (M, V) bool, the voxels of each view, each of one scene.
        embeddings: (V, D) float32 of those.
        names: of the scenes.
    """

    x: SparseTensor
    rows: Tensor
    target: Tensor
    views: Tensor
    embeddings: Tensor
    names: tuple[str, ...]

    def to(self, device: torch.device) -> Batch:
        if device.type == "cpu":
            return self
        x = SparseTensor(self.x.features.to(device), Level(self.x.level.coords.to(device)))
        return Batch(
            x, self.rows.to(device), self.target.to(device), self.views.to(device),
            self.embeddings.to(device), self.names,
        )  # fmt: skip

    def plain(self) -> dict[str, Tensor | tuple[str, ...]]:
        """For a file that anybody can look into."""
        return {
            "names": self.names, "coords": self.x.level.coords, "inputs": self.x.features,
            "rows": self.rows, "target": self.target, "views": self.views,
            "embeddings": self.embeddings,
        }  # fmt: skip


class OfViews(Protocol):
    """Gives the targets of views; can be pickled."""

    def of(self, scene: Scene) -> ViewTargets:
        """Raises `UserError` where they do not fit the scene."""
        ...


@dataclass(frozen=True)
class SceneBatches:
    """A `Source` of the loop: every scene once an epoch, in another order each time.

    A scene's place in the order and its augmentation do not depend on how many processes there are:
    two with one scene each see what one sees with two. With several processes a scene has its share
    of `max_voxels` at most, so that all go through the network equally often: in every pass their
    norms wait for each other.

    Attributes:
        scenes: to learn from.
        inputs: see `avs3d.inputs`.
        voxel_size: metres.
        batch: scenes that go through the network together at most.
        accumulate: times as many are a step of a process.
        max_voxels: that go through the network together at most.
        augmentation: see there.
        seed: of order and augmentation.
        points: targets of points, or None.
        views: targets of views, or None.
    """

    scenes: SceneSet
    inputs: tuple[str, ...]
    voxel_size: float
    batch: int
    accumulate: int
    max_voxels: int
    augmentation: Augmentation
    seed: int = 0
    points: OfPoints | None = None
    views: OfViews | None = None

    def __call__(self, step: int, rank: int, world: int) -> list[tuple[float, Batch]]:
        count = self.batch * self.accumulate
        first = (step * world + rank) * count
        draws = self if world == 1 else replace(self, max_voxels=self.max_voxels // self.batch)
        found = [draws._drawn(number) for number in range(first, first + count)]
        parts: list[list[Batch]] = [[]]
        for one in found:
            voxels = sum(len(other.x.level) for other in parts[-1]) + len(one.x.level)
            if parts[-1] and (len(parts[-1]) == self.batch or voxels > self.max_voxels):
                parts.append([])
            parts[-1].append(one)
        return [(len(part) / count, together(part)) for part in parts]

    def _drawn(self, number: int) -> Batch:
        """Of the scene that comes as number so many; of another where it cannot be learned from."""
        epoch, place = divmod(number, len(self.scenes))
        index = int(np.random.default_rng([self.seed, epoch]).permutation(len(self.scenes))[place])
        rng = np.random.default_rng([self.seed, epoch, place])
        why = ""
        for _ in range(_TRIES):
            found = self.made(index, rng)
            if isinstance(found, Batch):
                return found
            why = f"{self.scenes.name(index)}: {found}"
            print(f"warning: {why}: passed over", file=sys.stderr)
            index = int(rng.integers(len(self.scenes)))
        raise UserError(
            f"{self.scenes.path}: {_TRIES} scenes in a row cannot be learned from, such as {why};"
            " prepare them again"
        )

    def made(self, index: int, rng: np.random.Generator) -> Batch | str:
        """A scene, augmented; or why there is nothing to learn from it."""
        scene = self.scenes.load(index)
        row, features = np.full(len(scene), NONE), np.zeros((1, 0), np.float32)
        if self.points is not None:
            row, features = self.points.of(scene)
        masks, embeddings = np.zeros((len(scene), 0), bool), np.zeros((0, 0), np.float32)
        if self.views is not None:
            masks, embeddings = self.views.of(scene)
        if self.augmentation.copy_paste and scene.instance is not None and not masks.shape[1]:
            scene, row, features = self._pasted(scene, row, features, rng)
            masks = np.zeros((len(scene), 0), bool)
        finite = np.isfinite(scene.points).all(1)
        stay = kept(len(scene), self.augmentation, rng)
        stay = stay[finite[stay]]
        if not len(stay):
            return "has no points"
        points = move(scene.points[stay], self.augmentation, rng)
        intensity = None if scene.intensity is None else scene.intensity[stay]
        return self._voxels(
            scene.name, Scan(points, intensity), row[stay], features, masks[stay], embeddings, rng
        )

    def _voxels(
        self, name: str, scan: Scan, row: np.ndarray, features: np.ndarray, masks: np.ndarray,
        embeddings: np.ndarray, rng: np.random.Generator,
    ) -> Batch | str:  # fmt: skip
        shift = rng.uniform(0, self.voxel_size, 3) - scan.points.min(0)
        try:
            voxels = voxelize(scan.points + shift, self.voxel_size)
        except ValueError as error:
            return str(error)
        inputs = voxels.mean(torch.from_numpy(point_inputs(scan, self.inputs)))
        inverse, count = voxels.inverse.numpy(), len(voxels.coords)
        # A voxel has the target of its first point that has one, and is in all its points' views.
        told = np.flatnonzero(row != NONE)
        of_voxel = np.full(count, NONE)
        of_voxel[inverse[told][::-1]] = row[told][::-1]
        seen = np.zeros((count, masks.shape[1]), bool)
        for view in range(masks.shape[1]):
            seen[inverse[masks[:, view]], view] = True
        taught = (of_voxel != NONE) | seen.any(1)
        if not taught.any():
            return "no point of its key frame has a target"
        coords = voxels.coords
        if count > self.max_voxels:
            near = _nearest(coords.numpy(), taught, self.max_voxels, rng)
            coords, inputs, of_voxel, seen = coords[near], inputs[near], of_voxel[near], seen[near]
        if len(np.unique(coords.numpy() >> 4, axis=0)) < LEAST_COARSE:
            return "lies in one place"
        rows = np.flatnonzero(of_voxel != NONE)
        some = seen.any(0)
        return Batch(
            SparseTensor(inputs, Level(torch.cat([torch.zeros(len(coords), 1).long(), coords], 1))),
            torch.from_numpy(rows),
            torch.from_numpy(features[of_voxel[rows]].astype(np.float32)),
            torch.from_numpy(seen[:, some]),
            torch.from_numpy(embeddings[some]),
            (name,),
        )

    def _pasted(
        self, scene: Scene, row: np.ndarray, features: np.ndarray, rng: np.random.Generator
    ) -> tuple[Scene, np.ndarray, np.ndarray]:
        """With objects of another scene, where that has some, as they stood there."""
        other = self.scenes.load(int(rng.integers(len(self.scenes))))
        if other.instance is None or self.points is None:
            return scene, row, features
        objects = drawn_objects(other.instance, self.augmentation.copy_paste, rng)
        theirs, more = self.points.of(other)
        moved = np.where(theirs[objects] == NONE, NONE, theirs[objects] + len(features))
        return (
            joined(scene, objects, other, other.points[objects]),
            np.concatenate([row, moved]),
            np.concatenate([features, more]),
        )


def together(batches: Sequence[Batch]) -> Batch:
    """Several batches as one; scenes keep their order."""
    if len(batches) == 1:
        return batches[0]
    coords, rows, start, scene = [], [], 0, 0
    for batch in batches:
        part = batch.x.level.coords.clone()
        part[:, 0] += scene
        coords.append(part)
        rows.append(batch.rows + start)
        scene, start = scene + len(batch.names), start + len(part)
    return Batch(
        SparseTensor(torch.cat([b.x.features for b in batches]), Level(torch.cat(coords))),
        torch.cat(rows),
        torch.cat([b.target for b in batches]),
        torch.block_diag(*(b.views.float() for b in batches)).bool(),
        torch.cat([b.embeddings for b in batches]),
        tuple(name for b in batches for name in b.names),
    )


def _nearest(
    coords: np.ndarray, taught: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """The voxels nearest to a drawn one that has a target, in their order."""
    centre = coords[rng.choice(np.flatnonzero(taught)), :2]
    away = np.hypot(*(coords[:, :2] - centre).T)
    return np.sort(np.argsort(away, kind="stable")[:count])
