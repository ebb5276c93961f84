"""The fixed cases try the steps that their names and notes promise."""

from __future__ import annotations

from fractions import Fraction

import pytest

from clr_ref.conformance.cases import FixedCase, fixed_cases
from clr_ref.conformance.config import MAX_STEP, POLICY_NAMES

BOUNDS = (1e-4, 1e-2)


def cases(policy: str = "triangular", dtype: str = "float32") -> dict[str, FixedCase]:
    return {case.id: case for case in fixed_cases(policy, dtype)}


@pytest.mark.parametrize("policy", POLICY_NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_case_is_one_of_its_policy(policy: str, dtype: str) -> None:
    made = list(fixed_cases(policy, dtype))
    assert len({case.id for case in made}) == len(made)
    for case in made:
        assert (case.config.policy, case.config.dtype) == (policy, dtype)
        assert case.config.has_rates
        assert case.note
        assert all(type(step) is int and 0 <= step <= MAX_STEP for step in case.steps)
        assert (case.config.gamma == 1) if policy != "exp_range" else (0.5 <= case.config.gamma <= 1)


@pytest.mark.parametrize(
    ("name", "bounds", "step_size", "gamma"),
    [
        ("step-0", BOUNDS, 937, 0.999),
        ("first-peak", BOUNDS, 100, 0.999),
        ("cycle-end", BOUNDS, 100, 0.999),
        ("second-half", BOUNDS, 100, 0.999),
        ("tutorial", BOUNDS, 1874, 0.99994),
        ("odd-step-size", (0.0, 1.0), 7, 0.9),
        ("prime-step-size", (1e-3, 6e-3), 937, 0.999),
        ("step-size-1", (0.0, 1.0), 1, 0.5),
        ("huge-step-size", BOUNDS, 10**9, 1.0),
        ("fractional-step-size", (0.0, 1.0), 2.5, 0.9),
        ("fractional-33.3", BOUNDS, 33.3, 0.999),
        ("cycles-31-34", (0.0, 1.0), 4, 0.5),
        ("cycles-1024-1026", (0.0, 1.0), 4, 0.5),
        ("near-2**24", (0.0, 1.0), 2**20, 1.0),
        ("near-2**31", (0.0, 1.0), 2**26, 1.0),
        ("near-2**53", (0.0, 1.0), 2**46, 1.0),
        ("inverted-bounds", (1e-2, 1e-4), 100, 0.999),
        ("equal-bounds", (1e-2, 1e-2), 100, 0.999),
        ("same-step-twice", (0.0, 1.0), 4, 0.5),
        ("out-of-order", (0.0, 1.0), 4, 0.5),
    ],
)
def test_the_schedule_of_each_case(name: str, bounds: tuple[float, float], step_size: float, gamma: float) -> None:
    """docs/PEERS.md compares libraries on these, so that another schedule would need another name."""
    config = cases("exp_range")[name].config
    assert (config.initial_learning_rate, config.maximal_learning_rate) == bounds
    assert (config.step_size, config.gamma) == (step_size, gamma)


def test_there_are_no_other_cases() -> None:
    assert len(cases()) == 20


@pytest.mark.parametrize(
    ("name", "phases"),
    [
        ("step-0", ["0"]),
        ("first-peak", ["99/100", "1", "101/100"]),
        ("cycle-end", ["199/100", "2", "201/100", "399/100", "4", "401/100"]),
        ("second-half", ["5/4", "3/2", "7/4"]),
        ("prime-step-size", ["936/937", "1", "938/937", "1873/937", "2", "1875/937", "9369/937"]),
        ("huge-step-size", ["0", "1/4", "1/2", "3/4", "1", "5/4", "3/2", "7/4", "2"]),
        ("inverted-bounds", ["0", "1/2", "1", "3/2", "2", "5/2"]),
        ("equal-bounds", ["0", "1/2", "1", "3/2", "2"]),
        ("step-size-1", ["0", "1", "2", "3", "4", "5", "6", "7"]),
        ("same-step-twice", ["3/4", "3/4", "3/4", "0", "0"]),
        ("out-of-order", ["9/4", "1/2", "15/2", "0", "7/4", "1/2"]),
    ],
)
def test_steps_in_half_cycles(name: str, phases: list[str]) -> None:
    case = cases()[name]
    assert [Fraction(step) / Fraction(case.config.step_size) for step in case.steps] == [Fraction(phase) for phase in phases]


def test_all_steps_of_the_first_cycles() -> None:
    assert cases()["odd-step-size"].steps == tuple(range(30))  # two cycles of 14
    assert cases()["fractional-step-size"].steps == tuple(range(25))  # five cycles of 5


def test_the_tutorial_has_ten_epochs_of_937_steps() -> None:
    steps = cases()["tutorial"].steps
    assert steps[0] == 0
    assert 9 * 937 <= steps[-1] < 10 * 937
    assert {later - step for step, later in zip(steps, steps[1:])} == {97}  # noqa: B905, RUF007


def test_both_steps_beside_each_of_the_first_ends_and_peaks_of_33_point_3() -> None:
    assert cases()["fractional-33.3"].steps == (33, 34, 66, 67, 333, 666, 3330)


@pytest.mark.parametrize(("name", "first", "last"), [("cycles-31-34", 31, 34), ("cycles-1024-1026", 1024, 1026)])
def test_deep_cycles(name: str, first: int, last: int) -> None:
    """The end, the step after it, the peak, and the last step of each cycle."""
    places = [divmod(step, 8) for step in cases()[name].steps]
    assert places == [(cycle - 1, into) for cycle in range(first, last + 1) for into in (0, 1, 4, 7)]


@pytest.mark.parametrize("power", [24, 31, 53])
def test_far_steps(power: int) -> None:
    case = cases()[f"near-2**{power}"]
    size = int(case.config.step_size)
    assert [step - 2**power for step in case.steps] == [-1, 0, 1, size, size // 2 + 1]
    assert 2**power % (2 * size) == 0  # a cycle begins there


@pytest.mark.parametrize(("policy", "clause"), [("triangular", "4.1"), ("triangular2", "4.2"), ("exp_range", "4.3")])
def test_clauses(policy: str, clause: str) -> None:
    clauses = [case.clause for case in cases(policy).values()]
    assert clauses == [
        *("3.2", "2.2", "2.1", "2.2", "3.1", "2.2", "2.2", "2.2", "1.2", "1.2", "1.2"),
        *(clause, clause, "1.5", "1.5", "1.5", "1.1", "1.1", "3.4", "3.4"),
    ]
