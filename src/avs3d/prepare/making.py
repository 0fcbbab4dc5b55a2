"""One scan at a time, in whatever process: read it, make its files aside, and put them in place."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from avs3d.datasets import Dataset
from avs3d.errors import ReadError, UserError, cannot_write
from avs3d.io.source import show
from avs3d.prepare.manifest import Files, Made, described, described_file, files_from
from avs3d.prepare.product import Part, Product
from avs3d.scan import Scan
from avs3d.selection import Selection

_PLACED = ".placed.json"


@dataclass(frozen=True)
class Task:
    """A scan that is to be made, or checked.

    Attributes:
        name: of its files.
        index: in the dataset.
        replace: its files may replace others.
        made: what an earlier run made, which is to be checked; None: make it.
    """

    name: str
    index: int
    replace: bool
    made: Made | None


class Maker:
    """Does tasks; opens the dataset and loads the models once.

    Args:
        selection: of the dataset.
        product: what to make.
        part: that the scans are of.
        out: folder of all that is made.
        staging: folder on the same disk, in which files are made before they are put in place; what
            is in it after a task was done is for the caller to remove.
        jobs: processes beside each other, which share the threads of PyTorch.

    Raises:
        UserError: a model cannot be loaded.
    """

    def __init__(
        self,
        selection: Selection,
        product: Product,
        part: Part,
        out: Path,
        staging: Path,
        jobs: int,
    ) -> None:
        self._dataset: Dataset = selection.dataset
        self._product, self._part = product, part
        self._out, self._staging = out, staging
        product.load()
        torch: Any = sys.modules.get("torch")
        if torch is not None and jobs > 1:
            torch.set_num_threads(max(1, torch.get_num_threads() // jobs))

    def __call__(self, task: Task) -> Made | Exception:
        """What was made, or why nothing was.

        Raises:
            UserError: nothing can be written, so that no other task could be done either.
        """
        folder = self._staging / task.name
        try:
            made = self._made(task, folder)
            if task.made is not None:
                checked(self._product, folder, made.files, self._out, task.made.files)
                shutil.rmtree(folder)
                return task.made
            (folder / _PLACED).write_text(json.dumps(made.files))
            placed(folder, made.files, self._out, task.replace)
            return made
        except OSError as error:
            raise cannot_write(folder, error) from error
        except UserError as error:
            if isinstance(error.__cause__, OSError) and not isinstance(error, ReadError):
                raise
            shutil.rmtree(folder, ignore_errors=True)
            return error
        except Exception as error:  # of this scan, and a fault of ours; the others are still made
            shutil.rmtree(folder, ignore_errors=True)
            return error

    def _made(self, task: Task, folder: Path) -> Made:
        if task.name in ("", ".", "..") or "\0" in task.name:
            raise ReadError(f"{task.name!a}: is no name for a file; rename the scan")
        folder.mkdir(parents=True)
        scan = whole(replace(self._dataset[task.index], name=task.name))
        left_out = self._product.make(scan, self._part, folder)
        return Made(described(folder), left_out)


def whole(scan: Scan) -> Scan:
    """The points of a scan that have a position.

    Raises:
        ReadError: there are none.
    """
    finite = scan.finite
    if not finite.any():
        raise ReadError(
            f"{show(scan.path or scan.name)}: has no point with a position; leave it out"
        )
    return scan if finite.all() else scan.take(finite)


def begun(staging: Path) -> dict[str, Files]:
    """The scans of which a run that was stopped kept no record -> files that it may have placed."""
    found: dict[str, Files] = {}
    for folder in staging.iterdir() if staging.is_dir() else ():
        found[folder.name] = {}
        with contextlib.suppress(OSError, ValueError):  # else none was placed
            found[folder.name] = files_from(json.loads((folder / _PLACED).read_bytes()))
    return found


def placed(folder: Path, files: Files, out: Path, may_replace: bool) -> None:
    """Move the files of a folder to their places below `out`, in the order of their paths.

    Raises:
        UserError: a file is there already, and is another one.
        OSError: one cannot be written.
    """
    for name, told in files.items():
        target = out / name
        if not may_replace and target.exists() and described_file(target) != told:
            raise UserError(
                f"{show(target)}: is there already, and is another; --overwrite replaces it, --out"
                " puts results elsewhere"
            )
    for name in files:
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder / name, target)


def checked(product: Product, folder: Path, files: Files, out: Path, told: Files) -> None:
    """Raise `UserError` where files below `out` are not as told, or not as their source says.

    Args:
        product: see `Product.alike`.
        folder: with the files as they are made now.
        files: these.
        out: with those that were made once.
        told: these, when they were made.
    """
    unchanged(told, out)
    if files.keys() != told.keys():
        name = min(files.keys() ^ told.keys())
        lacks = "lacks" if name in told else "has now"
        raise UserError(
            f"{show(out / name)}: its source {lacks} it; make it again with --overwrite"
        )
    for name in files:
        if files[name] != told[name] and not product.alike(folder / name, out / name):
            raise UserError(
                f"{show(out / name)}: is not what its source gives; make it again with --overwrite"
            )


def unchanged(told: Files, out: Path) -> None:
    """Raise `UserError` where files below `out` are not as they were made."""
    for name, was in told.items():
        target = out / name
        if not target.is_file():
            raise UserError(f"{show(target)}: is missing; run the same without --check")
        if described_file(target) != was:
            raise UserError(
                f"{show(target)}: was changed since it was made; remove it, and run the same"
                " without --check"
            )
