"""Fusion of six camera images: time and memory, against the tower's plain forward pass.

    python benchmarks/fusion.py [--points 35000] [--threads 1] [--tower B/32] [--json FILE]

CLIP's vision towers of two published sizes, with random weights, in a process each; six images of
1600 x 900 that look all around, and points at random around them. "ratio" is the time of `fuse` an
image over the time that transformers' own forward pass takes for as many windows, in processor
time, since the machine is shared; below 1.0 is possible, since most of the last block is not run.
"GB" is the peak of `fuse` above what the process held with the model in memory, "result" what of
it are the features that come out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from engine.measure import alone, peak_above
from PIL import Image
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from avs3d import Camera, Scan
from avs3d.fusion import Fused, fuse
from avs3d.vision import ClipVision
from avs3d.vision.clip import cells, starts

MEMORY = 1.0  # GB, at most
WIDTH, HEIGHT, CAMERAS = 1600, 900, 6
TOWERS: dict[str, dict[str, int]] = {
    "B/32": {"image_size": 224, "patch_size": 32, "projection_dim": 512},
    "L/14-336": {
        "image_size": 336,
        "patch_size": 14,
        "projection_dim": 768,
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
    },
}


def make_tower(folder: Path, name: str) -> None:
    """In a process of its own, so that no memory of the making is left."""
    torch.manual_seed(0)
    config = CLIPVisionConfig(**TOWERS[name])
    CLIPVisionModelWithProjection(config).save_pretrained(folder)
    images = {"image_processor_type": "CLIPImageProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(images))


def make_scan(folder: Path, points: int) -> Scan:
    rng = np.random.default_rng(0)
    cameras = []
    for i in range(CAMERAS):
        path = folder / f"{i}.jpg"
        coarse = rng.integers(0, 256, (9, 16, 3)).astype(np.uint8)
        Image.fromarray(coarse).resize((WIDTH, HEIGHT)).save(path)
        c, s = np.cos(i * np.pi / 3), np.sin(i * np.pi / 3)
        pose = [[s, -c, 0, 0], [0, 0, -1, 0], [c, s, 0, 0], [0, 0, 0, 1]]
        K = [[1266.0, 0, 800], [0, 1266, 450], [0, 0, 1]]
        cameras.append(Camera(str(i), path, np.array(K), np.array(pose), (WIDTH, HEIGHT)))
    cloud = rng.uniform([-40, -40, -2], [40, 40, 3], (points, 3))
    return Scan(cloud, cameras=tuple(cameras))


@torch.inference_mode()
def plain(model: Any, windows: int) -> None:
    side = model.config.image_size
    for start in range(0, windows, 4):
        model(pixel_values=torch.zeros(min(4, windows - start), 3, side, side))


def measure(place: str, points: int, threads: int) -> dict[str, Any]:
    """In a process of its own: seconds an image of both, and the memory of fusing all."""
    torch.set_num_threads(threads)
    clip = ClipVision(place)
    model = clip._loaded[1]
    sum(float(weight.detach().sum()) for weight in model.parameters())  # all of it is in memory now
    side = model.config.image_size // model.config.patch_size
    shape = cells((HEIGHT, WIDTH), side)
    windows = len(starts(shape[0], side)) * len(starts(shape[1], side))
    fused: list[Fused] = []
    times: dict[str, float] = {}

    def timed(what: str, call: Callable[[], object]) -> None:
        began = time.process_time()
        call()
        times[what] = time.process_time() - began

    with tempfile.TemporaryDirectory() as folder:
        scan = make_scan(Path(folder), points)
        timed("before", lambda: plain(model, windows))
        peak = peak_above(lambda: timed("fuse", lambda: fused.append(fuse(scan, clip))))
        timed("after", lambda: plain(model, windows))
    assert not fused[0].left_out, fused[0].left_out
    own, limit = times["fuse"] / CAMERAS, min(times["before"], times["after"])
    return {
        "cells": shape,
        "windows": windows,
        "seen": len(fused[0].features.features),
        "seconds": own,
        "plain": limit,
        "ratio": own / limit,
        "gb": peak,
        "result": fused[0].features.features.nbytes / 1e9,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--points", type=int, default=35_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tower", choices=TOWERS, help="only this one")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = {}
    print(
        f"{args.points:,} points, {CAMERAS} images of {WIDTH} x {HEIGHT}\n\n"
        f"{'tower':10}{'cells':>8}{'windows':>9}{'seen':>9}{'s/image':>9}{'plain':>8}{'ratio':>7}"
        f"{'GB':>7}{'result':>8}"
    )
    for name in [args.tower] if args.tower else TOWERS:
        with tempfile.TemporaryDirectory() as folder:
            alone(make_tower, Path(folder), name)
            row = found[name] = alone(measure, folder, args.points, args.threads)
        shape = "{} x {}".format(*row["cells"])
        gb = "-" if row["gb"] is None else f"{row['gb']:.2f}"
        missed = "   missed" if (row["gb"] or 0) > MEMORY else ""
        print(
            f"{name:10}{shape:>8}{row['windows']:9}{row['seen']:9,}{row['seconds']:9.2f}"
            f"{row['plain']:8.2f}{row['ratio']:7.2f}{gb:>7}{row['result']:8.2f}{missed}",
            flush=True,
        )
    print(f"{'bar':10}{'':50}{MEMORY:7.2f}")
    if args.json:
        args.json.write_text(json.dumps({"points": args.points, **found}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
