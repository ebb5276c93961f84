"""What the kit asks of an implementation, and how it drives one.

An implementation is one function, ``make``:

    make(policy, *, initial_learning_rate, maximal_learning_rate, step_size, gamma=1.0)

It answers either a *schedule*, a callable from a whole step to the rate, or a *scheduler*, an object that counts for itself:
``step()``, ``get_last_lr()`` (a number, or a list of one), ``state_dict()`` and ``load_state_dict(state)``. It raises
NotImplementedError for a policy that is not offered. ``step_size`` is an int where it is whole; ``gamma`` is given for
exp_range alone. Two things are optional, on the object that ``make`` answers:

    applied(n)   the rates that an optimizer really applied in its first n steps, a sequence of n numbers (clause 10.6)
    seek(step)   schedulers: go to a step without counting there, so that far steps can be asked for

This module runs inside the process that holds the implementation. It turns whatever happens there into ``Answer``s.
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
from clr_ref.conformance.config import MAX_STEP, POLICIES, Config

#: A scheduler that cannot ``seek`` is asked for no step beyond this one: it has to count there.
COUNTED = 4_000


class Make(Protocol):
    """The one function that an implementation is."""

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
    """A schedule that counts for itself. ``get_last_lr`` answers the rate of the optimizer's next step."""

    def step(self) -> None: ...
    def get_last_lr(self) -> Any: ...


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came of one question.

    ``kind`` is the dtype of a number (``text`` is its hex float), ``exact`` for a rational number of any size (``text`` is
    numerator/denominator), or ``error`` or ``hang`` (``text`` says what happened).
    """

    kind: str
    text: str

    @property
    def failed(self) -> bool:
        """Whether there is no number."""
        return self.kind in ("error", "hang")

    def value(self, dtype: str) -> Any:
        """The number as a NumPy scalar of dtype: rounded once to nearest if it is not one.

        Raises:
            ValueError: there is no number.
        """
        if self.failed:
            raise ValueError(self.text)
        if self.kind == "exact":
            return exact.round_to(Fraction(self.text), dtype)
        with np.errstate(over="ignore"):
            return np.dtype(dtype).type(float.fromhex(self.text))


Operation = Literal["ask", "straight", "resume", "reload", "late", "used", "pickle", "applied"]


@dataclasses.dataclass(frozen=True)
class Question:
    """One thing to do with a fresh object of a config.

    ``ask`` is answered for each of ``steps``, in this order; everything else for the ``count`` steps from ``at`` on (see
    ``stateful``). ``integers``: whole bounds are given as ints.
    """

    config: Config
    operation: Operation = "ask"
    steps: tuple[int, ...] = ()
    at: int = 0
    count: int = 0
    integers: bool = False

    @property
    def expected(self) -> int:
        """How many answers it has."""
        return len(self.steps) if self.operation == "ask" else self.count


@dataclasses.dataclass(frozen=True)
class Nature:
    """What kind of implementation this is.

    ``declined`` maps the policies that are not offered to the words with which ``make`` declined them; ``reach`` is the largest
    step that can be asked for.
    """

    declined: Mapping[str, str]
    stateful: bool
    applies: bool
    reach: int


#: What is supposed of an implementation that cannot even be looked at: it will show what is wrong when it is asked.
UNKNOWN = Nature(declined={}, stateful=False, applies=False, reach=MAX_STEP)


def build(make: Make, config: Config, integers: bool = False) -> Any:
    """A fresh object of the implementation; with ``integers`` its whole bounds are given as ints."""
    arguments = config.arguments()
    if integers:
        arguments |= {name: int(value) for name, value in arguments.items() if float(value).is_integer() and name != "gamma"}
    return make(config.policy, **arguments)


def is_stateful(made: Any) -> bool:
    """Whether ``make`` answered a scheduler rather than a schedule."""
    return isinstance(made, Scheduler)


def answers(make: Make, question: Question) -> Iterator[Answer]:
    """The answers to a question, one by one; exactly ``question.expected`` of them.

    An exception of the implementation is an answer. Nothing is asked of an object after it raised: what is left is answered
    with the same error.
    """
    given = 0
    try:
        for value in _values(make, question):
            yield as_answer(value)
            given += 1
            if given == question.expected:
                return
        failure = Answer("error", f"answered {given} of {question.expected}")
    except Exception as error:
        failure = Answer("error", _words(error))
    for _ in range(question.expected - given):
        yield failure


def as_answer(value: Any) -> Answer:
    """A number in whatever type an implementation answers it."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        (value,) = value
    if isinstance(value, (bool, np.bool_, str, bytes)):
        return Answer("error", f"answered {value!r}, which is no number")
    if type(value) is float:
        return Answer("float64", value.hex())
    if hasattr(value, "dtype"):  # NumPy, and every framework's tensors
        try:
            array = np.asarray(value.detach() if hasattr(value, "detach") else value)
            # bfloat16 and the like have a kind of their own, but a name.
            if array.shape == () and (array.dtype.kind in "f" or "float" in array.dtype.name):
                return Answer(array.dtype.name, float(array).hex())
            if array.shape == () and array.dtype.kind in "iu":
                return Answer("exact", str(int(array)))
            return Answer("error", f"answered an array of shape {array.shape} and dtype {array.dtype}, not one number")
        except (TypeError, ValueError) as error:
            return Answer("error", f"answered {value!r}, which NumPy cannot read: {error}")
    if hasattr(value, "as_integer_ratio"):  # int, Fraction, Decimal
        try:
            return Answer("exact", "{}/{}".format(*value.as_integer_ratio()))
        except (ValueError, OverflowError):
            return Answer("float64", float(value).hex())
    try:
        return Answer("float64", float(value).hex())
    except (TypeError, ValueError):
        return Answer("error", f"answered {value!r} of type {type(value).__name__}, which is no number")


