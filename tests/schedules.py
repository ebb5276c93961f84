"""The schedules that several tests share."""

from __future__ import annotations

from typing import Any

import pytest

import clr_ref

TUTORIAL = clr_ref.triangular2(initial_learning_rate=1e-4, maximal_learning_rate=1e-2, step_size=2 * 937)
#: Python refuses to write so many digits, in an error message and in the name of a test.
HUGE_INT = pytest.param(-(10**5000), id="huge")
POLICIES = ("triangular", "triangular2", "exp_range")
#: Rising, from 0, falling, through 0, negative, subnormal, and close to the largest float32.
BOUNDS = [(1e-4, 1e-2), (0.0, 0.1), (1e-2, 1e-4), (-0.3, 0.7), (-0.1, -0.2), (0.0, 1e-40), (1e-42, 3e-39), (3e38, 1e38)]
HUGE_GAMMAS = [1e21, 1e103, 2.0**512, 1e155, 1e300, 1.7976931348623157e308]
TINY_GAMMAS = [1e-21, 1e-103, 1e-155, 1e-300, 2.0**-1022, 1e-310, 5e-324]


def schedule_of(policy: str, step_size: float, low: float = 1e-4, high: float = 1e-2, **more: Any) -> Any:
    gamma = {"gamma": 0.9999} if policy == "exp_range" else {}
    return getattr(clr_ref, policy)(low, high, step_size, **gamma, **more)
