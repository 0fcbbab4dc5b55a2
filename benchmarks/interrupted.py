"""Kill a run of `avs3d segment` at random moments until it is done; is every byte as it should be?

    python benchmarks/interrupted.py --kills 100 --files 50 --jobs 2

The scans are the shipped one, turned and thinned. After each kill the same command runs again; in
the end its folder is compared with that of a run that nobody disturbed. Exit code 1 where a file
differs, lacks or is too many.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from avs3d.io import read

SHIPPED = Path(__file__).parents[1] / "src/avs3d/data/street.npz"
WORDS = "car, road, tree, building, pole, sidewalk"


def make_scans(folder: Path, count: int) -> None:
    """`count` scans of some thousand points."""
    folder.mkdir()
    street = read(SHIPPED)
    for number in range(count):
        angle = 2 * np.pi * number / count
        turn = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
        points = street.points[number % 8 :: 8] @ np.array(turn, np.float32)
        np.savez(folder / f"scan{number:03d}.npz", points=points)


def start(scans: Path, out: Path, jobs: int) -> subprocess.Popen[bytes]:
    """The command, in a process group of its own."""
    command = [sys.executable, "-m", "avs3d", "segment", str(scans), "--out", str(out)]
    options = ["--vocabulary", WORDS, "--write", "npz,ply,las", "--jobs", str(jobs), "--quiet"]
    return subprocess.Popen([*command, *options], start_new_session=True)


def contents(folder: Path) -> dict[str, bytes | str]:
    """Name -> bytes of every file; of `run.json` what does not depend on the clock."""
    found: dict[str, bytes | str] = {p.name: p.read_bytes() for p in folder.iterdir()}
    record = json.loads(found.pop("run.json"))
    for scan in record["scans"].values():
        scan.pop("timings")
    return found | {"run.json": json.dumps([record["finished"], record["scans"]])}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--files", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="avs3d-interrupted-") as name:
        scans, whole, out = (Path(name, part) for part in ("scans", "whole", "out"))
        make_scans(scans, options.files)
        began = time.perf_counter()
        if start(scans, whole, options.jobs).wait():
            return 1
        seconds = time.perf_counter() - began
        killed = rounds = 0
        while killed < options.kills:
            run = start(scans, out, options.jobs)
            try:
                run.wait(chance.uniform(0, seconds))
                for path in out.iterdir():  # done: once more from the beginning
                    path.unlink()
                rounds += 1
            except subprocess.TimeoutExpired:
                os.kill(run.pid, signal.SIGKILL)  # its workers are to notice it themselves
                run.wait()
                killed += 1
        failed = start(scans, out, options.jobs).wait() != 0
        expected, found = contents(whole), contents(out)
    missing, stray = expected.keys() - found.keys(), found.keys() - expected.keys()
    other = [key for key in expected.keys() & found.keys() if expected[key] != found[key]]
    print(f"{options.files} files, {options.jobs} jobs, {seconds:.0f} s undisturbed")
    print(f"{killed} kills; {rounds} times the run came to its end before the next")
    print(f"{len(expected)} files: {len(missing)} missing, {len(stray)} stray, {len(other)} differ")
    for name in sorted({*missing, *stray, *other}):
        print(f"  {name}")
    return int(failed or bool(missing or stray or other))


if __name__ == "__main__":
    raise SystemExit(main())
