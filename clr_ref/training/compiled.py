"""The model of an experiment, compiled and with all its variables, as the seed makes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref.exact import ulp
from clr_ref.schedule import CyclicalLearningRate
from clr_ref.training import determinism
from clr_ref.training.model import build as build_tutorial, initial_weights
from clr_ref.training.samples import Samples, leaves, mapped

if TYPE_CHECKING:
    from clr_ref.training.experiment import Experiment


#: What the config of an optimizer holds beside the arguments of its rule.
_NO_RULE = ("learning_rate", "name", "jit_compile")


class ModelError(ValueError):
    """A model that cannot be trained as an experiment says; the message says why."""


def compiled(experiment: Experiment, samples: Samples, build: Callable[[], Any] | None, learning_rate: Any) -> Any:
    """The model, compiled; all random generators are seeded before it is made.

    Args:
        experiment: what to train.
        samples: what to train on; a model without variables is called with the first sample.
        build: returns the model; None for the tutorial's network.
        learning_rate: that of the optimizer; None keeps the optimizer of the compiled model.

    Raises:
        ModelError: there is no such model, optimizer or loss, or none that repeats bit for bit.
    """
    from clr_ref.keras import optimizers

    determinism.seed_everything(experiment.seed)
    model = _tutorial(experiment, learning_rate) if build is None else _own(experiment, samples, build(), learning_rate)
    determinism.start_generators(model)
    optimizers.build(model.optimizer, model.trainable_variables)
    return model


def keras_rate(experiment: Experiment) -> Any:
    """The Keras learning rate of an experiment: the drop-in of ``clr_ref.keras``, the constant, or None for the model's own."""
    schedule = experiment.schedule
    if not isinstance(schedule, CyclicalLearningRate):
        return schedule
    from clr_ref import keras

    return keras.CyclicalLearningRate(
        schedule.initial_learning_rate,
        schedule.maximal_learning_rate,
        schedule.step_size,
        schedule.scale_fn,
        schedule.scale_mode,
        dtype=schedule.dtype,
        step_size_down=schedule.step_size_down,
        arithmetic=experiment.arithmetic,
    )


def optimizer_variables(optimizer: Any) -> list[Any]:
    """The variables of an optimizer: the step, those of its rule and, on newer Keras, the rate; those of a loss scale too."""
    from clr_ref.keras import optimizers

    optimizer.iterations  # noqa: B018  # legacy optimizers make it at its first use
    listed = optimizers.with_variables(optimizer).variables
    found = list(listed() if callable(listed) else listed)
    return list({id(one): one for one in [*found, *optimizers.scale_variables(optimizer)]}.values())


