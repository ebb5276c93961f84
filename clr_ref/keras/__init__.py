"""The drop-ins for ``tfa.optimizers``' four cyclical learning rates, for tf.keras on TF 2.8 to 2.15, tf-keras and Keras 3.

    from clr_ref.keras import CyclicalLearningRate        # was: from tensorflow_addons.optimizers import CyclicalLearningRate

Constructors, defaults, attributes and configs are those of TFA 0.23. Whatever TFA saved loads through these classes where TFA
cannot be imported (docs/MIGRATING.md).
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from clr_ref import policies, schedule as reference
from clr_ref.keras import api, arguments
from clr_ref.keras.api import keras
from clr_ref.keras.logger import LearningRateLogger as LearningRateLogger
from clr_ref.tensors import backends, formula

Arithmetic = Literal["exact", "tfa"]

_PACKAGE = "clr_ref"


def _serializable(cls: Any) -> Any:
    """Register a class under its own name, under the bare one, and under TFA's where TFA is not there to claim it.

    The bare name is what TF 2.15 and tf-keras look up when they load ``.h5``; TFA's registration fails if its name is taken.
    """
    keras.utils.register_keras_serializable(package=_PACKAGE)(cls)
    known = keras.utils.get_custom_objects()
    known.setdefault(cls.__name__, cls)
    if api.IS_KERAS_3 or importlib.util.find_spec("tensorflow_addons") is None:
        known.setdefault(f"Addons>{cls.__name__}", cls)
    return cls


#: AutoGraph has nothing to convert here, and would say so in a warning.
_as_written: Any = api.tensorflow().autograph.experimental.do_not_convert if api.BACKEND == "tensorflow" else lambda f: f


@_serializable
class CyclicalLearningRate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A cyclical learning rate with any scale function (Smith, arXiv 1506.01186; TFA 0.23 ``CyclicalLearningRate``).

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle: a finite Python or NumPy number, or a scalar
            tensor. ``numpy.float64`` and float64 tensors make a float64 schedule, everything else a float32 one, as in TFA.
        maximal_learning_rate: the rate at the peak where the scale is 1; may lie below the initial rate.
        step_size: half the length of a cycle, in optimizer steps; any finite number > 0.
        scale_fn: the factor of the amplitude: a callable, or a registered name. With arithmetic "exact" it is asked with a
            float64 tensor (float32 on JAX without x64) and, where it cannot take that, with one of the schedule's dtype;
            with "tfa", as TFA asks.
        scale_mode: what ``scale_fn`` is asked with: ``"cycle"``, counted from 1, or ``"iterations"``, the step.
        name: kept, and stored by ``get_config``; names the operations in a TensorFlow graph.
        arithmetic: ``"exact"``: whole-number phase, float64, rounded once, with the same bits in every mode of execution.
            ``"tfa"``: TFA's operations in TFA's order, so that each mode of each TensorFlow gives the bits that TFA gives
            there.
        dtype: of the rates, ``"float32"`` or ``"float64"``; default: see ``initial_learning_rate``.

    Raises:
        TypeError: an argument is of the wrong type, or a variable where arithmetic is "exact".
        ValueError: an argument is outside its range; arithmetic "tfa" on another backend than TensorFlow.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        maximal_learning_rate: Any,
        step_size: Any,
        scale_fn: Callable[[Any], Any] | str,
        scale_mode: str = "cycle",
        name: str | None = "CyclicalLearningRate",
        *,
        arithmetic: Arithmetic = "exact",
        dtype: str | None = None,
    ) -> None:
        super().__init__()
        if arithmetic not in ("exact", "tfa"):
            raise ValueError(f"arithmetic must be 'exact' or 'tfa', got {arithmetic!r}")
        if arithmetic == "tfa" and api.BACKEND != "tensorflow":
            raise ValueError(f"arithmetic 'tfa' must run on the TensorFlow backend, got {api.BACKEND!r}")
        if dtype is None:
            given = getattr(initial_learning_rate, "dtype", None)
            dtype = "float64" if given is not None and "float64" in str(given) else "float32"
        given = {
            "initial_learning_rate": initial_learning_rate,
            "maximal_learning_rate": maximal_learning_rate,
            "step_size": step_size,
        }
        self._given = {argument: arguments.kept(argument, value, arithmetic, dtype) for argument, value in given.items()}
        self._reference = reference.CyclicalLearningRate(
            **self._numbers(), scale_fn=arguments.resolve(scale_fn), scale_mode=scale_mode, dtype=dtype
        )
        policy = self._reference.policy
        if policy.scale is None and policy.function is None:
            raise policies.unsupported(policy, "clr_ref.keras")
        self._ops = backends.OPS[api.BACKEND]()
        if self._ops.width == 32 and self._reference.dtype == "float64":
            raise ValueError("dtype must be 'float32' on JAX without x64, got 'float64'")
        self._arithmetic: Arithmetic = arithmetic
        self._name = name

    #: Whether a compiled function may hold the schedule. ``LearningRateLogger`` must not take one that none holds for applied.
    was_traced = False

    # The values are fixed: a rate computed from other numbers than the attributes show would be a silent error.
    initial_learning_rate = property(lambda self: self._given["initial_learning_rate"])
    maximal_learning_rate = property(lambda self: self._given["maximal_learning_rate"])
    step_size = property(lambda self: self._given["step_size"])
    scale_fn = property(lambda self: self._reference.scale_fn)
    scale_mode = property(lambda self: self._reference.scale_mode)
    name = property(lambda self: self._name)
    arithmetic = property(lambda self: self._arithmetic)
    dtype = property(lambda self: self._reference.dtype)

    @property
    def reference(self) -> reference.CyclicalLearningRate:
        """The schedule in NumPy, correctly rounded; where arguments are variables, that of their present values."""
        return self._reference if self._arithmetic == "exact" else dataclasses.replace(self._reference, **self._numbers())

    @_as_written  # type: ignore[untyped-decorator]
    def __call__(self, step: Any) -> Any:
        """The rate at a step, or at every step of an array.

        Steps outside 0 .. 2**63-1 have a rate too, since a schedule around this one may evaluate it where it does not use it:
        before step 0 the rate of step 0, beyond the last step that of the last (2**31-1 on JAX without x64), NaN for NaN. With
        arithmetic "tfa" they have the rates of TFA's formula.

        Args:
            step: whole numbers of any real dtype and any shape: a tensor, a variable, an array, a number. The fractions of a
                tensor are dropped.

        Returns:
            A tensor of the backend, of the schedule's dtype and the steps' shape.

        Raises:
            TypeError: a Python or NumPy step that is no number, or bool.
            ValueError: a Python or NumPy step > 0 with a fraction, with arithmetic "exact".
        """
        compute = self._exactly if self._arithmetic == "exact" else self._as_tfa
        if not isinstance(step, arguments.PLAIN):
            step = api.tensor(step)
            self.was_traced = self.was_traced or api.is_being_traced(step)
            return compute(step)
        if self._arithmetic == "tfa":
            return compute(step)
        whole, nan = arguments.held_steps(step, 2 ** (self._ops.width - 1) - 1)
        rate = self._exactly(api.tensor(whole))
        return self._ops.where(api.tensor(nan), self._ops.constant(math.nan, rate), rate) if nan.any() else rate

    def _exactly(self, step: Any) -> Any:
        if api.BACKEND != "tensorflow":
            return formula.evaluate(self._plan, step, self._ops)
        tf = api.tensorflow()
        if tf.executing_eagerly() and self._answers_in_numpy and step.shape.rank == 0 and step.device.endswith("CPU:0"):
            # One step, at a fiftieth of what a score of TensorFlow's operations costs outside of a function.
            rate = formula.evaluate(self._plan, step.numpy(), backends.numpy_ops())
            return tf.constant(0 if abs(rate) < np.finfo(np.float32).tiny else rate, tf.float32)  # no subnormals, as ever
        with tf.name_scope(self._name or "CyclicalLearningRate"):
            return formula.evaluate(self._plan, step, self._ops)

    @functools.cached_property
    def _answers_in_numpy(self) -> bool:
        """Whether NumPy gives the same bits: not custom scale functions, nor float64 with its subnormal products."""
        return self.dtype == "float32" and self._plan.scale is not None

    @property
    def _plan(self) -> Any:
        return self._reference._plan

    def _as_tfa(self, step: Any) -> Any:
        """TFA 0.23's formula: the operations, their order and their dtypes decide every bit, so they are those."""
        tf = api.tensorflow()
        if isinstance(step, (list, tuple)):
            step = api.tensor(step)
        with tf.name_scope(self._name or "CyclicalLearningRate"):
            initial = tf.convert_to_tensor(arguments.plain(self.initial_learning_rate), dtype=self.dtype)
            maximal = tf.cast(arguments.plain(self.maximal_learning_rate), self.dtype)
            step_size = tf.cast(arguments.plain(self.step_size), self.dtype)
            time = tf.cast(step, self.dtype)
            cycle = tf.floor(1 + time / (2 * step_size))
            distance = tf.abs(time / step_size - 2 * cycle + 1)
            argument = cycle if self.scale_mode == "cycle" else step
            if tf.is_tensor(argument):
                argument = tf.cast(argument, self.dtype)  # where the step is of another dtype, TFA raises
            height = tf.maximum(tf.cast(0, self.dtype), 1 - distance)
            return initial + (maximal - initial) * height * policies.of(self.scale_fn).tfa_function()(argument)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON can hold them: a scale function by its name.

        Raises:
            ValueError: the scale function has no name.
        """
        return {**self._config(), "scale_fn": arguments.name_of(self.scale_fn)}

    def _config(self) -> dict[str, Any]:
        own = {"scale_mode": self.scale_mode, "name": self._name, "arithmetic": self._arithmetic, "dtype": self.dtype}
        return {**self._numbers(), **own}

    def _numbers(self) -> dict[str, Any]:
        return {argument: arguments.number(argument, value) for argument, value in self._given.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The schedule of a config: of ``get_config``, or of one that TFA wrote.

        Raises:
            ValueError: a scale function whose name nobody registered, or a lambda that TFA wrote.
        """
        given = dict(config)
        if "scale_fn" in given:
            given["scale_fn"] = arguments.resolve(given["scale_fn"], custom_objects)
        return cls(**given)


