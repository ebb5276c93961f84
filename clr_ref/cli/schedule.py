"""``clr-ref eval`` and ``plot``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from clr_ref import CyclicalLearningRate, exact, tfa_arithmetic
from clr_ref._files import finite
from clr_ref.cli import decimals
from clr_ref.cli.common import json_option, new_table, output_option, plotting_module, print_table
from clr_ref.cli.schedule_options import refuse_what_tfa_lacks, schedule_options
from clr_ref.cli.steps import CommandWithSteps, count, ranges, whole_step
from clr_ref.compositions.base import Schedule, domain

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: At most so many steps are a table of all columns. Longer ones are printed as they are computed, with their rates alone.
LISTED = 1000
#: Steps whose rates are computed, formatted and printed together: more do not fit into the cache.
CHUNK = 16_384


@click.command("eval", cls=CommandWithSteps)
@schedule_options
@click.argument("steps", nargs=-1, required=True, type=ranges)
@click.option(
    "--tier",
    type=click.Choice(["reference", "exact", "tfa"]),
    default="reference",
    help="reference: the correctly rounded rates; exact: fractions, or 77 digits; tfa: TFA's formula in eager mode.",
)
@json_option
def evaluate(
    schedule: Schedule,
    steps: tuple[range, ...],
    tier: str,
    as_json: bool,
) -> None:
    r"""Print the rates at STEPS: single steps, or ranges START:STOP[:STRIDE].

    A step is a whole number such as 1874, 1_874 or 1e6. A range does not include STOP; START is 0 by default. Up to 1,000
    steps are printed as a table. Of more steps only step and rate are printed, as soon as they are computed, in constant
    memory. With --json every step has all columns.

    --shift, --warm-up and --cool-down apply in this order, each around the one before. The table then has no cycles and
    heights.

    \b
    Example:
      clr-ref eval triangular2 -i 1e-4 -m 1e-2 -s 1874 0 1874 3748:3752
      clr-ref eval exp_range -i 1e-4 -m 1e-2 -s 1874 -g 0.9999 --tier exact 1
      clr-ref eval triangular -i 1e-4 -m 1e-2 -s 500 -d 1500 0 500 1250 2000
      clr-ref eval triangular -i 0.1 -m 1 -s 45 --cool-down 90 10 0.001 90:101
    """
    if tier == "tfa":
        refuse_what_tfa_lacks("--tier tfa", schedule)
    for part in filter(None, steps):
        _check_domain(schedule, part[0], part[-1], "STEPS")
    if as_json:
        _print_json(schedule, steps, tier)
    elif sum(map(count, steps)) <= LISTED:
        place = [">cycle", ">height"] if isinstance(schedule, CyclicalLearningRate) else []
        table = new_table(">step", *place, "rate", *([] if tier == "exact" else [">hex"]))
        for rows in _rows(schedule, steps, tier):
            for row in rows:
                table.add_row(*(f"{cell:.6g}" if name == "height" else str(cell) for name, cell in row.items()))
        print_table(table)
    else:
        _print_lines(schedule, steps, tier)


def _rows(schedule: Schedule, steps: tuple[range, ...], tier: str) -> Iterator[list[dict[str, Any]]]:
    """Yield some rows at a time; their rates are texts of exact or of shortest decimal numbers."""
    for part, rates in _chunks(schedule, steps, tier):
        texts = map(_exact_text, rates) if tier == "exact" else decimals.join(decimals.floats(rates)).splitlines()
        rows: list[dict[str, Any]] = []
        for step, shown in zip(part, texts, strict=True):
            row: dict[str, Any] = {"step": step}
            if isinstance(schedule, CyclicalLearningRate):
                row["cycle"], height = exact.phase(Fraction(schedule.step_size), step, Fraction(schedule.fall))
                row["height"] = float(height)
            rows.append(row | {"rate": shown})
        if tier != "exact":
            for row, rate in zip(rows, rates.tolist(), strict=True):
                row["hex"] = rate.hex()
        yield rows


def _print_json(schedule: Schedule, steps: tuple[range, ...], tier: str) -> None:
    head = json.dumps({"schedule": json.loads(schedule.to_json()), "tier": tier, "rates": []}).removesuffix("]}")
    click.echo(head, nl=False)
    before = "\n"
    for rows in _rows(schedule, steps, tier):
        if tier != "exact":
            for row in rows:
                row["rate"] = float(row["rate"])
        click.echo(before + ",\n".join(json.dumps(finite(row)) for row in rows), nl=False)
        before = ",\n"
    click.echo("\n]}")


def _print_lines(schedule: Schedule, steps: tuple[range, ...], tier: str) -> None:
    width = max(4, *(len(str(part[-1])) for part in steps if part))
    click.echo(f"{'step':>{width}}  rate")
    for part, rates in _chunks(schedule, steps, tier):
        if tier == "exact":
            click.echo(f"{part.start:>{width}}  {_exact_text(rates[0])}")
        else:
            gap = np.full((len(part), 2), ord(" "), np.uint8)
            click.echo(decimals.join(decimals.integers(_as_array(part), width), gap, decimals.floats(rates)), nl=False)


def _chunks(schedule: Schedule, steps: tuple[range, ...], tier: str) -> Iterator[tuple[range, Any]]:
    """Yield a part of the steps at a time, and its rates."""
    size = 1 if tier == "exact" else CHUNK  # an exact rate can take a while, and is printed at once
    for chosen in steps:
        for first in range(0, count(chosen), size):
            part = chosen[first : first + size]
            if tier == "exact":
                yield part, [schedule.exact(part.start)]
            elif tier == "tfa":
                assert isinstance(schedule, CyclicalLearningRate)
                yield part, tfa_arithmetic.evaluate(schedule, _as_array(part))
            elif part.step == 1:
                yield part, schedule.values(part.start, part.stop)
            else:
                yield part, schedule(_as_array(part))


def _as_array(part: range) -> NDArray[np.int64]:
    stride = part.step if len(part) > 1 else 1  # that of a single step may be too large for int64
    return np.arange(len(part), dtype=np.int64) * stride + part.start


def _exact_text(rate: Any) -> str:
    if isinstance(rate, Fraction):
        # Decimal writes whole numbers of any length; ``str`` of an int is an error above 4,300 digits.
        whole, below = Decimal(rate.numerator), rate.denominator
        return f"{whole:f}" if below == 1 else f"{whole:f}/{Decimal(below):f}"
    import mpmath

    return str(mpmath.nstr(rate, 77))


@click.command()
@schedule_options
@click.option(
    "--start", type=whole_step, metavar="STEP", help="The first step, such as 1874 or 1e6. Default: the first with a rate."
)
@click.option(
    "--stop",
    type=whole_step,
    metavar="STEP",
    help="The step after the last one. Default: ten cycles after --start.",
)
@click.option("--error", is_flag=True, help="Draw the error of TFA's eager formula and its bound instead of the rates.")
@output_option("-o", "--out", required=True, help="A .png, .svg or .pdf file.")
@json_option
def plot(
    schedule: Schedule,
    start: int | None,
    stop: int | None,
    error: bool,
    out: Path,
    as_json: bool,
) -> None:
    r"""Draw a schedule, or how far TFA's formula drifts from it. Needs clr-ref[plot].

    \b
    Example:
      clr-ref plot triangular2 -i 1e-4 -m 1e-2 -s 1874 --out clr.png
    """
    if error:
        refuse_what_tfa_lacks("--error", schedule)
    first, end = domain(schedule)
    start = first if start is None else start
    last = min(start + max(int(10 * _cycle(schedule)), 20), end + 1) if stop is None else stop
    if out.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise click.BadParameter(f"must end in .png, .svg or .pdf, got {str(out)!r}", param_hint="--out")
    if start >= last:  # each of them is one of 0 .. 2**63
        raise click.BadParameter(f"0 <= start < stop <= 2**63 must hold, got {start}:{last}", param_hint="--start, --stop")
    _check_domain(schedule, start, last - 1, "--start, --stop")
    plotting = plotting_module()
    draw = plotting.error if error else plotting.rates
    draw(schedule, start, last, out)
    click.echo(json.dumps({"out": str(out), "start": start, "stop": last}) if as_json else f"wrote {out}")


def _check_domain(schedule: Schedule, first: int, last: int, hint: str) -> None:
    """Raise click.BadParameter for steps at which Shifted has no rate."""
    lowest, highest = domain(schedule)
    if first < lowest or last > highest:
        raise click.BadParameter(f"with --shift, give steps {lowest} .. {highest}, got {first} .. {last}", param_hint=hint)


def _cycle(schedule: Schedule) -> Fraction:
    """Return the length of a cycle of the schedule inside. In float64, ten of them can be infinite."""
    while not isinstance(schedule, CyclicalLearningRate):
        schedule = schedule.schedule
    return Fraction(schedule.step_size) + Fraction(schedule.fall)
