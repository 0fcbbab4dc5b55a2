"""Gets published weights by name: downloads once, converts once, and keeps the bundle."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from avs3d.bundle_config import CONFIG
from avs3d.cache import cache_root
from avs3d.convert.known import KNOWN, Known, Source
from avs3d.errors import UserError

_PART = 1 << 20
_MAX_BYTES = 4 << 30
_TIMEOUT = 30  # seconds without an answer
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def bundle_folder(name: str) -> Path:
    """Where the bundle of a name in `KNOWN` is kept once it has been made."""
    return cache_root() / "bundles" / name


def fetch(name: str) -> Path:
    """The folder of the bundle `name`, made now unless it is there.

    Of several processes that want it, one makes it and the others wait for that. Files that lie in
    the folder of downloads already, from an earlier try or put there by hand, are taken as they
    are.

    Raises:
        UserError: a file could not be fetched (the text tells what to get and where to put it), or
            what came is not what it should be.
    """
    folder = bundle_folder(name)
    if not (folder / CONFIG).is_file():
        with _alone(folder):
            if not (folder / CONFIG).is_file():
                _make(name, folder)
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While no other process makes this folder."""
    from filelock import FileLock

    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be made ({error.strerror or error}); make room, or name another "
            "folder for the cache in AVS3D_CACHE"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _make(name: str, folder: Path) -> None:
    known = KNOWN[name]
    downloads = cache_root() / "downloads"
    files = [downloads / source.file for source in known.sources]
    for path, source in zip(files, known.sources, strict=True):
        if not path.is_file():
            _download(source, path, name, known)
    from avs3d.convert.bundle import convert

    convert(
        files,
        folder,
        name=name,
        voxel_size=known.voxel_size,
        source=" ".join(source.url for source in known.sources),
        overwrite=True,  # of files without a config, which are no bundle
    )


def _download(source: Source, path: Path, name: str, known: Known) -> None:
    reason = ""
    if any(os.environ.get(switch, "0") not in ("", "0") for switch in _OFFLINE):
        reason = "this machine is told to stay offline"
    else:
        try:
            with urllib.request.urlopen(source.url, timeout=_TIMEOUT) as response:
                _save(response, path)
            return
        except (OSError, HTTPException, ValueError) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
    wanted = ", ".join(f"{each.file} from {each.url}" for each in known.sources)
    raise UserError(
        f"bundle {name!r} ({known.what}) is made from published files, and {source.file} could not "
        f"be fetched ({reason}): download {wanted}, put what you get into {path.parent} and run "
        "this again"
    )


def _save(response: HTTPResponse, path: Path) -> None:
    """The body as a file that is whole or absent, with a bar while it comes."""
    if response.headers.get_content_type().startswith("text/"):
        raise ValueError("a web page came instead of the file")
    from rich.console import Console
    from rich.progress import wrap_file

    path.parent.mkdir(parents=True, exist_ok=True)
    total = int(response.headers.get("Content-Length") or 0)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    size = 0
    try:
        console = Console(stderr=True)
        shown = wrap_file(
            response, total, description=path.name, console=console, transient=True,
            disable=not console.is_terminal,
        )  # fmt: skip
        with shown as source, temporary.open("wb") as file:
            while part := source.read(_PART):
                size += len(part)
                if size > _MAX_BYTES:
                    raise ValueError(f"it is larger than {_MAX_BYTES >> 30} GiB")
                file.write(part)
        if total and size != total:
            raise ValueError(f"it broke off after {size} of {total} bytes")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
