"""Schedules as JSON and pickles: what is stored comes back, and every other text is an error that names the field."""

from __future__ import annotations

import copy
import functools
import json
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import clr_ref
from tests.schedules import TUTORIAL


def third(x: float) -> float:
    return x / 3


def test_named_scale_functions_travel() -> None:
    halved = clr_ref.CyclicalLearningRate(0, 1, 10, lambda x: 0.5)
    with pytest.raises(ValueError, match="register_scale_fn"):
        halved.to_json()
    clr_ref.register_scale_fn("half", halved.scale_fn)
    assert clr_ref.CyclicalLearningRate.from_json(halved.to_json()) == halved
    assert pickle.loads(pickle.dumps(halved)) == halved
    assert clr_ref.CyclicalLearningRate(0, 1, 10, "half") == halved
    clr_ref.register_scale_fn("half", halved.scale_fn)  # the same function under the same name is no conflict
    with pytest.raises(ValueError, match="name must be free, got 'half'"):
        clr_ref.register_scale_fn("half", third)
    with pytest.raises(ValueError, match="name must be free, got 'triangular2'"):
        clr_ref.register_scale_fn("triangular2", third)
    with pytest.raises(TypeError, match="name must be a non-empty string"):
        clr_ref.register_scale_fn("", third)
    with pytest.raises(TypeError, match="scale_fn must be callable"):
        clr_ref.register_scale_fn("nothing", 3)  # type: ignore[arg-type]


def test_unnamed_scale_functions_pickle_as_functions_do() -> None:
    schedule = clr_ref.CyclicalLearningRate(0, 1, 10, third, "iterations", "float64")
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(clr_ref.CyclicalLearningRate(0, 1, 10, lambda x: x))


