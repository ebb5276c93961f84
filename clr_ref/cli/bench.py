"""``clr-ref bench``."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
from pathlib import Path

import click
from rich.text import Text

from clr_ref._files import is_special, reason_against, write_text
from clr_ref.bench import page, page_html
from clr_ref.bench.compare import SAME_PROCESSOR, Change, compare, has_key_figure
from clr_ref.bench.contenders import CONTENDERS, KEY_FIGURES
from clr_ref.bench.figures import SIZES, measure, show_steps
from clr_ref.bench.harness import harness as measure_harness
from clr_ref.bench.machine import machine
from clr_ref.bench.report import Report
from clr_ref.bench.train_steps import Overhead, overheads
from clr_ref.cli.common import (
    Progress,
    check_inputs_stay,
    check_outputs,
    json_option,
    new_table,
    output_option,
    plotting_module,
    print_json,
    print_table,
    require_extras,
)
from clr_ref.cli.lines import say

#: The page of a run at a terminal without --out and --html.
PAGE = Path("clr-ref-bench.html")
#: A stored run has some 10,000 bytes for every hundred figures. /dev/zero has no end.
_MOST_BYTES = 1 << 24


@click.command("bench")
@click.option("--rounds", type=click.IntRange(min=2), default=11, help="How often each contender is timed.")
@click.option("--key", is_flag=True, help="Measure only the key figures, which need no package except NumPy.")
@click.option("--largest", type=click.IntRange(min=1), default=SIZES[-1], help="Measure no more steps than this.")
@click.option("--harness", is_flag=True, help="Also time the import, commands, traces, studies, and the tests, if installed.")
@click.option("--training", is_flag=True, help="Also time compiled train steps. Needs Keras on TensorFlow.")
@output_option("--out", help="Write the results to this file, as JSON.")
@output_option(
    "--html",
    help=f"Write the page to this file. Default: beside --out, with the ending .html; without --out, {PAGE} if the output goes "
    "to a terminal, else none.",
)
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
    metavar="FILE",
    help="Compare the ratios with those of a stored run. A key figure fails if, measured twice, it is above 2 times the stored "
    "ratio, or above 4 times on another processor.",
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
    html: Path | None,
    others: tuple[Path, ...],
    then: Path | None,
    markdown: Path | None,
    as_json: bool,
) -> None:
    r"""Time clr_ref and every other installed implementation in one run, as ratios to np.full.

    The page shows the run beside the stored one: that of --compare, or else the one that --out replaces.

    Exit code 1 if a key figure fails, if --compare finds no key figure, or if --harness or --training fails.

    \b
    Example:
      clr-ref bench --key --rounds 2 --largest 1000
    """
    if others and markdown is None:
        raise click.UsageError("--add goes with --markdown")
    require_extras(*(["plot"] if markdown else []), framework=training)
    stored = None if then is None else _read(then, "--compare")
    added = [_read(path, "--add") for path in others]
    plotting = plotting_module() if markdown is not None else None
    chosen = html or _page_by_default(out, as_json)
    pictures = [] if markdown is None else [markdown, markdown.with_suffix(".png")]
    for option, output in (("--html", html), *(("--markdown", path) for path in pictures)):
        check_inputs_stay(option, output, [then, *others])
    check_outputs("--out, --html or --markdown", [path for path in (out, chosen, *pictures) if path is not None])
    beside = stored or (None if out is None or is_special(out) else _replaced(out))
    names = list(dict.fromkeys(name for name, _ in KEY_FIGURES)) if key else list(CONTENDERS)
    sizes = [size for size in SIZES if size <= largest]
    harnessed: dict[str, float] = {}
    trained: list[Overhead] = []
    failures: list[str] = []
    with Progress(len(sizes) + harness + training) as progress:
        progress.start("measuring")
        figures, missing = measure(names, sizes, rounds, progress.done)
        if harness:
            try:
                harnessed = measure_harness()
            except RuntimeError as error:
                failures.append(f"--harness: {error}")
            progress.done("imports, commands and tests")
        if training:
            try:
                trained = overheads()
            except (ImportError, RuntimeError) as error:
                failures.append(f"--training: {error}")
            progress.done("train steps")
    report = Report(machine(), tuple(figures), missing, harnessed, tuple(trained))
    changes = [] if stored is None else compare(report, stored)
    if stored is not None and (slow := [change for change in changes if not change.holds]):
        # Another process can spoil one measurement, and it only makes a ratio look worse.
        report = _measured_again(report, slow, rounds)
        changes = compare(report, stored)
    holds = stored is None or (has_key_figure(changes) and all(change.holds for change in changes))
    if out is not None:
        write_text(out, report.to_json())
    if chosen is not None:
        write_text(chosen, page_html.page(report, beside))
    if markdown is not None and plotting is not None:
        picture = markdown.with_suffix(".png")
        plotting.benchmarks([report, *added], picture)
        write_text(markdown, page.markdown([report, *added], picture.name))
    if as_json:
        document = json.loads(report.to_json()) | {
            "holds": holds,
            "changes": [dataclasses.asdict(change) | {"holds": change.holds} for change in changes],
        }
        print_json(document)
    else:
        _print(report, changes)
        if chosen is not None:
            click.echo(f"wrote {click.format_filename(chosen)}")
        if stored is not None and not has_key_figure(changes):
            click.echo("nothing to compare: the stored run has none of these key figures")
    for failure in failures:  # after the figures are stored, which took minutes
        say(f"Error: {failure}", err=True)
    sys.exit(0 if holds and not failures else 1)


def _measured_again(report: Report, slow: list[Change], rounds: int) -> Report:
    """Return the report with the better of two measurements for each figure that failed."""
    best = {(figure.contender, figure.size): figure for figure in report.figures}
    for size in dict.fromkeys(change.size for change in slow):
        again, _ = measure([change.contender for change in slow if change.size == size], [size], rounds)
        for figure in again:
            best[figure.contender, size] = min(best[figure.contender, size], figure, key=lambda one: one.ratio)
    return dataclasses.replace(report, figures=tuple(best.values()))


def _page_by_default(out: Path | None, as_json: bool) -> Path | None:
    """Return where the page goes without --html; nowhere rather than over a file that ``bench`` did not write."""
    if out is None:
        path = None if as_json or not sys.stdout.isatty() else PAGE
    else:
        path = None if is_special(out) else out.with_suffix(".html")
    if path is None or reason_against(path) is not None:
        return None
    try:
        written = not path.exists() or page_html.TITLE in path.read_text("utf-8")
    except (OSError, ValueError):
        written = False
    return path if written else None


def _replaced(out: Path) -> Report | None:
    """Return the stored run in a file that is going to be replaced, if it holds one."""
    with contextlib.suppress(OSError, ValueError):
        return _stored(out)
    return None


def _print(report: Report, changes: list[Change]) -> None:
    table = new_table("contender", ">a call", ">ratio", ">quartiles", ">memory")
    for size in dict.fromkeys(f.size for f in report.figures):
        table.add_row(Text(show_steps(size), style="bold"))
        for f in (f for f in report.figures if f.size == size):
            ratios = page.show_ratio(f.ratio), f"{page.show_ratio(f.low)} to {page.show_ratio(f.high)}"
            table.add_row(f"  {f.contender}", page.show_time(f.median), *ratios, page.show_memory(f))
    print_table(table)
    for t in report.training:
        say(f"train step, {t.mode}, {t.schedule}: {page.show_time(t.step)}, {t.extra * 1e6:+.1f} us to a constant rate")
    for name, value in report.harness.items():
        say(f"{name}: {value:.2f}")
    for reason in dict.fromkeys(report.missing.values()):
        say(f"not measured ({reason}): {', '.join(name for name, why in report.missing.items() if why == reason)}")
    if changes:
        table = new_table("contender", ">steps", ">stored", ">new", ">change", "verdict")
        table.columns[0].no_wrap = False
        for c in sorted(changes, key=lambda change: change.holds):
            verdict = ("holds" if c.holds else "FAILS") if c.key else "-"
            change = f"{100 * (c.now / c.then - 1):+,.0f} %"
            table.add_row(c.contender, f"{c.size:,}", page.show_ratio(c.then), page.show_ratio(c.now), change, verdict)
        where = "the same processor" if changes[0].limit == SAME_PROCESSOR else "another processor"
        click.echo(f"\nratios to np.full: those of the stored run, on {where}, and new ones")
        print_table(table)
        for c in (change for change in changes if not change.holds):
            say(f"FAILS: {c.contender}, {show_steps(c.size)}: {c.now / c.then:.1f} times the stored ratio, measured twice")
        if has_key_figure(changes):
            many = "all key figures are at most" if all(c.holds for c in changes) else "a key figure is more than"
            click.echo(f"{many} {changes[0].limit:g} times the stored one")


def _read(path: Path, option: str) -> Report:
    try:
        return _stored(path)
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path}: {error}", param_hint=option) from None


def _stored(path: Path) -> Report:
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"not a report of clr-ref bench: it has more than {_MOST_BYTES:,} bytes")
    return Report.from_json(content.decode("utf-8"))
