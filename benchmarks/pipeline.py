"""The whole job: where the time of `avs3d segment` goes, and how it grows.

    python benchmarks/pipeline.py [--long] [--threads 2] [--json FILE]

The scan is the shipped one thinned to 35,000 points, the bundle street-mini. Five tables:

- steps: seconds per step of a run over copies of one file. "warm" is the median of all but the
  first; "first" what the first took longer (libraries that are imported when they are needed, and
  everything that is done once). "maps" is what a second pass of the network over the same voxels
  saves; "network" is the rest of it.
- against the network: encode + segment over the network's own forward pass (maps, all layers and
  the wide last one, which the pipeline never lays out): medians of calls that take turns, and of
  the ratios within a turn.
- relabelling: an encoded scan and 40 more words, which the text encoder has seen before or not.
- cold: `avs3d segment` of the shipped scan in a new process, once with an empty cache of texts,
  then with it filled; the dearest imports, their own time by package; and `avs3d --help`.
- growth: encode + segment against 200 words, a new process per size. Clouds are simulated scans of
  a 64-beam sensor, cut to 100 m squares and put side by side; a smaller cloud is a wedge of the
  first, so that points per voxel stay the same. Peak memory is that of the whole process;
  "exponent" is of time, from one size to the next, and in the last table fitted over all. Sizes of
  a million and five millions take minutes: --long.

Absolute times of a shared machine mean little; ratios and exponents do.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

# As the command does, before torch is imported: threads that wait do not spin.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from engine.measure import seconds

import avs3d
from avs3d.environment import peak_memory
from avs3d.jobs import BatchConfig
from avs3d.labelsets import load as load_labels
from avs3d.pipeline import EncodedScan, Pipeline
from avs3d.run import Run
from avs3d.simulation import simulate
from avs3d.sparse import Level, SparseTensor

SHIPPED = Path(avs3d.__file__).parent / "data" / "street.npz"
POINTS = 35_000
BARS = {
    "encode + segment / forward": 1.5,
    "relabel, 40 words seen before, s": 0.1,
    "relabel, 40 new words, s": 0.1,
    "cold segment, texts cached, s": 8.0,
    "cold segment, first ever, s": 8.0,
    "exponent of time": 1.1,
    "memory of the largest cloud, GB": 4.0,
}
SIZES = (10_000, 30_000, 100_000, 300_000)
LONG_SIZES = (1_000_000, 5_000_000)
TILE = 100.0  # metres
COLUMNS = {"points": 0, "voxels": 0, "seconds": 2, "peak_gb": 2, "exponent": 2}  # -> digits


def thinned() -> avs3d.Scan:
    scan = avs3d.read(SHIPPED)
    rows = np.sort(np.random.default_rng(0).choice(len(scan), POINTS, replace=False))
    assert scan.intensity is not None
    return replace(
        scan, points=scan.points[rows], intensity=scan.intensity[rows], ring=None, fields={}
    )


def words(first: int, count: int) -> avs3d.Vocabulary:
    return avs3d.Vocabulary.from_words(load_labels("scannet-200").classes[first : first + count])


def steps(scan: avs3d.Scan, folder: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Step -> seconds of the first scan of a run above the others', and their median."""
    assert scan.intensity is not None
    rows = np.c_[scan.points, scan.intensity].astype(np.float32)
    files = [folder / f"scan{i}.bin" for i in range(repeats + 1)]
    for file in files:
        rows.tofile(file)
    run = Run(BatchConfig(tuple(map(str, files)), folder / "out", columns="x,y,z,intensity"))
    with run:
        timings = [result.timings for _, result in run if not isinstance(result, Exception)]
    assert len(timings) == len(files)
    warm = {step: median(row[step] for row in timings[1:]) for step in timings[0]}
    table = {k: {"warm": warm[k], "first": max(timings[0][k] - warm[k], 0.0)} for k in warm}
    table["loading the bundle"] = {"warm": 0.0, "first": run.record(finished=True)["load_seconds"]}
    return table


@torch.inference_mode()
def maps_share(encoded: EncodedScan, features: torch.Tensor, repeats: int) -> float:
    """Share of the kernel maps in maps and trunk together."""
    trunk = encoded.pipeline.bundle.network.trunk
    both, again = [], []
    for _ in range(repeats):
        x = SparseTensor(features, Level(encoded.level.coords))
        both.append(seconds(lambda x=x: trunk(x)))
        again.append(seconds(lambda x=x: trunk(x)))
    return 1 - min(again) / min(both)


