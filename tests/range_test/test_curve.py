"""The rates of a sweep, the smoothed loss, and what a curve suggests: no Keras."""

from __future__ import annotations

import inspect
import re
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from clr_ref import exact
from clr_ref.range_test import curve as module, judged, rates, smoothed, suggest

rate = st.floats(float(np.float32(1e-12)), 1e6, width=32)
bounds = st.tuples(rate, rate).filter(lambda pair: pair[0] != pair[1])


@given(bounds, st.integers(2, 400), st.sampled_from(["exponential", "linear"]))
def test_the_ends_are_exact_and_the_rates_rise(pair: tuple[float, float], steps: int, sweep: str) -> None:
    low, high = sorted(pair)
    found = rates(low, high, steps, sweep)
    assert found.dtype == np.float32
    assert found.shape == (steps,)
    assert found[0].tobytes() == np.float32(low).tobytes()
    assert found[-1].tobytes() == np.float32(high).tobytes()
    assert (np.diff(found) >= 0).all()


def test_a_double_is_rounded_to_float32_first() -> None:
    assert rates(1e-4, 0.1, 3)[[0, -1]].tolist() == [float(np.float32(1e-4)), float(np.float32(0.1))]


@given(bounds, st.integers(3, 60))
def test_linear_rates_are_rounded_once(pair: tuple[float, float], steps: int) -> None:
    low, high = sorted(pair)
    a, b = Fraction(low), Fraction(high)
    expected = [float(exact.round_to(a + (b - a) * k / (steps - 1), "float32")) for k in range(steps)]
    assert rates(low, high, steps, "linear").tolist() == expected


