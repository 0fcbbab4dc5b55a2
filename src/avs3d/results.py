"""The files of one scan in the folder of a run: what is there, what may be replaced, what is whole.

A record, `STEM.done.json`, is written before the first file and again after the last one. Killed
at any moment, a run leaves either files with a record that says `finished`, or such that the next
run may replace.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avs3d import __version__
from avs3d.atomic import write_json
from avs3d.batch import timed
from avs3d.bundle_config import fingerprint
from avs3d.datasets.parts.files import state_of
from avs3d.errors import cannot_write
from avs3d.io import WRITERS, write
from avs3d.io.record import DONE, WORDS, read_record
from avs3d.jobs import BatchConfig, Inputs, Job, keep_inputs, keep_results

if TYPE_CHECKING:
    from avs3d.predictions import Predicted
    from avs3d.segmentation import Segmentation

CAPTIONS, PICTURE, PAGE = ".captions.json", ".png", ".html"
_OPTIONS = (
    "bundle", "views", "columns", "device", "seed", "picture", "min_score", "write", "published",
    "overlay", "report", "queries", "window",
)  # fmt: skip
_CALLED = {"state": "file of that name", "pixels": "set of features"}
"""What is not called as an option, or as it is."""
_OVERLAY = re.compile(r"\.[\w-]+\.png")


def _is_of(job: Job, name: str) -> bool:
    """Whether a file is called like a result of a scan."""
    end = name.removeprefix(job.name)
    known = end in (WORDS, CAPTIONS, PICTURE, PAGE, *WRITERS) or _OVERLAY.fullmatch(end) is not None
    return end != name and known


def _newest(folder: str | None) -> tuple[str, int, int] | None:
    """Where the features of images lie, how many files, and when the newest was changed (ns)."""
    if folder is None or not os.path.isdir(folder):
        return None
    states = [state for path in Path(folder).rglob("*") if (state := state_of(path)) is not None]
    return os.path.abspath(folder), len(states), max((time for _, time in states), default=0)


@dataclass(frozen=True)
class Results:
    """The results of every scan of a run.

    Attributes:
        config: what to do; `out` must be set.
        inputs: all of them, which no result may replace.
    """

    config: BatchConfig
    inputs: Inputs

    @property
    def ends(self) -> tuple[str, ...]:
        """What is added to a scan's name to make the names of its results."""
        picture = (PICTURE,) if self.config.picture else ()
        page = (PAGE,) if self.config.report else ()
        return (WORDS, CAPTIONS, *self.config.write, *picture, *page)

    def path(self, job: Job, end: str) -> Path:
        assert self.config.out is not None
        return self.config.out / f"{job.name}{end}"

    @property
    def predictions(self) -> Path:
        """The folder of what is in the dataset's own format."""
        assert self.config.out is not None
        return self.config.out / "predictions"

    def overlay(self, job: Job, camera: str) -> Path:
        """The picture of a camera."""
        return self.path(job, f".{camera}{PICTURE}")

    def find(self, job: Job) -> dict[str, Any] | None:
        """The record of a scan that is done already, by the same options from the same input.

        Of what is to be renewed the results are removed: nobody is to take them for new ones.

        Returns:
            None where it is to be done.

        Raises:
            UserError: a result would replace an input, or unasked a result that is another one.
        """
        targets = [self.path(job, end) for end in (*self.ends, DONE)]
        if self.config.overlay and job.rig is not None:
            targets[:0] = [self.overlay(job, camera.name) for camera in job.rig.cameras]
        keep_inputs(job, targets, self.inputs)
        if self.config.overwrite:
            return None
        record = read_record(targets[-1])
        if record is None:
            self._keep(job, targets)
            return None
        other = self._differences(job, record)
        if self.config.renew and (other or not self._are_whole(job, record)):
            self._discard(job, record)
            return None
        if other:
            told = ", ".join(_CALLED.get(name, name) for name in other)
            self._keep(job, targets, f", made with another {told}")
        if record["finished"] and not self._are_whole(job, record):
            self._keep(job, targets, ", but was changed since")
        return record if record["finished"] and not other else None

    def write(
        self,
        job: Job,
        result: Segmentation,
        found: dict[str, Any],
        timings: dict[str, float],
        predicted: Predicted | None = None,
    ) -> tuple[Path, ...]:
        """Write the results of a scan, replacing earlier ones.

        Args:
            job: the input.
            result: what was found.
            found: the same for `run.json`, with a `note` for the picture.
            timings: `write`, `picture`, `overlay` and `report` are added.
            predicted: for `config.predictions`, or None.

        Returns:
            The files.

        Raises:
            UserError: one cannot be written; see `discard`.
        """
        files = [self.path(job, end) for end in self.ends]
        cameras = result.scan.cameras if self.config.overlay else ()
        files += [self.overlay(job, camera.name) for camera in cameras]
        try:
            with timed(timings, "write"):
                self._begin(job, files)
                write_json(files[0], result.vocabulary.to_json())
                write_json(files[1], {job.name: result.captions})
                for end in self.config.write:
                    write(result, self.path(job, end), overwrite=True)
            if self.config.picture:
                with timed(timings, "picture"):
                    from avs3d.report.picture import draw

                    draw(result, self.path(job, PICTURE), note=found["note"])
            if cameras:
                with timed(timings, "overlay"):
                    from avs3d.report.overlay import draw_overlay

                    for camera in cameras:
                        draw_overlay(result, camera, self.overlay(job, camera.name))
            if self.config.report:
                with timed(timings, "report"):
                    self._write_page(job, replace(result, timings=timings), found)
            sizes = {path.name: path.stat().st_size for path in files}
            if predicted is not None:
                assert self.config.predictions is not None
                wanted = self.config.predictions
                files.append(wanted.write(self.predictions, job.key, predicted.ids))
                found["prediction_bytes"] = files[-1].stat().st_size
            self._write_record(job, True, sizes, found)
        except OSError as error:
            raise cannot_write(self.path(job, ".*"), error) from error
        return tuple(files)

    def _write_page(self, job: Job, result: Segmentation, found: dict[str, Any]) -> None:
        from avs3d.report.html import write_page

        write_page(
            result,
            self.path(job, PAGE),
            picture=self.path(job, PICTURE) if self.config.picture else None,
            warnings=(found["note"],),
            config=self.config.told(),
        )

    def discard(self, job: Job) -> None:
        """Remove what was written for a scan that was not finished."""
        record = read_record(self.path(job, DONE))
        if record is None or record["finished"] or self._differences(job, record):
            return
        self._discard(job, record)

    def _discard(self, job: Job, record: dict[str, Any]) -> None:
        self._remove(job, record)
        with contextlib.suppress(OSError):
            self.path(job, DONE).unlink()

    def _keep(self, job: Job, targets: list[Path], what: str = "") -> None:
        if self.config.selection is None:
            keep_results(job, targets, what)
        else:
            keep_results(job, targets, what, "--new begins anew, in another folder")

    def _begin(self, job: Job, files: list[Path]) -> None:
        """From now on the results are not whole; those of an earlier run are removed."""
        earlier = read_record(self.path(job, DONE)) or {"outputs": {}}
        names = dict.fromkeys([*earlier["outputs"], *(path.name for path in files)])
        self._write_record(job, False, names, {})
        self._remove(job, earlier)

    def _remove(self, job: Job, record: dict[str, Any]) -> None:
        ends = [name.removeprefix(job.name) for name in record["outputs"] if _is_of(job, name)]
        for path in (self.path(job, end) for end in ends):
            if path not in self.inputs:
                path.unlink(missing_ok=True)

    def _write_record(
        self, job: Job, finished: bool, outputs: dict[str, Any], found: dict[str, Any]
    ) -> None:
        record = {"finished": finished, "made": self._made(job), "outputs": outputs, "scan": found}
        write_json(self.path(job, DONE), record)

    def _are_whole(self, job: Job, record: dict[str, Any]) -> bool:
        """Whether the files of a record are there as they were written."""
        assert self.config.out is not None
        sizes = {self.config.out / name: size for name, size in record["outputs"].items()}
        if self.config.predictions is not None:
            path = self.config.predictions.path(self.predictions, job.key)
            sizes[path] = record["scan"].get("prediction_bytes")
        with contextlib.suppress(OSError):
            return all(path.stat().st_size == size for path, size in sizes.items())
        return False

    def _differences(self, job: Job, record: dict[str, Any]) -> list[str]:
        """Names of what is not as it was when the results were made."""
        made = self._made(job)
        return [key for key, value in made.items() if record["made"].get(key) != value]

    def _made(self, job: Job) -> dict[str, Any]:
        """What the results of a scan are made from: as long as this stays, they stay."""
        words, files = job.given.vocabulary, job.given.features
        made = {
            "input": os.path.abspath(job.path),
            "state": job.state,
            "vocabulary": None if words is None else words.words,
            "captions": job.given.captions,
            "features": [[os.path.abspath(file), state] for file, state in files.items()] or None,
            "images": job.rig_state,
            **self._options,
        }
        plain: dict[str, Any] = json.loads(json.dumps(made))  # as it is read back
        return plain

    @cached_property
    def _options(self) -> dict[str, Any]:
        wanted = self.config.predictions
        return {
            "avs3d": __version__,
            "sources": self.config.sources.told(),
            "pixels": _newest(self.config.sources.pixels),
            "predictions": None if wanted is None else vars(wanted),
            "weights": fingerprint(self.config.bundle),
            **{name: getattr(self.config, name) for name in _OPTIONS},
        }
