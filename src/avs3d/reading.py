"""Scans of jobs, read one ahead of what is done with them."""

from __future__ import annotations

import bisect
import time
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from avs3d.cameras import Rig
from avs3d.features import PointFeatures
from avs3d.io import read
from avs3d.jobs import BatchConfig, Job
from avs3d.published.features import read_parts
from avs3d.scan import Scan

if TYPE_CHECKING:
    from avs3d.datasets import Dataset


class Read(NamedTuple):
    """What was read for a job.

    Attributes:
        scan: with the cameras that can be used.
        features: that are told of its points.
        seconds: that it took.
    """

    scan: Scan
    features: PointFeatures | None
    seconds: float


class Reader:
    """Reads what a job is about.

    Args:
        config: of the run.
    """

    def __init__(self, config: BatchConfig) -> None:
        self._config = config

    @cached_property
    def _starts(self) -> list[int]:
        return [sequence.start for sequence in self._dataset.sequences()]

    @property
    def _dataset(self) -> Dataset:
        assert self._config.selection is not None
        return self._config.selection.dataset

    def _sequence(self, index: int) -> str:
        """What a scan of the dataset is a part of, called as its first scan."""
        start = self._starts[bisect.bisect_right(self._starts, index) - 1]
        return f"{self._dataset.name} {self._dataset.key(start)}"

    def __call__(self, job: Job) -> Read:
        """Raises `UserError`, see `avs3d.read` and `Dataset`."""
        began = time.perf_counter()
        files = tuple(job.given.features)
        features = read_parts(files) if files else None
        scan = self._scan(job)
        return Read(scan, features, time.perf_counter() - began)

    def _scan(self, job: Job) -> Scan:
        if job.index is None:
            scan = read(job.path, columns=self._config.columns)
            scan = replace(scan, sequence=job.path.absolute().parent.name, number=job.number)
            return scan if job.rig is None else job.rig.on(scan)
        scan = replace(
            self._dataset[job.index],
            name=job.name,
            sequence=self._sequence(job.index),
            number=job.index,
            timestamp=self._dataset.timestamp(job.index),
        )
        if not self._config.uses_images:
            return replace(scan, cameras=(), left_out=())
        return Rig(scan.cameras, scan.left_out, ()).on(scan)

    def ahead(self, jobs: Iterable[Job]) -> Generator[tuple[Job, Read | Exception], None, None]:
        """Each job with what it reads, or why that failed; meanwhile the next one is being read."""
        with ThreadPoolExecutor(1, "reader") as pool:
            waiting = None
            for job in jobs:
                reading = job, pool.submit(self, job)
                if waiting is not None:
                    yield waiting[0], _outcome(waiting[1])
                waiting = reading
            if waiting is not None:
                yield waiting[0], _outcome(waiting[1])


def _outcome(reading: Future[Read]) -> Read | Exception:
    try:
        return reading.result()
    except Exception as error:  # of this scan; the others are still read
        return error
