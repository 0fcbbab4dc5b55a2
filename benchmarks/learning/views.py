"""Views of simulated scans as SMAP learns them: `python views.py SCANS FOLDER`.

SCANS is a folder of `avs3d.simulation`. In FOLDER: `scenes/` with the points within 25 m of the
sensor, and in the published layouts, as if each of 8 azimuth sectors were what a camera sees, the
mean of the embeddings of four true captions in the place of the image's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from poolings import scans

from avs3d.published.smap import ImageFeatures, write_camera_masks, write_image_features
from avs3d.simulation.words.captions import write
from avs3d.simulation.words.lexicon import lexicon
from avs3d.simulation.words.salience import salient
from avs3d.text import SentenceEncoder
from avs3d.views import lidar_sectors

SECTORS, CAPTIONS = 8, 4


def make(source: Path, folder: Path) -> None:
    masks: dict[str, np.ndarray] = {}
    names: list[str] = []
    texts: list[list[str]] = []
    for number, scan in enumerate(scans(source)):
        rng, points = np.random.default_rng(number), scan.points
        scene = folder / "scenes" / scan.name
        scene.mkdir(parents=True, exist_ok=True)
        np.save(scene / "coord.npy", points)
        np.save(scene / "segment.npy", scan.kinds.astype(np.int16))
        np.save(scene / "strength.npy", scan.intensity.astype(np.float32))
        np.save(scene / "instance.npy", scan.objects.astype(np.int32))
        sectors = lidar_sectors(points, SECTORS)
        for view, rows in enumerate(sectors.T):
            things = salient(points[rows], scan.kinds[rows], scan.objects[rows])
            captions = [write(things, rng, lexicon()) for _ in range(CAPTIONS if things else 0)]
            texts.append([caption for caption in captions if caption] or [""])
            names.append(f"{scan.name}_{view}")
            sectors[:, view] &= bool(texts[-1][0])
        masks[scan.name] = np.packbits(sectors, axis=1, bitorder="little")[:, 0]
    rows = SentenceEncoder("minilm").encode([text for view in texts for text in view])
    parts = np.split(rows, np.cumsum([len(view) for view in texts])[:-1])
    means = np.stack([part.mean(0) for part in parts]).astype(np.float32)
    images = ImageFeatures(tuple(names), means)
    write_image_features(folder / "cached_img_clip_feature_train.pt", images, overwrite=True)
    write_camera_masks(folder / "nuscenes_camera_id_mask_train.pkl", masks, overwrite=True)


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
