"""Parts of simulated LiDAR scans in scene folders: `python streets.py FOLDER COUNT SEED`.

What a spinning LiDAR with 32 beams has within 20 m, in four broad kinds; what is of none of them
has no class. Every scan is of another world.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from avs3d.simulation import simulate
from avs3d.simulation.categories import CATEGORIES

SENSOR, REACH, LEAST = "nuscenes-32", 20.0, 3000  # metres, points
KINDS = {
    "ground": ("road", "sidewalk", "curb", "grass", "soil", "traffic island", "parking lot",
               "puddle", "mud", "concrete", "snow", "water", "railway track"),
    "building": ("building", "wall", "bridge", "tunnel", "container", "kiosk"),
    "plant": ("tree", "trunk", "bush", "hedge", "tall grass"),
    "vehicle": ("car", "van", "truck", "bus", "trailer", "construction vehicle", "train",
                "pickup truck", "tractor", "crane", "excavator", "forklift", "golf cart"),
}  # fmt: skip


def make(folder: Path, count: int, seed: int) -> None:
    kind = np.full(256, 255, np.uint8)
    for number, names in enumerate(KINDS.values()):
        kind[[CATEGORIES.index(name) for name in names]] = number
    made = 0
    while made < count:
        scan = simulate(seed, SENSOR)
        near = np.hypot(scan.points[:, 0], scan.points[:, 1]) < REACH
        if near.sum() >= LEAST:
            scene = folder / f"street_{seed}"
            scene.mkdir(parents=True, exist_ok=True)
            np.save(scene / "coord.npy", scan.points[near])
            np.save(scene / "segment.npy", kind[scan.category[near]].astype(np.int16))
            made += 1
        seed += 1


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
