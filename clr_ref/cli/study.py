"""``clr-ref study``."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clr_ref._files import reason_against_folder
from clr_ref.cli.common import Progress, check_outputs, counted, json_option, output_option, print_json, require_extras
from clr_ref.cli.lines import say

if TYPE_CHECKING:
    from clr_ref.study.cell import Cell
    from clr_ref.study.config import Study
    from clr_ref.study.outcome import Outcome
    from clr_ref.study.run import Listener, Result


class _Group(click.Group):
    """A group whose command ``run`` need not be named: ``clr-ref study FILE.toml``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


class _EndedError(click.ClickException):
    """The study could not go on, though the call was right and no cell has failed."""

    exit_code = 2


@click.group("study", cls=_Group)
def study_group() -> None:
    r"""Train a grid of models, learning rates and seeds.

    `clr-ref study FILE.toml` is short for `clr-ref study run FILE.toml`.

    \b
    Example:
      clr-ref study --example
    """


@study_group.command()
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE.toml]")
@output_option("--out", folder=True, help="Folder for the reports. Default: the name of the file, without .toml.")
@click.option("--workers", type=click.IntRange(1, 1024), metavar="N", help="Worker processes. Default: one for two cores.")
@click.option("--scheduler", metavar="ADDRESS", help="Use this Dask scheduler: tcp://host:8786, or a scheduler file.")
@click.option("--mixed", is_flag=True, help="Also use workers whose versions or CPU differ. Each report has its own.")
@click.option("--example", is_flag=True, help="Print a study file with comments.")
@json_option
def run(
    file: Path | None,
    out: Path | None,
    workers: int | None,
    scheduler: str | None,
    mixed: bool,
    example: bool,
    as_json: bool,
) -> None:
    r"""Train a grid of models, learning rates and seeds, each cell so that it repeats bit for bit.

    FILE.toml names the grid. Each report is a file in the folder --out, so an interrupted study resumes, and a study that
    grows trains only what is new. Needs TensorFlow and clr-ref[study].

    Exit code 1 if a cell has failed.

    \b
    Example:
      clr-ref study run study.toml
    """
    if example:
        from clr_ref.study.example import EXAMPLE

        click.echo(EXAMPLE, nl=False)
        return
    if file is None:
        raise click.UsageError("give a study file, or --example")
    if scheduler is not None and workers is not None:
        raise click.UsageError("--workers goes with a cluster of this machine, not with --scheduler")
    require_extras("study", framework=scheduler is None)
    from clr_ref.study import config

    try:
        chosen = config.read(file)
    except config.StudyError as error:
        raise click.UsageError(str(error)) from None
    if out is None:
        out = Path(file.stem)
        if (reason := reason_against_folder(out)) is not None:
            raise click.UsageError(f"the reports would go to {out}/: {reason}; give another folder with --out")
    result = _run(chosen, file, out, workers, scheduler, mixed)
    holds = not result.failures
    if as_json:
        document = {
            "holds": holds,
            "cells": len(chosen),
            "found": result.found,
            "trained": result.trained,
            "failed": [vars(failure) for failure in result.failures],
            "refused": dict(result.refused),
            "out": str(out),
        }
        print_json(document)
    else:
        say(f"{counted(len(chosen), 'cell')}: {result.found} found, {result.trained} trained, {len(result.failures)} failed")
        for failure in result.failures:
            say(f"{failure.arm}, seed {failure.seed}, {failure.model} failed:")
            say(failure.error, first="  ")
        say(f"wrote {out}/")
    sys.exit(0 if holds else 1)


