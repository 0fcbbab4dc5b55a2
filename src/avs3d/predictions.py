"""Predictions as the servers and tools of a dataset take them: class ids in its own folders.

Layouts and ids are those of the published descriptions of nuScenes lidarseg, SemanticKITTI and
ScanNet's 3D semantic label benchmark.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from avs3d.atomic import remove_leftovers, write_bytes, write_json
from avs3d.errors import UserError
from avs3d.labelsets import LabelSet, load
from avs3d.segmentation import UNLABELLED, Segmentation
from avs3d.vocabulary import Vocabulary

if TYPE_CHECKING:
    from avs3d.encoded import EncodedScan
    from avs3d.sequence import Evidence


@dataclass(frozen=True)
class Layout:
    """How a dataset wants predictions.

    Attributes:
        path: key of a scan, and the split -> path below the folder of predictions.
        encode: (N,) ids -> the file's bytes.
        about: path of a file that tells of the method, with `{split}` in it, or None.
    """

    path: Callable[[str, str], str]
    encode: Callable[[np.ndarray], bytes]
    about: str | None = None


def _lines(ids: np.ndarray) -> bytes:
    return "".join(f"{value}\n" for value in ids.tolist()).encode()


LAYOUTS = {
    "nuscenes": Layout(
        lambda key, split: f"lidarseg/{split}/{key}_lidarseg.bin",
        lambda ids: ids.astype(np.uint8).tobytes(),
        "{split}/submission.json",
    ),
    "semantickitti": Layout(
        lambda key, split: "sequences/{}/predictions/{}.label".format(*key.split("/")),
        lambda ids: ids.astype("<u4").tobytes(),
    ),
    "scannet": Layout(lambda key, split: f"{key}.txt", _lines),
}
"""By the kind of dataset."""


@dataclass(frozen=True)
class Predictions:
    """Which predictions a run makes.

    Attributes:
        kind: of the dataset, a key of `LAYOUTS`.
        labelset: name of its classes.
        split: of the dataset, or ``all``.
        mapper: which class each word means, see `avs3d.evaluation.mappers.load_mapper`.

    Raises:
        UserError: the dataset has no format of its own.
    """

    kind: str
    labelset: str
    split: str
    mapper: str

    def __post_init__(self) -> None:
        if self.kind not in LAYOUTS:
            have = ", ".join(LAYOUTS)
            raise UserError(f"--predictions: {self.kind} has no format of its own; {have} do")

    @property
    def labels(self) -> LabelSet:
        return load(self.labelset)

    def path(self, folder: Path, key: str) -> Path:
        """Where in a folder the prediction for a scan is."""
        return folder / LAYOUTS[self.kind].path(key, self.split)

    def write(self, folder: Path, key: str, ids: np.ndarray) -> Path:
        """Write a scan's ids, see `Predictor`."""
        path = self.path(folder, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_bytes(path, LAYOUTS[self.kind].encode(ids))

    def finish(self, folder: Path, uses_images: bool) -> None:
        """Write what tells of the method, and leave no half file behind."""
        for here, _, _ in os.walk(folder):
            remove_leftovers(Path(here))
        about = LAYOUTS[self.kind].about
        if about is not None:
            path = folder / about.format(split=self.split)
            path.parent.mkdir(parents=True, exist_ok=True)
            uses = {"use_camera": uses_images, "use_lidar": True}
            uses |= {"use_radar": False, "use_map": False, "use_external": True}
            write_json(path, {"meta": uses})


class Predicted(NamedTuple):
    """The prediction for a scan.

    Attributes:
        ids: (K,) the dataset's id of each point of the key frame.
        counts: of the points of each class: `told`, and where the scan has labels also `hits`,
            `union` and `truth`, see `avs3d.evaluation.iou.Confusion`.
    """

    ids: np.ndarray
    counts: dict[str, list[int]]


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

    def __call__(
        self, encoded: EncodedScan, result: Segmentation, evidence: Evidence | None = None
    ) -> Predicted:
        """Where a word means no class, its points get the next best that does.

        Args:
            encoded: the scan.
            result: of it.
            evidence: that it was made with.

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
            result = encoded.segment(Vocabulary(tuple(kept)), evidence=evidence)
            ids = ids[ids >= 0]
        classes = _classes(result, ids)
        exported: np.ndarray = np.array(self._labels.export_ids)[classes]
        return Predicted(exported, self._counts(result, classes))

    def _counts(self, result: Segmentation, classes: np.ndarray) -> dict[str, list[int]]:
        from avs3d.evaluation.iou import Confusion

        size = len(self._labels)
        counts = {"told": np.bincount(classes, minlength=size)}
        if result.scan.labels is not None:
            truth = self._labels.to_classes(_of_key_frame(result, result.scan.labels))
            sums = Confusion.of(truth, classes, size).sums()
            counts |= dict(zip(("hits", "union", "truth"), sums, strict=True))
        return {name: values.tolist() for name, values in counts.items()}


def _classes(result: Segmentation, ids: np.ndarray) -> np.ndarray:
    """(K,) class of each point of the key frame; servers take no point without one.

    Args:
        result: whose words all mean a class.
        ids: (W,) class of each word.
    """
    label = _of_key_frame(result, result.label)
    counts = np.bincount(label[label != UNLABELLED], minlength=len(ids))
    found: np.ndarray = ids[np.where(label == UNLABELLED, counts.argmax(), label)]
    return found


def _of_key_frame(result: Segmentation, values: np.ndarray) -> np.ndarray:
    sweep = result.scan.sweep
    return values if sweep is None else values[sweep == 0]


def class_table(labels: LabelSet, scans: Iterable[dict[str, list[int]]]) -> list[dict[str, Any]]:
    """What a run says of each class: `class`, its `points`, and where scans have labels how many
    points it has by these, `truth`, and its `iou`; None where it has none.

    Args:
        labels: the classes.
        scans: the `counts` of each, see `Predicted`.
    """
    from avs3d.evaluation.iou import iou

    sums = np.zeros((4, len(labels)), np.int64)
    known = False
    for counts in scans:
        for row, name in enumerate(("told", "hits", "union", "truth")):
            sums[row] += counts.get(name, 0)
        known |= "truth" in counts
    rows: list[dict[str, Any]] = [
        {"class": name, "points": int(points)}
        for name, points in zip(labels.classes, sums[0], strict=True)
    ]
    for said, truth, value in zip(rows, sums[3], iou(sums[1:]), strict=True) if known else ():
        said |= {"truth": int(truth), "iou": None if np.isnan(value) else float(value)}
    return rows
