"""The dataset that a run was made from: which classes its labels are of, and what it says of scans.

The labels themselves are in the results, which keep every column of their scans.
"""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from avs3d.errors import UserError
from avs3d.evaluation.stored import StoredScan
from avs3d.io.source import show
from avs3d.run_folder import read_run_config
from avs3d.selection import Selection

if TYPE_CHECKING:
    from avs3d.datasets import Dataset


class Origin:
    """The dataset of a run of `avs3d run`; opened when it is first needed.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def dataset(self) -> Dataset | None:
        """None for a run that is of files.

        Raises:
            UserError: it is not where it was, or can no longer be read.
        """
        config = read_run_config(self._folder)
        told = config.get("selection") if isinstance(config, dict) else None
        if not isinstance(told, dict) or not isinstance(told.get("root"), str):
            return None
        kind, options = told.get("kind"), told.get("options")
        try:
            return Selection(
                Path(told["root"]),
                kind if isinstance(kind, str) else None,
                options if isinstance(options, dict) else {},
            ).dataset
        except UserError as error:
            raise UserError(
                f"{show(self._folder)}: the dataset that it was made from cannot be opened"
                f" ({error}); give --labelset to do without it"
            ) from None

    @cached_property
    def labelset(self) -> str | None:
        """Name of the label set of its classes; None: there is no dataset, or it has none."""
        return None if self.dataset is None else self.dataset.labelset

    @property
    def known_labelset(self) -> str | None:
        """The same; None also where the dataset cannot be opened."""
        with contextlib.suppress(UserError):
            return self.labelset
        return None

    def conditions(self, scan: StoredScan) -> tuple[str, ...]:
        """Those under which a scan was taken, where the dataset is there and tells."""
        index = self._indices.get(os.path.abspath(scan.input))
        return () if index is None or self.dataset is None else self.dataset.conditions(index)

    @cached_property
    def _indices(self) -> dict[str, int]:
        """Path that a job of the run has -> which scan it is."""
        try:
            dataset = self.dataset
        except UserError:  # the labels may do without
            return {}
        if dataset is None:
            return {}
        keys = (dataset.key(index) for index in range(len(dataset)))
        return {os.path.abspath(dataset.root / key): index for index, key in enumerate(keys)}
