"""Predictions as the servers and tools of a dataset take them: class ids in its own folders.

Layouts and ids are those of the published descriptions of nuScenes lidarseg, SemanticKITTI and
ScanNet's 3D semantic label benchmark.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avs3d.atomic import write_bytes, write_json
from avs3d.errors import UserError
from avs3d.labelsets import LabelSet, load
from avs3d.segmentation import UNLABELLED, Segmentation
from avs3d.vocabulary import Vocabulary

if TYPE_CHECKING:
    from avs3d.encoded import EncodedScan


@dataclass(frozen=True)
class Layout:
    """How a dataset wants predictions.

    Attributes:
        labelset: the classes.
        path: key of a scan, and the split -> path below the folder of predictions.
        encode: (N,) ids -> the file's bytes.
        about: path of a file that tells of the method, with `{split}` in it, or None.
    """

    labelset: str
    path: Callable[[str, str], str]
    encode: Callable[[np.ndarray], bytes]
    about: str | None = None


def _lines(ids: np.ndarray) -> bytes:
    return "".join(f"{value}\n" for value in ids.tolist()).encode()


LAYOUTS = {
    "nuscenes": Layout(
        "nuscenes-16",
        lambda key, split: f"lidarseg/{split}/{key}_lidarseg.bin",
        lambda ids: ids.astype(np.uint8).tobytes(),
        "{split}/submission.json",
    ),
    "semantickitti": Layout(
        "semantickitti",
        lambda key, split: "sequences/{}/predictions/{}.label".format(*key.split("/")),
        lambda ids: ids.astype("<u4").tobytes(),
    ),
    "scannet": Layout("scannet-20", lambda key, split: f"{key}.txt", _lines),
}
"""By the kind of dataset."""


def layout_of(kind: str) -> Layout:
    """Raises `UserError` where a dataset has no predictions of its own."""
    if kind not in LAYOUTS:
        raise UserError(f"--predictions: {kind} has no format of its own; {', '.join(LAYOUTS)} do")
    return LAYOUTS[kind]


def prediction(result: Segmentation, ids: np.ndarray, labels: LabelSet) -> np.ndarray:
    """(K,) the dataset's id of each point of the key frame; servers take no point without one.

    Args:
        result: whose words all mean a class.
        ids: (W,) class of each word.
        labels: the classes.
    """
    scan = result.scan
    label = result.label if scan.sweep is None else result.label[scan.sweep == 0]
    counts = np.bincount(label[label != UNLABELLED], minlength=len(ids))
    label = np.where(label == UNLABELLED, counts.argmax(), label)
    found: np.ndarray = np.array(labels.export_ids)[ids][label]
    return found


@dataclass(frozen=True)
class Predictions:
    """The predictions of a run.

    Attributes:
        folder: of them.
        kind: of the dataset.
        split: of the dataset, or ``all``.
        mapper: which class each word means, see `avs3d.evaluation.mappers.load_mapper`.
    """

    folder: Path
    kind: str
    split: str
    mapper: str

    def told(self) -> dict[str, str]:
        """Plain data for `run.json`, and for what a result was made from."""
        return {"kind": self.kind, "split": self.split, "mapper": self.mapper}

    @property
    def layout(self) -> Layout:
        return layout_of(self.kind)

    @property
    def labels(self) -> LabelSet:
        return load(self.layout.labelset)

    def path(self, key: str) -> Path:
        return self.folder / self.layout.path(key, self.split)

    def write(self, key: str, ids: np.ndarray) -> Path:
        """Write a scan's ids, see `prediction`."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_bytes(path, self.layout.encode(ids))

    def finish(self, uses_images: bool) -> None:
        """Write what tells of the method."""
        if self.layout.about is None:
            return
        path = self.folder / self.layout.about.format(split=self.split)
        path.parent.mkdir(parents=True, exist_ok=True)
        uses = {"use_camera": uses_images, "use_lidar": True, "use_radar": False, "use_map": False}
        write_json(path, {"meta": {**uses, "use_external": True}})


class Predictor:
    """Makes predictions of results: words become classes, and words that mean none give way.

    Args:
        wanted: of the run.

    Raises:
        UserError: there is no such mapper.
    """

    def __init__(self, wanted: Predictions) -> None:
        from avs3d.evaluation.mappers import Mapping, Targets, load_mapper

        self._labels = wanted.labels
        self._mapping = Mapping(load_mapper(wanted.mapper), Targets.of(self._labels))

    def __call__(self, encoded: EncodedScan, result: Segmentation) -> np.ndarray:
        """See `prediction`; where a word means no class its points get the next best that does.

        Raises:
            UserError: no word means a class.
        """
        ids = self._mapping.ids(result.vocabulary.words)
        if (ids < 0).any():
            kept = [word for word, i in zip(result.vocabulary.words, ids, strict=True) if i >= 0]
            if not kept:
                raise UserError(
                    f"{result.scan.path or result.scan.name}: no word means a class of"
                    f" {self._labels.name}: {', '.join(result.vocabulary.words[:5])}, …; give"
                    f" --vocabulary {self._labels.name}, or another --mapper"
                )
            result, ids = encoded.segment(Vocabulary(tuple(kept))), ids[ids >= 0]
        return prediction(result, ids, self._labels)
