"""What the kit does with an implementation: which calls it makes of a schedule or a scheduler, in which order."""

from __future__ import annotations

import operator
from typing import Any

import pytest

from clr_ref.conformance import protocol
from clr_ref.conformance.config import MAX_STEP, Config
from clr_ref.conformance.protocol import COUNTED, Capabilities, Offer, Operation, Request, capabilities_from, offer_of
from clr_ref.conformance.response import Response

CONFIG = Config("exp_range", 0.0, 1.0, 4, 0.5, step_size_down=6)


class Counter:
    """A scheduler whose rate is the number of its steps; it writes down what happens to it."""

    log: list[str]

    def __init__(self, number: int) -> None:
        self.number, self.count = number, 0

    def step(self) -> None:
        self.count += 1

    def get_last_lr(self) -> Any:
        self.log.append(f"{self.number} at {self.count}")
        return [float(self.count)]

    def state_dict(self) -> Any:
        self.log.append(f"{self.number} saved at {self.count}")
        return {"count": self.count, "self": self}

    def load_state_dict(self, state: Any) -> None:
        self.log.append(f"{self.number} at {self.count} loads {state['count']}")
        self.count = state["count"]

    def __reduce__(self) -> Any:
        return _unpickled, (self.number, self.count)


class Seeking(Counter):
    def seek(self, step: int) -> None:
        self.log.append(f"{self.number} at {self.count} seeks {step}")
        self.count = step


def _unpickled(number: int, count: int) -> Counter:
    counter = Counter(number + 100)
    counter.count = count
    return counter


def run(request: Request, kind: Any = Counter) -> tuple[list[float], list[str]]:
    """Returns the rates, and what happened to schedulers, each known by its number."""
    Counter.log = []
    made: list[Any] = []

    def make(policy: str, **_: Any) -> Any:
        made.append(kind(len(made)))
        return made[-1]

    found = list(protocol.responses(make, request))
    assert all(response.kind == "float64" for response in found), found
    return [float.fromhex(response.text) for response in found], Counter.log


# Scheduler 0 is made to see that it is one; it is used for "evaluate" alone.
@pytest.mark.parametrize(
    ("operation", "log"),
    [
        ("straight", ["1 at 5", "1 at 6", "1 at 7"]),
        ("pickle", ["101 at 5", "101 at 6", "101 at 7"]),
        ("resume", ["1 saved at 5", "2 at 0 loads 5", "2 at 5", "2 at 6", "2 at 7"]),
        ("load_late", ["1 saved at 5", "2 at 0 loads 5", "2 at 5", "2 at 6", "2 at 7"]),
        ("load_into_used", ["1 saved at 5", "2 at 12 loads 5", "2 at 5", "2 at 6", "2 at 7"]),
        ("reload", ["1 saved at 5", "2 at 0 loads 5", "3 at 0 loads 5", "3 at 5", "3 at 6", "3 at 7"]),
    ],
)
def test_the_ways_to_get_to_a_step(operation: Operation, log: list[str]) -> None:
    assert run(Request(CONFIG, operation, at=5, count=3)) == ([5.0, 6.0, 7.0], log)


class Alive(Counter):
    """Its state is the scheduler itself."""

    def state_dict(self) -> Any:
        return self

    def load_state_dict(self, state: Any) -> None:
        self.count = state.count


class Shared(Counter):
    """It goes on counting in the state that it loaded."""

    def state_dict(self) -> Any:
        return {"count": [self.count]}

    def load_state_dict(self, state: Any) -> None:
        self.cell = state["count"]
        self.count = self.cell[0]

    def step(self) -> None:
        self.count += 1
        if hasattr(self, "cell"):
            self.cell[0] = self.count


@pytest.mark.parametrize(
    ("kind", "operation", "first"),
    [
        (Alive, "straight", 5.0),
        (Alive, "resume", 5.0),
        (Alive, "load_late", 8.0),  # the first scheduler counted 3 steps on
        (Alive, "load_into_used", 5.0),
        (Alive, "reload", 5.0),
        (Shared, "resume", 5.0),
        (Shared, "load_late", 5.0),
        (Shared, "load_into_used", 5.0),
        (Shared, "reload", 8.0),  # the other one counted 3 steps on
    ],
)
def test_each_way_shows_its_own_fault(kind: Any, operation: Operation, first: float) -> None:
    assert run(Request(CONFIG, operation, at=5, count=3), kind)[0] == [first, first + 1, first + 2]


def test_a_scheduler_counts_to_the_steps() -> None:
    rates, log = run(Request(CONFIG, steps=(2, 5, 5, 3, 0)))
    assert rates == [2, 5, 5, 3, 0]
    assert log == ["0 at 2", "0 at 5", "0 at 5", "1 at 3", "2 at 0"]  # a fresh one for a step back


