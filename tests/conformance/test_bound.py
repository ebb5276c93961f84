"""The bound on the formula's error is the one that the docstring of ``accuracy`` derives, written down a second time here."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from clr_ref.conformance.accuracy import Level, Rates, formula_bound, rates
from clr_ref.conformance.checks import Judge, Wrong, rate
from clr_ref.conformance.config import Config
from clr_ref.conformance.search import explain
from tests.subjects import OfConfig

#: Unit roundoff, smallest normal number, and by how much the bound is increased for its own computation.
FORMATS = {"float32": (2.0**-24, 2.0**-126, 2.0**-20), "float64": (2.0**-53, 2.0**-1022, 2.0**-40)}


def derived(config: Config, step: int, dtype: str, gamma_is_kept: bool = False) -> float:
    """Returns the bound of the docstring, in float64."""
    u, tiny, more = FORMATS[dtype]
    r = u if dtype == "float32" else 0.0
    schedule = config.build()
    initial, maximal = schedule.initial_learning_rate, schedule.maximal_learning_rate
    s = Fraction(schedule.step_size)
    d = s if config.step_size_down is None else Fraction(schedule.fall)
    cycles, into = divmod(Fraction(step), s + d)
    h = float(into / s if into <= s else (s + d - into) / d)
    tau = float(Fraction(step) / min(s, d))
    if config.step_size_down is None:
        e_h = (3 * u + r) * tau + 3 * u * (tau + 2) + 4 * u
    else:
        k = float((s + d) / min(s, d))
        e_h = (3 * u + r) * tau + 3 * u * (tau + 2 * k) + k * (6 * u + 2 * r)
    e_h = min(e_h, 1.0)
    sigma, e_s = 1.0, 0.0
    if config.policy == "triangular2":
        sigma, e_s = 0.5**cycles, float(h <= e_h)
    if config.policy == "exp_range":
        log = abs(math.log(config.gamma))
        sigma = math.exp(min(step * math.log(config.gamma), 700))
        # A power function that is 2 ULP off is off by at most 4 u of itself.
        e_s = math.expm1(min(step * ((0 if gamma_is_kept else r) + 5 * u * log), 700)) + 4 * u
    amplitude = abs(maximal - initial) + r * (abs(initial) + abs(maximal))
    top = (1 + e_s) * sigma
    error = amplitude * top * (e_h + 3 * u * (h + e_h)) + amplitude * h * sigma * e_s
    error += (3 * u + 2 * r) * (abs(initial) + abs(maximal) * top * min(h + e_h, 1.0))
    error += 3 * tiny * max(1.0, top, amplitude)
    return min(error * (1 + more), sys.float_info.max)  # a Fraction is never infinite


CONFIGS = [
    *(("triangular", low, high, size, 1.0, None) for low, high, size in ((1e-4, 1e-2, 937), (0.3, 0.25, 33.3), (-0.5, 2.0, 1))),
    *(("triangular2", low, high, 10, 1.0, None) for low, high in ((0.25, 1.0), (1.0, 0.0), (-3.0, -8.0))),
    *(("exp_range", 0.25, high, 100, gamma, None) for high in (1.0, -1.0) for gamma in (0.5, 0.999, 1.0, 1.001, 1e-300)),
    ("triangular", 0.25, 1.0, 10, 1.0, 30),
    ("triangular", 0.25, 1.0, 30, 1.0, 10),
    ("triangular", 1.0, 0.25, 2.5, 1.0, 10.3),
    ("triangular2", 0.25, 1.0, 30, 1.0, 10),
    ("exp_range", 0.25, 1.0, 10, 0.99, 30),
    ("triangular", 0.0, 0.0, 4, 1.0, None),  # underflow alone
    ("triangular2", 0.0, 1e-44, 4, 1.0, None),
    ("triangular", 0.0, 1e30, 4, 1.0, None),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("arguments", CONFIGS, ids=str)
def test_the_bound_is_the_one_that_is_derived(
    arguments: tuple[str, float, float, float, float, float | None], dtype: str
) -> None:
    policy, low, high, size, gamma, down = arguments
    config = Config(policy, low, high, size, gamma, dtype, down)
    for step in (0, 1, 2, 3, 9, 10, 11, 25, 99, 100, 101, 555, 1000, 5001, 10**5, 2**25 + 3, 2**40):
        for kept in (False, True):
            expected = derived(config, step, dtype, kept)
            # By less than the increase for rounding, so that its size is tested as well.
            assert formula_bound(config, step, Level.FORMULA, kept) == pytest.approx(expected, rel=2e-14, abs=0)
            semantics = derived(config, step, "float32", kept)
            assert formula_bound(config, step, Level.SEMANTICS, kept) == pytest.approx(semantics, rel=2e-14, abs=0)


@pytest.mark.parametrize("step", [1000, 1009, 1012, 1100])
def test_a_growing_scale_is_held_at_the_exponential_of_700(step: int) -> None:
    config = Config("exp_range", 0.0, 1.0, 1000, 2.0, "float64")
    assert formula_bound(config, step, Level.FORMULA) == pytest.approx(derived(config, step, "float64"), rel=2e-14)


def test_a_gamma_that_may_be_rounded_has_a_larger_bound() -> None:
    config = Config("exp_range", 0.0, 1.0, 1000, 0.999, "float32")
    assert formula_bound(config, 1000, Level.FORMULA) > 2 * formula_bound(config, 1000, Level.FORMULA, gamma_is_kept=True)


def test_rates_have_no_slack_where_they_must_be_correctly_rounded() -> None:
    config = Config("triangular", 0.25, 1.0, 3, 1.0, "float32")
    strict, wide = (rates(config, 1, level) for level in (Level.CORRECT, Level.FORMULA))
    assert strict.slack == 0
    assert wide.slack == Fraction(formula_bound(config, 1, Level.FORMULA))
    decaying = Config("exp_range", 0.25, 1.0, 3, 0.9, "float32")
    for kept in (False, True):
        bound = Fraction(formula_bound(decaying, 50, Level.FORMULA, kept))
        assert rates(decaying, 50, Level.FORMULA, kept).slack == bound
        assert (rates(decaying, 50, Level.FORMULA).slack == bound) is not kept
    assert strict.exact == wide.exact == Fraction(1, 2)
    assert strict.rounded == wide.rounded == 0.5
    assert strict.rounded.dtype == "float32"


def test_the_share_of_an_error() -> None:
    expected = Rates(0.5, Fraction(1, 2), Fraction(1, 8))
    assert [expected.share(value) for value in (0.5, 0.5625, 0.375, 0.75, 0.0)] == [0.0, 0.5, 1.0, 2.0, 4.0]
    assert [expected.share(value) for value in (math.inf, -math.inf, math.nan)] == [math.inf] * 3
    assert [expected.allows(value) for value in (0.375, 0.5, 0.6, 0.625, 0.3749, 0.6251, math.inf, math.nan)] == [
        *(True, True, True, True, False, False, False, False)
    ]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_rate_beyond_all_floats_is_infinite(kind: Any) -> None:
    """It is right then, however large the exact rate is; every other value is infinitely far from it."""
    for sign in (1, -1):
        expected = Rates(kind(sign * np.inf), Fraction(sign * 2**5000), Fraction(1, 8))
        values = (expected.rounded, -expected.rounded, kind(1), kind(np.nan))
        assert [expected.allows(value) for value in values] == [True, False, False, False]
        assert [expected.share(value) for value in (expected.rounded, -expected.rounded, kind(1))] == [0, math.inf, math.inf]
    far = Rates(kind(0), Fraction(0), Fraction(1, 2**1000))
    assert far.share(kind(2.0**100)) == math.inf
    assert far.share(kind(2.0**20)) == 2.0**1020


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_formula_may_overflow(dtype: Any, level: Level) -> None:
    """gamma is so large here that the rate is infinite; one that is lost only then is found, and said without an error."""
    config = Config("exp_range", 0.25, 1.0, 1, 2.0, dtype=dtype)
    check = rate.follows_the_formula
    check(Judge(OfConfig(lambda config: config.build()), config, level), step=3001)

    def lost(config: Config) -> Any:
        schedule = config.build()
        return lambda step: schedule(step) if step < 3001 else np.dtype(dtype).type(1)

    judge = Judge(OfConfig(lost), config, level)
    with pytest.raises(Wrong) as found:
        check(judge, step=3001)
    finding = explain(judge, found.value, name="x", repeat="y")
    assert (finding.step, finding.earlier) == (3001, "steps 0 to 3000 are right")
