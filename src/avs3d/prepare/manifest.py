"""What was prepared: a line a scan while it goes on, so that it can be taken up again; at the end
one JSON file beside the data."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avs3d.atomic import write_bytes
from avs3d.errors import UserError
from avs3d.io.source import show

ENDING = ".manifest.json"
_CHUNK = 1 << 20
_BLOCK = 4096  # bytes of a disk that the smallest file takes
Files = dict[str, tuple[int, str]]
"""Path from the folder of all -> bytes and sha256."""


@dataclass(frozen=True)
class Made:
    """A scan that was made.

    Attributes:
        files: of it.
        left_out: what of it was left out, and why, a line each.
    """

    files: Files
    left_out: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, told: Any) -> Made:
        """Raises `TypeError`, `KeyError` or `ValueError` where it is not like that."""
        return cls(files_from(told["files"]), tuple(map(str, told["left_out"])))

    @property
    def room(self) -> int:
        """Bytes that it takes on a disk."""
        return sum(-(-size // _BLOCK) * _BLOCK for size, _ in self.files.values())


@dataclass
class Manifest:
    """The record of a part.

    Attributes:
        path: of the JSON.
        config: plain data, what the files depend on.
        scans: by name, those that are whole.
        joined: what was made of all scans together.
        replacing: the run that began it was allowed to replace what was there.
    """

    path: Path
    config: dict[str, Any]
    scans: dict[str, Made] = field(default_factory=dict)
    joined: Files = field(default_factory=dict)
    replacing: bool = False

    def read(self) -> None:
        """Add what is written there, if anything is.

        Raises:
            UserError: it is none, or of another config.
        """
        if not self.path.exists():
            return
        with _one_of_ours(self.path):
            told = json.loads(self.path.read_bytes())
            self._take(told["config"], told["scans"])
            self.joined |= files_from(told["joined"])

    def goes_on(self, journal: Path) -> bool:
        """Whether a journal is of this config, begun to replace what is there."""
        return _whole_lines(journal)[:1] == [self._header]

    def resume(self, journal: Path) -> None:
        """Add what a journal has, and go on with it.

        Raises:
            UserError: it is of another config.
        """
        lines = _whole_lines(journal)
        if len(lines) > 1:  # else it came to nothing
            with _one_of_ours(journal):
                self.replacing |= bool(lines[0]["replacing"])
                self._take(lines[0]["config"], dict(lines[1:]))
        text = "".join(json.dumps(line) + "\n" for line in [self._header, *lines[1:]])
        write_bytes(journal, text.encode())

    def add(self, name: str, made: Made, journal: Path) -> None:
        """A scan is whole."""
        self.scans[name] = made
        with open(journal, "a", encoding="utf-8") as file:
            file.write(json.dumps([name, vars(made)]) + "\n")

    def write(self, order: list[str], told: dict[str, Any]) -> None:
        """Write the JSON: `told`, then a line for each scan in the order of names."""
        names = [*order, *sorted(self.scans.keys() - set(order))]
        self.scans = {name: self.scans[name] for name in names if name in self.scans}
        lines = [f"{json.dumps(name)}: {json.dumps(vars(self.scans[name]))}" for name in self.scans]
        head = json.dumps({**told, "config": self.config, "joined": self.joined}, indent=1)
        scans = ",\n  ".join(lines)
        text = f'{head[:-2]},\n "scans": {{\n  {scans}\n }}\n}}\n'
        write_bytes(self.path, text.encode())

    @property
    def _header(self) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(
            json.dumps({"config": self.config, "replacing": self.replacing})
        )
        return plain

    def _take(self, config: Any, scans: dict[str, Any]) -> None:
        wanted = self._header["config"].items()
        keys = [key for key, value in wanted if config.get(key) != value]
        if keys:
            raise UserError(
                f"{show(self.path.parent)}: holds what was made with another {', '.join(keys)};"
                " choose another --out, or pass --overwrite, which makes everything again"
            )
        self.scans |= {name: Made.from_json(made) for name, made in scans.items()}


def files_from(told: Any) -> Files:
    """As `Made.from_json`."""
    return {str(name): (int(size), str(digest)) for name, (size, digest) in told.items()}


def described(folder: Path) -> Files:
    """What lies below a folder, by the path from it, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): described_file(path) for path in files}


def described_file(path: Path) -> tuple[int, str]:
    """Bytes and sha256."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while part := file.read(_CHUNK):
            digest.update(part)
            size += len(part)
    return size, digest.hexdigest()


def are_there(files: Files, folder: Path) -> bool:
    """Whether the files are in a folder with the sizes that they had."""
    with contextlib.suppress(OSError):
        return all((folder / name).stat().st_size == size for name, (size, _) in files.items())
    return False


@contextlib.contextmanager
def _one_of_ours(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UserError(
            f"{show(path)}: is no record of avs3d; move it away, or pass --overwrite, which makes"
            " everything again"
        ) from None


def _whole_lines(journal: Path) -> list[Any]:
    """What a journal holds; of a line that was broken off, and what follows it, nothing."""
    found: list[Any] = []
    with contextlib.suppress(OSError, ValueError, RecursionError):
        for line in journal.read_bytes().splitlines():
            found.append(json.loads(line))
    return found
