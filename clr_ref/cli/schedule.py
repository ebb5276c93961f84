"""``clr-ref eval`` and ``plot``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

import clr_ref
from clr_ref import exact, tfa_arithmetic
from clr_ref.cli import decimals
from clr_ref.cli.common import finite, json_option, new_table, output_option, plotting_module, print_table
from clr_ref.cli.steps import CommandWithSteps, count, ranges, whole_step

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: At most so many steps are a table of all columns. Longer ones are printed as they are computed, with their rates alone.
LISTED = 1000
#: Steps whose rates are computed, formatted and printed together: more do not fit into the cache.
CHUNK = 16_384


def schedule_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--dtype",
            type=click.Choice(["float32", "float64"]),
            default="float32",
            help="Precision of the rates. Bounds and step sizes are rounded to it first.",
        ),
        click.option("-g", "--gamma", type=float, help="Required by exp_range, and accepted by no other policy."),
        click.option(
            "-d",
            "--step-size-down",
            type=float,
            help="How many steps the rate falls. Default: --step-size.",
        ),
        click.option("-s", "--step-size", type=float, required=True, help="How many steps the rate rises."),
        click.option("-m", "--maximal-learning-rate", type=float, required=True, help="The rate at the peaks."),
        click.option("-i", "--initial-learning-rate", type=float, required=True, help="The rate at step 0."),
        click.argument("policy", type=click.Choice(["triangular", "triangular2", "exp_range"])),
    ):
        function = option(function)
    return function


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
    policy: str,
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: float,
    step_size_down: float | None,
    gamma: float | None,
    dtype: str,
    steps: tuple[range, ...],
    tier: str,
    as_json: bool,
) -> None:
    r"""Print the rates at STEPS: single steps, or ranges START:STOP[:STRIDE].

    A step is a whole number such as 1874, 1_874 or 1e6. A range does not include STOP; START is 0 by default. Up to 1,000
    steps are printed as a table. Of more steps only the rates are printed, as soon as they are computed, in constant memory.
    With --json every step has all columns.

    \b
    Example:
      clr-ref eval triangular2 -i 1e-4 -m 1e-2 -s 1874 0 1874 3748:3752
      clr-ref eval exp_range -i 1e-4 -m 1e-2 -s 1874 -g 0.9999 --tier exact 1
      clr-ref eval triangular -i 1e-4 -m 1e-2 -s 500 -d 1500 0 500 1250 2000
    """
    schedule = _schedule(policy, initial_learning_rate, maximal_learning_rate, step_size, step_size_down, gamma, dtype)
    if tier == "tfa":
        _refuse_step_size_down("--tier tfa", step_size_down)
    if as_json:
        _print_json(schedule, steps, tier)
    elif sum(map(count, steps)) <= LISTED:
        table = new_table(">step", ">cycle", ">height", "rate", *([] if tier == "exact" else [">hex"]))
        for rows in _rows(schedule, steps, tier):
            for row in rows:
                table.add_row(*(f"{cell:.6g}" if name == "height" else str(cell) for name, cell in row.items()))
        print_table(table)
    else:
        _print_lines(schedule, steps, tier)


def _rows(schedule: clr_ref.CyclicalLearningRate, steps: tuple[range, ...], tier: str) -> Iterator[list[dict[str, Any]]]:
    """Yield some rows at a time; their rates are texts of exact or of shortest decimal numbers."""
    for part, rates in _chunks(schedule, steps, tier):
        texts = map(_exact_text, rates) if tier == "exact" else decimals.join(decimals.floats(rates)).splitlines()
        rows: list[dict[str, Any]] = []
        for step, shown in zip(part, texts, strict=True):
            cycle, height = exact.phase(Fraction(schedule.step_size), step, Fraction(schedule.fall))
            rows.append({"step": step, "cycle": cycle, "height": float(height), "rate": shown})
        if tier != "exact":
            for row, rate in zip(rows, rates.tolist(), strict=True):
                row["hex"] = rate.hex()
        yield rows


def _print_json(schedule: clr_ref.CyclicalLearningRate, steps: tuple[range, ...], tier: str) -> None:
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


def _print_lines(schedule: clr_ref.CyclicalLearningRate, steps: tuple[range, ...], tier: str) -> None:
    width = max(4, *(len(str(part[-1])) for part in steps if part))
    click.echo(f"{'step':>{width}}  rate")
    for part, rates in _chunks(schedule, steps, tier):
        if tier == "exact":
            click.echo(f"{part.start:>{width}}  {_exact_text(rates[0])}")
        else:
            gap = np.full((len(part), 2), ord(" "), np.uint8)
            click.echo(decimals.join(decimals.integers(_as_array(part), width), gap, decimals.floats(rates)), nl=False)


def _chunks(schedule: clr_ref.CyclicalLearningRate, steps: tuple[range, ...], tier: str) -> Iterator[tuple[range, Any]]:
    """Yield a part of the steps at a time, and its rates."""
    size = 1 if tier == "exact" else CHUNK  # an exact rate can take a while, and is printed at once
    for chosen in steps:
        for first in range(0, count(chosen), size):
            part = chosen[first : first + size]
            if tier == "exact":
                yield part, [schedule.exact(part.start)]
            elif tier == "tfa":
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
@click.option("--start", type=whole_step, metavar="STEP", default="0", help="The first step, such as 1874 or 1e6.")
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
    policy: str,
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: float,
    step_size_down: float | None,
    gamma: float | None,
    dtype: str,
    start: int,
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
    schedule = _schedule(policy, initial_learning_rate, maximal_learning_rate, step_size, step_size_down, gamma, dtype)
    if error:
        _refuse_step_size_down("--error", step_size_down)
    # In float64, the length of ten cycles can be infinite.
    cycle = Fraction(schedule.step_size) + Fraction(schedule.fall)
    last = min(start + max(int(10 * cycle), 20), 2**63) if stop is None else stop
    if out.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise click.BadParameter(f"must end in .png, .svg or .pdf, got {str(out)!r}", param_hint="--out")
    if start >= last:  # each of them is one of 0 .. 2**63
        raise click.BadParameter(f"0 <= start < stop <= 2**63 must hold, got {start}:{last}", param_hint="--start, --stop")
    plotting = plotting_module()
    draw = plotting.error if error else plotting.rates
    draw(schedule, start, last, out)
    click.echo(json.dumps({"out": str(out), "start": start, "stop": last}) if as_json else f"wrote {out}")


def _schedule(
    policy: str, initial: float, maximal: float, step_size: float, down: float | None, gamma: float | None, dtype: str
) -> clr_ref.CyclicalLearningRate:
    if (policy == "exp_range") != (gamma is not None):
        raise click.UsageError("--gamma goes with exp_range, and exp_range with --gamma")
    try:
        if gamma is not None:
            return clr_ref.exp_range(initial, maximal, step_size, gamma, step_size_down=down, dtype=dtype)
        function = getattr(clr_ref, policy)
        return function(initial, maximal, step_size, step_size_down=down, dtype=dtype)  # type: ignore[no-any-return]
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _refuse_step_size_down(option: str, step_size_down: float | None) -> None:
    if step_size_down is not None:
        raise click.UsageError(f"{option} must stand without --step-size-down: TFA's rates fall for as many steps as they rise")
