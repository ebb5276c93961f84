"""Scale functions: how the amplitude of a cycle changes, and the names under which schedules store them.

The three policies of Smith (arXiv 1506.01186, section 3.2) are data, not arithmetic: ``exact`` and ``_engine`` know what each
means and evaluate it in whole numbers. Anything else is a callable from a float64 to a float64 (docs/SPEC.md, clause 6).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
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
    """``exp_range``: gamma**x; gamma is a float64, whatever the dtype of the schedule, and greater than 0."""

    gamma: float

    def __post_init__(self) -> None:
        gamma = as_real("gamma", self.gamma)
        if not 0 < gamma < math.inf:
            raise ValueError(f"gamma must be a finite number > 0, got {self.gamma!r}")
        object.__setattr__(self, "gamma", float(gamma))

    def __call__(self, x: float) -> float:
        return float(np.float64(self.gamma) ** np.float64(x))


ScaleFn = Constant | Halving | Exponential | Callable[[float], float]

#: The policies of the paper; their names are reserved.
BUILT_IN: dict[str, type[Any]] = {"triangular": Constant, "triangular2": Halving, "exp_range": Exponential}
#: The same for ``isinstance``: what is known to be > 0, and needs no call.
POLICIES = tuple(BUILT_IN.values())

_registered: dict[str, Callable[[float], float]] = {}


def as_real(name: str, value: object) -> float | int:
    """A number as it was given, or a TypeError that names the argument. bool is not a number here."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value)
    raise TypeError(f"{name} must be a real number, got {value!r} of type {type(value).__name__}")


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
            raise ValueError(f"scale_fn must be a registered name, one of {', '.join(sorted(known))}; got {scale_fn!r}")
        return known[scale_fn]
    if not callable(scale_fn):
        raise TypeError(f"scale_fn must be a callable or a registered name, got {scale_fn!r}")
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
        ValueError: not what ``to_data`` writes, or a name that nobody registered.
    """
    if isinstance(data, dict) and set(data) == {"name", "gamma"} and data["name"] == "exp_range":
        return Exponential(float.fromhex(data["gamma"]))
    if isinstance(data, dict) and set(data) == {"name"} and isinstance(data["name"], str):
        return resolve(data["name"])
    raise ValueError(f"scale_fn must be {{'name': ...}}, with 'gamma' for exp_range alone; got {data!r}")


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
