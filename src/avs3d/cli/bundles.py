"""`avs3d bundles`: what weights are there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from avs3d.io.source import show

HELP = """List the bundles on this machine, and published weights.

A bundle is weights, and what belongs to them; published weights can become one. With names, all
about these: their parts, where they come from, their licence and what they were measured at.

Any command takes one with --bundle: a name from this list, a folder, or a hub id (owner/name, or
with a branch, a tag or a whole hash owner/name@revision).

Examples:

\b
  avs3d bundles
  avs3d bundles street-mini ./my-bundle
  avs3d segment scan.bin --bundle openscene-nuscenes"""


def bundles(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[BUNDLE]...", help="Tell all of these.", show_default=False),
    ] = None,
) -> None:
    """See `HELP`."""
    for name in names or []:
        _tell(name)
    if not names:
        _list()


def _list() -> None:
    """A line a bundle, and a line for published weights that are not here yet."""
    from rich.text import Text

    from avs3d.bundle_config import read_config
    from avs3d.cli.tables import plain_table, stdout
    from avs3d.convert.known import KNOWN
    from avs3d.errors import UserError

    table = plain_table()
    for heading in ("bundle", "where", "size", "what it is", "wide", "licence"):
        table.add_column(heading, overflow="fold")
    found = set()
    for (name, *_), where, folder in _places():
        found.add(name)
        try:
            config = read_config(folder)
        except UserError as error:
            table.add_row(Text(name, "bold"), where, "", Text(str(error)))
            continue
        told = show(str(config.provenance.get("licence", "not told")))
        what = f"{config.network.kind}, words in {config.text_encoder}"
        row = (_size(folder), what, str(config.network.out_channels), told)
        table.add_row(Text(name, "bold"), where, *map(Text, row))
    for name, known in KNOWN.items():
        if name not in found:
            row = ("", known.what, str(known.dim), "its authors'")
            table.add_row(Text(name, "bold"), "to be fetched", *map(Text, row))
    stdout().print(table)


def _places() -> Iterator[tuple[tuple[str, ...], str, Path]]:
    """Names, kind and folder of what is on this machine; `--bundle` takes each of the names."""
    from avs3d.bundle_config import CONFIG, PACKAGED, list_bundles
    from avs3d.convert.fetch import bundle_folder
    from avs3d.convert.known import KNOWN

    for name in list_bundles():
        yield (name,), "packaged", PACKAGED / name
    for name in KNOWN:
        if bundle_folder(name).is_dir():
            yield (name,), "converted", bundle_folder(name)
    for names, folder in _of_hub():
        if (folder / CONFIG).is_file():
            yield names, "hub cache", folder


def _of_hub() -> Iterator[tuple[tuple[str, ...], Path]]:
    """Every model in the hub's cache: ``owner/name``, if it is that, then with the names of its
    revision and with its hash."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        cache = scan_cache_dir()
    except CacheNotFound:
        return
    models = (repo for repo in cache.repos if repo.repo_type == "model")
    for repo in sorted(models, key=lambda repo: repo.repo_id):
        for revision in sorted(repo.revisions, key=lambda revision: revision.commit_hash):
            told = (*sorted(revision.refs), revision.commit_hash)
            plain = (repo.repo_id,) if "main" in revision.refs else ()
            names = (*plain, *(f"{repo.repo_id}@{name}" for name in told))
            yield names, Path(revision.snapshot_path)


def _tell(name: str) -> None:
    """Everything that a bundle, or the name of published weights, tells of itself."""
    from avs3d.bundle_config import read_config
    from avs3d.cli.tables import stdout
    from avs3d.convert.known import KNOWN
    from avs3d.errors import UserError

    console = stdout()
    found = {name: folder for names, _, folder in _places() for name in names}
    if name in KNOWN and name not in found:
        known = KNOWN[name]
        files = {source.file: source.url for source in known.sources}
        facts: dict[str, Any] = {"what": known.what, "made of": files}
    else:
        folder = found[name] if name in found else Path(os.path.expanduser(name))
        if not os.path.isdir(folder):
            raise UserError(f"no bundle {name!r} on this machine; `avs3d bundles` lists them")
        config = read_config(folder)
        network = config.network
        facts = {
            "folder": folder,
            "size": _size(folder),
            "network": f"{network.kind}, {network.out_channels} wide, "
            f"voxels of {config.voxel_size:g} m",
            "pooling": f"{config.pooling.padding} padding" if config.pooling else "none",
            "captioner": "yes" if config.captioner else "none",
            "text encoder": f"{config.text_encoder}, asked for {config.prompt!r}",
            **config.provenance,
        }
    console.print(name, style="bold")
    for line in _lines(facts):
        console.print(f"  {line}", soft_wrap=True)


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    """``key: value``; what has parts, indented below its key."""
    for key, fact in facts.items():
        if isinstance(fact, dict) and fact:
            yield f"{show(key)}:"
            yield from (f"  {line}" for line in _lines(fact))
        elif isinstance(fact, list):
            yield f"{show(key)}:"
            yield from (f"  {show(str(item))}" for item in fact)
        elif fact is not None:
            yield f"{show(key)}: {show(str(fact))}"


def _size(folder: Path) -> str:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return f"{size / 2**20:.1f} MiB"