def test_a_scheduler_seeks_beyond_4000() -> None:
    steps = (3999, 4000, 4001, 10**9, 5)
    rates, log = run(Request(CONFIG, steps=steps), Seeking)
    assert rates == list(map(float, steps))
    assert log == [
        "0 at 3999",
        "0 at 4000",
        "0 at 4000 seeks 4001",
        "0 at 4001",
        "0 at 4001 seeks 1000000000",
        f"0 at {10**9}",
        "1 at 5",
    ]
    assert COUNTED == 4000
    assert run(Request(CONFIG, steps=(4001,)))[1] == ["0 at 4001"]


def test_applied_rates_are_those_from_the_step_on() -> None:
    asked: list[int] = []

    class Applying:
        def applied(self, count: int) -> list[float]:
            asked.append(count)
            return [float(step) for step in range(count)]

    found = list(protocol.responses(lambda *_, **__: Applying(), Request(CONFIG, "applied", at=2, count=3)))
    assert asked == [5]
    assert [float.fromhex(response.text) for response in found] == [2, 3, 4]


def test_the_quantity_says_which_methods_are_called() -> None:
    class Cycled(Counter):
        def get_last_momentum(self) -> Any:
            return -self.get_last_lr()[0]

        def applied_momentum(self, count: int) -> list[float]:
            return [-float(step) for step in range(count)]

    for operation in ("straight", "resume", "pickle"):
        assert run(Request(CONFIG, operation, at=5, count=2, quantity="rate"), Cycled)[0] == [5, 6]
    for operation in ("straight", "resume", "applied"):
        assert run(Request(CONFIG, operation, at=5, count=2, quantity="momentum"), Cycled)[0] == [-5, -6]
    assert run(Request(CONFIG, steps=(5, 2), quantity="momentum"), Cycled)[0] == [-5, -2]
    (missing,) = protocol.responses(lambda *_, **__: Counter(0), Request(CONFIG, steps=(5,), quantity="momentum"))
    assert missing.kind == "error"
    assert "get_last_momentum" in missing.text


def test_too_few_rates_are_an_error() -> None:
    class Short:
        def applied(self, count: int) -> list[float]:
            return [0.5, 0.25]

    found = list(protocol.responses(lambda *_, **__: Short(), Request(CONFIG, "applied", count=4)))
    assert [response.kind for response in found] == ["float64", "float64", "error", "error"]
    assert found[2].text == found[3].text == "returned 2 of 4 rates"


def test_what_declines_without_a_reason() -> None:
    def make(policy: str, **_: Any) -> Any:
        raise NotImplementedError

    assert list(protocol.responses(make, Request(CONFIG, steps=(1, 2)))) == [Response("declined", "no reason given")] * 2


def test_responses_are_expected_for_steps_or_by_their_count() -> None:
    assert Request(CONFIG, steps=(1, 2, 3), count=7).expected == 3
    assert Request(CONFIG, "resume", steps=(1, 2, 3), count=7).expected == 7


# --- The arguments -----------------------------------------------------------------------------------------------------------


def arguments_of(config: Config, integers: bool = False) -> dict[str, Any]:
    given: dict[str, Any] = {}

    def make(policy: str, **arguments: Any) -> Any:
        given.update(arguments, policy=policy)

    protocol.build(make, config, integers)
    return given


def test_a_whole_step_size_is_an_int_and_bounds_are_floats() -> None:
    given = arguments_of(Config("triangular", 0, 1, 4.0, 1.0))
    assert given == {"policy": "triangular", "initial_learning_rate": 0.0, "maximal_learning_rate": 1.0, "step_size": 4}
    assert [type(given[name]) for name in ("initial_learning_rate", "maximal_learning_rate", "step_size")] == [
        float,
        float,
        int,
    ]
    given = arguments_of(Config("exp_range", 0, 1, 2.5, 1, step_size_down=6.0))
    assert (given["step_size"], given["gamma"], given["step_size_down"]) == (2.5, 1.0, 6)
    assert [type(given[name]) for name in ("step_size", "gamma", "step_size_down")] == [float, float, int]
    given = arguments_of(Config("triangular", 0, 1, 4, base_momentum=0, max_momentum=1))
    assert [(given[name], type(given[name])) for name in ("base_momentum", "max_momentum")] == [(0.0, float), (1.0, float)]


def test_whole_bounds_are_ints_where_that_is_tested() -> None:
    given = arguments_of(Config("exp_range", 0.5, 2.0, 4, 1.0), integers=True)
    assert [(given[name], type(given[name])) for name in sorted(set(given) - {"policy"})] == [
        *((1.0, float), (0.5, float), (2, int), (4, int))
    ]


