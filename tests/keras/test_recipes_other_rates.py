"""The table of docs/RECIPES.md of what happens if something else sets the rate of an optimizer that has a schedule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clr_ref
from tests.keras.blocks import rows

RATES = clr_ref.triangular(0.125, 1.0, step_size=4)
OTHER = clr_ref.triangular(2.0, 4.0, step_size=4)
STEPS = 4
EPOCHS = 3

TABLE = rows("RECIPES.md", "Other things that set the rate")


def generations(api: Any) -> dict[int, Any]:
    """The SGD of each generation of this Keras, by its column in the table."""
    optimizers = api.keras.optimizers
    if api.IS_KERAS_3:
        return {2: optimizers.SGD}
    if not hasattr(optimizers, "legacy"):
        return {0: optimizers.SGD}
    return (
        {0: optimizers.legacy.SGD, 1: optimizers.SGD} if hasattr(optimizers.SGD(0.1), "_learning_rate") else {0: optimizers.SGD}
    )


def fit(probe: Any, model: Any, epochs: range, callback: Any = None) -> None:
    inputs, targets = probe.batches(0, STEPS, STEPS)
    options = {"callbacks": [callback]} if callback else {}
    model.fit(
        inputs, targets, batch_size=1, shuffle=False, verbose=0, initial_epoch=epochs.start, epochs=epochs.stop, **options
    )


def with_callback(callback: Callable[[Any], Any]) -> Callable[[Any, Any, Any], None]:
    return lambda drop_ins, probe, model: fit(probe, model, range(EPOCHS), callback(drop_ins.keras.callbacks))


def before(change: Callable[[Any, Any], None], epoch: int) -> Callable[[Any, Any, Any], None]:
    """Train as many epochs, change something, and train the others."""

    def train(drop_ins: Any, probe: Any, model: Any) -> None:
        if epoch:
            fit(probe, model, range(epoch))
        change(drop_ins, model.optimizer)
        fit(probe, model, range(epoch, EPOCHS))

    return train


def number(_: Any, optimizer: Any) -> None:
    optimizer.learning_rate = 0.5


def assigned(_: Any, optimizer: Any) -> None:
    optimizer.learning_rate.assign(0.5)


def another(drop_ins: Any, optimizer: Any) -> None:
    optimizer.learning_rate = drop_ins.from_schedule(OTHER)


def half(_: int) -> float:
    return 0.5


#: For each row of the table what does it, and the rates if it is applied.
ROWS: dict[str, tuple[Callable[[Any, Any, Any], None], Any]] = {
    "ReduceLROnPlateau": (with_callback(lambda of: of.ReduceLROnPlateau("loss", patience=1, min_delta=1e9, mode="min")), None),
    "LearningRateScheduler": (with_callback(lambda of: of.LearningRateScheduler(half)), None),
    "optimizer.learning_rate = 0.5` before training": (before(number, 0), np.full(EPOCHS * STEPS, 0.5)),
    "optimizer.learning_rate = 0.5` after training": (before(number, 1), None),
    "optimizer.learning_rate.assign(0.5)": (before(assigned, 1), None),
    "another schedule before training": (before(another, 0), OTHER(np.arange(EPOCHS * STEPS))),
    "another schedule after training": (before(another, 1), None),
}


def test_the_table_has_these_rows() -> None:
    assert list(TABLE) == list(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_what_happens(name: str, drop_ins: Any, api: Any, probe: Any) -> None:
    train, if_applied = ROWS[name]
    for column, sgd in generations(api).items():
        expected = TABLE[name][column]
        model = probe.model(STEPS)
        model.compile(optimizer=sgd(drop_ins.from_schedule(RATES)), loss=probe.loss)
        if expected.endswith("Error"):
            with pytest.raises({"TypeError": TypeError, "AttributeError": AttributeError}[expected]):
                train(drop_ins, probe, model)
            continue
        train(drop_ins, probe, model)
        steps = np.arange(EPOCHS * STEPS)
        rates = if_applied if expected == "applied" else RATES(steps)
        if api.BACKEND == "torch" and name == "another schedule after training":  # torch compiles nothing
            rates = np.where(steps < STEPS, RATES(steps), OTHER(steps))
        assert probe.applied(model).tolist() == rates.reshape(EPOCHS, STEPS).sum(0).tolist(), column


def test_nothing_is_compiled_in_eager_mode(drop_ins: Any, api: Any, probe: Any) -> None:
    """There each update reads the rate anew."""
    steps = np.arange(EPOCHS * STEPS)
    for column, sgd in generations(api).items():
        changes = [(another, OTHER(steps))] + ([(number, np.full(len(steps), 0.5))] if column == 0 else [])
        for change, later in changes:
            model = probe.model(STEPS)
            model.compile(optimizer=sgd(drop_ins.from_schedule(RATES)), loss=probe.loss, run_eagerly=True)
            before(change, 1)(drop_ins, probe, model)
            rates = np.where(steps < STEPS, RATES(steps), later)
            assert probe.applied(model).tolist() == rates.reshape(EPOCHS, STEPS).sum(0).tolist(), column
