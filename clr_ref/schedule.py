"""The reference schedule: it checks its arguments, returns rates, and is stored as JSON or shown as Python."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref import exact, policies
from clr_ref._inputs import as_exact, from_hex, known_keywords, parsed_json, shown
from clr_ref.exact import ulp
from clr_ref.exact.environment import kept
from clr_ref.fast import arrays, one_step, ranges
from clr_ref.fast.plan import Plan, plan
from clr_ref.parameters import MAX_STEP, Dtype as Dtype, Parameters, ScaleMode as ScaleMode
from clr_ref.steps import as_steps, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: The step of a call without one. Keras calls every callable so that is not one of its own schedules.
_NO_STEP: Any = type("NoStep", (), {"__repr__": lambda self: "<no step>"})()


@dataclasses.dataclass(frozen=True, repr=False)
class CyclicalLearningRate(Parameters):
    """A correctly rounded cyclical learning rate (Smith, arXiv 1506.01186; TFA 0.23 ``CyclicalLearningRate``).

    The rate moves linearly from ``initial_learning_rate`` to ``maximal_learning_rate`` in ``step_size`` steps, and back in the
    same number of steps. The amplitude of each cycle is multiplied by the scale function. Every rate is the exact value,
    rounded once to the dtype: to nearest, ties to even (docs/SPEC.md).

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle; any finite number of the dtype.
        maximal_learning_rate: the rate at the peak where the scale is 1; may lie below the initial rate.
        step_size: half the length of a cycle, in steps; any finite number > 0, also a fractional one.
        scale_fn: a callable, or the name of a registered one. A callable is called with one ``numpy.float64`` at a time, and
            returns a finite number (docs/SPEC.md, clause 6).
        scale_mode: the argument of the scale function: ``"cycle"``, counted from 1, or ``"iterations"``, the step since the
            start of training.
        dtype: ``"float32"`` or ``"float64"``. Bounds and step_size are rounded to it first, as TensorFlow does.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is outside its range.

    Examples:
        >>> import clr_ref
        >>> schedule = clr_ref.CyclicalLearningRate(0.001, 0.006, 2000, scale_fn=lambda cycle: 1 / cycle)
        >>> print(schedule(2000), schedule(6000))  # the peaks of the first two cycles
        0.006 0.0035
    """

    @known_keywords
    def __init__(
        self,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        step_size: float,
        scale_fn: Callable[[float], float] | str,
        scale_mode: str = "cycle",
        dtype: Any = "float32",
    ) -> None:
        name = _dtype_name(dtype)
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"scale_mode must be 'cycle' or 'iterations', got {shown(scale_mode)}")
        fields = {
            "initial_learning_rate": _rounded_input("initial_learning_rate", initial_learning_rate, name),
            "maximal_learning_rate": _rounded_input("maximal_learning_rate", maximal_learning_rate, name),
            "step_size": _rounded_input("step_size", step_size, name, positive=True),
            "scale_fn": policies.resolve(scale_fn),
            "scale_mode": scale_mode,
            "dtype": name,
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)

    def __call__(self, step: Any = _NO_STEP) -> Any:
        """Return the rate at a step, or the rates at an array of steps.

        Args:
            step: whole numbers 0 .. 2**63-1. One step is an int, an object with ``__index__``, or an integral float. Several
                steps are an array of any shape and of an integer or float dtype, an object of which ``numpy.asarray`` makes
                such an array, or a sequence such as a list or tuple. Sequences may be nested, and their elements may have
                different types. Each element is converted separately, so that no step is rounded.

        Returns:
            A NumPy scalar of the schedule's dtype for one step. For several steps, a new ``numpy.ndarray`` of that dtype and
            of the shape of the steps, also if the steps are a subclass such as ``numpy.matrix``.

        Raises:
            TypeError: no step; bool, str, None, complex, timedelta64, and arrays of these or of objects; a masked array; a
                sequence of unequal lengths; a tensor without a value, in a function that is being compiled.
            ValueError: a step that is negative, fractional, not finite or above 2**63-1; a scale function that returned NaN
                or infinity.

        Examples:
            >>> import clr_ref
            >>> schedule = clr_ref.triangular(0.001, 0.006, 2000)
            >>> print(schedule(1000))
            0.0035
            >>> print(schedule([0, 1000, 2000]))
            [0.001  0.0035 0.006 ]
        """
        if type(step) is int and 0 <= step <= MAX_STEP:
            return self._rate(step)
        if step is _NO_STEP:
            raise TypeError(
                "step must be given, got none. Keras passes a step to its own schedules alone: "
                "give it clr_ref.keras.from_schedule(schedule) in place of the schedule"
            )
        # ``fill`` checks the range of an int64 array chunk by chunk, which saves a pass over it.
        steps = step if type(step) is np.ndarray and step.dtype == np.int64 and step.ndim else as_steps(step)
        if steps.ndim == 0:
            return self._rate(int(steps))
        out = np.empty(steps.shape, self.dtype)
        arrays.fill(self._plan, steps.reshape(-1), out.reshape(-1))
        return out

    def values(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the rates of the steps ``start <= t < stop``.

        The time for each step does not depend on ``start``. Besides the result, a float32 range takes at most 1 MiB of memory.

        Args:
            start: the first step; a whole number of any type that a call accepts as one step.
            stop: the step after the last one; a whole number, start <= stop <= 2**63.
            out: the array that receives the rates and is returned: contiguous, writeable, of the schedule's dtype and of shape
                ``(stop - start,)``. It is unchanged if an argument is wrong. Default: a new array.

        Returns:
            A contiguous 1-D array of the schedule's dtype.

        Raises:
            TypeError: start or stop is not a whole number, or out is no array.
            ValueError: not 0 <= start <= stop <= 2**63; an out of another dtype, shape or layout; a scale function that
                returned NaN or infinity, after which a part of out is filled.

        Examples:
            >>> import clr_ref
            >>> print(clr_ref.triangular(0.001, 0.006, 2000).values(1998, 2003))
            [0.005995  0.0059975 0.006     0.0059975 0.005995 ]
        """
        first, last = whole("start", start, MAX_STEP + 1), whole("stop", stop, MAX_STEP + 1)
        if last < first:
            raise ValueError(f"stop must be at least start, got start={start!r}, stop={stop!r}")
        if out is None:
            out = np.empty(last - first, self.dtype)
        else:
            ranges.check_out(out, self.dtype, last - first)
        ranges.fill(self._plan, first, out)
        return out

    def exact(self, step: int) -> exact.Exact:
        """Return the exact rate at a step, without any rounding if it is rational.

        Args:
            step: one step, as for a call.

        Returns:
            A ``fractions.Fraction`` if the scale is rational and takes at most 65,536 bits, else an ``mpmath.mpf`` of 256 bits.

        Raises:
            TypeError: not one step, but an array or an object of another type.
            ValueError: a step outside 0 .. 2**63-1, or one with a fraction.

        Examples:
            >>> import clr_ref
            >>> clr_ref.triangular(0.0, 1.0, 10).exact(7)
            Fraction(7, 10)
        """
        return exact.value(self, whole("step", step, MAX_STEP))

    def to_json(self) -> str:
        """Return the schedule as JSON, which ``from_json`` reads.

        Returns:
            A JSON object with the fields of the schedule; its numbers are hex floats, so that no digit is lost.

        Raises:
            ValueError: the scale function has no name; see ``register_scale_fn``.

        Examples:
            >>> import clr_ref, json
            >>> json.loads(clr_ref.triangular(0.0, 1.0, 10).to_json())["step_size"]
            '0x1.4000000000000p+3'
        """
        return json.dumps(
            {
                "initial_learning_rate": self.initial_learning_rate.hex(),
                "maximal_learning_rate": self.maximal_learning_rate.hex(),
                "step_size": self.step_size.hex(),
                "scale_fn": policies.to_data(self.scale_fn),
                "scale_mode": self.scale_mode,
                "dtype": self.dtype,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> CyclicalLearningRate:
        """Return the schedule that ``to_json`` wrote.

        Args:
            text: the JSON that ``to_json`` returned.

        Returns:
            A schedule that is equal to the one that was written.

        Raises:
            ValueError: a text that ``to_json`` does not write, such as one with a repeated key; the name of a scale function
                that is not registered in this process. The message names the field.

        Examples:
            >>> import clr_ref
            >>> schedule = clr_ref.triangular(0.0, 1.0, 10)
            >>> clr_ref.CyclicalLearningRate.from_json(schedule.to_json()) == schedule
            True
        """
        data = parsed_json(text)
        names = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(data, dict):
            raise ValueError(f"text must be a JSON object with the fields {', '.join(names)}, got {shown(data)}")
        missing, unknown = sorted(set(names) - set(data)), sorted(set(data) - set(names))
        if missing or unknown:
            found = f"got {shown(missing)} missing and {shown(unknown)} unknown"
            raise ValueError(f"text must be a JSON object with exactly the fields {', '.join(names)}; {found}")
        if data["dtype"] not in tuple(exact.FORMATS):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {shown(data['dtype'])}")
        numbers = {name: from_hex(name, data[name]) for name in names[:3]}
        return cls(**numbers, scale_fn=policies.from_data(data["scale_fn"]), scale_mode=data["scale_mode"], dtype=data["dtype"])

    def __repr__(self) -> str:
        """Return Python for an equal schedule; a scale function that Python cannot find is shown by its qualified name."""
        name = self.policy.name
        if type(self) is CyclicalLearningRate and _FUNCTIONS.get(type(self.policy)) == self.scale_mode:
            more = {"gamma": repr(self.policy.gamma)} if isinstance(self.policy, policies.ExpRange) else {}
        else:
            name = type(self).__qualname__
            more = {"scale_fn": policies.expression(self.scale_fn), "scale_mode": repr(self.scale_mode)}
        module = "clr_ref." if type(self) is CyclicalLearningRate else ""
        texts = numbers_in_python(self) | more | ({} if self.dtype == "float32" else {"dtype": repr(self.dtype)})
        return f"{module}{name}({', '.join(f'{field}={text}' for field, text in texts.items())})"

    def __reduce__(self) -> Any:
        # A named scale function is pickled as its name, since pickle cannot store a lambda. Others are pickled as functions.
        if policies.name_of(self.scale_fn) is not None:
            return CyclicalLearningRate.from_json, (self.to_json(),)
        return CyclicalLearningRate, tuple(getattr(self, field.name) for field in dataclasses.fields(self))

    @functools.cached_property
    def _plan(self) -> Plan:
        return plan(self)

    @functools.cached_property
    def _rate(self) -> Callable[[int], Any]:
        rate = one_step.function(self._plan)
        if self._plan.last_fast_step < 0:
            return rate
        return one_step.with_blocks_ahead(rate, lambda first: self.values(first, first + one_step.BLOCK))


def numbers_in_python(schedule: Parameters) -> dict[str, str]:
    """Return bounds and step_size as the shortest Python numbers from which the schedule's dtype makes them."""
    names = ("initial_learning_rate", "maximal_learning_rate", "step_size")
    texts = {name: ulp.literal(getattr(schedule, name), schedule.dtype) for name in names}
    # Most users count whole steps. TensorFlow makes an int32 of an int.
    size = texts["step_size"]
    return texts | {"step_size": size.removesuffix(".0") if float(size) < 2**31 else size}


@known_keywords
def triangular(
    initial_learning_rate: float, maximal_learning_rate: float, step_size: float, *, dtype: Any = "float32"
) -> CyclicalLearningRate:
    """Return a ``triangular`` schedule: all cycles have the same amplitude.

    The policy is that of Smith, arXiv 1506.01186, section 3.2, and of TFA's ``TriangularCyclicalLearningRate``.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle; any finite number of the dtype.
        maximal_learning_rate: the rate at the peaks; may lie below the initial rate.
        step_size: half the length of a cycle, in steps; any finite number > 0, also a fractional one.
        dtype: ``"float32"`` or ``"float64"``. Bounds and step_size are rounded to it first, as TensorFlow does.

    Returns:
        The schedule, a ``CyclicalLearningRate``.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is outside its range.

    Examples:
        >>> import clr_ref
        >>> print(clr_ref.triangular(0.001, 0.006, 2000)([0, 2000, 4000, 6000]))
        [0.001 0.006 0.001 0.006]
    """
    return CyclicalLearningRate(initial_learning_rate, maximal_learning_rate, step_size, policies.Triangular(), "cycle", dtype)


@known_keywords
def triangular2(
    initial_learning_rate: float, maximal_learning_rate: float, step_size: float, *, dtype: Any = "float32"
) -> CyclicalLearningRate:
    """Return a ``triangular2`` schedule: the amplitude halves with every cycle.

    The policy is that of Smith, arXiv 1506.01186, section 3.2, and of TFA's ``Triangular2CyclicalLearningRate``.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle; any finite number of the dtype.
        maximal_learning_rate: the rate at the first peak; may lie below the initial rate.
        step_size: half the length of a cycle, in steps; any finite number > 0, also a fractional one.
        dtype: ``"float32"`` or ``"float64"``. Bounds and step_size are rounded to it first, as TensorFlow does.

    Returns:
        The schedule, a ``CyclicalLearningRate``.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is outside its range.

    Examples:
        >>> import clr_ref
        >>> print(clr_ref.triangular2(0.001, 0.006, 2000)([2000, 6000, 10000]))
        [0.006   0.0035  0.00225]
    """
    return CyclicalLearningRate(initial_learning_rate, maximal_learning_rate, step_size, policies.Triangular2(), "cycle", dtype)


@known_keywords
def exp_range(
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: float,
    gamma: float,
    *,
    dtype: Any = "float32",
) -> CyclicalLearningRate:
    """Return an ``exp_range`` schedule: the amplitude is multiplied by gamma**step.

    The policy is that of Smith, arXiv 1506.01186, section 3.2, and of TFA's ``ExponentialCyclicalLearningRate``. The step
    counts from the start of training, not from that of the cycle.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle; any finite number of the dtype.
        maximal_learning_rate: the rate at the peaks if gamma is 1; may lie below the initial rate.
        step_size: half the length of a cycle, in steps; any finite number > 0, also a fractional one.
        gamma: any finite number > 0. It is rounded once to float64, not to dtype.
        dtype: ``"float32"`` or ``"float64"``. Bounds and step_size are rounded to it first, as TensorFlow does.

    Returns:
        The schedule, a ``CyclicalLearningRate``.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is outside its range.

    Examples:
        >>> import clr_ref
        >>> print(clr_ref.exp_range(0.001, 0.006, 2000, gamma=0.9999)([2000, 6000, 10000]))
        [0.00509361 0.00374398 0.00283931]
    """
    return CyclicalLearningRate(
        initial_learning_rate, maximal_learning_rate, step_size, policies.ExpRange(gamma), "iterations", dtype
    )


#: The policies that have a function of their own, and its scale_mode.
_FUNCTIONS: dict[type[policies.Policy], str] = {
    policies.Triangular: "cycle",
    policies.Triangular2: "cycle",
    policies.ExpRange: "iterations",
}


def _rounded_input(name: str, value: Any, dtype: str, *, positive: bool = False) -> float:
    """Return the number as a Python float, rounded once to dtype."""
    number = as_exact(name, value)
    kept(name, value)
    rounded = math.inf if number is None else float(kept(name, exact.round_to(number, dtype)))
    if not math.isfinite(rounded) or (positive and rounded <= 0):
        why = f", which is {rounded!r} in {dtype}" if number is not None and rounded != number else ""
        accepted = f"a finite number of {dtype}" + (" > 0" if positive else "")
        raise ValueError(f"{name} must be {accepted}, got {shown(value)}{why}")
    return rounded


def _dtype_name(dtype: Any) -> str:
    try:
        name = np.dtype(dtype).name if dtype is not None else None
    except Exception:  # NumPy also raises ValueError, and SyntaxError for text such as ",,"
        name = None
    if name not in exact.FORMATS:
        raise ValueError(f"dtype must be 'float32' or 'float64', got {shown(dtype)}")
    return str(name)
