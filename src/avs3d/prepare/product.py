"""`Product`: what every kind of prepared data has, and what most of them share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from avs3d.errors import ReadError
from avs3d.io.source import brief, show
from avs3d.scan import Scan


@dataclass(frozen=True)
class Part:
    """Scans that are prepared together.

    Attributes:
        kind: of the dataset, see `avs3d.datasets`.
        labelset: of its labels, or None.
        name: of the part in names of files: ``train``, ``val``, ``test``, or what was chosen.
    """

    kind: str
    labelset: str | None
    name: str


class Product(Protocol):
    """Makes the files of a scan, each scan by itself, the same bytes from the same scan.

    It can be pickled, and loads its models when the first scan is made. A class that derives from
    this one has the methods below for nothing but `told` and `make`.

    Attributes:
        what: name of the command, and of the manifest.
    """

    what: str

    def told(self) -> dict[str, Any]:
        """Plain data that the files depend on besides the scans.

        Raises:
            UserError: a model is not there.
        """
        ...

    def make(self, scan: Scan, part: Part, folder: Path) -> tuple[str, ...]:
        """Write the files of a scan below a folder, by their places in the whole.

        Args:
            scan: called as its files are to be; every point has a position. No image was opened.
            part: that it is of.
            folder: empty.

        Returns:
            What of the scan was left out, and why, a line each.

        Raises:
            UserError: nothing can be made of it.
        """
        ...

    def options(self, kind: str) -> dict[str, Any]:
        """Options that a dataset of this kind is opened with where nothing else is said."""
        return {}

    def check(self, part: Part) -> None:
        """Raise `UserError` where no such part can be prepared."""
        return None

    def load(self) -> None:
        """Load the models, or raise `UserError`."""
        return None

    def join(self, parts: Mapping[str, list[Path]], part: Part, folder: Path) -> None:
        """Write what is made of all scans together below a folder: by default nothing.

        Args:
            parts: name -> the files of a scan, in the order of the dataset.
            part: that they are of.
            folder: empty.

        Raises:
            ReadError: one of the files is missing or damaged, see `reading`.
        """
        return None

    def alike(self, one: Path, other: Path) -> bool:
        """Whether two files whose bytes differ say the same: where numbers depend on the machine,
        up to its rounding."""
        return False


def all_sweeps(kind: str) -> dict[str, Any]:
    """The sweeps of half a second, as the authors' nuScenes has them."""
    return {"sweeps": 10} if kind == "nuscenes" else {}


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Around the reading of a file that was prepared: whatever is raised is a `ReadError` of it."""
    try:
        yield
    except Exception as error:  # a damaged file can raise anything in there
        damage = f"cannot be read ({brief(str(error))}); remove it, and"
        raise ReadError(
            f"{show(path)}: {damage if path.exists() else 'is missing;'} run the same without"
            " --check, --match and --every, which makes it again"
        ) from error
