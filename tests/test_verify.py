"""``verify`` holds on the real store, and fails when any of the parts that it compares is wrong."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from clr_ref import tfa_arithmetic, verify
from clr_ref.exact import rates
from clr_ref.fast import arrays
from clr_ref.golden import store as golden
from clr_ref.tfa import bounds, eager, graphs


@pytest.fixture(scope="module")
def store() -> golden.Store:
    return golden.read()


def failing(store: golden.Store, case: str) -> set[str]:
    """The subjects whose verdict on one case does not hold."""
    return {verdict.subject for verdict in verify.verify(store, case) if not verdict.holds}


def test_everything_holds(store: golden.Store) -> None:
    found = list(verify.verify(store))
    assert [v.subject for v in found if not v.holds] == []
    assert {v.mode for v in found} == {"-", "eager", "function", "xla"}
    assert {v.tier for v in found} == {"exact", "record"}
    for v in found:
        if v.tier == "record" and "exp_range" not in v.subject:
            assert v.worst_ulp == 0
        if v.worst_share is not None:
            assert 0.2 < v.worst_share <= 1  # within the bound, and more than a fifth of it
    # Every recorded value is compared with its bound, and every one is replayed; Python ints count once for each file.
    for mode in tfa_arithmetic.MODES:
        held = sum(v.values for v in found if v.mode == mode and v.subject.startswith("TFA "))
        replayed = sum(v.values for v in found if v.mode == mode and v.bound in ("0 ULP", "power_budget"))
        assert held == replayed > 10_000


def test_unknown_case(store: golden.Store) -> None:
    with pytest.raises(ValueError, match="; got 'nobody'"):
        list(verify.verify(store, "nobody"))


def test_a_wrong_reference_fails(store: golden.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    original = arrays.round_to_float32

    def off_by_one_ulp(plan: Any, near: Any, words: Any, roundings: int, out: Any) -> Any:
        hard = original(plan, near, words, roundings, out)
        out[out == np.max(out)] = np.nextafter(np.max(out), np.float32(1))
        return hard

    monkeypatch.setattr(arrays, "round_to_float32", off_by_one_ulp)
    assert "reference" in failing(store, "triangular-937")


def test_a_wrong_truth_fails(store: golden.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    original = rates.phase
    monkeypatch.setattr(rates, "phase", lambda size, step: original(size, step + 1))
    assert {"reference", "tfa_arithmetic float32", "TFA float32"} <= failing(store, "triangular-937")


@pytest.mark.parametrize("case", ["triangular-2000", "triangular2-33.3", "exp_range-0.9-7"])
def test_a_wrong_formula_fails(store: golden.Store, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = eager.as_steps
    monkeypatch.setattr(eager, "as_steps", lambda steps: original(steps) + 1)
    assert any(subject.startswith("tfa_arithmetic") for subject in failing(store, case))


def test_another_order_of_operations_fails(store: golden.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """(1 - 2 cycle) + T / s and (T / s - 2 cycle) + 1 differ in their bits; graph mode changes nothing else here."""
    monkeypatch.setattr(
        eager,
        "evaluate",
        lambda schedule, steps, step_dtype=None, flush="never": graphs._function(
            schedule, np.asarray(steps), (2, 15), False, "int64", 0
        ),
    )
    assert "tfa_arithmetic" in failing(store, "triangular-33.3")


def test_graph_arithmetic_of_another_release_fails(store: golden.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    original = graphs.evaluate
    monkeypatch.setattr(graphs, "evaluate", lambda *a, tensorflow, **k: original(*a, tensorflow=(2, 2), **k))
    assert "tfa_graphs" in failing(store, "triangular-2.5")


@pytest.mark.parametrize("mode", tfa_arithmetic.MODES)
def test_a_vacuous_or_violated_bound_shows(store: golden.Store, mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    original = bounds.error_bound
    monkeypatch.setattr(bounds, "error_bound", lambda *a, **k: original(*a, **k) / 50)
    failed = {(v.subject, v.mode) for v in verify.verify(store, "triangular-2000") if not v.holds}
    assert ("TFA float32", mode) in failed


def test_a_record_of_an_unknown_cpu_is_counted_not_replayed(store: golden.Store) -> None:
    def elsewhere(record: golden.Record) -> golden.Record:
        cpu = {"machine": "aarch64", "model": "somebody else's", "flags": []}
        return dataclasses.replace(record, provenance={**record.provenance, "cpu": cpu})

    moved = dataclasses.replace(store, records={name: elsewhere(record) for name, record in store.records.items()})
    found = {(v.subject, v.mode): v for v in verify.verify(moved, "triangular-2000")}
    graph = found["tfa_graphs", "xla"]
    assert graph.values == 0
    assert "cannot be replayed" in graph.note
    assert found["tfa_arithmetic", "eager"].holds
