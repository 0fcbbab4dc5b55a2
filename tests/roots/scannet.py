"""ScanNet as it is downloaded, its frames as its own tool exports them; OpenScene's version."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import torch
from plyfile import PlyData, PlyElement

from roots.scene import AHEAD, COUNT, WORLD, depths, picture, put, rigid

NYU40 = np.array([1, 2, 5, 0, 40, 7])
"""Ids of the names below, which repeat over the vertices."""
NAMES = ("wall", "floor", "office chair", "", "toilet paper dispenser", "table")
IDS = (1, 3, 10, 0, 163, 4)
COLOURS = np.arange(3 * COUNT).reshape(COUNT, 3) % 256
FRAMES = 41
DEPTH = 14_000
"""Millimetres, everywhere in an image."""


def camera_pose(frame: int) -> np.ndarray:
    """(4, 4) world from camera; lost in every 20th frame but the first."""
    if frame and frame % 20 == 0 and frame != 40:
        return np.full((4, 4), -np.inf)
    return rigid(0.01 * frame, (0.1 * frame, 0, 1.5)) @ np.linalg.inv(AHEAD)


def mesh(labels: np.ndarray | None = None) -> bytes:
    """Vertices with colours, and faces; with `labels` as in ``.labels.ply``."""
    kinds = [(axis, "f4") for axis in "xyz"]
    kinds += [(name, "u1") for name in ("red", "green", "blue", "alpha")]
    vertices = np.zeros(COUNT, kinds if labels is None else [*kinds, ("label", "u2")])
    for axis, values in zip("xyz", WORLD.T, strict=True):
        vertices[axis] = values
    for name, values in zip(("red", "green", "blue"), COLOURS.T, strict=True):
        vertices[name] = values
    if labels is not None:
        vertices["label"] = labels
    faces = np.array([([0, 1, 2],), ([1, 2, 3],)], dtype=[("vertex_indices", "i4", (3,))])
    stream = io.BytesIO()
    elements = [PlyElement.describe(vertices, "vertex"), PlyElement.describe(faces, "face")]
    PlyData(elements, byte_order="<").write(stream)
    return stream.getvalue()


def write(root: Path) -> Path:
    """Two scenes of training, one for tests; only scene0000_00 has frames."""
    for name in ("scene0000_00", "scene0001_00"):
        scene = root / "scans" / name
        put(scene / f"{name}_vh_clean_2.ply", mesh())
        labels = NYU40[np.arange(COUNT) % len(NYU40)]
        put(scene / f"{name}_vh_clean_2.labels.ply", mesh(labels))
        segments = {"sceneId": name, "segIndices": [100 + n % len(NAMES) for n in range(COUNT)]}
        put(scene / f"{name}_vh_clean_2.0.010000.segs.json", json.dumps(segments))
        groups = [
            {"id": n, "objectId": n, "segments": [100 + n], "label": label}
            for n, label in enumerate(NAMES) if label
        ]  # fmt: skip
        told = {"sceneId": f"scannet.{name}", "appId": "Aggregator.v2", "segGroups": groups}
        put(scene / f"{name}.aggregation.json", json.dumps(told))
    put(root / "scans_test" / "scene0707_00" / "scene0707_00_vh_clean_2.ply", mesh())
    table = "id\traw_category\tcategory\tcount\tnyu40id\n"
    for number, name, nyu in zip(IDS, NAMES, NYU40, strict=True):
        table += f"{number}\t{name}\t{name}\t8\t{nyu}\n" if name else ""
    put(root / "scannetv2-labels.combined.tsv", table)
    put(root / "scannetv2_train.txt", "scene0000_00\nscene0001_00\n")
    put(root / "scannetv2_val.txt", "scene0568_00\n")
    put(root / "scannetv2_test.txt", "scene0707_00\n")
    _frames(root / "scans" / "scene0000_00")
    return root


def _frames(scene: Path) -> None:
    colour, depth = picture(1296, 968), depths(640, 480, DEPTH)
    for frame in range(FRAMES):
        put(scene / "color" / f"{frame}.jpg", colour)
        put(scene / "depth" / f"{frame}.png", depth)
        lines = (" ".join(f"{value:.6f}" for value in row) for row in camera_pose(frame))
        put(scene / "pose" / f"{frame}.txt", "\n".join(lines) + "\n")
    for name in ("color", "depth"):
        matrix = "1170.19 0 647.75 0\n0 1170.19 483.75 0\n0 0 1 0\n0 0 0 1\n"
        put(scene / "intrinsic" / f"intrinsic_{name}.txt", matrix)


def write_openscene(root: Path, dataset: str = "scannet") -> Path:
    """OpenScene's 3D and 2D folders: classes by their index, 255 for none."""
    classes = np.array([0, 1, 4, 255])[np.arange(COUNT) % 4].astype(np.uint8)
    for part, name in (("train", "scene0000_00"), ("val", "scene0011_00")):
        file = root / f"{dataset}_3d" / part / f"{name}_vh_clean_2.pth"
        file.parent.mkdir(parents=True, exist_ok=True)
        colours = (COLOURS / 127.5 - 1).astype("f4")
        torch.save((WORLD.astype("f4"), colours, classes), file)
        scene = root / f"{dataset}_2d" / part / name
        for frame in (0, 20, 100):
            put(scene / "color" / f"{frame}.jpg", picture())
            put(scene / "depth" / f"{frame}.png", depths(32, 18, DEPTH))
            np.savetxt(_above(scene / "pose" / f"{frame}.txt"), camera_pose(frame % 7))
    text = "577.87 0 319.5 0\n0 577.87 239.5 0\n0 0 1 0\n0 0 0 1\n"
    put(root / f"{dataset}_2d" / "intrinsics.txt", text)
    return root


def _above(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
