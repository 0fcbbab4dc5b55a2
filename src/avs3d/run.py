"""A run of `avs3d segment`: results of many files, and one `run.json`, in a folder.

What the files are and hold: `docs/files.md`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from avs3d.atomic import write_json
from avs3d.batch import Batch, BatchConfig, Job, exit_code, timed
from avs3d.environment import peak_memory, versions
from avs3d.errors import UserError
from avs3d.io import write
from avs3d.scan import Scan
from avs3d.segmentation import Segmentation
from avs3d.views import viewpoint

if TYPE_CHECKING:
    from avs3d.pipeline import EncodedScan

OUTPUTS = (".vocabulary.json", ".captions.json", ".npz", ".ply", ".png")
RECORD = "run.json"
_PLAUSIBLE_REACH = (1.0, 1000.0)  # metres from the sensor


@dataclass(frozen=True)
class Result:
    """One scan that was done: its segmentation, files, seconds per step, and a warning or ""."""

    segmentation: Segmentation
    files: tuple[Path, ...]
    timings: dict[str, float]
    note: str


@dataclass
class Run:
    """Iterate to get `(job, Result or error)` per input; use it as a context, at whose end
    `run.json` is written, also when it ends early.

    Attributes:
        config: what to do; `out` must be set.
        status: called with a few words whenever something slow begins.
        done: results so far.
        errors: likewise.

    Raises:
        UserError: see `Batch`.
    """

    config: BatchConfig
    status: Callable[[str], None] = lambda text: None
    done: dict[Job, Result] = field(default_factory=dict)
    errors: dict[Job, Exception] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.config.out is not None
        self._out = self.config.out
        self._batch = Batch(self.config, OUTPUTS, self._segment, lambda text: self.status(text))
        self._began = datetime.now(timezone.utc)
        self._clock = time.perf_counter()

    def __len__(self) -> int:
        return len(self._batch)

    def __iter__(self) -> Iterator[tuple[Job, Result | Exception]]:
        for job, result in self._batch:
            if isinstance(result, Exception):
                self.errors[job] = result
            else:
                self.done[job] = result
            yield job, result

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Where nothing was done, the record of an earlier run in the same folder is worth more.
        if self.done:
            write_json(self._out / RECORD, self.record(finished=error is None))

    @property
    def exit_code(self) -> int:
        """Of the whole run so far, see `avs3d.batch.exit_code`."""
        return exit_code(list(self.errors.values()))

    def record(self, *, finished: bool) -> dict[str, Any]:
        """The content of `run.json`."""
        words = self.config.vocabulary
        pipeline = self._batch.pipeline
        return {
            "started": self._began.isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self._clock, 3),
            "finished": finished,
            "config": {
                **vars(self.config),
                "out": str(self._out),
                "vocabulary": None if words is None else list(words.words),
            },
            "device": None if pipeline is None else str(pipeline.device),
            "threads": _threads(),
            "versions": versions(),
            "load_seconds": round(self._batch.load_seconds, 4),
            "peak_memory": peak_memory(),
            "scans": {job.name: _scan_record(job, done) for job, done in self.done.items()},
            "failures": [
                {
                    "input": str(job.path),
                    "error": str(error),
                    "kind": "input" if isinstance(error, UserError) else "internal",
                }
                for job, error in self.errors.items()
            ],
        }

    def _segment(self, job: Job, encoded: EncodedScan, timings: dict[str, float]) -> Result:
        result = encoded.segment(self.config.vocabulary, views=self.config.views)
        timings |= result.timings
        notes = units_note(result.scan), low_score_note(result, encoded.pipeline.bundle.low_score)
        note = "; ".join(filter(None, notes))
        if self.config.min_score is not None:
            result = result.unlabel(self.config.min_score)
        self.status(f"writing {job.name}")
        try:
            files = self._write(result, job.name, note, timings)
        except OSError as error:
            raise UserError(
                f"{self._out}: cannot write there ({error.strerror or error}); "
                "make room, or choose another --out"
            ) from error
        return Result(result, files, timings, note)

    def _write(
        self, result: Segmentation, name: str, note: str, timings: dict[str, float]
    ) -> tuple[Path, ...]:
        """The vocabulary comes first: beside it, the other files are known as results."""
        files = words, captions, npz, ply, png = tuple(
            self._out / f"{name}{suffix}" for suffix in OUTPUTS
        )
        with timed(timings, "write"):
            write_json(words, result.vocabulary.to_json())
            write_json(captions, {name: result.captions})
            write(result, npz, overwrite=True)
            write(result, ply, overwrite=True)
        if not self.config.picture:
            png.unlink(missing_ok=True)  # of an earlier run that these results replace
            return files[:-1]
        with timed(timings, "picture"):
            from avs3d.report.picture import draw

            draw(result, png, note=note)
        return files


def mean_score(result: Segmentation) -> float | None:
    """Mean over the labelled points; None if there are none."""
    labelled = result.label >= 0
    return float(result.score[labelled].mean()) if labelled.any() else None


def units_note(scan: Scan) -> str:
    """A line that says so when most points lie where no scan in metres has them, else nothing."""
    away = scan.points[scan.finite, :2] - viewpoint(scan)[:2]
    reach = float(np.percentile(np.hypot(*away.T), 90)) if len(away) else 0.0
    low, high = _PLAUSIBLE_REACH
    if low <= reach <= high or reach == 0.0:
        return ""
    return f"a tenth of the points is beyond {reach:,.3g} m: are the units metres?"


def low_score_note(result: Segmentation, threshold: float | None) -> str:
    """A line that says so when the words of a scan should not be trusted, else nothing."""
    mean = result.similarity
    if threshold is None or mean is None or mean >= threshold:
        return ""
    return (
        f"points and words are little alike (mean {mean:.2f}, usual is {threshold:.2f} or more): "
        "the words may be wrong for this kind of scan"
    )


def _scan_record(job: Job, done: Result) -> dict[str, Any]:
    result = done.segmentation
    keys = ("word", "points", "share", "score")
    return {
        "input": str(job.path),
        "points": len(result.scan),
        "labelled": int((result.label >= 0).sum()),
        "mean_score": mean_score(result),
        "note": done.note,
        "words": [{key: row[key] for key in keys} for row in result.summary()],
        "timings": {step: round(seconds, 4) for step, seconds in done.timings.items()},
        "outputs": [path.name for path in done.files],
    }


def _threads() -> int | None:
    torch: Any = sys.modules.get("torch")
    return None if torch is None else torch.get_num_threads()
