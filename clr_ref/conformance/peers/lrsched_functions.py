"""The three functions of lrsched."""

from __future__ import annotations

import importlib
from typing import Any


def make(
    policy: str, *, initial_learning_rate: float, maximal_learning_rate: float, step_size: float, gamma: float = 1.0
) -> Any:
    arguments = {"gamma": gamma} if policy == "exp_range" else {}
    function = getattr(importlib.import_module("lrsched"), policy)
    return function(min_lr=initial_learning_rate, max_lr=maximal_learning_rate, step_size=step_size, **arguments)
