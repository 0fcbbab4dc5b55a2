"""A folder of simulated scans, as training reads them."""

from __future__ import annotations

import os
import zipfile
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from avs3d.errors import ReadError
from avs3d.simulation.world import SimulatedScan, simulate

_GRID = 0.002  # metres; coarser than the file needs, finer than any LiDAR's noise


def save(scan: SimulatedScan, path: Path) -> None:
    """Writes one scan; the file appears whole or not at all. Points are rounded to 2 mm."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    grid = np.round(scan.points.astype(np.float64) / _GRID) * _GRID
    with open(part, "wb") as file:
        np.savez_compressed(
            file,
            points=grid.astype(np.float32),
            intensity=scan.intensity,
            ring=scan.ring.astype(np.uint8),
            category=scan.category.astype(np.uint8),
            instance=scan.instance.astype(np.uint16),
            sensor=np.array(scan.sensor),
            height=np.float64(scan.height),
            seed=np.int64(scan.seed),
        )
    os.replace(part, path)


def load(path: Path) -> SimulatedScan:
    """Reads a scan written by `save`.

    Raises:
        ReadError: it is not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            return SimulatedScan(
                points=data["points"],
                intensity=data["intensity"],
                ring=data["ring"].astype(np.int32),
                category=data["category"].astype(np.int32),
                instance=data["instance"].astype(np.int32),
                sensor=str(data["sensor"]),
                height=float(data["height"]),
                seed=int(data["seed"]),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ReadError(
            f"{path} is not a simulated scan ({error}); delete it and generate it again"
        ) from error


def _one(seed: int, folder: Path) -> Path:
    path = folder / f"scan_{seed:06d}.npz"
    if not path.exists():
        save(simulate(seed), path)
    return path


def generate(folder: str | Path, count: int, start_seed: int = 0, workers: int = 1) -> list[Path]:
    """Makes `scan_SEED.npz` for `count` seeds; those that exist are kept, so that it resumes."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(start_seed, start_seed + count)
    make = partial(_one, folder=folder)
    if workers <= 1:
        return [make(seed) for seed in seeds]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(make, seeds, chunksize=4))
