"""The options of ``clr-ref eval`` and ``plot`` that make a schedule, and what stands around it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

import clr_ref
from clr_ref.cli.steps import signed_steps
from clr_ref.compositions import Composition

_OPTIONS = (
    click.argument("policy", type=click.Choice(["triangular", "triangular2", "exp_range"])),
    click.option("-i", "--initial-learning-rate", type=float, required=True, help="The rate at step 0."),
    click.option("-m", "--maximal-learning-rate", type=float, required=True, help="The rate at the peaks."),
    click.option("-s", "--step-size", type=float, required=True, help="How many steps the rate rises."),
    click.option("-d", "--step-size-down", type=float, help="How many steps the rate falls. Default: --step-size."),
    click.option("-g", "--gamma", type=float, help="Required by exp_range, and accepted by no other policy."),
    click.option(
        "--dtype",
        type=click.Choice(["float32", "float64"]),
        default="float32",
        help="Precision of the rates. Bounds and step sizes are rounded to it first.",
    ),
    click.option(
        "--shift",
        metavar="STEPS",
        type=signed_steps,
        help="Add this number to every step; with -N, steps below N have no rate.",
    ),
    click.option(
        "--warm-up", metavar="STEPS", type=signed_steps, help="First move linearly to the first rate in so many steps."
    ),
    click.option("--warm-up-from", metavar="RATE", type=float, help="The rate at step 0 of --warm-up. Default: 0."),
    click.option("--counts-warm-up", is_flag=True, help="After --warm-up N, the schedule goes on at its step N, not at 0."),
    click.option(
        "--cool-down",
        metavar="START STEPS RATE",
        type=(signed_steps, signed_steps, float),
        help="From step START on, move linearly to RATE in so many steps, and stay there.",
    ),
)


def schedule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets one argument for them all: ``schedule``."""

    @functools.wraps(command)
    def with_schedule(
        policy: str,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        step_size: float,
        step_size_down: float | None,
        gamma: float | None,
        dtype: str,
        shift: int | None,
        warm_up: int | None,
        warm_up_from: float | None,
        counts_warm_up: bool,
        cool_down: tuple[int, int, float] | None,
        **others: Any,
    ) -> Any:
        if (policy == "exp_range") != (gamma is not None):
            raise click.UsageError("--gamma goes with exp_range, and exp_range with --gamma")
        if warm_up is None and (counts_warm_up or warm_up_from is not None):
            raise click.UsageError("--warm-up-from and --counts-warm-up go with --warm-up")
        more = {"step_size_down": step_size_down, "dtype": dtype, **({} if gamma is None else {"gamma": gamma})}
        try:
            schedule = getattr(clr_ref, policy)(initial_learning_rate, maximal_learning_rate, step_size, **more)
            if shift is not None:
                schedule = clr_ref.Shifted(schedule, shift)
            if warm_up is not None:
                schedule = clr_ref.WarmUp(schedule, warm_up, warm_up_from or 0.0, counts_warm_up=counts_warm_up)
            if cool_down is not None:
                schedule = clr_ref.CoolDown(schedule, *cool_down)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        return command(schedule=schedule, **others)

    for option in reversed(_OPTIONS):
        with_schedule = option(with_schedule)
    return with_schedule


def refuse_what_tfa_lacks(option: str, schedule: Any) -> None:
    """Refuse an option that compares with TFA for a schedule that TFA does not have.

    Raises:
        click.UsageError: the schedule has a step_size_down, or is a composition.
    """
    if isinstance(schedule, Composition):
        raise click.UsageError(f"{option} must stand without --shift, --warm-up and --cool-down, which TFA does not have")
    if schedule.step_size_down is not None:
        raise click.UsageError(f"{option} must stand without --step-size-down: TFA's rates fall for as many steps as they rise")
