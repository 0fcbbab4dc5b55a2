"""Label sets of public benchmarks: names, colours, and which raw ids of a file mean which class.

One data file each, beside this one; a new set is a new file. Facts of the datasets, no code.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from avs3d.errors import UserError
from avs3d.palette import palette

_FOLDER = Path(__file__).parent
IGNORED = 255
"""Class of points that no metric counts."""


@dataclass(frozen=True)
class LabelSet:
    """The classes of a benchmark; a class id is an index into `classes`.

    Attributes:
        name: what `load` takes, for example ``nuscenes-16``.
        title: one line for people.
        classes: C class names.
        colors: (C, 3) uint8 RGB; the benchmark's own where it has some, else `avs3d.palette`'s.
        ids: whose raw ids it reads; sets with the same one read the same label files. Empty for a
            set that only names things (``nuscenes-43``).
        raw_to_class: id in the dataset's label files -> class id, or 255. Likewise.
        raw_names: id in the dataset's label files -> the dataset's name for it, where they differ.
        export_ids: for each class the id to write in the dataset's own format of predictions.
        parent: name of the coarser set that `to_parent` leads to, or None.
        to_parent: for each class the class id in `parent`, or 255.
        detailed: name of the set whose names say more exactly what the classes hold and whose
            parent is this one (``nuscenes-43``), or None.
        groups: name of a group (``head``) -> its class names.
        ignored: class id that metrics leave out.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    colors: np.ndarray
    ids: str = ""
    raw_to_class: dict[int, int] = field(default_factory=dict)
    raw_names: dict[int, str] = field(default_factory=dict)
    export_ids: tuple[int, ...] = ()
    parent: str | None = None
    to_parent: tuple[int, ...] = ()
    detailed: str | None = None
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ignored: int = IGNORED

    def __len__(self) -> int:
        return len(self.classes)

    def to_classes(self, raw: np.ndarray) -> np.ndarray:
        """Class ids, uint8 of the shape of `raw`, of raw ids; 255 for ids that are no class.

        Args:
            raw: integers as the dataset's label files hold them (for SemanticKITTI the low 16
                bits of each value).
        """
        raw = np.asarray(raw)
        size = max(self.raw_to_class, default=0) + 1
        table = np.full(size + 1, self.ignored, dtype=np.uint8)
        table[list(self.raw_to_class)] = list(self.raw_to_class.values())
        known = (raw >= 0) & (raw < size)
        return table[np.where(known, raw, size).astype(np.intp)]


def names() -> tuple[str, ...]:
    """The label sets that `load` knows, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))


def load(name: str) -> LabelSet:
    """The label set of that name.

    Raises:
        UserError: there is none; the nearest names are offered.
    """
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.4)
        raise UserError(f"no label set {name!r}; there are {', '.join(near or known)}")
    content = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    classes = tuple(content["classes"])
    colors = content.get("colors")
    return LabelSet(
        name=name,
        title=content["title"],
        classes=classes,
        colors=palette(classes) if colors is None else np.array(colors, dtype=np.uint8),
        ids=content.get("ids", ""),
        raw_to_class=_by_id(content.get("raw_to_class", {})),
        raw_names=_by_id(content.get("raw_names", {})),
        export_ids=tuple(content.get("export_ids", ())),
        parent=content.get("parent"),
        to_parent=tuple(content.get("to_parent", ())),
        detailed=content.get("detailed"),
        groups={group: tuple(names) for group, names in content.get("groups", {}).items()},
    )


def plain(name: str) -> str:
    """A name as it is compared with others: case, ``-`` and ``_`` do not count."""
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split())


def _by_id(mapping: dict) -> dict:
    return {int(key): value for key, value in mapping.items()}
