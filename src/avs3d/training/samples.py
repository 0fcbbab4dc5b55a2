"""Simulated scans as training samples: augmented, voxelised, with a category per voxel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from avs3d.errors import UserError
from avs3d.inputs import point_inputs
from avs3d.scan import Scan
from avs3d.simulation.categories import CATEGORIES
from avs3d.simulation.dataset import load
from avs3d.simulation.world import SimulatedScan
from avs3d.sparse import Level, SparseTensor, voxelize
from avs3d.training.loop import Draws
from avs3d.training.strange import make_strange

MIN_POINTS = 500  # a scan with fewer is passed over
MIN_COARSE_VOXELS = 8
STRANGE = -1  # a voxel of nothing that has a word


@dataclass(frozen=True)
class Sample:
    """One augmented scan, or several.

    Attributes:
        x: voxel inputs on their level.
        category: (M,) int64 category of each voxel (of its first point), or `STRANGE`.
        points: (M, 3) float32 metres, the first point of each voxel, after augmentation.
        instance: (M,) int64 object of that point.
    """

    x: SparseTensor
    category: Tensor
    points: np.ndarray
    instance: np.ndarray

    def to(self, device: torch.device) -> Sample:
        """With the inputs of its voxels there."""
        if device.type == "cpu":
            return self
        x = SparseTensor(self.x.features.to(device), Level(self.x.level.coords.to(device)))
        return replace(self, x=x)

    @property
    def scans(self) -> int:
        """How many."""
        return int(self.x.level.coords[-1, 0]) + 1


@dataclass(frozen=True)
class SampleMaker:
    """Makes the sample of a step from the step's random generator.

    Attributes:
        files: scans written by `avs3d.simulation`.
        inputs: see `avs3d.inputs`.
        voxel_size: metres.
        max_voxels: samples are cut to about this many.
        strange: share of the samples that are turned into what no sensor on a street sees; all
            their voxels are `STRANGE`.
        aimed: share of the samples that are cut around a thing of a kind drawn from those in the
            scan, so that rare kinds are seen as often as common ones.
    """

    files: Sequence[Path]
    inputs: tuple[str, ...]
    voxel_size: float
    max_voxels: int = 30_000
    strange: float = 0.0
    aimed: float = 0.0

    def __call__(self, rng: np.random.Generator) -> Sample:
        """A random scan of the files, differently each time.

        Raises:
            UserError: nothing is to be seen in the files.
        """
        for _ in range(100):
            sample = self._sample(load(self.files[int(rng.integers(len(self.files)))]), rng)
            # Fewer would leave the coarsest level without anything to normalise by.
            if sample is not None and _coarse_voxels(sample) >= MIN_COARSE_VOXELS:
                return sample
        raise UserError(f"the scans beside {self.files[0]} are all but empty; make them again")

    def _sample(self, simulated: SimulatedScan, rng: np.random.Generator) -> Sample | None:
        if len(simulated.points) < MIN_POINTS:
            return None
        kept = _thin(simulated.ring, rng)
        points, intensity = _move(simulated.points[kept], rng), simulated.intensity[kept]
        category, instance = simulated.category[kept], simulated.instance[kept]
        category = np.where(category < len(CATEGORIES), category, STRANGE)
        if rng.random() < self.strange:
            points = make_strange(points, rng)
            intensity, instance = intensity[: len(points)], instance[: len(points)]
            category = np.full(len(points), STRANGE)
        has_intensity = rng.random() > 0.2
        scan = Scan(points, intensity if has_intensity else None)
        values = point_inputs(scan, self.inputs)
        if rng.random() < 0.1 and "distance" in self.inputs:
            column = self.inputs.index("distance")
            values[:, column] = values[:, column].max()
        kept = self._cut(points, category, rng)
        if not len(kept):  # all of it is farther away than this sample goes
            return None
        voxels = voxelize(points[kept], self.voxel_size)
        first = voxels.first.numpy()
        coords = torch.cat([torch.zeros(len(first), 1, dtype=torch.long), voxels.coords], 1)
        features = voxels.mean(torch.from_numpy(values[kept]))
        return Sample(
            SparseTensor(features, Level(coords)),
            torch.from_numpy(category[kept][first].astype(np.int64)),
            points[kept][first],
            instance[kept][first],
        )

    def _cut(
        self, points: np.ndarray, category: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """The points nearest to a place, as many as `max_voxels` allow."""
        inside = np.flatnonzero(np.hypot(points[:, 0], points[:, 1]) < rng.uniform(30.0, 80.0))
        if not len(inside):
            return inside
        if rng.random() < self.aimed:
            kind = rng.choice(np.unique(category[inside]))
            centre = points[rng.choice(inside[category[inside] == kind]), :2]
        else:
            centre = points[int(rng.integers(len(points))), :2] * 0.6
        away = np.hypot(*(points[inside, :2] - centre).T)
        ordered = inside[np.argsort(away, kind="stable")]
        cells = np.floor(points[ordered] / self.voxel_size).astype(np.int64)
        _, first = np.unique(_keys(cells), return_index=True)
        if len(first) > self.max_voxels:
            ordered = ordered[: np.partition(first, self.max_voxels)[self.max_voxels]]
        return ordered


@dataclass(frozen=True)
class SampleDraws:
    """A `Source` of the loop: samples, and the generator that goes on from them.

    Attributes:
        samples: makes them.
        batch: samples of a part.
        parts: of a step, of each process.
        seed: of every random choice.
    """

    samples: SampleMaker
    batch: int
    parts: int
    seed: int

    def __call__(
        self, step: int, rank: int, world: int
    ) -> list[tuple[float, tuple[Sample, np.random.Generator]]]:
        found = []
        for share, rng in Draws(self.seed, self.parts)(step, rank, world):
            sample = joined([self.samples(rng) for _ in range(self.batch)])
            found.append((share, (sample, rng)))
        return found


def joined(samples: Sequence[Sample]) -> Sample:
    """Several samples as one, each a batch entry of its own."""
    coords = [sample.x.level.coords.clone() for sample in samples]
    for batch, part in enumerate(coords):
        part[:, 0] = batch
    return Sample(
        SparseTensor(torch.cat([s.x.features for s in samples]), Level(torch.cat(coords))),
        torch.cat([s.category for s in samples]),
        np.concatenate([s.points for s in samples]),
        np.concatenate([s.instance for s in samples]),
    )


def _coarse_voxels(sample: Sample) -> int:
    """How many voxels the coarsest level of a five-level network has."""
    return len(np.unique(_keys(sample.x.level.coords[:, 1:].numpy() >> 4)))


def _keys(cells: np.ndarray) -> np.ndarray:
    """(M,) a number for each of (M, 3) int64 cells: telling numbers apart is quicker than rows."""
    keys: np.ndarray = (cells[:, 0] << 40) + (cells[:, 1] << 20) + cells[:, 2]
    return keys


def _thin(ring: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows that stay: sometimes every second laser only, and a random share of the points."""
    kept = rng.random(len(ring)) < (1.0 if rng.random() < 0.4 else rng.uniform(0.5, 1.0))
    if len(np.unique(ring)) >= 48 and rng.random() < 0.35:
        kept &= ring % 2 == rng.integers(2)
    if kept.sum() < 100:
        kept[:] = True
    return np.flatnonzero(kept)


def _move(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn, mirror, scale, tilt and shift by less than a voxel; a little noise."""
    yaw = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    if rng.random() < 0.5:
        turn[:, 0] *= -1
    tilt = np.eye(3)
    tilt[2, :2] = rng.normal(0, 0.015, 2)
    moved = points @ (tilt @ turn * rng.uniform(0.93, 1.07)).T + rng.uniform(0, 0.3, 3)
    return (moved + rng.normal(0, rng.uniform(0, 0.012), moved.shape)).astype(np.float32)
