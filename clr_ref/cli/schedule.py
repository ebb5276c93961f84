"""``clr-ref eval`` and ``plot``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

import clr_ref
from clr_ref import exact, tfa_arithmetic
from clr_ref.cli.common import json_option, new_table, output_option, plotting_module, print_table
from clr_ref.exact import ulp


def schedule_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float32", show_default=True),
        click.option("--gamma", type=float, default=None, help="Required by exp_range, and accepted by no other policy."),
        click.option("--step-size", type=float, required=True, help="Half the length of a cycle, in steps."),
        click.option("--maximal-learning-rate", type=float, required=True, help="The rate at the peaks."),
        click.option("--initial-learning-rate", type=float, required=True, help="The rate at step 0."),
        click.argument("policy", type=click.Choice(["triangular", "triangular2", "exp_range"])),
    ):
        function = option(function)
    return function


@click.command("eval")
@schedule_options
@click.argument("steps", nargs=-1, required=True)
@click.option(
    "--tier",
    type=click.Choice(["reference", "exact", "tfa"]),
    default="reference",
    show_default=True,
    help="tfa: the rates of TFA's formula in eager mode.",
)
@json_option
def evaluate(
    policy: str,
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: float,
    gamma: float | None,
    dtype: str,
    steps: tuple[str, ...],
    tier: str,
    as_json: bool,
) -> None:
    r"""Print the rates at STEPS: single steps, or ranges START:STOP[:STRIDE].

    \b
    clr-ref eval triangular2 --initial-learning-rate 1e-4 --maximal-learning-rate 1e-2 --step-size 1874 0 1874 3748:3752
    """
    schedule = _schedule(policy, initial_learning_rate, maximal_learning_rate, step_size, gamma, dtype)
    rows = []
    for step in _steps(steps):
        cycle, height = exact.phase(Fraction(schedule.step_size), step)
        row: dict[str, Any] = {"step": step, "cycle": cycle, "height": float(height)}
        if tier == "exact":
            row["rate"] = str(schedule.exact(step))
        else:
            value = schedule(step) if tier == "reference" else tfa_arithmetic.evaluate(schedule, step)
            row.update(rate=ulp.shortest(value), hex=float(value).hex())
        rows.append(row)
    if as_json:
        document = {"schedule": json.loads(schedule.to_json()), "tier": tier, "rates": rows}
        click.echo(json.dumps(document, indent=1))
        return
    table = new_table(*(">" + name if name != "rate" else name for name in rows[0]))
    for row in rows:
        table.add_row(*(f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in row.values()))
    print_table(table)


@click.command()
@schedule_options
@click.option("--start", type=int, default=0, show_default=True, help="The first step.")
@click.option("--stop", type=int, default=None, help="The step after the last one. Default: ten cycles after --start.")
@click.option("--error", is_flag=True, help="Draw the error of TFA's eager formula and its bound instead of the rates.")
@output_option("--out", required=True, help="A .png, .svg or .pdf file.")
@json_option
def plot(
    policy: str,
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: float,
    gamma: float | None,
    dtype: str,
    start: int,
    stop: int | None,
    error: bool,
    out: Path,
    as_json: bool,
) -> None:
    """Draw a schedule, or how far TFA's formula drifts from it. Needs clr-ref[plot]."""
    schedule = _schedule(policy, initial_learning_rate, maximal_learning_rate, step_size, gamma, dtype)
    last = start + max(int(20 * schedule.step_size), 20) if stop is None else stop
    if out.suffix not in (".png", ".svg", ".pdf"):
        raise click.BadParameter(f"must end in .png, .svg or .pdf, got {str(out)!r}", param_hint="--out")
    if not 0 <= start < last <= 2**63:
        raise click.BadParameter(f"0 <= start < stop <= 2**63 must hold, got {start}:{last}", param_hint="--start, --stop")
    plotting = plotting_module()
    draw = plotting.error if error else plotting.rates
    draw(schedule, start, last, out)
    click.echo(json.dumps({"out": str(out), "start": start, "stop": last}) if as_json else f"wrote {out}")


def _schedule(
    policy: str, initial: float, maximal: float, step_size: float, gamma: float | None, dtype: str
) -> clr_ref.CyclicalLearningRate:
    if (policy == "exp_range") != (gamma is not None):
        raise click.UsageError("--gamma goes with exp_range, and exp_range with --gamma")
    try:
        if gamma is not None:
            return clr_ref.exp_range(initial, maximal, step_size, gamma, dtype=dtype)
        return getattr(clr_ref, policy)(initial, maximal, step_size, dtype=dtype)  # type: ignore[no-any-return]
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _steps(texts: Iterable[str]) -> Iterable[int]:
    for text in texts:
        if not re.fullmatch(r"\d+|\d+:\d+(:[1-9]\d*)?", text):
            raise click.BadParameter(f"a step or START:STOP[:STRIDE] of whole numbers, got {text!r}", param_hint="STEPS")
        numbers = [int(part) for part in text.split(":")]
        found = range(numbers[0], numbers[0] + 1) if len(numbers) == 1 else range(*numbers)
        if max(numbers[:2]) > 2**63 or (found and found[-1] >= 2**63):
            raise click.BadParameter(f"steps lie in 0 .. 2**63-1, got {text!r}", param_hint="STEPS")
        yield from found