def nature(make: Make) -> Nature:
    """Look at what ``make`` answers, without asking it for a rate."""
    declined: dict[str, str] = {}
    made: list[Any] = []
    for policy in POLICIES:
        try:
            made.append(build(make, Config(policy, 0.125, 1.0, 4, gamma=0.5)))
        except NotImplementedError as error:
            declined[policy] = str(error) or "not offered"
        except Exception:  # it will show when it is asked
            continue
    stateful = any(is_stateful(one) for one in made)
    seeks = all(callable(getattr(one, "seek", None)) for one in made)
    applies = any(callable(getattr(one, "applied", None)) for one in made)
    return Nature(declined, stateful, applies, COUNTED if stateful and not seeks else MAX_STEP)


def _values(make: Make, question: Question) -> Iterator[Any]:
    made = build(make, question.config, question.integers)
    if question.operation == "applied":
        yield from made.applied(question.at + question.count)[question.at :]
    elif question.operation != "ask":
        yield from stateful(make, question)
    elif is_stateful(made):
        yield from _counted(make, question.config, made, question.steps)
    else:
        for step in question.steps:
            yield made(step)


def _counted(make: Make, config: Config, made: Any, steps: Sequence[int]) -> Iterator[Any]:
    """The rates of a scheduler at some steps; to go back it starts afresh."""
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


def stateful(make: Make, question: Question) -> Iterator[Any]:
    """The rates of steps ``at``, ``at + 1``, ... of a scheduler that got to ``at`` in one of the ways of clause 10.

    - ``straight``: it counted there.
    - ``resume``: a fresh one loaded the pickled state of one that counted there.
    - ``reload``: a fresh one loaded the state that another had loaded already.
    - ``late``: as ``resume``, but the first went on before its state was loaded.
    - ``used``: the state was loaded into one that had counted further.
    - ``pickle``: the scheduler itself was pickled there.
    """
    config, at, count = question.config, question.at, question.count
    first = build(make, config)
    _advance(first, at)
    if question.operation == "straight":
        return _onwards(first, count)
    if question.operation == "pickle":
        return _onwards(pickle.loads(pickle.dumps(first)), count)
    state = first.state_dict()
    if question.operation == "resume":
        state = pickle.loads(pickle.dumps(state))
    elif question.operation == "late":
        _advance(first, count)
    other = build(make, config)
    if question.operation == "used":
        state = copy.deepcopy(state)
        _advance(other, at + 7)
    other.load_state_dict(state)
    if question.operation == "reload":
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
    """Class and first line of an exception."""
    lines = str(error).splitlines()
    return f"raised {type(error).__name__}" + (f": {lines[0]}" if lines else "")
