"""Drop-ins for the four cyclical learning rates of ``tfa.optimizers``: tf.keras on TF 2.8 to 2.15, tf-keras and Keras 3.

    from clr_ref.keras import CyclicalLearningRate        # was: from tensorflow_addons.optimizers import CyclicalLearningRate

Constructors, defaults, attributes and configs are those of TFA 0.23. Models that TFA saved are loaded with these classes where
TFA cannot be imported (docs/MIGRATING.md).
"""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from clr_ref import policies, schedule as reference
from clr_ref._inputs import from_hex, known_keywords, one_of, shown
from clr_ref.keras import api, arguments, rates
from clr_ref.keras.api import PACKAGE, keras
from clr_ref.keras.logger import LearningRateLogger
from clr_ref.keras.per_update import PerUpdate
from clr_ref.parameters import as_symmetric
from clr_ref.tensors import backends, formula

__all__ = [
    "Arithmetic",
    "CyclicalLearningRate",
    "ExponentialCyclicalLearningRate",
    "LearningRateLogger",
    "PerUpdate",
    "Triangular2CyclicalLearningRate",
    "TriangularCyclicalLearningRate",
    "from_schedule",
]


def __dir__() -> list[str]:
    return __all__


Arithmetic = Literal["exact", "tfa"]

#: TFA's default of gamma. It is a float of its own, by which a call without gamma is told from one with gamma=1.0.
_DEFAULT_GAMMA = float("1")


def _serializable(cls: Any) -> Any:
    """Register a class under its own name, under the bare one, and under TFA's name if TFA is not installed.

    TF 2.15 and tf-keras look up the bare name when they load ``.h5``. TFA's registration fails if its name is taken.
    """
    keras.utils.register_keras_serializable(package=PACKAGE)(cls)
    known = keras.utils.get_custom_objects()
    known.setdefault(cls.__name__, cls)
    if api.IS_KERAS_3 or importlib.util.find_spec("tensorflow_addons") is None:
        known.setdefault(f"Addons>{cls.__name__}", cls)
    return cls


#: Without it AutoGraph warns that it has nothing to convert here.
_as_written: Any = api.tensorflow().autograph.experimental.do_not_convert if api.BACKEND == "tensorflow" else lambda f: f