@_serializable
class TriangularCyclicalLearningRate(CyclicalLearningRate):
    """The ``triangular`` policy: constant amplitude (Smith, section 3.2; TFA 0.23 ``TriangularCyclicalLearningRate``).

    Args and errors as for ``CyclicalLearningRate``.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        maximal_learning_rate: Any,
        step_size: Any,
        scale_mode: str = "cycle",
        name: str | None = "TriangularCyclicalLearningRate",
        *,
        arithmetic: Arithmetic = "exact",
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            initial_learning_rate,
            maximal_learning_rate,
            step_size,
            policies.Triangular(),
            scale_mode,
            name,
            arithmetic=arithmetic,
            dtype=dtype,
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON can hold them."""
        return self._config()


@_serializable
class Triangular2CyclicalLearningRate(CyclicalLearningRate):
    """The ``triangular2`` policy: half the amplitude with every cycle (Smith, section 3.2; TFA 0.23
    ``Triangular2CyclicalLearningRate``).

    Args and errors as for ``CyclicalLearningRate``. With scale_mode "iterations" the amplitude halves with every step, as in
    TFA.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        maximal_learning_rate: Any,
        step_size: Any,
        scale_mode: str = "cycle",
        name: str | None = "Triangular2CyclicalLearningRate",
        *,
        arithmetic: Arithmetic = "exact",
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            initial_learning_rate,
            maximal_learning_rate,
            step_size,
            policies.Triangular2(),
            scale_mode,
            name,
            arithmetic=arithmetic,
            dtype=dtype,
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON can hold them."""
        return self._config()


