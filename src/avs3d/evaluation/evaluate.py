"""`Evaluator`: the scans of runs and their labels, through `Evaluation`, to one report."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avs3d import labelsets
from avs3d.atomic import write_bytes, write_json
from avs3d.batch import make_folder
from avs3d.errors import UserError, cannot_write
from avs3d.evaluation.again import Baselines, Labelled, encode_again, without_void
from avs3d.evaluation.asking import ChatMapper
from avs3d.evaluation.evaluation import Evaluation
from avs3d.evaluation.mappers import THRESHOLD, load_mapper
from avs3d.evaluation.origin import Origin
from avs3d.evaluation.page import page
from avs3d.evaluation.stored import GroundTruth, StoredScan, stored_scans
from avs3d.io.source import show

if TYPE_CHECKING:
    from avs3d.pipeline import Pipeline

COMPARED = ("minilm", "names")
"""Mappers that every result is compared with: it may hang on the mapper."""
FILES = ("evaluation.json", "evaluation.csv", "evaluation.words.csv", "evaluation.html")


@dataclass(frozen=True)
class EvaluationConfig:
    """What to evaluate, and how.

    Attributes:
        runs: folders of `avs3d segment`.
        labels: files and folders of labels; none: what the scans carry.
        labelset: name of the classes; None: those of the dataset that the first run was made from.
        mappers: see `load_mapper`; the first makes the tables, the others and `COMPARED` are
            compared with it.
        threshold, samples: likewise.
        void: ``wrong``: points whose word means no class are wrong; ``remove``: such words are
            taken away, and the scan is labelled again without them.
        published: points without a word are left out of IoU, as in the published code.
        baselines: label the scans again with other vocabularies, for comparison.
        device: of the bundle, see `avs3d.load`, and of a language model.
        seed: of bootstrap and random nouns.
    """

    runs: tuple[Path, ...]
    labels: tuple[Path, ...]
    labelset: str | None = None
    mappers: tuple[str, ...] = COMPARED
    threshold: float = THRESHOLD
    samples: int = 0
    void: str = "wrong"
    published: bool = False
    baselines: bool = True
    device: str = "auto"
    seed: int = 0


@dataclass
class Evaluator:
    """Iterate to get `(scan, None or why it failed)` for each scan, then ask for `report`.

    Attributes:
        config: what to do.
        status: called with a few words whenever something slow begins.
        errors: scans that failed.

    Raises:
        UserError: no such run, labels, label set or mapper.
    """

    config: EvaluationConfig
    status: Callable[[str], None] = lambda text: None
    errors: dict[StoredScan, Exception] = field(default_factory=dict)

    def __post_init__(self) -> None:
        config = self.config
        found = {scan.path.resolve(): scan for run in config.runs for scan in stored_scans(run)}
        self._scans = [*found.values()]  # a run may be named twice, as `latest` for example
        self._origins = {scan.folder: Origin(scan.folder) for scan in self._scans}
        labels = labelsets.load(config.labelset or self._told_labelset())
        if not labels.raw_to_class:
            raise UserError(f"--labelset {labels.name}: only names things; no labels are of it")
        self._truth = GroundTruth(config.labels)
        specs = dict.fromkeys([*config.mappers, *COMPARED])
        more = config.threshold, config.samples, config.device
        mappers = [load_mapper(spec, *more) for spec in specs]
        self.evaluation = Evaluation(labels, mappers, config.published, config.seed)
        self._pipeline: Pipeline | None = None
        self._baselines: Baselines | None = None
        self._bundle: str | None = None
        self._given: set[bool] = set()
        self._removed: set[str] = set()

    def __len__(self) -> int:
        return len(self._scans)

    def __iter__(self) -> Iterator[tuple[StoredScan, Exception | None]]:
        if self.config.baselines or self.config.void == "remove":
            self._prepare()
        for scan in self._scans:
            self.status(scan.name)
            try:
                self._add(scan)
            except Exception as error:  # the other scans are still counted
                self.errors[scan] = error
            yield scan, self.errors.get(scan)

    def _told_labelset(self) -> str:
        folder, origin = next(iter(self._origins.items()))
        if origin.labelset is None:
            raise UserError(
                f"{show(folder)}: was made from no dataset whose classes are known; give --labelset"
            )
        return origin.labelset

    def asked(self) -> list[str]:
        """What language models were asked and what that took, a line each."""
        return [
            f"{mapper.name}: {mapper.chat.usage.line()}"
            for mapper in self.evaluation.mappers
            if isinstance(mapper, ChatMapper)
        ]

    def _prepare(self) -> None:
        """What labels scans again."""
        from avs3d.pipeline import load

        bundle, config = self._scans[0].bundle, self.config
        self.status(f"loading {bundle}")
        try:
            self._pipeline = load(bundle, config.device)
        except UserError as error:
            raise UserError(f"{error} (--no-baselines and --void wrong need no bundle)") from None
        if config.baselines:
            # Random nouns are many, and a language model's answers are dear.
            asked = [isinstance(mapper, ChatMapper) for mapper in self.evaluation.mappers]
            mapping = self.evaluation.mappings[asked.index(False)]
            self._baselines = Baselines(mapping, config.published, config.seed)

    def _add(self, scan: StoredScan) -> None:
        result = scan.read()
        self._check_origin(scan)
        truth = self._truth.read(scan, result, self.evaluation.labels)
        self._bundle = self._bundle or result.bundle
        if result.bundle != self._bundle:
            raise UserError(
                f"{scan.path}: was made with bundle {result.bundle}, scans before it with"
                f" {self._bundle}; evaluate them apart"
            )
        others: list[Labelled] = []
        if self._pipeline is not None:
            encoded = encode_again(self._pipeline, scan, result)
            if self.config.void == "remove":
                words = result.vocabulary.words
                ids = self.evaluation.mappings[0].ids(words)
                self._removed.update(words[i] for i in range(len(words)) if ids[i] < 0)
                result = without_void(encoded, result, ids, scan.min_score)
            if self._baselines is not None:
                others = self._baselines.label(encoded, truth, len(result.vocabulary))
        conditions = self._origins[scan.folder].conditions(scan)
        self.evaluation.add(scan.name, result, truth, scan.sources(), conditions)
        if self._baselines is not None:
            self._baselines.add(others)  # last, so that no table counts a scan that fails
        self._given.add(scan.given)

    def _check_origin(self, scan: StoredScan) -> None:
        """Refuse the labels of a dataset that means other things by the same ids."""
        own = None if self.config.labels else self._origins[scan.folder].known_labelset
        labels = self.evaluation.labels
        if own not in (None, labels.name) and labelsets.load(own).ids != labels.ids:
            raise UserError(
                f"{scan.path}: its labels are those of {own}, not of {labels.name}; evaluate it"
                f" apart, with --labelset {own}, or give --labels"
            )

    def report(self) -> dict[str, Any]:
        """All numbers and what they are of, as plain data; see docs/evaluation.md.

        Raises:
            UserError: no scan could be evaluated.
        """
        if not self._given:
            raise UserError("no scan could be evaluated; nothing is written")
        config = self.config
        return {
            "runs": [str(run) for run in config.runs],
            "bundle": self._bundle,
            "labelset": self.evaluation.labels.name,
            "mapper": self.evaluation.mappers[0].name,
            "threshold": config.threshold,
            "samples": config.samples,
            "void": config.void,
            "published": config.published,
            "words_are": "found and given" if len(self._given) > 1 else
            "given" if True in self._given else "found",
            "removed_words": sorted(self._removed),
            **self.evaluation.table(),
            "baselines": None if self._baselines is None else self._baselines.table(),
            "failures": [
                {"scan": str(scan.path), "error": str(error)} for scan, error in self.errors.items()
            ],
        }  # fmt: skip


def write_report(report: dict[str, Any], out: Path) -> list[Path]:
    """Write `FILES` into a folder, and return their paths.

    ``evaluation.csv`` has a line a class, ``evaluation.words.csv`` a line a word;
    ``evaluation.html`` is for people.

    Raises:
        UserError: they cannot be written.
    """
    make_folder(out)
    paths = [out / name for name in FILES]
    try:
        write_json(paths[0], report)
        write_bytes(paths[1], _csv(report["classes"]))
        write_bytes(paths[2], _csv(report["words"]))
        write_bytes(paths[3], page(report).encode("utf-8", "replace"))
    except OSError as error:
        raise cannot_write(out, error) from error
    return paths


def _csv(rows: list[dict[str, Any]]) -> bytes:
    """Lines with names above them; the two ends of an interval are two columns."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    for number, row in enumerate(rows):
        row = {key: value for key, value in row.items() if not isinstance(value, dict)}
        if "interval" in row:
            low, high = row["interval"] or (None, None)
            row = {k: v for k, v in row.items() if k != "interval"} | {"low": low, "high": high}
        if number == 0:
            writer.writerow(row)
        writer.writerow(" ".join(v.splitlines()) if isinstance(v, str) else v for v in row.values())
    return stream.getvalue().encode("utf-8", "replace")