@_serializable
class CyclicalLearningRate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A cyclical learning rate with any scale function.

    The policy is that of Smith, arXiv 1506.01186, and of TFA 0.23 ``CyclicalLearningRate``.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle: a finite Python or NumPy number, or a scalar
            tensor. ``numpy.float64`` and float64 tensors make a float64 schedule, everything else a float32 one, as in TFA.
        maximal_learning_rate: the rate at the peak where the scale is 1; may lie below the initial rate.
        step_size: how many optimizer steps the rate rises; any finite number > 0.
        scale_fn: the factor of the amplitude: a callable, or a registered name. With arithmetic "exact" it is called with a
            float64 tensor (float32 on JAX without x64), and if it fails, with one of the schedule's dtype. With "tfa" it is
            called as TFA calls it.
        scale_mode: the argument of ``scale_fn``: ``"cycle"``, counted from 1, or ``"iterations"``, the step.
        name: the name in the config; it also names the operations in a TensorFlow graph.
        step_size_down: how many optimizer steps the rate falls; None means step_size.
            TFA has no such argument, so arithmetic "tfa" refuses a number.
        arithmetic: ``"exact"``: the phase in whole numbers, the rest in float64, rounded once: the same bits in every mode.
            ``"tfa"``: TFA's operations in TFA's order, so that each mode of each TensorFlow gives the bits that TFA gives
            there.
        dtype: ``"float32"`` or ``"float64"``, the dtype of the rates. Default: see ``initial_learning_rate``.

    Raises:
        TypeError: an argument is of the wrong type, or a variable where arithmetic is "exact".
        ValueError: an argument is outside its range; arithmetic "tfa" on another backend than TensorFlow.

    Examples:
        >>> from clr_ref.keras import CyclicalLearningRate
        >>> schedule = CyclicalLearningRate(0.0, 1.0, 10, scale_fn=lambda cycle: 1 / cycle)
        >>> float(schedule(10)), float(schedule(30))  # the peaks of the first two cycles
        (1.0, 0.5)
        >>> optimizer = keras.optimizers.SGD(learning_rate=schedule)
    """

    @known_keywords
    def __init__(
        self,
        initial_learning_rate: Any,
        maximal_learning_rate: Any,
        step_size: Any,
        scale_fn: Callable[[Any], Any] | str,
        scale_mode: str = "cycle",
        name: str | None = "CyclicalLearningRate",
        *,
        step_size_down: Any = None,
        arithmetic: Arithmetic = "exact",
        dtype: str | None = None,
    ) -> None:
        super().__init__()
        one_of("arithmetic", arithmetic, ("exact", "tfa"))
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a str or None, got {shown(name)} of type {type(name).__name__}")
        if arithmetic == "tfa" and api.BACKEND != "tensorflow":
            raise ValueError(f"arithmetic 'tfa' must run on the TensorFlow backend, got {api.BACKEND!r}")
        if dtype is None:
            given = getattr(initial_learning_rate, "dtype", None)
            dtype = "float64" if given is not None and "float64" in str(given) else "float32"
        given = {
            "initial_learning_rate": initial_learning_rate,
            "maximal_learning_rate": maximal_learning_rate,
            "step_size": step_size,
        } | ({} if step_size_down is None else {"step_size_down": step_size_down})
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
        self._scope = arguments.scope(name)
        if arithmetic == "tfa":
            as_symmetric(self._reference, "arithmetic 'tfa'")
            arguments.check_tfa_initial(initial_learning_rate, self._reference.dtype)
        elif step_size_down is not None:
            formula.check_period(self._reference._plan, self._ops)

    #: True if a compiled function may use the schedule. If none does, ``LearningRateLogger`` must not log its rates.
    was_traced = False

    # The values cannot be set: a rate that is computed from other numbers than the attributes would be a silent error.
    initial_learning_rate = property(lambda self: self._given["initial_learning_rate"])
    maximal_learning_rate = property(lambda self: self._given["maximal_learning_rate"])
    step_size = property(lambda self: self._given["step_size"])
    step_size_down = property(lambda self: self._given.get("step_size_down"))
    scale_fn = property(lambda self: self._reference.scale_fn)
    scale_mode = property(lambda self: self._reference.scale_mode)
    name = property(lambda self: self._name)
    arithmetic = property(lambda self: self._arithmetic)
    dtype = property(lambda self: self._reference.dtype)

    @property
    def reference(self) -> reference.CyclicalLearningRate:
        """The correctly rounded schedule in NumPy; if arguments are variables, that of their present values."""
        return self._reference if self._arithmetic == "exact" else dataclasses.replace(self._reference, **self._numbers())

    @_as_written  # type: ignore[untyped-decorator]
    def __call__(self, step: Any) -> Any:
        """Return the rate at a step, or the rates at an array of steps.

        Steps outside 0 .. 2**63-1 have a rate too, since a schedule around this one may evaluate it there and drop the rate.
        Steps below 0 have the rate of step 0, and NaN gives NaN. Steps that are too large have the rate of the last one, which
        is 2**31-1 on JAX without x64. With arithmetic "tfa" all these steps have the rates of TFA's formula.

        Args:
            step: numbers of any real dtype and any shape: a tensor, a variable, an array or a number. They need not be whole.

        Returns:
            A tensor of the backend, of the schedule's dtype and the steps' shape.

        Raises:
            TypeError: a Python or NumPy step that is no number, or bool.

        Examples:
            >>> from clr_ref.keras import TriangularCyclicalLearningRate
            >>> float(TriangularCyclicalLearningRate(0.0, 1.0, 10)(5))
            0.5
        """
        compute = self._exactly if self._arithmetic == "exact" else self._as_tfa
        if not isinstance(step, arguments.PLAIN):
            try:
                step = api.tensor(step)
            except (TypeError, ValueError) as error:  # each backend has other words, which do not name the argument
                found = f"{shown(step)} of type {type(step).__name__}"
                raise TypeError(f"step must be a tensor, a variable, an array or a number, got {found}") from error
            self.was_traced = self.was_traced or api.is_being_traced(step)
            return compute(step)
        if self._arithmetic == "tfa":
            return compute(arguments.tfa_step(step))
        held, nan = arguments.held_steps(step, 2 ** (self._ops.width - 1) - 1)
        rate = self._exactly(api.tensor(held))
        return self._ops.where(api.tensor(nan), self._ops.constant(math.nan, rate), rate) if nan.any() else rate

    def _exactly(self, step: Any) -> Any:
        return rates.exact(self._reference._plan, self.dtype, step, self._ops, self._scope)

    def _as_tfa(self, step: Any) -> Any:
        return rates.as_tfa(self, step, self._scope)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON data, with the name of the scale function.

        Returns:
            A dict for ``from_config``.

        Raises:
            ValueError: the scale function has no name; see ``clr_ref.register_scale_fn``.

        Examples:
            >>> from clr_ref.keras import TriangularCyclicalLearningRate
            >>> TriangularCyclicalLearningRate(0.0, 1.0, 10).get_config()["step_size"]
            10
        """
        config = {argument: getattr(self, argument) for argument in self._parameters()}
        if config["step_size_down"] is None:
            del config["step_size_down"]  # as in a config of TFA, which has no such argument
        for argument in config.keys() & {*self._given, "gamma"}:
            config[argument] = arguments.number(argument, config[argument])
        if self._arithmetic == "tfa" and self.dtype == "float64":
            config |= {argument: arguments.stored_wide(argument, getattr(self, argument)) for argument in arguments.DETOURED}
        return config | ({"scale_fn": arguments.name_of(self.scale_fn)} if "scale_fn" in config else {})

    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        """Return the arguments of this class; of a user's class, those of the class here that it extends."""
        ours = next(kind for kind in type(self).__mro__ if kind.__module__ == __name__)
        return inspect.signature(ours).parameters

    def _numbers(self) -> dict[str, Any]:
        return {argument: arguments.number(argument, value) for argument, value in self._given.items()}

    def __repr__(self) -> str:
        """Return Python for an equal schedule; variables, and functions that Python cannot find, are shown as they are."""
        ours = type(self).__module__ == __name__
        texts = ", ".join(f"{argument}={text}" for argument, text in self._texts().items())
        return f"{f'{__name__}.' if ours else ''}{type(self).__qualname__}({texts})"

    def _texts(self) -> dict[str, str]:
        """Return the arguments in Python, without those that have their defaults."""
        texts = reference.numbers_in_python(self._reference)
        if self._arithmetic == "tfa" and self.dtype == "float64":
            texts = {argument: arguments.wide(value) for argument, value in self._given.items()}
        for argument, parameter in self._parameters().items():
            value = getattr(self, argument)
            if argument == "scale_fn":
                texts[argument] = policies.expression(value)
            elif argument in {*self._given, "gamma"}:
                kept = repr(arguments.number(argument, value)) if argument == "gamma" else texts[argument]
                texts[argument] = repr(value) if api.is_variable(value) else kept
            elif value != ("float32" if argument == "dtype" else parameter.default):
                texts[argument] = repr(value)
        return texts

    def __eq__(self, other: object) -> bool:
        """Return True for a schedule of the same class and arguments, of which variables are the same objects."""
        return type(self) is type(other) and self._key() == other._key()

    def __hash__(self) -> int:
        # Functions are left out: some callable objects have no hash.
        return hash((type(self), self._reference.initial_learning_rate, self._reference.maximal_learning_rate))

    def _key(self) -> Any:
        variables = [id(value) for value in self._given.values() if api.is_variable(value)]
        return self._reference, self._texts(), variables

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Return the schedule of a config that ``get_config`` returned, or that TFA wrote.

        Args:
            config: the constructor's arguments as JSON data.
            custom_objects: scale functions by their names, as for ``keras.models.load_model``.

        Returns:
            A schedule of this class.

        Raises:
            ValueError: a scale function whose name is not registered, or a lambda that TFA wrote.

        Examples:
            >>> from clr_ref.keras import TriangularCyclicalLearningRate
            >>> config = TriangularCyclicalLearningRate(0.0, 1.0, 10).get_config()
            >>> float(TriangularCyclicalLearningRate.from_config(config)(5))
            0.5
        """
        given = dict(config)
        for argument in arguments.DETOURED:
            if isinstance(given.get(argument), str):
                given[argument] = np.float64(from_hex(argument, given[argument]))
        if "scale_fn" in given:
            given["scale_fn"] = arguments.resolve(given["scale_fn"], custom_objects)
        return cls(**given)


@_serializable
class TriangularCyclicalLearningRate(CyclicalLearningRate):
    """The ``triangular`` policy: all cycles have the same amplitude.

    The policy is that of Smith, arXiv 1506.01186, section 3.2, and of TFA 0.23 ``TriangularCyclicalLearningRate``.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle: a finite Python or NumPy number, or a scalar
            tensor. ``numpy.float64`` and float64 tensors make a float64 schedule, everything else a float32 one, as in TFA.
        maximal_learning_rate: the rate at the peaks; may lie below the initial rate.
        step_size: how many optimizer steps the rate rises; any finite number > 0.
        scale_mode: the argument of the scale function: ``"cycle"`` or ``"iterations"``. It changes no rate of this policy.
        name: the name in the config; it also names the operations in a TensorFlow graph.
        step_size_down: how many optimizer steps the rate falls; None means step_size.
        arithmetic: ``"exact"`` or ``"tfa"``, as for ``CyclicalLearningRate``.
        dtype: ``"float32"`` or ``"float64"``. Default: see ``initial_learning_rate``.

    Raises:
        TypeError: an argument is of the wrong type, or a variable where arithmetic is "exact".
        ValueError: an argument is outside its range; arithmetic "tfa" on another backend than TensorFlow.

    Examples:
        >>> from clr_ref.keras import TriangularCyclicalLearningRate
        >>> schedule = TriangularCyclicalLearningRate(0.0, 1.0, 10)
        >>> [float(schedule(step)) for step in (0, 5, 10, 15, 20)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    @known_keywords
    def __init__(
        self,
        initial_learning_rate: Any,
        maximal_learning_rate: Any,
        step_size: Any,
        scale_mode: str = "cycle",
        name: str | None = "TriangularCyclicalLearningRate",
        *,
        step_size_down: Any = None,
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
            step_size_down=step_size_down,
            arithmetic=arithmetic,
            dtype=dtype,
        )


@_serializable
class Triangular2CyclicalLearningRate(CyclicalLearningRate):
    """The ``triangular2`` policy: the amplitude halves with every cycle.

    The policy is that of Smith, arXiv 1506.01186, section 3.2, and of TFA 0.23 ``Triangular2CyclicalLearningRate``.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle: a finite Python or NumPy number, or a scalar
            tensor. ``numpy.float64`` and float64 tensors make a float64 schedule, everything else a float32 one, as in TFA.
        maximal_learning_rate: the rate at the first peak; may lie below the initial rate.
        step_size: how many optimizer steps the rate rises; any finite number > 0.
        scale_mode: ``"cycle"``, or ``"iterations"``, with which the amplitude halves with every step, as in TFA.
        name: the name in the config; it also names the operations in a TensorFlow graph.
        step_size_down: how many optimizer steps the rate falls; None means step_size.
        arithmetic: ``"exact"`` or ``"tfa"``, as for ``CyclicalLearningRate``.
        dtype: ``"float32"`` or ``"float64"``. Default: see ``initial_learning_rate``.

    Raises:
        TypeError: an argument is of the wrong type, or a variable where arithmetic is "exact".
        ValueError: an argument is outside its range; arithmetic "tfa" on another backend than TensorFlow.

    Examples:
        >>> from clr_ref.keras import Triangular2CyclicalLearningRate
        >>> schedule = Triangular2CyclicalLearningRate(0.0, 1.0, 10)
        >>> [float(schedule(step)) for step in (10, 30, 50)]
        [1.0, 0.5, 0.25]
    """

    @known_keywords
    def __init__(
        self,
        initial_learning_rate: Any,
        maximal_learning_rate: Any,
        step_size: Any,
        scale_mode: str = "cycle",
        name: str | None = "Triangular2CyclicalLearningRate",
        *,
        step_size_down: Any = None,
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
            step_size_down=step_size_down,
            arithmetic=arithmetic,
            dtype=dtype,
        )


@_serializable
class ExponentialCyclicalLearningRate(CyclicalLearningRate):
    """The ``exp_range`` policy: the amplitude is multiplied by gamma**step.

    The policy is that of Smith, arXiv 1506.01186, section 3.2, and of TFA 0.23 ``ExponentialCyclicalLearningRate``.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle: a finite Python or NumPy number, or a scalar
            tensor. ``numpy.float64`` and float64 tensors make a float64 schedule, everything else a float32 one, as in TFA.
        maximal_learning_rate: the rate at the peaks if gamma is 1; may lie below the initial rate.
        step_size: how many optimizer steps the rate rises; any finite number > 0.
        scale_mode: ``"iterations"``, or ``"cycle"``, with which the factor is gamma**cycle.
        gamma: any finite number > 0. Default: 1.0, as in TFA, with a warning, since the rates are then those of ``triangular``.
        name: the name in the config; it also names the operations in a TensorFlow graph.
        step_size_down: how many optimizer steps the rate falls; None means step_size.
        arithmetic: ``"exact"`` or ``"tfa"``, as for ``CyclicalLearningRate``.
        dtype: ``"float32"`` or ``"float64"``. Default: see ``initial_learning_rate``.

    Raises:
        TypeError: an argument is of the wrong type, or a variable where arithmetic is "exact".
        ValueError: an argument is outside its range; arithmetic "tfa" on another backend than TensorFlow.

    Examples:
        >>> from clr_ref.keras import ExponentialCyclicalLearningRate
        >>> schedule = ExponentialCyclicalLearningRate(0.0, 1.0, 2, gamma=0.5)
        >>> [float(schedule(step)) for step in (2, 6)]
        [0.25, 0.015625]
    """

    @known_keywords
    def __init__(
        self,
        initial_learning_rate: Any,
        maximal_learning_rate: Any,
        step_size: Any,
        scale_mode: str = "iterations",
        gamma: Any = _DEFAULT_GAMMA,
        name: str | None = "ExponentialCyclicalLearningRate",
        *,
        step_size_down: Any = None,
        arithmetic: Arithmetic = "exact",
        dtype: str | None = None,
    ) -> None:
        if gamma is _DEFAULT_GAMMA:
            warnings.warn(
                "gamma is 1.0, TFA's default, with which exp_range is triangular: give a gamma, such as 0.99994, "
                "or gamma=1.0 if you mean it",
                stacklevel=3,
            )
            gamma = 1.0  # the config gives this one back, and must not warn again
        self._gamma = gamma = arguments.kept("gamma", gamma, arithmetic, "float64")
        super().__init__(
            initial_learning_rate,
            maximal_learning_rate,
            step_size,
            (lambda x: gamma**x) if api.is_variable(gamma) else policies.ExpRange(arguments.number("gamma", gamma)),
            scale_mode,
            name,
            step_size_down=step_size_down,
            arithmetic=arithmetic,
            dtype=dtype,
        )

    gamma = property(lambda self: self._gamma)


def from_schedule(schedule: reference.CyclicalLearningRate) -> CyclicalLearningRate:
    """Return the Keras schedule with the policy and the numbers of one in NumPy.

    Args:
        schedule: what ``clr_ref.triangular``, ``triangular2``, ``exp_range`` or ``CyclicalLearningRate`` returned.

    Returns:
        A schedule of the class of this module that has the policy; ``reference`` is equal to the schedule given.

    Raises:
        TypeError: no such schedule.
        ValueError: a float64 schedule on JAX without x64; a policy that this module does not have.

    Examples:
        >>> import clr_ref
        >>> from clr_ref.keras import from_schedule
        >>> optimizer = keras.optimizers.SGD(learning_rate=from_schedule(clr_ref.triangular2(1e-4, 1e-2, 1874)))
    """
    if not isinstance(schedule, reference.CyclicalLearningRate):
        raise TypeError(
            f"schedule must be a clr_ref.CyclicalLearningRate, got {shown(schedule)} of type {type(schedule).__name__}"
        )
    numbers = {name: ast.literal_eval(text) for name, text in reference.numbers_in_python(schedule).items()}
    more: dict[str, Any] = {"scale_mode": schedule.scale_mode, "dtype": schedule.dtype}
    if isinstance(schedule.policy, policies.ExpRange):
        return ExponentialCyclicalLearningRate(**numbers, gamma=schedule.policy.gamma, **more)
    known = {policies.Triangular: TriangularCyclicalLearningRate, policies.Triangular2: Triangular2CyclicalLearningRate}
    if type(schedule.policy) in known:
        return known[type(schedule.policy)](**numbers, **more)
    return CyclicalLearningRate(**numbers, scale_fn=schedule.scale_fn, **more)
