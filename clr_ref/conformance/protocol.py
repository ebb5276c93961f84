"""What an implementation has to offer, and how the kit evaluates it.

An implementation is one function, ``make``:

    make(policy, *, initial_learning_rate, maximal_learning_rate, step_size, gamma=1.0, step_size_down=None,
         base_momentum=None, max_momentum=None)

A function without ``step_size_down`` is tried with symmetric cycles alone, and one without the last two with rates alone.
``make`` returns one of two kinds of objects. It raises NotImplementedError for a policy that it does not offer, and for
arguments that are outside its domain.

- A *schedule* is a callable from a whole step to the rate.
- A *scheduler* counts the steps itself, with ``step()``, ``get_last_lr()`` (a number, or a list of one), ``state_dict()`` and
  ``load_state_dict(state)``.

A step size is an int if it is whole. ``gamma`` is given for exp_range only, and ``step_size_down`` only if the rate falls in
another number of steps than it rises. The two momentums are given to schedulers only, together, and not in every call. The
object can have these further methods:

    applied(n)            returns the rates that an optimizer really applied in its first n steps, a sequence of n numbers
                          (clause 10.6)
    seek(step)            schedulers: go to a step without counting there, so that they can be evaluated at far steps
    get_last_momentum()   returns the momentum of the optimizer's next step (clause 10.7); needed where ``make`` takes momentums
    applied_momentum(n)   returns the momentums that it really applied in its first n steps (clause 10.8)

This module runs inside the process that holds the implementation. It turns everything that happens there into a
``response.Response``.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import inspect
import pickle
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol, runtime_checkable

from clr_ref.conformance import words
from clr_ref.conformance.config import MAX_STEP, Config, everyday
from clr_ref.conformance.response import Response, as_response

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


#: What the process of an implementation sends while that imports a module during a call. It is no reply.
IMPORTING = "importing"

Operation = Literal["evaluate", "beside", "straight", "resume", "reload", "load_late", "load_into_used", "pickle", "applied"]
Quantity = Literal["rate", "momentum"]

#: The methods of a scheduler that return a quantity of the next step, and of the first n steps of an optimizer.
_REPORTED: dict[Quantity, str] = {"rate": "get_last_lr", "momentum": "get_last_momentum"}
_APPLIED: dict[Quantity, str] = {"rate": "applied", "momentum": "applied_momentum"}


@dataclasses.dataclass(frozen=True)
class Request:
    """One thing to do with a fresh object of a config.

    ``evaluate`` has a response for each of ``steps``, in this order. So has ``beside``, for which an object of other arguments
    is used between the steps, and rates are read after the last one. Every other operation has a response for each of the
    ``count`` steps from ``at`` on (see ``stateful``). With ``integers``, whole bounds are given as ints. ``quantity`` says what
    the responses are; only a scheduler has a momentum.
    """

    config: Config
    operation: Operation = "evaluate"
    steps: tuple[int, ...] = ()
    at: int = 0
    count: int = 0
    integers: bool = False
    quantity: Quantity = "rate"

    @property
    def expected(self) -> int:
        """The number of its responses."""
        return len(self.steps) if self.operation in ("evaluate", "beside") else self.count


@dataclasses.dataclass(frozen=True)
class Offer:
    """What an implementation offers for one policy: the defaults are those of one that hangs or dies when it makes an object.

    ``declined`` is the message of a ``make`` that raises NotImplementedError, else None. ``stateful`` says whether the object
    is a scheduler, ``seeks`` whether it has ``seek``, ``applies`` whether it has ``applied``. ``asymmetric`` says whether
    ``make`` has an argument ``step_size_down``. ``momentum`` says whether it makes schedulers and has the arguments
    ``base_momentum`` and ``max_momentum``, ``applies_momentum`` whether these schedulers have ``applied_momentum``.
    """

    declined: str | None = None
    stateful: bool = False
    seeks: bool = True
    applies: bool = False
    asymmetric: bool = False
    momentum: bool = False
    applies_momentum: bool = False


@dataclasses.dataclass(frozen=True)
class Capabilities:
    """What an implementation offers.

    ``declined`` maps the policies that it does not offer to the message of ``make``. ``stateful`` says whether it is a
    scheduler, ``applies`` whether it has ``applied``. ``reach`` is the largest step at which it can be evaluated.
    ``asymmetric``, ``momentum`` and ``applies_momentum`` are those of ``Offer``.
    """

    declined: Mapping[str, str]
    stateful: bool
    applies: bool
    reach: int
    asymmetric: bool = False
    momentum: bool = False
    applies_momentum: bool = False


class Declined(NotImplementedError):
    """``make`` itself raised NotImplementedError, and not a later call."""


def build(make: Make, config: Config, integers: bool = False) -> Any:
    """Returns a fresh object of the implementation; with ``integers``, whole arguments except gamma are given as ints.

    Raises:
        Declined: ``make`` raised NotImplementedError.
    """
    arguments = config.arguments()
    if integers:
        arguments |= {name: int(value) for name, value in arguments.items() if float(value).is_integer() and name != "gamma"}
    try:
        return make(config.policy, **arguments)
    except NotImplementedError as error:
        raise Declined(words.text_of(error)) from None


def is_stateful(made: Any) -> bool:
    """Returns whether an object that ``make`` returned is a scheduler."""
    return isinstance(made, Scheduler)


def responses(make: Make, request: Request) -> Iterator[Response]:
    """Yields the responses to a request, exactly ``request.expected`` of them.

    An exception of the implementation is a response. An object that raised is not used again: all further responses are the
    same error.
    """
    values = _values(make, request)
    failure = None
    for given in range(request.expected):
        if failure is None:
            try:
                response = as_response(next(values))
            except StopIteration:
                failure = Response("error", f"returned {given} of {request.expected} rates")
            except Declined as error:
                failure = Response("declined", words.printable(str(error)) or "no reason given")
            except KeyboardInterrupt:  # the user's, where the implementation runs in the user's process
                raise
            except BaseException as error:  # SystemExit too: an implementation cannot end the kit
                failure = Response("error", f"raised {words.of_error(error)}")
        yield failure or response


def offer_of(make: Make, policy: str) -> Offer:
    """Returns what an implementation offers for a policy, from the object that it makes; no rate is computed."""
    try:
        made = _made(make, policy)
        stateful = is_stateful(made)
        seeks, applies, applies_momentum = (
            callable(getattr(made, name, None)) for name in ("seek", _APPLIED["rate"], _APPLIED["momentum"])
        )
        momentum = stateful and all(has_argument(make, name) for name in ("base_momentum", "max_momentum"))
        asymmetric = has_argument(make, "step_size_down")
        return Offer(None, stateful, seeks, applies, asymmetric, momentum, momentum and applies_momentum)
    except Declined as error:
        return Offer(words.printable(str(error)) or "not offered")
    except KeyboardInterrupt:
        raise
    except BaseException:  # it shows again when a rate is computed
        return Offer()


def _made(make: Make, policy: str) -> Any:
    """Returns an everyday schedule or scheduler of a policy.

    Raises:
        Declined: the implementation has none of them.
    """
    *others, last = everyday(policy)
    for config in others:
        with contextlib.suppress(Declined):
            return build(make, config)
    return build(make, last)


def has_argument(make: Make, name: str) -> bool:
    """Returns whether a function has an argument of this name; ``**arguments`` may be for others."""
    try:
        return name in inspect.signature(make).parameters
    except Exception:  # some functions in C have no signature, and a user's object can raise anything
        return False


def capabilities_from(offers: Mapping[str, Offer]) -> Capabilities:
    """Returns what an implementation offers, from what it offers for each policy that is tested."""
    made = [offer for offer in offers.values() if offer.declined is None]
    stateful = any(offer.stateful for offer in made)
    return Capabilities(
        declined={policy: offer.declined for policy, offer in offers.items() if offer.declined is not None},
        stateful=stateful,
        applies=any(offer.applies for offer in made),
        asymmetric=any(offer.asymmetric for offer in made),
        momentum=any(offer.momentum for offer in made),
        applies_momentum=any(offer.applies_momentum for offer in made),
        reach=MAX_STEP if not stateful or all(offer.seeks for offer in made) else COUNTED,
    )


def _values(make: Make, request: Request) -> Iterator[Any]:
    made = build(make, request.config, request.integers)
    if request.operation == "applied":
        yield from getattr(made, _APPLIED[request.quantity])(request.at + request.count)[request.at :]
    elif request.operation == "beside":
        yield from _beside(make, made, request)
    elif request.operation != "evaluate":
        yield from stateful(make, request)
    elif is_stateful(made):
        yield from _counted(make, made, request)
    else:
        for step in request.steps:
            yield made(step)


def _beside(make: Make, made: Any, request: Request) -> Iterator[Any]:
    """Yields rates while another object is used, whose own faults are no faults here.

    A schedule returns all rates before one is read: it could return an array that it writes to again.
    """
    config, other = request.config, None
    changed = {name: getattr(config, name) / 2 for name in ("initial_learning_rate", "maximal_learning_rate")}
    changed |= {"step_size": config.step_size + 1, "gamma": (config.gamma + 1) / 2}
    with contextlib.suppress(Exception):  # these arguments can be outside the domain
        other = build(make, dataclasses.replace(config, **changed))
    if is_stateful(made):
        for rate in _counted(make, made, request):
            yield rate
            with contextlib.suppress(Exception):
                other.step()  # type: ignore[union-attr]
        return
    rates = []
    for step in request.steps:
        with contextlib.suppress(Exception):
            other(step)  # type: ignore[misc]
        rates.append(made(step))
    yield from rates


def _counted(make: Make, made: Any, request: Request) -> Iterator[Any]:
    """Yields what a scheduler reports at some steps; for a step back, a fresh one counts from the start."""
    position = 0
    for step in request.steps:
        if step < position:
            made, position = build(make, request.config), 0
        if step > COUNTED and callable(getattr(made, "seek", None)):
            made.seek(step)
        else:
            _advance(made, step - position)
        position = step
        yield _reported(made, request)


def stateful(make: Make, request: Request) -> Iterator[Any]:
    """Returns what a scheduler that got to ``at`` in one of the ways of clause 10 reports at steps ``at``, ``at + 1``, ...

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
        return _onwards(first, request)
    if request.operation == "pickle":
        return _onwards(pickle.loads(pickle.dumps(first)), request)
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
    return _onwards(other, request)


def _onwards(scheduler: Any, request: Request) -> Iterator[Any]:
    for _ in range(request.count):
        yield _reported(scheduler, request)
        scheduler.step()


def _reported(scheduler: Any, request: Request) -> Any:
    return getattr(scheduler, _REPORTED[request.quantity])()


def _advance(scheduler: Any, steps: int) -> None:
    for _ in range(steps):
        scheduler.step()
