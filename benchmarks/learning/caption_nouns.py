"""Nouns of captions of views against what lies there: `python caption_nouns.py SCANS BUNDLE ...`.

Every bundle's SMAP, and the plain mean of the same features, are decoded by the same captioner,
greedily, for 12 sectors of each scan. A thing that is seen well must be named (recall); a noun must
name something of which the sector has five points (precision).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from avs3d.bundle import Bundle
from avs3d.captioning import load_captioner
from avs3d.inputs import point_inputs
from avs3d.scan import Scan
from avs3d.simulation.categories import CATEGORY_ID
from avs3d.simulation.dataset import load
from avs3d.simulation.words.lexicon import lexicon
from avs3d.simulation.words.salience import salient
from avs3d.sparse import Level, SparseTensor, pool_by_mask, voxelize
from avs3d.views import lidar_sectors

SECTORS, HELD, REACH = 12, 5, 25.0
LENGTH = 0.75  # of the mean: the middle of what the captioner was trained on


def main(scans: Path, names: list[str]) -> None:
    bundles = [Bundle.load(name) for name in names]
    captioner = load_captioner(Bundle.load("street-mini"))
    counts = {name: np.zeros(4) for name in ["mean", *names]}
    for file in sorted(scans.glob("scan_*.npz")):
        scan = load(file)
        near = np.hypot(scan.points[:, 0], scan.points[:, 1]) < REACH
        points, kinds, objects = scan.points[near], scan.category[near], scan.instance[near]
        if len(points) < 3000:
            continue
        sectors = lidar_sectors(points, SECTORS)
        found = embeddings(bundles, Scan(points, scan.intensity[near]), sectors)
        for name, rows in found.items():
            texts = captioner.captions(rows)
            for view, text in enumerate(texts):
                inside = sectors[:, view]
                if inside.any():
                    counts[name] += score(text, points[inside], kinds[inside], objects[inside])
    print(f"{'pooling':<40}{'recall':>8}{'precision':>11}{'F1':>8}")
    for name, (said, there, true, named) in counts.items():
        recall, precision = said / max(there, 1), true / max(named, 1)
        f1 = 2 * recall * precision / max(recall + precision, 1e-9)
        print(f"{name:<40}{recall:8.3f}{precision:11.3f}{f1:8.3f}", flush=True)


@torch.inference_mode()
def embeddings(bundles: list[Bundle], scan: Scan, sectors: np.ndarray) -> dict[str, np.ndarray]:
    """(V, D) of each way of pooling; all bundles have one network."""
    first = bundles[0]
    voxels = voxelize(scan.points - scan.points.min(0), first.config.voxel_size)
    values = voxels.mean(torch.from_numpy(point_inputs(scan, first.config.inputs)))
    coords = torch.cat([torch.zeros(len(values), 1, dtype=torch.long), voxels.coords], 1)
    trunk = first.network.trunk(SparseTensor(values, Level(coords)))
    masks = torch.zeros(len(values), SECTORS, dtype=torch.bool)
    for view in range(SECTORS):
        masks[voxels.inverse[torch.from_numpy(sectors[:, view])], view] = True
    kernel = first.network.final.kernel
    unit = F.normalize(trunk.features @ kernel, dim=1)
    found = {"mean": (LENGTH * F.normalize(pool_by_mask(unit, masks), dim=1)).numpy()}
    for bundle in bundles:
        assert bundle.pooling is not None
        positioned = bundle.pooling.position(trunk, kernel)
        found[str(bundle.folder)] = bundle.pooling.pool(positioned, masks).numpy()
    return found


def score(text: str, points: np.ndarray, kinds: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Things seen well that are named, and all; nouns that are true, and all."""
    lex = lexicon()
    there = {CATEGORY_ID[thing.category] for thing in salient(points, kinds, objects)}
    held = set(np.flatnonzero(np.bincount(kinds) >= HELD).tolist())
    said = [lex.names(word) for word in lex.find(text)]
    named = frozenset().union(*said)
    true = sum(bool(names & held) for names in said)
    return np.array([len(there & named), len(there), true, len(said)], float)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
