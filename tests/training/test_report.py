"""What a report of a run says of its bits, and in JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clr_ref.training import report as reports
from tests.training.test_tutorial import report

ONE = report([0.5, 0.25], [1.0], [1.0], 2)
#: float32 does not tell these numbers apart.
NEAR = (1.0, 1.0 + 2.0**-40)


def digest(*weights: NDArray[Any]) -> str:
    return reports.weights_sha256(SimpleNamespace(get_weights=lambda: list(weights)))


@pytest.mark.parametrize("name", ["rates", "losses"])
def test_digests_tell_numbers_apart_that_float32_does_not(name: str) -> None:
    def of(values: Any) -> dict[str, Any]:
        return dataclasses.replace(ONE, **{name: np.array(values)}).digests()

    one, other = (of([value, 2.0]) for value in NEAR)
    assert {key for key in one if one[key] != other[key]} == {f"{name}_sha256"}
    assert of([math.nan, -math.inf]) == of([math.nan, -math.inf]) != of([math.nan, math.inf])
    assert of([1e300, 2.0]) != of([math.inf, 2.0])


def test_weights_of_every_dtype_have_a_digest() -> None:
    assert digest(np.array([NEAR[0]])) != digest(np.array([NEAR[1]]))
    assert digest(np.array([2**24])) != digest(np.array([2**24 + 1]))
    halves = np.array([1.5, -2.0], np.float16)
    assert digest(halves) == digest(halves.astype(np.float32)) == digest(halves.astype(">f4"))
    assert digest(halves, halves[:1]) == digest(halves[:1], halves[::-1][:1], halves[:1])
    assert digest(np.asfortranarray([[1.0, 2.0], [3.0, 4.0]])) == digest(np.array([1.0, 2.0, 3.0, 4.0]))


def test_json_has_no_nan() -> None:
    history = ({"epoch": 1, "loss": math.nan, "val_loss": math.inf},)
    one = dataclasses.replace(ONE, rates=np.array([math.nan, 0.5]), losses=np.array([1.0, -math.inf]), history=history)

    def refuse(token: str) -> None:
        raise AssertionError(token)

    found = json.loads(one.to_json(), parse_constant=refuse)
    assert (found["rates"], found["losses"]) == (["nan", 0.5], [1.0, "-inf"])
    assert found["history"] == [{"epoch": 1, "loss": "nan", "val_loss": "inf"}]
    assert found["digests"] == one.digests()
    assert found["format"] == 1
