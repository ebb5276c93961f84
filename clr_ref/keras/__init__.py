"""Drop-ins for the four cyclical learning rates of ``tfa.optimizers``: tf.keras on TF 2.8 to 2.15, tf-keras and Keras 3.

    from clr_ref.keras import CyclicalLearningRate        # was: from tensorflow_addons.optimizers import CyclicalLearningRate

Constructors, defaults, attributes and configs are those of TFA 0.23. An attribute can be set at any time: it is checked, and
the rates follow it. Models that TFA saved are loaded with these classes where TFA cannot be imported (docs/MIGRATING.md).
"""

from __future__ import annotations

import ast
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any, Literal

from clr_ref import policies, schedule as reference
from clr_ref._inputs import known_keywords, shown
from clr_ref.compositions import Composition
from clr_ref.keras import api, arguments
from clr_ref.keras.adamw import AdamW
from clr_ref.keras.api import keras
from clr_ref.keras.at_cycle_end import AtCycleEnd
from clr_ref.keras.base import Schedule
from clr_ref.keras.compositions import CoolDown, Shifted, WarmUp, from_composition
from clr_ref.keras.logger import LearningRateLogger
from clr_ref.keras.per_update import PerUpdate
from clr_ref.keras.sgd import SGD

__all__ = [
    "SGD",
    "AdamW",
    "Arithmetic",
    "AtCycleEnd",
    "CoolDown",
    "CyclicalLearningRate",
    "ExponentialCyclicalLearningRate",
    "LearningRateLogger",
    "PerUpdate",
    "Shifted",
    "Triangular2CyclicalLearningRate",
    "TriangularCyclicalLearningRate",
    "WarmUp",
    "from_schedule",
]


def __dir__() -> list[str]:
    return __all__


Arithmetic = Literal["exact", "tfa"]

#: TFA's default of gamma. It is a float of its own, by which a call without gamma is told from one with gamma=1.0.
_DEFAULT_GAMMA = float("1")


def _serializable(cls: Any) -> Any:
    """Register a class, also under TFA's name if TFA is not installed: its registration fails if its name is taken."""
    if api.IS_KERAS_3 or importlib.util.find_spec("tensorflow_addons") is None:
        keras.utils.get_custom_objects().setdefault(f"Addons>{cls.__name__}", cls)
    return api.registered(cls)


@_serializable
class CyclicalLearningRate(Schedule):
    """A cyclical learning rate with any scale function.

    The policy is that of Smith, arXiv 1506.01186, and of TFA 0.23 ``CyclicalLearningRate``.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle: a finite Python or NumPy number, or a scalar
            tensor. ``numpy.float64`` and float64 tensors make a float64 schedule, as in TFA, everything else a float32 one:
            float16 too, of which TFA makes a float16 schedule.
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
        self._construct(
            dtype,
            initial_learning_rate=initial_learning_rate,
            maximal_learning_rate=maximal_learning_rate,
            step_size=step_size,
            step_size_down=step_size_down,
            scale_fn=scale_fn,
            scale_mode=scale_mode,
            name=name,
            arithmetic=arithmetic,
        )


@_serializable
class TriangularCyclicalLearningRate(CyclicalLearningRate):
    """The ``triangular`` policy: all cycles have the same amplitude.

    The policy is that of Smith, arXiv 1506.01186, section 3.2, and of TFA 0.23 ``TriangularCyclicalLearningRate``.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle: a finite Python or NumPy number, or a scalar
            tensor. ``numpy.float64`` and float64 tensors make a float64 schedule, as in TFA, everything else a float32 one:
            float16 too, of which TFA makes a float16 schedule.
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

    def _own_scale_fn(self) -> Any:
        return policies.Triangular()


@_serializable
class Triangular2CyclicalLearningRate(CyclicalLearningRate):
    """The ``triangular2`` policy: the amplitude halves with every cycle.

    The policy is that of Smith, arXiv 1506.01186, section 3.2, and of TFA 0.23 ``Triangular2CyclicalLearningRate``.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle: a finite Python or NumPy number, or a scalar
            tensor. ``numpy.float64`` and float64 tensors make a float64 schedule, as in TFA, everything else a float32 one:
            float16 too, of which TFA makes a float16 schedule.
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

    def _own_scale_fn(self) -> Any:
        return policies.Triangular2()


@_serializable
class ExponentialCyclicalLearningRate(CyclicalLearningRate):
    """The ``exp_range`` policy: the amplitude is multiplied by gamma**step.

    The policy is that of Smith, arXiv 1506.01186, section 3.2, and of TFA 0.23 ``ExponentialCyclicalLearningRate``.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle: a finite Python or NumPy number, or a scalar
            tensor. ``numpy.float64`` and float64 tensors make a float64 schedule, as in TFA, everything else a float32 one:
            float16 too, of which TFA makes a float16 schedule.
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
        self.gamma = gamma = arguments.kept("gamma", gamma, arithmetic, "float64")
        super().__init__(
            initial_learning_rate,
            maximal_learning_rate,
            step_size,
            self._own_scale_fn(),
            scale_mode,
            name,
            step_size_down=step_size_down,
            arithmetic=arithmetic,
            dtype=dtype,
        )

    def _own_scale_fn(self) -> Any:
        return (
            arguments.PowersOf(self.gamma)
            if api.is_variable(self.gamma)
            else policies.ExpRange(arguments.number("gamma", self.gamma))
        )

    def _set(self, name: str, value: Any) -> None:
        super()._set(name, value)
        if name == "gamma":
            super()._set("scale_fn", self._own_scale_fn())


def from_schedule(schedule: reference.CyclicalLearningRate | Composition) -> Any:
    """Return the Keras schedule with the policy and the numbers of one in NumPy.

    Args:
        schedule: what ``clr_ref.triangular``, ``triangular2``, ``exp_range`` or ``CyclicalLearningRate`` returned, or a
            ``clr_ref.WarmUp``, ``Shifted`` or ``CoolDown``.

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
    if isinstance(schedule, Composition):
        return from_composition(schedule, from_schedule(schedule.schedule))
    if not isinstance(schedule, reference.CyclicalLearningRate):
        raise TypeError(
            f"schedule must be a clr_ref.CyclicalLearningRate, got {shown(schedule)} of type {type(schedule).__name__}"
        )
    numbers = {name: ast.literal_eval(text) for name, text in reference.numbers_in_python(schedule).items()}
    more: dict[str, Any] = {"scale_mode": schedule.scale_mode, "dtype": schedule.dtype}
    if type(schedule.policy) is policies.ExpRange:  # a subclass may have another scale
        return ExponentialCyclicalLearningRate(**numbers, gamma=schedule.policy.gamma, **more)
    known = {policies.Triangular: TriangularCyclicalLearningRate, policies.Triangular2: Triangular2CyclicalLearningRate}
    if type(schedule.policy) in known:
        return known[type(schedule.policy)](**numbers, **more)
    return CyclicalLearningRate(**numbers, scale_fn=schedule.scale_fn, **more)
