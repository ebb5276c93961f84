"""A keyword of another library is answered with ours, and a step that NumPy cannot read with the drop-in that can."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import clr_ref

FUNCTIONS = [clr_ref.triangular, clr_ref.triangular2, clr_ref.exp_range, clr_ref.CyclicalLearningRate]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        (
            {"base_lr": 0.1, "max_lr": 1},
            "base_lr is called initial_learning_rate here; max_lr is called maximal_learning_rate here",
        ),
        ({"base_learning_rate": 0.1}, "base_learning_rate is called initial_learning_rate here"),
        ({"step_size_up": 5}, "step_size_up is called step_size here"),
        ({"mode": "triangular2"}, "mode is no argument here: the policy is the name of the function or class"),
        ({"last_epoch": -1}, "last_epoch is no argument here. The arguments of "),
        ({"maximal_lerning_rate": 1}, "maximal_lerning_rate is no argument here: did you mean maximal_learning_rate?"),
    ],
    ids=str,
)
def test_keywords_of_others_are_answered_with_ours(function: Any, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as found:
        function(**keywords)
    assert str(found.value).startswith(message)
    ours = ", ".join(inspect.signature(function).parameters)
    assert str(found.value).endswith(f". The arguments of {function.__name__} are {ours}")


def test_keywords_that_only_some_have() -> None:
    with pytest.raises(TypeError, match=r"^gamma is an argument of exp_range alone"):
        clr_ref.triangular(0, 1, 5, gamma=0.9)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^scale_mode is an argument of CyclicalLearningRate alone"):
        clr_ref.triangular(0, 1, 5, scale_mode="cycle")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^exp_gamma is called gamma here"):
        clr_ref.exp_range(0, 1, 5, exp_gamma=0.9)  # type: ignore[call-arg]


def test_exp_range_without_gamma_would_be_triangular() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'gamma'"):
        clr_ref.exp_range(0, 1, 5)  # type: ignore[call-arg]


def test_steps_that_only_a_framework_can_read() -> None:
    class Symbolic:
        def __array__(self, *_: Any, **__: Any) -> Any:
            raise NotImplementedError("a symbolic tensor has no value\nand more")

    with pytest.raises(TypeError, match=r"Symbolic, which NumPy cannot read \(a symbolic tensor has no value\); .*keras.from"):
        clr_ref.triangular(0, 1, 5)(Symbolic())
    with pytest.raises(TypeError, match=r"^step must be given, got none\. Keras .* clr_ref\.keras\.from_schedule\(schedule\)"):
        clr_ref.triangular(0, 1, 5)()
    assert clr_ref.triangular(0, 1, 5)(np.int64(5)) == 1