@given(bounds, st.integers(3, 60))
def test_exponential_rates_are_rounded_once(pair: tuple[float, float], steps: int) -> None:
    low, high = sorted(pair)
    with localcontext() as context:  # an arithmetic of its own: decimal, to 60 digits
        context.prec = 60
        ratio = Decimal(high) / Decimal(low)
        powers = [Decimal(low) * ratio ** (Decimal(k) / (steps - 1)) for k in range(1, steps - 1)]
    expected = [float(exact.round_to(Fraction(power), "float32")) for power in powers]
    assert rates(low, high, steps)[1:-1].tolist() == expected


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            (0.0, 1.0, 10, "exponential"),
            ValueError,
            "minimal_learning_rate must be a finite float32 > 0 in an exponential sweep",
        ),
        ((-1.0, 1.0, 10, "linear"), ValueError, "minimal_learning_rate must be a finite float32 >= 0, got -1.0"),
        ((float("nan"), 1.0, 10, "linear"), ValueError, "minimal_learning_rate must be a finite float32, got nan"),
        ((0.1, 1e39, 10, "linear"), ValueError, "maximal_learning_rate must be a finite float32, got 1e\\+39"),
        ((0.1, 0.1, 10, "linear"), ValueError, "maximal_learning_rate must be above minimal_learning_rate, got 0.1 and 0.1"),
        ((0.2, 0.1, 10, "linear"), ValueError, "maximal_learning_rate must be above minimal_learning_rate, got 0.1 and 0.2"),
        ((-0.1, 1.0, 10, "exponential"), ValueError, "minimal_learning_rate must be a finite float32 > 0"),
        ((0.1, 1.0, True, "linear"), TypeError, "steps must be a whole number >= 2, got True"),
        ((0.1, 1.0, 1, "linear"), ValueError, "steps must be a whole number >= 2, got 1"),
        ((0.1, 1.0, 2.5, "linear"), TypeError, "steps must be a whole number >= 2, got 2.5"),
        (("0.1", 1.0, 10, "linear"), TypeError, "minimal_learning_rate must be a real number, got '0.1'"),
        ((0.1, 1.0, 10, "log"), ValueError, "sweep must be 'exponential' or 'linear', got 'log'"),
    ],
)
def test_bad_input_is_named(arguments: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        rates(*arguments)


def test_a_linear_sweep_may_start_at_zero() -> None:
    assert rates(0, 1, 5, "linear").tolist() == [0, 0.25, 0.5, 0.75, 1]


@given(st.lists(st.floats(-1e3, 1e3), max_size=30), st.floats(0, 0.99))
def test_the_smoothed_loss_is_the_weighted_mean_that_its_docstring_says(losses: list[float], smoothing: float) -> None:
    found = smoothed(losses, smoothing)
    for t in range(len(losses)):
        weights = smoothing ** np.arange(t, -1, -1.0)
        expected = float(np.sum(weights * np.array(losses[: t + 1])) / np.sum(weights))
        # A weighted mean of at most 30 numbers up to 1e3: some 100 roundings of 2**-53 * 1e3 are below 1e-10.
        assert found[t] == pytest.approx(expected, rel=0, abs=1e-10)
    assert found.tolist()[:1] == losses[:1]


def test_smoothing_has_a_range() -> None:
    for wrong in (1.0, 2.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="smoothing must be a number 0 <= smoothing < 1"):
            smoothed([1.0], wrong)
        with pytest.raises(ValueError, match="smoothing must be a number 0 <= smoothing < 1"):
            suggest([0.1], [1.0], wrong)
    with pytest.raises(ValueError, match="one-dimensional"):
        suggest([0.1], [[1.0]])
    with pytest.raises(ValueError, match="one-dimensional"):
        smoothed([[1.0]])
    with pytest.raises(ValueError, match="one-dimensional"):
        smoothed(1.0)


SWEPT = rates(1e-5, 10, 241)  # 40 rates a decade


def curve(seed: int, noise: float, begins: float = 1e-3, ends: float = 0.1) -> Any:
    """A loss of 2 that falls to 1 between two rates, evenly in the logarithm, then rises again; loss t comes before rate t."""
    share = (np.log(SWEPT) - np.log(begins)) / (np.log(ends) - np.log(begins))
    after = 2 - np.clip(share, 0, 1) + np.clip(share - 1.2, 0, None) * 2
    losses = np.concatenate([[2.0], after[:-1]])
    return losses + np.random.default_rng(seed).normal(0, noise, len(losses))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("noise", [0.0, 0.05, 0.2])
def test_the_suggestion_is_where_the_curve_was_made_to_fall(seed: int, noise: float) -> None:
    found = suggest(SWEPT, curve(seed, noise))
    assert found.initial_learning_rate is not None
    assert found.maximal_learning_rate is not None
    # The fall takes two decades, a tenth of it a factor of 10**0.2 = 1.6: that far from either end the bounds belong. Averaging
    # over some 10 losses on both sides rounds the corners, and 10 rates are a factor of 1.8; noise of 0.2 leaves the average
    # uncertain by 0.03 (one sigma), a factor of 1.15, on top.
    leeway = 1.8 if noise < 0.1 else 2.7
    assert 1.6e-3 / leeway < found.initial_learning_rate < 1.6e-3 * leeway
    assert 0.063 / leeway < found.maximal_learning_rate < 0.063 * leeway


def test_the_scale_and_the_level_of_the_loss_do_not_matter() -> None:
    losses = curve(1, 0.1)
    plain = suggest(SWEPT, losses)
    assert plain.maximal_learning_rate is not None
    for other in (suggest(SWEPT, losses * 1024), suggest(SWEPT, losses - 5)):
        assert other.initial_learning_rate == plain.initial_learning_rate
        assert other.maximal_learning_rate == plain.maximal_learning_rate


def test_rate_t_is_judged_by_loss_t_plus_1() -> None:
    swept = rates(1e-3, 1, 31)
    losses = np.array([2.0] * 11 + [1.5] * 9 + [1.0] * 6 + [3.0] * 5)
    found = suggest(swept, losses, smoothing=0.0)
    assert found.initial_learning_rate == swept[10]  # loss 11 is the first lower one: rate 10 made it
    assert found.maximal_learning_rate == swept[19]
    assert found.reason.endswith(f"nine tenths of the fall are done at {swept[19]:.3g}; it stops falling there")


@pytest.mark.parametrize("tail", [[50.0] * 10, [1e30] * 10, [1e30, np.inf], [np.nan] * 3])
def test_a_divergence_does_not_hide_what_came_before(tail: list[float]) -> None:
    whole = curve(3, 0.05)
    losses = np.concatenate([whole[:200], tail])
    found, plain = suggest(SWEPT[: len(losses)], losses), suggest(SWEPT, whole)
    assert found.initial_learning_rate is not None
    assert found.initial_learning_rate == pytest.approx(plain.initial_learning_rate, rel=0.13)  # two rates
    assert found.maximal_learning_rate == pytest.approx(plain.maximal_learning_rate, rel=0.13)


def test_noise_alone_suggests_nothing() -> None:
    generator = np.random.default_rng(0)
    for _ in range(300):
        found = suggest(SWEPT, 2 + generator.normal(0, 0.3, len(SWEPT)))
        assert (found.initial_learning_rate, found.maximal_learning_rate) == (None, None)
        assert "never fell clearly" in found.reason


def test_a_loss_that_only_rises_suggests_nothing() -> None:
    assert "never fell clearly" in suggest(SWEPT, np.linspace(1, 9, len(SWEPT))).reason


def test_a_loss_that_still_falls_has_no_maximal_rate() -> None:
    found = suggest(SWEPT[:150], curve(0, 0.02)[:150])
    assert found.initial_learning_rate is not None
    assert found.maximal_learning_rate is None
    assert "still falling at the last rate" in found.reason


def test_a_loss_that_falls_at_once_says_so() -> None:
    swept = rates(1e-2, 10, 200)
    losses = np.concatenate([2.0 - np.linspace(0, 1, 100) ** 0.5, np.linspace(1, 3, 100)])
    found = suggest(swept, losses)
    assert found.initial_learning_rate is not None
    assert found.initial_learning_rate < swept[20]
    assert found.maximal_learning_rate is not None
    beginning = (
        r"the loss falls from the first rates on \(has begun to fall \(1\.\d+ to 1\.\d+\) at 0\.\d+; a sweep from lower rates"
    )
    assert re.match(beginning, found.reason)


def test_a_fall_of_one_step_is_no_range() -> None:
    found = suggest(SWEPT, np.where(np.arange(len(SWEPT)) < 100, 2.0, np.linspace(0, 1, len(SWEPT))), smoothing=0.0)
    assert (found.initial_learning_rate, found.maximal_learning_rate) == (None, None)
    assert "too abruptly" in found.reason


def test_too_few_rates_suggest_nothing() -> None:
    found = suggest(SWEPT[:6], [1.0, 0.9, 0.5, 0.1, np.nan, np.nan])
    assert (found.initial_learning_rate, found.maximal_learning_rate) == (None, None)
    assert "at least 11 losses that are finite, got 4" in found.reason


@pytest.mark.parametrize("steps", [2, 3, 4, 5, 10])
def test_a_short_sweep_says_that_it_is_short(steps: int) -> None:
    found = suggest(rates(1e-3, 1, steps), np.linspace(1, 0.5, steps))
    assert (found.initial_learning_rate, found.maximal_learning_rate) == (None, None)
    assert f"at least 11 losses that are finite, got {steps}" in found.reason
    assert "11" not in suggest(rates(1e-3, 1, 11), np.linspace(1, 0.5, 11)).reason.split(":")[0]


def test_numbers_of_numpy_are_steps() -> None:
    assert rates(0, 1, np.int64(3), "linear").tolist() == [0, 0.5, 1]  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "expected"), [(0, 5), (59, 5), (60, 6), (119, 11)])
