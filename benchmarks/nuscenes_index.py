"""How long opening all of nuScenes takes, and how much memory: made-up tables of the full size.

    python benchmarks/nuscenes_index.py [--samples 34149] [--sweeps 10]

850 scenes, 12 sensors, 77 rows of sample_data and of ego_pose a sample, in the official layout:
together 1.9 GB, written to a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SCENES = 850
ROWS = {"LIDAR_TOP": 10, **{f"CAM_{name}": 6 for name in (
    "BACK", "BACK_LEFT", "BACK_RIGHT", "FRONT", "FRONT_LEFT", "FRONT_RIGHT"
)}} | {f"RADAR_{name}": count for name, count in zip(
    ("FRONT", "FRONT_LEFT", "FRONT_RIGHT", "BACK_LEFT", "BACK_RIGHT"), (7, 6, 6, 6, 6), strict=True
)}  # fmt: skip
ENDINGS = {"LIDA": ("pcd", ".pcd.bin"), "CAM_": ("jpg", ".jpg"), "RADA": ("pcd", ".pcd")}


def token(*what: object) -> str:
    return f"{hash(what) & (1 << 128) - 1:032x}"


def sample_data(samples: int) -> Iterator[tuple[str, str]]:
    """The rows of sample_data and of ego_pose."""
    per_scene = samples // SCENES
    for index in range(samples):
        scene, sample = index // per_scene, token("sample", index)
        for channel, count in ROWS.items():
            kind, ending = ENDINGS[channel[:4]]
            for step in range(count):
                number = index * count + step
                own = token(channel, number)
                first = number % (per_scene * count) == 0
                moment = 1532402927000000 + index * 500000 + step * 500000 // count
                key = step == count - 1
                before = "" if first else token(channel, number - 1)
                folder = "samples" if key else "sweeps"
                file = (
                    f"{folder}/{channel}/n015-2018-07-24-11-22-45+0800__{channel}__{moment}{ending}"
                )
                width, height = (1600, 900) if kind == "jpg" else (0, 0)
                yield (
                    f'{{\n"token": "{own}",\n"sample_token": "{sample}",\n'
                    f'"ego_pose_token": "{own}",'
                    f'\n"calibrated_sensor_token": "{token("calibrated", scene, channel)}",\n'
                    f'"timestamp": {moment},\n"fileformat": "{kind}",\n'
                    f'"is_key_frame": {str(key).lower()},\n"height": {height},\n"width": {width},\n'
                    f'"filename": "{file}",\n"prev": "{before}",'
                    f'\n"next": "{token(channel, number + 1)}"\n}}',
                    f'{{\n"token": "{own}",\n"timestamp": {moment},\n"rotation": [\n'
                    "0.5731787718287827,\n-0.0015811634307974854,\n0.013859363182046986,\n"
                    '-0.8193116095230444\n],\n"translation": [\n410.77878632230204,\n'
                    "1179.4673290964536,\n0.0\n]\n}",
                )


def write_tables(folder: Path, samples: int) -> None:
    per_scene = samples // SCENES
    small: dict[str, list[dict[str, object]]] = {
        "sensor": [{"token": channel, "channel": channel} for channel in ROWS],
        "calibrated_sensor": [
            {"token": token("calibrated", scene, channel), "sensor_token": channel,
             "rotation": [1.0, 0.0, 0.0, 0.0], "translation": [0.9, 0.0, 1.8],
             "camera_intrinsic": [[1266.4, 0, 816.3], [0, 1266.4, 491.5], [0, 0, 1]]}
            for scene in range(SCENES + 1) for channel in ROWS
        ],
        "scene": [
            {"token": token("scene", n), "name": f"scene-{n:04}",
             "first_sample_token": token("sample", n * per_scene)} for n in range(SCENES)
        ],
        "sample": [
            {"token": token("sample", n), "timestamp": 0, "prev": "", "scene_token": "",
             "next": token("sample", n + 1) if (n + 1) % per_scene and n + 1 < samples else ""}
            for n in range(samples)
        ],
    }  # fmt: skip
    for name, rows in small.items():
        (folder / f"{name}.json").write_text(json.dumps(rows, indent=0))
    with (
        open(folder / "sample_data.json", "w") as data,
        open(folder / "ego_pose.json", "w") as poses,
    ):
        between = "[\n"
        for row, pose in sample_data(samples):
            data.write(between + row)
            poses.write(between + pose)
            between = ",\n"
        data.write("\n]")
        poses.write("\n]")


def measure(root: Path, sweeps: int) -> None:
    """Runs in a process of its own, whose memory is the reader's alone."""
    from avs3d.datasets import open_dataset

    start, busy = time.perf_counter(), time.process_time()
    dataset = open_dataset(root, sweeps=sweeps)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"sweeps={sweeps}: {len(dataset):,} scans in {seconds:.1f} s ({busy:.1f} s of work),"
        f" {peak:.2f} GiB at most"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=34149)
    parser.add_argument("--sweeps", type=int, nargs="*", default=[1, 10])
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure, arguments.sweeps[0])
        return
    with tempfile.TemporaryDirectory() as folder:
        tables = Path(folder, "v1.0-trainval")
        tables.mkdir()
        write_tables(tables, arguments.samples)
        size = sum(path.stat().st_size for path in tables.iterdir()) / 1e9
        print(f"{size:.2f} GB of tables")
        for sweeps in arguments.sweeps:
            command = [sys.executable, __file__, "--measure", folder, "--sweeps", str(sweeps)]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
