"""``clr-ref conform``: compare an implementation with the specification."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.markup import escape

from clr_ref.cli.common import check_inputs_stay, json_option, output_option, print_json, status_line
from clr_ref.cli.lines import say
from clr_ref.conformance.config import MAX_EXAMPLES, POLICY_NAMES, SEED, THOROUGH_EXAMPLES


@click.command()
@click.argument("implementation", metavar="IMPL")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    help="Compare the rates in this precision. Default: that of the rates.",
)
@click.option(
    "--policy", type=click.Choice(POLICY_NAMES), multiple=True, help="Test only this policy; can be repeated. Default: all."
)
@click.option(
    "--exceptions",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A TOML file with known deviations, and the domain of IMPL.",
)
@click.option("--seed", type=click.IntRange(min=0), default=SEED, help="Seed of the random test inputs.")
@click.option("--max-examples", type=click.IntRange(min=1), default=MAX_EXAMPLES, help="Random inputs for each check.")
@click.option("--thorough", is_flag=True, help=f"The same as --max-examples {THOROUGH_EXAMPLES}; for a release.")
@output_option("--html", help="Write a report to this file.")
@json_option
def conform(
    implementation: str,
    dtype: str | None,
    policy: tuple[str, ...],
    exceptions: Path | None,
    seed: int,
    max_examples: int,
    thorough: bool,
    html: Path | None,
    as_json: bool,
) -> None:
    r"""Compare IMPL, an implementation of cyclical learning rates, with the specification.

    The report says whether it is a cyclical learning rate, at which step it first goes wrong, and how accurate it is.

    IMPL is package.module:make or path/to/file.py:make.

    \b
    Example:
      clr-ref conform clr_ref.conformance.peers.reference:make --policy triangular
    """
    from clr_ref.conformance import exceptions as deviations, runner
    from clr_ref.conformance.domain import EVERYTHING, read_domain
    from clr_ref.conformance.load import LoadError
    from clr_ref.conformance.report_html import write
    from clr_ref.conformance.subject import Remote
    from clr_ref.conformance.words import printable

    check_inputs_stay("--html", html, (implementation, exceptions))
    if thorough:
        if click.get_current_context().get_parameter_source("max_examples") is not ParameterSource.DEFAULT:
            raise click.UsageError("--thorough and --max-examples both say how many inputs are tried: give one of them")
        max_examples = THOROUGH_EXAMPLES
    words = ["clr-ref", "conform", implementation, "--seed", str(seed), "--max-examples", str(max_examples)]
    words += (["--dtype", dtype] if dtype else []) + (["--exceptions", str(exceptions)] if exceptions else [])
    try:
        known = deviations.read(exceptions) if exceptions else ()
        domain = read_domain(exceptions) if exceptions else EVERYTHING
        chosen = tuple(dict.fromkeys(policy)) or tuple(POLICY_NAMES)
        with Remote(implementation, chosen) as subject:
            working = dtype or runner.precision(subject, chosen)
            if working not in ("float32", "float64"):
                raise click.UsageError(
                    f"IMPL returns {working}: choose --dtype float32 or --dtype float64 to compare its rates in"
                )
            options = runner.Options(working, chosen, known, seed, max_examples, shlex.join(words), domain)
            verdicts = []
            with status_line("testing") as status:
                for verdict in runner.run_checks(subject, options):
                    verdicts.append(verdict)
                    status.update(escape(f"{verdict.policy} {verdict.clause} {verdict.name}"))
            report = runner.make_report(printable(implementation, longest=2_000), subject, options, verdicts)
    except LoadError as error:
        raise click.BadParameter(str(error), param_hint="IMPL") from None
    except deviations.ExceptionsError as error:
        raise click.BadParameter(str(error), param_hint="--exceptions") from None
    if html is not None:
        write(report, html)
    if as_json:
        print_json(report.to_data())
    else:
        _show(report)
        if html is not None:
            say(f"wrote {html}")
    sys.exit(0 if report.holds else 1)


def _show(report: Any) -> None:
    say(f"{report.implementation}: a {report.kind}, judged in {report.dtype}")
    for line in report.policies():
        say(f"{line.policy:11}  {_summary(report, line)}", hang=" " * 13)
        for note in line.notes():
            say(f"{'':11}  {note}", hang="  ")
    for verdict in report.verdicts:
        if verdict.status in ("excused", "skipped"):
            say(f"{verdict}: {verdict.reason}", hang="  ")
    wrong = [verdict for verdict in report.verdicts if verdict.fails]
    full = _shown_in_full(wrong)
    for shown in full:
        say(f"\n{shown.policy} FAILS {shown.clause} {shown.name}" + (f': "{shown.quote}"' if shown.quote else ""), hang="  ")
        if shown.reason:
            say(shown.reason, hang="  ")
        if shown.finding:
            say(str(shown.finding), hang="  ")
    rest: dict[str, list[str]] = {}
    for verdict in wrong:
        if verdict not in full:
            rest.setdefault(verdict.policy, []).append(f"{verdict.clause} {verdict.name}")
    for policy, names in rest.items():
        say(f"\n{policy}: {len(names)} more fail: {', '.join(names)}", hang="  ")
    say("all hold" if report.holds else f"\nit {report.outcome}")


def _summary(report: Any, line: Any) -> str:
    """Return what was found about a policy, in words."""
    if line.semantics == "not offered":
        return f"not offered: {line.reason}"
    rows = [verdict for verdict in report.verdicts if verdict.policy == line.policy and verdict.part != "accuracy"]
    held = sum(verdict.status == "holds" for verdict in rows)
    judged = sum(verdict.status not in ("not asked", "not offered") for verdict in rows)
    status = "FAILS" if line.semantics == "fails" else line.semantics
    return f"{status:7}  {held} of {judged} clauses and cases hold; {line.accuracy}"


def _shown_in_full(wrong: list[Any]) -> list[Any]:
    """Return the failures that are shown in full: the first three of each policy."""
    by_policy: dict[str, list[Any]] = {}
    for verdict in wrong:
        by_policy.setdefault(verdict.policy, []).append(verdict)
    return [verdict for verdicts in by_policy.values() for verdict in verdicts[:3]]
