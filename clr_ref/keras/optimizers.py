"""The parts of an optimizer in all Keras generations: which one applies the rate, its rate, and the updates that it made.

There are three generations: *legacy* optimizers (the default up to TF 2.10, ``optimizers.legacy`` until 2.15 and in tf-keras),
*new* ones (the default from TF 2.11, and tf-keras), and those of Keras 3. Each has a ``LossScaleOptimizer`` around it under
mixed precision, which skips a step whose gradients are not finite.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from clr_ref.keras import api, traces
from clr_ref.keras.api import keras

#: The largest float32: before Keras 3, a loss scale that would exceed it stays as it is.
_LARGEST = float(np.finfo(np.float32).max)


def applying(optimizer: Any) -> Any:
    """Return the optimizer that applies the rate: the innermost one, inside those that scale losses or average weights.

    Raises:
        ValueError: the optimizer is None, since the model is not compiled.
        TypeError: an optimizer that holds several others, or that does not store its learning rate as Keras's do.
    """
    if optimizer is None:
        raise ValueError("model must be compiled with an optimizer")
    while True:
        if hasattr(optimizer, "optimizer_specs") or hasattr(optimizer, "optimizers"):  # TFA's and Keras 3's MultiOptimizer
            raise TypeError(
                f"the optimizer must have one learning rate, got {type(optimizer).__name__}, which holds several optimizers"
            )
        inner = _inside(optimizer)
        if inner is None:
            break
        optimizer = inner
    if not is_legacy(optimizer) and not hasattr(optimizer, "_learning_rate"):
        raise TypeError(
            f"the optimizer must be one of Keras's with a learning rate, got {type(optimizer).__name__}, "
            "whose learning rate cannot be found"
        )
    return optimizer


def _inside(optimizer: Any) -> Any:
    """Return the optimizer inside a wrapper, or None. TFA's wrappers keep it as ``_optimizer``."""
    for name in ("inner_optimizer", "_optimizer"):
        inner = getattr(optimizer, name, None)
        if hasattr(inner, "apply_gradients"):
            return inner
    return None


def unscaled(optimizer: Any) -> Any:
    """Return the optimizer inside a LossScaleOptimizer, and any other optimizer itself."""
    inner = getattr(optimizer, "inner_optimizer", None)
    return optimizer if inner is None else inner


def with_variables(optimizer: Any) -> Any:
    """Return the optimizer that makes and lists variables: before Keras 3 the inner one, since TF 2.11's wrapper raises."""
    return optimizer if api.IS_KERAS_3 else unscaled(optimizer)


def build(optimizer: Any, weights: Any) -> None:
    """Create the variables of an optimizer, so that their state can be stored or restored."""
    inner = with_variables(optimizer)
    if hasattr(inner, "_create_all_weights"):  # legacy
        inner._create_all_weights(weights)
    elif not getattr(inner, "built", False):
        inner.build(weights)


def scaled_like(own: Any, made: Any) -> Any:
    """Return an optimizer inside a LossScaleOptimizer like the one that is given; if it is none, the optimizer itself."""
    if unscaled(own) is own:
        return made
    config = own.get_config()
    names = ("dynamic", "initial_scale", "dynamic_growth_steps")
    return type(own)(made, **{name: config[name] for name in names if name in config})


def scale_variables(optimizer: Any) -> tuple[Any, ...]:
    """Return the variables of a dynamic loss scale: itself, and the good steps since it changed. Empty without one."""
    if api.IS_KERAS_3:
        found = getattr(optimizer, "dynamic_scale", None), getattr(optimizer, "step_counter", None)
    else:
        scale = getattr(optimizer, "_loss_scale", None)
        found = getattr(scale, "current_loss_scale", None), getattr(scale, "counter", None)
    return () if found[0] is None else found


def is_legacy(optimizer: Any) -> bool:
    """Return True if an optimizer keeps its rate as a legacy one does."""
    return "learning_rate" in getattr(optimizer, "_hyper", ())


def rate_of(optimizer: Any) -> Any:
    """Return the source of an applying optimizer's rate: a variable, a schedule, or a function without arguments."""
    if not is_legacy(optimizer):
        return optimizer._learning_rate
    if not callable(optimizer._hyper["learning_rate"]):
        optimizer._get_hyper("learning_rate")  # creates the variable of a constant rate
    return optimizer._hyper["learning_rate"]


def is_schedule(rate: Any) -> bool:
    """Return True if ``rate_of`` returned a schedule."""
    return isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)


def numbers_of(rate: Any) -> Any:
    """Return an object that is another one after an attribute of a drop-in has changed; None for other rates."""
    return getattr(rate, "_made", None)


def is_function(rate: Any) -> bool:
    """Return True if ``rate_of`` returned a function without arguments."""
    return callable(rate) and not is_schedule(rate) and not api.is_variable(rate)


