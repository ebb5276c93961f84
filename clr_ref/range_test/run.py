"""The function ``range_test``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref.exact import ulp
from clr_ref.range_test import curve
from clr_ref.range_test.batches import batches
from clr_ref.range_test.result import RangeTest

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: After so many batches without an update the test raises an error. Loss scaling skips some 40 until its scale is right.
_PATIENCE = 200


def range_test(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    minimal_learning_rate: float,
    maximal_learning_rate: float,
    steps: int,
    sweep: curve.Sweep = "exponential",
    batch_size: int = 32,
    seed: int = 0,
    smoothing: float = 0.9,
    divergence_factor: float = 4.0,
    progress: Callable[[int, float, float], None] | None = None,
) -> RangeTest:
    """Train while the rate rises, and suggest bounds from where the loss starts and stops falling.

    Update t of the optimizer, for t in 0 .. steps - 1, is made with exactly ``rates(minimal, maximal, steps, sweep)[t]``,
    also if it accumulates the gradients of several batches. The sweep ends early when the loss is not finite, or when its
    smoothed value is more than ``divergence_factor`` times its lowest one, if that is positive. Afterwards,
    also after an error, all that can be reached from the model is as before: weights, optimizers, metrics, states and random
    generators (docs/RANGE_TEST.md).

    Args:
        model: a compiled Keras model, also one compiled under a ``tf.distribute`` strategy.
        x: arrays, or an object that yields batches (x, y) or (x, y, sample_weight): a ``tf.data.Dataset``, a Keras Sequence or
            PyDataset, a generator or another iterable. Data that end early begin again, except a generator.
        y: the targets; only with arrays.
        sample_weight: the weights of the samples; only with arrays.
        class_weight: the weight of each class, by its whole number, as in ``fit``.
        minimal_learning_rate: the first rate, rounded to float32; > 0, or >= 0 in a linear sweep.
        maximal_learning_rate: the last rate, rounded to float32; above the minimal one.
        steps: the number of rates, and of the optimizer's updates; at least 2. For a suggestion take 100 or more.
        sweep: ``"exponential"`` (a constant ratio from rate to rate) or ``"linear"``.
        batch_size: the size of batches from arrays.
        seed: the seed of the order in which arrays are shuffled.
        smoothing: the weight of the past in the smoothed loss, 0 <= smoothing < 1.
        divergence_factor: a number > 1. With ``math.inf`` only a loss that is not finite stops the sweep.
        progress: called after each update with its number from 1, the rate and the loss.

    Returns:
        The applied rates, the losses, and the suggested bounds.

    Raises:
        TypeError: an argument of the wrong kind, data that cannot be trained on, an optimizer that is not one of Keras's.
        ValueError: an argument outside its range; a model that is not compiled or reports no loss; data that end too early; a
            loss that is not finite before any update.
        RuntimeError: an optimizer that does not make one update at a time.

    Examples:
        >>> import numpy as np
        >>> from clr_ref.range_test import range_test
        >>> x = np.linspace(-1, 1, 256)[:, None]
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> test = range_test(model, x, 3 * x, minimal_learning_rate=0.001, maximal_learning_rate=0.5, steps=20)
        >>> print(len(test.rates), test.rates[0], test.rates[-1])
        20 0.001 0.5
    """
    rates = curve.rates(minimal_learning_rate, maximal_learning_rate, steps, sweep)
    curve.smoothed([], smoothing)
    if not divergence_factor > 1:
        raise ValueError(f"divergence_factor must be a number > 1, got {divergence_factor!r}")
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ValueError(f"batch_size must be a whole number >= 1, got {batch_size!r}")
    losses, stopped = _swept(
        model,
        (x, y, sample_weight),
        class_weight,
        {"batch_size": int(batch_size), "seed": seed},
        rates,
        _Watch(rates, smoothing, divergence_factor),
        progress or (lambda number, rate, loss: None),
    )
    applied = rates[: len(losses)]
    return RangeTest(
        rates=applied,
        losses=np.array(losses, np.float64),
        smoothed=curve.smoothed(losses, smoothing),
        sweep=sweep,
        steps=int(steps),
        smoothing=float(smoothing),
        stopped=stopped,
        suggestion=curve.suggest(applied, losses, smoothing),
    )


class _Watch:
    """After each loss, return why the sweep must end, or None."""

    def __init__(self, rates: NDArray[np.float32], smoothing: float, factor: float) -> None:
        self._rates, self._smoothing, self._factor = rates, smoothing, factor
        self._total = self._weight = 0.0
        self._best = math.inf

    def __call__(self, number: int, loss: float) -> str | None:
        after = f"after the update at {ulp.shortest(self._rates[number - 1])}, rate {number} of {len(self._rates)}"
        if not math.isfinite(loss):
            if not number:
                raise ValueError(f"the loss is {loss} before any update: there is nothing to sweep")
            return f"the loss was {loss} {after}"
        self._total, self._weight = self._smoothing * self._total + loss, self._smoothing * self._weight + 1.0
        smooth = self._total / self._weight
        self._best = min(self._best, smooth)
        if 0 < self._best * self._factor < smooth:
            return f"the smoothed loss was {smooth:.3g}, over {self._factor:g} times its lowest of {self._best:.3g}, {after}"
        return None


def _swept(
    model: Any,
    data: tuple[Any, Any, Any],
    class_weight: Mapping[int, float] | None,
    cut: dict[str, int],
    rates: NDArray[np.float32],
    watch: _Watch,
    progress: Callable[[int, float, float], None],
) -> tuple[list[float], str | None]:
    """Return the losses that the updates were computed from, and why there are fewer of them than rates."""
    from clr_ref.keras import optimizers
    from clr_ref.range_test import state, sweep

    optimizer = getattr(model, "optimizer", None)
    rules = optimizers.rules_of(optimizer)
    source = batches(*data, **cut, is_sequence=sweep.is_sequence)
    if class_weight is not None:
        source = map(sweep.weighting(data[0], class_weight), source)
    with state.unchanged():
        first = next(source)
    sweep.build(model, first)
    source = itertools.chain([first], source)
    losses: list[float] = []
    with sweep.swept(model) as (set_rate, train):
        for number, rate in enumerate(rates):
            set_rate(rate)
            pending: list[float] = []  # without those of skipped batches, whose gradients no update uses
            for tried in itertools.count(1):
                before = optimizers.state_of(optimizer)
                loss = train(next(source))
                used = optimizers.used(before, optimizers.state_of(optimizer), rules)
                if not used and not math.isfinite(loss):
                    # A LossScaleOptimizer skips gradients that are not finite: this rate is never applied.
                    return losses, watch(number, loss)
                if used or before.scale is None:
                    pending.append(loss)
                made = len(optimizers.updates(used, rules))
                if made > 1:
                    raise RuntimeError(f"the optimizer must make one update at a time, it made {made}")
                if made:
                    break
                if tried >= _PATIENCE * rules.every:
                    raise RuntimeError(f"the optimizer made no update in {tried} batches")
            losses.append(float(np.mean(pending)))
            progress(number + 1, float(rate), losses[-1])
            reason = watch(number, losses[-1])
            if reason is not None:
                return losses, reason
    return losses, None
