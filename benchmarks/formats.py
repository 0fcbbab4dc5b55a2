"""Reading files: how fast and with how much memory, against numpy.fromfile on the same bytes.

    python benchmarks/formats.py [--points 5000000] [--repeats 5] [--json FILE]

The cloud is made up: x y z intensity, float32 (in .las int32 x y z and uint16, and what LAS has
beside them). Every format is read in a new process. "ratio" is the rate of `avs3d.read` over that
of numpy.fromfile on the file's bytes, which does nothing with them: medians of calls that take
turns, in processor time, since the machine is shared. "memory" is the peak above what the process
held before, over the size of the scan that comes out (points and all its columns).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import laspy
import numpy as np
from engine.measure import alone, peak_above
from plyfile import PlyData, PlyElement

import avs3d

RATE, MEMORY = 0.5, 3.0  # at least, at most
NAMES = ("x", "y", "z", "intensity")
PCD = (
    "VERSION .7\nFIELDS x y z intensity\nSIZE 4 4 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\nWIDTH {0}\n"
    "HEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {0}\nDATA binary\n"
)


def rows(count: int) -> np.ndarray:
    """(count, 4) float32: tens of metres, and whole numbers up to 255."""
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(count, 4)).astype(np.float32) * np.float32(20)
    cloud[:, 3] = rng.integers(0, 256, count)
    return cloud


def save_ply(path: Path, cloud: np.ndarray) -> None:
    table = np.ascontiguousarray(cloud).view([(name, "<f4") for name in NAMES]).reshape(-1)
    PlyData([PlyElement.describe(table, "vertex")], byte_order="<").write(str(path))


def save_las(path: Path, cloud: np.ndarray) -> None:
    header = laspy.LasHeader(point_format=6, version="1.4")
    header.scales = np.full(3, 0.001)
    tile = laspy.LasData(header)
    tile.x, tile.y, tile.z = cloud[:, :3].astype(np.float64).T
    tile.intensity = cloud[:, 3].astype(np.uint16)
    tile.write(str(path))


WRITE: dict[str, Callable[[Path, np.ndarray], object]] = {
    ".bin": lambda path, cloud: cloud.tofile(path),
    ".npy": np.save,
    ".npz": lambda path, cloud: np.savez(path, points=cloud[:, :3], intensity=cloud[:, 3]),
    ".pcd": lambda path, cloud: path.write_bytes(PCD.format(len(cloud)).encode() + cloud.tobytes()),
    ".ply": save_ply,
    ".las": save_las,
}


def measure(path: Path, repeats: int) -> dict[str, float]:
    """In a process of its own: seconds of both by turns, and the memory of one reading."""
    columns = 4 if path.suffix == ".bin" else None
    scan = avs3d.read(path, columns=columns)
    values = (scan.points, scan.intensity, scan.ring, scan.labels, *scan.fields.values())
    size = sum(value.nbytes for value in values if value is not None)
    del scan, values
    ours, bare = [], []
    for _ in range(repeats):
        bare.append(processor_seconds(lambda: np.fromfile(path, np.uint8)))
        ours.append(processor_seconds(lambda: avs3d.read(path, columns=columns)))
    peak = peak_above(lambda: avs3d.read(path, columns=columns))
    return {
        "mb": path.stat().st_size / 1e6,
        "ms": 1e3 * median(ours),
        "ratio": median(bare) / median(ours),
        "memory": (peak or 0.0) * 1e9 / size,
    }


def processor_seconds(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--points", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    cloud, found = rows(args.points), {}
    print(f"{args.points:,} points\n\n{'':6}{'MB':>8}{'ms':>8}{'ratio':>8}{'memory':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for extension, write in WRITE.items():
            path = Path(folder, f"cloud{extension}")
            write(path, cloud)
            row = found[extension] = alone(measure, path, args.repeats)
            path.unlink()
            missed = "   missed" if row["ratio"] < RATE or row["memory"] > MEMORY else ""
            print(
                f"{extension:6}{row['mb']:8.1f}{row['ms']:8.1f}{row['ratio']:8.2f}"
                f"{row['memory']:9.2f}{missed}"
            )
    print(f"{'bar':22}{RATE:8.2f}{MEMORY:9.2f}")
    if args.json:
        args.json.write_text(json.dumps({"points": args.points, **found}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
