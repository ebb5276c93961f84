"""A policy is one class: the exact tier and the NumPy schedule compute any, and every other module refuses what it lacks."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

import clr_ref
from clr_ref import policies
from clr_ref.tfa import graphs


@dataclasses.dataclass(frozen=True)
class Sine(policies.Policy):
    """The height of the triangle bent by a sine: sin(height * pi / 2) ** power."""

    name = "sine"
    power: float

    def enclosure(self, height: Fraction, argument: int, bits: int) -> tuple[Fraction, Fraction]:
        rational = {Fraction(0): Fraction(0), Fraction(1, 3): Fraction(1, 2), Fraction(1): Fraction(1)}
        if height in rational:  # no other rational height has a rational sine (Niven)
            exact = rational[height] ** int(self.power)
            return exact, exact
        with mpmath.workprec(bits + 40):
            near = mpmath.sin(mpmath.pi * height.numerator / (2 * height.denominator)) ** int(self.power)
            sign, mantissa, exponent, _ = near._mpf_
        value = (-1) ** sign * Fraction(mantissa) * Fraction(2) ** exponent
        return value * (1 - Fraction(1, 2**bits)), value * (1 + Fraction(1, 2**bits))


@pytest.fixture
def sine(monkeypatch: pytest.MonkeyPatch) -> clr_ref.CyclicalLearningRate:
    monkeypatch.setitem(policies.BUILT_IN, "sine", Sine)
    return clr_ref.CyclicalLearningRate(0.25, 1.25, 6, Sine(1.0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_policy_that_bends_the_triangle_is_correctly_rounded(sine: clr_ref.CyclicalLearningRate, dtype: Any) -> None:
    schedule = dataclasses.replace(sine, dtype=dtype)
    steps = np.array([*range(13), 2**62, 2**63 - 1])
    with mpmath.workprec(200):
        heights = [6 - abs(step % 12 - 6) for step in steps.tolist()]
        exact = [mpmath.mpf(0.25) + mpmath.sin(mpmath.pi * height / 12) for height in heights]
        expected = [float(x) if dtype == "float64" else float(np.float32(mpmath.nstr(x, 30))) for x in exact]
    assert schedule(steps).tolist() == expected
    assert [float(schedule(step)) for step in steps.tolist()] == expected
    assert schedule.values(0, 13).tolist() == expected[:13]


def test_its_exact_rate_is_a_fraction_where_it_is_rational(sine: clr_ref.CyclicalLearningRate) -> None:
    assert [sine.exact(step) for step in (0, 2, 6, 10)] == [Fraction(1, 4), Fraction(3, 4), Fraction(5, 4), Fraction(3, 4)]
    assert abs(sine.exact(1) - (mpmath.mpf(0.25) + mpmath.sin(mpmath.pi / 12))) < 1e-15


def test_it_is_stored_by_its_name_and_its_parameters(sine: clr_ref.CyclicalLearningRate) -> None:
    assert clr_ref.CyclicalLearningRate.from_json(sine.to_json()) == sine
    assert policies.to_data(sine.scale_fn) == {"name": "sine", "power": "0x1.0000000000000p+0"}
    with pytest.raises(ValueError, match=r"'sine' needs a power"):
        clr_ref.CyclicalLearningRate(0, 1, 6, "sine")


@pytest.mark.parametrize(
    "use",
    [
        clr_ref.tfa_arithmetic.evaluate,
        clr_ref.tfa_arithmetic.error_bound,
        clr_ref.tfa_arithmetic.power_budget,
        lambda schedule, steps: clr_ref.tfa_arithmetic.evaluate(schedule, steps, step_dtype="python int"),
        lambda schedule, steps: graphs.evaluate(schedule, steps, mode="xla", tensorflow=(2, 15), array=True),
        lambda schedule, steps: graphs.evaluate(schedule, steps, mode="function", tensorflow=(2, 15), array=True),
    ],
)
@pytest.mark.parametrize("mode", ["cycle", "iterations"])
def test_tfas_arithmetic_refuses_it_by_name(sine: clr_ref.CyclicalLearningRate, use: Callable[..., Any], mode: Any) -> None:
    with pytest.raises(ValueError, match=r"scale_fn must be .*, got (sine|Sine)\(power=1\.0\)"):
        use(dataclasses.replace(sine, scale_mode=mode), np.arange(3))


def test_a_policy_without_any_arithmetic_says_so() -> None:
    class Nothing(policies.Policy):
        name = "nothing"

        def __str__(self) -> str:
            return "nothing"

    schedule = clr_ref.CyclicalLearningRate(0, 1, 6, Nothing())
    for use in (lambda: schedule(3), lambda: schedule.exact(3), lambda: schedule(np.arange(4))):
        with pytest.raises(NotImplementedError, match="nothing has neither a scale nor an enclosure"):
            use()


def test_only_halving_starts_with_the_second_cycle() -> None:
    assert policies.Geometric(0.5, 1) == policies.HALVING
    for base, offset in [(0.25, 1), (0.5, 2)]:
        with pytest.raises(ValueError, match="offset must be 0, or 1 where base is 1/2"):
            policies.Geometric(base, offset)


def test_policies_are_functions_for_users() -> None:
    assert policies.Triangular()(3) == 1.0
    assert [policies.Triangular2()(x) for x in (0, 1, 2, 1075, 1076, 1e300)] == [2.0, 1.0, 0.5, 2.0**-1074, 0.0, 0.0]
    assert policies.Triangular2()(1.5) == 2.0**-0.5
    assert policies.ExpRange(0.5)(3) == 0.125
    assert policies.Custom(math.sqrt)(4) == 2.0


@dataclasses.dataclass(frozen=True)
class Twice(policies.ExpRange):
    """gamma to the power of twice the step."""

    @property
    def scale(self) -> policies.Geometric:
        return policies.Geometric(self.gamma**2)


@dataclasses.dataclass(frozen=True)
class Mine(policies.Triangular):
    """A policy with a name that only its author knows."""

    name = "mine"


@pytest.mark.parametrize("policy", [Twice(0.5), Mine()])
def test_a_policy_of_the_user_is_copied_as_it_is_and_has_no_json(policy: policies.Policy) -> None:
    schedule = clr_ref.CyclicalLearningRate(0, 1, 5, policy, "iterations")
    for again in (copy.copy(schedule), copy.deepcopy(schedule), pickle.loads(pickle.dumps(schedule))):
        assert again == schedule
        assert type(again.scale_fn) is type(policy)
        assert again(5) == schedule(5)
    with pytest.raises(ValueError, match="has no name and cannot be stored"):
        schedule.to_json()
    clr_ref.register_scale_fn(f"registered {policy}", policy)
    assert clr_ref.from_json(schedule.to_json()) == schedule


@pytest.mark.parametrize(
    ("scale_fn", "words"),
    [
        (policies.Triangular(), "triangular"),
        (policies.ExpRange(0.9), "exp_range(gamma=0.9)"),
        (math.sqrt, "custom scale_fn"),
    ],
)
def test_a_policy_in_words(scale_fn: Any, words: str) -> None:
    assert policies.describe(scale_fn) == words
