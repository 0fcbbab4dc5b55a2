"""What a run is asked to do: its options, its inputs, and which files it may write."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avs3d.cameras import Rig, find_rigs
from avs3d.datasets.parts.files import state_of
from avs3d.errors import UserError, cannot_write
from avs3d.io import find
from avs3d.io.names import stem
from avs3d.io.source import show
from avs3d.predictions import Predictions
from avs3d.published.features import FeatureSet
from avs3d.published.texts import ByScene
from avs3d.selection import Selection
from avs3d.sources import Sources
from avs3d.views import Views
from avs3d.vocabulary import Vocabulary


@dataclass(frozen=True)
class BatchConfig:
    """What to do with which files.

    Attributes:
        inputs: files, folders, globs.
        out: folder for results; None: nothing is written.
        bundle: see `avs3d.load`.
        vocabulary: the words to choose from, of all scans or by scene; None: every scan finds
            its own.
        views: that the points of a scan are described in, see `avs3d.views.point_views`; None: as
            the bundle says.
        columns: see `avs3d.read`.
        device: see `avs3d.load`.
        seed: of whatever is drawn at random.
        overwrite: replace results that are there.
        picture: draw one for every scan.
        min_score: points with a lower score stay unlabelled.
        write: how the names of the labelled clouds end, keys of `avs3d.io.WRITERS`.
        jobs: processes that work at the same time.
        published: see `avs3d.load`.
        captions: sentences to take words from, by scene; None: the captioner's.
        features: features of points by scene; None: the 3D network's.
        images: folder with the images of cameras; None: none are used.
        calibration: of the cameras, see `avs3d.cameras.read_cameras`.
        overlay: draw the labelled points on every image.
        sources: of words and features.
        selection: scans of a dataset, in place of inputs; None: there are inputs.
        predictions: write some in the dataset's own format, too; None: none.
        queries: what to ask of every scan, see `Segmentation.queries`.
        report: write a page to send to somebody, for every scan and for the run.
        window: scans of a sequence that are labelled together, see `avs3d.sequence`.
        renew: replace results that were made otherwise; those of the same options are kept.
    """

    inputs: tuple[str, ...]
    out: Path | None
    bundle: str = "street-mini"
    vocabulary: Vocabulary | ByScene[Vocabulary] | None = None
    views: Views | None = None
    columns: str | None = None
    device: str = "auto"
    seed: int = 0
    overwrite: bool = False
    picture: bool = True
    min_score: float | None = None
    write: tuple[str, ...] = (".npz", ".ply")
    jobs: int = 1
    published: bool = False
    captions: ByScene[dict[str, str]] | None = None
    features: FeatureSet | None = None
    images: str | None = None
    calibration: str | None = None
    overlay: bool = False
    sources: Sources = field(default_factory=Sources)
    selection: Selection | None = None
    predictions: Predictions | None = None
    window: int = 1
    queries: tuple[str, ...] = ()
    report: bool = False
    renew: bool = False

    def told(self) -> dict[str, Any]:
        """Plain data for `run.json`."""
        selection, predictions = self.selection, self.predictions
        return {
            **vars(self),
            "out": None if self.out is None else str(self.out),
            "vocabulary": _told(self.vocabulary),
            "captions": _told(self.captions),
            "features": _told(self.features),
            "sources": self.sources.told(),
            "selection": None if selection is None else selection.told(),
            "predictions": None if predictions is None else vars(predictions),
        }

    @property
    def uses_images(self) -> bool:
        """Whether the cameras of a scan are of any use."""
        return self.overlay or self.asks_images

    @property
    def asks_images(self) -> bool:
        """Whether words or features come from images."""
        own_words = self.vocabulary is None and self.captions is None
        described = own_words and (self.sources.from_images or self.views == "cameras")
        looked_at = self.sources.looks_at_images and self.features is None
        return described or looked_at


def _told(source: Vocabulary | ByScene[Any] | FeatureSet | None) -> list[str] | str | None:
    """Words, or the path of the file or folder that tells of scenes."""
    if isinstance(source, Vocabulary):
        return list(source.words)
    return None if source is None else str(source.path)


@dataclass(frozen=True)
class Given:
    """What is told of a scan instead of found out.

    Attributes:
        vocabulary: the words to choose from.
        captions: view -> sentence.
        features: files with the features of its points, and the `state` of each, see `Job`.
    """

    vocabulary: Vocabulary | None = None
    captions: dict[str, str] | None = None
    features: dict[Path, tuple[int, int] | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """An input.

    Attributes:
        path: where it is.
        name: that of its results (see `unique_names`).
        state: its bytes and when it was changed (ns), before it was read; None: not there, or of a
            dataset that does not tell (`Dataset.state`).
        given: what is told of it.
        rig: its cameras, or None.
        rig_state: the files of the rig, by absolute path, as `state` has it.
        index: of the scan in the dataset of the run; None: it is read from `path`.
        number: its place among the scans of the run.
        key: what the dataset calls it.
    """

    path: Path
    name: str
    state: tuple[int, int] | None = None
    given: Given = field(default_factory=Given, compare=False)
    rig: Rig | None = field(default=None, compare=False)
    rig_state: tuple[tuple[str, tuple[int, int] | None], ...] = ()
    index: int | None = None
    key: str = ""
    number: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Jobs:
    """The inputs of a run.

    Attributes:
        found: a job a file.
        unfound: what names nothing that can be read, or what nothing is told of, and why.
        paths: the files and those of their cameras, which no result may replace.
    """

    found: tuple[Job, ...]
    unfound: tuple[tuple[Job, UserError], ...]
    paths: Inputs

    def __len__(self) -> int:
        return len(self.found) + len(self.unfound)


def find_jobs(config: BatchConfig) -> Jobs:
    """What the inputs of a config mean; what is told of scenes is that of the input's stem.

    Raises:
        UserError: no images, or no calibration, see `find_rigs`; or an overlay would be called as
            the picture of another scan.
    """
    if config.selection is not None:
        return _of_dataset(config, config.selection)
    found: dict[str, Path] = {}
    unfound = []
    for item in config.inputs:
        try:
            paths = find([item])
        except UserError as error:
            unfound.append((Job(Path(item), item), error))
            continue
        for path in paths:
            found.setdefault(os.path.abspath(path), path)
    paths = list(found.values())
    names = unique_names(paths)
    rigs: list[Rig | None] = [None] * len(paths)
    if config.images is not None and config.calibration is not None:
        rigs = [*find_rigs(Path(config.images), Path(config.calibration), paths)]
    jobs = []
    for number, (path, name, rig) in enumerate(zip(paths, names, rigs, strict=True)):
        try:
            given = _given(config, stem(path))
        except UserError as error:
            unfound.append((Job(path, name), error))
            continue
        jobs.append(Job(path, name, state_of(path), given, rig, _rig_state(rig), number=number))
    if config.overlay:
        _keep_apart(jobs)
    told = (config.vocabulary, config.captions)
    files = [str(source.path) for source in told if isinstance(source, ByScene)]
    used = [path for job in jobs for path, _ in job.rig_state]
    read = [*found, *files, *used]
    kept = Inputs([*map(place, read), *map(os.path.realpath, read)])
    return Jobs(tuple(jobs), tuple(unfound), kept)


def _of_dataset(config: BatchConfig, selection: Selection) -> Jobs:
    jobs, unfound = [], []
    for index in selection.indices:
        try:
            jobs.append(job_of(config, selection, index))
        except UserError as error:
            path = selection.root / selection.dataset.key(index)
            unfound.append((Job(path, selection.names[index]), error))
    return Jobs(tuple(jobs), tuple(unfound), Inputs())


def job_of(config: BatchConfig, selection: Selection, index: int) -> Job:
    """The job of one scan of a dataset.

    Raises:
        UserError: nothing is told of it.
    """
    key, name = selection.dataset.key(index), selection.names[index]
    path, alias = selection.root / key, selection.dataset.alias(index)
    given = _given(config, name, *([] if alias is None else [alias]))
    state = selection.dataset.state(index)
    return Job(path, name, state, given, index=index, key=key, number=index)


def _given(config: BatchConfig, *names: str) -> Given:
    """What is told of a scan that has these names, by the first that is known to who tells it."""
    words, captions, features = config.vocabulary, config.captions, config.features

    def known(told: ByScene[Any] | FeatureSet) -> str:
        return next((name for name in names if name in told), names[-1])

    if isinstance(words, ByScene):
        told, scene = words, known(words)
        words = told.of(scene)
        if not len(words):
            raise UserError(f"{show(told.path)}: has no words for {show(Path(scene))}; give some")
    files = () if features is None else features.files(known(features))
    return Given(
        words,
        None if captions is None else captions.of(known(captions)),
        {file: state_of(file) for file in files},
    )


def place(path: str | Path) -> str:
    """Where what is written to a path would be: links to folders are followed, one in the place
    of the file is replaced."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


