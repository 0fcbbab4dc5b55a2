"""A run of `avs3d segment`: results of many files, and one `run.json`, in a folder.

What the files are and hold: `docs/files.md`.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from avs3d.atomic import remove_leftovers, write_json
from avs3d.batch import Batch, exit_code
from avs3d.environment import require, versions
from avs3d.errors import UserError, cannot_write
from avs3d.io.record import is_run_record
from avs3d.jobs import BatchConfig, Job, Jobs, find_jobs
from avs3d.lock import locked
from avs3d.predictions import Predictor, class_table
from avs3d.results import PAGE, Results
from avs3d.scan import Scan
from avs3d.segmentation import Segmentation
from avs3d.views import camera_views, viewpoint

if TYPE_CHECKING:
    from avs3d.pipeline import EncodedScan
    from avs3d.sequence import Window

RECORD, OVERVIEW = "run.json", "run.html"
_PLAUSIBLE_REACH = (1.0, 1000.0)  # metres from the sensor


@dataclass(frozen=True)
class Result:
    """One scan that was done.

    Attributes:
        found: what `run.json` says of it.
        rows: a row per word that has points, see `Segmentation.summary`; none where skipped.
        files: what was written.
        timings: seconds per step; none where skipped.
        skipped: an earlier run had done it.
        used: see `Segmentation`; nothing where skipped.
    """

    found: dict[str, Any]
    rows: list[dict[str, Any]]
    files: tuple[Path, ...]
    timings: dict[str, float]
    skipped: bool = False
    used: str = ""


@dataclass(frozen=True)
class _Segment:
    """The work of a run; can be pickled.

    Attributes:
        results: the files to write.
        steady: see `Segmentation`.
    """

    results: Results
    steady: bool

    @cached_property
    def _window(self) -> Window | None:
        from avs3d.sequence import Window

        config = self.results.config
        return Window(config) if config.window > 1 else None

    @cached_property
    def _predictor(self) -> Predictor | None:
        wanted = self.results.config.predictions
        return None if wanted is None else Predictor(wanted)

    def __call__(self, job: Job, encoded: EncodedScan, timings: dict[str, float]) -> Result:
        config, words, evidence = self.results.config, job.given.vocabulary, None
        if self._window is not None:
            words, evidence = self._window.look(job, encoded)
        result = encoded.segment(words, config.views, evidence)
        if self._window is not None and job.given.vocabulary is None:
            result = replace(result, captions=encoded.captions(config.views))
        result = replace(result, scan=replace(result.scan, name=job.name), steady=self.steady)
        timings |= result.timings
        # Few words that are given are little like most points of any scan.
        usual = encoded.low_score if job.given.vocabulary is None else None
        notes = (
            units_note(result.scan),
            "" if usual is None else map_note(result.scan),
            low_score_note(result, usual),
        )
        predicted = None
        if self._predictor is not None:
            predicted = self._predictor(encoded, result, evidence)
        if config.queries:
            result = replace(result, queries={text: encoded.query(text) for text in config.queries})
        if config.min_score is not None:
            result = result.unlabel(config.min_score)
        rows = result.summary()
        note = "; ".join(filter(None, notes))
        found = _found(job, result, rows, note, config.sources.cell)
        if predicted is not None:
            found["classes"] = predicted.counts
        found["asked"] = None if encoded.usage is None else asdict(encoded.usage)
        files = self.results.write(job, result, found, timings, predicted)
        return Result(found, rows, files, timings, used=result.used)


@dataclass
class Run:
    """Iterate to get `(job, Result or error)` per input, inside its context, in which the folder
    is locked and at whose end `run.json` is written, also when it ends early.

    Attributes:
        config: what to do; `out` must be set.
        status: called with a few words whenever something slow begins.
        done: results so far.
        errors: likewise.

    Raises:
        UserError: another run writes to the folder, or it cannot be written; see also `Batch`.
    """

    config: BatchConfig
    status: Callable[[str], None] = lambda text: None
    done: dict[Job, Result] = field(default_factory=dict)
    errors: dict[Job, Exception] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.config.out is not None
        self._out = self.config.out
        self._began = datetime.now(timezone.utc)
        self._clock = time.perf_counter()
        jobs = find_jobs(self.config)
        if self.config.report:
            _check_report(jobs)
        self._results = Results(self.config, jobs.paths)
        steady = self.config.selection is not None or len(jobs) > 1
        self._batch = Batch(
            self.config,
            jobs,
            _Segment(self._results, steady),
            self._earlier,
            lambda text: self.status(text),
        )
        self._lock = locked(self._out)

    def __len__(self) -> int:
        return len(self._batch)

    def __iter__(self) -> Iterator[tuple[Job, Result | Exception]]:
        for job, result in self._batch:
            if isinstance(result, Exception):
                self.errors[job] = result
                self._results.discard(job)
            else:
                self.done[job] = replace(result, rows=[])  # of all scans they are too many
            yield job, result

    def __enter__(self) -> Run:
        self._check_records()
        self._lock.__enter__()
        remove_leftovers(self._out)
        return self

    def _check_records(self) -> None:
        """Raise `UserError` where what a run writes of itself would replace something else."""
        targets = [self._out / RECORD]
        if self.config.report and len(self._batch) > 1:
            targets.append(self._out / OVERVIEW)
        may_replace = self.config.overwrite or is_run_record(self._out / RECORD)
        for target in targets:
            if target in self._batch.jobs.paths:
                raise UserError(f"{target}: is read, and would be replaced; choose another --out")
            if not may_replace and target.exists():
                raise UserError(
                    f"{target}: is there already, and is not of a run of avs3d; --overwrite"
                    " replaces it, --out puts results elsewhere"
                )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._close(finished=error is None)
        finally:
            self._lock.__exit__(None, None, None)

    def abandon(self) -> None:
        """Leave the folder in order, since the process is about to end without more ado."""
        for process in multiprocessing.active_children():
            process.kill()
        self._close(finished=False)

    def _close(self, *, finished: bool) -> None:
        for job in self._batch.jobs.found:
            if job not in self.done:
                self._results.discard(job)
        remove_leftovers(self._out)
        # Where nothing was done, the record of an earlier run in the same folder is worth more.
        if self.done:
            record = self.record(finished=finished)
            try:
                if (wanted := self.config.predictions) is not None:
                    wanted.finish(self._results.predictions, self.config.asks_images)
                write_json(self._out / RECORD, record)
                if self.config.report and len(self.done) > 1:
                    from avs3d.report.overview import write_overview

                    write_overview(record, self._out, self._out / OVERVIEW)
            except OSError as error:
                raise cannot_write(self._out / RECORD, error) from error

    def _earlier(self, job: Job) -> Result | None:
        record = self._results.find(job)
        if record is None:
            return None
        files = tuple(self._out / name for name in record["outputs"])
        return Result(record["scan"], [], files, {}, skipped=True)

    @property
    def exit_code(self) -> int:
        """Of the whole run so far, see `avs3d.batch.exit_code`."""
        return exit_code(list(self.errors.values()))

    @property
    def classes(self) -> list[dict[str, Any]]:
        """See `class_table`; empty without predictions."""
        wanted = self.config.predictions
        counts = (done.found["classes"] for done in self.done.values())
        return [] if wanted is None else class_table(wanted.labels, counts)

    def record(self, *, finished: bool) -> dict[str, Any]:
        """The content of `run.json`."""
        return {
            "started": self._began.isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self._clock, 3),
            "finished": finished,
            "config": self.config.told(),
            **self._batch.facts,
            "versions": versions(),
            "words": word_frequencies(self.done.values()),
            "classes": self.classes,
            "asked": usage_line(self.done.values()),
            "scans": {job.name: scan_record(done) for job, done in self.done.items()},
            "failures": [failure_record(job, error) for job, error in self.errors.items()],
        }


def _check_report(jobs: Jobs) -> None:
    """Raise `UserError` where pages cannot be made, before anything else is."""
    require("viewer")
    for job in jobs.found:
        if f"{job.name}{PAGE}".lower() == OVERVIEW and len(jobs) > 1:
            raise UserError(
                f"{job.path}: its page and that of the run would both be {OVERVIEW}; rename it"
            )


def scan_record(done: Result) -> dict[str, Any]:
    """What `run.json` says of a scan that was done."""
    return {
        **done.found,
        "timings": {step: round(seconds, 4) for step, seconds in done.timings.items()},
        "outputs": [path.name for path in done.files],
    }


def word_frequencies(results: Iterable[Result]) -> list[dict[str, Any]]:
    """In how many scans each word has points, and how many; the commonest first."""
    found: dict[str, dict[str, Any]] = {}
    for row in (row for result in results for row in result.found["words"]):
        word = found.setdefault(row["word"], {"word": row["word"], "scans": 0, "points": 0})
        word["scans"] += 1
        word["points"] += row["points"]
        word["from"] = sorted({*word.get("from", ()), *row.get("from", ())})
    return sorted(found.values(), key=lambda word: (-word["scans"], -word["points"], word["word"]))


def usage_line(results: Iterable[Result]) -> str:
    """What the image captioner was asked by a run, and what that took; "" where it was not."""
    from avs3d.chat import Usage

    asked = [result.found.get("asked") for result in results if not result.skipped]
    total = sum((Usage(**one) for one in asked if one is not None), Usage())
    return f"image captions: {total.line()}" if total.asked else ""


def failure_record(job: Job, error: Exception) -> dict[str, Any]:
    """What `run.json` says of a scan that failed."""
    kind = "input" if isinstance(error, UserError) else "internal"
    return {"input": str(job.path), "error": str(error), "kind": kind}


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


def map_note(scan: Scan) -> str:
    """A line that says so when the coordinates are not those of a sensor, else nothing."""
    if not scan.origin.any():
        return ""
    return (
        "its coordinates are those of a map: words were learned from single scans on the ground,"
        " and may be wrong for a cloud of many, or from the air"
    )


def low_score_note(result: Segmentation, threshold: float | None) -> str:
    """A line that says so when the words of a scan should not be trusted, else nothing."""
    mean = result.similarity
    if threshold is None or mean is None or mean >= threshold:
        return ""
    return (
        f"points and words are little alike (mean {mean:.2f}, usual is {threshold:.2f} or more): "
        "the words may be wrong for this kind of scan"
    )


def _found(
    job: Job, result: Segmentation, rows: list[dict[str, Any]], note: str, cell: int | None
) -> dict[str, Any]:
    keys = ("word", "points", "share", "score")
    words = [
        {key: row[key] for key in keys} | {"from": sorted({s.captioner for s in row["sources"]})}
        for row in rows
    ]
    return {
        "input": str(job.path),
        "points": len(result.scan),
        "labelled": int((result.label >= 0).sum()),
        "mean_score": mean_score(result),
        "note": note,
        "words": words,
        "cameras": camera_records(result.scan, cell),
        "left_out": list(result.scan.left_out),
    }


def camera_records(scan: Scan, cell: int | None = None) -> list[dict[str, Any]]:
    """What `run.json` says of the cameras of a scan: how many points each sees."""
    counts = camera_views(scan, cell).sum(0).tolist()
    return [
        {"camera": c.name, "image": str(c.image), "timestamp": c.timestamp, "points": points}
        for c, points in zip(scan.cameras, counts, strict=True)
    ]
