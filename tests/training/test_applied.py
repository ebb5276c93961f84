"""The schedules whose applied rates are recorded are those of the records."""

from __future__ import annotations

from clr_ref.golden import store
from clr_ref.training import applied


def test_the_inputs_are_those_of_the_records() -> None:
    records = store.read().applied.values()
    assert records
    for record in records:
        assert record.inputs == {**applied.INPUTS, "gamma": applied.GAMMA}, record.name