DOCUMENT = json.loads(clr_ref.exp_range(1e-4, 1e-2, 1874, gamma=0.9).to_json())
NESTED = "[" * 100_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "text must be a str that to_json returned, got None of type NoneType"),
        (3, "text must be a str that to_json returned, got 3 of type int"),
        (TUTORIAL.to_json().encode(), "text must be a str that to_json returned, got b'"),
        (DOCUMENT, "text must be a str that to_json returned, got {"),
        ("", "text must be JSON that to_json returned, got ''"),
        ("not JSON", "text must be JSON that to_json returned, got 'not JSON'"),
        ("\ufeff" + TUTORIAL.to_json(), "text must be JSON that to_json returned"),
        (TUTORIAL.to_json()[:-1], "text must be JSON that to_json returned"),
        (NESTED, "text must be JSON that to_json returned, got one that is nested too deep"),
        ('{"step_size": ' + NESTED, "text must be JSON that to_json returned, got one that is nested too deep"),
        (
            "NaN",
            "text must be a JSON object with the fields initial_learning_rate, .*, dtype, and perhaps step_size_down, got nan",
        ),
        ("[]", "text must be a JSON object with the fields .*, got \\[\\]"),
        ("1" * 5000, "text must be a JSON object with the fields .*, got inf"),
        ("{}", "exactly the fields .*; got \\['dtype', 'initial_learning_rate', .*'step_size'\\] missing and \\[\\] unknown"),
        (TUTORIAL.to_json().replace('"dtype"', '"Dtype"'), "got \\['dtype'\\] missing and \\['Dtype'\\] unknown"),
        (TUTORIAL.to_json()[:-1] + ', "gamma": "0x1p+0"}', "got \\[\\] missing and \\['gamma'\\] unknown"),
        (TUTORIAL.to_json()[:-1] + ', "dtype": "float64"}', "'dtype' must stand once in a JSON object, got it 2 times"),
        (TUTORIAL.to_json()[:-1] + ', "dtype": "float32"}', "'dtype' must stand once in a JSON object, got it 2 times"),
        (
            TUTORIAL.to_json().replace('{"name": "triangular2"}', '{"name": "triangular2", "name": "triangular2"}'),
            "'name' must stand once in a JSON object, got it 2 times",
        ),
    ],
)
def test_json_that_is_no_schedule(text: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clr_ref.CyclicalLearningRate.from_json(text)


HEX = "must be a finite hex float such as '0x1.8p-3', got "
SCALE_FN = r"scale_fn must be {'name': ...}, with 'gamma' for exp_range alone; got "


@pytest.mark.parametrize(
    ("field", "bad", "message"),
    [
        *(
            (name, bad, f"{name} {HEX}")
            for name in ("initial_learning_rate", "maximal_learning_rate", "step_size")
            # float.fromhex would read "0.1" as 1 / 16, and accept "nan" and "inf".
            for bad in (1, 0.1, None, True, [], {}, "", "0.1", "10", "nan", "inf", " 0x1p0", "0x1p+5000", "0x1p" + "9" * 5000)
        ),
        ("step_size", math.nan, f"step_size {HEX}nan"),
        ("maximal_learning_rate", -math.inf, f"maximal_learning_rate {HEX}-inf"),
        ("initial_learning_rate", 10**4000, f"initial_learning_rate {HEX}inf"),
        ("initial_learning_rate", "0x1.0p+1000", "initial_learning_rate must be a finite number of float32"),
        ("step_size", "-0x1.0p+0", "step_size must be a finite number of float32 > 0, got -1.0"),
        *(
            ("initial_learning_rate", bad, "initial_learning_rate must be as to_json writes it, '0x1.")
            for bad in ("0X1P+3", "0x1p+3", "0x1.23456789abcdep-3", "+0x1.0000000000000p+3")
        ),
        ("maximal_learning_rate", "0x1p-1100", "maximal_learning_rate must be as to_json writes it, '0x0.0p[+]0', got"),
        ("step_size", "0x1.0000001000000p+24", "step_size must be as to_json writes it, '0x1.0000000000000p[+]24', got"),
        ("scale_fn", {"name": "exp_range", "gamma": "0x1p-1"}, "scale_fn must be as to_json writes it, {'name': 'exp_range'"),
        ("step_size", "0x1.0p-1000", "step_size must be a finite number of float32 > 0, got 9.3"),
        *(
            ("scale_fn", bad, SCALE_FN)
            for bad in (None, 3, "triangular", ["triangular"], {}, {"name": 3}, {"name": ["exp_range"]})
        ),
        *(("scale_fn", {"name": "triangular", "gamma": bad}, SCALE_FN) for bad in ("0x1p-1", None)),
        ("scale_fn", {"name": "exp_range", "gamma": "0x1p-1", "scale": 1}, SCALE_FN),
        ("scale_fn", {"name": "exp_range"}, "scale_fn 'exp_range' needs a gamma"),
        ("scale_fn", {"name": "nobody"}, "scale_fn must be a registered name, one of .*; got 'nobody'"),
        *(
            ("scale_fn", {"name": "exp_range", "gamma": bad}, f"scale_fn: gamma {HEX}")
            for bad in (0.5, 1, None, [], "0.5", "nan", "0x1p+1024")
        ),
        *(
            ("scale_fn", {"name": "exp_range", "gamma": bad}, "scale_fn: gamma must be a finite number > 0, got ")
            for bad in ("0x0p+0", "-0x1p+0", "0x1p-1080")
        ),
        *(
            ("scale_mode", bad, "scale_mode must be 'cycle' or 'iterations', got ")
            for bad in (None, 1, [], {}, "", "Cycle", ["cycle"])
        ),
        *(
            ("dtype", bad, "dtype must be 'float32' or 'float64', got ")
            for bad in (None, 1, [], {"names": 1}, "float16", "f4", "f8", "float", ",,", "\ud800", "x" * 10_000)
        ),
    ],
)
def test_json_with_a_bad_field(field: str, bad: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        clr_ref.CyclicalLearningRate.from_json(json.dumps(DOCUMENT | {field: bad}))
    assert len(str(caught.value)) < 1000


keys = st.sampled_from([*DOCUMENT, "name", "gamma"]) | st.text(max_size=3)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.floats().map(float.hex) | st.text(max_size=9)
any_json = (
    scalars | st.sampled_from([*DOCUMENT.values()]) | st.lists(scalars, max_size=3) | st.dictionaries(keys, scalars, max_size=3)
)


def schedule_or_message(text: str) -> Any:
    try:
        return clr_ref.CyclicalLearningRate.from_json(text)
    except ValueError as error:
        return str(error)


@given(st.dictionaries(keys, any_json, max_size=3), st.text(max_size=3), st.floats(0, 1), st.floats(0, 1))
def test_malformed_json_is_a_value_error_or_a_schedule(change: dict[str, Any], insert: str, start: float, stop: float) -> None:
    """The text is a valid document with other fields, or with a part replaced, removed or repeated."""
    text = json.dumps(DOCUMENT | change)
    first, last = sorted(round(place * len(text)) for place in (start, stop))
    for changed in (text, text[:first] + insert + text[last:], text[:last] + insert + text[first:]):
        found = schedule_or_message(changed)
        if isinstance(found, str):
            assert any(name in found for name in ("text", "stand once", *DOCUMENT))
        else:
            assert clr_ref.CyclicalLearningRate.from_json(found.to_json()) == found


def test_json_holds_hex_floats() -> None:
    assert '"step_size": "0x1.d480000000000p+10"' in TUTORIAL.to_json()
    assert '"gamma": "0x1.ccccccccccccdp-1"' in clr_ref.exp_range(0, 1, 2, gamma=0.9).to_json()


class Named(clr_ref.CyclicalLearningRate):
    """A schedule of a user: other arguments, an attribute, a slot, and something that cannot be pickled."""

    __slots__ = ("__hidden", "label")

    def __init__(self, label: str) -> None:
        super().__init__(0.0, 1.0, 10, "triangular2")
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "_Named__hidden", [label])
        object.__setattr__(self, "notes", {"why": [label]})

    @functools.cached_property
    def lock(self) -> Any:
        return lambda: self.label


COPIES: dict[str, Any] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {n}": lambda s, n=n: pickle.loads(pickle.dumps(s, n)) for n in range(pickle.HIGHEST_PROTOCOL + 1)},
}


