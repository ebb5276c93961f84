"""``clr-ref range-test``."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clr_ref.cli.common import Progress, finite, json_option, new_table, output_option, plotting_module, print_table
from clr_ref.exact import ulp
from clr_ref.range_test.result import RangeTest

if TYPE_CHECKING:
    from clr_ref.range_test.comparison import Comparison


@click.command("range-test")
@click.argument("model", required=False, metavar="[MODULE:MAKE]")
@click.option("--minimal-learning-rate", type=float, default=1e-4, show_default=True, help="The first rate.")
@click.option("--maximal-learning-rate", type=float, default=10.0, show_default=True, help="The last rate.")
@click.option(
    "--steps", type=click.IntRange(min=2), default=200, show_default=True, help="Number of rates, one for each update."
)
@click.option(
    "--sweep",
    type=click.Choice(["exponential", "linear"]),
    default="exponential",
    show_default=True,
    help="Constant ratio or constant difference of the rates.",
)
@click.option("--smoothing", type=float, default=0.9, show_default=True, help="The weight of the past in the smoothed loss.")
@click.option("--batch-size", type=click.IntRange(min=1), default=64, show_default=True, help="Size of batches from arrays.")
@click.option(
    "--seed", type=click.IntRange(min=0, max=2**32 - 1), default=0, show_default=True, help="Seed of weights and order."
)
@click.option("--subset", type=click.IntRange(min=1), default=None, metavar="N", help="Train on the first N pictures only.")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=None, metavar="DIR", help="Folder of Fashion-MNIST."
)
@click.option(
    "--compare",
    "epochs",
    type=click.IntRange(min=1),
    default=None,
    metavar="EPOCHS",
    help="Train with the suggested bounds and with the tutorial's.",
)
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Number of seeds, from --seed on.")
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
    data: Path | None,
    epochs: int | None,
    seeds: int,
    out: Path | None,
    as_json: bool,
) -> None:
    r"""Raise the learning rate until the loss stops falling, and suggest bounds for a cyclical one. Needs Keras.

    Without an argument it sweeps the TFA tutorial's network on Fashion-MNIST. MODULE:MAKE, or FILE.py:MAKE, names a function
    that returns a compiled Keras model and its data: (model, dataset), or (model, (x, y)).

    \b
    clr-ref range-test --out range-test
    clr-ref range-test my_project.train:make --maximal-learning-rate 1 --steps 300

    Exit code 1 if no bounds can be suggested, or if they train worse with --compare.
    """
    if model is not None and (epochs, subset, data) != (None, None, None):
        raise click.UsageError("--compare, --subset and --data go with the tutorial's network, not with MODULE:MAKE")
    if model is not None and seeds != 1:
        raise click.UsageError("--seeds goes with the tutorial's network, not with MODULE:MAKE, which chooses its own seeds")
    plotting = plotting_module() if out is not None else None
    options = {
        "minimal_learning_rate": minimal_learning_rate,
        "maximal_learning_rate": maximal_learning_rate,
        "steps": steps,
        "sweep": sweep,
        "smoothing": smoothing,
        "batch_size": batch_size,
    }
    with Progress(seeds * (1 if epochs is None else 2)) as bar:
        run = _tutorial(subset, data, options) if model is None else _own(model, options)
        found: list[RangeTest] = []
        comparisons: list[Comparison] = []
        for number in range(seed, seed + seeds):
            bar.start(f"seed {number}:")
            found.append(run(number, bar, epochs, comparisons))
    if out is not None and plotting is not None:
        out.mkdir(parents=True, exist_ok=True)
        for number, one in zip(range(seed, seed + seeds), found, strict=True):
            stem = "range-test" if seeds == 1 else f"range-test-{number}"
            one.to_csv(out / f"{stem}.csv")
            one.to_json(out / f"{stem}.json")
            one.to_html(out / f"{stem}.html")
            plotting.range_test(one, out / f"{stem}.png")
    holds = all(one.suggestion.maximal_learning_rate is not None for one in found) and all(one.holds for one in comparisons)
    if as_json:
        document = {
            "holds": holds,
            "tests": [{"seed": seed + number, **json.loads(one.to_json())} for number, one in enumerate(found)],
            "comparisons": [{**dataclasses.asdict(one), "holds": one.holds} for one in comparisons],
            "out": None if out is None else str(out),
        }
        click.echo(json.dumps(finite(document), indent=1))
    else:
        for number, one in enumerate(found):
            _print(one, f"seed {seed + number}: " if seeds > 1 else "")
        if comparisons:
            _print_comparisons(comparisons, epochs)
        if out is not None:
            click.echo(f"wrote {out}/")
    sys.exit(0 if holds else 1)


Run = Callable[[int, Progress, "int | None", "list[Comparison]"], RangeTest]


def _tutorial(subset: int | None, folder: Path | None, options: dict[str, Any]) -> Run:
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
        found = _called(comparison.tutorial_range_test, data, seed, progress=_told(bar, options["steps"]), **options)
        bar.done(f"seed {seed}: {len(found.rates)} of {found.steps} rates applied")
        if epochs is not None:
            bar.say(f"{epochs} epochs with each pair of bounds")
            comparisons.append(comparison.compare(data, found, seed, epochs))
            bar.done(f"seed {seed}: trained with both pairs of bounds")
        return found

    return run


def _own(target: str, options: dict[str, Any]) -> Run:
    made = _make(target)()
    if not isinstance(made, tuple) or len(made) != 2:
        raise click.UsageError(f"{target} must return (model, data), got {type(made).__name__}")
    model, data = made

    def run(seed: int, bar: Progress, epochs: int | None, comparisons: list[Comparison]) -> RangeTest:
        from clr_ref.range_test import range_test as test

        given = data if isinstance(data, tuple) else (data,)
        found = _called(test, model, *given, seed=seed, progress=_told(bar, options["steps"]), **options)
        bar.done(f"{len(found.rates)} of {found.steps} rates applied")
        return found

    return run


def _make(target: str) -> Callable[[], Any]:
    place, colon, name = target.rpartition(":")
    if not colon or not place or not name:
        raise click.UsageError(f"give MODULE:MAKE or FILE.py:MAKE, got {target!r}")
    sys.path.insert(0, str(Path.cwd()))
    try:
        if place.endswith(".py"):
            specification = importlib.util.spec_from_file_location(Path(place).stem, place)
            assert specification is not None
            assert specification.loader is not None
            module = importlib.util.module_from_spec(specification)
            specification.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
    except (ImportError, OSError) as error:
        raise click.UsageError(f"{place} cannot be imported: {error}") from None
    make = getattr(module, name, None)
    if not callable(make):
        raise click.UsageError(f"{place} has no function {name!r}")
    return make  # type: ignore[no-any-return]


def _called(function: Callable[..., RangeTest], *arguments: Any, **options: Any) -> RangeTest:
    try:
        return function(*arguments, **options)
    except (TypeError, ValueError, ImportError) as error:
        raise click.UsageError(str(error)) from error


def _told(bar: Progress, steps: int) -> Callable[[int, float, float], None]:
    return lambda number, rate, loss: bar.say(f"update {number} of {steps}, rate {rate:.3g}, loss {loss:.3g}")


def _print(found: RangeTest, title: str) -> None:
    ends = " to ".join(ulp.shortest(rate) for rate in (found.rates[0], found.rates[-1]))
    click.echo(f"{title}{found.sweep} sweep, {len(found.rates)} of {found.steps} rates applied, {ends}")
    if found.stopped is not None:
        click.echo(f"stopped: {found.stopped}")
    for name in ("initial_learning_rate", "maximal_learning_rate"):
        rate = getattr(found.suggestion, name)
        click.echo(f"{name.replace('_', ' ')}: {'none' if rate is None else f'{rate:.3g}'}")
    click.echo(f"reason: {found.suggestion.reason}")


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
    click.echo(f"after {epochs} epochs the suggested bounds are at least as good for {better} of {len(comparisons)} seeds")