class Inputs:
    """Files that are read, so that nothing may be written in their place (see `place`).

    Args:
        paths: their places.
    """

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._alike: dict[str, set[str]] = {}
        for path in paths:
            self._alike.setdefault(path.casefold(), set()).add(path)

    def __contains__(self, target: Path) -> bool:
        at = place(target)
        alike = self._alike.get(at.casefold(), ())
        # On some disks names that differ by case are one file.
        return at in alike or any(_are_one(at, other) for other in alike)


def _are_one(path: str, other: str) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return os.path.samestat(os.lstat(path), os.lstat(other))
    return False


def keep_inputs(job: Job, targets: Iterable[Path], inputs: Inputs) -> None:
    """Raise `UserError` where a result would replace an input."""
    for target in targets:
        if target in inputs:
            raise UserError(
                f"{job.path}: its result {target} would replace an input; choose another --out"
            )


def keep_results(
    job: Job,
    targets: Iterable[Path],
    what: str = "",
    remedy: str = "--overwrite replaces it, --out puts results elsewhere",
) -> None:
    """Raise `UserError` where a result is there already; `what` tells more about it."""
    for target in targets:
        try:
            there = target.exists()
        except OSError as error:
            raise cannot_write(target, error) from error
        if there:
            raise UserError(f"{job.path}: its result {target} is there already{what}; {remedy}")


def keep(config: BatchConfig, jobs: Jobs, ends: Iterable[str], job: Job) -> None:
    """Raise `UserError` where a result, `job.name` and one of `ends`, must not be written."""
    if config.out is not None:
        targets = [config.out / f"{job.name}{end}" for end in ends]
        keep_inputs(job, targets, jobs.paths)
        if not config.overwrite:
            keep_results(job, targets)


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


def _rig_state(rig: Rig | None) -> tuple[tuple[str, tuple[int, int] | None], ...]:
    files = () if rig is None else rig.files
    return tuple((os.path.abspath(path), state_of(path)) for path in files)


def _keep_apart(jobs: list[Job]) -> None:
    names = {job.name.lower(): job for job in jobs}
    for job in jobs:
        for camera in job.rig.cameras if job.rig is not None else ():
            if other := names.get(f"{job.name}.{camera.name}".lower()):
                raise UserError(
                    f"{other.path}: its picture and that of camera {camera.name} of {job.path} "
                    "would have the same name; rename it, or make two runs"
                )


def _clashing(names: list[str]) -> list[int]:
    seen: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        seen.setdefault(name.lower(), []).append(i)
    return [i for group in seen.values() if len(group) > 1 for i in group]