# --- What is offered ---------------------------------------------------------------------------------------------------------


def test_an_offer_is_read_from_the_object() -> None:
    assert offer_of(lambda policy, **_: float, "triangular") == Offer(None, False, False, False, False)
    assert offer_of(lambda policy, **_: Counter(0), "triangular") == Offer(None, True, False, False, False)
    assert offer_of(lambda policy, **_: Seeking(0), "triangular") == Offer(None, True, True, False, False)

    class Applying:
        seek = 3  # no method

        def applied(self, count: int) -> Any: ...
        def applied_momentum(self, count: int) -> Any: ...

    def uneven(policy: str, *, step_size_down: float | None = None, **_: Any) -> Any:
        return Applying()

    assert offer_of(uneven, "triangular") == Offer(None, False, False, True, True)
    assert offer_of(lambda policy, **_: 1 / 0, "triangular") == Offer() == Offer(None, False, True, False, False)

    def cycled(policy: str, *, base_momentum: float | None = None, max_momentum: float | None = None, **_: Any) -> Any:
        return Counter(0)

    def of_one_momentum(policy: str, *, max_momentum: float | None = None, **_: Any) -> Any:
        return Counter(0)

    def not_counting(policy: str, *, base_momentum: float | None = None, max_momentum: float | None = None, **_: Any) -> Any:
        return Applying()

    assert offer_of(cycled, "triangular") == Offer(None, True, False, False, momentum=True)
    assert offer_of(of_one_momentum, "triangular") == Offer(None, True, False, False)
    assert offer_of(not_counting, "triangular") == Offer(None, False, False, True)

    def declining(policy: str, **_: Any) -> Any:
        raise NotImplementedError("not\x07here")

    assert offer_of(declining, "triangular") == Offer("not\\x07here")

    def interrupted(policy: str, **_: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        offer_of(interrupted, "triangular")


def test_a_function_without_a_signature_has_no_argument() -> None:
    assert not protocol.has_argument(max, "step_size_down")
    assert not protocol.has_argument(operator.attrgetter("x"), "step_size_down")
    assert not protocol.has_argument(lambda **step_size: 0, "step_size_down")


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        ([Offer(seeks=False)], Capabilities({}, False, False, MAX_STEP)),
        ([Offer(stateful=True, seeks=False)], Capabilities({}, True, False, COUNTED)),
        ([Offer(stateful=True, seeks=True)], Capabilities({}, True, False, MAX_STEP)),
        ([Offer(stateful=True, seeks=True), Offer(stateful=True, seeks=False)], Capabilities({}, True, False, COUNTED)),
        ([Offer(), Offer(applies=True)], Capabilities({}, False, True, MAX_STEP)),
        ([Offer(asymmetric=True), Offer()], Capabilities({}, False, False, MAX_STEP, True)),
        ([Offer(momentum=True), Offer()], Capabilities({}, False, False, MAX_STEP, momentum=True)),
        ([Offer(), Offer(applies_momentum=True)], Capabilities({}, False, False, MAX_STEP, applies_momentum=True)),
        (
            [Offer("no", True, False, True, True, True, True)],
            Capabilities({"0": "no"}, False, False, MAX_STEP),
        ),
    ],
)
def test_capabilities_are_those_of_the_policies_together(offers: list[Offer], expected: Capabilities) -> None:
    assert capabilities_from({str(index): offer for index, offer in enumerate(offers)}) == expected


# --- Replies -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply", [["float64", "0x1p-1"], ["exact", "1/3"], ["error", "raised"], ["hang", ""], ["declined", "no"]]
)
def test_a_reply_is_a_response(reply: list[str]) -> None:
    assert Response.received(reply) == Response(*reply)


@pytest.mark.parametrize(
    "reply",
    [
        None,
        7,
        [],
        ["error"],
        ["error", "a", "b"],
        ["float64", "x"],
        ["exact", "1"],
        ["exact", "1/0"],
        ["error", "\x1b"],
        ["error", 7],
        ["float64", "0x1p9999"],
        {"kind": 1},
    ],
)
def test_a_reply_that_is_none(reply: Any) -> None:
    with pytest.raises(ConnectionError, match=r"^it wrote into the pipe of the kit$"):
        Response.received(reply)


def test_a_response_without_a_number_has_no_value() -> None:
    for kind in ("error", "hang", "declined"):
        assert Response(kind, "why").failed
        with pytest.raises(ValueError, match=r"^why$"):
            Response(kind, "why").value("float32")
    assert not Response("float64", "0x1p0").failed
    assert Response("float64", "0x1p200").value("float32") == float("inf")
    assert Response("exact", "-a/14").value("float32") == -0.5
