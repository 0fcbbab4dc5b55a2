"""`Show`: the scans that can be looked at one after the other, and where they come from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from avs3d.bundle_config import PACKAGED, list_bundles, read_config
from avs3d.errors import ReadError, UserError
from avs3d.evaluation.stored import StoredScan, stored_scans
from avs3d.io import read_result
from avs3d.io.names import stem
from avs3d.io.record import DONE, WORDS, read_record
from avs3d.jobs import BatchConfig, find_jobs
from avs3d.published.texts import read_captions
from avs3d.reading import Reader
from avs3d.results import CAPTIONS
from avs3d.run_folder import CONFIG, run_of
from avs3d.scan import Scan
from avs3d.segmentation import Segmentation
from avs3d.sources import feature_of
from avs3d.viewer.rigs import Rigs
from avs3d.viewer.subject import Subject
from avs3d.views import Views

if TYPE_CHECKING:
    from avs3d.encoded import EncodedScan
    from avs3d.pipeline import Pipeline


class Show(Protocol):
    """Scans in their order.

    Attributes:
        names: of the scans.
    """

    names: Sequence[str]

    def open(self, index: int) -> Subject:
        """Raises `UserError` when that scan cannot be read or labelled; the others still can."""
        ...


class Asker:
    """The pipeline that scans are asked with, loaded when the first one is.

    Args:
        config: its bundle, device, sources and seed.
        status: called with a few words whenever something slow begins.
    """

    def __init__(self, config: BatchConfig, status: Callable[[str], None]) -> None:
        self._config = config
        self.status = status

    @cached_property
    def pipeline(self) -> Pipeline:
        from avs3d.pipeline import load

        config = self._config
        self.status(f"loading {config.bundle}")
        return load(config.bundle, config.device, sources=config.sources, seed=config.seed)

    def encode(self, scan: Scan) -> EncodedScan:
        """See `Pipeline.encode`."""
        pipeline = self.pipeline
        self.status(f"{scan.name}  ({len(scan):,} points)")
        return pipeline.encode(scan)


class Scans:
    """Scans of files or of a dataset, which are labelled when they are first looked at.

    Args:
        config: which ones, and how; nothing is written.
        status: see `Asker`.

    Raises:
        UserError: there are none.
    """

    def __init__(self, config: BatchConfig, status: Callable[[str], None]) -> None:
        jobs = find_jobs(config)
        if not jobs.found:
            raise jobs.unfound[0][1]
        self.names: Sequence[str] = [job.name for job in jobs.found]
        self._jobs, self._config = jobs.found, config
        self._read, self._asker = Reader(config), Asker(config, status)

    def open(self, index: int) -> Subject:
        job, views = self._jobs[index], self._config.views
        encoded = self._asker.encode(replace(self._read(job).scan, name=job.name))
        result = encoded.segment(job.given.vocabulary, views=views)
        many = self._config.selection is not None or len(self._jobs) > 1
        result = replace(result, steady=many)
        known = encoded.pipeline.bundle.config.views if views is None else views
        subject = Subject(result, lambda: encoded, known)
        assert subject.encoded is encoded  # so that it counts as encoded
        return subject


@dataclass(frozen=True)
class Stored:
    """A result on disk.

    Attributes:
        path: ``STEM.npz``.
        views: that its captions are of; None: as the bundle says.
        bundle: what `avs3d.load` takes; None: the one that the result names.
        made: what its record says that it was made from; nothing where there is none.
    """

    path: Path
    views: Views | None = None
    bundle: str | None = None
    made: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def input(self) -> Path:
        """The file that was segmented, or, where that is not known, the result."""
        told = _text(self.made.get("input"))
        return self.path if told is None else Path(told)

    @property
    def name(self) -> str:
        return stem(self.path)

    @property
    def min_score(self) -> float | None:
        """Points with a lower score were left unlabelled."""
        told = self.made.get("min_score")
        return told if isinstance(told, float) else None

    @property
    def feature(self) -> str | None:
        """One of `avs3d.sources.FEATURES`, by which it was labelled; None: not known."""
        sources = self.made.get("sources")
        if not isinstance(sources, Mapping):
            return None
        from_images = bool(self.made.get("features") or sources.get("pixels"))
        return feature_of(_text(sources.get("feature")), from_images)

    @property
    def is_of_many(self) -> bool:
        """Whether it belongs to a run whose scans share their colours."""
        folder = self.path.parent
        return (folder / CONFIG).is_file() or len([*folder.glob(f"*{DONE}")]) > 1

    def read(self) -> Segmentation:
        """The result, with its captions where these lie beside it.

        Raises:
            ReadError: it is damaged.
        """
        return replace(read_result(self.path), captions=self._captions())

    def _captions(self) -> dict[str, str]:
        try:
            path = self.path.with_name(f"{self.name}{CAPTIONS}")
            return read_captions(path).content.get(self.name, {}) if path.is_file() else {}
        except ReadError:
            return {}


class Results:
    """Results of `avs3d segment` or `avs3d run`; a bundle is loaded when one is asked.

    Args:
        stored: which ones.
        config: what they are asked with; its bundle where a result does not name one.
        status: see `Asker`.
    """

    def __init__(
        self, stored: Sequence[Stored], config: BatchConfig, status: Callable[[str], None]
    ) -> None:
        self._stored = stored
        self._config, self._status = config, status
        self._askers: dict[str, Asker] = {}
        self.names: Sequence[str] = [one.name for one in stored]
        self._rigs = Rigs(config, [one.input for one in stored])

    def open(self, index: int) -> Subject:
        stored = self._stored[index]
        result = replace(stored.read(), steady=stored.is_of_many or len(self._stored) > 1)
        scan = replace(result.scan, name=stored.name)
        scan = self._rigs.on(scan, index, stored.path.parent, stored.made)
        scan = replace(scan, left_out=(*scan.left_out, *self._asked_otherwise(stored)))
        result = replace(result, scan=scan)
        bundle = stored.bundle or result.bundle or self._config.bundle
        if bundle not in self._askers:
            self._askers[bundle] = Asker(replace(self._config, bundle=bundle), self._status)
        asker = self._askers[bundle]
        views = _views_of(bundle) if stored.views is None else stored.views
        return Subject(result, lambda: asker.encode(result.scan), views, stored.min_score)

    def _asked_otherwise(self, stored: Stored) -> tuple[str, ...]:
        """A line where a result was labelled by other features than it is asked with here."""
        sources = self._config.sources
        asked = sources.chosen_feature(self._config.features is not None)
        if stored.feature in (None, asked):
            return ()
        return (
            f"labels are by --feature {stored.feature}; clicks, questions and edits are answered by"
            f" {asked}",
        )


def _views_of(bundle: str) -> Views | None:
    """That a bundle describes scans in; None where it is not on this machine."""
    folder = PACKAGED / bundle if bundle in list_bundles() else Path(os.path.expanduser(bundle))
    try:
        return read_config(folder).views
    except UserError:
        return None


def stored_at(path: Path) -> list[Stored]:
    """The results that a path names: a ``.npz`` of ours, the folder of a run, or that of several
    runs, of which the latest counts; none where it names something else."""
    if path.is_dir():
        path = run_of(path)
        if not any(path.glob(f"*{DONE}")):
            return []
        return [_of_run(scan) for scan in stored_scans(path) if scan.finished]
    if path.suffix.lower() != ".npz" or not path.is_file():
        return []
    record = read_record(path.with_name(f"{stem(path)}{DONE}"))
    if record is None and not path.with_name(f"{stem(path)}{WORDS}").exists():
        return [Stored(path)] if _is_result(path) else []
    made: Mapping[str, Any] = {} if record is None else record["made"]
    return [Stored(path, _views(made.get("views")), _text(made.get("bundle")), made)]


def _of_run(scan: StoredScan) -> Stored:
    made = (read_record(scan.folder / f"{scan.name}{DONE}") or {"made": {}})["made"]
    return Stored(scan.path, _views(made.get("views")), scan.bundle, made)


def _is_result(path: Path) -> bool:
    try:
        read_result(path)
    except ReadError:
        return False
    return True


def _views(told: object) -> Views | None:
    return told if isinstance(told, int | str) else None


def _text(told: object) -> str | None:
    return told if isinstance(told, str) else None
