"""The store that is shipped: complete, whole, and made by the recorder and the cases that stand beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from clr_ref.golden import record, report, store as golden
from clr_ref.golden.model import MODES
from clr_ref.golden.store import Case, Store
from clr_ref.golden.sums import text_sha256

CLASSES = {
    "CyclicalLearningRate",
    "TriangularCyclicalLearningRate",
    "Triangular2CyclicalLearningRate",
    "ExponentialCyclicalLearningRate",
}


@pytest.fixture(scope="module")
def store() -> Store:
    return golden.read()


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """The cases alone: they are complete whether or not everything has been recorded."""
    found: list[str] = []
    parsed = golden.parse(golden.default_folder(), found)
    assert parsed is not None, found
    return list(parsed.cases.values())


def cycles(case: Case) -> set[int]:
    """The cycles, counted from 1, of the steps that are asked one by one."""
    return set(np.floor(1 + case.steps / (2 * case.schedule.step_size)).astype(np.int64).tolist())


def asks_between(cases: Iterable[Case], first: int, last: int) -> list[str]:
    return [case.id for case in cases if any(first <= int(t) <= last for t in case.steps)]


# --- whole -----------------------------------------------------------------------------------------------------------


def test_store_has_no_problems() -> None:
    assert golden.problems() == []


def test_the_page_about_the_record_is_that_of_this_store(store: Store) -> None:
    stored = (Path(__file__).parents[2] / "docs" / "RECORD.md").read_text("utf-8")
    same = report.markdown(store, "drift.png") == stored  # pytest would take minutes for the difference
    assert same, "`clr-ref golden show --markdown docs/RECORD.md` renews it"


def test_all_42_pairs_are_there(store: Store) -> None:
    assert list(store.records) == [pair.name for pair in record.PAIRS]
    assert len(store.records) == 42


def test_records_were_made_by_this_recorder(store: Store) -> None:
    expected = text_sha256(record.RECORDER)
    others = [r.name for r in store.records.values() if r.error is None and r.provenance["recorder_sha256"] != expected]
    assert others == []


def test_every_record_answers_everything_once(store: Store) -> None:
    kinds = ("python int", "int64", "float32")
    expected = [(case, mode, kind) for case in store.cases for mode in MODES for kind in kinds]
    for one in store.records.values():
        if one.error is None:
            assert sorted((e.case, e.mode, e.step_dtype) for e in one.entries) == sorted(expected), one.name


def test_every_record_observed_the_same_behaviours(store: Store) -> None:
    titles = {tuple(r.behaviours) for r in store.records.values() if r.error is None}
    assert len(titles) == 1
    assert len(next(iter(titles))) >= 20


def test_most_pairs_really_answered(store: Store) -> None:
    """A store of errors would be sound in form. Each class answers somewhere in each mode, and 35 pairs could be installed."""
    installed = [r for r in store.records.values() if r.error is None]
    assert len(installed) >= 35
    for one in installed:
        answered = {(store.cases[e.case].cls, e.mode) for e in one.entries if e.values is not None}
        assert {(cls, "eager") for cls in CLASSES} <= answered, one.name
        assert {(cls, "function") for cls in CLASSES} <= answered, one.name


def test_digests_are_of_the_first_2_20_steps(store: Store) -> None:
    assert store.digest_steps == 2**20


def test_records_were_made_on_the_pythons_of_their_pairs(store: Store) -> None:
    for pair in record.PAIRS:
        assert store.records[pair.name].provenance["python"].startswith(pair.python + ".") or store.records[pair.name].error


def test_eager_values_change_between_releases(store: Store) -> None:
    """TensorFlow's power function moved: a store whose records all agree would have been copied, not recorded."""
    files = {name for case, mode, _, name in store.files() if mode == "eager" and store.cases[case].policy == "exp_range"}
    cases = [case for case in store.cases.values() if case.policy == "exp_range"]
    assert len(files) > len(cases)


# --- the cases that have to be there ---------------------------------------------------------------------------------


@pytest.mark.parametrize("epochs", [10, 100])
def test_tutorial(cases: list[Case], epochs: int) -> None:
    found = [
        case
        for case in cases
        if case.cls == "CyclicalLearningRate"
        and case.policy == "triangular2"
        and case.scale_mode == "cycle"
        and case.inputs == {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 2 * 937}
        and int(case.steps[-1]) >= epochs * 937 - 1
    ]
    assert found


