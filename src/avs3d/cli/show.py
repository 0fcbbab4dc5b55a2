"""What a run of `avs3d segment` says while it goes on: tables, nothing, or lines of JSON."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer

from avs3d.cli.console import Progress, complain_about
from avs3d.cli.interrupt import ending_soon
from avs3d.jobs import BatchConfig, Job

if TYPE_CHECKING:
    from avs3d.run import Result, Run

_WORDS = 20  # of a run, that are printed
_TABLES = 3  # for more scans than this, a line each


class Show(Protocol):
    """Told what a run does; errors are said on stderr in any case."""

    progress: bool

    def result(self, run: Run, job: Job, result: Result) -> None:
        """A scan is done."""

    def failure(self, job: Job, error: Exception) -> None:
        """A scan failed."""

    def end(self, run: Run, finished: bool) -> None:
        """The run is over."""


def show_run(config: BatchConfig, show: Show | None = None) -> int:
    """Do a run with progress on stderr and results on stdout.

    Returns:
        The exit code.
    """
    from avs3d.run import Run

    show = show or Tables()
    run = Run(config)
    finished = False

    def abandon() -> None:
        run.abandon()
        show.end(run, finished)

    try:
        with (
            run,
            ending_soon(abandon),
            Progress(len(run), hidden=not show.progress) as progress,
        ):
            run.status = progress.status
            for job, result in run:
                with progress.paused():
                    if isinstance(result, Exception):
                        complain_about(job.path, result)
                        show.failure(job, result)
                    else:
                        show.result(run, job, result)
                progress.step()
        finished = True
    finally:
        show.end(run, finished)
    return run.exit_code


class Quiet:
    """Errors only."""

    progress = False

    def result(self, run: Run, job: Job, result: Result) -> None:
        """Nothing."""

    def failure(self, job: Job, error: Exception) -> None:
        """Nothing more."""

    def end(self, run: Run, finished: bool) -> None:
        """Nothing."""


class Lines:
    """An object a scan, and one for the run, each a line of JSON on stdout."""

    progress = True

    def result(self, run: Run, job: Job, result: Result) -> None:
        """The same as in `run.json`."""
        from avs3d.run import scan_record

        status = "skipped" if result.skipped else "done"
        self._say({"scan": job.name, "status": status, **scan_record(result)})

    def failure(self, job: Job, error: Exception) -> None:
        """The same as in `run.json`."""
        from avs3d.run import failure_record

        self._say({"scan": job.name, "status": "failed", **failure_record(job, error)})

    def end(self, run: Run, finished: bool) -> None:
        """How many there were, and where the results are."""
        skipped = sum(result.skipped for result in run.done.values())
        counts = {
            "inputs": len(run),
            "done": len(run.done) - skipped,
            "skipped": skipped,
            "failed": len(run.errors),
        }
        self._say({"summary": counts, "finished": finished, "out": str(run.config.out)})

    def _say(self, content: dict[str, Any]) -> None:
        typer.echo(json.dumps(content))


def _seen_by(run: Run) -> str:
    """What `avs3d view` takes to show a run; the input where no `.npz` was written."""
    job, first = next(iter(run.done.items()))
    results = [path for path in first.files if path.suffix == ".npz"]
    if len(run.done) > 1 and results:
        return shlex.quote(str(run.config.out))
    return shlex.quote(str(results[0] if results else job.path))


class Tables:
    """Tables for few scans, a line each for more; what failed is said again at the end.

    Args:
        aside: on stderr, since stdout is for something else.
    """

    progress = True

    def __init__(self, aside: bool = False) -> None:
        from avs3d.cli.tables import stderr, stdout

        self._console = stderr() if aside else stdout()
        self._aside = aside

    def result(self, run: Run, job: Job, result: Result) -> None:
        """Words, files, and a warning if there is one."""
        from avs3d.cli.tables import word_table

        say, in_full = self._console.print, len(run) <= _TABLES
        if result.skipped:
            say(f"{job.name}   skipped: an earlier run has done it", style="dim", soft_wrap=True)
            return
        heading = (
            f"{job.name}   {result.found['points']:,} points   {result.used}   "
            f"{sum(result.timings.values()):.1f} s"
        )
        say(heading, style="bold", soft_wrap=True)
        if in_full:
            say(word_table(result))
        if result.found["note"]:
            say(result.found["note"], style="yellow", soft_wrap=True)
        for line in result.found["left_out"]:
            say(f"left out: {line}", style="yellow", soft_wrap=True)
        if in_full:
            for path in () if self._aside else result.files:
                say(f"  {path}", soft_wrap=True)
            say()

    def failure(self, job: Job, error: Exception) -> None:
        """At the end."""

    def end(self, run: Run, finished: bool) -> None:
        """How many are done; on stderr which are not, and why."""
        from avs3d.cli.tables import class_table
        from avs3d.run import usage_line

        if not finished:
            return
        if run.done:
            where = "" if self._aside else f"; the run: {Path(run.config.out or '', 'run.json')}"
            if len(run.done) > 1:
                self._show_words(run)
            if run.classes:
                self._console.print(class_table(run.classes))
            if asked := usage_line(run.done.values()):
                self._console.print(asked, soft_wrap=True)
            self._console.print(f"{len(run.done)} of {len(run)} done{where}", soft_wrap=True)
            if not self._aside:
                self._console.print(f"look at it:  avs3d view {_seen_by(run)}", soft_wrap=True)
        if run.errors and len(run) > 1:
            from avs3d.cli.tables import failure_table, stderr

            console = stderr()
            console.print(f"\n{len(run.errors)} of {len(run)} failed:", style="bold")
            console.print(failure_table(run.errors))

    def _show_words(self, run: Run) -> None:
        from avs3d.cli.tables import frequency_table
        from avs3d.run import word_frequencies

        words = word_frequencies(run.done.values())
        self._console.print(frequency_table(words[:_WORDS]))
        if len(words) > _WORDS:
            self._console.print(f"… {len(words) - _WORDS} more words in run.json", style="dim")
