"""``clr-ref bench``."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import click

from clr_ref._files import write_text
from clr_ref.bench import page
from clr_ref.bench.compare import SAME_PROCESSOR, Change, compare
from clr_ref.bench.contenders import CONTENDERS, KEY_FIGURES
from clr_ref.bench.figures import SIZES, measure
from clr_ref.bench.harness import harness as measure_harness
from clr_ref.bench.machine import machine
from clr_ref.bench.report import Report
from clr_ref.bench.train_steps import Overhead, overheads
from clr_ref.cli.common import (
    Progress,
    check_outputs,
    finite,
    json_option,
    new_table,
    output_option,
    plotting_module,
    print_table,
)


@click.command("bench")
@click.option("--rounds", type=click.IntRange(min=2), default=11, show_default=True, help="How often each contender is timed.")
@click.option("--key", is_flag=True, help="Measure only the key figures, which need no package except NumPy.")
@click.option(
    "--largest", type=click.IntRange(min=1), default=SIZES[-1], show_default=True, help="Measure no more steps than this."
)
@click.option("--harness", is_flag=True, help="Also time the import, two commands and, in a checkout, the tests.")
@click.option("--training", is_flag=True, help="Also time compiled train steps. Needs Keras on TensorFlow.")
@output_option("--out", help="Write the results to this file, as JSON.")
@click.option(
    "--add",
    "others",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    multiple=True,
    metavar="FILE",
    help="For --markdown: also show the stored results of another run.",
)
@click.option(
    "--compare",
    "then",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    default=None,
    metavar="FILE",
    help="Compare the ratios with those of a stored run. A key figure fails above 2 times the stored ratio, or above 4 times "
    "on another processor.",
)
@output_option("--markdown", help="Write a page, and a picture beside it. Needs clr-ref[plot].")
@json_option
def bench(
    rounds: int,
    key: bool,
    largest: int,
    harness: bool,
    training: bool,
    out: Path | None,
    others: tuple[Path, ...],
    then: Path | None,
    markdown: Path | None,
    as_json: bool,
) -> None:
    """Time clr_ref and every other installed implementation in one run, as ratios to np.full.

    Exit code 1 if a key figure fails, or if --compare finds nothing to compare.
    """
    stored = None if then is None else _read(then, "--compare")
    added = [_read(path, "--add") for path in others]
    plotting = plotting_module() if markdown is not None else None
    if markdown is not None:
        check_outputs("--markdown", [*([out] if out else []), markdown, markdown.with_suffix(".png")])
    names = list(dict.fromkeys(name for name, _ in KEY_FIGURES)) if key else list(CONTENDERS)
    sizes = [size for size in SIZES if size <= largest]
    harnessed: dict[str, float] = {}
    trained: list[Overhead] = []
    with Progress(len(sizes) + harness + training) as progress:
        progress.start("measuring")
        figures, missing = measure(names, sizes, rounds, progress.done)
        if harness:
            try:
                harnessed = measure_harness()
            except RuntimeError as error:
                raise click.ClickException(f"--harness: {error}") from None
            progress.done("imports, commands and tests")
        if training:
            try:
                trained = overheads()
            except (ImportError, RuntimeError) as error:
                raise click.UsageError(f"--training: {error}") from None
            progress.done("train steps")
    report = Report(machine(), tuple(figures), missing, harnessed, tuple(trained))
    changes = [] if stored is None else compare(report, stored)
    holds = all(change.holds for change in changes) and (stored is None or bool(changes))
    if out is not None:
        write_text(out, report.to_json())
    if markdown is not None and plotting is not None:
        picture = markdown.with_suffix(".png")
        plotting.benchmarks([report, *added], picture)
        write_text(markdown, page.markdown([report, *added], picture.name))
    if as_json:
        document = json.loads(report.to_json()) | {
            "holds": holds,
            "changes": [dataclasses.asdict(change) | {"holds": change.holds} for change in changes],
        }
        click.echo(json.dumps(finite(document), indent=1))
    else:
        _print(report, changes)
        if stored is not None and not changes:
            click.echo("nothing to compare: the stored run has none of these figures")
    sys.exit(0 if holds else 1)


def _print(report: Report, changes: list[Change]) -> None:
    table = new_table("contender", ">steps", ">a call", ">ratio", ">quartiles", ">memory")
    for f in report.figures:
        ratios = (f"{f.ratio:.2f}", f"{f.low:.2f} .. {f.high:.2f}")
        table.add_row(f.contender, f"{f.size:,}", page.show_time(f.median), *ratios, page.show_memory(f))
    print_table(table)
    for t in report.training:
        click.echo(f"train step, {t.mode}, {t.schedule}: {page.show_time(t.step)}, {t.extra * 1e6:+.1f} us to a constant rate")
    for name, value in report.harness.items():
        click.echo(f"{name}: {value:.2f}")
    for name, reason in report.missing.items():
        click.echo(f"not measured: {name}: {reason}")
    if changes:
        table = new_table("contender", ">steps", ">ratio then", ">ratio now", ">now / then", "verdict")
        for c in changes:
            verdict = ("holds" if c.holds else "FAILS") if c.key else "-"
            table.add_row(c.contender, f"{c.size:,}", f"{c.then:.2f}", f"{c.now:.2f}", f"{c.now / c.then:.2f}", verdict)
        print_table(table)
        where = "the same processor" if changes[0].limit == SAME_PROCESSOR else "another processor"
        many = "all key figures are at most" if all(c.holds for c in changes) else "a key figure is more than"
        click.echo(f"{many} {changes[0].limit:g} times the stored one, which was measured on {where}")


def _read(path: Path, option: str) -> Report:
    try:
        return Report.from_json(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path}: {error}", param_hint=option) from None