def test_tutorial_of_10_epochs_is_asked_at_every_step(cases: list[Case]) -> None:
    assert any("tutorial" in case.flags and case.ranges[0] == (0, 9370) for case in cases)


@pytest.mark.parametrize("step_size", [1, 2, 7, 937, 2000, 33.3, 2.5])
@pytest.mark.parametrize("policy", ["triangular", "triangular2"])
def test_step_sizes(cases: list[Case], policy: str, step_size: float) -> None:
    assert any(case.policy == policy and case.inputs["step_size"] == step_size for case in cases)


def test_all_classes(cases: list[Case]) -> None:
    assert {case.cls for case in cases} == CLASSES


@pytest.mark.parametrize(
    "cls", ["TriangularCyclicalLearningRate", "Triangular2CyclicalLearningRate", "ExponentialCyclicalLearningRate"]
)
def test_both_scale_modes_of_a_class(cases: list[Case], cls: str) -> None:
    assert {case.scale_mode for case in cases if case.cls == cls} == {"cycle", "iterations"}


@pytest.mark.parametrize("policy", ["triangular", "triangular2", "exp_range"])
def test_both_dtypes_of_a_policy(cases: list[Case], policy: str) -> None:
    assert {case.dtype for case in cases if case.policy == policy} == {"float32", "float64"}


@pytest.mark.parametrize("gamma", [0.9, 0.99994])
def test_gammas(cases: list[Case], gamma: float) -> None:
    assert any(case.inputs.get("gamma") == gamma for case in cases)


def test_inverted_bounds(cases: list[Case]) -> None:
    assert any(case.inputs["maximal_learning_rate"] < case.inputs["initial_learning_rate"] for case in cases)


def test_wide_bounds(cases: list[Case]) -> None:
    ratios = [
        case.inputs["maximal_learning_rate"] / case.inputs["initial_learning_rate"]
        for case in cases
        if case.inputs["initial_learning_rate"] > 0
    ]
    assert max(ratios) >= 1e6


@pytest.mark.parametrize("policy", ["triangular", "triangular2", "exp_range"])
@pytest.mark.parametrize(("first", "last"), [(31, 34), (127, 130), (1024, 1026)])
def test_deep_cycles(cases: list[Case], policy: str, first: int, last: int) -> None:
    """Where a power of two overflows int32, float32 and float64: every one of these cycles, within one case."""
    wanted = set(range(first, last + 1))
    assert any(wanted <= cycles(case) for case in cases if case.policy == policy)


@pytest.mark.parametrize("policy", ["triangular", "triangular2", "exp_range"])
@pytest.mark.parametrize("power", [24, 31, 53])
def test_steps_around_a_power_of_two(cases: list[Case], policy: str, power: int) -> None:
    """From just below, where a float32, int32 or float64 still holds every whole step, to just above."""
    edge = 2**power
    for case in cases:
        steps = set(case.steps.tolist())
        if case.policy == policy and {edge - 1, edge, edge + 1} <= steps:
            return
    pytest.fail(f"no {policy} asks for 2**{power} and its neighbours; around it: {asks_between(cases, edge - 8, edge + 8)}")


def test_every_boundary_and_peak_of_a_whole_number_of_cycles(cases: list[Case]) -> None:
    """With their neighbours: every start and peak of cycles 31 to 34, for the step sizes that have them on whole steps."""
    for case in cases:
        size = case.inputs["step_size"]
        if "deep-cycles" not in case.flags or case.policy == "exp_range" or size != int(size) or size < 7:
            continue
        steps = set(case.steps.tolist())
        for half in range(2 * 30, 2 * 34):
            edge = int(half * size)
            assert {edge - 1, edge, edge + 1} <= steps, (case.id, half)


def test_every_case_says_why_and_no_two_say_the_same(cases: list[Case]) -> None:
    notes = [case.note for case in cases]
    assert len(set(notes)) == len(notes)
    assert min(map(len, notes)) > 20


def test_every_flag_is_used(store: Store) -> None:
    assert {flag for case in store.cases.values() for flag in case.flags} == set(store.flags)
