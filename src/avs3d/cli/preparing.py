"""What the commands of `avs3d prepare` share: splits one after the other, and what is said."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from avs3d.cli.console import Progress, complain, complain_about
from avs3d.cli.interrupt import ending_soon
from avs3d.errors import UserError
from avs3d.io.source import show
from avs3d.selection import Selection, Shard

if TYPE_CHECKING:
    from avs3d.prepare import Failure, Prepared, Product, Work, WorkConfig

_FAILED = 2
_MINI = "mini_"


@dataclass(frozen=True)
class Asked:
    """The options that all of the commands have; `given` are those of the dataset."""

    root: Path
    out: Path
    dataset: str | None
    split: list[str] | None
    name: str | None
    given: dict[str, Any]
    match: str | None
    every: int
    shard: str | None
    jobs: int
    check: bool
    overwrite: bool
    quiet: bool
    json: bool


def prepare(product: Product, asked: Asked) -> int:
    """Prepare the splits that are asked for; one that is missing does not stop the others.

    Returns:
        The exit code.

    Raises:
        UserError: what concerns all of them.
    """
    configs = _configs(product, asked)
    product.told()  # raises it
    codes = []
    for config in configs:
        try:
            codes.append(_prepared(config, asked))
        except UserError as error:
            if len(configs) == 1:
                raise
            complain(f"{config.name}: {error}")
            codes.append(_FAILED)
    failed = sum(map(bool, codes))
    if failed and len(codes) > 1:
        complain(f"{failed} of {len(codes)} splits are not whole; what is missing is said above")
    return max(codes, key=lambda code: (code == 1, code))


def _configs(product: Product, asked: Asked) -> list[WorkConfig]:
    """What to do for each split."""
    from avs3d.datasets import guess, splits_of
    from avs3d.prepare import WorkConfig

    kind = asked.dataset or guess(asked.root)
    splits: list[str | None] = []
    splits += dict.fromkeys(part for text in asked.split or () for part in text.split(","))
    if not splits and asked.name is None:
        splits += splits_of(asked.root, kind)
        if not splits:
            raise UserError(
                f"{show(asked.root)}: {kind} has no whole split there; give --name, such as train:"
                " what to call the scans that are there"
            )
    if asked.name is not None and len(splits) > 1:
        raise UserError(f"--name {asked.name}: is for one split; leave it out")
    shard = None if asked.shard is None else Shard.parse(asked.shard)
    configs = []
    for split in splits or [None]:
        name = asked.name or str(split).removeprefix(_MINI)
        if not name.replace("-", "_").isidentifier():
            raise UserError(f"--name {name}: give a name of letters and digits, such as train")
        given = product.options(kind) | asked.given
        if split is not None:
            given["split"] = split
        selection = Selection(asked.root, kind, given, asked.match, asked.every, shard)
        configs.append(
            WorkConfig(
                selection, product, asked.out, name, asked.jobs, asked.overwrite, asked.check
            )
        )
    return configs


def _prepared(config: WorkConfig, asked: Asked) -> int:
    from avs3d.prepare import Failure, Work

    work = Work(config)
    with (
        work,
        ending_soon(_abandon),
        Progress(len(work), hidden=asked.quiet) as progress,
    ):
        work.status = progress.status
        for outcome in work:
            with progress.paused():
                if isinstance(outcome, Failure):
                    complain_about(outcome.path, outcome.error)
                else:
                    _say_left_out(outcome, asked)
                _say_json(outcome, config, asked)
                if work.room and not (asked.quiet or asked.json):
                    typer.echo(f"{config.name}: {work.room}")
            work.room = ""
            progress.step()
        work.finish()
    _say_summary(work, asked)
    return work.exit_code


def _abandon() -> None:
    for process in multiprocessing.active_children():
        process.kill()


def _say_left_out(done: Prepared, asked: Asked) -> None:
    for line in () if asked.quiet else done.made.left_out:
        typer.secho(f"left out: {line}", fg=typer.colors.YELLOW, err=True)


def _say_json(outcome: Prepared | Failure, config: WorkConfig, asked: Asked) -> None:
    from avs3d.prepare import Failure

    if not asked.json:
        return
    told: dict[str, Any] = {"part": config.name}
    if isinstance(outcome, Failure):
        told |= {"scan": str(outcome.path), "status": "failed", "error": str(outcome.error)}
    else:
        files = {name: size for name, (size, _) in outcome.made.files.items()}
        status = "checked" if config.check else "done"
        told |= {"scan": outcome.name, "status": status, "files": files}
        told["left_out"] = list(outcome.made.left_out)
    typer.echo(json.dumps(told))


def _say_summary(work: Work, asked: Asked) -> None:
    from avs3d.prepare.work import in_bytes

    config = work.config
    size = sum(size for made in work.prepared.values() for size, _ in made.files.values())
    counts = {
        "checked" if config.check else "made": len(work.prepared),
        "skipped": work.skipped,
        "failed": len(work.failures),
        "left_out": sum(len(made.left_out) for made in work.prepared.values()),
    }
    if asked.json:
        told = {"part": config.name, "summary": counts, "bytes": size, "out": str(config.out)}
        typer.echo(json.dumps(told))
    elif not asked.quiet:
        done = "checked, as the source says" if config.check else f"made ({in_bytes(size)})"
        parts = [f"{len(work.prepared):,} scans {done}"]
        if work.skipped:
            parts.append(f"{work.skipped:,} skipped: an earlier run has made them")
        if work.failures:
            parts.append(f"{len(work.failures):,} failed")
        if counts["left_out"]:
            parts.append(f"{counts['left_out']:,} images or parts left out")
        where = "" if config.check else f"   {show(work.manifest.path)}"
        typer.echo(f"{config.name}: {', '.join(parts)}{where}")
