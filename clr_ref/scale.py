"""Scale functions: how the amplitude of a cycle changes, and the names under which schedules store them.

The three policies of Smith (arXiv 1506.01186, section 3.2) are data, not arithmetic: ``exact`` and ``_engine`` know what each
means and evaluate it in whole numbers. Anything else is a callable from a float64 to a float64 (docs/SPEC.md, clause 6).
"""

from __future__ import annotations

import dataclasses
import math
import re
import reprlib
from collections.abc import Callable
from fractions import Fraction
from typing import Any, cast

import numpy as np


@dataclasses.dataclass(frozen=True)
class Constant:
    """``triangular``: the amplitude never changes."""

    def __call__(self, x: float) -> float:
        return 1.0


@dataclasses.dataclass(frozen=True)
class Halving:
    """``triangular2``: 2**(1 - x), half the amplitude with every cycle."""

    def __call__(self, x: float) -> float:
        return math.ldexp(1.0, 1 - int(min(x, 5000)))


@dataclasses.dataclass(frozen=True)
class Exponential:
    """``exp_range``: gamma**x; gamma is greater than 0, and rounded once to float64, whatever the dtype of the schedule."""

    gamma: float

    def __post_init__(self) -> None:
        try:
            gamma = float(as_real("gamma", self.gamma))
        except OverflowError:  # an int beyond float64
            gamma = math.inf
        if not 0 < gamma < math.inf:
            raise ValueError(f"gamma must be a finite number > 0, got {shown(self.gamma)}; gamma is a float64")
        object.__setattr__(self, "gamma", gamma)

    def __call__(self, x: float) -> float:
        with np.errstate(over="ignore", under="ignore"):
            return float(np.float64(self.gamma) ** np.float64(x))


ScaleFn = Constant | Halving | Exponential | Callable[[float], float]

#: The policies of the paper; their names are reserved.
BUILT_IN: dict[str, type[Any]] = {"triangular": Constant, "triangular2": Halving, "exp_range": Exponential}
#: The same for ``isinstance``: what is known to be > 0, and needs no call.
POLICIES = tuple(BUILT_IN.values())

_HEX = re.compile(r"[+-]?0x[0-9a-f]+(\.[0-9a-f]*)?(p[+-]?[0-9]+)?", re.IGNORECASE)

_registered: dict[str, Callable[[float], float]] = {}


class _Shown(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 200

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write an int of more than 4,300 digits, with an error that would hide the one that is meant.
        return repr(x) if x.bit_length() <= 1024 else f"an int of {x.bit_length()} bits"


def shown(value: object) -> str:
    """``repr`` for an error message: shortened where it is long, and safe for ints and nesting of any size."""
    return _Shown().repr(value)


def as_real(name: str, value: object) -> float | int:
    """A Python number, or a TypeError that names the argument. bool and timedelta64 are no numbers here.

    A float that is wider than float64 is rounded to it; ``as_exact`` keeps all of its bits.
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value)
    raise TypeError(f"{name} must be a real number, got {shown(value)} of type {type(value).__name__}")


def as_exact(name: str, value: object) -> Fraction | None:
    """A number without any rounding, or None where it is NaN or infinite; the TypeError of ``as_real``."""
    number = as_real(name, value)
    if isinstance(value, np.floating):
        return Fraction(*value.as_integer_ratio()) if np.isfinite(value) else None
    return Fraction(number) if isinstance(number, int) or math.isfinite(number) else None


def register_scale_fn(name: str, scale_fn: Callable[[float], float]) -> None:
    """Give a scale function a name, so that schedules that use it can be stored.

    The name has to be registered before ``CyclicalLearningRate.from_json`` or ``pickle.loads`` meets it.

    Raises:
        ValueError: the name is one of the policies, or is taken by another function.
        TypeError: the name is not a string, or the function is not callable.
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"name must be a non-empty string, got {name!r}")
    if not callable(scale_fn):
        raise TypeError(f"scale_fn must be callable, got {scale_fn!r}")
    if name in BUILT_IN or _registered.get(name, scale_fn) != scale_fn:
        raise ValueError(f"name must be free, got {name!r}, which already names another scale function")
    _registered[name] = scale_fn


def resolve(scale_fn: object) -> ScaleFn:
    """The scale function itself, from a callable or a name.

    Raises:
        ValueError: no function has that name.
        TypeError: neither a callable nor a name.
    """
    if isinstance(scale_fn, str):
        known: dict[str, ScaleFn] = {"triangular": Constant(), "triangular2": Halving(), **_registered}
        if scale_fn == "exp_range":
            raise ValueError("scale_fn 'exp_range' needs a gamma: use clr_ref.exp_range(..., gamma=...)")
        if scale_fn not in known:
            raise ValueError(f"scale_fn must be a registered name, one of {', '.join(sorted(known))}; got {shown(scale_fn)}")
        return known[scale_fn]
    if not callable(scale_fn):
        raise TypeError(f"scale_fn must be a callable or a registered name, got {shown(scale_fn)}")
    return cast(ScaleFn, scale_fn)


def name_of(scale_fn: ScaleFn) -> str | None:
    """The name under which the function is stored, or None."""
    for name, kind in BUILT_IN.items():
        if isinstance(scale_fn, kind):
            return name
    for name, known in _registered.items():
        if known == scale_fn:
            return name
    return None


def to_data(scale_fn: ScaleFn) -> dict[str, str]:
    """What JSON holds of a scale function: its name, and gamma as a hex float.

    Raises:
        ValueError: the function has no name.
    """
    name = name_of(scale_fn)
    if name is None:
        raise ValueError(
            f"scale_fn {scale_fn!r} has no name and cannot be stored: "
            "give it one with clr_ref.register_scale_fn(name, scale_fn)"
        )
    if isinstance(scale_fn, Exponential):
        return {"name": name, "gamma": scale_fn.gamma.hex()}
    return {"name": name}


def from_data(data: object) -> ScaleFn:
    """The inverse of ``to_data``.

    Raises:
        ValueError: not what ``to_data`` writes, or a name that is not registered.
    """
    if isinstance(data, dict) and set(data) == {"name", "gamma"} and data["name"] == "exp_range":
        try:
            return Exponential(from_hex("gamma", data["gamma"]))
        except ValueError as error:
            raise ValueError(f"scale_fn: {error}") from None
    if isinstance(data, dict) and set(data) == {"name"} and isinstance(data["name"], str):
        return resolve(data["name"])
    raise ValueError(f"scale_fn must be {{'name': ...}}, with 'gamma' for exp_range alone; got {shown(data)}")


def from_hex(name: str, text: object) -> float:
    """The inverse of ``float.hex``.

    Raises:
        ValueError: no text, or not the form that ``float.hex`` gives to finite numbers. ``float.fromhex`` alone would read the
            decimal "0.1" as 1 / 16.
    """
    try:
        if isinstance(text, str) and _HEX.fullmatch(text):
            return float.fromhex(text)
    except OverflowError:
        pass
    raise ValueError(f"{name} must be a finite hex float such as '0x1.8p-3', got {shown(text)}")


def answer(scale_fn: Callable[[float], float], argument: int) -> float:
    """One value of a custom scale function: asked with a float64, taken as a float64 (docs/SPEC.md, clause 6).

    Raises:
        ValueError: the function answered NaN or infinity.
    """
    with np.errstate(all="ignore"):
        value = float(scale_fn(np.float64(argument)))
    if not math.isfinite(value):
        raise ValueError(f"scale_fn must answer finite numbers, got {value!r} for {argument}")
    return value
