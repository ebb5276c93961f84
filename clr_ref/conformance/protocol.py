"""What an implementation has to offer, and how the kit evaluates it.

An implementation is one function, ``make``:

    make(policy, *, initial_learning_rate, maximal_learning_rate, step_size, gamma=1.0)

It returns one of two kinds of objects, and raises NotImplementedError for a policy that it does not offer.

- A *schedule* is a callable from a whole step to the rate.
- A *scheduler* counts the steps itself, with ``step()``, ``get_last_lr()`` (a number, or a list of one), ``state_dict()`` and
  ``load_state_dict(state)``.

``step_size`` is an int if it is whole; ``gamma`` is given for exp_range only. The object can have two further methods:

    applied(n)   returns the rates that an optimizer really applied in its first n steps, a sequence of n numbers (clause 10.6)
    seek(step)   schedulers: go to a step without counting there, so that they can be evaluated at far steps

This module runs inside the process that holds the implementation. It turns everything that happens there into a ``Response``.
"""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from clr_ref import exact
from clr_ref.conformance.config import MAX_STEP, POLICY_NAMES, Config

#: A scheduler without ``seek`` is evaluated at no step beyond this one, since it has to count there.
COUNTED = 4_000


class Make(Protocol):
    """The function that is the implementation."""

    def __call__(
        self,
        policy: str,
        *,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        step_size: float,
        gamma: float = 1.0,
    ) -> Any: ...


@runtime_checkable
class Scheduler(Protocol):
    """A schedule that counts the steps itself. ``get_last_lr`` returns the rate of the optimizer's next step."""

    def step(self) -> None: ...
    def get_last_lr(self) -> Any: ...


@dataclasses.dataclass(frozen=True)
class Response:
    """What the implementation returned at one step.

    - ``kind`` is a dtype: a number; ``text`` is its hex float.
    - ``exact``: a rational number of any size; ``text`` is numerator/denominator.
    - ``error`` or ``hang``: no number; ``text`` says what happened.
    """

    kind: str
    text: str

    @property
    def failed(self) -> bool:
        """Whether it is no number."""
        return self.kind in ("error", "hang")

    def value(self, dtype: str) -> Any:
        """Returns the number as a NumPy scalar of dtype; it is rounded once, to nearest, if it has another dtype.

        Raises:
            ValueError: it is no number.
        """
        if self.failed:
            raise ValueError(self.text)
        if self.kind == "exact":
            return exact.round_to(Fraction(self.text), dtype)
        with np.errstate(over="ignore"):
            return np.dtype(dtype).type(float.fromhex(self.text))


Operation = Literal["evaluate", "straight", "resume", "reload", "load_late", "load_into_used", "pickle", "applied"]


@dataclasses.dataclass(frozen=True)
class Request:
    """One thing to do with a fresh object of a config.

    ``evaluate`` has a response for each of ``steps``, in this order. Every other operation has one for each of the ``count``
    steps from ``at`` on (see ``stateful``). With ``integers``, whole bounds are given as ints.
    """

    config: Config
    operation: Operation = "evaluate"
    steps: tuple[int, ...] = ()
    at: int = 0
    count: int = 0
    integers: bool = False

    @property
    def expected(self) -> int:
        """The number of its responses."""
        return len(self.steps) if self.operation == "evaluate" else self.count


@dataclasses.dataclass(frozen=True)
class Capabilities:
    """What an implementation offers.

    ``declined`` maps the policies that it does not offer to the message of ``make``. ``stateful`` says whether it is a
    scheduler, ``applies`` whether it has ``applied``. ``reach`` is the largest step at which it can be evaluated.
    """

    declined: Mapping[str, str]
    stateful: bool
    applies: bool
    reach: int


#: Defaults if ``capabilities_of`` hangs or dies; the fault then shows when rates are computed.
UNKNOWN = Capabilities(declined={}, stateful=False, applies=False, reach=MAX_STEP)


def build(make: Make, config: Config, integers: bool = False) -> Any:
    """Returns a fresh object of the implementation; with ``integers``, whole arguments except gamma are given as ints."""
    arguments = config.arguments()
    if integers:
        arguments |= {name: int(value) for name, value in arguments.items() if float(value).is_integer() and name != "gamma"}
    return make(config.policy, **arguments)


def is_stateful(made: Any) -> bool:
    """Returns whether an object that ``make`` returned is a scheduler."""
    return isinstance(made, Scheduler)


def responses(make: Make, request: Request) -> Iterator[Response]:
    """Yields the responses to a request, exactly ``request.expected`` of them.

    An exception of the implementation is a response. An object that raised is not used again: all further responses are the
    same error.
    """
    given = 0
    try:
        for value in _values(make, request):
            yield as_response(value)
            given += 1
            if given == request.expected:
                return
        failure = Response("error", f"returned {given} of {request.expected} rates")
    except Exception as error:
        failure = Response("error", _words(error))
    for _ in range(request.expected - given):
        yield failure


