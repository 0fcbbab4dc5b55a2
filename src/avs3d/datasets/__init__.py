"""Datasets and recordings as scans: a module of this folder is a dataset.

To add one, write ``avs3d/datasets/NAME.py`` with a class ``Reader`` that derives from `Dataset`, or
name such a class in the entry points ``avs3d.datasets`` of a package. It is called as
``Reader(root, **options)``, all options by name, and has a static method ``fits(root) -> bool``:
whether the folder looks like that dataset, told by a few names in it.
"""

from __future__ import annotations

import difflib
import glob
import importlib
import inspect
import pkgutil
from importlib.metadata import EntryPoint, entry_points
from numbers import Integral
from pathlib import Path
from typing import Any

from avs3d.datasets.parts.dataset import Dataset
from avs3d.errors import UserError
from avs3d.io.source import show

__all__ = ["Dataset", "guess", "kinds", "open_dataset", "splits_of"]

_GROUP = "avs3d.datasets"
_FOLDER = "folder"


def open_dataset(root: str | Path, kind: str | None = None, **options: Any) -> Dataset:
    """The scans below `root`.

    Args:
        root: a folder, a recording, or a glob.
        kind: one of `kinds`; by default `guess`.
        options: those of the dataset (docs/datasets.md).

    Raises:
        UserError: no such kind or option, a text in place of a number, or a choice that the dataset
            does not have.
        ReadError: a table of the dataset is missing or damaged.
    """
    root = Path(root)
    kind = guess(root) if kind is None else kind
    reader = _reader(kind)
    known = dict(list(inspect.signature(reader).parameters.items())[1:])
    for option, value in options.items():
        if option not in known:
            near = difflib.get_close_matches(option, known, n=1)
            there = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'none'}"
            raise UserError(f"{kind} has no option {option!r}; {there}")
        # A module can have its annotations as texts.
        if known[option].annotation in (int, "int") and not isinstance(value, Integral):
            raise UserError(f"{option}={value}: give a whole number")
        if isinstance(value, Integral) and "int" not in str(known[option].annotation):
            options[option] = str(value)  # a text of digits, as the command line has it
    opened: Dataset = reader(root, **options)
    return opened


def kinds() -> tuple[str, ...]:
    """The datasets that there are, sorted; `folder`, which takes any files, is the last."""
    found = {item.name for item in pkgutil.iter_modules(__path__) if not item.ispkg}
    return (*sorted((found | _entries().keys()) - {_FOLDER}), _FOLDER)


def guess(root: str | Path) -> str:
    """The kind of dataset that a folder, a recording or a glob is.

    Raises:
        UserError: there is nothing, or it looks like several.
    """
    root = Path(root)
    if not root.exists() and not glob.has_magic(str(root)):
        raise UserError(f"{show(root)}: no such file or folder; check the path")
    fitting = [kind for kind in kinds() if kind != _FOLDER and _reader(kind).fits(root)]
    if len(fitting) > 1:
        raise UserError(
            f"{show(root)}: looks like {' and like '.join(fitting)}; say which dataset it is"
        )
    return fitting[0] if fitting else _FOLDER


def splits_of(root: str | Path, kind: str) -> tuple[str, ...]:
    """The splits of a root, see `Dataset.splits`. Raises `UserError`: no such kind."""
    found: tuple[str, ...] = _reader(kind).splits(Path(root))
    return found


def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=_GROUP)}


def _reader(kind: str) -> Any:
    """The class of that kind; its module is imported now."""
    if kind not in kinds():
        near = difflib.get_close_matches(kind, kinds(), n=3, cutoff=0.4)
        raise UserError(f"no dataset {kind!r}; there are {', '.join(near or kinds())}")
    if kind in _entries():
        return _entries()[kind].load()
    return importlib.import_module(f"{__name__}.{kind}").Reader