def test_the_start_is_a_tenth_of_the_losses_and_at_least_five(count: int, expected: int) -> None:
    assert module._window(count) == expected


@pytest.mark.parametrize(("count", "cap"), [(60, 1.0), (61, 2.0)])
def test_losses_are_judged_up_to_the_level_of_the_start(count: int, cap: float) -> None:
    """The start of 61 losses, which judge 60 rates, is six of them."""
    losses = np.array([1.0] * 5 + [2.0] * 2 + [0.5] * 5 + [3.0] * (count - 12))
    assert judged(losses, 0.0).tolist() == np.minimum(losses[1:], cap).tolist()
    assert judged([*losses, np.nan, 1.0], 0.0).tolist() == judged(losses, 0.0).tolist()


def test_losses_are_judged_by_the_mean_of_both_sides() -> None:
    assert judged([9.0, 4.0, 0.0, 7.0], 0.5).tolist() == pytest.approx(
        [(4 + (4 + 7 / 4) / 1.75) / 2, (4 / 2 / 1.5 + 7 / 2 / 1.5) / 2, ((7 + 4 / 4) / 1.75 + 7) / 2]
    )


def test_without_a_finite_loss_nothing_is_judged() -> None:
    assert judged([]).tolist() == judged([np.nan, 1.0]).tolist() == judged([1.0]).tolist() == []


