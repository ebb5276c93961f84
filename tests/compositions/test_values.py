"""Compositions are values: they check their arguments, and are compared, hashed, pickled, shown and stored."""

from __future__ import annotations

import copy
import json
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import clr_ref

S = clr_ref.triangular2(1e-4, 1e-2, 5, step_size_down=7.5)
WIDE = clr_ref.exp_range(1e-4, 1e-2, 5, 0.9, dtype="float64")
MADE = [
    clr_ref.WarmUp(S, 10),
    clr_ref.WarmUp(WIDE, 10, 1e-5, counts_warm_up=True),
    clr_ref.Shifted(S, 10),
    clr_ref.Shifted(S, 1 - 2**63),
    clr_ref.CoolDown(S, 20, 10, 1e-6),
    clr_ref.CoolDown(clr_ref.WarmUp(clr_ref.Shifted(WIDE, 2**62), 3, -0.1), 2**53 + 1, 10, 1e-6),
]


@pytest.mark.parametrize("made", MADE, ids=repr)
def test_every_copy_is_equal(made: Any) -> None:
    last = made._domain[1]
    made(last)  # some of what it computes is kept
    for again in (
        eval(repr(made), {"clr_ref": clr_ref}),
        clr_ref.from_json(made.to_json()),
        pickle.loads(pickle.dumps(made)),
        copy.deepcopy(made),
    ):
        assert type(again) is type(made)
        assert again == made
        assert hash(again) == hash(made)
        assert again(last) == made(last)
    assert len({*MADE, made}) == len(MADE)


def test_repr_is_short() -> None:
    assert repr(clr_ref.WarmUp(clr_ref.triangular(0.1, 1, 5), 10)) == (
        "clr_ref.WarmUp(clr_ref.triangular(initial_learning_rate=0.1, maximal_learning_rate=1.0, step_size=5), "
        "steps=10, initial_learning_rate=0.0, counts_warm_up=False)"
    )


