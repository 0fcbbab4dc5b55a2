"""What a benchmark has found, row by row, and the evaluations that are kept of it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avs3d import __version__
from avs3d.atomic import write_json
from avs3d.errors import cannot_write
from avs3d.evaluation.benchmark_config import BenchmarkConfig, RowConfig
from avs3d.evaluation.evaluate import FILES, write_report
from avs3d.io.record import DONE

_MADE = "row.json"


@dataclass(frozen=True)
class Line:
    """A row and what came out.

    Attributes:
        row: its config.
        encoder: the text encoder of its bundle, or "" where that is not known.
        report: see `Evaluator.report`; None: it failed.
        error: why.
        scans: how many there are; the report says of how many it is.
    """

    row: RowConfig
    encoder: str = ""
    report: dict[str, Any] | None = None
    error: str = ""
    scans: int = 0

    @property
    def whole(self) -> bool:
        """Whether all scans were labelled and evaluated."""
        report = self.report
        return report is not None and not report["failures"] and report["scans"] == self.scans


class Reports:
    """Evaluations of rows that are kept in folders of their own.

    Args:
        config: of the benchmark.
        out: its folder.
    """

    def __init__(self, config: BenchmarkConfig, out: Path) -> None:
        self._config = config
        self._out = out

    def run_folder(self, row: RowConfig) -> Path:
        """Where the labelled scans of a row are."""
        return self._out / "runs" / self._config.folder_of(row)

    def folder(self, row: RowConfig) -> Path:
        """Where the evaluation of a row is."""
        return self._out / "evaluations" / self._config.report_of(row)

    def find(self, row: RowConfig) -> dict[str, Any] | None:
        """The report of an earlier time, where it is of the same results and every word that a
        language model was asked for got an answer."""
        folder = self.folder(row)
        try:
            if json.loads((folder / _MADE).read_text("utf-8")) != self._made(row):
                return None
            report: dict[str, Any] = json.loads((folder / FILES[0]).read_text("utf-8"))
            return None if any(m["no_answer"] for m in report["mappers"]) else report
        except (OSError, ValueError, RecursionError, LookupError, TypeError):
            return None

    def keep(self, row: RowConfig, report: dict[str, Any]) -> None:
        """Raises `UserError` where it cannot be written."""
        made = self._made(row)
        write_report(report, self.folder(row))
        try:
            write_json(self.folder(row) / _MADE, made)
        except OSError as error:
            raise cannot_write(self.folder(row), error) from error

    def _made(self, row: RowConfig) -> dict[str, Any]:
        """What a report is made from: as long as this stays, it stays."""
        digest = hashlib.sha256()
        for path in sorted(self.run_folder(row).glob(f"*{DONE}")):
            status = path.stat()
            digest.update(f"{path.name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        mapping = Path(os.path.expanduser(row.mapper))
        words = mapping.stat().st_mtime_ns if mapping.is_file() else None
        return {"avs3d": __version__, "results": digest.hexdigest(), "mapping": words}
