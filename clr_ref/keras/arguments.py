"""The arguments of the drop-ins: numbers, tensors, variables and scale functions, also from configs and for them."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from clr_ref import exact, policies
from clr_ref._inputs import as_exact, as_real, shown
from clr_ref.keras import api, unnamed
from clr_ref.keras.api import keras
from clr_ref.steps import as_moments

#: The arguments of which TFA makes tensors without a dtype, so that a Python float is rounded to float32.
DETOURED = ("maximal_learning_rate", "step_size")
#: The types that are checked and converted here; the backend converts all others.
PLAIN = (bool, str, bytes, int, float, complex, list, tuple, np.ndarray, np.generic)


@dataclasses.dataclass(frozen=True)
class PowersOf:
    """TFA's scale function of exp_range with a variable, which it follows."""

    gamma: Any

    def __call__(self, x: Any) -> Any:
        return self.gamma**x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowersOf) and self.gamma is other.gamma

    def __hash__(self) -> int:
        return id(self.gamma)


def held_steps(step: Any, last: int) -> tuple[Any, Any]:
    """Return Python and NumPy steps as numbers from 0 to ``last``, and where they are NaN: two arrays of their shape.

    The first is of integers, or of floats if some of the steps have a fraction.

    Raises:
        TypeError: as for a call of the reference.
        ValueError: as for a call of the reference, except that no step is out of range.
    """
    # NumPy would convert [2**53 + 1, 1.0] to floats, which lose a digit.
    array: Any = np.asarray(step, object if isinstance(step, (list, tuple)) else None)
    above: Any = False
    nan: Any = False
    held: Any = step
    if array.dtype.kind in "iufO" and not isinstance(step, np.ma.MaskedArray):
        # TypeError comes from elements that are no numbers, for which the reference raises. The limit is infinite in float16.
        with contextlib.suppress(TypeError), np.errstate(all="ignore"):
            if array.dtype.kind in "iu":  # NumPy 1 would compare uint64 with a Python int as floats
                above = array > array.dtype.type(min(last, np.iinfo(array.dtype).max))
            else:
                above, nan = array >= last + 1, array != array
            held = np.where((array < 0) | above | nan, np.zeros_like(array), array)  # a 0 of int64 would make uint64 a float64
            held = held.tolist() if array.dtype.kind == "O" else held
    steps, width = as_moments(held), last.bit_length() + 1
    dtype = np.dtype(f"{'float' if steps.dtype.kind == 'O' else 'int'}{width}")
    return np.where(above, dtype.type(last), steps.astype(dtype)), np.asarray(nan, bool)


def step_tensor(step: Any) -> Any:
    """Return a step that the backend converts as a tensor.

    Raises:
        TypeError: the backend cannot convert it.
    """
    try:
        return api.tensor(step)
    except (TypeError, ValueError) as error:  # each backend has other words, which do not name the argument
        found = f"{shown(step)} of type {type(step).__name__}"
        raise TypeError(f"step must be a tensor, a variable, an array or a number, got {found}") from error


def kept(name: str, value: Any, arithmetic: str, dtype: str) -> Any:
    """Return an argument as the schedule keeps it: one that cannot change, or a variable that TFA's arithmetic follows.

    Raises:
        TypeError: a variable with arithmetic "exact".
    """
    if api.is_variable(value) and arithmetic != "tfa":
        raise TypeError(
            f"{name} must be a number or a tensor with arithmetic 'exact', got {value!r}: give its present value, "
            f"float({name}.numpy()), which later changes leave alone, or on TensorFlow arithmetic='tfa', which follows it"
        )
    if arithmetic == "tfa" and name in DETOURED and isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(
            f"{name} must be a float, or a whole number from -2**63 to 2**63-1, with arithmetic 'tfa', got {shown(value)}: "
            "TFA makes an integer tensor of it"
        )
    is_array = len(getattr(value, "shape", ())) > 0 and not api.is_variable(value)
    if is_array or isinstance(value, np.ndarray) or type(value).__module__ == "torch":  # some can be changed in place
        fixed = number(name, value)
        return np.float64(fixed) if "float64" in str(value.dtype) else fixed
    if isinstance(value, np.floating) and value.itemsize > 8:  # a longdouble, which JSON cannot hold, rounded once
        fraction = as_exact(name, value)
        return float(value if fraction is None else exact.round_to(fraction, dtype))
    return value


def check_tfa_initial(value: Any, dtype: str) -> None:
    """Raise ValueError for a tensor, or a float16, of another dtype than the rates: TFA fails, or computes in float16."""
    given = getattr(getattr(value, "dtype", None), "name", getattr(value, "dtype", None))
    is_tensor = api.is_variable(value) or api.tensorflow().is_tensor(value)
    if (is_tensor or isinstance(value, np.float16)) and given != dtype:
        kind = "tensor" if is_tensor else "number"
        raise ValueError(f"initial_learning_rate must be a {kind} of {dtype} with arithmetic 'tfa', got one of {given}")


