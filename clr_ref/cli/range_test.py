"""``clr-ref range-test``."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clr_ref.cli.common import (
    Progress,
    check_outputs,
    data_option,
    json_option,
    new_table,
    output_option,
    plotting_module,
    print_json,
    print_table,
    require_extras,
)
from clr_ref.cli.frameworks import quiet
from clr_ref.cli.lines import say
from clr_ref.cli.user_code import described_errors, loaded
from clr_ref.exact import ulp
from clr_ref.range_test.result import RangeTest
from clr_ref.training.made import MadeError, made, parts

if TYPE_CHECKING:
    from clr_ref.range_test.comparison import Comparison

#: exact.round_to computes each rate; more would take minutes before the first update.
_MOST_STEPS = 10**6


@click.command("range-test")
@click.argument("model", required=False, metavar="[MODULE:MAKE]")
@click.option("--minimal-learning-rate", type=float, default=1e-4, help="The first rate.")
@click.option("--maximal-learning-rate", type=float, default=10.0, help="The last rate.")
@click.option("--steps", type=click.IntRange(2, _MOST_STEPS), default=200, help="Number of rates, one for each update.")
@click.option(
    "--sweep",
    type=click.Choice(["exponential", "linear"]),
    default="exponential",
    help="Constant ratio or constant difference of the rates.",
)
@click.option("--smoothing", type=float, default=0.9, help="The weight of the past in the smoothed loss.")
@click.option("--batch-size", type=click.IntRange(min=1), default=64, help="Size of batches from arrays.")
@click.option("--seed", type=click.IntRange(min=0, max=2**32 - 1), default=0, help="Seed of weights and order.")
@click.option("--subset", type=click.IntRange(min=1), metavar="N", help="Train on the first N pictures only.")
@data_option
@click.option(
    "--compare",
    "epochs",
    type=click.IntRange(min=1),
    metavar="EPOCHS",
    help="Train with the suggested bounds and with the tutorial's.",
)
@click.option("--seeds", type=click.IntRange(min=1), default=1, help="Number of seeds, from --seed on.")
@output_option("--out", folder=True, help="Write range-test.html, .png, .csv and .json into this folder.")
@json_option
def range_test(
    model: str | None,
    minimal_learning_rate: float,
    maximal_learning_rate: float,
    steps: int,
    sweep: str,
    smoothing: float,
    batch_size: int,
    seed: int,
    subset: int | None,
    source: Path | None,
    epochs: int | None,
    seeds: int,
    out: Path | None,
    as_json: bool,
) -> None:
    r"""Raise the learning rate until the loss stops falling, and suggest bounds for a cyclical one.

    Without an argument it sweeps the TFA tutorial's network on Fashion-MNIST. MODULE:MAKE, or FILE.py:MAKE, names a function
    that takes no arguments and returns a compiled Keras model and its data: (model, dataset), or (model, (x, y)). A third part,
    the data with which `clr-ref study` measures, is not used.

    Needs Keras with TensorFlow, JAX or torch; the tutorial's network needs TensorFlow; --out needs clr-ref[plot].

    Exit code 1 if no bounds can be suggested, or if they train worse with --compare.

    \b
    Example:
      clr-ref range-test --subset 6400 --steps 100 --out range-test
    """
    if model is not None and (epochs, subset, source) != (None, None, None):
        raise click.UsageError("--compare, --subset and --data go with the tutorial's network, not with MODULE:MAKE")
    if model is not None and seeds != 1:
        raise click.UsageError("--seeds goes with the tutorial's network, not with MODULE:MAKE, which chooses its own seeds")
    if seed + seeds > 2**32:
        raise click.UsageError(f"the last seed must be below 2**32, got --seed {seed} --seeds {seeds}")
    _check_numbers(minimal_learning_rate, maximal_learning_rate, sweep, smoothing)
    files = {} if out is None else {number: _files(out, number, seeds) for number in range(seed, seed + seeds)}
    check_outputs("--out", [path for paths in files.values() for path in paths])
    options = {
        "minimal_learning_rate": minimal_learning_rate,
        "maximal_learning_rate": maximal_learning_rate,
        "steps": steps,
        "sweep": sweep,
        "smoothing": smoothing,
        "batch_size": batch_size,
    }
    extras = ["plot"] if out is not None else []
    found: list[RangeTest] = []
    comparisons: list[Comparison] = []
    with quiet():
        run = _tutorial(subset, source, options, extras) if model is None else _own(model, options, extras)
        with Progress(seeds * (1 if epochs is None else 2)) as bar:
            for number in range(seed, seed + seeds):
                bar.start(f"seed {number}:" if seeds > 1 else "")
                found.append(run(number, bar, epochs, comparisons))
    if out is not None:
        plotting = plotting_module()
        out.mkdir(parents=True, exist_ok=True)
        for one, (table, document, page, picture) in zip(found, files.values(), strict=True):
            one.to_csv(table)
            one.to_json(document)
            one.to_html(page)
            plotting.range_test(one, picture)
    holds = all(one.suggestion.maximal_learning_rate is not None for one in found) and all(one.holds for one in comparisons)
    if as_json:
        report = {
            "holds": holds,
            "tests": [{"seed": seed + number, **json.loads(one.to_json())} for number, one in enumerate(found)],
            "comparisons": [{**dataclasses.asdict(one), "holds": one.holds} for one in comparisons],
            "out": None if out is None else str(out),
        }
        print_json(report)
    else:
        for number, one in enumerate(found):
            _print(one, f"seed {seed + number}: " if seeds > 1 else "")
        if comparisons:
            _print_comparisons(comparisons, epochs)
        if out is not None:
            say(f"wrote {out}/")
    sys.exit(0 if holds else 1)


Run = Callable[[int, Progress, "int | None", "list[Comparison]"], RangeTest]


def _check_numbers(minimal: float, maximal: float, sweep: str, smoothing: float) -> None:
    """Raise the error of a wrong number before a framework is imported, which takes seconds."""
    from clr_ref.range_test import curve

    try:
        curve.rates(minimal, maximal, 2, sweep)
        curve.smoothed([], smoothing)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _files(folder: Path, seed: int, seeds: int) -> list[Path]:
    stem = "range-test" if seeds == 1 else f"range-test-{seed}"
    return [folder / f"{stem}.{suffix}" for suffix in ("csv", "json", "html", "png")]


def _tutorial(subset: int | None, folder: Path | None, options: dict[str, Any], extras: list[str]) -> Run:
    require_extras(*extras, framework=True)
    from clr_ref.training import data as fashion, determinism

    try:
        data = fashion.load(folder)
        if subset is not None:
            data = dataclasses.replace(data, train=data.train.first(subset))
    except fashion.DataError as error:
        raise click.UsageError(str(error)) from None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--subset") from None
    try:
        determinism.prepare()
    except (ImportError, RuntimeError) as error:
        raise click.UsageError(str(error)) from None
    from clr_ref.range_test import comparison

    def run(seed: int, bar: Progress, epochs: int | None, comparisons: list[Comparison]) -> RangeTest:
        found = comparison.tutorial_range_test(data, seed, progress=_told(bar, options["steps"]), **options)
        bar.done(f"seed {seed}: {len(found.rates)} of {found.steps} rates applied")
        if epochs is not None:
            bar.say(f"{epochs} epochs with each pair of bounds")
            comparisons.append(comparison.compare(data, found, seed, epochs))
            bar.done(f"seed {seed}: trained with both pairs of bounds")
        return found

    return run


def _own(target: str, options: dict[str, Any], extras: list[str]) -> Run:
    make = loaded(target, *extras)
    with described_errors(target, MadeError):
        found = made(make(), target)
        x, y, weights = parts(found.data, target)

    def run(seed: int, bar: Progress, epochs: int | None, comparisons: list[Comparison]) -> RangeTest:
        from clr_ref.range_test import range_test as test

        with described_errors(target):
            swept = test(found.model, x, y, sample_weight=weights, seed=seed, progress=_told(bar, options["steps"]), **options)
        bar.done(f"{len(swept.rates)} of {swept.steps} rates applied")
        return swept

    return run


def _told(bar: Progress, steps: int) -> Callable[[int, float, float], None]:
    return lambda number, rate, loss: bar.say(f"update {number} of {steps}, rate {rate:.3g}, loss {loss:.3g}")


def _print(found: RangeTest, title: str) -> None:
    ends = " to ".join(ulp.shortest(rate) for rate in (found.rates[0], found.rates[-1]))
    say(f"{title}{found.sweep} sweep, {len(found.rates)} of {found.steps} rates applied, {ends}")
    if found.stopped is not None:
        say(f"stopped: {found.stopped}", hang="  ")
    for name in ("initial_learning_rate", "maximal_learning_rate"):
        rate = getattr(found.suggestion, name)
        say(f"{name.replace('_', ' ')}: {'none' if rate is None else f'{rate:.3g}'}")
    say(f"reason: {found.suggestion.reason}", hang="  ")


def _print_comparisons(comparisons: list[Comparison], epochs: int | None) -> None:
    table = new_table(">seed", "bounds", ">initial", ">maximal", ">test loss", ">test accuracy")
    for one in comparisons:
        for name, result in (("suggested", one.suggested), ("tutorial", one.tutorial)):
            if result is None:
                table.add_row(str(one.seed), name, "-", "-", "-", "-")
                continue
            rates = (f"{result.initial_learning_rate:.3g}", f"{result.maximal_learning_rate:.3g}")
            table.add_row(str(one.seed), name, *rates, f"{result.test_loss:.4f}", f"{result.test_accuracy:.4f}")
    print_table(table)
    better = sum(one.holds for one in comparisons)
    say(f"after {epochs} epochs the suggested bounds are at least as good for {better} of {len(comparisons)} seeds")