def optimizer_data(optimizer: Any) -> dict[str, Any]:
    """The class of an optimizer, and those of its arguments that are no defaults and no rate, as a JSON value.

    Other generations of Keras have further arguments, whose defaults are left out as well.
    """
    from clr_ref.keras import optimizers

    applying = optimizers.applying(optimizer)
    defaults = {name: one.default for name, one in inspect.signature(type(applying).__init__).parameters.items()}
    found: dict[str, Any] = {"class": type(applying).__name__}
    if applying is not optimizer:
        found["inside"] = type(optimizer).__name__.removesuffix("V3")
    for name, value in applying.get_config().items():
        # Legacy optimizers have a decay that is no argument of theirs.
        is_default = _plain(value) == _plain(defaults[name]) if name in defaults else not value
        if name not in _NO_RULE and not is_default:
            found[name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    """A value of a config as JSON has it. Legacy optimizers keep numbers in variables of float32."""
    if isinstance(value, (float, np.floating)):
        return float(ulp.shortest(np.float32(value)))
    return value if isinstance(value, (bool, int, str, type(None))) else repr(value)


def _tutorial(experiment: Experiment, learning_rate: Any) -> Any:
    from clr_ref.keras.api import keras

    model = build_tutorial(initial_weights(experiment.seed), dropout=experiment.dropout)
    model.compile(
        optimizer=_optimizer(experiment, learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    return model


def _own(experiment: Experiment, samples: Samples, model: Any, learning_rate: Any) -> Any:
    from clr_ref.keras.api import keras

    name = experiment.model
    if not isinstance(model, keras.Model):
        raise ModelError(f"{name} must make a Keras model, got {type(model).__name__}")
    own = getattr(model, "optimizer", None)
    if own is None:
        if experiment.loss is None or learning_rate is None:
            raise ModelError(f"the model of {name} is not compiled: compile it, or give a loss and a learning rate")
        metrics = ["accuracy"] if "crossentropy" in experiment.loss else []
        try:
            keras.losses.get(experiment.loss)
        except ValueError as error:
            raise ModelError(f"the model of {name} cannot be compiled with loss {experiment.loss!r}: {error}") from None
        model.compile(optimizer=_optimizer(experiment, learning_rate), loss=experiment.loss, metrics=metrics)
    elif experiment.loss is not None:
        raise ModelError(f"the model of {name} is compiled, with its own loss; leave out {experiment.loss!r}")
    elif learning_rate is not None:
        model.optimizer = _optimizer(experiment, learning_rate, own)
    if not model.built:
        model(mapped(lambda leaf: leaf[:1], samples.x))
    _refuse_what_does_not_repeat(model, name)
    return model


def _optimizer(experiment: Experiment, learning_rate: Any, own: Any = None) -> Any:
    """The optimizer that the experiment names; else one like the model's own, with this rate; else plain SGD.

    If the model's own one scales losses, so does the new one.
    """
    from clr_ref.keras import optimizers
    from clr_ref.keras.api import keras

    inner = None if own is None else _with_a_rate(own)
    if experiment.optimizer is not None:
        made = _named(experiment.optimizer, learning_rate)
    elif inner is not None:
        made = type(inner).from_config({**inner.get_config(), "learning_rate": learning_rate})
        for name, value in vars(inner).items():
            if name.startswith("_exclude_from_weight_decay"):  # a config does not have it
                setattr(made, name, value)
    else:
        made = keras.optimizers.SGD(learning_rate)
    return made if own is None else optimizers.scaled_like(own, made)


def _named(chosen: Any, learning_rate: Any) -> Any:
    from clr_ref.keras.api import keras

    try:
        family = getattr(keras.optimizers, chosen.name, None)  # get does not know all classes in tf.keras
        if not isinstance(family, type):
            family = type(keras.optimizers.get(chosen.name))
        return family(learning_rate=learning_rate, **chosen.arguments)
    except (TypeError, ValueError) as error:
        raise ModelError(f"Keras makes no optimizer {chosen.name!r} with {dict(chosen.arguments)!r}: {error}") from None


def _with_a_rate(optimizer: Any) -> Any:
    """The optimizer itself, or that inside of a LossScaleOptimizer.

    Raises:
        ModelError: it holds another one, or several.
    """
    from clr_ref.keras import optimizers

    inner = optimizers.unscaled(optimizer)
    if "learning_rate" not in inner.get_config():
        raise ModelError(f"the optimizer must be one with a learning rate of its own, got {type(inner).__name__}")
    return inner


def _is_optimizer(value: Any) -> bool:
    return hasattr(value, "apply_gradients") and not isinstance(value, type)


def _refuse_what_does_not_repeat(model: Any, name: str) -> None:
    """What would change the bits of a run that is resumed, and can be seen before it. ``repeats`` finds the rest."""
    optimizer = _with_a_rate(model.optimizer)
    if getattr(optimizer, "use_ema", False):
        raise ModelError(f"the optimizer of {name} has use_ema, which writes the averages into the weights where a part ends")
    if getattr(optimizer, "gradient_accumulation_steps", None):
        raise ModelError(f"the optimizer of {name} accumulates gradients: a step would be no update")
    known = {id(model.optimizer), id(optimizer)}
    others = [
        key
        for key, value in vars(model).items()
        if not key.startswith("_self_")  # TensorFlow's own list of what the attributes hold
        and any(_is_optimizer(one) and id(one) not in known for one in leaves(value))
    ]
    if others:
        raise ModelError(f"the model of {name} has optimizers beside its own, of which no state is kept: {', '.join(others)}")
    if any(getattr(layer, "stateful", False) for layer in model._flatten_layers()):
        raise ModelError(f"a layer of {name} is stateful: its state depends on the samples of the batch before")
