"""The reference schedule: it checks its arguments, returns rates, and is stored as JSON or shown as Python."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref import exact, policies
from clr_ref._inputs import from_hex, known_keywords, one_of, parsed_json, shown
from clr_ref.exact import cycles, rounding, ulp
from clr_ref.fast import arrays, one_step, ranges
from clr_ref.fast.plan import Plan, plan
from clr_ref.parameters import MAX_STEP, NUMBERS, Dtype as Dtype, Parameters, ScaleMode as ScaleMode
from clr_ref.steps import as_moments, moment, span

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: The step of a call without one. Keras calls every callable so that is not one of its own schedules.
NO_STEP: Any = type("NoStep", (), {"__repr__": lambda self: "<no step>"})()


@dataclasses.dataclass(frozen=True, repr=False)
class CyclicalLearningRate(Parameters):
    """A correctly rounded cyclical learning rate (Smith, arXiv 1506.01186; TFA 0.23 ``CyclicalLearningRate``).

    The rate moves linearly from ``initial_learning_rate`` to ``maximal_learning_rate`` in ``step_size`` steps, and back in
    ``step_size_down`` steps. The amplitude of each cycle is multiplied by the scale function. Every rate is the exact value,
    rounded once to the dtype: to nearest, ties to even (docs/SPEC.md).

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle; any finite number of the dtype.
        maximal_learning_rate: the rate at the peak where the scale is 1; may lie below the initial rate.
        step_size: how many steps the rate rises, which is half a cycle if step_size_down is None; any finite number > 0, also a
            fractional one.
        scale_fn: a callable, or the name of a registered one. A callable is called with one ``numpy.float64`` at a time, and
            returns a finite number (docs/SPEC.md, clause 6).
        scale_mode: the argument of the scale function: ``"cycle"``, counted from 1, or ``"iterations"``, the step since the
            start of training.
        dtype: ``"float32"`` or ``"float64"``. Bounds and step sizes are rounded to it first, as TensorFlow does.
        step_size_down: how many steps the rate falls; None means step_size. A cycle is step_size + step_size_down long.

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
        *,
        step_size_down: float | None = None,
    ) -> None:
        name = rounding.dtype_name(dtype)
        mode = one_of("scale_mode", scale_mode, ("cycle", "iterations"))
        fields = {
            "initial_learning_rate": rounding.rounded_input("initial_learning_rate", initial_learning_rate, name),
            "maximal_learning_rate": rounding.rounded_input("maximal_learning_rate", maximal_learning_rate, name),
            "step_size": rounding.rounded_input("step_size", step_size, name, positive=True),
            "scale_fn": policies.resolve(scale_fn),
            "scale_mode": mode,
            "dtype": name,
            "step_size_down": None
            if step_size_down is None
            else rounding.rounded_input("step_size_down", step_size_down, name, positive=True),
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)

    def __call__(self, step: Any = NO_STEP) -> Any:
        """Return the rate at a step, or the rates at an array of steps.

        Args:
            step: numbers 0 .. 2**63-1. One step is an int, an object with ``__index__``, a float or a Fraction. Several steps
                are an array of any shape and of an integer or float dtype, an object of which ``numpy.asarray`` makes such an
                array, or a sequence such as a list or tuple. Sequences may be nested, and their elements may have different
                types. Each element is converted separately, so that no step is rounded. A step with a fraction takes longer,
                since its rate is computed exactly.

        Returns:
            A NumPy scalar of the schedule's dtype for one step. For several steps, a new ``numpy.ndarray`` of that dtype and
            of the shape of the steps, also if the steps are a subclass such as ``numpy.matrix``.

        Raises:
            TypeError: no step; bool, str, None, complex, timedelta64, and arrays of these or of objects; a masked array; a
                sequence of unequal lengths; a tensor without a value, in a function that is being compiled.
            ValueError: a step that is negative, not finite or above 2**63-1; a scale function that returned NaN or infinity.
            MemoryError: as for ``values``.

        Examples:
            >>> import clr_ref
            >>> schedule = clr_ref.triangular(0.001, 0.006, 2000)
            >>> print(schedule(1000))
            0.0035
            >>> print(schedule([0, 1000, 2000]))
            [0.001  0.0035 0.006 ]
            >>> print(schedule(1000.5))
            0.00350125
        """
        if type(step) is int and 0 <= step <= MAX_STEP:
            return self._rate(step)
        if step is NO_STEP:
            raise no_step()
        # ``fill`` checks the range of an int64 array chunk by chunk, which saves a pass over it.
        steps = step if type(step) is np.ndarray and step.dtype == np.int64 and step.ndim else as_moments(step)
        if steps.dtype != np.int64:
            rates = [self._rate(step) if type(step) is int else exact.rounded(self, step) for step in steps.flat]
            return np.array(rates, self.dtype).reshape(steps.shape)[()]
        if steps.ndim == 0:
            return self._rate(int(steps))
        out = destination(None, self.dtype, steps.shape)
        arrays.fill(self._plan, steps.reshape(-1), out.reshape(-1))
        return out

    def values(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the rates of the steps ``start <= t < stop``.

        The time for each step does not depend on ``start``. Besides the result, a float32 range takes at most 1 MiB of memory.

        Args:
            start: the first step; a whole number, as an int, an object with ``__index__``, a float or a Fraction.
            stop: the step after the last one; a whole number, start <= stop <= 2**63.
            out: the array that receives the rates and is returned: contiguous, writeable, of the schedule's dtype and of shape
                ``(stop - start,)``. It is unchanged if an argument is wrong. Default: a new array.

        Returns:
            A contiguous 1-D array of the schedule's dtype.

        Raises:
            TypeError: start or stop is not a whole number, or out is no array.
            ValueError: not 0 <= start <= stop <= 2**63; an out of another dtype, shape or layout; a scale function that
                returned NaN or infinity, after which a part of out is filled.
            MemoryError: there is not enough memory for the rates; the message says how much they take.

        Examples:
            >>> import clr_ref
            >>> print(clr_ref.triangular(0.001, 0.006, 2000).values(1998, 2003))
            [0.005995  0.0059975 0.006     0.0059975 0.005995 ]
        """
        first, last = span(start, stop)
        rates = destination(out, self.dtype, (last - first,))
        ranges.fill(self._plan, first, rates)
        return rates

    def exact(self, step: Any) -> exact.Exact:
        """Return the exact rate at a step, without any rounding if it is rational.

        Args:
            step: one step: an int, an object with ``__index__``, a float or a Fraction.

        Returns:
            A ``fractions.Fraction`` if the scale is rational and takes at most 65,536 bits, else an ``mpmath.mpf`` of 256 bits.

        Raises:
            TypeError: not one step, but an array or an object of another type.
            ValueError: a step outside 0 .. 2**63-1.

        Examples:
            >>> import clr_ref
            >>> clr_ref.triangular(0.0, 1.0, 10).exact(7)
            Fraction(7, 10)
        """
        return exact.value(self, moment("step", step))

    def cycle_ends(self, stop: int, *, start: int = 0) -> NDArray[np.int64]:
        """Return the steps ``start <= t < stop`` at which cycles end, where the rate has its minimum if it rises first.

        An end between two whole steps counts for the one whose exact rate is nearer to the initial rate, or the earlier one if
        both are as near. Step 0 is no end, unless a cycle is shorter than a step.

        Args:
            stop: the step after the last one; a whole number, start <= stop <= 2**63.
            start: the first step.

        Returns:
            A 1-D int64 array in increasing order. If step sizes are whole, it takes little more time than ``numpy.arange``.

        Raises:
            TypeError: start or stop is not a whole number.
            ValueError: not 0 <= start <= stop <= 2**63.

        Examples:
            >>> import clr_ref
            >>> print(clr_ref.triangular2(0.001, 0.006, 2000).cycle_ends(10_000))
            [4000 8000]
            >>> print(clr_ref.triangular(0.001, 0.006, 2.6).cycle_ends(20))
            [ 5 10 16]
        """
        return self._numbered_ends(*span(start, stop))[0]

    def peaks(self, stop: int, *, start: int = 0) -> NDArray[np.int64]:
        """Return the steps ``start <= t < stop`` at which cycles peak.

        A peak between two whole steps counts for the one whose exact rate is farther from the initial rate, or the earlier one
        if both are as far.

        Args:
            stop: the step after the last one; a whole number, start <= stop <= 2**63.
            start: the first step.

        Returns:
            A 1-D int64 array in increasing order.

        Raises:
            TypeError: start or stop is not a whole number.
            ValueError: not 0 <= start <= stop <= 2**63.

        Examples:
            >>> import clr_ref
            >>> print(clr_ref.triangular2(0.001, 0.006, 2000).peaks(10_001))
            [ 2000  6000 10000]
        """
        return self._numbered_peaks(*span(start, stop))[0]

    def _numbered_ends(self, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the steps of ``cycle_ends``, and for each the number of the cycle that ends."""
        return cycles.ends(self, start, stop)

    def _numbered_peaks(self, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the steps of ``peaks``, and for each the number of the cycle."""
        return cycles.peaks(self, start, stop)

    def to_json(self) -> str:
        """Return the schedule as JSON, which ``from_json`` reads.

        Returns:
            A JSON object with the fields of the schedule, without a step_size_down of None; its numbers are hex floats, so that
            no digit is lost.

        Raises:
            ValueError: the scale function has no name; see ``register_scale_fn``.

        Examples:
            >>> import clr_ref, json
            >>> json.loads(clr_ref.triangular(0.0, 1.0, 10).to_json())["step_size"]
            '0x1.4000000000000p+3'
        """
        return json.dumps(self._to_data())

    def _to_data(self) -> dict[str, Any]:
        """Return what ``to_json`` writes as text."""
        data: dict[str, Any] = {name: getattr(self, name).hex() for name in NUMBERS}
        data |= {"scale_fn": policies.to_data(self.scale_fn), "scale_mode": self.scale_mode, "dtype": self.dtype}
        return data | ({} if self.step_size_down is None else {"step_size_down": self.step_size_down.hex()})

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
        return cls._from_data(parsed_json(text))

    @classmethod
    def _from_data(cls, data: Any) -> CyclicalLearningRate:
        """Return the schedule whose data ``to_data`` returned.

        Raises:
            ValueError: as for ``from_json``.
        """
        *required, optional = [field.name for field in dataclasses.fields(Parameters)]
        fields = f"{', '.join(required)}, and perhaps {optional}"
        if not isinstance(data, dict):
            raise ValueError(f"text must be a JSON object with the fields {fields}, got {shown(data)}")
        missing, unknown = sorted(set(required) - set(data)), sorted(set(data) - {*required, optional})
        if missing or unknown:
            found = f"got {shown(missing)} missing and {shown(unknown)} unknown"
            raise ValueError(f"text must be a JSON object with exactly the fields {fields}; {found}")
        if data["dtype"] not in tuple(exact.FORMATS):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {shown(data['dtype'])}")
        numbers = {name: from_hex(name, data[name]) for name in (*NUMBERS, "step_size_down") if name in data}
        scale_fn = policies.from_data(data["scale_fn"])
        schedule = cls(**numbers, scale_fn=scale_fn, scale_mode=data["scale_mode"], dtype=data["dtype"])
        check_stored(data, schedule._to_data())
        return schedule

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

    def __getstate__(self) -> dict[str, Any]:
        """Return all attributes for copy and pickle, those of subclasses too, without what can be computed again."""
        members = {name: member for kind in reversed(type(self).__mro__) for name, member in vars(kind).items()}
        slots = [name for name, member in members.items() if isinstance(member, types.MemberDescriptorType)]
        state = {name: getattr(self, name) for name in (*vars(self), *slots) if hasattr(self, name)}
        state = {name: state[name] for name in state if not isinstance(members.get(name), functools.cached_property)}
        # A named scale function is pickled as its name, since pickle cannot store a lambda. Others are pickled as functions.
        return state | ({"scale_fn": policies.to_data(self.scale_fn)} if policies.name_of(self.scale_fn) is not None else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            is_data = name == "scale_fn" and isinstance(value, dict)
            object.__setattr__(self, name, policies.from_data(value) if is_data else value)

    @functools.cached_property
    def _plan(self) -> Plan:
        return plan(self)

    @functools.cached_property
    def _rate(self) -> Callable[[int], Any]:
        rate = one_step.function(self._plan)
        if self._plan.last_fast_step < 0:
            return rate
        # Not ``self.values``, which a subclass may override together with the call.
        values = functools.partial(CyclicalLearningRate.values, self)
        return one_step.with_blocks_ahead(rate, lambda first: values(first, first + one_step.BLOCK))


def check_stored(data: Mapping[str, Any], written: Mapping[str, Any]) -> None:
    """Check that data are what ``to_json`` writes of what was read from them: a number that was rounded is another one.

    Raises:
        ValueError: they are not. The message names the field.
    """
    for name, value in written.items():
        if data[name] != value:
            raise ValueError(f"{name} must be as to_json writes it, {value!r}, got {shown(data[name])}")


def no_step() -> TypeError:
    """Return the error of a call without a step."""
    return TypeError(
        "step must be given, got none. Keras passes a step to its own schedules alone: "
        "give it clr_ref.keras.from_schedule(schedule) in place of the schedule"
    )


def destination(out: NDArray[Any] | None, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the array that receives rates: the one given, which is checked, or a new one.

    Raises:
        TypeError, ValueError, MemoryError: as ``CyclicalLearningRate.values`` documents.
    """
    if out is not None:
        ranges.check_out(out, dtype, math.prod(shape))
        return out
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError):  # ValueError: more bytes than NumPy can count
        count = math.prod(shape)
        size = f"{count * np.dtype(dtype).itemsize / 2**30:,.1f} GiB"
        raise MemoryError(
            f"{count:,} rates of {dtype} take {size} of memory, and there is not so much: compute them in pieces, "
            "as with values(start, stop, out=array) and one array for all pieces"
        ) from None


def numbers_in_python(schedule: Parameters) -> dict[str, str]:
    """Return bounds and step sizes as the shortest Python numbers from which the schedule's dtype makes them."""
    names = NUMBERS if schedule.step_size_down is None else (*NUMBERS, "step_size_down")
    texts = {name: ulp.literal(getattr(schedule, name), schedule.dtype) for name in names}
    # Most users count whole steps. TensorFlow makes an int32 of an int.
    sizes = {name: text for name, text in texts.items() if name.startswith("step_size")}
    return texts | {name: text.removesuffix(".0") if float(text) < 2**31 else text for name, text in sizes.items()}


#: The policies that have a function of their own, and its scale_mode.
_FUNCTIONS: dict[type[policies.Policy], str] = {
    policies.Triangular: "cycle",
    policies.Triangular2: "cycle",
    policies.ExpRange: "iterations",
}
