"""What was prepared: a line a scan while it goes on, so that it can be taken up again; at the end
one JSON file beside the data."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
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
        joined_of: `digest` of the scans that it was made of.
        replaced: scans that were to be made again -> the files that they had; those that were, too,
            until the run is at its end.
    """

    path: Path
    config: dict[str, Any]
    scans: dict[str, Made] = field(default_factory=dict)
    joined: Files = field(default_factory=dict)
    joined_of: str = ""
    replaced: dict[str, Files] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """What is written there, of whatever config; nothing where there is no file.

        Raises:
            UserError: it is no manifest.
        """
        if not path.exists():
            return cls(path, {})
        with _one_of_ours(path):
            told = json.loads(path.read_bytes())
            replaced = {name: files_from(files) for name, files in told.get("replaced", {}).items()}
            joined = files_from(told["joined"]), str(told.get("joined_of", ""))
            return cls(path, dict(told["config"]), _scans_from(told["scans"]), *joined, replaced)

    @classmethod
    def of_journal(cls, path: Path) -> Manifest:
        """What a run wrote down that was stopped; nothing where none was.

        Raises:
            UserError: it is no journal.
        """
        head, *scans = _whole_lines(path) or [{"config": {}}]
        with _one_of_ours(path):
            return cls(path, dict(head["config"]), _scans_from(dict(scans)))

    def take(self, other: Manifest, again: Collection[str]) -> None:
        """Add what a newer record has; of another config, the files that are to be replaced.

        Args:
            other: the record.
            again: scans that are made again.

        Raises:
            UserError: it is of another config, and has other scans than these.
        """
        if self.differs(other, again):
            for name, made in other.scans.items():
                self.replace(name, made.files)
        else:
            self.scans |= other.scans
            self.joined_of = other.joined_of or self.joined_of
        for name, files in other.replaced.items():
            if name in other.scans:
                self.replaced[name] = self.replaced.get(name, {}) | files
            else:  # it was begun there, and came to nothing
                self.replace(name, files)
        self.joined |= other.joined

    def differs(self, other: Manifest, again: Collection[str] = ()) -> bool:
        """Whether another record is of another config; see `take`."""
        mine, its = self.config, other.config
        keys = [key for key in mine if its.get(key) != mine[key]]
        others = other.scans.keys() - again
        if keys and others:
            if "root" in keys:  # else who reads it looks for a difference in the options
                keys[keys.index("root")] = f"from {show(str(its.get('root')))}"
            raise UserError(
                f"{show(self.path.parent)}: holds {len(others):,} scans, such as"
                f" {show(min(others))}, that were made otherwise ({', '.join(keys)}); choose"
                " another --out or --name, or make all of them again, with --overwrite and without"
                " --match, --every and --shard"
            )
        return bool(keys)

    def replace(self, name: str, files: Files) -> None:
        """A scan is to be made again, in place of its files and of others."""
        made = self.scans.pop(name, Made({}))
        self.replaced[name] = {**self.replaced.get(name, {}), **made.files, **files}

    def digest(self, names: Iterable[str]) -> str:
        """sha256 of what is known of some scans' files, which changes with their order as well."""
        told = json.dumps([[name, self.scans[name].files] for name in names])
        return hashlib.sha256(told.encode()).hexdigest()

    def begin(self, journal: Path) -> None:
        """Write an empty journal."""
        write_bytes(journal, (json.dumps({"config": self.config}) + "\n").encode())

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
        joined = {"joined": self.joined, "joined_of": self.joined_of}
        told = {**told, "config": self.config, **joined}
        if self.replaced:
            told["replaced"] = self.replaced
        head = json.dumps(told, indent=1)
        scans = ",\n  ".join(lines)
        text = f'{head[:-2]},\n "scans": {{\n  {scans}\n }}\n}}\n'
        write_bytes(self.path, text.encode())


def _scans_from(told: Any) -> dict[str, Made]:
    return {str(name): Made.from_json(made) for name, made in told.items()}


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
        raise UserError(f"{show(path)}: is no record of avs3d; move it away") from None


def _whole_lines(journal: Path) -> list[Any]:
    """What a journal holds; of a line that was broken off, and what follows it, nothing."""
    found: list[Any] = []
    with contextlib.suppress(OSError, ValueError, RecursionError):
        for line in journal.read_bytes().splitlines():
            found.append(json.loads(line))
    return found
