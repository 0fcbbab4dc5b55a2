"""Many files through one pipeline: a file that fails does not stop the others."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from avs3d.errors import UserError
from avs3d.io import find, read
from avs3d.io.names import stem
from avs3d.vocabulary import Vocabulary

if TYPE_CHECKING:
    from avs3d.pipeline import EncodedScan, Pipeline

T = TypeVar("T")


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


@dataclass(frozen=True)
class Job:
    """An input and the name of its results (see `unique_names`)."""

    path: Path
    name: str


class Batch(Generic[T]):
    """Iterate to get `(job, result or error)` for every input.

    Args:
        config: what to do.
        outputs: what is added to a job's name to make the names of its results.
        work: makes the result of a job from its encoded scan; adds to the timings it is given.
        status: called with a few words whenever something slow begins.

    Raises:
        UserError: while iterating, what concerns every file: unknown bundle or device, a folder
            for results that cannot be made.
    """

    def __init__(
        self,
        config: BatchConfig,
        outputs: tuple[str, ...],
        work: Callable[[Job, EncodedScan, dict[str, float]], T],
        status: Callable[[str], None],
    ) -> None:
        self.config = config
        self.load_seconds = 0.0
        self.pipeline: Pipeline | None = None
        self._outputs = outputs
        self._work = work
        self._status = status
        self._unfound: list[tuple[Job, UserError]] = []
        self.jobs = self._find()
        self._inputs = {os.path.abspath(job.path) for job in self.jobs}

    def __len__(self) -> int:
        return len(self.jobs) + len(self._unfound)

    def __iter__(self) -> Iterator[tuple[Job, T | Exception]]:
        yield from self._unfound
        for job in self.jobs:
            yield job, self._one(job)

    def _find(self) -> list[Job]:
        found: dict[str, Path] = {}
        out = os.path.abspath(self.config.out) if self.config.out is not None else None
        for item in self.config.inputs:
            try:
                paths = find([item])
            except UserError as error:
                self._unfound.append((Job(Path(item), item), error))
                continue
            for path in paths:
                full = os.path.abspath(path)
                # A folder that holds the results of an earlier run: those are no input.
                is_result = out is not None and full.startswith(out + os.sep)
                if str(path) == item or not is_result:
                    found.setdefault(full, path)
        paths = list(found.values())
        return [Job(path, name) for path, name in zip(paths, unique_names(paths), strict=True)]

    def _one(self, job: Job) -> T | Exception:
        timings: dict[str, float] = {}
        try:
            self._check_outputs(job)
            self._status(f"reading {job.path.name}")
            with timed(timings, "read"):
                scan = read(job.path, columns=self.config.columns)
        except UserError as error:
            return error
        pipeline = self._loaded()
        try:
            self._status(f"{job.path.name}  ({len(scan):,} points)")
            return self._work(job, pipeline.encode(scan), timings)
        except Exception as error:  # the other files are still done
            return error

    def _loaded(self) -> Pipeline:
        if self.pipeline is None:
            self._status(f"loading {self.config.bundle}")
            began = time.perf_counter()
            import torch

            from avs3d.pipeline import load

            torch.manual_seed(self.config.seed)
            pipeline = load(self.config.bundle, self.config.device)
            pipeline.text  # noqa: B018  loaded now, so that its time is not the first scan's
            if self.config.vocabulary is None:
                pipeline.captioner  # noqa: B018
            if self.config.out is not None:
                make_folder(self.config.out)
            self.pipeline = pipeline
            self.load_seconds = time.perf_counter() - began
        return self.pipeline

    def _check_outputs(self, job: Job) -> None:
        if self.config.out is None:
            return
        for target in (self.config.out / f"{job.name}{suffix}" for suffix in self._outputs):
            if os.path.abspath(target) in self._inputs:
                raise UserError(
                    f"{job.path}: its result {target} would replace an input; choose another --out"
                )
            if target.exists() and not self.config.overwrite:
                raise UserError(
                    f"{job.path}: its result {target} is there already; --overwrite replaces it, "
                    "--out puts results elsewhere"
                )


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
    bases = [stem(path) for path in full]
    beside = Counter((path.parent, base.lower()) for path, base in zip(full, bases, strict=True))
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


@contextmanager
def timed(timings: dict[str, float], step: str) -> Iterator[None]:
    """Adds the seconds spent inside to `timings[step]`."""
    began = time.perf_counter()
    yield
    timings[step] = timings.get(step, 0.0) + time.perf_counter() - began


def _clashing(names: list[str]) -> list[int]:
    seen: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        seen.setdefault(name.lower(), []).append(i)
    return [i for group in seen.values() if len(group) > 1 for i in group]