@torch.inference_mode()
def against_network(
    pipeline: Pipeline, scan: avs3d.Scan, encoded: EncodedScan, features: torch.Tensor, repeats: int
) -> dict[str, list[float]]:
    """Name -> seconds of each turn."""
    given, network = words(0, 40), pipeline.bundle.network
    coords = encoded.level.coords
    calls: dict[str, Callable[[], object]] = {
        "forward": lambda: network(coords, features),
        "encode": lambda: pipeline.encode(scan),
        "encode + segment": lambda: pipeline.encode(scan).segment(),
        "encode + segment, 40 words given": lambda: pipeline.encode(scan).segment(given),
    }
    for call in calls.values():
        call()
    taken = [{name: seconds(call) for name, call in calls.items()} for _ in range(repeats)]
    return {name: [row[name] for row in taken] for name in calls}


def over_forward(times: dict[str, list[float]], name: str) -> float:
    return median(a / b for a, b in zip(times[name], times["forward"], strict=True))


def relabel(encoded: EncodedScan, repeats: int) -> dict[str, float]:
    """Median seconds with 40 words that the cache of texts holds, and with 40 that it does not."""
    seen = words(0, 40)
    encoded.segment(seen)
    return {
        "seen before": median(seconds(lambda: encoded.segment(seen)) for _ in range(repeats)),
        "new": median(seconds(lambda i=i: encoded.segment(words(i, 40))) for i in (40, 80, 120)),
    }


def cold(folder: Path) -> dict[str, Any]:
    """Seconds of new processes, and own seconds of imports by package in one of them."""
    environment = {**os.environ, "AVS3D_CACHE": str(folder / "cold")}

    def process(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments], check=True, capture_output=True, text=True,
            env=environment, cwd=folder,
        ).stderr  # fmt: skip

    segment = ("-m", "avs3d", "segment", str(SHIPPED), "--overwrite")
    first, *cached = [seconds(lambda: process(*segment)) for _ in range(4)]
    imports: dict[str, float] = defaultdict(float)
    for own, name in re.findall(
        r"import time:\s+(\d+) \|\s+\d+ \|\s*([\w.]+)", process("-X", "importtime", *segment)
    ):
        imports[name.partition(".")[0]] += int(own) / 1e6
    shown = min(seconds(lambda: process("-m", "avs3d", "--help")) for _ in range(3))
    bare = min(seconds(lambda: process("-c", "pass")) for _ in range(3))
    dearest = sorted(imports.items(), key=lambda item: -item[1])
    return {
        "first ever": first, "texts cached": min(cached), "help": shown, "bare python": bare,
        "all imports": sum(imports.values()), "imports": dict(dearest[:10]),
    }  # fmt: skip


def save_tiles(path: Path) -> None:
    """Three simulated scans, each cut to a tile, its points in order of azimuth."""
    tiles = []
    for seed in (1, 2, 3):
        scan = simulate(seed, "kitti-64")
        rows = np.c_[scan.points, scan.intensity]
        rows = rows[(np.abs(rows[:, :2]) < TILE / 2).all(1)]
        tiles.append(rows[np.argsort(np.arctan2(rows[:, 1], rows[:, 0]), kind="stable")])
    np.savez(path, *tiles)


