"""Checks of the arguments that users give: numbers, without any rounding, and keywords; and their text in error messages."""

from __future__ import annotations

import collections
import difflib
import functools
import inspect
import json
import math
import re
import reprlib
from collections.abc import Callable, Collection
from fractions import Fraction
from typing import Any, TypeVar, cast

import numpy as np

#: What PyTorch, Paddle and the callback ``CyclicLR`` for Keras call our arguments.
_ELSEWHERE = {
    "base_lr": "initial_learning_rate",
    "base_learning_rate": "initial_learning_rate",
    "initial_lr": "initial_learning_rate",
    "min_lr": "initial_learning_rate",
    "max_lr": "maximal_learning_rate",
    "max_learning_rate": "maximal_learning_rate",
    "maximum_learning_rate": "maximal_learning_rate",
    "step_size_up": "step_size",
    "stepsize": "step_size",
    "exp_gamma": "gamma",
}
#: Why some of our functions, or all, lack an argument that others have.
_LACKING = {
    "mode": "mode is no argument here: the policy is the name of the function or class, such as triangular2 or exp_range",
    "gamma": "gamma is an argument of exp_range alone",
    "scale_fn": "scale_fn is an argument of CyclicalLearningRate alone",
    "scale_mode": "scale_mode is an argument of CyclicalLearningRate alone",
} | {
    name: f"{name} is no argument here: the momentum is a second schedule, from max_momentum to base_momentum "
    "(docs/RECIPES.md, Momentum against the rate)"
    for name in ("cycle_momentum", "base_momentum", "max_momentum")
}
_Function = TypeVar("_Function", bound=Callable[..., Any])

_HEX = re.compile(r"[+-]?0x[0-9a-f]+(\.[0-9a-f]*)?(p[+-]?[0-9]+)?", re.IGNORECASE)


class _Shown(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 200

    def repr_int(self, x: int, level: int) -> str:
        # Python raises an error for the text of an int of more than 4,300 digits, which would hide the intended error.
        return repr(x) if x.bit_length() <= 1024 else f"an int of {x.bit_length()} bits"


def shown(value: object) -> str:
    """Return ``repr`` for an error message: shortened if it is long, and safe for ints and nesting of any size."""
    return _Shown().repr(value)


def is_masked(value: object) -> bool:
    """Return True for a masked array of NumPy."""
    # Reading ``np.ma`` imports it, which takes time. A masked array exists only where it is imported already.
    return isinstance(value, np.ndarray) and type(value) is not np.ndarray and isinstance(value, np.ma.MaskedArray)


def one_of(name: str, value: object, choices: Collection[str]) -> str:
    """Return a text that must be one of a few.

    Raises:
        ValueError: it is none of them. ``in`` alone would compare an array, which raises an error without the name.
    """
    if isinstance(value, str) and value in choices:
        return str(value)
    accepted = " or ".join(map(repr, choices)) if len(choices) == 2 else f"one of {', '.join(choices)}"
    raise ValueError(f"{name} must be {accepted}, got {shown(value)}")


def is_finite(value: object) -> bool:
    """Whether a value of JSON or TOML is a number that a float can hold: their integers can be larger."""
    try:
        return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    except OverflowError:
        return False


def as_real(name: str, value: object) -> float | int:
    """Return a Python number. A float that is wider than float64 is rounded to it; ``as_exact`` keeps all of its bits.

    Raises:
        TypeError: no real number; bool and timedelta64 are not accepted. The message names the argument.
    """
    why = ""
    try:
        if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64)):
            return int(value)
        if isinstance(value, (float, np.floating)):
            return float(value)
    except Exception as error:  # a subclass of int or float may raise anything
        why = f", which raised {type(error).__name__}: {shown(str(error))}"
    raise TypeError(f"{name} must be a real number, got {shown(value)} of type {type(value).__name__}{why}")


def as_exact(name: str, value: object) -> Fraction | None:
    """Return a number without any rounding, or None if it is NaN or infinite.

    Raises:
        TypeError: as for ``as_real``.
    """
    number = as_real(name, value)
    if isinstance(value, np.floating):
        return Fraction(*value.as_integer_ratio()) if np.isfinite(value) else None
    return Fraction(number) if isinstance(number, int) or math.isfinite(number) else None


def from_hex(name: str, text: object) -> float:
    """Return the number that ``float.hex`` wrote.

    Raises:
        ValueError: no text, or a text that ``float.hex`` does not write for a finite number. ``float.fromhex`` alone would read
            the decimal "0.1" as 1 / 16.
    """
    try:
        if isinstance(text, str) and _HEX.fullmatch(text):
            return float.fromhex(text)
    except OverflowError:
        pass
    raise ValueError(f"{name} must be a finite hex float such as '0x1.8p-3', got {shown(text)}")


def parsed_json(text: Any) -> Any:
    """Return the Python data of a JSON text.

    Raises:
        ValueError: no str, no JSON, nested too deep, or with a repeated key in one object.
    """
    if not isinstance(text, str):
        raise ValueError(f"text must be a str that to_json returned, got {shown(text)} of type {type(text).__name__}")
    try:
        # No field has more digits than a step, and ``int`` would refuse more than 4,300 with an error that names no field.
        return json.loads(
            text,
            object_pairs_hook=_once_each,
            parse_int=lambda digits: int(digits) if len(digits.lstrip("-")) < 20 else float(digits),
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


def unknown(what: str, name: str, known: Collection[str], command: str) -> str:
    """Return the message for a name that does not exist: all names if there are few, otherwise the nearest ones.

    Args:
        what: what the name should be, with its article: "a case".
        name: the name that was given.
        known: the names that exist.
        command: what lists all of them.
    """
    text = f"{shown(name)} is not {what}"
    if len(known) <= 8:
        return f"{text}; give one of {', '.join(known)}"
    return f"{text}{nearest(name, known)}; {command} lists all {len(known)}"


def escaped(text: str, kept: str = "") -> str:
    r"""Return a text with control characters and lone surrogates escaped, except for those in ``kept``.

    A terminal would obey an escape sequence, and a lone surrogate cannot be printed.

    >>> escaped("\x1b[31mred")
    '\\x1b[31mred'
    """
    return "".join(c if c.isprintable() or c in kept else ascii(c)[1:-1] for c in text)


def nearest(name: str, known: Collection[str]) -> str:
    """Return the end of a message: the names that resemble one that does not exist. Empty if none do."""
    names = difflib.get_close_matches(name, sorted(known), n=4, cutoff=0.5)
    return f"; the nearest are {', '.join(names)}" if names else ""


def known_keywords(function: _Function) -> _Function:
    """Return the function with a check: a keyword that it does not have is a TypeError that names ours."""
    parameters = [name for name in inspect.signature(function).parameters if name != "self"]
    name = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def checked(*args: Any, **keywords: Any) -> Any:
        if wrong := [keyword for keyword in keywords if keyword not in parameters]:
            reasons = "; ".join(_why_unknown(keyword, parameters) for keyword in wrong)
            raise TypeError(f"{reasons}. The arguments of {name} are {', '.join(parameters)}")
        return function(*args, **keywords)

    return cast(_Function, checked)


def _why_unknown(keyword: str, parameters: Collection[str]) -> str:
    ours = _ELSEWHERE.get(keyword, keyword)
    if ours in parameters:
        return f"{keyword} is called {ours} here"
    if ours in _LACKING:
        return _LACKING[ours]
    nearest = difflib.get_close_matches(keyword, parameters, n=1)
    return f"{keyword} is no argument here" + (f": did you mean {nearest[0]}?" if nearest else "")
