"""Voxels to measure on: real scans where they are, simulated ones everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

import avs3d
from avs3d.simulation import simulate
from avs3d.sparse import Level, voxelize

REAL = (
    ("nuScenes", "nuscenes_sample/*.pcd.bin", (0.05,)),
    ("SemanticKITTI", "semantickitti/sequences/*/velodyne/*.bin", (0.1, 0.05)),
)


def clouds(data: Path) -> dict[str, torch.Tensor]:
    """Name -> (N, 4) voxel coordinates [batch, x, y, z] in canonical order."""
    found = {"simulated, 0.05 m": coordinates(simulate(7, "kitti-64").points, 0.05)}
    for name, pattern, sizes in REAL:
        for file in sorted(data.glob(pattern))[:1]:
            for size in sizes:
                found[f"{name}, {size} m"] = coordinates(avs3d.read(file).points, size)
    return found


def coordinates(points: np.ndarray, size: float) -> torch.Tensor:
    voxels = voxelize(points, size).coords
    return torch.cat([torch.zeros(len(voxels), 1, dtype=torch.long), voxels], 1)


def copies(coords: torch.Tensor, voxels: int) -> torch.Tensor:
    """(voxels, 4): the cloud as often as it takes, as a batch, the last one cut off along x."""
    repeats = -(-voxels // len(coords))
    batch = [coords + torch.tensor([index, 0, 0, 0]) for index in range(repeats)]
    return torch.cat(batch)[:voxels]


def build_maps(coords: torch.Tensor) -> Level:
    """All that the network needs of the coordinates, down to the blocks of the engine."""
    level = finest = Level(coords)
    maps = [finest.neighbours(5)]
    for _ in range(4):
        maps += [level.neighbours(3), level.down, level.up]
        level = level.coarser
    maps.append(level.neighbours(3))
    assert all(kernel_map.blocks for kernel_map in maps)
    return finest
