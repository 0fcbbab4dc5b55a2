"""Many files through one pipeline: a file that fails does not stop the others."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from avs3d.environment import peak_memory
from avs3d.errors import UserError, first_line, is_out_of_memory
from avs3d.jobs import BatchConfig, Job, Jobs
from avs3d.reading import Read, Reader

if TYPE_CHECKING:
    from avs3d.pipeline import EncodedScan, Pipeline
    from avs3d.workers import WorkerDied

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Work(Protocol[T_co]):
    """Makes the result of a job from its encoded scan; adds to the timings it is given."""

    def __call__(self, job: Job, encoded: EncodedScan, timings: dict[str, float]) -> T_co: ...


class Worker(Generic[T]):
    """A pipeline, loaded when it is first needed, and the work that is done with it.

    Args:
        config: what to do.
        work: see `Work`.
        processes: that do it at the same time, and share the threads of PyTorch.

    Attributes:
        status: called with a few words whenever something slow begins.
        pipeline: None before the first job.
        load_seconds: what loading it took.
    """

    def __init__(self, config: BatchConfig, work: Work[T], processes: int = 1) -> None:
        self.status: Callable[[str], None] = lambda text: None
        self._processes = processes
        self.pipeline: Pipeline | None = None
        self.load_seconds = 0.0
        self._config = config
        self._work = work
        self._read = Reader(config)

    def each(self, jobs: Iterable[Job]) -> Iterator[T | Exception]:
        """What the work makes of every job, or why that failed; the next one is being read.

        Raises:
            UserError: what concerns every job: unknown bundle or device.
        """
        with contextlib.closing(self._read.ahead(jobs)) as found:
            for job, read in found:
                yield self._done(job, read)

    def __call__(self, job: Job) -> T | Exception:
        """The same for one."""
        (outcome,) = self.each([job])
        return outcome

    def _done(self, job: Job, read: Read | Exception) -> T | Exception:
        if isinstance(read, Exception):
            return read
        scan, features, seconds = read
        timings = {"read": seconds}
        pipeline = self._loaded()
        try:
            what = f"{job.path.name}  ({len(scan):,} points)"
            self.status(what)
            pipeline.status = lambda doing: self.status(f"{what}  {doing}")
            encoded = pipeline.encode(scan, features, job.given.captions)
            return self._work(job, encoded, timings)
        except Exception as error:  # the other files are still done
            return out_of_memory(job.path, error) if is_out_of_memory(error) else error

    def _loaded(self) -> Pipeline:
        import torch

        if self.pipeline is None:
            self.status(f"loading {self._config.bundle}")
            began = time.perf_counter()
            from avs3d.pipeline import load

            if self._processes > 1:
                torch.set_num_threads(max(1, torch.get_num_threads() // self._processes))
            pipeline = load(
                self._config.bundle,
                self._config.device,
                sources=self._config.sources,
                published=self._config.published,
                seed=self._config.seed,
            )
            pipeline.load_parts(
                own_words=self._config.vocabulary is None and self._config.captions is None,
                told_features=self._config.features is not None,
            )
            self.pipeline = pipeline
            self.load_seconds = time.perf_counter() - began
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
        return len(self.jobs)

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
        if self.config.jobs == 1 or len(jobs) < 2:
            self.worker.status = self._status
            for outcome in self.worker.each(jobs):
                self.facts = self.worker.facts()
                yield outcome
            return
        from avs3d.workers import WorkerDied, in_processes

        count = min(self.config.jobs, len(jobs))
        self._status(f"{count} processes")
        made = partial(_Remote, self.config, self._work, count)
        with contextlib.closing(in_processes(made, jobs, count)) as outcomes:
            for job, told in zip(jobs, outcomes, strict=True):
                if isinstance(told, WorkerDied):
                    yield died(job.path, told)
                    continue
                outcome, facts = told
                self.facts = max(self.facts, facts, key=_most_memory)
                yield outcome


class _Remote(Generic[T]):
    """A worker in a process of its own, which tells its facts with every outcome."""

    def __init__(self, config: BatchConfig, work: Work[T], processes: int) -> None:
        self._worker = Worker(config, work, processes)

    def __call__(self, job: Job) -> tuple[T | Exception, dict[str, Any]]:
        return self._worker(job), self._worker.facts()


def out_of_memory(path: Path, error: Exception) -> UserError:
    """What to say of an input for which memory was too short."""
    return UserError(
        f"{path}: out of memory ({first_line(error)[:200]}); take fewer --jobs or words, --device"
        " cpu, or split the cloud into tiles"
    )


def died(path: Path, death: WorkerDied) -> Exception:
    """What to say of an input whose worker died: killed from outside is the user's to put right,
    any other end is a fault of ours."""
    if death.code != -9:
        return death
    return UserError(
        f"{path}: the process that worked on it was killed; if memory was short, "
        "take fewer --jobs, or split the cloud into tiles"
    )


def _most_memory(facts: dict[str, Any]) -> tuple[bool, float]:
    return facts["device"] is not None, facts["peak_memory"]["process_mib"] or 0.0


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


@contextlib.contextmanager
def timed(timings: dict[str, float], step: str) -> Iterator[None]:
    """Adds the seconds spent inside to `timings[step]`."""
    began = time.perf_counter()
    yield
    timings[step] = timings.get(step, 0.0) + time.perf_counter() - began
