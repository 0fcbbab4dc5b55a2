"""Views of simulated scans as SMAP learns them: `python views.py SCANS FOLDER`.

SCANS is a folder of `avs3d.simulation`. In FOLDER: `scenes/` with the points within 25 m of the
sensor, and in the published layouts, as if each of 8 azimuth sectors were what a camera sees, the
mean of the embeddings of four true captions in the place of the image's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from avs3d.published.smap import ImageFeatures, write_camera_masks, write_image_features
from avs3d.simulation.dataset import load
from avs3d.simulation.words.captions import write
from avs3d.simulation.words.lexicon import lexicon
from avs3d.simulation.words.salience import salient
from avs3d.text import SentenceEncoder
from avs3d.views import lidar_sectors

REACH, SECTORS, CAPTIONS, LEAST = 25.0, 8, 4, 3000


def make(scans: Path, folder: Path) -> None:
    masks: dict[str, np.ndarray] = {}
    names: list[str] = []
    texts: list[list[str]] = []
    for number, file in enumerate(sorted(scans.glob("scan_*.npz"))):
        scan, rng = load(file), np.random.default_rng(number)
        near = np.hypot(scan.points[:, 0], scan.points[:, 1]) < REACH
        if near.sum() < LEAST:
            continue
        points, kinds, objects = scan.points[near], scan.category[near], scan.instance[near]
        scene = folder / "scenes" / file.stem
        scene.mkdir(parents=True, exist_ok=True)
        np.save(scene / "coord.npy", points)
        np.save(scene / "segment.npy", kinds.astype(np.int16))
        np.save(scene / "strength.npy", scan.intensity[near].astype(np.float32))
        np.save(scene / "instance.npy", objects.astype(np.int32))
        sectors = lidar_sectors(points, SECTORS)
        for view, rows in enumerate(sectors.T):
            things = salient(points[rows], kinds[rows], objects[rows])
            captions = [write(things, rng, lexicon()) for _ in range(CAPTIONS if things else 0)]
            texts.append([caption for caption in captions if caption] or [""])
            names.append(f"{file.stem}_{view}")
            sectors[:, view] &= bool(texts[-1][0])
        masks[file.stem] = np.packbits(sectors, axis=1, bitorder="little")[:, 0]
    rows = SentenceEncoder("minilm").encode([text for view in texts for text in view])
    parts = np.split(rows, np.cumsum([len(view) for view in texts])[:-1])
    means = np.stack([part.mean(0) for part in parts]).astype(np.float32)
    images = ImageFeatures(tuple(names), means)
    write_image_features(folder / "cached_img_clip_feature_train.pt", images, overwrite=True)
    write_camera_masks(folder / "nuscenes_camera_id_mask_train.pkl", masks, overwrite=True)


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
