"""What captioners learn from: `python pooled.py SCANS FOLDER NAME=[mean:]BUNDLE ...`.

In FOLDER, as `avs3d train captioner` reads them: `captions.json` with true captions of sectors of
simulated scans, and for each way of pooling the embeddings of the same sectors, `NAME.pt`. Every
scan is cut three times, each time turned at random, in 6 to 16 sectors, as SMAP is used.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from poolings import Near, Poolings, scans

from avs3d.published.smap import ImageFeatures, write_image_features
from avs3d.published.texts import write_captions
from avs3d.simulation.words.captions import write
from avs3d.simulation.words.lexicon import lexicon
from avs3d.simulation.words.salience import salient
from avs3d.views import lidar_sectors

CUTS, CAPTIONS = 3, 4


def main(folder: Path, out: Path, ways: dict[str, str]) -> None:
    poolings = Poolings(list(ways.values()))
    told: dict[str, dict[str, str]] = {}
    names: list[str] = []
    rows: dict[str, list[np.ndarray]] = {way: [] for way in ways}
    for number, scan in enumerate(scans(folder)):
        rng = np.random.default_rng(number)
        sectors = np.concatenate([cut(scan.points, rng) for _ in range(CUTS)], 1)
        found = poolings(scan, sectors)
        of_scan = {
            f"{view}.{place}": (view, text)
            for view in range(sectors.shape[1])
            for place, text in enumerate(captions(scan, sectors[:, view], rng))
        }
        told[scan.name] = {name: text for name, (_, text) in of_scan.items()}
        names += [f"{scan.name}_{name}" for name in of_scan]
        views = [view for view, _ in of_scan.values()]
        for way, bundle in ways.items():
            rows[way].append(found[bundle].numpy()[views])
    out.mkdir(parents=True, exist_ok=True)
    write_captions(out / "captions.json", told, overwrite=True)
    for way, parts in rows.items():
        features = ImageFeatures(tuple(names), np.concatenate(parts).astype(np.float32))
        write_image_features(out / f"{way}.pt", features, overwrite=True)
    print(f"{len(told)} scans, {len(names):,} captions")


def cut(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N, V) bool, sectors from a random direction on."""
    yaw = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    return lidar_sectors(points[:, :2] @ turn.T, int(rng.integers(6, 17)))


def captions(scan: Near, rows: np.ndarray, rng: np.random.Generator) -> list[str]:
    """Different true ones of a view; none where nothing is seen."""
    things = salient(scan.points[rows], scan.kinds[rows], scan.objects[rows])
    if not things:
        return []
    return sorted({write(things, rng, lexicon()) for _ in range(CAPTIONS)} - {""})


if __name__ == "__main__":
    pairs = (argument.split("=", 1) for argument in sys.argv[3:])
    main(Path(sys.argv[1]), Path(sys.argv[2]), dict(pairs))