def test_from_json_reads_a_plain_schedule_too() -> None:
    assert clr_ref.from_json(S.to_json()) == S


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class": "Warm"}, "class must be one of WarmUp, Shifted, CoolDown, got 'Warm'"),
        ({"class": None}, "class must be one of"),
        ({"steps": 3.5}, r"steps must be a whole number, got 3\.5"),
        ({"steps": True}, "steps must be a whole number, got True"),
        ({"steps": -1}, "steps must be a whole number 0"),
        ({"steps": 10**30}, "steps must be a whole number"),
        ({"initial_learning_rate": 0.0}, "initial_learning_rate must be a finite hex float"),
        ({"initial_learning_rate": "0x1p-1100"}, "initial_learning_rate must be as to_json writes it, '0x0.0p"),
        ({"counts_warm_up": 1}, "counts_warm_up must be true or false, got 1"),
        ({"more": 1}, "text must have exactly the fields class, schedule, steps, "),
        ({"schedule": 3}, "text must be a JSON object with the fields initial_learning_rate"),
    ],
    ids=str,
)
def test_from_json_refuses_other_texts(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clr_ref.from_json(json.dumps(json.loads(MADE[0].to_json()) | changes))


def test_from_json_refuses_what_is_nested_too_deep() -> None:
    text = '{"class": "Shifted", "start": 0, "schedule": '
    with pytest.raises(ValueError, match="nested too deep"):
        clr_ref.from_json(text * 900 + S.to_json() + "}" * 900)


def infinite() -> Any:
    return clr_ref.CyclicalLearningRate(0.0, 3e38, 4, lambda cycle: 2.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: clr_ref.WarmUp(0.1, 5), TypeError, r"schedule must be a clr_ref\.CyclicalLearningRate, WarmUp, .* got 0\.1"),
        (lambda: clr_ref.Shifted(None, 5), TypeError, "schedule must be"),
        (lambda: clr_ref.CoolDown("x", 5, 5, 0.0), TypeError, "schedule must be"),
        (lambda: clr_ref.WarmUp(S, -1), ValueError, "steps must be a whole number 0"),
        (lambda: clr_ref.WarmUp(S, 2.5), ValueError, r"steps must be a whole number 0 .*, got 2\.5"),
        (lambda: clr_ref.WarmUp(S, "5"), TypeError, "steps must be a real number, got '5'"),
        (lambda: clr_ref.WarmUp(S, 2**24 + 1), ValueError, "that float32 holds, got 16777217; the nearest is 16777216"),
        (lambda: clr_ref.WarmUp(S, 5, 1e39), ValueError, "initial_learning_rate must be a finite number of float32"),
        (lambda: clr_ref.WarmUp(S, 5, counts_warm_up=1), TypeError, "counts_warm_up must be True or False, got 1"),
        (lambda: clr_ref.WarmUp(S, 5, warm_up=3), TypeError, "warm_up is no argument here"),
        (lambda: clr_ref.WarmUp(infinite(), 4, counts_warm_up=True), ValueError, "schedule must have a finite rate at step 4"),
        (lambda: clr_ref.CoolDown(infinite(), 4, 2, 0.0), ValueError, "schedule must have a finite rate at step 4, .* got inf"),
        (lambda: clr_ref.Shifted(S, 2**63), ValueError, r"start must be a whole number -2\*\*63\+1 \.\. 2\*\*63-1, got"),
        (
            lambda: clr_ref.Shifted(clr_ref.Shifted(S, -9), 1 - 2**63),
            ValueError,
            r"a whole number -9223372036854775798 \.\. 2\*\*63-1, got",
        ),
        (lambda: clr_ref.Shifted(S, 0.5), ValueError, "start must be a whole number"),
        (lambda: clr_ref.Shifted(S, np.nan), ValueError, "start must be a whole number"),
        (lambda: clr_ref.Shifted(S, None), TypeError, "start must be a real number"),
        (lambda: clr_ref.CoolDown(S, -1, 5, 0.0), ValueError, "start must be a whole number 0"),
        (lambda: clr_ref.CoolDown(S, 2**63 - 1, 1, 0.0), ValueError, r"start \+ steps must be at most 2\*\*63-1, got "),
        (lambda: clr_ref.CoolDown(S, 5, 5, np.inf), ValueError, "final_learning_rate must be a finite number of float32"),
        (lambda: MADE[0](), TypeError, "step must be given, got none"),
        (lambda: MADE[0](-1), ValueError, "step must be a number 0"),
        (lambda: MADE[0](None), TypeError, "step must be a number 0"),
        (lambda: MADE[0].exact([1]), TypeError, "step must be a real number"),
        (lambda: MADE[0].values(3, 2), ValueError, "stop must be at least start"),
        (lambda: MADE[0].values(0, 2, out=np.empty(2)), ValueError, "out must be a contiguous, writeable array of float32"),
    ],
)
def test_wrong_arguments(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_they_do_not_change() -> None:
    with pytest.raises(AttributeError):
        MADE[0].steps = 5


def test_the_kit_judges_a_composition_that_changes_no_rate() -> None:
    """Clause 12.9: its calls, ranges, pickles and refusals are those of a schedule."""

    def make(policy: str, *, gamma: float = 1.0, **numbers: Any) -> Any:
        decay = {"gamma": gamma} if policy == "exp_range" else {}
        return clr_ref.WarmUp(clr_ref.Shifted(getattr(clr_ref, policy)(**numbers, **decay), 0), 0)

    report = clr_ref.conformance.check(make, dtype="float32", max_examples=20)
    assert report.holds, report


def test_whole_numbers_are_accepted_in_every_argument_that_counts_steps() -> None:
    class Index:
        def __index__(self) -> int:
            return 3

    for three in (3.0, np.int8(3), Fraction(3), Index()):
        assert clr_ref.Shifted(S, three).start == 3  # type: ignore[arg-type]
        assert clr_ref.WarmUp(S, three).steps == 3  # type: ignore[arg-type]
        assert clr_ref.CoolDown(S, three, three, 0.0) == clr_ref.CoolDown(S, 3, 3, 0.0)  # type: ignore[arg-type]


def test_steps_without_a_rate_are_named_as_python_numbers() -> None:
    with pytest.raises(ValueError, match=r"step must be a number .* got 3$"):
        clr_ref.Shifted(S, -5)([3, 9])
