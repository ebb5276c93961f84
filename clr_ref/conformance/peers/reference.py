"""clr_ref itself, in float32 and in float64."""

from __future__ import annotations

from typing import Any

import clr_ref


def make(policy: str, *, dtype: str = "float32", step_size_down: float | None = None, **arguments: Any) -> Any:
    return getattr(clr_ref, policy)(**arguments, step_size_down=step_size_down, dtype=dtype)


def make_float64(policy: str, *, step_size_down: float | None = None, **arguments: Any) -> Any:
    return make(policy, dtype="float64", step_size_down=step_size_down, **arguments)