def test_the_noise_is_that_of_an_average_of_normal_losses() -> None:
    """The deviation of the average of n independent losses with weights s**j is sqrt((1 - s) / (1 + s)) of one."""
    losses = np.random.default_rng(0).normal(0, 2, 100_000)
    assert module._scatter(losses) == pytest.approx(2, rel=0.02)
    assert module._noise(2.0, 0.6) == pytest.approx(3 * 2 * 0.5)
    assert module._noise(2.0, 0.6) == pytest.approx(3 * np.std(smoothed(losses, 0.6)), rel=0.02)


@pytest.mark.parametrize(
    ("trend", "noise", "expected"),
    [
        ([8.0, 8.0, 7.0, 6.0, 0.0, 8.0], 0.0, 2),
        ([8.0, 8.0, 7.0, 6.0, 0.0, 8.0], 1.0, 2),
        ([8.0, 8.0, 7.0, 6.0, 0.0, 8.0], 1.5, 3),
        ([8.0, 8.0, 7.0, 6.0, 0.0, 8.0], 9.0, 4),
        ([7.5, 6.0, 7.5, 6.0, 0.0, 8.0], 1.0, 3),
        ([7.0, 6.0, 5.0, 4.0, 0.0, 8.0], 1.0, 0),
    ],
)
def test_the_fall_has_begun_where_the_loss_stays_below_the_start(trend: list[float], noise: float, expected: int) -> None:
    """From 8 to 0, of which a tenth is 0.8; index 4 is the lowest."""
    assert module._begun(np.array(trend), 4, 8.0, noise) == expected


def told(losses: list[float], rises: int = 10) -> Any:
    """The suggestion for losses that are not smoothed and rise in the end. The start is five of them, up to 60."""
    losses = losses + [50.0] * rises
    return suggest(np.arange(1, len(losses) + 1), losses, smoothing=0.0)


FALL = [8.0, 6.0, 4.0, 2.0, 0.0]


@pytest.mark.parametrize(("high", "middle"), [(10, 11), (11, 10)])
def test_the_level_of_the_start_is_the_median_of_all_losses_before_the_fall(high: int, middle: int) -> None:
    level = {10: "9.8", 11: "10"}[high]
    assert f"({level} to 0) at 21," in told([10.0] * high + [9.8] * middle + FALL).reason