def as_response(value: Any) -> Response:
    """Returns what an implementation returned, a number of any type, as a response; an error if it is no number."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        (value,) = value
    if isinstance(value, (bool, np.bool_, str, bytes)):
        return Response("error", f"returned {value!r}, which is no number")
    if type(value) is float:
        return Response("float64", value.hex())
    if hasattr(value, "dtype"):  # NumPy, and every framework's tensors
        try:
            array = np.asarray(value.detach() if hasattr(value, "detach") else value)
            # NumPy gives bfloat16 the kind "V", so its name is looked at too.
            if array.shape == () and (array.dtype.kind in "f" or "float" in array.dtype.name):
                return Response(array.dtype.name, float(array).hex())
            if array.shape == () and array.dtype.kind in "iu":
                return Response("exact", str(int(array)))
            return Response("error", f"returned an array of shape {array.shape} and dtype {array.dtype}, not one number")
        except (TypeError, ValueError) as error:
            return Response("error", f"returned {value!r}, which NumPy cannot read: {error}")
    if hasattr(value, "as_integer_ratio"):  # int, Fraction, Decimal
        try:
            return Response("exact", "{}/{}".format(*value.as_integer_ratio()))
        except (ValueError, OverflowError):
            return Response("float64", float(value).hex())
    try:
        return Response("float64", float(value).hex())
    except (TypeError, ValueError):
        return Response("error", f"returned {value!r} of type {type(value).__name__}, which is no number")


def capabilities_of(make: Make) -> Capabilities:
    """Returns what an implementation offers, from the objects that it makes; no rate is computed."""
    declined: dict[str, str] = {}
    made: list[Any] = []
    for policy in POLICY_NAMES:
        try:
            made.append(build(make, Config(policy, 0.125, 1.0, 4, gamma=0.5)))
        except NotImplementedError as error:
            declined[policy] = str(error) or "not offered"
        except Exception:  # it shows again when a rate is computed
            continue
    stateful = any(is_stateful(one) for one in made)
    seeks = all(callable(getattr(one, "seek", None)) for one in made)
    applies = any(callable(getattr(one, "applied", None)) for one in made)
    return Capabilities(declined, stateful, applies, COUNTED if stateful and not seeks else MAX_STEP)


def _values(make: Make, request: Request) -> Iterator[Any]:
    made = build(make, request.config, request.integers)
    if request.operation == "applied":
        yield from made.applied(request.at + request.count)[request.at :]
    elif request.operation != "evaluate":
        yield from stateful(make, request)
    elif is_stateful(made):
        yield from _counted(make, request.config, made, request.steps)
    else:
        for step in request.steps:
            yield made(step)


def _counted(make: Make, config: Config, made: Any, steps: Sequence[int]) -> Iterator[Any]:
    """Yields the rates of a scheduler at some steps; for a step back, a fresh one counts from the start."""
    position = 0
    for step in steps:
        if step < position:
            made, position = build(make, config), 0
        if step > COUNTED and callable(getattr(made, "seek", None)):
            made.seek(step)
        else:
            _advance(made, step - position)
        position = step
        yield made.get_last_lr()


def stateful(make: Make, request: Request) -> Iterator[Any]:
    """Returns the rates of steps ``at``, ``at + 1``, ... of a scheduler that got to ``at`` in one of the ways of clause 10.

    - ``straight``: it counted there.
    - ``resume``: a fresh one loaded the pickled state of one that counted there.
    - ``reload``: a fresh one loaded the state that another had loaded already.
    - ``load_late``: as ``resume``, but the first went on before its state was loaded.
    - ``load_into_used``: the state was loaded into one that had counted further.
    - ``pickle``: the scheduler itself was pickled there.
    """
    config, at, count = request.config, request.at, request.count
    first = build(make, config)
    _advance(first, at)
    if request.operation == "straight":
        return _onwards(first, count)
    if request.operation == "pickle":
        return _onwards(pickle.loads(pickle.dumps(first)), count)
    state = first.state_dict()
    if request.operation == "resume":
        state = pickle.loads(pickle.dumps(state))
    elif request.operation == "load_late":
        _advance(first, count)
    other = build(make, config)
    if request.operation == "load_into_used":
        state = copy.deepcopy(state)
        _advance(other, at + 7)
    other.load_state_dict(state)
    if request.operation == "reload":
        _advance(other, count)
        other = build(make, config)
        other.load_state_dict(state)
    return _onwards(other, count)


def _onwards(scheduler: Any, count: int) -> Iterator[Any]:
    for _ in range(count):
        yield scheduler.get_last_lr()
        scheduler.step()


def _advance(scheduler: Any, steps: int) -> None:
    for _ in range(steps):
        scheduler.step()


def _words(error: BaseException) -> str:
    """Returns the class and the first line of an exception."""
    lines = str(error).splitlines()
    return f"raised {type(error).__name__}" + (f": {lines[0]}" if lines else "")
