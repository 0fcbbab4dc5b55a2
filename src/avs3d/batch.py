"""Many files through one pipeline: a file that fails does not stop the others."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from avs3d.environment import peak_memory
from avs3d.errors import UserError
from avs3d.io import find, read
from avs3d.vocabulary import Vocabulary

if TYPE_CHECKING:
    from avs3d.pipeline import EncodedScan, Pipeline

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class BatchConfig:
    """What to do with which files.

    Attributes:
        inputs: files, folders, globs.
        out: folder for results; None: nothing is written.
        bundle: see `avs3d.load`.
        vocabulary: the words to choose from; None: every scan finds its own.
        views: sectors that a scan is described in; None: as many as the bundle says.
        columns: see `avs3d.read`.
        device: see `avs3d.load`.
        seed: of whatever is drawn at random.
        overwrite: replace results that are there.
        picture: draw one for every scan.
        min_score: points with a lower score stay unlabelled.
        write: how the names of the labelled clouds end, keys of `avs3d.io.WRITERS`.
        jobs: processes that work at the same time.
    """

    inputs: tuple[str, ...]
    out: Path | None
    bundle: str = "street-mini"
    vocabulary: Vocabulary | None = None
    views: int | None = None
    columns: str | None = None
    device: str = "auto"
    seed: int = 0
    overwrite: bool = False
    picture: bool = True
    min_score: float | None = None
    write: tuple[str, ...] = (".npz", ".ply")
    jobs: int = 1


@dataclass(frozen=True)
class Job:
    """An input.

    Attributes:
        path: where it is.
        name: that of its results (see `unique_names`).
        state: its bytes and when it was changed (ns), before it was read; None: not there.
    """

    path: Path
    name: str
    state: tuple[int, int] | None = None


@dataclass(frozen=True)
class Jobs:
    """The inputs of a run.

    Attributes:
        found: a job a file.
        unfound: what names nothing that can be read, and why.
        paths: absolute paths of the files.
    """

    found: tuple[Job, ...]
    unfound: tuple[tuple[Job, UserError], ...]
    paths: frozenset[str]


class Work(Protocol[T_co]):
    """Makes the result of a job from its encoded scan; adds to the timings it is given."""

    def __call__(self, job: Job, encoded: EncodedScan, timings: dict[str, float]) -> T_co: ...


class Worker(Generic[T]):
    """A pipeline, loaded when it is first needed, and the work that is done with it.

    Attributes:
        status: called with a few words whenever something slow begins.
        pipeline: None before the first job.
        load_seconds: what loading it took.
    """

    def __init__(self, config: BatchConfig, work: Work[T]) -> None:
        self.status: Callable[[str], None] = lambda text: None
        self.pipeline: Pipeline | None = None
        self.load_seconds = 0.0
        self._config = config
        self._work = work

    def __call__(self, job: Job) -> T | Exception:
        """What the work makes of a job, or why that failed.

        Raises:
            UserError: what concerns every job: unknown bundle or device.
        """
        timings: dict[str, float] = {}
        try:
            self.status(f"reading {job.path.name}")
            with timed(timings, "read"):
                scan = read(job.path, columns=self._config.columns)
        except UserError as error:
            return error
        pipeline = self._loaded()
        try:
            self.status(f"{job.path.name}  ({len(scan):,} points)")
            return self._work(job, pipeline.encode(scan), timings)
        except Exception as error:  # the other files are still done
            return error

    def _loaded(self) -> Pipeline:
        import torch

        if self.pipeline is None:
            self.status(f"loading {self._config.bundle}")
            began = time.perf_counter()
            from avs3d.pipeline import load

            if self._config.jobs > 1:
                torch.set_num_threads(max(1, torch.get_num_threads() // self._config.jobs))
            pipeline = load(self._config.bundle, self._config.device)
            pipeline.text  # noqa: B018  loaded now, so that its time is not the first scan's
            if self._config.vocabulary is None:
                pipeline.captioner  # noqa: B018
            self.pipeline = pipeline
            self.load_seconds = time.perf_counter() - began
        # For each scan, so that what is drawn does not depend on the scans before.
        torch.manual_seed(self._config.seed)
        return self.pipeline

    def facts(self) -> dict[str, Any]:
        """What it ran on and needed, for `run.json`."""
        torch: Any = sys.modules.get("torch")
        return {
            "device": None if self.pipeline is None else str(self.pipeline.device),
            "threads": None if torch is None else torch.get_num_threads(),
            "load_seconds": round(self.load_seconds, 4),
            "peak_memory": peak_memory(),
        }


class Batch(Generic[T]):
    """Iterate to get `(job, result or error)` for every input, in the order of the inputs.

    Args:
        config: what to do.
        jobs: see `find_jobs`.
        work: see `Work`; with several processes it must be possible to pickle it.
        check: gives the result of a job that needs no work, else None, or raises `UserError` when
            it must not be done.
        status: see `Worker`.

    Attributes:
        jobs: the inputs.
        facts: see `Worker.facts`; of the process that needed most memory.

    Raises:
        UserError: while iterating, see `Worker`.
    """

    def __init__(
        self,
        config: BatchConfig,
        jobs: Jobs,
        work: Work[T],
        check: Callable[[Job], T | None],
        status: Callable[[str], None],
    ) -> None:
        self.config = config
        self.jobs = jobs
        self.worker = Worker(config, work)
        self.facts = self.worker.facts()
        self._work = work
        self._check = check
        self._status = status

    def __len__(self) -> int:
        return len(self.jobs.found) + len(self.jobs.unfound)

    def __iter__(self) -> Iterator[tuple[Job, T | Exception]]:
        yield from self.jobs.unfound
        settled = {job: self._settled(job) for job in self.jobs.found}
        fresh = self._fresh([job for job, outcome in settled.items() if outcome is None])
        with contextlib.closing(fresh):
            for job, outcome in settled.items():
                yield job, next(fresh) if outcome is None else outcome

    def _settled(self, job: Job) -> T | Exception | None:
        try:
            return self._check(job)
        except UserError as error:
            return error

    def _fresh(self, jobs: list[Job]) -> Generator[T | Exception, None, None]:
        self.worker.status = self._status
        for job in jobs:
            outcome = self.worker(job)
            self.facts = self.worker.facts()
            yield outcome


def find_jobs(config: BatchConfig) -> Jobs:
    """What the inputs of a config mean."""
    found: dict[str, Path] = {}
    unfound = []
    out = os.path.abspath(config.out) if config.out is not None else None
    for item in config.inputs:
        try:
            paths = find([item])
        except UserError as error:
            unfound.append((Job(Path(item), item), error))
            continue
        for path in paths:
            full = os.path.abspath(path)
            # A folder that holds the results of an earlier run: those are no input.
            is_result = out is not None and full.startswith(out + os.sep)
            if str(path) == item or not is_result:
                found.setdefault(full, path)
    paths = list(found.values())
    names = unique_names(paths)
    jobs = [Job(path, name, _state(path)) for path, name in zip(paths, names, strict=True)]
    return Jobs(tuple(jobs), tuple(unfound), frozenset(found))


def keep_inputs(job: Job, targets: Iterable[Path], inputs: frozenset[str]) -> None:
    """Raise `UserError` where a result would replace an input (absolute paths)."""
    for target in targets:
        if os.path.abspath(target) in inputs:
            raise UserError(
                f"{job.path}: its result {target} would replace an input; choose another --out"
            )


def keep_results(job: Job, targets: Iterable[Path], what: str = "") -> None:
    """Raise `UserError` where a result is there already; `what` tells more about it."""
    for target in targets:
        if target.exists():
            raise UserError(
                f"{job.path}: its result {target} is there already{what}; --overwrite replaces it, "
                "--out puts results elsewhere"
            )


def keep(config: BatchConfig, jobs: Jobs, ends: Iterable[str], job: Job) -> None:
    """Raise `UserError` where a result, `job.name` and one of `ends`, must not be written."""
    if config.out is not None:
        targets = [config.out / f"{job.name}{end}" for end in ends]
        keep_inputs(job, targets, jobs.paths)
        if not config.overwrite:
            keep_results(job, targets)


def make_folder(path: Path) -> None:
    """Make a folder for results, or raise `UserError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{path}: no folder can be made there ({error.strerror or error}); choose another --out"
        ) from error


def exit_code(errors: Sequence[Exception]) -> int:
    """0 without errors, 2 where all are the user's to put right, 1 where one is ours."""
    return 0 if not errors else 2 if all(isinstance(e, UserError) for e in errors) else 1


def unique_names(paths: Sequence[Path]) -> list[str]:
    """A name for the results of each file: its stem, with as many of its folders' names in front
    as set it apart from the other files (whatever the case), and its extension if need be.

    >>> unique_names([Path("a.bin"), Path("08/lidar.pcd.bin"), Path("24/lidar.pcd.bin")])
    ['a', '08_lidar', '24_lidar']
    """
    full = [Path(os.path.abspath(path)) for path in paths]
    bases = [_stem(path) for path in full]
    beside = Counter((path.parent, stem.lower()) for path, stem in zip(full, bases, strict=True))
    for i, path in enumerate(full):
        if beside[path.parent, bases[i].lower()] > 1:
            bases[i] = path.name.replace(".", "_")
    depth = [0] * len(full)

    def names() -> list[str]:
        return [
            "_".join([*path.parts[1:-1][len(path.parts) - 2 - d :], base])
            for path, base, d in zip(full, bases, depth, strict=True)
        ]

    while clashing := _clashing(names()):
        growing = [i for i in clashing if depth[i] < len(full[i].parts) - 2]
        for i in growing:
            depth[i] += 1
        if not growing:
            return [f"{name}_{i}" for i, name in enumerate(names())]
    return names()


@contextlib.contextmanager
def timed(timings: dict[str, float], step: str) -> Iterator[None]:
    """Adds the seconds spent inside to `timings[step]`."""
    began = time.perf_counter()
    yield
    timings[step] = timings.get(step, 0.0) + time.perf_counter() - began


def _state(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError, ValueError):  # ValueError: a NUL in the name
        status = path.stat()
        return status.st_size, status.st_mtime_ns
    return None


def _clashing(names: list[str]) -> list[int]:
    seen: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        seen.setdefault(name.lower(), []).append(i)
    return [i for group in seen.values() if len(group) > 1 for i in group]


def _stem(path: Path) -> str:
    stem = path.stem
    return stem[: -len(".pcd")] if stem.lower().endswith(".pcd") else stem
