"""`avs3d bundles`: what weights are there."""

from __future__ import annotations

from typing import Any

HELP = """List the packaged bundles.

A bundle is weights, and what belongs to them.

Any command takes one with --bundle: a name from this list, a folder, or a hub id (owner/name)."""


def _plain(fact: Any) -> str:
    if isinstance(fact, dict):
        return ", ".join(f"{key} {value}" for key, value in fact.items())
    return str(fact)


def bundles() -> None:
    """See `HELP`."""
    from rich.text import Text

    from avs3d.bundle_config import PACKAGED, list_bundles, read_config
    from avs3d.cli.tables import plain_table, stdout

    console = stdout()
    table = plain_table()
    for heading in ("bundle", "size", "words in", "provenance"):
        table.add_column(heading, overflow="fold")
    for name in list_bundles():
        folder = PACKAGED / name
        config = read_config(folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        facts = "\n".join(f"{key}: {_plain(fact)}" for key, fact in config.provenance.items())
        table.add_row(
            Text(name, "bold"), f"{size / 2**20:.1f} MiB", config.text_encoder, Text(facts)
        )
    console.print(table)