def cloud(tiles: Path, count: int) -> avs3d.Scan:
    """The first `count` points of tile beside tile, row by row of a growing square."""
    with np.load(tiles) as data:
        scans = [data[name] for name in data.files]
    side = int(np.ceil(np.sqrt(count / min(map(len, scans)))))
    points, intensity = np.empty((count, 3), np.float32), np.empty(count, np.float32)
    done = number = 0
    while done < count:
        rows = scans[number % len(scans)][: count - done]
        place = slice(done, done + len(rows))
        points[place] = rows[:, :3] + TILE * np.array([number // side, number % side, 0])
        intensity[place] = rows[:, 3]
        done, number = done + len(rows), number + 1
    return avs3d.Scan(points, intensity, name=f"{count} points")


def measure_cloud(tiles: Path, count: int) -> dict[str, float]:
    """In a process of its own: encode + segment against 200 words, everything loaded before."""
    pipeline, vocabulary = avs3d.load("street-mini"), words(0, 200)
    pipeline.segment(cloud(tiles, 2000), vocabulary)
    scan = cloud(tiles, count)
    taken = []
    for _ in range(max(1, min(5, 500_000 // count))):
        began = time.perf_counter()
        encoded = pipeline.encode(scan)
        encoded.segment(vocabulary)
        taken.append(time.perf_counter() - began)
    return {
        "points": count, "voxels": len(encoded.level), "seconds": min(taken),
        "peak_gb": (peak_memory()["process_mib"] or 0.0) / 1024,
    }  # fmt: skip


def growth(folder: Path, sizes: tuple[int, ...], threads: int) -> dict[str, Any]:
    tiles = folder / "tiles.npz"
    save_tiles(tiles)
    rows = []
    for size in sizes:
        command = (__file__, "--cloud", str(size), "--tiles", str(tiles), "--threads", str(threads))
        done = subprocess.run([sys.executable, *command], check=True, stdout=subprocess.PIPE)
        row = json.loads(done.stdout)
        if rows:
            grown = [np.log(row[key] / rows[-1][key]) for key in ("seconds", "points")]
            row["exponent"] = float(grown[0] / grown[1])
        rows.append(row)
        print("".join(f"{row[key]:12,.{COLUMNS[key]}f}" for key in row))
    table = np.log([[row["points"], row["seconds"]] for row in rows])
    return {"exponent": float(np.polyfit(*table.T, 1)[0]), "rows": rows}


def show_steps(table: dict[str, dict[str, float]]) -> None:
    total = sum(row["warm"] for row in table.values())
    print(f"\n{'step':24}{'warm, ms':>10}{'share':>8}{'first, ms':>11}")
    for step, row in table.items():
        share = row["warm"] / total
        print(f"{step:24}{1e3 * row['warm']:10.1f}{share:8.1%}{1e3 * row['first']:11.0f}")
    print(f"{'all':24}{1e3 * total:10.1f}{1:8.0%}")


def show_cold(found: dict[str, Any]) -> None:
    print(f"\ncold `avs3d segment`: first ever {found['first ever']:.2f} s, ", end="")
    print(f"texts cached {found['texts cached']:.2f} s")
    print(f"  imports in it {found['all imports']:.2f} s: ", end="")
    print(", ".join(f"{name} {own:.2f}" for name, own in found["imports"].items()))
    ratio = found["help"] / found["bare python"]
    print(f"avs3d --help {found['help']:.2f} s, {ratio:.1f} x python -c pass")


def show_bars(found: dict[str, float]) -> None:
    print(f"\n{'bar':36}{'measured':>10}{'at most':>9}")
    for name, value in found.items():
        verdict = "" if value <= BARS[name] else "   missed"
        print(f"{name:36}{value:10.2f}{BARS[name]:9.2f}{verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--long", action="store_true", help="clouds of up to 5,000,000 points")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--cloud", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--tiles", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.cloud:
        print(json.dumps(measure_cloud(args.tiles, args.cloud)))
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AVS3D_CACHE"] = folder
        found = measure(Path(folder), args)
    if args.json:
        args.json.write_text(json.dumps({"threads": args.threads, **found}, indent=1), "utf-8")


def measure(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    scan = thinned()
    table = steps(scan, folder, args.repeats)
    pipeline = avs3d.load("street-mini")
    encoded = pipeline.encode(scan)
    features = torch.rand(len(encoded.level), pipeline.bundle.config.network.in_channels)
    share = maps_share(encoded, features, args.repeats)
    whole = table["network"]["warm"]
    table["network"]["warm"] = whole * (1 - share)
    table["maps"] = {"warm": whole * share, "first": 0.0}
    print(f"{len(scan):,} points, {len(encoded.level):,} voxels, {args.threads} threads")
    show_steps(table)
    times = against_network(pipeline, scan, encoded, features, args.repeats)
    print(f"\n{'against the network':36}{'ms':>8}{'/ forward':>11}")
    for name, value in times.items():
        print(f"{name:36}{1e3 * median(value):8.1f}{over_forward(times, name):11.2f}")
    again = relabel(encoded, args.repeats)
    start = cold(folder)
    show_cold(start)
    print("\n" + "".join(f"{key:>12}" for key in COLUMNS))
    clouds = growth(folder, SIZES + (LONG_SIZES if args.long else ()), args.threads)
    bars = {
        "encode + segment / forward": over_forward(times, "encode + segment"),
        "relabel, 40 words seen before, s": again["seen before"],
        "relabel, 40 new words, s": again["new"],
        "cold segment, texts cached, s": start["texts cached"],
        "cold segment, first ever, s": start["first ever"],
        "exponent of time": clouds["exponent"],
        "memory of the largest cloud, GB": clouds["rows"][-1]["peak_gb"],
    }
    show_bars(bars)
    return {
        "steps": table, "against the network": times, "relabel": again, "cold": start,
        "growth": clouds, "bars": bars,
    }  # fmt: skip


if __name__ == "__main__":
    main()
