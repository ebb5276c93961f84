"""``clr-ref trace``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from clr_ref.cli import steps as typed
from clr_ref.cli.common import (
    Progress,
    check_inputs_stay,
    counted,
    data_option,
    json_option,
    output_option,
    print_json,
    require_extras,
)
from clr_ref.cli.frameworks import quiet
from clr_ref.cli.lines import say
from clr_ref.cli.user_code import described_errors, loaded
from clr_ref.trace.format import LEVELS, End

#: The samples of a step; the schedule of the tutorial's network is the tutorial's.
_BATCH_SIZE = 64


@click.command()
@click.argument("model", required=False, metavar="[MODULE:MAKE]")
@output_option("--out", required=True, help="The file of the trace. It grows step by step.")
@click.option("--steps", type=click.IntRange(1), default=100, help="Number of optimizer steps.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Seed of weights, order and dropout.")
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="layers",
    help="weights: the state before and after each step. layers: also outputs of layers and gradients.",
)
@click.option("--keep", metavar="A:B", help="Keep the tensors of the steps A <= t < B, so that `diff` can tell ULP.")
@data_option
@json_option
def trace(
    model: str | None,
    out: Path,
    steps: int,
    seed: int,
    level: str,
    keep: str | None,
    source: Path | None,
    as_json: bool,
) -> None:
    r"""Train, and write a digest of every tensor of every step, so that `clr-ref diff` finds where two trainings part.

    Without an argument the TFA tutorial's network is trained on Fashion-MNIST. MODULE:MAKE, or FILE.py:MAKE, names a function
    that takes no arguments and returns a compiled Keras model and its data: (model, (x, y)), or (model, dataset) of a fixed
    order. Steps count from 0. Needs Keras on TensorFlow.

    The same run without tracing follows. Exit code 1 if tracing changed the results, 2 if the model cannot be traced.

    \b
    Example:
      clr-ref trace --steps 20 --keep 10:12 --out tutorial.trace
    """
    check_inputs_stay("--out", out, [model])
    kept = range(0) if keep is None else _kept(keep, steps)
    if model is not None and source is not None:
        raise click.UsageError("--data goes with the tutorial's network, not with MODULE:MAKE")
    with quiet():
        end = _traced(model, source, out, steps, seed, level, kept)
    if as_json:
        print_json({"out": str(out), "steps": steps, "level": level, "faithful": end.faithful, "digests": end.traced})
    else:
        say(f"wrote {counted(steps, 'step')} to {out}")
        if end.faithful:
            say("faithful: the same run without tracing gave the same bits")
        else:
            differing = [name.removesuffix("_sha256") for name in end.traced if end.traced[name] != end.untraced[name]]
            say(f"NOT FAITHFUL: the same run without tracing gave other bits: {', '.join(differing)}")
            if level != "weights":
                say("`--level weights` leaves the computation alone")
    sys.exit(0 if end.faithful else 1)


def _kept(text: str, steps: int) -> range:
    try:
        chosen = typed.ranges(text)
    except click.BadParameter:
        chosen = range(0)
    if text.count(":") != 1 or not chosen or chosen.stop > steps:
        raise click.BadParameter(f"give A:B with 0 <= A < B <= {steps}, the number of steps, got {text!r}", param_hint="--keep")
    return chosen


def _traced(model: str | None, source: Path | None, out: Path, steps: int, seed: int, level: str, keep: range) -> End:
    require_extras(framework=True)
    from clr_ref.training import determinism
    from clr_ref.training.compiled import ModelError

    try:
        determinism.prepare()  # before the module of the model imports TensorFlow
    except (ImportError, RuntimeError) as error:
        raise click.UsageError(str(error)) from None
    common: dict[str, Any] = {"steps": steps, "level": level, "keep": keep}
    common["command"] = ["trace", *([] if model is None else [model]), "--seed", str(seed)]
    if source is not None:
        common["command"] += ["--data", str(source)]
    run = _tutorial(source, seed, steps) if model is None else _own(model, seed, steps)
    with Progress(2 * steps) as bar:
        bar.start("training with and without tracing")
        try:
            return run(out, on_step=lambda step: bar.advance(), **common)
        except ModelError as error:
            raise click.UsageError(str(error)) from None


def _tutorial(source: Path | None, seed: int, steps: int) -> Callable[..., End]:
    from clr_ref import triangular2
    from clr_ref.trace.record import record
    from clr_ref.training import data as fashion
    from clr_ref.training.experiment import Experiment

    try:
        pictures = fashion.load(source)
    except fashion.DataError as error:
        raise click.UsageError(str(error)) from None
    epochs = _epochs(steps, len(pictures.train))
    chosen = Experiment(triangular2(1e-4, 1e-2, 2 * 937), epochs=epochs, batch_size=_BATCH_SIZE, seed=seed)
    return lambda out, **options: record(out, chosen, pictures.train, pictures.test.first(_BATCH_SIZE), **options)


def _own(target: str, seed: int, steps: int) -> Callable[..., End]:
    make = loaded(target)
    from clr_ref.keras.api import keras
    from clr_ref.trace.record import record
    from clr_ref.training import determinism
    from clr_ref.training.compiled import ModelError
    from clr_ref.training.experiment import Experiment
    from clr_ref.training.made import MadeError, made, samples

    determinism.seed_everything(seed)
    with described_errors(target, MadeError):
        found = made(make(), target)
        train = samples(found.data, target)
    keras.backend.clear_session()  # the names of layers are those of a model that is made first
    chosen = Experiment(None, epochs=_epochs(steps, len(train)), batch_size=_BATCH_SIZE, seed=seed, model=target)

    def run(out: Path, **options: Any) -> End:
        with described_errors(target, MadeError, ModelError):
            return record(out, chosen, train, train.rows(slice(1)), build=lambda: made(make(), target).model, **options)

    return run


def _epochs(steps: int, samples: int) -> int:
    per_epoch = -(-samples // _BATCH_SIZE)
    return -(-steps // per_epoch)
