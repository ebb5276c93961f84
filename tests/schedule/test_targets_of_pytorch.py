"""What PyTorch's own tests of CyclicLR expect: rates and momentums, of test/optim/test_lrscheduler.py, PyTorch 2."""

from __future__ import annotations

import dataclasses

import pytest

import clr_ref

UP_AND_DOWN = [0, 1 / 4, 2 / 4, 3 / 4, 1, 3 / 4, 2 / 4, 1 / 4, 0, 1 / 4, 2 / 4, 3 / 4, 1]
UP_2_DOWN_6 = [0, 1 / 2, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0, 1 / 2, 1, 5 / 6, 4 / 6]


@pytest.mark.parametrize(
    ("schedule", "targets"),
    [
        (clr_ref.triangular(1.0, 5.0, 4, dtype="float64"), [1, 2, 3, 4, 5, 4, 3, 2, 1, 2, 3]),
        (
            clr_ref.triangular2(1.0, 5.0, 4, dtype="float64"),
            [1, 2, 3, 4, 5, 4, 3, 2, 1, 1.5, 2, 2.5, 3, 2.5, 2, 1.5, 1, 1.25, 1.5, 1.75, 2, 1.75],
        ),
        (
            clr_ref.exp_range(1.0, 5.0, 4, gamma=0.9, dtype="float64"),
            [1 + 4 * height * 0.9**step for step, height in enumerate(UP_AND_DOWN)],
        ),
        (
            clr_ref.triangular(1.0, 5.0, 4, step_size_down=6, dtype="float64"),
            [1, 2, 3, 4, 5, 13 / 3, 11 / 3, 9 / 3, 7 / 3, 5 / 3, 1],
        ),
        (
            clr_ref.triangular2(1.0, 5.0, 2, step_size_down=6, dtype="float64"),
            [
                *(1, 3, 5, 13 / 3, 11 / 3, 9 / 3, 7 / 3, 5 / 3),
                *(1, 2, 3, 8 / 3, 7 / 3, 6 / 3, 5 / 3, 4 / 3),
                *(1, 3 / 2, 2, 11 / 6, 10 / 6, 9 / 6, 8 / 6, 7 / 6),
            ],
        ),
        (
            clr_ref.exp_range(1.0, 5.0, 2, step_size_down=6, gamma=0.9, dtype="float64"),
            [1 + 4 * height * 0.9**step for step, height in enumerate(UP_2_DOWN_6)],
        ),
    ],
    ids=repr,
)
def test_the_targets(schedule: clr_ref.CyclicalLearningRate, targets: list[float]) -> None:
    # The figures above are float64 results of at most four roundings, of values up to 5; PyTorch compares to 5 digits.
    tolerance = 4 * 2.0**-53
    for rates in (schedule.values(0, len(targets)), [schedule(step) for step in range(len(targets))]):
        assert list(map(float, rates)) == pytest.approx(targets, rel=tolerance, abs=0)
    # The momentums go from 5 to 1 there, against the rates from 1 to 5.
    momentum = dataclasses.replace(schedule, initial_learning_rate=5.0, maximal_learning_rate=1.0)
    assert list(map(float, momentum.values(0, len(targets)))) == pytest.approx([6 - rate for rate in targets], rel=tolerance)
