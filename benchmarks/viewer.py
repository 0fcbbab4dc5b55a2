"""The viewer: how soon the cloud follows an edited vocabulary, what a large one costs, and use.

    python benchmarks/viewer.py [--events 10000] [--points 5000000] [--json FILE]

Four claims, each with something measured in the same run beside it:

- **edit**: 35,000 points, 40 words, one of which is new: from the edit to what the browsers are
  sent. Beside it the network's pass over that scan, which is not repeated: the ratio says how much
  sooner a word is tried than the scan is read again. Bar: 100 ms of processor time.
- **large**: a result of `--points` points: seconds until the page is ready and until details
  follow a camera, against copying the coordinates once; bytes that a browser is sent; the memory
  that it holds then, against the bytes of the result.
- **zoom**: a result of `--points` points opened in headless Chromium and come near to in three
  steps: the share of the picture that is drawn, connections lost, memory of the server.
- **use**: so many random events in headless Chromium (buttons, sliders, fields, the canvas, keys)
  on the viewer of the command: errors on the page and in the log, lost connections, and how the
  memory of the server grows. Needs playwright and a Chromium on the path; left out without.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

# As the command does, before torch is imported: threads that wait do not spin.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from engine.measure import resident_gb
from viewing.use import use
from viewing.zoom import zoom

import avs3d
from avs3d import Scan, Segmentation, Vocabulary
from avs3d.io import read, write
from avs3d.jobs import BatchConfig
from avs3d.report.scene import scene_server
from avs3d.viewer.app import App
from avs3d.viewer.cloud import BUDGET
from avs3d.viewer.shows import Results, Scans, Stored
from avs3d.viewer.subject import Edits

SHIPPED = Path(avs3d.__file__).parent / "data" / "street.npz"
POINTS, BAR = 35_000, 0.1  # of the edit: points; seconds
REPEATS = 7
WORDS = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign",
    "vegetation", "terrain", "person", "cyclist", "car", "truck", "bus", "train", "motorcycle",
    "bicycle", "trunk", "bench", "trash can", "traffic cone", "barrier", "street lamp", "bush",
    "hedge", "grass", "parking lot", "curb", "bridge", "stairs", "van", "trailer", "dog", "kiosk",
    "awning", "bollard", "mailbox", "scooter", "billboard",
)  # fmt: skip


def quiet(text: str) -> None:
    pass


def thinned(folder: Path, count: int) -> Path:
    """The shipped scan with so many of its points."""
    scan = read(SHIPPED)
    rows = np.random.default_rng(0).choice(len(scan), count, replace=False)
    some = scan.take(np.sort(rows))
    np.savez(folder / "scan.npz", points=some.points, intensity=some.intensity)
    return folder / "scan.npz"


def edit(folder: Path) -> dict[str, Any]:
    path = thinned(folder, POINTS)
    config = BatchConfig((str(path),), None, vocabulary=Vocabulary.from_words(WORDS[:-1]))
    times, passes = [], []
    with scene_server() as server:
        app = App(server, Scans(config, quiet))
        pipeline = app.subject.encoded.pipeline
        pipeline.words(("a word that loads the language model",))
        for _ in range(REPEATS):
            began = time.process_time()
            with app.lock:
                app.edit(Edits((*WORDS[:-1], f"{WORDS[-1]} {time.time_ns()}")))
            times.append(time.process_time() - began)
            began = time.process_time()
            pipeline.encode(app.subject.scan)
            passes.append(time.process_time() - began)
    return {
        "edit_s": min(times[1:]),
        "edit_median_s": float(np.median(times[1:])),
        "pass_s": min(passes),
    }


def large(folder: Path, count: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    points = rng.uniform(-200, 200, (count, 3)).astype(np.float32)
    result = Segmentation(
        Scan(points), rng.integers(0, 40, count), rng.uniform(0, 1, count), Vocabulary(WORDS),
        "street-mini",
    )  # fmt: skip
    path = write(result, folder / "large.npz")
    size = points.nbytes + result.label.nbytes + result.score.nbytes
    began = time.process_time()
    points.copy()
    copy = time.process_time() - began
    del points, result
    before = resident_gb("VmRSS")
    with scene_server() as server:
        began = time.process_time()
        app = App(server, Results([Stored(path)], BatchConfig((), None), quiet))
        ready = time.process_time() - began

        class Client:
            """What the cloud asks of a browser."""

            client_id = 0
            scene = server.scene
            camera = type("Camera", (), {"look_at": np.zeros(3), "position": np.full(3, 50.0)})

        began = time.process_time()
        app.cloud._detail(Client())  # type: ignore[arg-type]
        first = time.process_time() - began
        began = time.process_time()
        app.cloud._detail(Client())  # type: ignore[arg-type]
        detail = time.process_time() - began
        began = time.process_time()
        app.look.mode = "score"
        app.refresh()
        recolour = time.process_time() - began
        began = time.process_time()
        app.cloud.pick((0.0, 0.0, 300.0), (0.1, 0.0, -1.0))
        pick = time.process_time() - began
    return {
        "points": count, "ready_s": ready, "first_s": first, "detail_s": detail,
        "recolour_s": recolour, "pick_s": pick, "copy_s": copy, "sent_mb": 2 * BUDGET * 15 / 1e6,
        "memory_ratio": (resident_gb("VmRSS") - before) * 1e9 / size,
    }  # fmt: skip


def used(folder: Path, events: int) -> dict[str, Any] | None:
    scans = [thinned(folder, 5000)]
    scans.append(Path(shutil.copy(scans[0], folder / "again.npz")))
    return use(scans, WORDS[:12], folder / "log.txt", events)


def tell_use(told: dict[str, Any]) -> None:
    first, last = (told["memory_mb"][i] for i in (len(told["memory_mb"]) // 10, -1))
    print(
        f"use    {told['events']:,} events in {told['seconds']:.0f} s:"
        f" {len(told['page_errors'])} errors on the page, {told['log'].count('Traceback')} in the"
        f" log, {told['lost']} connections lost; the server held {first[1]} MB after"
        f" {first[0]:,} events and {last[1]} after {last[0]:,}"
    )
    print(told["log"][-1500:], *told["page_errors"], sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--points", type=int, default=5_000_000)
    parser.add_argument("--only", choices=("edit", "large", "zoom", "use"))
    parser.add_argument("--pictures", type=Path, help="folder for what zoom draws")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["AVS3D_CACHE"] = str(folder / "cache")  # each new word is one
        if args.only in (None, "edit"):
            found["edit"] = told = edit(folder)
            print(
                f"edit   {1000 * told['edit_s']:.0f} ms (median {1000 * told['edit_median_s']:.0f};"
                f" bar {1000 * BAR:.0f}); the network's pass takes"
                f" {told['pass_s'] / told['edit_s']:.1f} times as long"
            )
        if args.only in (None, "large"):
            found["large"] = told = large(folder, args.points)
            print(
                f"large  {told['points']:,} points: ready in {told['ready_s']:.2f} s, a browser has"
                f" its points in {told['first_s']:.2f} s, others follow in {told['detail_s']:.2f} s"
                f" ({told['detail_s'] / told['copy_s']:.0f} copies of the coordinates), other"
                f" colours in {told['recolour_s']:.2f} s, a click in {told['pick_s']:.2f} s;"
                f" {told['sent_mb']:.0f} MB are sent; memory {told['memory_ratio']:.1f} times the"
                " result"
            )
        if args.only in (None, "use"):
            found["use"] = done = used(folder, args.events)
            if done is None:
                print("use    needs playwright and a Chromium")
            else:
                tell_use(done)
        if args.only in (None, "zoom"):
            found["zoom"] = seen = zoom(args.pictures or folder, args.points)
            print("zoom  ", "needs playwright and a Chromium" if seen is None else seen)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
