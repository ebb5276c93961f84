"""The policies: how the amplitude of the cycles changes (Smith, arXiv 1506.01186, section 3.2).

A new policy is a module beside these and an entry in ``BUILT_IN``; docs/ARCHITECTURE.md has the steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from clr_ref._inputs import from_hex, shown
from clr_ref.policies.base import HALVING, ONE, Geometric, Policy, unsupported
from clr_ref.policies.custom import Custom
from clr_ref.policies.exp_range import ExpRange
from clr_ref.policies.triangular import Triangular
from clr_ref.policies.triangular2 import Triangular2

__all__ = [
    "BUILT_IN",
    "HALVING",
    "ONE",
    "Custom",
    "ExpRange",
    "Geometric",
    "Policy",
    "ScaleFn",
    "Triangular",
    "Triangular2",
    "describe",
    "expression",
    "from_data",
    "geometric",
    "name_of",
    "names",
    "of",
    "register_scale_fn",
    "resolve",
    "to_data",
    "unsupported",
]


def __dir__() -> list[str]:
    return __all__


#: The scale function of a schedule: a policy, or a function of the user.
ScaleFn = Policy | Callable[[float], float]

#: The policies by their names, which are reserved.
BUILT_IN: dict[str, type[Any]] = {policy.name: policy for policy in (Triangular, Triangular2, ExpRange)}

_registered: dict[str, Callable[[float], float]] = {}


def register_scale_fn(name: str, scale_fn: Callable[[float], float]) -> None:
    """Give a scale function a name, so that schedules that use it can be stored.

    Register the name before ``CyclicalLearningRate.from_json`` or ``pickle.loads`` reads it.

    Args:
        name: a non-empty string that no policy and no other function has.
        scale_fn: a function from one ``numpy.float64`` to a finite number.

    Raises:
        ValueError: the name is that of a policy, or of another function.
        TypeError: the name is not a non-empty string, or the function is not callable.

    Examples:
        >>> import clr_ref
        >>> def slowly(cycle): return 1 / cycle
        >>> clr_ref.register_scale_fn("slowly", slowly)
        >>> clr_ref.CyclicalLearningRate(0.1, 1.0, 10, "slowly").scale_fn is slowly
        True
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"name must be a non-empty string, got {shown(name)}")
    if not callable(scale_fn):
        raise TypeError(f"scale_fn must be callable, got {shown(scale_fn)}")
    if name in BUILT_IN or _registered.get(name, scale_fn) != scale_fn:
        raise ValueError(f"name must be free, got {name!r}, which already names another scale function")
    _registered[name] = scale_fn


def of(scale_fn: ScaleFn) -> Policy:
    """Return the policy of a schedule's ``scale_fn``."""
    return scale_fn if isinstance(scale_fn, Policy) else Custom(scale_fn)


def resolve(scale_fn: object) -> ScaleFn:
    """Return the policy or function that is given itself or by its name.

    Raises:
        ValueError: the name is not registered, or the policy of that name has parameters.
        TypeError: neither a callable nor a name.
    """
    if isinstance(scale_fn, str):
        if scale_fn in BUILT_IN:
            return _without_parameters(scale_fn)
        if scale_fn not in _registered:
            known = sorted([*(name for name in BUILT_IN if not _parameters(name)), *_registered])
            raise ValueError(f"scale_fn must be a registered name, one of {', '.join(known)}; got {shown(scale_fn)}")
        return _registered[scale_fn]
    if not callable(scale_fn):
        raise TypeError(f"scale_fn must be a callable or a registered name, got {shown(scale_fn)}")
    return cast(ScaleFn, scale_fn)


def name_of(scale_fn: ScaleFn) -> str | None:
    """Return the name under which the policy or function is stored, or None."""
    if type(scale_fn) in BUILT_IN.values():  # a subclass may have another scale
        return of(scale_fn).name
    return next((name for name, known in _registered.items() if known == scale_fn), None)


def names() -> set[str]:
    """Return the names of all policies and registered functions."""
    return {*BUILT_IN, *_registered}


def describe(scale_fn: ScaleFn) -> str:
    """Return the policy or function in words, e.g. ``exp_range(gamma=0.9)``."""
    policy = of(scale_fn)
    return str(policy) if policy.name else name_of(scale_fn) or str(policy)


def expression(scale_fn: ScaleFn) -> str:
    """Return the policy or function in Python, or its qualified name if Python cannot find it, as for a lambda.

    >>> import math
    >>> print(expression(ExpRange(0.9)), expression(math.sqrt), expression(lambda cycle: 1 / cycle))
    clr_ref.policies.ExpRange(gamma=0.9) math.sqrt clr_ref.policies.<lambda>
    """
    name = name_of(scale_fn)
    if name in _registered or (name in BUILT_IN and not _parameters(name)):
        return repr(name)
    if isinstance(scale_fn, Policy):
        return ("clr_ref.policies." if type(scale_fn).__module__.startswith(f"{__name__}.") else "") + repr(scale_fn)
    name = getattr(scale_fn, "__qualname__", None)
    module = getattr(scale_fn, "__module__", None)
    # A notebook or script finds its own functions without the name of its module.
    return repr(scale_fn) if name is None else name if module in (None, "__main__", "builtins") else f"{module}.{name}"


def geometric(scale_fn: ScaleFn, purpose: str) -> Geometric:
    """Return the geometric scale of a policy.

    Raises:
        ValueError: it has none. The message names the purpose.
    """
    scale = of(scale_fn).scale
    if scale is None:
        raise ValueError(f"scale_fn must be one of the three policies for {purpose}, got {expression(scale_fn)}")
    return scale


def to_data(scale_fn: ScaleFn) -> dict[str, str]:
    """Return the JSON data of a policy or function: its name, and the policy's parameters as hex floats.

    Raises:
        ValueError: the function has no name.
    """
    name, policy = name_of(scale_fn), of(scale_fn)
    if name is None:
        raise ValueError(
            f"scale_fn {scale_fn!r} has no name and cannot be stored: "
            "give it one with clr_ref.register_scale_fn(name, scale_fn)"
        )
    return policy.to_data() if name in BUILT_IN else {"name": name}


def from_data(data: object) -> ScaleFn:
    """Return the policy or function whose data ``to_data`` returned.

    Raises:
        ValueError: data that ``to_data`` does not return, or a name that is not registered.
    """
    if isinstance(data, dict) and isinstance(name := data.get("name"), str):
        parameters = {key: value for key, value in data.items() if key != "name"}
        if name in BUILT_IN and list(parameters) == _parameters(name):
            try:
                return cast(ScaleFn, BUILT_IN[name](**{key: from_hex(key, value) for key, value in parameters.items()}))
            except ValueError as error:
                raise ValueError(f"scale_fn: {error}") from None
        if not parameters:
            return resolve(name)
    raise ValueError(f"scale_fn must be {{'name': ...}}, with 'gamma' for exp_range alone; got {shown(data)}")


def _parameters(name: str) -> list[str]:
    return list(BUILT_IN[name].__dataclass_fields__)


def _without_parameters(name: str) -> ScaleFn:
    if parameters := _parameters(name):
        arguments = ", ".join(f"{parameter}=..." for parameter in parameters)
        raise ValueError(f"scale_fn {name!r} needs a {parameters[0]}: use clr_ref.{name}(..., {arguments})")
    return cast(ScaleFn, BUILT_IN[name]())