def tfa_step(step: Any) -> Any:
    """Return a Python or NumPy step of TFA's arithmetic.

    Raises:
        TypeError: no real number, and no array of such; TensorFlow would cast complex numbers, and name no argument. A
            longdouble, which TensorFlow does not hold.
        ValueError: a whole number in Python that int64 cannot hold.
    """
    if isinstance(step, (int, list, tuple)):
        for number in np.asarray(step, object).flat:
            if isinstance(number, (int, np.integer)) and not -(2**63) <= number < 2**63:
                raise ValueError(f"step must be a number from -2**63 to 2**63-1 with arithmetic 'tfa', got {shown(number)}")
    try:
        dtype = np.asarray(step).dtype
    except ValueError:  # lists of different lengths
        dtype = np.dtype(object)
    if dtype.kind in "biuf" and dtype.itemsize <= 8:
        return step
    raise TypeError(
        "step must be a real number of at most 64 bits, or an array of such, with arithmetic 'tfa', "
        f"got {shown(step)} of type {type(step).__name__}"
    )


def scope(name: str | None) -> str:
    """Return a name for the operations in a TensorFlow graph, which may have some characters only."""
    cleaned = re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", name or "")[:200]
    return cleaned if re.match("[A-Za-z0-9.]", cleaned) else f"CyclicalLearningRate{cleaned}"


def plain(value: Any) -> Any:
    """Return a number or a tensor itself, and of a variable its present value."""
    return value.value() if callable(getattr(value, "value", None)) else value


def _is_wide(value: Any) -> bool:
    """Return True if TFA's arithmetic in float64 keeps all digits. It rounds Python floats to float32 first."""
    return isinstance(value, np.generic) or not isinstance(value, (int, float))


def wide(value: Any) -> str:
    """Return a bound or step_size in Python for TFA's arithmetic in float64."""
    text = repr(number("value", value))
    return f"numpy.float64({text})" if _is_wide(value) else text


def stored_wide(name: str, value: Any) -> float | int | str:
    """Return a bound or step_size in a config for TFA's arithmetic in float64.

    A number that has digits beyond float32, and keeps them, is a hex float: a config's float would be rounded to float32.
    """
    kept = number(name, value)
    narrow = not _is_wide(value) or isinstance(kept, int) or kept == float(exact.round_to(Fraction(kept), "float32"))
    return kept if narrow else float(kept).hex()


def number(name: str, value: Any) -> float | int:
    """Return a Python number, also for a tensor, a variable or a list of one element.

    Raises:
        TypeError: no number; an array of several.
    """
    if isinstance(value, (str, bytes, bool, int, float, np.generic)) or value is None or callable(value):
        return as_real(name, value)
    try:
        given = float(value) if "bfloat16" in str(getattr(value, "dtype", "")) else value  # NumPy has no bfloat16
        array = np.asarray(keras.backend.get_value(given) if hasattr(keras.backend, "get_value") else given)
    except (TypeError, ValueError, NotImplementedError, AttributeError):
        array = np.asarray(None)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be a real number, got {shown(value)}")
    if array.size != 1:
        raise TypeError(
            f"{name} must be one real number, got an array of the shape {array.shape}: make a schedule for each of its numbers"
        )
    item: float | int = array.item()
    return item


def stored(scale_fn: Any, schedule: Any) -> Any:
    """Return the scale function of a schedule for a config: its name for ``clr_ref`` or Keras; without one, see ``unnamed``."""
    if policies.name_of(scale_fn) is not None:
        data = policies.to_data(scale_fn)
        return data if len(data) > 1 else data["name"]
    with contextlib.suppress(TypeError, AttributeError):  # from a callable without a hash, or without a name
        name = keras.utils.get_registered_name(scale_fn)
        if keras.utils.get_registered_object(name) is scale_fn:
            return name
    return unnamed.in_config(scale_fn, schedule)


def resolve(scale_fn: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the scale function of a config: a callable, a name, Keras's data of a function, or what ``stored`` returns."""
    if isinstance(scale_fn, Mapping):
        if scale_fn.get("class_name") is None:
            return policies.from_data(dict(scale_fn))
        if scale_fn["class_name"] != "__lambda__" and not isinstance(scale_fn.get("config"), str):
            raise ValueError(
                "scale_fn must be a callable, a registered name, or what Keras stores of a function, "
                f"{{'class_name': 'function', 'config': NAME}}, got {shown(scale_fn)}"
            )
        scale_fn = "<lambda>" if scale_fn["class_name"] == "__lambda__" else scale_fn["config"]
    if not isinstance(scale_fn, str):
        return policies.resolve(scale_fn)
    if (carried := unnamed.found(scale_fn)) is not None:
        return carried
    scale_fn = unnamed.name_in(scale_fn)
    found = keras.utils.get_registered_object(scale_fn, custom_objects=dict(custom_objects or {}))
    if callable(found):
        return found
    try:
        return policies.resolve(scale_fn)
    except ValueError as error:
        how = f"register_scale_fn({scale_fn!r}, scale_fn), then load again; or load the model with compile=False"
        if scale_fn == "<lambda>":
            raise ValueError(
                "scale_fn was saved as a lambda, which has no name to find it by: give the function of this model that name "
                f"with clr_ref.{how}"
            ) from None
        raise ValueError(f"{error}; give it that name with clr_ref.{how}") from None
