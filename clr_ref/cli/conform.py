"""``clr-ref conform``: compare an implementation with the specification."""

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
from clr_ref.conformance.config import MAX_EXAMPLES, POLICY_NAMES, SEED


def kit() -> Any:
    """Return the module that runs the checks.

    Raises:
        click.UsageError: Hypothesis is not installed.
    """
    try:
        from clr_ref.conformance import runner
    except ImportError as error:
        raise click.UsageError(f"the conformance kit needs Hypothesis: install clr_ref[conformance] ({error})") from None
    return runner


@click.command()
@click.argument("implementation", metavar="IMPL")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default=None,
    help="Compare the rates in this precision. Default: that of the rates.",
)
@click.option(
    "--policy", type=click.Choice(POLICY_NAMES), multiple=True, help="Test only this policy; can be repeated. Default: all."
)
@click.option(
    "--exceptions",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="A TOML file with known deviations.",
)
@click.option("--seed", type=click.IntRange(min=0), default=SEED, show_default=True, help="Seed of the random test inputs.")
@click.option(
    "--max-examples", type=click.IntRange(min=1), default=MAX_EXAMPLES, show_default=True, help="Random inputs for each check."
)
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
    r"""Compare IMPL, an implementation of cyclical learning rates, with the specification.

    The report says whether it is a cyclical learning rate, at which step it first goes wrong, and how accurate it is.

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
        chosen = tuple(dict.fromkeys(policy)) or tuple(POLICY_NAMES)
        with _nothing_left_behind(), Remote(implementation, chosen) as subject:
            working = dtype or runner.precision(subject, chosen)
            if working not in ("float32", "float64"):
                _refuse(f"IMPL returns {working}: choose --dtype float32 or --dtype float64 to compare its rates in")
            options = runner.Options(working, chosen, known, seed, max_examples, shlex.join(words))
            verdicts = []
            with Console(stderr=True).status("testing") as status:
                for verdict in runner.run_checks(subject, options):
                    verdicts.append(verdict)
                    status.update(f"{verdict.policy} {verdict.clause} {verdict.name}")
            report = runner.make_report(implementation, subject, options, verdicts)
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
    """Give Hypothesis a temporary folder, so that it makes none beside the user's files."""
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
        judged = sum(v.status not in ("not asked", "not offered") for v in rows)
        worst = "-" if line.worst_ulp is None else short(line.worst_ulp)
        table.add_row(line.policy, _word(line.semantics), line.grade, worst, f"{held} of {judged} hold", line.reason)
    print_table(table)
    for verdict in report.verdicts:
        if verdict.status in ("excused", "skipped"):
            click.echo(f"{verdict}: {verdict.reason}")
    wrong = [verdict for verdict in report.verdicts if verdict.fails]
    for shown in _shown_in_full(wrong):
        click.echo(f"\n{shown.policy} FAILS {shown.clause} {shown.name}" + (f': "{shown.quote}"' if shown.quote else ""))
        if shown.reason:
            click.echo(shown.reason)
        if shown.finding:
            click.echo(str(shown.finding))
    rest = [verdict for verdict in wrong if verdict not in _shown_in_full(wrong)]
    if rest:
        click.echo(f"\n{len(rest)} more fail: " + ", ".join(f"{v.policy} {v.clause} {v.name}" for v in rest))
    click.echo("all hold" if report.holds else "\nit does not conform")


def _shown_in_full(wrong: list[Any]) -> list[Any]:
    """Return the failures that are shown in full: the first three of each policy."""
    by_policy: dict[str, list[Any]] = {}
    for verdict in wrong:
        by_policy.setdefault(verdict.policy, []).append(verdict)
    return [verdict for verdicts in by_policy.values() for verdict in verdicts[:3]]


def _word(status: str) -> str:
    return "FAILS" if status == "fails" else status
