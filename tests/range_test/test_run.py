"""When a sweep ends and what it returns, with a model whose losses and updates are written down."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from clr_ref.range_test import range_test, rates, run, smoothed
from clr_ref.range_test.batches import batches
from tests.range_test.probe import needs_keras

RATES = rates(0.1, 0.4, 3, "linear")


def watch(factor: float, smoothing: float = 0.0) -> Any:
    return run._Watch(RATES, smoothing, factor)


def test_the_defaults() -> None:
    parameters = inspect.signature(range_test).parameters
    defaults = {name: one.default for name, one in parameters.items() if one.default is not inspect.Parameter.empty}
    assert defaults == {
        "y": None,
        "sample_weight": None,
        "class_weight": None,
        "sweep": "exponential",
        "batch_size": 32,
        "seed": 0,
        "smoothing": 0.9,
        "divergence_factor": 4.0,
        "progress": None,
    }
    by_place = [name for name, one in parameters.items() if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert by_place == ["model", "x", "y"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"divergence_factor": 1}, "divergence_factor must be a number > 1, got 1"),
        ({"divergence_factor": 0.5}, "divergence_factor must be a number > 1, got 0.5"),
        ({"divergence_factor": math.nan}, "divergence_factor must be a number > 1, got nan"),
        ({"batch_size": 0}, "batch_size must be a whole number >= 1, got 0"),
        ({"batch_size": -1}, "batch_size must be a whole number >= 1, got -1"),
        ({"batch_size": True}, "batch_size must be a whole number >= 1, got True"),
        ({"batch_size": 2.0}, "batch_size must be a whole number >= 1, got 2.0"),
        ({"smoothing": 1.0}, "smoothing must be a number 0 <= smoothing < 1, got 1.0"),
    ],
)
def test_a_wrong_argument_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        range_test(None, None, minimal_learning_rate=0.1, maximal_learning_rate=0.4, steps=3, **options)


def test_a_sweep_ends_past_the_factor_of_the_lowest_smoothed_loss() -> None:
    for last, ends in ((4.0, False), (4.1, True)):
        watched = watch(2.0)
        assert [watched(number, loss) for number, loss in enumerate([3.0, 2.0])] == [None, None]
        assert (watched(2, last) is not None) is ends
    assert watched(2, 4.1) == ("the smoothed loss was 4.1, over 2 times its lowest of 2, after the update at 0.25, rate 2 of 3")


def test_losses_that_are_not_positive_never_end_a_sweep() -> None:
    for lowest in (0.0, -1.0):
        watched = watch(2.0)
        assert [watched(number, loss) for number, loss in enumerate([1.0, lowest, 100.0])] == [None] * 3


def test_the_watched_loss_is_the_smoothed_one() -> None:
    losses = [4.0, 2.0, 1.0, 9.0]
    watched = watch(1.5, 0.5)
    *before, last = (watched(number, loss) for number, loss in enumerate(losses))
    *_, lowest, smooth = smoothed(losses, 0.5)
    assert before == [None] * 3
    assert last is not None
    assert last.startswith(f"the smoothed loss was {smooth:.3g}, over 1.5 times its lowest of {lowest:.3g}, ")


def test_a_loss_that_is_not_finite_ends_a_sweep_after_an_update_and_is_an_error_before() -> None:
    for loss in (math.nan, math.inf):
        assert watch(2.0)(1, loss) == f"the loss was {loss} after the update at 0.1, rate 1 of 3"
        assert watch(2.0)(3, loss) == f"the loss was {loss} after the update at 0.4, rate 3 of 3"
        with pytest.raises(ValueError, match=f"the loss is {loss} before any update: there is nothing to sweep"):
            watch(2.0)(0, loss)


class Script:
    """A sweep whose batches have these losses, each with the number of updates that the optimizer makes of it."""

    def __init__(self, batches: Iterable[tuple[float, int]], every: int = 1, scale: float | None = None) -> None:
        self.batches, self.every, self.scale = iter(batches), every, scale
        self.made, self.rates, self.trained, self.built = 0, list[float](), list[Any](), list[Any]()

    @contextlib.contextmanager
    def swept(self, model: Any) -> Iterator[tuple[Callable[[Any], None], Callable[[Any], float]]]:
        yield lambda rate: self.rates.append(float(rate)), self._train

    def _train(self, batch: Any) -> float:
        self.trained.append(batch)
        loss, updates = next(self.batches)
        self.made += updates
        return loss


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    def result(script: Script, data: Any = None, **options: Any) -> Any:
        from clr_ref.keras import optimizers
        from clr_ref.range_test import sweep

        rules = optimizers.Rules(skips_count=False, every=script.every)
        monkeypatch.setattr(optimizers, "rules_of", lambda optimizer: rules)
        monkeypatch.setattr(optimizers, "state_of", lambda optimizer: optimizers.State(script.made, script.scale))
        monkeypatch.setattr(sweep, "build", lambda model, batch: script.built.append(batch))
        monkeypatch.setattr(sweep, "swept", script.swept)
        ends = {"minimal_learning_rate": 0.1, "maximal_learning_rate": 0.4, "steps": 3, "sweep": "linear"}
        return range_test(None, itertools.count() if data is None else data, **ends | options)

    return result


@needs_keras
def test_each_update_is_made_with_its_rate_and_told(swept: Any) -> None:
    script, told = Script([(5.0, 1), (4.0, 1), (3.0, 1)]), []
    found = swept(script, progress=lambda *words: told.append(words), smoothing=0.5)
    assert found.losses.tolist() == [5, 4, 3]
    assert found.smoothed.tolist() == smoothed([5, 4, 3], 0.5).tolist()
    assert found.rates.tolist() == script.rates == RATES.tolist()
    assert told == [(number, rate, loss) for number, rate, loss in zip((1, 2, 3), RATES.tolist(), (5, 4, 3), strict=True)]
    assert (found.stopped, found.steps, found.smoothing, found.sweep) == (None, 3, 0.5, "linear")
    assert found.suggestion.reason.startswith("a suggestion needs at least 11 losses that are finite, got 3")
    assert script.trained == [0, 1, 2]
    assert script.built == [0]


@needs_keras
def test_weights_of_classes_are_those_of_the_data(swept: Any) -> None:
    script, x = Script([(1.0, 1)] * 3), [(np.zeros(2), np.array([0, 1])), (np.zeros(2), np.array([1, 1]))]
    swept(script, iter(x * 2), class_weight={1: 3.0})
    assert [weights.tolist() for _, _, weights in script.trained] == [[1, 3], [3, 3], [1, 3]]
    from clr_ref.keras.api import IS_KERAS_3

    if IS_KERAS_3:
        with pytest.raises(ValueError, match="in Keras 3, got generator: let it yield"):
            swept(script, (batch for batch in x), class_weight={1: 3.0})


@needs_keras
def test_the_loss_of_an_update_is_the_mean_of_its_batches(swept: Any) -> None:
    script = Script([(1.0, 1), (3.0, 1), (5.0, 1), (7.0, 1), (2.0, 1), (4.0, 1)], every=2)
    assert swept(script).losses.tolist() == [2, 6, 3]
    assert script.rates == RATES.tolist()


@needs_keras
@pytest.mark.parametrize(("scale", "first"), [(None, 5.0), (8.0, 1.0)])
def test_a_batch_without_an_update_counts_unless_a_loss_scale_skipped_it(swept: Any, scale: float | None, first: float) -> None:
    assert swept(Script([(9.0, 0), (1.0, 1), (1.0, 1), (1.0, 1)], scale=scale)).losses.tolist() == [first, 1, 1]


@needs_keras
@pytest.mark.parametrize("updates", [0, 1])
def test_a_loss_that_is_not_finite_ends_the_sweep(swept: Any, updates: int) -> None:
    """If it made no update, its rate was never applied."""
    found = swept(Script([(1.0, 1), (math.nan, updates)]))
    assert found.losses.tolist()[:1] == [1]
    assert len(found.losses) == len(found.rates) == 1 + updates
    assert found.stopped == "the loss was nan after the update at 0.1, rate 1 of 3"


@needs_keras
@pytest.mark.parametrize("updates", [0, 1])
def test_a_loss_that_is_not_finite_at_first_is_an_error(swept: Any, updates: int) -> None:
    with pytest.raises(ValueError, match="the loss is inf before any update"):
        swept(Script([(math.inf, updates)]))


@needs_keras
def test_a_loss_that_runs_away_ends_the_sweep(swept: Any) -> None:
    assert swept(Script([(1.0, 1), (1.6, 1)]), smoothing=0.0, divergence_factor=1.5).losses.tolist() == [1, 1.6]
    assert swept(Script([(0.1, 1), (0.5, 1)]), smoothing=0.0).losses.tolist() == [0.1, 0.5]
    found = swept(Script([(1.0, 1), (4.5, 1)]), smoothing=0.0)
    assert found.losses.tolist() == [1, 4.5]
    assert found.stopped == "the smoothed loss was 4.5, over 4 times its lowest of 1, after the update at 0.1, rate 1 of 3"


@needs_keras
@pytest.mark.parametrize("every", [1, 2])
def test_an_optimizer_that_makes_no_update_is_named(swept: Any, every: int) -> None:
    script = Script(itertools.repeat((1.0, 0)), every=every)
    with pytest.raises(RuntimeError, match=f"the optimizer made no update in {200 * every} batches"):
        swept(script)
    assert len(script.trained) == 200 * every
    assert script.rates == RATES[:1].tolist()


@needs_keras
def test_an_optimizer_that_makes_two_updates_at_once_is_named(swept: Any) -> None:
    with pytest.raises(RuntimeError, match="the optimizer must make one update at a time, it made 2"):
        swept(Script([(1.0, 2)]))
    assert len(swept(Script([(1.0, 2)] * 3, every=2)).losses) == 3


@needs_keras
@pytest.mark.parametrize(("options", "size"), [({}, 32), ({"batch_size": 1}, 1), ({"batch_size": np.int64(5)}, 5)])
def test_arrays_are_cut_into_batches(swept: Any, options: dict[str, Any], size: int) -> None:
    from clr_ref.range_test import sweep

    script, x = Script([(1.0, 1)] * 3), np.arange(70)
    swept(script, x, seed=3, **options)
    expected = batches(x, None, None, batch_size=size, seed=3, is_sequence=sweep.is_sequence)
    assert [one.tolist() for one in script.trained] == [next(expected).tolist() for _ in range(3)]
