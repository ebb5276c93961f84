"""An object is judged while another one of other arguments is used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref.conformance import protocol
from clr_ref.conformance.config import Config
from clr_ref.conformance.protocol import Request

CONFIG = Config("exp_range", 0.0, 1.0, 4, 0.5, step_size_down=6)


def beside(make: Any, *steps: int) -> list[float]:
    found = list(protocol.responses(make, Request(CONFIG, "beside", steps=steps or (3, 1, 3))))
    assert all(response.kind == "float64" for response in found), found
    return [float.fromhex(response.text) for response in found]


def test_another_schedule_is_used_between_the_steps() -> None:
    calls: list[Any] = []

    def make(policy: str, **arguments: Any) -> Any:
        calls.append((policy, arguments))
        number = len(calls)
        return lambda step: calls.append((number, step)) or float(step)

    assert beside(make) == [3.0, 1.0, 3.0]
    _, (policy, other), *steps = calls
    assert steps == [(2, 3), (1, 3), (2, 1), (1, 1), (2, 3), (1, 3)]
    assert (policy, other) == (
        "exp_range",
        {"initial_learning_rate": 0.0, "maximal_learning_rate": 0.5, "step_size": 5, "step_size_down": 6, "gamma": 0.75},
    )


@pytest.mark.parametrize("fault", ["make", "call"])
def test_the_faults_of_the_other_schedule_are_none_here(fault: str) -> None:
    def make(policy: str, *, gamma: float, **_: Any) -> Any:
        if fault == "make" and gamma != CONFIG.gamma:
            raise NotImplementedError("outside")
        return lambda step: float(step) if gamma == CONFIG.gamma else 1 / 0

    assert beside(make) == [3.0, 1.0, 3.0]


def test_an_array_that_is_written_to_again_shows() -> None:
    def make(policy: str, **_: Any) -> Any:
        rate = np.zeros(())

        def schedule(step: int) -> Any:
            rate[()] = step
            return rate

        return schedule

    assert beside(make) == [3.0, 3.0, 3.0]
    assert [float.fromhex(one.text) for one in protocol.responses(make, Request(CONFIG, steps=(1, 3)))] == [1.0, 3.0]


def test_another_scheduler_counts_between_the_steps() -> None:
    class Counter:
        together = False
        total = 0
        count = 0

        def step(self) -> None:
            Counter.total += 1
            self.count = Counter.total if self.together else self.count + 1

        def get_last_lr(self) -> Any:
            return [float(self.count)]

    def make(policy: str, **_: Any) -> Any:
        return Counter()

    assert beside(make, 0, 1, 2) == [0.0, 1.0, 2.0]
    Counter.together, Counter.total = True, 0
    assert beside(make, 0, 1, 2) == [0.0, 2.0, 4.0]


@pytest.mark.parametrize("mixed", [True, False])
def test_schedules_that_share_their_arguments_fail(mixed: bool) -> None:
    shared: dict[str, Any] = {}

    def make(policy: str, **arguments: Any) -> Any:
        own = shared if mixed else {}
        own["schedule"] = getattr(clr_ref, policy)(**arguments)
        return lambda step: own["schedule"](step)

    report = clr_ref.conformance.check(make, policies=["triangular2"], max_examples=2)
    assert [verdict.name for verdict in report.verdicts if verdict.fails] == ["depends on the step alone"] * mixed
