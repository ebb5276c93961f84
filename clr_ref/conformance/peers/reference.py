"""clr_ref itself, in float32 and in float64."""

from __future__ import annotations

from typing import Any

import clr_ref


def make(policy: str, *, dtype: str = "float32", **arguments: Any) -> Any:
    return getattr(clr_ref, policy)(**arguments, dtype=dtype)


def make_float64(policy: str, **arguments: Any) -> Any:
    return make(policy, dtype="float64", **arguments)