@study_group.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@output_option("--out", folder=True, help="Folder for the files of the report. Default: DIR/report.")
@click.option("--baseline", metavar="ARM", help="Compare the others with this arm. Default: the first of the study file.")
@click.option(
    "--target",
    type=click.FloatRange(0, 1),
    metavar="ACCURACY",
    help="Report when this accuracy is reached. Default: what 3 of 4 baseline runs reach.",
)
@json_option
def report(folder: Path, out: Path | None, baseline: str | None, target: float | None, as_json: bool) -> None:
    r"""Say what the runs in DIR, the folder of a study, show.

    Each arm is compared with the baseline, in pairs of runs of the same seed. The report is a page in HTML and in Markdown,
    with a picture, CSV and JSON; one for each model, and for each study in DIR. Needs clr-ref[study,plot].

    Exit code 1 if a report in DIR was changed.

    \b
    Example:
      clr-ref study report my-study --baseline plain
    """
    require_extras("study", "plot")
    from clr_ref.study import cells, report as reports, words

    try:
        parts = {name: runs for name, runs in cells.outcomes(folder).items() if runs}
    except FileNotFoundError as error:
        raise click.UsageError(str(error)) from None
    except cells.ChangedError as error:
        raise click.ClickException(str(error)) from None
    if not parts:
        raise click.UsageError(f"no run of the studies in {folder} is done")
    out = folder / "report" if out is None else out
    places = {name: out / re.sub(r"[^\w.-]+", "-", name) for name in parts}
    check_outputs("--out", [place / name for place in places.values() for name in reports.FILES])
    verdicts = {}
    for name, (own_baseline, own_target) in _of_parts(parts, baseline, target).items():
        try:
            verdicts[name] = reports.write(parts[name], places[name], baseline=own_baseline, target=own_target)
        except ValueError as error:
            raise click.UsageError(f"{name}: {error}" if name else str(error)) from None
    if as_json:
        print_json([{"part": name, "out": str(places[name]), **reports.as_json(one)} for name, one in verdicts.items()])
        return
    for name, one in verdicts.items():
        if name:
            say(f"{name}:")
        if baseline not in (None, one.baseline):
            say(f"There is no arm {baseline} here, so the others are compared with {one.baseline}.")
        for line in words.lines(one):
            say(line)
        say(f"wrote {places[name]}/")


def _of_parts(
    parts: Mapping[str, Sequence[Outcome]], baseline: str | None, target: float | None
) -> dict[str, tuple[str | None, float | None]]:
    """Return the baseline and the target of each part, None for its defaults.

    What only some studies of a folder have is for them alone. What none has is left in all, of which the first is an error.
    """
    from clr_ref.study.verdict import has_accuracies

    has_arm = {name: any(run.arm == baseline for run in runs) for name, runs in parts.items()}
    has_accuracy = {name: has_accuracies(runs) for name, runs in parts.items()}
    return {
        name: (
            baseline if has_arm[name] or not any(has_arm.values()) else None,
            target if has_accuracy[name] or not any(has_accuracy.values()) else None,
        )
        for name in parts
    }


def _run(chosen: Study, file: Path, out: Path, workers: int | None, scheduler: str | None, mixed: bool) -> Result:
    from clr_ref.study import cells, cluster, engine, run as runs

    with Progress(len(chosen)) as progress:
        progress.start("starting")
        try:
            with contextlib.ExitStack() as stack:
                if scheduler is None:
                    most = min(len(chosen), cluster.workers_of_this_machine()) if workers is None else workers
                    client = stack.enter_context(cluster.local(most))
                else:
                    client = stack.enter_context(cluster.others(scheduler))
                return runs.run(chosen, client, file.parent, out, file.stem, _listener(progress, chosen), mixed=mixed)
        except (engine.EngineError, cells.BusyError, cells.ChangedError) as error:
            raise _EndedError(str(error)) from None
        except KeyboardInterrupt:
            click.echo("interrupted: the same command goes on with what is left", err=True)
            raise click.Abort from None


def _listener(progress: Progress, chosen: Study) -> Listener:
    from clr_ref.study.run import Listener

    total, begun = len(chosen), 0.0
    counts = {"done": 0, "trained": 0, "failed": 0, "running": 0}

    def tell(cell: Cell, text: str) -> None:
        model = f" of {cell.experiment.model}" if len(chosen.models) > 1 else ""
        left = total - counts["done"] - counts["failed"]
        words = f"{counts['done']} of {total} done, {counts['running']} running, {counts['failed']} failed"
        if counts["trained"] and left:
            words += f", about {_duration((time.monotonic() - begun) / counts['trained'] * left)} left"
        progress.done(f"{cell.arm}{model}, seed {cell.experiment.seed}: {text}; {words}")

    def finished(cell: Cell, report: Mapping[str, Any] | None) -> None:
        counts["done"] += 1
        if report is None:
            progress.advance()
            return
        counts["trained"] += 1
        last = report["history"][-1]
        measured = ", ".join(f"{name} {float(last[name]):.4g}" for name in ("val_loss", "val_accuracy") if name in last)
        tell(cell, measured)

    def failed(cell: Cell, text: str) -> None:
        counts["failed"] += 1
        tell(cell, f"failed, {text.splitlines()[-1]}")

    def running(number: int) -> None:
        nonlocal begun
        begun = begun or time.monotonic()  # not the time in which the workers start
        counts["running"] = number
        progress.start(f"{number} running, {counts['failed']} failed")

    return Listener(finished, failed, lambda address, reason: progress.tell(f"{address} is not used: {reason}"), running)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
