"""What is on disk: the scans that a run of `avs3d segment` has done, and their ground truth."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avs3d.errors import UserError
from avs3d.io import read_result
from avs3d.io.labels import ENDINGS, labels_of, read_labels
from avs3d.io.names import stem, unpacked
from avs3d.io.record import DONE, WORDS, is_result, read_record
from avs3d.io.source import show
from avs3d.labelsets import LabelSet
from avs3d.run_folder import run_of
from avs3d.segmentation import Segmentation
from avs3d.vocabulary import Source

_LIDARSEG = "lidarseg.bin"
_OPENSCENE = ".pth"  # its scenes have the ids of classes, not of a dataset's own labels
_LISTED = 6
_MAX_WORDS_BYTES = 16 << 20
_COMMON = (-1, 0, 255)
"""Ids that mean nothing in most label files and, -1, in datasets, whether a label set tells of them
or not."""


@dataclass(frozen=True)
class StoredScan:
    """One scan of a run.

    Attributes:
        name: that of its results.
        folder: of the run.
        input: the file that was segmented.
        bundle: what `avs3d.load` takes, as it was told to the run.
        given: the words were given, not found.
        min_score: points with a lower score were left unlabelled.
        window: scans that were labelled together, see `avs3d.sequence`.
        finished: the run had finished it.
    """

    name: str
    folder: Path
    input: Path
    bundle: str
    given: bool
    min_score: float | None
    window: int
    finished: bool

    @property
    def path(self) -> Path:
        """The ``.npz`` with its labels."""
        return self.folder / f"{self.name}.npz"

    def read(self) -> Segmentation:
        """Its labels, words and points.

        Raises:
            UserError: it is not finished, or its ``.npz`` is missing or damaged.
        """
        if not self.finished:
            raise UserError(f"{self.path}: was not finished; give the same `avs3d segment` again")
        if not self.path.exists():
            raise UserError(f"{self.path}: is not there; segment with --write npz")
        return read_result(self.path)

    def sources(self) -> dict[str, list[Source]]:
        """Where each word was found; nothing where that is not known."""
        path = self.folder / f"{self.name}{WORDS}"
        try:
            if path.stat().st_size > _MAX_WORDS_BYTES:
                return {}
            told = json.loads(path.read_text("utf-8"))["sources"]
            return {
                word: [Source(s["captioner"], s["view"], s["caption"]) for s in said]
                for word, said in told.items()
            }
        except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
            return {}


def stored_scans(folder: Path) -> list[StoredScan]:
    """The scans of a run, by name.

    Args:
        folder: see `avs3d.run_folder.run_of`.

    Raises:
        UserError: there are none.
    """
    found = []
    folder = run_of(folder)
    for path in sorted(folder.glob(f"*{DONE}")) if folder.is_dir() else ():
        record = read_record(path)
        if record is None:
            continue
        made, name = record["made"], path.name.removesuffix(DONE)
        source, bundle, least = (made.get(key) for key in ("input", "bundle", "min_score"))
        if isinstance(source, str) and isinstance(bundle, str):
            given, finished = made.get("vocabulary") is not None, record["finished"]
            least = least if isinstance(least, float) else None
            window = made["window"] if isinstance(made.get("window"), int) else 1
            found.append(
                StoredScan(name, folder, Path(source), bundle, given, least, window, finished)
            )
    if not found:
        raise UserError(
            f"{show(folder)}: holds no results of `avs3d segment` or `avs3d run`; give the folder"
            " that its --out named"
        )
    return found


class GroundTruth:
    """The labels of scans: files that belong to them by name, or what the scans carry themselves.

    Args:
        places: files of labels, or folders of some; none: what the scans carry.

    Raises:
        UserError: one of them is not there, or a folder has no labels.
    """

    def __init__(self, places: Sequence[Path]) -> None:
        self._files = [path for place in places for path in _label_files(place)]
        self._carried = not places

    def read(self, scan: StoredScan, result: Segmentation, labels: LabelSet) -> np.ndarray:
        """(N,) uint8 class ids of a scan's points.

        Raises:
            UserError: there are no labels, several, labels of another number of points, or such
                as the label set does not have.
        """
        path = scan.input if self._carried else self._find(scan)
        ids = labels_of(result.scan, scan.path) if self._carried else read_labels(path)
        if len(ids) != len(result.label):
            raise UserError(
                f"{show(path)}: has {len(ids):,} labels, {show(scan.path)} has"
                f" {len(result.label):,} points; give the labels of that scan"
            )
        if unpacked(scan.input if self._carried else path).suffix.lower() == _OPENSCENE:
            return np.where((ids >= 0) & (ids < len(labels)), ids, labels.ignored).astype(np.uint8)
        _check_ids(ids, labels, path)
        return labels.to_classes(ids)

    def _find(self, scan: StoredScan) -> Path:
        """The file of the scan's name that shares most folders with the scan."""
        candidates = [path for path in self._files if _belongs(path, scan)]
        if not candidates:
            raise UserError(
                f"{show(scan.path)}: no labels by the name of {show(scan.input.name)} in what"
                f" --labels gives; a file may be called {show(stem(scan.input))}.label, .npy, .npz"
                f" or {show(stem(scan.input))}_{_LIDARSEG}"
            )
        shared = [len(_folders(path) & _folders(scan.input)) for path in candidates]
        best = [path for path, n in zip(candidates, shared, strict=True) if n == max(shared)]
        if len(best) > 1:
            raise UserError(
                f"{show(scan.path)}: its labels may be {show(best[0])} or {show(best[1])};"
                " give one of them"
            )
        return best[0]


def _label_files(place: Path) -> list[Path]:
    if not place.is_dir():
        if not place.exists():
            raise UserError(f"{show(place)}: no such file or folder of labels")
        return [place]
    found = [
        Path(here, name)
        for here, _, names in os.walk(place)
        for name in sorted(names)
        if not name.startswith(".") and unpacked(Path(name)).name.lower().endswith(ENDINGS)
    ]
    found = sorted(path for path in found if not is_result(path))
    if not found:
        raise UserError(
            f"{show(place)}: no files of labels in it; they end in {', '.join(ENDINGS)}"
        )
    return found


def _belongs(labels: Path, scan: StoredScan) -> bool:
    """By name; a bare ``lidarseg.bin`` belongs to the scan beside it."""
    name = unpacked(labels).name
    if name.lower() == _LIDARSEG:
        return labels.absolute().parent == scan.input.parent
    plain = (
        name[: -len(_LIDARSEG)].rstrip("_") if name.lower().endswith(_LIDARSEG) else stem(labels)
    )
    return plain in (stem(scan.input), scan.name)


def _folders(path: Path) -> set[str]:
    return set(path.absolute().parts[:-1])


def _check_ids(ids: np.ndarray, labels: LabelSet, path: Path) -> None:
    """Refuse labels most of which the set does not know: they are of another dataset."""
    known = np.isin(ids, [*labels.raw_to_class, *_COMMON])
    if 2 * np.count_nonzero(~known) > len(ids):
        foreign = np.unique(ids[~known])
        listed = ", ".join(map(str, foreign[:_LISTED])) + (", …" if len(foreign) > _LISTED else "")
        raise UserError(
            f"{show(path)}: most of its labels are none of {labels.name} ({listed}); give another"
            " --labelset, or the labels in the dataset's own ids"
        )
    if not (labels.to_classes(ids) != labels.ignored).any():
        raise UserError(f"{show(path)}: none of its points is of a class of {labels.name}")