@_serializable
class ExponentialCyclicalLearningRate(CyclicalLearningRate):
    """The ``exp_range`` policy: the amplitude is multiplied by gamma**step (Smith, section 3.2; TFA 0.23
    ``ExponentialCyclicalLearningRate``).

    Args and errors as for ``CyclicalLearningRate``; gamma is a finite number > 0. With scale_mode "cycle" the factor is
    gamma**cycle.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        maximal_learning_rate: Any,
        step_size: Any,
        scale_mode: str = "iterations",
        gamma: Any = 1.0,
        name: str | None = "ExponentialCyclicalLearningRate",
        *,
        arithmetic: Arithmetic = "exact",
        dtype: str | None = None,
    ) -> None:
        self._gamma = gamma = arguments.kept("gamma", gamma, arithmetic, "float64")
        super().__init__(
            initial_learning_rate,
            maximal_learning_rate,
            step_size,
            (lambda x: gamma**x) if arguments.is_variable(gamma) else policies.ExpRange(arguments.number("gamma", gamma)),
            scale_mode,
            name,
            arithmetic=arithmetic,
            dtype=dtype,
        )

    gamma = property(lambda self: self._gamma)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON can hold them."""
        return {**self._config(), "gamma": arguments.number("gamma", self._gamma)}


@keras.utils.register_keras_serializable(package=_PACKAGE)
class PerUpdate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A schedule that counts updates of the weights, under an optimizer that counts batches.

    Keras 3 with ``gradient_accumulation_steps=k`` updates the weights after every k-th batch, but asks its schedule with the
    number of batches: update n gets the rate of step k n + k - 1. ``PerUpdate(schedule, k)`` gives it that of step n.

    Args:
        schedule: any Keras schedule.
        gradient_accumulation_steps: the optimizer's; a whole number > 0.

    Raises:
        ValueError: another gradient_accumulation_steps.
    """

    def __init__(self, schedule: Any, gradient_accumulation_steps: int) -> None:
        super().__init__()
        if type(gradient_accumulation_steps) is not int or gradient_accumulation_steps < 1:
            raise ValueError(f"gradient_accumulation_steps must be a whole number > 0, got {gradient_accumulation_steps!r}")
        self.schedule = schedule
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.was_traced = False

    def __call__(self, step: Any) -> Any:
        """The schedule's rate at ``step // gradient_accumulation_steps``; step as for the schedule."""
        step = np.asarray(step) if isinstance(step, arguments.PLAIN) else api.tensor(step)
        self.was_traced = self.was_traced or api.is_being_traced(step)
        return self.schedule(step // self.gradient_accumulation_steps)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON can hold them."""
        return {
            "schedule": keras.optimizers.schedules.serialize(self.schedule),
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """The inverse of ``get_config``."""
        schedule = keras.optimizers.schedules.deserialize(config["schedule"])
        return cls(schedule, config["gradient_accumulation_steps"])
