"""The verdict on made-up studies with a known answer."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the verdict of a study needs SciPy: clr_ref[study]")

from scipy import stats

from clr_ref.study import statistics
from clr_ref.study.outcome import Outcome
from clr_ref.study.verdict import Difference, judge
from tests.study.made_up import NAN, run, study, without_accuracy

SEEDS = np.arange(8)
BASE = 0.5 + 0.01 * np.sin(SEEDS)
NOISE = 0.002 * np.cos(5.0 * SEEDS)


def only(outcomes: list[Outcome], **arguments: Any) -> tuple[Difference, Difference]:
    (comparison,) = judge(outcomes, **arguments).comparisons
    loss, accuracy = comparison.differences
    assert (loss.metric, accuracy.metric) == ("val_loss", "val_accuracy")
    return loss, accuracy


def test_a_lower_loss_and_a_higher_accuracy_are_better_and_the_other_way_round() -> None:
    for shift, finding in ((-0.1, "better"), (0.1, "worse")):
        loss, accuracy = only(study(plain=BASE, clr=BASE + shift + NOISE))
        assert loss.finding == accuracy.finding == finding
        assert loss.mean == pytest.approx(shift + NOISE.mean())
        assert loss.median == pytest.approx(shift + np.median(NOISE))
        assert accuracy.mean == pytest.approx(-(shift + NOISE.mean()) / 10)
        assert loss.probability == accuracy.probability == (finding == "better")
        assert loss.seeds_needed is accuracy.seeds_needed is None


def test_differences_are_paired_by_seed() -> None:
    """The seeds differ a hundred times as much as the arms do, and the runs come in any order."""
    outcomes = study(plain=100 * BASE, clr=100 * BASE - 0.1 + NOISE)
    loss, _ = only([*outcomes[:8], *reversed(outcomes[8:])])
    assert loss.finding == "better"
    assert loss.values == pytest.approx(tuple(NOISE - 0.1))
    other, _ = only(study(plain=100 * BASE, clr=100 * BASE[::-1] - 0.1 + NOISE))
    assert other.finding == "not distinguishable"


def test_arms_that_are_not_distinguishable_need_more_seeds() -> None:
    loss, _ = only(study(plain=BASE, clr=BASE + NOISE + 0.0005))
    assert loss.finding == "not distinguishable"
    assert loss.interval is not None
    assert loss.interval.low < 0 < loss.interval.high
    assert loss.seeds_needed == statistics.seeds_needed(NOISE + 0.0005, 0.025)


def test_more_seeds_are_needed_than_there_are_whatever_the_estimate() -> None:
    """With two values, so many resamples have no spread that the interval has no ends."""
    values = [0.5, 0.52] * 3
    loss, _ = only(study(plain=[0] * 6, clr=values))
    assert (loss.interval, loss.finding) == (statistics.Interval(-math.inf, math.inf), "not distinguishable")
    assert (statistics.seeds_needed(values, 0.025) or 99) < 6
    assert loss.seeds_needed == 7


def test_the_same_runs_are_not_distinguishable_and_no_number_of_seeds_would_help() -> None:
    loss, _ = only(study(plain=BASE, clr=BASE))
    assert (loss.finding, loss.mean, loss.seeds_needed, loss.probability) == ("not distinguishable", 0, None, 0.5)


def test_each_interval_of_a_study_is_corrected_for_all_of_them() -> None:
    one = judge(study(plain=BASE, clr=BASE + NOISE))
    many = judge(study(plain=BASE, clr=BASE + NOISE, other=BASE + 1, third=BASE - 1))
    assert (one.claims, many.claims) == (2, 6)
    values = many.comparisons[0].differences[0].values
    for verdict in (one, many):
        found = verdict.comparisons[0].differences[0]
        assert found.interval == statistics.mean_interval(values, 0.05 / verdict.claims)
        assert found.mean_interval == statistics.mean_interval(values, 0.05)
        assert found.median_interval == statistics.median_interval(values, 0.05)


@pytest.mark.parametrize("seeds", [5, 8])
def test_at_most_one_study_of_twenty_claims_anything_if_all_of_its_arms_are_equal(
    seeds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 999)
    # These decide nothing, and take half of the time.
    monkeypatch.setattr(statistics, "seeds_needed", lambda *_: None)
    monkeypatch.setattr(statistics, "improvement", lambda *_: (0.5, None))
    random, studies, wrong = np.random.default_rng(seeds), 100, 0
    for _ in range(studies):
        losses = random.lognormal(sigma=0.3, size=(4, seeds)) * random.lognormal(size=seeds)
        verdict = judge(study(plain=losses[0], a=losses[1], b=losses[2], c=losses[3]))
        wrong += any(found.finding != "not distinguishable" for one in verdict.comparisons for found in one.differences)
    assert wrong <= stats.binom.ppf(0.999, studies, 0.05)


def test_only_common_seeds_are_compared_and_the_others_are_named() -> None:
    outcomes = [run("plain", seed, [1.0 + seed]) for seed in (0, 1, 2, 9)] + [run("clr", seed, [2.0]) for seed in (7, 2, 1, 8)]
    (comparison,) = judge(outcomes).comparisons
    assert (comparison.seeds, comparison.only_arm, comparison.only_baseline) == ((1, 2), (7, 8), (0, 9))
    assert comparison.differences[0].values == (0.0, -1.0)


def test_without_common_seeds_nothing_is_compared() -> None:
    (comparison,) = judge([run("plain", 0, [1.0]), run("clr", 1, [1.0])]).comparisons
    assert (comparison.seeds, comparison.differences) == ((), ())


def test_one_seed_has_no_interval() -> None:
    loss, _ = only(study(plain=[1.0], clr=[0.1]))
    assert (loss.finding, loss.interval, loss.mean_interval, loss.median_interval) == ("not distinguishable", None, None, None)
    assert (loss.mean, loss.seeds_needed) == (pytest.approx(-0.9), None)


def test_one_arm_is_compared_with_nothing() -> None:
    verdict = judge(study(plain=BASE))
    assert (verdict.baseline, verdict.comparisons, len(verdict.arms)) == ("plain", (), 1)


DIVERGED = [
    [0.9, NAN],
    [0.9, math.inf],
    [0.9],  # ended early
    [],
]


@pytest.mark.parametrize("losses", DIVERGED)
def test_a_diverged_run_is_worse_than_any_other(losses: list[float]) -> None:
    outcomes = [run("plain", seed, [1.0, 1e9]) for seed in range(8)] + [run("clr", seed, losses) for seed in range(8)]
    loss, accuracy = only(outcomes)
    for found in (loss, accuracy):
        assert (found.finding, found.decided_by, found.mean) == ("worse", "median", None)
        assert (found.probability, found.seeds_needed) == (0, None)
    assert (loss.median, accuracy.median) == (math.inf, -math.inf)
    loss, accuracy = only(outcomes, baseline="clr")
    assert (loss.finding, accuracy.finding) == ("better", "better")


def test_an_accuracy_of_a_run_whose_loss_is_not_finite_does_not_count() -> None:
    (arm,) = judge([run("plain", 0, [NAN], [0.99])]).arms
    assert (arm.runs[0].diverged, arm.runs[0].val_loss, arm.runs[0].val_accuracy) == (True, math.inf, -math.inf)
    (arm,) = judge([Outcome("plain", 0, ({"val_loss": None, "val_accuracy": 0.99},))]).arms  # type: ignore[dict-item]
    assert arm.runs[0].diverged


def test_two_diverged_runs_are_equal() -> None:
    loss, _ = only(study(plain=[NAN, 1, 1], clr=[NAN, 2, NAN]))
    assert loss.values == (0, 1, math.inf)
    assert loss.probability == 0.5 / 3


def test_one_diverged_run_leaves_the_decision_to_the_median() -> None:
    losses = BASE - 0.1 + NOISE
    losses[3] = NAN
    loss, _ = only(study(plain=BASE, clr=losses))
    # Of 8 seeds 7 are better: too few for an interval that holds with 97.5 %.
    assert (loss.decided_by, loss.finding) == ("median", "not distinguishable")
    more = study(plain=[*BASE, *BASE, *BASE], clr=[*losses, *(BASE - 0.1), *(BASE - 0.2)])
    assert only(more)[0].finding == "better"


def test_the_epochs_to_a_target() -> None:
    accuracies = {0: [0.1, 0.5, 0.9], 1: [0.1, 0.6, 0.4], 2: [0.5, 0.5, 0.5], 3: [0.1, 0.1, 0.1]}
    outcomes = [run("plain", seed, [1.0] * 3, row) for seed, row in accuracies.items()]
    (arm,) = judge(outcomes, target=0.5).arms
    assert [found.reached for found in arm.runs] == [2, 2, 1, None]
    assert arm.reached == 2
    assert math.isinf(judge(outcomes, target=0.8).arms[0].reached)
    # The lower quartile of 0.1, 0.4, 0.5 and 0.9.
    assert judge(outcomes).target == pytest.approx(0.325)
    assert judge([run("plain", 0, [NAN])]).target is None


def test_curves_are_quartiles_over_the_seeds() -> None:
    outcomes = [run("plain", seed, [1.0 * seed, 2.0 * seed, NAN if seed == 4 else 0.0]) for seed in range(5)]
    band = judge(outcomes).arms[0].bands["val_loss"]
    assert (band.low, band.median, band.high) == ((1, 2, 0), (2, 4, 0), (3, 6, 0))
    outcomes = [run("plain", seed, [1.0, NAN if seed > 0 else 0.0]) for seed in range(5)]
    assert judge(outcomes).arms[0].bands["val_loss"].median == (1, math.inf)
    assert judge(outcomes).arms[0].bands["val_accuracy"].low[1] == -math.inf


def test_without_accuracies_the_loss_alone_is_compared() -> None:
    outcomes = study(plain=BASE, clr=[loss - 1 for loss in BASE])
    both, loss = judge(outcomes), judge(without_accuracy(outcomes))
    assert (both.claims, loss.claims, loss.metrics, loss.target) == (2, 1, ("val_loss",), None)
    ((one,),) = [comparison.differences for comparison in loss.comparisons]
    assert (one.finding, one.values) == ("better", both.comparisons[0].differences[0].values)
    assert one.interval == one.mean_interval, "nothing to correct for"
    assert [(arm.val_accuracy, list(arm.bands)) for arm in loss.arms] == [(None, ["val_loss"])] * 2


def test_arms_keep_their_order_and_the_first_is_the_baseline() -> None:
    verdict = judge(study(z=BASE, a=BASE, m=BASE))
    assert [arm.name for arm in verdict.arms] == ["z", "a", "m"]
    assert (verdict.baseline, [one.arm for one in verdict.comparisons]) == ("z", ["a", "m"])
    verdict = judge(study(z=BASE, a=BASE, m=BASE), baseline="m")
    assert [one.arm for one in verdict.comparisons] == ["z", "a"]
    assert [verdict.arm(name).name for name in "zam"] == list("zam")


@pytest.mark.parametrize(
    ("outcomes", "arguments", "error", "message"),
    [
        ([], {}, ValueError, "outcomes must have at least one run, got none"),
        ([run("a", 0, [])], {}, ValueError, "outcomes must have at least one epoch, got only empty histories"),
        (study(a=[1], b=[1]), {"baseline": "c"}, ValueError, "baseline must be 'a' or 'b', got 'c'"),
        (study(a=[1]), {"target": 90}, ValueError, "target must be an accuracy 0 .. 1, got 90"),
        (study(a=[1]), {"target": -0.5}, ValueError, "target must be an accuracy 0 .. 1, got -0.5"),
        (study(a=[1]), {"target": NAN}, ValueError, "target must be an accuracy 0 .. 1, got nan"),
        (study(a=[1]), {"target": "0.9"}, TypeError, "target must be a real number, got '0.9'"),
        (study(a=[1]) * 2, {}, ValueError, "one run of each arm and seed, got two of 'a' with seed 0"),
        (
            [run("a", 0, [1]), Outcome("a", 3, ({"val_loss": 1.0},))],
            {},
            ValueError,
            "every epoch must have val_accuracy, got epoch 1 of 'a' with seed 3 with val_loss",
        ),
        ([Outcome("a", 3, ({"loss": 1.0},))], {}, ValueError, "every epoch must have val_loss, got epoch 1"),
        (
            without_accuracy(study(a=[1])),
            {"target": 0.5},
            ValueError,
            "target must be left out where runs have no val_accuracy",
        ),
    ],
)
def test_errors(outcomes: list[Outcome], arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message.replace(".. 1", r"\.\. 1")):
        judge(outcomes, **arguments)


def test_an_outcome_has_an_arm_a_seed_and_a_history() -> None:
    assert [field.name for field in dataclasses.fields(Outcome)] == ["arm", "seed", "history"]
