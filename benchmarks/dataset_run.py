"""`avs3d run` over a simulated dataset: how fast, in how much memory, and killed again and again.

    python benchmarks/dataset_run.py --scans 300 --jobs 2
    python benchmarks/dataset_run.py --scans 300 --kills 10 --out benchmarks/dataset_run.png

Drives through simulated streets in the layout of SemanticKITTI. Timed against one scan after
another in one process: read, encode, segment, save, with as many threads as there are cores. On a
machine that others use, clocks say little: the second ratio is of processor time, that of the
loop's main thread, which others wait for, against that of all processes of the run by their
number; loading is in neither. While the run goes on, the memory of its processes is looked at once
a second and plotted. With --kills it is killed (SIGKILL) at so many random moments and started
again each time; in the end its folder is compared with that of the undisturbed run. Exit code 1
where a file differs, lacks or is too many.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from interrupted import compare, kill_until_done

SENSOR = "nuscenes-32"
PER_DRIVE = 60
Memory = list[tuple[int, float]]
"""Once a second: how many scans are done, and MiB."""
FIRST_SEED = 300
PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}
"""As the command has it: threads do not spin while they wait."""


def write_root(root: Path, count: int, sensor: str = SENSOR) -> None:
    """Drives of `PER_DRIVE` scans half a metre apart, as SemanticKITTI has them."""
    from avs3d.simulation.world import simulate_drive

    unit = " ".join(map(str, np.eye(4)[:3].ravel()))
    for number, first in enumerate(range(0, count, PER_DRIVE)):
        folder = root / "sequences" / f"{number:02}"
        (folder / "velodyne").mkdir(parents=True)
        poses = []
        drive = simulate_drive(FIRST_SEED + number, min(PER_DRIVE, count - first), sensor)
        for step, (scan, pose) in enumerate(drive):
            rows = np.column_stack([scan.points, scan.intensity]).astype("<f4")
            rows.tofile(folder / "velodyne" / f"{step:06}.bin")
            poses.append(" ".join(f"{value:.9e}" for value in pose[:3].ravel()))
        (folder / "poses.txt").write_text("\n".join(poses) + "\n")
        told = [*(f"P{camera}: {unit}" for camera in range(4)), f"Tr: {unit}"]
        (folder / "calib.txt").write_text("\n".join(told) + "\n")


def one_after_another(root: Path, out: Path, told: str) -> None:
    """What a loop in Python does with words that are told or its own; a process of its own.
    Prints the seconds after loading, and those of the main thread at work."""
    import avs3d
    from avs3d import Vocabulary
    from avs3d.atomic import write_json
    from avs3d.datasets import open_dataset

    model, dataset = avs3d.load(), open_dataset(root)
    out.mkdir()
    words = Vocabulary.from_words(told.split(",")) if told else None
    model.encode(dataset[0]).segment(words)  # what is loaded when it is first needed
    began, busy = time.perf_counter(), time.thread_time()
    for index in range(len(dataset)):
        result = model.encode(dataset[index]).segment(words)
        stem = out / dataset.key(index).replace("/", "_")
        result.save(stem.with_suffix(".npz"))
        result.save(stem.with_suffix(".ply"))
        write_json(stem.with_suffix(".vocabulary.json"), result.vocabulary.to_json())
        write_json(stem.with_suffix(".captions.json"), result.captions)
    print(f"{time.perf_counter() - began} {time.thread_time() - busy}")


def command(root: Path, out: Path, jobs: int) -> list[str]:
    """`avs3d run`."""
    options = ["--out", str(out), "--jobs", str(jobs), "--quiet"]
    return [sys.executable, "-m", "avs3d", "run", str(root), *options]


def idle_seconds() -> float:
    """Of all cores together, since the machine was started."""
    ticks = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(ticks[4]) + int(ticks[5])) / os.sysconf("SC_CLK_TCK")


def processes(root: int) -> Iterator[int]:
    """A process and those that it started."""
    yield root
    with contextlib.suppress(OSError):  # it, or one of its threads, has just ended
        for task in Path(f"/proc/{root}/task").glob("*/children"):
            for child in task.read_text().split():
                yield from processes(int(child))


def memory(root: int) -> float:
    """MiB that a process and those that it started hold by themselves."""
    total = 0
    for process in processes(root):
        with contextlib.suppress(OSError):  # it has just ended
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
            fields = dict(line.split(":", 1) for line in text.splitlines()[1:])
            total += int(fields["Pss"].split()[0])
    return total / 1024


def watch(process: subprocess.Popen[bytes], out: Path) -> Memory:
    """Until the process ends."""
    seen: Memory = []
    while process.poll() is None:
        done = sum(1 for _ in out.glob("latest/*.done.json"))
        seen.append((done, memory(process.pid)))
        time.sleep(1)
    return seen


def plot(seen: Memory, path: Path) -> None:
    """Memory over the scans that are done."""
    from PIL import Image, ImageDraw

    width, height, left, top, bottom = 900, 320, 70, 30, 40
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    most_done, most = max(done for done, _ in seen), 1.2 * max(mib for _, mib in seen)
    right, floor = width - 20, height - bottom

    def place(done: float, mib: float) -> tuple[float, float]:
        x = left + (right - left) * done / max(most_done, 1)
        return x, floor - (floor - top) * mib / most

    draw.text((left, 8), "avs3d run: memory of all its processes", fill="black")
    for mib in range(0, int(most), 250):
        draw.line([place(0, mib), place(most_done, mib)], fill="#dddddd")
        draw.text((8, place(0, mib)[1] - 6), f"{mib} MiB", fill="#555555")
    for share in range(5):
        done = most_done * share // 4
        draw.text((place(done, 0)[0] - 8, floor + 6), str(done), fill="#555555")
    draw.text((width // 2 - 30, height - 18), "scans done", fill="#555555")
    draw.line([place(*point) for point in seen], fill="#1f5fbf", width=2)
    image.save(path, format="PNG")


def loop(root: Path, folder: Path, *more: str) -> tuple[float, float]:
    """Seconds of one after another, and those of its main thread at work."""
    idle, began = idle_seconds(), time.perf_counter()
    told = subprocess.check_output(
        [sys.executable, __file__, "--loop", str(root), str(folder / "loop"), *more],
        text=True,
        env=os.environ | PASSIVE,
    )
    seconds, busy = map(float, told.split())
    free = idle_share(idle, began)
    print(f"one after another: {seconds:.0f} s, main thread at work {busy:.0f} s{free}")
    return seconds, busy


def run(root: Path, out: Path, jobs: int, *more: str) -> tuple[Memory, float, float]:
    """The memory of `avs3d run` over time, its seconds, and those of all its processes at work."""
    idle, began, before = idle_seconds(), time.perf_counter(), os.times()
    process = subprocess.Popen([*command(root, out, jobs), *more])
    seen = watch(process, out)
    if process.returncode:
        raise SystemExit("the run failed")
    seconds, after = time.perf_counter() - began, os.times()
    busy = sum(after[2:4]) - sum(before[2:4])
    free = idle_share(idle, began)
    print(f"avs3d run {' '.join(more)}: {seconds:.0f} s, processes at work {busy:.0f} s{free}")
    return seen, seconds, busy


def idle_share(idle: float, began: float) -> str:
    """How much of the machine was free since then."""
    spent = (os.cpu_count() or 1) * (time.perf_counter() - began)
    return f" ({(idle_seconds() - idle) / spent:.0%} of the cores idle)"


def flatness(seen: Memory) -> str:
    """Memory at most, and whether it grows."""
    count = max(done for done, _ in seen)
    steady = [mib for done, mib in seen if done >= min(20, count // 4)]
    third = max(1, len(steady) // 3)
    first, last = np.median(steady[:third]), np.median(steady[-third:])
    return (
        f"memory: {max(steady):.0f} MiB at most, median {first:.0f} in the first third of the run,"
        f" {last:.0f} in the last"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sensor", default=SENSOR)
    parser.add_argument("--vocabulary", default="", help="words that are given")
    parser.add_argument("--only-run", action="store_true", help="not one after another")
    parser.add_argument("--out", type=Path, help="PNG of the memory")
    parser.add_argument("--loop", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loop:
        one_after_another(*options.loop, options.vocabulary)
        return 0
    count, jobs = options.scans, options.jobs
    with tempfile.TemporaryDirectory(prefix="avs3d-dataset-") as name:
        root, folder = Path(name, "root"), Path(name)
        write_root(root, count, options.sensor)
        words = ["--vocabulary", options.vocabulary] if options.vocabulary else []
        seen, seconds, busy = run(root, folder / "run", jobs, *words)
        print(flatness(seen), flush=True)
        if options.out is not None:
            plot(seen, options.out)
        if not options.only_run:
            few_scans = ["--match", f"00/00000[0-{jobs - 1}]"]
            _, _, few = run(root, folder / "few", jobs, *few_scans, *words)
            clock, main_thread = loop(root, folder, *words)
            by_work = (main_thread / count) / ((busy - few) / (count - jobs) / jobs)
            print(f"{count} scans: ratio {clock / seconds:.2f} by the clock, {by_work:.2f} by work")
        if not options.kills:
            return 0
        chance, longest = random.Random(options.seed), 2 * seconds / options.kills
        again = [*command(root, folder / "killed", jobs), *words]
        kill_until_done(again, options.kills, lambda: chance.uniform(0, longest))
        return compare(folder / "run" / "latest", folder / "killed" / "latest")


if __name__ == "__main__":
    raise SystemExit(main())