def rate_at(optimizer: Any, *, compiled: bool, jit: bool) -> Callable[[int], float]:
    """Return a function from a step to the rate that an applying optimizer applies while its counter is at that step.

    The function computes a schedule in the mode in which ``fit`` does, because the bits of other schedules than ours depend on
    it. A constant rate, and what a function without arguments returns, is the one at the time of the call.
    """
    rate = rate_of(optimizer)
    decay = optimizer._initial_decay if is_legacy(optimizer) else 0.0
    if not is_schedule(rate) and not decay:
        return lambda step: float(_value(rate() if is_function(rate) else rate))
    if not api.ON_TENSORFLOW:
        return lambda step: float(rate(api.tensor(np.int32(step))))
    tf = api.tensorflow()
    kind = keras.backend.floatx() if is_legacy(optimizer) else "int64"  # legacy optimizers pass steps of the variables' dtype

    def computed(step: Any) -> Any:
        value = rate(step) if is_schedule(rate) else optimizer._get_hyper("learning_rate")
        if not decay:
            return value
        return tf.cast(value, kind) / (1.0 + tf.cast(decay, kind) * step)

    function = tf.function(computed, jit_compile=jit) if compiled else computed

    def at(step: int) -> float:
        with traces.unnoted():
            return float(function(tf.cast(tf.constant(step, tf.int64), kind)))

    return at


def rounding_of(model: Any) -> Callable[[float], float]:
    """Return a function that rounds a rate to the dtype of a model's weights, as each optimizer does before it applies one.

    It changes nothing if the weights have several dtypes.
    """
    kinds = {getattr(variable.dtype, "name", variable.dtype) for variable in model.trainable_variables}
    kind = kinds.pop() if len(kinds) == 1 else "float64"
    if kind in ("float16", "float32", "float64"):
        return lambda rate: float(np.dtype(kind).type(rate))
    cast = keras.ops.cast if api.IS_KERAS_3 else api.tensorflow().cast
    return lambda rate: float(api.to_numpy(cast(cast(rate, kind), "float32")))  # NumPy has no bfloat16


def last_rate(optimizer: Any) -> float | None:
    """Return the rate of the last update, or None. Only new optimizers with a schedule store it."""
    if is_legacy(optimizer) or not is_schedule(rate_of(optimizer)) or not hasattr(optimizer, "_current_learning_rate"):
        return None
    return float(_value(optimizer._current_learning_rate))


# --- what was applied ------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class State:
    """The counters of an optimizer. Two states show which gradients it used between them.

    Attributes:
        iterations: the counter that the schedule is called with.
        scale: the dynamic loss scale, or None without one.
        good: the steps with finite gradients since the scale changed, or since a step was skipped.
    """

    iterations: int
    scale: float | None = None
    good: int = 0


