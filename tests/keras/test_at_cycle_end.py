"""AtCycleEnd acts on the weights after the update whose rate is the minimum: the probe's kernel has it, and no later one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.keras.logged import STEPS, compiled, fit, generations, hook, loss_scaled
from tests.keras.test_applied import backend


class Seen:
    """What the action saw: the number of each cycle, and the rates applied until then."""

    def __init__(self, probe: Any) -> None:
        self.probe, self.cycles, self.rates = probe, [], []

    def __call__(self, model: Any, cycle: int) -> None:
        self.cycles.append(cycle)
        self.rates.append(self.probe.applied(model))

    def last_steps(self) -> list[int]:
        """The last update in the kernel at each action. The rates are never 0."""
        return [int(np.flatnonzero(rates)[-1]) for rates in self.rates]


def assert_seen(seen: Seen, model: Any, ends: list[int], cycles: list[int] | None = None) -> None:
    """At each end the kernel had the rates up to it, and zeros beyond."""
    __tracebackhide__ = True
    applied = seen.probe.applied(model)
    assert seen.last_steps() == ends
    for rates, end in zip(seen.rates, ends, strict=True):
        assert rates.tolist() == np.where(np.arange(STEPS) <= end, applied, 0).tolist()
    assert seen.cycles == (list(range(1, len(ends) + 1)) if cycles is None else cycles)


@pytest.fixture
def seen(probe: Any) -> Seen:
    return Seen(probe)


def triangular(drop_ins: Any, size: float = 4, **more: Any) -> Any:
    return drop_ins.TriangularCyclicalLearningRate(0.125, 1.0, size, **more)


@pytest.mark.parametrize("how", [{}, {"jit_compile": True}, {"run_eagerly": True}], ids=str)
def test_the_weights_are_those_after_the_minimum(drop_ins: Any, keras: Any, probe: Any, how: dict[str, Any]) -> None:
    for kind in generations(keras):
        seen = Seen(probe)
        model = compiled(probe, kind(triangular(drop_ins)), **how)
        fit(probe, model, 0, STEPS, [drop_ins.AtCycleEnd(seen)])
        assert_seen(seen, model, [8, 16, 24, 32])
        assert {float(rates[end]) for rates, end in zip(seen.rates, seen.last_steps(), strict=True)} <= {0.125, 0.125 * 2**100}


def test_fractional_and_asymmetric_cycles(drop_ins: Any, keras: Any, probe: Any, seen: Seen) -> None:
    made = drop_ins.Triangular2CyclicalLearningRate(0.125, 1.0, 2.6, step_size_down=5.5)
    model = compiled(probe, keras.optimizers.SGD(made))
    fit(probe, model, 0, STEPS, [drop_ins.AtCycleEnd(seen)])
    assert_seen(seen, model, made.reference.cycle_ends(STEPS).tolist())
    assert len(seen.cycles) == 4


def test_schedules_around_the_schedule(drop_ins: Any, keras: Any, probe: Any) -> None:
    inside = triangular(drop_ins)
    for made, ends, cycles in (
        (drop_ins.WarmUp(inside, 5), [13, 21, 29, 37], [1, 2, 3, 4]),
        (drop_ins.Shifted(inside, 10), [6, 14, 22, 30, 38], [2, 3, 4, 5, 6]),
        (drop_ins.Shifted(inside, -10), [18, 26, 34], [1, 2, 3]),
        (drop_ins.CoolDown(drop_ins.WarmUp(inside, 2, 0.5, counts_warm_up=True), 16, 9, 0.0625), [8, 16], [1, 2]),
    ):
        seen = Seen(probe)
        model = compiled(probe, keras.optimizers.SGD(made))
        fit(probe, model, 0, STEPS, [drop_ins.AtCycleEnd(seen)])
        assert_seen(seen, model, ends, cycles)


def test_a_resumed_run(drop_ins: Any, keras: Any, probe: Any) -> None:
    """The counter decides, also where another callback restores it when training begins."""
    for kind in generations(keras):
        for in_callback in (False, True):
            seen = Seen(probe)
            model = compiled(probe, kind(triangular(drop_ins)))

            def restore(_: Any = None, model: Any = model) -> None:
                model.optimizer.iterations.assign(15)

            callbacks: list[Any] = [drop_ins.AtCycleEnd(seen)]
            if in_callback:
                callbacks.append(type("Restore", (keras.callbacks.Callback,), {"on_train_begin": lambda self, _: restore()})())
            else:
                restore()
            fit(probe, model, 15, STEPS, callbacks)
            assert_seen(seen, model, [16, 24, 32], [2, 3, 4])
            fit(probe, model, 39, STEPS, callbacks[:1])  # goes on behind the last end, step 40


@pytest.mark.parametrize(("counter", "ends"), [(0, [8, 18, 26, 34]), (20, [8, 14, 22, 30, 38])])
def test_a_counter_that_is_set_between_batches(
    drop_ins: Any, keras: Any, probe: Any, seen: Seen, counter: int, ends: list[int]
) -> None:
    """Ends that are jumped over are none."""
    model = compiled(probe, keras.optimizers.SGD(triangular(drop_ins)))
    back = hook(keras, "on_train_batch_end", lambda batch: model.optimizer.iterations.assign(counter) if batch == 9 else None)
    fit(probe, model, 0, STEPS, [drop_ins.AtCycleEnd(seen), back])
    assert seen.last_steps() == ends


def test_accumulated_gradients(drop_ins: Any, keras: Any, api: Any, probe: Any, seen: Seen) -> None:
    """The action comes after the batch that updates the weights."""
    if not api.IS_KERAS_3:
        pytest.skip("this is about Keras 3")
    made = drop_ins.PerUpdate(drop_ins.WarmUp(triangular(drop_ins), 3), 2)
    model = compiled(probe, keras.optimizers.SGD(made, gradient_accumulation_steps=2))
    fit(probe, model, 0, STEPS, [drop_ins.AtCycleEnd(seen)], copies=2)
    assert_seen(seen, model, [11, 19, 27, 35])
    model = compiled(probe, keras.optimizers.SGD(triangular(drop_ins), gradient_accumulation_steps=2))
    with pytest.raises(ValueError, match=r"updates the weights every 2 batches: give it PerUpdate\(schedule, 2\)"):
        fit(probe, model, 0, STEPS, [drop_ins.AtCycleEnd(seen)])


def test_scaled_losses(drop_ins: Any, keras: Any, probe: Any, seen: Seen) -> None:
    model = compiled(probe, loss_scaled(keras, keras.optimizers.SGD(triangular(drop_ins)), initial_scale=2.0))
    fit(probe, model, 0, STEPS, [drop_ins.AtCycleEnd(seen)])
    assert_seen(seen, model, [8, 16, 24, 32])


class TestStepsPerExecution:
    @pytest.fixture(autouse=True)
    def _backend(self, api: Any) -> None:
        if api.BACKEND == "torch":
            pytest.skip("Keras refuses steps_per_execution on torch")

    def fit(self, drop_ins: Any, keras: Any, seen: Seen, executed: int, size: float, **more: Any) -> Any:
        model = compiled(seen.probe, keras.optimizers.SGD(triangular(drop_ins, size)), steps_per_execution=executed)
        inputs, targets = seen.probe.batches(0, STEPS, STEPS)
        data = more.pop("data", (inputs, targets))
        model.fit(*data, shuffle=False, verbose=0, callbacks=[drop_ins.AtCycleEnd(seen)], **more)
        return model

    def test_ends_of_executions(self, drop_ins: Any, keras: Any, seen: Seen) -> None:
        """Cycles of 9 steps end at steps 9, 18, ...; with a warm-up of 8 steps those are the 18th, 27th update, ..."""
        made = drop_ins.WarmUp(triangular(drop_ins, 4.5), 8, 0.5)
        model = compiled(seen.probe, keras.optimizers.SGD(made), steps_per_execution=3)
        fit(seen.probe, model, 0, 36, [drop_ins.AtCycleEnd(seen)])
        assert_seen(seen, model, [17, 26, 35])

    def test_an_end_inside_is_refused_before_training(self, drop_ins: Any, keras: Any, seen: Seen) -> None:
        message = "cycle 1 ends at step 8, inside an execution of 5 steps, where no callback can act: use steps_per_execution=1"
        with pytest.raises(ValueError, match=message):
            self.fit(drop_ins, keras, seen, 5, 4, batch_size=1)
        assert seen.cycles == []

    def test_the_last_execution_of_an_epoch_is_shorter(self, drop_ins: Any, keras: Any, seen: Seen) -> None:
        """9 batches in executions of 4, 4 and 1: step 8 is the end of the third."""
        inputs, targets = seen.probe.batches(0, 9, STEPS)
        model = self.fit(drop_ins, keras, seen, 4, 4, data=(inputs, targets), batch_size=1)
        assert_seen(seen, model, [8])

    def test_unknown_lengths_are_refused_when_it_happens(
        self, drop_ins: Any, keras: Any, api: Any, tf: Any, seen: Seen
    ) -> None:
        if not api.IS_KERAS_3:
            pytest.skip("before Keras 3, fit refuses data of unknown length with steps_per_execution")
        inputs, targets = seen.probe.batches(0, STEPS, STEPS)
        data = tf.data.Dataset.from_tensor_slices((inputs, targets)).batch(1).filter(lambda x, y: True)
        with pytest.raises(RuntimeError, match="cycle 1 ends at step 8, inside an execution of 5 steps"):
            self.fit(drop_ins, keras, seen, 5, 4, data=(data,))


# --- actions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras", ".h5"])
def test_a_path_saves(drop_ins: Any, keras: Any, api: Any, probe: Any, tmp_path: Path, suffix: str) -> None:
    from tests.keras.models import formats

    if suffix == ".keras" and "model.keras" not in formats(keras, api):
        pytest.skip("this Keras does not write .keras")
    model = probe.model(STEPS)
    model.compile(optimizer=keras.optimizers.SGD(triangular(drop_ins)), loss=keras.losses.Hinge())
    inputs, targets = probe.batches(0, 20, STEPS)
    path = tmp_path / "snapshots" / f"cycle-{{cycle:02d}}{suffix}"
    callbacks = [drop_ins.AtCycleEnd(path)]
    model.fit(inputs, targets - 1, batch_size=1, shuffle=False, verbose=0, callbacks=callbacks)
    assert sorted(file.name for file in path.parent.iterdir()) == [f"cycle-01{suffix}", f"cycle-02{suffix}"]
    again = probe.model(STEPS)
    for cycle, end in ((1, 8), (2, 16)):
        saved = str(path).format(cycle=cycle)
        if suffix == ".weights.h5":
            again.load_weights(saved)
        else:
            again = keras.models.load_model(saved)
        assert probe.applied(again).tolist() == np.where(np.arange(STEPS) <= end, probe.applied(model), 0).tolist()


@pytest.mark.parametrize(
    "path", ["model.keras", "{cycle}", "{cycle}.tf", "{epoch}-{cycle}.h5", "{}.h5", "{cycle.h5", "{cycle:s}.h5", ""]
)
def test_wrong_paths(drop_ins: Any, path: str) -> None:
    with pytest.raises(
        ValueError, match=r"^action must be a path with \{cycle\} that ends in \.weights\.h5, \.keras, \.h5, got"
    ):
        drop_ins.AtCycleEnd(path)


@pytest.mark.parametrize("action", [None, 3, ["{cycle}.h5"]])
def test_wrong_actions(drop_ins: Any, action: Any) -> None:
    with pytest.raises(
        TypeError, match=r"^action must be a function of the model and the cycle, or a path with \{cycle\}, got"
    ):
        drop_ins.AtCycleEnd(action)


def test_rates_without_cycles(drop_ins: Any, keras: Any, probe: Any, seen: Seen) -> None:
    decay = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    for rate in (0.5, decay, drop_ins.WarmUp(decay, 3), drop_ins.WarmUp(drop_ins.PerUpdate(triangular(drop_ins), 2), 4)):
        model = compiled(probe, keras.optimizers.SGD(rate))
        with pytest.raises(TypeError, match=r"the learning rate must be a cyclical schedule of clr_ref\.keras"):
            fit(probe, model, 0, 3, [drop_ins.AtCycleEnd(seen)])


def test_the_optimizer_of_a_custom_step(drop_ins: Any, keras: Any, probe: Any, seen: Seen) -> None:
    """The optimizer that is given is the one whose updates count."""
    other = keras.optimizers.SGD(triangular(drop_ins, 2))
    model = compiled(probe, keras.optimizers.SGD(triangular(drop_ins)))
    fit(probe, model, 0, STEPS, [drop_ins.AtCycleEnd(seen, optimizer=other)])
    assert seen.cycles == []
    fit(probe, model, 0, STEPS, [drop_ins.AtCycleEnd(seen, optimizer=model.optimizer)])
    assert seen.cycles


@pytest.mark.parametrize("how", [{}, {"jit_compile": True}, {"run_eagerly": True}], ids=str)
def test_a_schedule_that_replaces_another(drop_ins: Any, keras: Any, probe: Any, seen: Seen, how: dict[str, bool]) -> None:
    """The cycles are those of the rates that are applied, or there is an error that says how to go on."""
    model = compiled(probe, keras.optimizers.SGD(triangular(drop_ins, 2)), **how)
    fit(probe, model, 0, 10, [])
    model.optimizer.learning_rate = triangular(drop_ins, 3)
    if not (how.get("run_eagerly") or backend() == "torch"):
        with pytest.raises(RuntimeError, match=r"compiled with another schedule.* Set model.train_function = None"):
            fit(probe, model, 10, STEPS, [drop_ins.AtCycleEnd(seen)])  # after the update of step 10
        model.train_function = None
    fit(probe, model, int(model.optimizer.iterations), STEPS, [drop_ins.AtCycleEnd(seen)])
    assert seen.cycles == [2, 3, 4, 5, 6]
    assert seen.last_steps() == [12, 18, 24, 30, 36]


def test_a_fit_that_ended_before_its_first_batch(drop_ins: Any, keras: Any, probe: Any, seen: Seen) -> None:
    """Its train function was made, and compiled nothing."""
    model = compiled(probe, keras.optimizers.SGD(triangular(drop_ins)))

    def end(epoch: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(probe, model, 0, STEPS, [hook(keras, "on_epoch_begin", end)])
    fit(probe, model, 0, STEPS, [drop_ins.AtCycleEnd(seen)])
    assert_seen(seen, model, [8, 16, 24, 32])
