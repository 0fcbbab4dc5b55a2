"""Predictions in the formats of SemanticKITTI and nuScenes: a class id of the dataset per point."""

from __future__ import annotations

import numpy as np

from avs3d.io.facts import Facts
from avs3d.io.result import UnwritableError
from avs3d.labelsets import LabelSet, load, plain
from avs3d.segmentation import Segmentation

FACTS = Facts(
    "labels of SemanticKITTI, of nuScenes lidarseg",
    "the dataset's id of each point's class",
    "where all words are classes: `--vocabulary semantickitti`, `--vocabulary nuscenes-16`",
)

_LISTED = 5


def encode_semantickitti(segmentation: Segmentation) -> bytes:
    """``.label`` of the key frame: (N,) little-endian uint32 of SemanticKITTI, 0 unlabelled."""
    return _ids(segmentation, load("semantickitti")).astype("<u4").tobytes()


def encode_lidarseg(segmentation: Segmentation) -> bytes:
    """``_lidarseg.bin`` of the key frame: (N,) uint8 of nuScenes' challenge, 0 unlabelled."""
    return _ids(segmentation, load("nuscenes-16")).astype(np.uint8).tobytes()


def _ids(segmentation: Segmentation, labels: LabelSet) -> np.ndarray:
    """(N,) ids of the points of the key frame; case, ``-`` and ``_`` do not count in names."""
    known = dict(zip(map(plain, labels.classes), labels.export_ids, strict=True))
    words = segmentation.vocabulary.words
    if foreign := [word for word in words if plain(word) not in known]:
        listed = ", ".join(foreign[:_LISTED]) + (", …" if len(foreign) > _LISTED else "")
        raise UnwritableError(
            f"no classes of {labels.name}: {listed}; segment with --vocabulary {labels.name},"
            " or write another format"
        )
    ids = [known[plain(word)] for word in words]
    found: np.ndarray = np.array([*ids, 0])[segmentation.label]
    sweep = segmentation.scan.sweep
    return found if sweep is None else found[sweep == 0]