@dataclasses.dataclass(frozen=True)
class Rules:
    """How the state changes from step to step.

    Attributes:
        skips_count: before Keras 3 the counter advances when a step is skipped, too.
        growth: after so many good steps the dynamic loss scale is doubled.
        every: so many steps make one update: those whose gradients are accumulated.
    """

    skips_count: bool
    growth: int = 1
    every: int = 1

    def after(self, state: State, used: bool) -> State:
        """Return the state after a step whose gradients were used, or were not finite and skipped."""
        iterations = state.iterations + (1 if used or self.skips_count else 0)
        if state.scale is None:
            return State(iterations)
        if not used:
            return State(iterations, max(state.scale / 2, self._floor), 0)
        if state.good + 1 < self.growth:
            return State(iterations, state.scale, state.good + 1)
        doubled = state.scale * 2
        return State(iterations, state.scale if doubled > _LARGEST and self.skips_count else doubled, 0)

    def can_grow_to(self, scale: float | None, state: State, steps: int) -> bool:
        """Return False if the loss scale cannot reach ``scale`` in so many steps."""
        if scale is None or state.scale is None:
            return True
        return max(state.scale, self._floor) * 2.0 ** min((state.good + steps) // self.growth, 300) >= scale

    @property
    def _floor(self) -> float:
        return 1.0 if self.skips_count else 0.0


def rules_of(optimizer: Any) -> Rules:
    """Return the rules of a model's optimizer."""
    return Rules(
        skips_count=not api.IS_KERAS_3,
        growth=int(getattr(optimizer, "dynamic_growth_steps", None) or 1),
        every=int(getattr(applying(optimizer), "gradient_accumulation_steps", None) or 1),
    )


def was_compiled_with(optimizer: Any, rate: Any) -> bool:
    """Return True if a function of an applying optimizer was last compiled with the present rates of a schedule of ours.

    Of a legacy optimizer it is True if any function was, and none with other rates.
    """
    return traces.was_noted(rate, None if is_legacy(optimizer) else counter(optimizer), numbers_of(rate))


def may_apply(optimizer: Any, rate: Any) -> bool:
    """Return False if no compiled function of an applying optimizer can apply the present rates of a schedule of ours.

    A function that was compiled with a tensor as the step may be that of any optimizer.
    """
    return traces.was_noted(rate, None) or was_compiled_with(optimizer, rate)


def counter(optimizer: Any) -> Any:
    """Return the variable that an optimizer calls a schedule with."""
    # In Keras 3, ``iterations`` would be divided by gradient_accumulation_steps.
    return optimizer._iterations if api.IS_KERAS_3 else optimizer.iterations


def state_of(optimizer: Any) -> State:
    """Return the present state of a model's optimizer."""
    # Before Keras 3 the outermost optimizer has the counter: reading it in the inner one would create one that TFA's wrappers
    # do not use.
    iterations = counter(applying(optimizer) if api.IS_KERAS_3 else optimizer)
    # Keras 3 creates the variables of a loss scale at the first step.
    before = (getattr(optimizer, "initial_scale", None) if api.IS_KERAS_3 else None), 0
    scale, good = scale_variables(optimizer) or before
    if scale is None:
        return State(int(_value(iterations)))
    return State(int(_value(iterations)), float(np.float32(_value(scale))), int(_value(good)))


def used(before: State, after: State, rules: Rules, steps: Collection[int] | None = None) -> list[int]:
    """Return the counter's values at the steps between two states whose gradients the optimizer used, in order.

    Args:
        before: the state before the steps.
        after: the state after them.
        rules: the rules of the optimizer.
        steps: the possible numbers of steps; None if any number is possible.

    Raises:
        RuntimeError: no such steps lead from ``before`` to ``after``, or several ways do that use other gradients.
    """
    moved = after.iterations - before.iterations
    impossible = RuntimeError(
        f"the optimizer's iterations went from {before.iterations} to {after.iterations} while a batch was trained: "
        "a callback or the model sets them. Place LearningRateLogger after a callback that sets them before a batch, "
        "and before one that sets them after a batch"
    )
    if steps is None:
        if moved < 0:
            raise impossible
        if not rules.skips_count:  # the counter advances for used gradients only
            return list(range(before.iterations, after.iterations))
        steps = (moved,)
    # Bit k of a mask says that the gradients were used while the counter stood at before.iterations + k; None: several masks.
    masks: dict[State, int | None] = {before: 0}
    found: set[int | None] = set()
    for done in range(max(steps) + 1):
        if done in steps and after in masks:
            found.add(masks[after])
        masks = _one_step_on(masks, before, after, rules, max(steps) - done - 1)
    if not found:
        raise impossible
    if len(found) > 1 or None in found:
        raise RuntimeError(
            f"the loss scale went from {before.scale:g} to {after.scale:g} in one execution of {moved} steps: "
            "which of them were skipped is unknown. Use steps_per_execution=1"
        )
    (mask,) = found
    assert mask is not None
    return [before.iterations + bit for bit in range(mask.bit_length()) if mask >> bit & 1]


def _one_step_on(
    masks: dict[State, int | None], before: State, after: State, rules: Rules, left: int
) -> dict[State, int | None]:
    """Return the masks of all ways that are one step longer and can still lead to ``after``."""
    longer: dict[State, int | None] = {}
    for state, mask in masks.items():
        for is_used in (True,) if state.scale is None else (True, False):
            further = rules.after(state, is_used)
            if not rules.can_grow_to(after.scale, further, left):
                continue
            bit = 1 << (state.iterations - before.iterations) if is_used else 0
            made = None if mask is None else mask | bit
            longer[further] = made if longer.get(further, made) == made else None
    return longer


def updates(steps: Collection[int], rules: Rules) -> list[int]:
    """Return those steps, of the ones that ``used`` returned, that updated the weights: all, without accumulation."""
    return [step for step in steps if (step + 1) % rules.every == 0]


def is_standard(model: Any) -> bool:
    """Return True if a batch is exactly one step of the model's optimizer: training loop and optimizers are Keras's."""
    own = all(getattr(type(model), name) is getattr(keras.Model, name) for name in ("train_step", "make_train_function"))
    optimizer, roots = model.optimizer, {"keras", "tf_keras", "tensorflow_addons", "clr_ref"}
    while optimizer is not None and type(optimizer).__module__.split(".")[0] in roots:
        optimizer = _inside(optimizer)
    return own and "train_step" not in vars(model) and optimizer is None


def is_compiled(model: Any) -> bool:
    """Return True if the train function is traced: it then keeps what it read from Python objects."""
    if model.run_eagerly or api.ON_TORCH:
        return False
    return api.ON_TENSORFLOW or is_jit(model)


def is_jit(model: Any) -> bool:
    return bool(getattr(model, "jit_compile", None) or getattr(model, "_jit_compile", None))


def steps_per_execution(model: Any) -> int:
    """Return how many batches a compiled model trains in one call."""
    if api.IS_KERAS_3:
        return int(model.steps_per_execution)
    return 1 if model._steps_per_execution is None else int(model._steps_per_execution.numpy())


def _value(variable: Any) -> Any:
    """Return the value of a variable, a tensor or a number."""
    if isinstance(variable, (int, float, np.generic)):
        return variable
    return keras.ops.convert_to_numpy(variable) if api.IS_KERAS_3 else keras.backend.get_value(variable)
