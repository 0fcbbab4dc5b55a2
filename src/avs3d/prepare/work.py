"""The work of `avs3d prepare`: the scans of a part, made by several processes, taken up again where
it was stopped, and checked."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from avs3d import __version__
from avs3d.atomic import remove_leftovers
from avs3d.batch import died, exit_code
from avs3d.environment import versions
from avs3d.errors import UserError, cannot_write
from avs3d.io.source import show
from avs3d.lock import locked
from avs3d.prepare.making import Maker, Task, begun, placed, unchanged
from avs3d.prepare.manifest import ENDING, Made, Manifest, are_there, described
from avs3d.prepare.product import Part, Product
from avs3d.selection import Selection, names_of

_JOURNAL, _SCANS, _JOINED = "journal.jsonl", "scans", "joined"
_ESTIMATED = (1, 10, 100, 1000, 10_000)
"""After so many scans the room for the others is estimated."""


@dataclass(frozen=True)
class WorkConfig:
    """What to prepare.

    Attributes:
        selection: the scans.
        product: what is made of them.
        out: folder of all that is made.
        name: of the part, see `Part`.
        jobs: processes that work at the same time.
        overwrite: replace what is there, and make everything again.
        check: make nothing, but compare what is there with the source.

    Raises:
        UserError: both of these.
    """

    selection: Selection
    product: Product
    out: Path
    name: str
    jobs: int = 1
    overwrite: bool = False
    check: bool = False

    def __post_init__(self) -> None:
        if self.check and self.overwrite:
            raise UserError(
                "--check makes nothing, and --overwrite makes everything again: leave one of them"
                " out"
            )


class Failure(NamedTuple):
    """A scan of which nothing was made, or that is not as its source says."""

    path: Path
    error: Exception


class Prepared(NamedTuple):
    """A scan that was made, or is as its source says."""

    name: str
    made: Made


@dataclass
class Work:
    """Iterate inside its context to get a `Prepared` or a `Failure` for each scan that is not whole
    already; then call `finish`.

    Attributes:
        config: what to do.
        status: called with a few words when something slow begins, or when there is news.
        prepared: so far.
        failures: likewise, by name.
        room: what is expected of the disk, where that was just found out, else empty.

    Raises:
        UserError: what concerns all scans: no such split or model, no room on the disk, what is
            there was made in another way, or another run writes there.
    """

    config: WorkConfig
    status: Callable[[str], None] = lambda text: None
    prepared: dict[str, Made] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    room: str = ""

    def __post_init__(self) -> None:
        config, selection = self.config, self.config.selection
        dataset = selection.dataset
        self.part = Part(dataset.name, dataset.labelset, config.name)
        config.product.check(self.part)
        keys = [dataset.key(index) for index in range(len(dataset))]
        self._names = names_of([key.removeprefix(f"{dataset.split}/") for key in keys])
        self._indices = selection.indices
        self._paths = {self._names[index]: selection.root / keys[index] for index in self._indices}
        self._title = title = f"{config.product.what}-{dataset.name}-{config.name}"
        shard = "" if selection.shard is None else f".{selection.shard}"
        self._folder = config.out / f".{title}{shard}{'.check' if config.check else ''}"
        told = {"avs3d": __version__, "dataset": dataset.name, "options": selection.options}
        told |= config.product.told()
        if not config.check:  # which compares what is there with the scans of any root
            told["root"] = os.path.abspath(selection.root)
        plain = json.loads(json.dumps(told))  # as it is read back
        self.manifest = Manifest(config.out / f"{title}{shard}{ENDING}", plain)
        self._context = contextlib.ExitStack()
        self._tasks: list[Task] = []
        self._absent: list[str] = []
        self._owned: set[str] = set()

    def __enter__(self) -> Work:
        out = self.config.out
        if self.config.check and not out.is_dir():
            raise UserError(f"{show(out)}: there is no such folder; give that which was prepared")
        self._lock(self._folder)
        try:
            self._begin()
        except BaseException:  # what another run began here is kept
            self._context.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        staging = self._folder / _SCANS
        if not self.manifest.scans and not (staging.is_dir() and any(staging.iterdir())):
            self._clean()  # it came to nothing
        self._context.close()

    def __len__(self) -> int:
        return len(self._tasks) + len(self._absent)

    @property
    def skipped(self) -> int:
        """Scans that an earlier run had made."""
        return len(self._indices) - len(self)

    @property
    def exit_code(self) -> int:
        """See `avs3d.batch.exit_code`."""
        return exit_code([failure.error for failure in self.failures.values()])

    def __iter__(self) -> Iterator[Prepared | Failure]:
        for name in self._absent:
            error = UserError(f"{name}: was not prepared; run the same without --check")
            yield self._failed(name, error)
        with contextlib.closing(self._outcomes()) as outcomes:
            for task, outcome in zip(self._tasks, outcomes, strict=True):
                if isinstance(outcome, Exception):
                    yield self._failed(task.name, outcome)
                    continue
                if not self.config.check:
                    self._keep(task.name, outcome)
                self.prepared[task.name] = outcome
                yield Prepared(task.name, outcome)
                self._check_room()

    def finish(self) -> None:
        """Make what is made of all scans together, and write the manifest; or compare them.

        Raises:
            UserError: something cannot be written, or is not as it should be.
        """
        whole = self.manifest.scans.keys() - self.failures.keys()
        order = [name for name in self._names if name in whole]
        if self.config.selection.shard is None and order:
            self._join(order)
        if self.config.check:
            self._clean()
            return
        for name in self.manifest.replaced.keys() & self.manifest.scans.keys():
            self._remove_old(name)  # also where another run made it, which did not know of them
            del self.manifest.replaced[name]
        self._write()
        self._clean()

    def _write(self) -> None:
        told = {
            "what": self.config.product.what, "part": self.part.name,
            "selection": self.config.selection.told(), "versions": versions(),
            "failures": {name: str(failure.error) for name, failure in self.failures.items()},
        }  # fmt: skip
        with _writing(self.manifest.path):
            self.manifest.write(self._names, told)

    def _clean(self) -> None:
        shutil.rmtree(self._folder / _JOINED, ignore_errors=True)
        _forget(self._folder)

    def _lock(self, folder: Path) -> None:
        """A folder is this run's until its end; where nothing is left there, it goes."""
        self._context.callback(_remove_empty, folder)
        self._context.enter_context(locked(folder))

    def _begin(self) -> None:
        """Find out what is there; from now on what is made is written down."""
        config, manifest = self.config, self.manifest
        staging, journal = self._folder / _SCANS, self._folder / _JOURNAL
        for folder in (config.out, self._folder):
            remove_leftovers(folder)
        known = self._take_over() | manifest.scans
        with _writing(journal):
            _forget(self._folder)
            staging.mkdir()
            if not config.check:
                manifest.begin(journal)
        self._owned = {file for made in known.values() for file in made.files}
        for index in self._indices:
            name = self._names[index]
            made = known.get(name)
            if config.check:
                if made is None:
                    self._absent.append(name)
                    continue
            elif made is not None and are_there(made.files, config.out):
                continue
            replace = name in manifest.replaced
            self._tasks.append(Task(name, index, replace, made if config.check else None))

    def _take_over(self) -> dict[str, Made]:
        """Put what earlier runs wrote down into one manifest, of which --overwrite then takes the
        scans that are made again: stopped anywhere in between, nothing is forgotten.

        Returns:
            Scans that a shard need not make; their manifests are left to the run without --shard.
        """
        config, manifest = self.config, self.manifest
        names = {self._names[index] for index in self._indices}
        again = names if config.overwrite else set()
        shards = sorted(config.out.glob(f"{self._title}.*-of-*{ENDING}"))
        taken = [] if config.selection.shard else shards
        elsewhere: dict[str, Made] = {}
        for path in (config.out / f"{self._title}{ENDING}", *shards):
            record = Manifest.read(path)
            if path == manifest.path or path in taken:
                manifest.take(record, again)
            elif not manifest.differs(record):
                elsewhere |= record.scans
        if config.check:
            return elsewhere
        stopped = self._stopped()
        for folder in stopped:
            manifest.take(Manifest.of_journal(folder / _JOURNAL), again)
            for name, files in begun(folder / _SCANS).items():
                if name not in manifest.scans:
                    manifest.replace(name, files)
        if manifest.scans or manifest.replaced:
            self._write()
        with _writing(config.out):
            for path in taken:
                path.unlink(missing_ok=True)
            for folder in stopped:
                _forget(folder)
        if not again <= manifest.replaced.keys():  # else it goes on with what was begun
            for name in again:
                manifest.replace(name, elsewhere[name].files if name in elsewhere else {})
            self._write()
        return {name: made for name, made in elsewhere.items() if name not in manifest.replaced}

    def _stopped(self) -> list[Path]:
        """Where runs that were stopped wrote down what is taken over: of this command, and, where
        it is that of all shards, of the shards that no run is at."""
        folders = [self._folder]
        if self.config.selection.shard is None:
            for folder in sorted(self.config.out.glob(f".{self._title}.*-of-*[0-9]")):
                with contextlib.suppress(UserError):  # a run is at it
                    self._lock(folder)
                    folders.append(folder)
        return folders

    def _outcomes(self) -> Generator[Any, None, None]:
        config = self.config
        start = partial(
            Maker, config.selection, config.product, self.part, config.out,
            self._folder / _SCANS, min(config.jobs, len(self._tasks)),
        )  # fmt: skip
        if config.jobs == 1 or len(self._tasks) < 2:
            maker = start() if self._tasks else None
            for task in self._tasks:
                self.status(task.name)
                assert maker is not None
                yield maker(task)
            return
        from avs3d.workers import WorkerDied, in_processes

        count = min(config.jobs, len(self._tasks))
        self.status(f"{count} processes")
        with contextlib.closing(in_processes(start, self._tasks, count)) as outcomes:
            for task, told in zip(self._tasks, outcomes, strict=True):
                yield died(self._paths[task.name], told) if isinstance(told, WorkerDied) else told

    def _keep(self, name: str, made: Made) -> None:
        self._owned |= made.files.keys()
        self._remove_old(name)
        with _writing(self._folder / _JOURNAL):
            self.manifest.add(name, made, self._folder / _JOURNAL)
        shutil.rmtree(self._folder / _SCANS / name, ignore_errors=True)

    def _remove_old(self, name: str) -> None:
        """Remove files that a scan had, and that no scan has now."""
        with _writing(self.config.out):
            for file in self.manifest.replaced.get(name, {}).keys() - self._owned:
                (self.config.out / file).unlink(missing_ok=True)

    def _failed(self, name: str, error: Exception) -> Failure:
        self.failures[name] = failure = Failure(self._paths[name], error)
        return failure

    def _join(self, order: list[str]) -> None:
        """Put scans together where what is there is not made of just these; or compare it."""
        config, manifest, digest = self.config, self.manifest, self.manifest.digest(order)
        if config.check:
            unchanged(manifest.joined, config.out)
            if self.failures:
                return
        elif manifest.joined_of == digest and are_there(manifest.joined, config.out):
            return
        self.status("putting all together")
        folder = self._folder / _JOINED
        parts = {name: [config.out / file for file in manifest.scans[name].files] for name in order}
        replace = folder.is_dir() or bool(manifest.joined or manifest.replaced)
        with _writing(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            config.product.join(parts, self.part, folder)
            files = described(folder)
            if not config.check:
                placed(folder, files, config.out, replace)
        if config.check and files != manifest.joined:
            raise UserError(
                f"{show(manifest.path)}: what was made of all scans together is not what they"
                " give; run the same without --check"
            )
        manifest.joined, manifest.joined_of = files, digest

    def _check_room(self) -> None:
        """Raises `UserError` where the scans that are left will not find room."""
        made = len(self.prepared)
        if self.config.check or made not in _ESTIMATED:
            return
        left = self._tasks[made + len(self.failures) :]
        mean = sum(one.room for one in self.prepared.values()) / made
        replaced = [self.manifest.replaced.get(task.name, {}) for task in left]
        needed = mean * len(left) - sum(Made(files).room for files in replaced)
        free = shutil.disk_usage(self.config.out).free
        told = (
            f"the other {len(left):,} scans need about {in_bytes(needed)} ({in_bytes(free)} free)"
        )
        if needed > free:
            raise UserError(
                f"{show(self.config.out)}: {told}; make room, choose another --out, or take fewer"
                " scans with --match, --every or --shard"
            )
        self.room = told if needed > 0 else ""


def _forget(folder: Path) -> None:
    """Remove what a run wrote down in its folder."""
    shutil.rmtree(folder / _SCANS, ignore_errors=True)
    (folder / _JOURNAL).unlink(missing_ok=True)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not empty
        folder.rmdir()


def in_bytes(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error
