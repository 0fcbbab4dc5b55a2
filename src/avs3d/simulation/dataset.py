"""A folder of simulated scans, as training reads them."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from avs3d.atomic import write_bytes
from avs3d.errors import ReadError
from avs3d.simulation.world import VIEWS, SimulatedScan, simulate_many, simulate_view

_GRID = 0.002  # metres; coarser than the file needs, finer than any LiDAR's noise


def save(scan: SimulatedScan, path: Path) -> None:
    """Writes one scan; the file appears whole or not at all. Points are rounded to 2 mm."""
    grid = np.round(scan.points.astype(np.float64) / _GRID) * _GRID
    file = io.BytesIO()
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
        view=np.int64(scan.view),
    )
    write_bytes(path, file.getvalue())


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
                view=int(data["view"]) if "view" in data else 0,
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ReadError(
            f"{path} is not a simulated scan ({error}); delete it and generate it again"
        ) from error


def _world(numbers: list[int], folder: Path, held_out: bool) -> list[Path]:
    """The scans of those numbers, all of one world; what exists is kept."""
    paths = [folder / f"scan_{number:06d}.npz" for number in numbers]
    missing = [k for k, path in enumerate(paths) if not path.exists()]
    seed = numbers[0] // VIEWS
    if len(missing) == VIEWS:
        for scan, path in zip(simulate_many(seed, VIEWS, held_out=held_out), paths, strict=True):
            save(scan, path)
    else:
        for k in missing:
            save(simulate_view(seed, numbers[k] % VIEWS, held_out=held_out), paths[k])
    return paths


def fingerprint() -> str:
    """A hash of the code that simulates: another one makes other scans of the same seed."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def generate(
    folder: str | Path,
    count: int,
    start_seed: int = 0,
    workers: int = 1,
    held_out: bool = False,
) -> list[Path]:
    """Makes `scan_SEED.npz` for `count` seeds; those that exist are kept, so that it resumes.

    Every `VIEWS` of them are scans of one world: scan 7 is view 1 of world 2.

    Args:
        held_out: see `simulate`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(start_seed, start_seed + count)
    worlds = [list(group) for _, group in groupby(seeds, lambda seed: seed // VIEWS)]
    make = partial(_world, folder=folder, held_out=held_out)
    if workers <= 1:
        return [path for world in worlds for path in make(world)]
    with ProcessPoolExecutor(workers) as pool:
        return [path for paths in pool.map(make, worlds, chunksize=2) for path in paths]
