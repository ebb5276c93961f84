"""``clr-ref conform``: hold somebody's implementation against the specification."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console

from clr_ref.cli.common import finite, json_option, new_table, output_option, print_table, short

POLICIES = ["triangular", "triangular2", "exp_range"]


def kit() -> Any:
    """The runner, which needs Hypothesis."""
    try:
        from clr_ref.conformance import runner
    except ImportError as error:
        raise click.UsageError(f"the conformance kit needs Hypothesis: install clr_ref[conformance] ({error})") from None
    return runner


@click.command()
@click.argument("implementation", metavar="IMPL")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), default=None, help="Default: that of the answers.")
@click.option("--policy", type=click.Choice(POLICIES), multiple=True, help="Only this one; may be given again. Default: all.")
@click.option(
    "--exceptions",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Known deviations, in TOML.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the inputs that are made up.")
@click.option("--max-examples", type=click.IntRange(min=1), default=60, show_default=True, help="Inputs made up per check.")
@output_option("--html", help="Write a report to this file.")
@json_option
def conform(
    implementation: str,
    dtype: str | None,
    policy: tuple[str, ...],
    exceptions: Path | None,
    seed: int,
    max_examples: int,
    html: Path | None,
    as_json: bool,
) -> None:
    r"""Hold IMPL against the specification: does it mean the right thing, where not, and how accurate is it?

    IMPL is package.module:make or path/to/file.py:make. Needs clr_ref[conformance].

    \b
    clr-ref conform mypackage.schedules:make --html report.html
    """
    runner = kit()
    from clr_ref.conformance import exceptions as deviations
    from clr_ref.conformance.load import LoadError
    from clr_ref.conformance.report_html import write
    from clr_ref.conformance.subject import Remote

    words = ["clr-ref", "conform", implementation, "--seed", str(seed), "--max-examples", str(max_examples)]
    words += (["--dtype", dtype] if dtype else []) + (["--exceptions", str(exceptions)] if exceptions else [])
    try:
        known = deviations.read(exceptions) if exceptions else ()
        with _nothing_left_behind(), Remote(implementation) as subject:
            working = dtype or runner.precision(subject)
            if working not in ("float32", "float64"):
                _refuse(f"IMPL answers {working}: say with --dtype float32 or float64 in which it is to be judged")
            chosen = tuple(dict.fromkeys(policy)) or tuple(POLICIES)
            plan = runner.Plan(working, chosen, known, seed, max_examples, shlex.join(words))
            found = []
            with Console(stderr=True).status("asking") as status:
                for verdict in runner.run(subject, plan):
                    found.append(verdict)
                    status.update(f"{verdict.policy} {verdict.clause} {verdict.name}")
            report = runner.report(implementation, subject, plan, found)
    except (LoadError, deviations.ExceptionsError) as error:
        _refuse(str(error))
    if html is not None:
        write(report, html)
    if as_json:
        click.echo(json.dumps(finite(report.to_data()), indent=1))
    else:
        _show(report)
        if html is not None:
            click.echo(f"wrote {html}")
    sys.exit(0 if report.holds else 1)


@contextlib.contextmanager
def _nothing_left_behind() -> Iterator[None]:
    """Hypothesis keeps a folder beside the user's files: elsewhere, for as long as it runs."""
    from hypothesis import configuration

    with tempfile.TemporaryDirectory() as folder:
        configuration.set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(None)


def _refuse(message: str) -> NoReturn:
    raise click.UsageError(message) from None


def _show(report: Any) -> None:
    click.echo(f"{report.implementation}: a {report.kind}, judged in {report.dtype}")
    table = new_table("policy", "semantics", "accuracy", ">worst ULP", ">clauses and cases", "remarks")
    for line in report.policies():
        rows = [v for v in report.verdicts if v.policy == line.policy and v.part != "accuracy"]
        held = sum(v.status == "holds" for v in rows)
        asked = sum(v.status not in ("not asked", "not offered") for v in rows)
        worst = "-" if line.worst_ulp is None else short(line.worst_ulp)
        table.add_row(line.policy, _word(line.semantics), line.grade, worst, f"{held} of {asked} hold", line.reason)
    print_table(table)
    for verdict in report.verdicts:
        if verdict.status in ("excused", "skipped"):
            click.echo(f"{verdict}: {verdict.reason}")
    wrong = [verdict for verdict in report.verdicts if verdict.fails]
    for shown in _telling(wrong):
        click.echo(f"\n{shown.policy} FAILS {shown.clause} {shown.name}" + (f': "{shown.quote}"' if shown.quote else ""))
        if shown.reason:
            click.echo(shown.reason)
        if shown.finding:
            click.echo(str(shown.finding))
    rest = [verdict for verdict in wrong if verdict not in _telling(wrong)]
    if rest:
        click.echo(f"\n{len(rest)} more fail: " + ", ".join(f"{v.policy} {v.clause} {v.name}" for v in rest))
    click.echo("all hold" if report.holds else "\nit does not conform")


def _telling(wrong: list[Any]) -> list[Any]:
    """The failures that are told in full: the first three of each policy."""
    told: dict[str, list[Any]] = {}
    for verdict in wrong:
        told.setdefault(verdict.policy, []).append(verdict)
    return [verdict for verdicts in told.values() for verdict in verdicts[:3]]


def _word(status: str) -> str:
    return "FAILS" if status == "fails" else status
