"""The reference schedule: it checks its arguments, returns rates, and is stored as JSON."""

from __future__ import annotations

import collections
import dataclasses
import functools
import json
import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref import exact, policies
from clr_ref._inputs import as_exact, from_hex, shown
from clr_ref.fast import arrays, one_step, ranges
from clr_ref.fast.plan import Plan, plan
from clr_ref.parameters import Dtype as Dtype, Parameters, ScaleMode as ScaleMode

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Steps are the whole numbers 0 .. MAX_STEP.
MAX_STEP = 2**63 - 1
#: How deep sequences of steps may be nested: as many dimensions as an array has in NumPy 1.
_DEEPEST = 32
_STEPS = "step must be a whole number 0 .. 2**63-1 or an array of such"


@dataclasses.dataclass(frozen=True)
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

    def __call__(self, step: Any) -> Any:
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
            TypeError: bool, str, None, complex, timedelta64, and arrays of these or of objects; a masked array; a sequence of
                unequal lengths.
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
        first, last = _whole("start", start, MAX_STEP + 1), _whole("stop", stop, MAX_STEP + 1)
        if last < first:
            raise ValueError(f"stop must be at least start, got start={start!r}, stop={stop!r}")
        if out is None:
            out = np.empty(last - first, self.dtype)
        else:
            _check_out(out, self.dtype, last - first)
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
        return exact.value(self, _whole("step", step, MAX_STEP))

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
        data = _parsed(text)
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


def exp_range(
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: float,
    gamma: float = 1.0,
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


def as_steps(step: Any, depth: int = 0) -> NDArray[np.int64]:
    """Return steps as an int64 array of the same shape, or raise the error that a call documents."""
    kind = type(step)
    if hasattr(kind, "__array__") or hasattr(kind, "__array_interface__") or kind is memoryview:
        return _checked(step)
    if hasattr(kind, "__len__") and hasattr(kind, "__getitem__") and not isinstance(step, (str, bytes, bytearray, Mapping)):
        return _each(step, depth)
    try:
        return np.array(_whole("step", step, MAX_STEP), np.int64)
    except TypeError:
        raise TypeError(f"{_STEPS}, got {shown(step)} of type {kind.__name__}") from None


def _each(steps: Any, depth: int) -> NDArray[np.int64]:
    """Return the steps of a sequence. NumPy would convert ints beside floats to float64, and bools beside ints to ints."""
    if depth == _DEEPEST:
        raise TypeError(f"{_STEPS}, nested at most {_DEEPEST} deep, got a deeper one")
    elements = list(steps)
    kinds = set(map(type, elements)) or {int}
    if len(kinds) == 1 and issubclass(kind := kinds.pop(), (int, float, np.number)) and kind is not bool:
        try:
            # Numbers of one type keep it in an array. int64 is given for ints, since NumPy could choose float64.
            return _checked(np.array(elements, np.int64 if issubclass(kind, int) else None))
        except OverflowError:  # an int beyond int64: the error below names it
            pass
    arrays = [as_steps(element, depth + 1) for element in elements]
    if len({array.shape for array in arrays}) > 1:
        raise TypeError(f"{_STEPS}, got a sequence of unequal lengths: {shown(steps)}")
    return np.stack(arrays)


def _checked(steps: Any) -> NDArray[np.int64]:
    """Return the steps of an array, or of an object that NumPy converts to one."""
    # Reading ``np.ma`` imports it, which takes time. A masked array exists only where it is imported already.
    if isinstance(steps, np.ndarray) and type(steps) is not np.ndarray and isinstance(steps, np.ma.MaskedArray):
        raise TypeError(f"{_STEPS}, got a masked array: fill it first, as with steps.filled(0)")
    array = np.asarray(steps)
    if array.dtype.kind not in "iuf":
        found = "an array" if array.ndim else shown(steps)
        raise TypeError(f"{_STEPS}, got {found} of dtype {array.dtype}")
    if array.dtype.kind == "f" and not (fine := np.isfinite(array) & (array == np.floor(array))).all():
        raise ValueError(f"step must be a whole number 0 .. 2**63-1, got {array[~fine].flat[0].item()!r}")
    if array.size and (int(array.min()) < 0 or int(array.max()) > MAX_STEP):
        bad = next(int(step) for step in array.flat if not 0 <= int(step) <= MAX_STEP)
        raise ValueError(f"step must be a whole number 0 .. 2**63-1, got {bad!r}")
    return array.astype(np.int64, copy=False)


def _check_out(out: Any, dtype: str, count: int) -> None:
    needed = f"out must be a contiguous, writeable array of {dtype} and shape ({count},)"
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{needed}, got {out!r} of type {type(out).__name__}")
    if out.dtype != dtype or out.shape != (count,) or not out.flags.c_contiguous or not out.flags.writeable:
        kind = ("" if out.flags.c_contiguous else "strided ") + ("" if out.flags.writeable else "read-only ")
        raise ValueError(f"{needed}, got a {kind}array of {out.dtype} and shape {out.shape}")


def _whole(name: str, value: Any, largest: int) -> int:
    if hasattr(type(value), "__index__") and not isinstance(value, bool) and not hasattr(type(value), "__array__"):
        number: Fraction | int | None = operator.index(value)
    else:
        number = as_exact(name, value)
    if number is None or number.denominator != 1 or not 0 <= number <= largest:
        accepted = f"a whole number 0 .. {'2**63' if largest > MAX_STEP else '2**63-1'}"
        raise ValueError(f"{name} must be {accepted}, got {shown(value)}")
    return int(number)


def _rounded_input(name: str, value: Any, dtype: str, *, positive: bool = False) -> float:
    """Return the number as a Python float, rounded once to dtype."""
    number = as_exact(name, value)
    rounded = math.inf if number is None else float(exact.round_to(number, dtype))
    if not math.isfinite(rounded) or (positive and rounded <= 0):
        why = f", which is {rounded!r} in {dtype}" if number is not None and rounded != number else ""
        accepted = f"a finite number of {dtype}" + (" > 0" if positive else "")
        raise ValueError(f"{name} must be {accepted}, got {shown(value)}{why}")
    return rounded


def _parsed(text: Any) -> Any:
    """Return the Python data of a JSON text.

    Raises:
        ValueError: no str, no JSON, nested too deep, or with a repeated key in one object.
    """
    if not isinstance(text, str):
        raise ValueError(f"text must be a str that to_json returned, got {shown(text)} of type {type(text).__name__}")
    try:
        # No field is an int, and ``int`` would refuse more than 4,300 digits with an error that names no field.
        return json.loads(
            text, object_pairs_hook=_once_each, parse_int=lambda digits: int(digits) if len(digits) < 20 else float(digits)
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"text must be JSON that to_json returned, got {shown(text)}: {error}") from None
    except RecursionError:
        raise ValueError(f"text must be JSON that to_json returned, got one that is nested too deep: {shown(text)}") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    [(key, count)] = collections.Counter(key for key, _ in pairs).most_common(1) or [("", 0)]
    if count > 1:
        raise ValueError(f"{shown(key)} must stand once in a JSON object, got it {count} times")
    return dict(pairs)


def _dtype_name(dtype: Any) -> str:
    try:
        name = np.dtype(dtype).name if dtype is not None else None
    except Exception:  # NumPy also raises ValueError, and SyntaxError for text such as ",,"
        name = None
    if name not in exact.FORMATS:
        raise ValueError(f"dtype must be 'float32' or 'float64', got {shown(dtype)}")
    return str(name)
