"""What a benchmark compares: the config of `avs3d benchmark`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from avs3d.config_file import STRICT, read_config_file
from avs3d.evaluation.mappers import THRESHOLD

OWN = ("points", "images", "both")
"""Vocabularies that scans find themselves, by whose sentences give the words."""
Feature = Literal["distill", "fusion", "ensemble"]


class RowConfig(BaseModel):
    """A line of the tables.

    Attributes:
        name: what the tables call it; None: the name of the bundle.
        bundle: see `avs3d.load`.
        vocabulary: ``points``, ``images``, ``both``: the scans' own words, of which captions;
            ``names``: of the classes; ``detailed``: their detailed names; ``present``: of the
            classes that are truly in the scan, an oracle; ``random``: as many nouns as there are
            classes, drawn for each scan; or what `avs3d segment --vocabulary` takes.
        image_captioner: see `avs3d.captioning.load_image_captioner`.
        feature, features: see `avs3d run`.
        mapper: see `avs3d.evaluation.mappers.load_mapper`.
    """

    model_config = STRICT

    name: str | None = Field(None, min_length=1, max_length=200)
    bundle: str = Field("street-mini", min_length=1, max_length=1000)
    vocabulary: str = Field("points", min_length=1, max_length=10_000)
    image_captioner: str | None = Field(None, min_length=1, max_length=1000)
    feature: Feature | None = None
    features: str | None = Field(None, min_length=1, max_length=1000)
    mapper: str = Field("minilm", min_length=1, max_length=1000)

    @property
    def title(self) -> str:
        """What the tables call it."""
        return self.name or Path(self.bundle).name


class BenchmarkConfig(BaseModel):
    """Rows, and the scans that all of them are about.

    Attributes:
        dataset: its folder, recording or glob.
        kind: see `avs3d.datasets.open_dataset`; None: seen.
        split, options: of the dataset, likewise.
        match, every: see `avs3d run`.
        labelset: the classes; None: those of the dataset.
        threshold, samples: of mappers, see `load_mapper`.
        published: see `avs3d.evaluation.evaluate.EvaluationConfig`.
        seed: of whatever is drawn at random.
        rows: at least one.
    """

    model_config = STRICT

    dataset: str = Field(min_length=1, max_length=1000)
    kind: str | None = Field(None, min_length=1, max_length=100)
    split: str | None = Field(None, min_length=1, max_length=100)
    options: dict[str, str | int] = Field(default_factory=dict)
    match: str | None = Field(None, min_length=1, max_length=1000)
    every: int = Field(1, ge=1)
    labelset: str | None = Field(None, min_length=1, max_length=100)
    threshold: float = Field(THRESHOLD, ge=-1, le=1)
    samples: int = Field(0, ge=0, le=100)
    published: bool = False
    seed: int = Field(0, ge=0)
    rows: list[RowConfig] = Field(min_length=1, max_length=1000)

    @property
    def dataset_options(self) -> dict[str, Any]:
        """Those of the dataset, with the split."""
        return self.options | ({} if self.split is None else {"split": self.split})

    @property
    def scans(self) -> dict[str, Any]:
        """What says which scans the rows are about."""
        told: dict[str, Any] = self.model_dump(
            include={"dataset", "kind", "split", "options", "match", "every", "seed"}
        )
        return told

    def folder_of(self, row: RowConfig) -> str:
        """The name of the folder with the run of a row; rows that differ in the mapper alone share
        it."""
        told = row.model_dump(exclude={"name", "mapper"})
        return f"{_plain(row.bundle)}-{_plain(row.vocabulary)}-{_digest([told, self.scans])}"

    def report_of(self, row: RowConfig) -> str:
        """The name of the folder with the evaluation of a row."""
        how = self.model_dump(include={"labelset", "threshold", "samples", "published"})
        return f"{self.folder_of(row)}-{_plain(row.mapper)}-{_digest([row.mapper, how])}"


def read_benchmark(path: Path) -> BenchmarkConfig:
    """The config in a ``.yaml``, ``.yml`` or ``.json`` file.

    Raises:
        ReadError: it cannot be read, or has keys that are unknown, missing or wrong.
    """
    return read_config_file(path, BenchmarkConfig, "a benchmark")


def _plain(text: str) -> str:
    """A part of the name of a folder."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in text)
    return kept.strip("-")[-24:].strip("-") or "x"


def _digest(told: Any) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]
