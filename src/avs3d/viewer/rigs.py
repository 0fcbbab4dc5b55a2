"""Cameras of stored results: a result does not hold them, but tells which files they were in."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from avs3d.cameras import Rig, find_rigs
from avs3d.errors import UserError
from avs3d.jobs import BatchConfig, Job, find_jobs
from avs3d.reading import Reader
from avs3d.run_folder import read_run_config
from avs3d.scan import Scan
from avs3d.selection import Selection


class Rigs:
    """Finds the cameras of results.

    Args:
        config: with the images and the calibration to take; None: those that a result was made
            with, or those of the dataset that it is of, where they still are.
        inputs: of all results, the files that were segmented.
    """

    def __init__(self, config: BatchConfig, inputs: Sequence[Path]) -> None:
        self._given: list[Rig] | None = None
        if config.images is not None and config.calibration is not None:
            self._given = find_rigs(Path(config.images), Path(config.calibration), inputs)
        self._datasets: dict[Path, tuple[Reader, dict[str, Job]] | None] = {}

    def on(self, scan: Scan, index: int, folder: Path, made: Mapping[str, Any]) -> Scan:
        """The scan with its cameras; with a line in `left_out` where they are not found.

        Args:
            scan: named as its results are.
            index: of its input.
            folder: that it is stored in.
            made: what its record says that it was made from.
        """
        try:
            if self._given is not None:
                return self._given[index].on(scan)
            if made.get("images"):
                return _rig_of(made).on(scan)
            return self._of_dataset(scan, folder)
        except UserError as error:
            return replace(scan, left_out=(*scan.left_out, f"its cameras are gone: {error}"))

    def _of_dataset(self, scan: Scan, folder: Path) -> Scan:
        if folder not in self._datasets:
            self._datasets[folder] = _dataset_of(folder)
        found = self._datasets[folder]
        if found is None or scan.name not in found[1]:
            return scan
        reader, jobs = found
        read = reader(jobs[scan.name]).scan
        return replace(scan, cameras=read.cameras, left_out=(*scan.left_out, *read.left_out))


def _rig_of(made: Mapping[str, Any]) -> Rig:
    """Of files that the record names: the calibration, then the images."""
    calibration, *images = (Path(path) for path, _ in made["images"])
    if not images:
        return Rig((), (), ())
    above = os.path.commonpath([image.parent for image in images])
    return find_rigs(Path(above), calibration, [Path(made["input"])])[0]


def _dataset_of(folder: Path) -> tuple[Reader, dict[str, Job]] | None:
    """How a run over a dataset read its scans, by the names of their results; None where the
    folder is of no such run, or the dataset is not where it was."""
    told = read_run_config(folder)
    selection = told.get("selection") if isinstance(told, dict) else None
    if not selection or not os.path.exists(selection["root"]):
        return None
    kept = {key: selection[key] for key in ("kind", "options", "pattern", "every")}
    config = BatchConfig(
        (), None, selection=Selection(Path(selection["root"]), **kept), overlay=True
    )
    return Reader(config), {job.name: job for job in find_jobs(config).found}
