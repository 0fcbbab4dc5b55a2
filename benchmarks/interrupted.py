"""Kill a run of `avs3d segment` at random moments until it is done; is every byte as it should be?

    python benchmarks/interrupted.py --kills 100 --files 50 --jobs 2

The scans are the shipped one, turned and thinned. After each kill the same command runs again;
whenever it comes to its end, its folder is compared with that of a run that nobody disturbed. Exit
code 1 where a file differs, lacks or is too many.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
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


def command(scans: Path, out: Path, jobs: int) -> list[str]:
    """`avs3d segment`."""
    options = ["--vocabulary", WORDS, "--write", "npz,ply,las", "--jobs", str(jobs), "--quiet"]
    return [sys.executable, "-m", "avs3d", "segment", str(scans), "--out", str(out), *options]


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """The command, in a process group of its own."""
    return subprocess.Popen(command, start_new_session=True)


def killed(command: list[str], seconds: float) -> bool:
    """Whether the command was killed after so many seconds rather than well at its end."""
    run = start(command)
    try:
        if run.wait(seconds):
            raise SystemExit("the run failed")
    except subprocess.TimeoutExpired:
        os.kill(run.pid, signal.SIGKILL)  # its workers are to notice it themselves
        run.wait()
        return True
    return False


def kill_until_done(command: list[str], kills: int, seconds: Callable[[], float]) -> None:
    """Kill the command so many times after some seconds each, then let it come to its end."""
    count = sum(killed(command, seconds()) for _ in range(kills))
    print(f"{count} kills; {kills - count} times the run came to its end before")
    if start(command).wait():
        raise SystemExit("the run failed")


def kill_often(
    command: list[str],
    kills: int,
    seconds: Callable[[], float],
    out: Path,
    compare: Callable[[], int],
) -> int:
    """Kill the command so many times after some seconds each, then let it come to its end; where
    it came there before, it begins anew without its folder. 1 where `compare`, which is asked at
    every end, says so."""
    done = ends = failed = 0
    while done < kills:
        if killed(command, seconds()):
            done += 1
            continue
        failed |= compare()
        ends += 1
        shutil.rmtree(out)
    if start(command).wait():
        raise SystemExit("the run failed")
    print(f"{done} kills; the run came to its end {ends + 1} times")
    return failed | compare()


def contents(folder: Path) -> dict[str, bytes | str]:
    """Path -> bytes of every file; of `run.json` what does not depend on the clock."""
    found: dict[str, bytes | str] = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    record = json.loads(found.pop("run.json"))
    for scan in record["scans"].values():
        scan.pop("timings")
    return found | {"run.json": json.dumps([record["finished"], record["scans"]])}


def compare(whole: Path, other: Path) -> int:
    """Say what is not in a folder as in that of an undisturbed run; 1 where there is something."""
    expected, found = contents(whole), contents(other)
    missing, stray = expected.keys() - found.keys(), found.keys() - expected.keys()
    differing = [key for key in expected.keys() & found.keys() if expected[key] != found[key]]
    print(
        f"{len(expected)} files: {len(missing)} missing, {len(stray)} stray,"
        f" {len(differing)} differ"
    )
    for name in sorted({*missing, *stray, *differing}):
        print(f"  {name}")
    return int(bool(missing or stray or differing))


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
        if start(command(scans, whole, options.jobs)).wait():
            return 1
        seconds = time.perf_counter() - began
        print(f"{options.files} files, {options.jobs} jobs, {seconds:.0f} s undisturbed")
        again = command(scans, out, options.jobs)
        moments = partial(chance.uniform, 0, seconds)
        return kill_often(again, options.kills, moments, out, partial(compare, whole, out))


if __name__ == "__main__":
    raise SystemExit(main())