@pytest.mark.parametrize("how", COPIES)
def test_copies_of_a_subclass_keep_its_class_and_all_attributes(how: str) -> None:
    schedule: Any = Named("mine")
    assert schedule(10) == 1.0
    assert schedule.lock() == "mine"
    again = COPIES[how](schedule)
    assert type(again) is Named
    assert again == schedule
    assert (again.label, again._Named__hidden, again.notes) == ("mine", ["mine"], {"why": ["mine"]})
    assert (again.notes is schedule.notes) == (how == "copy")
    assert again(10) == 1.0
    assert again.lock() == "mine"
    assert not {"_plan", "_rate", "policy"} & set(schedule.__getstate__())  # computed again, and not stored


class Tenth(clr_ref.CyclicalLearningRate):
    """A tenth of the rates."""

    def __call__(self, step: Any = None) -> Any:
        return super().__call__(step) * np.float32(0.1)

    def values(self, start: int, stop: int, out: Any = None) -> Any:
        return super().values(start, stop, out) * np.float32(0.1)


def test_a_subclass_that_changes_the_rates_changes_each_of_them_once() -> None:
    """Steps that follow each other are computed ahead, and not by a method of the subclass."""
    schedule = Tenth(1.0, 2.0, 10, "triangular")
    assert [schedule(step) for step in range(2000)] == [Tenth(1.0, 2.0, 10, "triangular")(step) for step in range(2000)]


@pytest.mark.parametrize("how", COPIES)
def test_copies_of_a_plain_schedule_are_equal(how: str) -> None:
    for schedule in (TUTORIAL, clr_ref.exp_range(0, 1, 2.5, gamma=0.9, dtype="float64")):
        again = COPIES[how](schedule)
        assert type(again) is clr_ref.CyclicalLearningRate
        assert again == schedule
        assert again(7) == schedule(7)


def test_pickles_of_earlier_versions_are_read() -> None:
    old = b"\x80\x04cbuiltins\ngetattr\n(cclr_ref.schedule\nCyclicalLearningRate\nX\x09\x00\x00\x00from_jsontR"
    text = TUTORIAL.to_json().encode()
    assert pickle.loads(old + b"(X" + len(text).to_bytes(4, "little") + text + b"tR.") == TUTORIAL
