"""The text of a schedule is Python that makes an equal one, with the numbers as a user writes them."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import policies


class Mine(clr_ref.CyclicalLearningRate):
    """A class of a user."""


def halving(cycle: float) -> float:
    return 0.5**cycle


#: The decimal of this float32 rounds to a float64 halfway between it and its neighbour, and then to the neighbour.
MISSED = np.uint32(0x15AE43FD).view(np.float32)
BOUNDS = [
    (1e-4, 1e-2),
    (0, 1),
    (np.float32(0.1), np.float32(0.3)),
    (np.float16(0.1), np.float64(1 / 3)),
    (np.longdouble(1) / 3, -0.7),
    (5e-324, 1.7e38),
    (MISSED, 123456789),
]
SIZES = [1874, 33.3, 0.5, np.float32(0.1), np.int16(7), 2**31 - 1, 2**31, 2**53 + 1, 10**15, 1e30, 1e-40]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_the_text_makes_an_equal_schedule(bounds: tuple[Any, Any], dtype: str) -> None:
    for size in SIZES:
        made = [
            clr_ref.triangular(*bounds, size, dtype=dtype),
            clr_ref.triangular2(*bounds, size, dtype=dtype),
            *(clr_ref.exp_range(*bounds, size, gamma=gamma, dtype=dtype) for gamma in (1, 0.99994, np.float32(0.9), 5e-324)),
            clr_ref.CyclicalLearningRate(*bounds, size, "triangular2", "iterations", dtype),
            clr_ref.CyclicalLearningRate(*bounds, size, policies.ExpRange(0.9), "cycle", dtype),
            clr_ref.CyclicalLearningRate(*bounds, size, math.sqrt, "cycle", dtype),
            Mine(*bounds, size, policies.Triangular(), "cycle", dtype),
        ]
        for schedule in made:
            again = eval(repr(schedule), {"clr_ref": clr_ref, "math": math, "Mine": Mine})
            assert again == schedule
            assert type(again) is type(schedule)
            assert again(3) == schedule(3)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (clr_ref.triangular2(1e-4, 1e-2, 2 * 937), "triangular2(X, step_size=1874)"),
        (clr_ref.triangular(np.float32(1e-4), 1e-2, 33.3), "triangular(X, step_size=33.3)"),
        (clr_ref.triangular(1e-4, 1e-2, 2**31 - 128), "triangular(X, step_size=2147483500)"),
        (clr_ref.triangular(1e-4, 1e-2, 2**31 + 256), "triangular(X, step_size=2147484000.0)"),
        (
            clr_ref.exp_range(1e-4, 1e-2, 8, 0.99994, dtype="float64"),
            "exp_range(X, step_size=8, gamma=0.99994, dtype='float64')",
        ),
        (
            clr_ref.CyclicalLearningRate(1e-4, 1e-2, 8, "triangular", "iterations"),
            "CyclicalLearningRate(X, step_size=8, scale_fn='triangular', scale_mode='iterations')",
        ),
        (
            clr_ref.CyclicalLearningRate(1e-4, 1e-2, 8, halving),
            f"CyclicalLearningRate(X, step_size=8, scale_fn={__name__}.halving, scale_mode='cycle')",
        ),
        (
            clr_ref.CyclicalLearningRate(1e-4, 1e-2, 8, lambda x: x),
            f"CyclicalLearningRate(X, step_size=8, scale_fn={__name__}.<lambda>, scale_mode='cycle')",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_text_shows_the_policy_and_the_numbers_as_they_were_given(schedule: Any, text: str) -> None:
    assert repr(schedule) == f"clr_ref.{text}".replace("X", "initial_learning_rate=0.0001, maximal_learning_rate=0.01")


def test_functions_of_every_kind_have_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "_registered", {})
    for function, text in [
        (abs, "abs"),
        (np.cos, "cos" if hasattr(np.cos, "__qualname__") else repr(np.cos)),
        (functools.partial(max, 0.5), repr(functools.partial(max, 0.5))),
    ]:
        found = repr(clr_ref.CyclicalLearningRate(0, 1, 8, function))
        assert f"scale_fn={text}," in found or f"scale_fn=numpy.{text}," in found
    clr_ref.register_scale_fn("halving", halving)
    named = clr_ref.CyclicalLearningRate(0, 1, 8, halving)
    assert "scale_fn='halving'" in repr(named)
    assert eval(repr(named)) == named
    monkeypatch.setattr(halving, "__module__", "__main__")
    assert policies.expression(functools.wraps(halving)(lambda cycle: cycle)) == "halving"
