"""Small made scenes of four kinds of things, in scene folders: `python yards.py FOLDER COUNT SEED`.

A patch of uneven ground of 10 x 10 m with two cars, two trees and a shed of `avs3d.simulation`,
none of them twice; points are drawn on all surfaces, as a scanner that is carried around sees
them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from avs3d.simulation.shapes.buildings import building
from avs3d.simulation.shapes.cars import car
from avs3d.simulation.shapes.mesh import Template
from avs3d.simulation.shapes.trees import any_broadleaf

CLASSES = ("ground", "car", "tree", "building")
SIDE = 10.0
ON_THE_GROUND, ON_A_THING = 1500, 600  # points
TALLEST = 5.0


def yard(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) float32 metres and (N,) int16 classes."""
    ground = np.zeros((ON_THE_GROUND, 3))
    ground[:, :2] = rng.uniform(-SIDE / 2, SIDE / 2, (ON_THE_GROUND, 2))
    slope, wave = rng.normal(0, 0.02, 2), rng.uniform(0, 0.1)
    ground[:, 2] = ground[:, :2] @ slope + wave * np.sin(ground[:, 0] + rng.uniform(0, 6))
    points, labels = [ground], [np.zeros(ON_THE_GROUND, np.int16)]
    things = [(1, car(rng)), (1, car(rng)), (2, any_broadleaf(rng)), (2, any_broadleaf(rng)),
              (3, building(rng, rng.uniform(2.5, 4), "shed"))]  # fmt: skip
    places = np.array([(-3, -3), (3, -3), (-3, 3), (3, 3), (0, 0)])[rng.permutation(5)]
    for (kind, thing), place in zip(things, places, strict=True):
        on = surface(thing, ON_A_THING, rng)
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = (on[:, :2].min(0) + on[:, :2].max(0)) / 2
        on[:, :2] = (on[:, :2] - middle) @ turn.T + place + rng.uniform(-0.5, 0.5, 2)
        on = on[(on[:, 2] < TALLEST) & (on[:, 2] > 0.02)]
        points.append(on)
        labels.append(np.full(len(on), kind, np.int16))
    cloud = np.concatenate(points)
    return (cloud + rng.normal(0, 0.01, cloud.shape)).astype(np.float32), np.concatenate(labels)


def surface(thing: Template, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 3) points that are spread evenly over the faces."""
    a, b, c = (thing.vertices[thing.faces[:, corner]].astype(np.float64) for corner in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    face = rng.choice(len(area), count, p=area / area.sum())
    u, v = rng.random((2, count, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    return a[face] + u * (b - a)[face] + v * (c - a)[face]


def make(folder: Path, count: int, seed: int) -> None:
    for number in range(count):
        points, labels = yard(np.random.default_rng([seed, number]))
        scene = folder / f"yard_{seed}_{number:04d}"
        scene.mkdir(parents=True, exist_ok=True)
        np.save(scene / "coord.npy", points)
        np.save(scene / "segment.npy", labels)


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