@pytest.mark.parametrize(("before", "words"), [(5, "the loss falls from the first rates on (has"), (6, "the loss has begun")])
def test_a_fall_after_the_start_has_a_lower_bound(before: int, words: str) -> None:
    found = told([10.0] * before + [5.0] * 5 + [0.0])
    assert found.initial_learning_rate == before
    assert found.reason.startswith(words)


@pytest.mark.parametrize(("lowest", "falls"), [(4, False), (5, True)])
def test_a_loss_that_is_lowest_within_the_start_never_fell(lowest: int, falls: bool) -> None:
    losses = np.full(20, 10.0)
    losses[1 + lowest] = 0.0  # which is the loss after rate number lowest, from 0
    found = told(losses.tolist())
    assert ("never fell" not in found.reason) is falls


@pytest.mark.parametrize(("scatters", "falls"), [(1.99, False), (2.0, False), (2.01, True)])
def test_a_fall_of_two_standard_deviations_may_be_noise(scatters: float, falls: bool) -> None:
    """Of each three losses two are the level, so two of three steps are 1; the lowest comes in place of the level."""
    scatter = 1 / (0.6745 * np.sqrt(2))
    losses = [0.0, *[0.0, -1.0, 0.0] * 7, -scatters * scatter, *[0.0, -1.0, 0.0] * 4]
    found = suggest(np.arange(1, len(losses) + 1), losses, smoothing=0.0)
    assert ("never fell" not in found.reason) is falls
    assert falls or found.reason.startswith(f"the loss never fell clearly: from 0 at the start to {losses[22]:.3g} at 22, ")


def test_losses_scatter_up_to_the_lowest() -> None:
    """The steps up to the lowest are 0.1 and 0.2 twice each, then 0.3, 0.4 twice each, and 0.5: their median is 0.3."""
    losses = [2.0, 2.0, 1.9, 2.0, 1.8, 2.0, 1.7, 2.0, 1.6, 2.0, 1.5, 1.5, 1.5, 2.0, 2.0, 2.0]
    found = suggest(np.arange(1, 17), losses, smoothing=0.0)
    assert f"single losses scatter by {0.3 / (0.6745 * np.sqrt(2)):.2g};" in found.reason


@pytest.mark.parametrize(("left", "maximal"), [(1.0, 16.0), (1.01, 17.0)])
def test_the_fall_is_over_when_a_tenth_is_left(left: float, maximal: float) -> None:
    found = told([10.0] * 12 + [8.0, 6.0, 3.0, 2.0, left, 0.0])
    assert (found.initial_learning_rate, found.maximal_learning_rate) == (12, maximal)
    end = "it stops falling at 17, which is 1.1 times as high" if maximal < 17 else "it stops falling there"
    begun = "the loss has begun to fall (10 to 0) at 12"
    assert found.reason == f"{begun}, and nine tenths of the fall are done at {maximal:g}; {end}"


@pytest.mark.parametrize(("rises", "maximal"), [(1, None), (2, 16.0)])
def test_the_loss_falls_no_longer_if_two_of_five_rates_of_a_start_come_after_it(rises: int, maximal: float | None) -> None:
    found = told([10.0] * 12 + FALL, rises)
    assert (found.initial_learning_rate, found.maximal_learning_rate) == (12, maximal)
    still = "the loss has begun to fall (10 to 0) at 12; it is still falling at the last rate, 17: sweep to higher rates"
    assert maximal is not None or found.reason == still


def test_a_fall_that_is_over_before_it_has_begun_is_no_range() -> None:
    found = told([10.0] * 12 + [0.5, 10.0, 10.0, 0.0])
    assert (found.initial_learning_rate, found.maximal_learning_rate) == (None, None)
    assert found.reason == "the loss falls too abruptly, at 15, to tell two bounds apart: take more steps"


@pytest.mark.parametrize("function", [judged, smoothed, suggest])
def test_nine_tenths_of_the_smoothed_loss_are_the_past(function: Any) -> None:
    assert inspect.signature(function).parameters["smoothing"].default == 0.9
