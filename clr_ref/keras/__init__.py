"""The drop-ins for ``tfa.optimizers``' four cyclical learning rates, for tf.keras on TF 2.8 to 2.15, tf-keras and Keras 3.

    from clr_ref.keras import CyclicalLearningRate        # was: from tensorflow_addons.optimizers import CyclicalLearningRate

Constructors, defaults, attributes and configs are those of TFA 0.23. Whatever TFA saved loads through these classes where TFA
cannot be imported (docs/MIGRATING.md).
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from clr_ref import _graph, _keras_api, scale as scales, schedule as reference
from clr_ref._keras_api import keras
from clr_ref.keras.logger import LearningRateLogger as LearningRateLogger

Arithmetic = Literal["exact", "tfa"]

_PACKAGE = "clr_ref"


def _serializable(cls: Any) -> Any:
    """Register a class under its own name, under the bare one, and under TFA's where TFA is not there to claim it.

    The bare name is what TF 2.15 and tf-keras look up when they load ``.h5``; TFA's registration fails if its name is taken.
    """
    keras.utils.register_keras_serializable(package=_PACKAGE)(cls)
    known = keras.utils.get_custom_objects()
    known.setdefault(cls.__name__, cls)
    if _keras_api.IS_KERAS_3 or importlib.util.find_spec("tensorflow_addons") is None:
        known.setdefault(f"Addons>{cls.__name__}", cls)
    return cls


#: AutoGraph has nothing to convert here, and would say so in a warning.
_as_written: Any = (
    _keras_api.tensorflow().autograph.experimental.do_not_convert if _keras_api.BACKEND == "tensorflow" else lambda f: f
)


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
        TypeError: an argument is of the wrong type.
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
        if arithmetic == "tfa" and _keras_api.BACKEND != "tensorflow":
            raise ValueError(f"arithmetic 'tfa' must run on the TensorFlow backend, got {_keras_api.BACKEND!r}")
        if dtype is None:
            given = getattr(initial_learning_rate, "dtype", None)
            dtype = "float64" if given is not None and "float64" in str(given) else "float32"
        self._given = initial_learning_rate, maximal_learning_rate, step_size
        self._reference = reference.CyclicalLearningRate(
            _number("initial_learning_rate", initial_learning_rate),
            _number("maximal_learning_rate", maximal_learning_rate),
            _number("step_size", step_size),
            _resolve(scale_fn),
            scale_mode,
            dtype,
        )
        self._ops = _OPS[_keras_api.BACKEND]()
        if self._ops.width == 32 and self._reference.dtype == "float64":
            raise ValueError("dtype must be 'float32' on JAX without x64, got 'float64'")
        self._arithmetic: Arithmetic = arithmetic
        self._name = name

    # The values are fixed: a rate computed from other numbers than the attributes show would be a silent error.
    initial_learning_rate = property(lambda self: self._given[0])
    maximal_learning_rate = property(lambda self: self._given[1])
    step_size = property(lambda self: self._given[2])
    scale_fn = property(lambda self: self._reference.scale_fn)
    scale_mode = property(lambda self: self._reference.scale_mode)
    name = property(lambda self: self._name)
    arithmetic = property(lambda self: self._arithmetic)
    dtype = property(lambda self: self._reference.dtype)

    @property
    def reference(self) -> reference.CyclicalLearningRate:
        """The schedule in NumPy, correctly rounded."""
        return self._reference

    @_as_written  # type: ignore[untyped-decorator]
    def __call__(self, step: Any) -> Any:
        """The rate at a step, or at every step of an array.

        Args:
            step: whole numbers >= 0 of any integer or float dtype and any shape: a tensor, a variable, an array, a number.

        Returns:
            A tensor of the backend, of the schedule's dtype and the steps' shape.

        Raises:
            TypeError, ValueError: a Python or NumPy step that is not a whole number 0 .. 2**63-1. Tensors are not checked.
        """
        if isinstance(step, (bool, str, bytes, int, float, list, tuple, np.ndarray, np.generic)):
            whole = reference.as_steps(step)
            if self._arithmetic == "tfa":
                return self._as_tfa(whole, int(whole) if isinstance(step, int) else whole)
            return self._exactly(_keras_api.tensor(whole))
        tensor = _keras_api.tensor(step)
        return self._as_tfa(tensor, tensor) if self._arithmetic == "tfa" else self._exactly(tensor)

    def _exactly(self, step: Any) -> Any:
        if _keras_api.BACKEND != "tensorflow":
            return _graph.evaluate(self._plan, step, self._ops)
        tf = _keras_api.tensorflow()
        if tf.executing_eagerly() and self._answers_in_numpy and step.shape.rank == 0 and step.device.endswith("CPU:0"):
            # One step, at a fiftieth of what a score of TensorFlow's operations costs outside of a function.
            rate = _graph.evaluate(self._plan, step.numpy(), _graph.numpy_ops())
            return tf.constant(rate if abs(rate) >= np.finfo(np.float32).tiny else 0, tf.float32)  # no subnormals, as ever
        with tf.name_scope(self._name or "CyclicalLearningRate"):
            return _graph.evaluate(self._plan, step, self._ops)

    @functools.cached_property
    def _answers_in_numpy(self) -> bool:
        """Whether NumPy gives the same bits: not custom scale functions, nor float64 with its subnormal products."""
        return self.dtype == "float32" and isinstance(self._plan.scale_fn, scales.POLICIES)

    @property
    def _plan(self) -> Any:
        return self._reference._plan

    def _as_tfa(self, step: Any, asked: Any) -> Any:
        """TFA 0.23's formula: the operations, their order and their dtypes decide every bit, so they are those."""
        tf = _keras_api.tensorflow()
        with tf.name_scope(self._name or "CyclicalLearningRate"):
            initial = tf.convert_to_tensor(_plain(self._given[0]), dtype=self.dtype)
            maximal = tf.cast(_plain(self._given[1]), self.dtype)
            step_size = tf.cast(_plain(self._given[2]), self.dtype)
            time = tf.cast(step, self.dtype)
            cycle = tf.floor(1 + time / (2 * step_size))
            distance = tf.abs(time / step_size - 2 * cycle + 1)
            if self.scale_mode == "cycle":
                asked = cycle
            elif tf.is_tensor(asked):
                asked = time  # where the step is of another dtype, TFA raises
            height = tf.maximum(tf.cast(0, self.dtype), 1 - distance)
            return initial + (maximal - initial) * height * _tfa_scale(self.scale_fn)(asked)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON can hold them: a scale function by its name.

        Raises:
            ValueError: the scale function has no name.
        """
        return {**self._numbers(), "scale_fn": _name_of(self.scale_fn)}

    def _numbers(self) -> dict[str, Any]:
        initial, maximal, step_size = (_number("", value) for value in self._given)
        return {
            "initial_learning_rate": initial,
            "maximal_learning_rate": maximal,
            "step_size": step_size,
            "scale_mode": self.scale_mode,
            "name": self._name,
            "arithmetic": self._arithmetic,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The schedule of a config: of ``get_config``, or of one that TFA wrote.

        Raises:
            ValueError: a scale function whose name nobody registered, or a lambda that TFA wrote.
        """
        arguments = dict(config)
        if "scale_fn" in arguments:
            arguments["scale_fn"] = _resolve(arguments["scale_fn"], custom_objects)
        return cls(**arguments)


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
            scales.Constant(),
            scale_mode,
            name,
            arithmetic=arithmetic,
            dtype=dtype,
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON can hold them."""
        return self._numbers()


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
            scales.Halving(),
            scale_mode,
            name,
            arithmetic=arithmetic,
            dtype=dtype,
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON can hold them."""
        return self._numbers()


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
        self._gamma = gamma
        super().__init__(
            initial_learning_rate,
            maximal_learning_rate,
            step_size,
            scales.Exponential(_number("gamma", gamma)),
            scale_mode,
            name,
            arithmetic=arithmetic,
            dtype=dtype,
        )

    gamma = property(lambda self: self._gamma)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON can hold them."""
        return {**self._numbers(), "gamma": _number("gamma", self._gamma)}


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

    def __call__(self, step: Any) -> Any:
        """The schedule's rate at ``step // gradient_accumulation_steps``; step as for the schedule."""
        return self.schedule(_keras_api.tensor(step) // self.gradient_accumulation_steps)

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


# --- helpers ---------------------------------------------------------------------------------------------------------

_OPS = {"tensorflow": _graph.tensorflow_ops, "jax": _graph.jax_ops, "torch": _graph.torch_ops, "numpy": _graph.numpy_ops}


def _plain(value: Any) -> Any:
    """A number or a tensor, from a variable too."""
    return value.value() if callable(getattr(value, "value", None)) else value


def _number(name: str, value: Any) -> float | int:
    """A Python number, from a scalar tensor or a variable too; the error of the core for everything else."""
    if isinstance(value, (str, bytes, bool, int, float, np.generic)) or value is None or callable(value):
        return scales.as_real(name, value)
    try:
        array = np.asarray(keras.backend.get_value(value) if hasattr(keras.backend, "get_value") else value)
    except (TypeError, ValueError, NotImplementedError, AttributeError):
        array = np.asarray(None)
    if array.ndim or array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be a real number, got {value!r}")
    number: float | int = array.item()
    return number


def _tfa_scale(scale_fn: Any) -> Callable[[Any], Any]:
    """The policies as TFA writes them."""
    if isinstance(scale_fn, scales.Constant):
        return lambda x: 1.0
    if isinstance(scale_fn, scales.Halving):
        return lambda x: 1 / (2.0 ** (x - 1))
    if isinstance(scale_fn, scales.Exponential):
        gamma = scale_fn.gamma
        return lambda x: gamma**x
    return scale_fn  # type: ignore[no-any-return]


def _name_of(scale_fn: Any) -> Any:
    """What a config holds of a scale function: the name it has in ``clr_ref``'s registry or in Keras's."""
    if scales.name_of(scale_fn) is not None:
        data = scales.to_data(scale_fn)
        return data if len(data) > 1 else data["name"]
    name = keras.utils.get_registered_name(scale_fn)
    if keras.utils.get_registered_object(name) is scale_fn:
        return name
    scales.to_data(scale_fn)
    raise AssertionError("unreachable: a function without a name has no data")


def _resolve(scale_fn: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The scale function of a config: a callable, a name, what Keras makes of a function, or what ``_name_of`` answers."""
    if isinstance(scale_fn, Mapping):
        if scale_fn.get("class_name") is None:
            return scales.from_data(dict(scale_fn))
        scale_fn = "<lambda>" if scale_fn["class_name"] == "__lambda__" else scale_fn["config"]
    if not isinstance(scale_fn, str):
        return scales.resolve(scale_fn)
    found = keras.utils.get_registered_object(scale_fn, custom_objects=dict(custom_objects or {}))
    if callable(found):
        return found
    try:
        return scales.resolve(scale_fn)
    except ValueError as error:
        if scale_fn == "<lambda>":
            raise ValueError(
                "scale_fn was saved as a lambda, which has no name to find it by: give the function of this model that name "
                "with clr_ref.register_scale_fn('<lambda>', scale_fn), then load again"
            ) from None
        raise ValueError(f"{error}; give it that name with clr_ref.register_scale_fn, then load again") from None
