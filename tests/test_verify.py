"""``verify`` holds on the real store, and fails when any of the parts that it compares is wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from clr_ref import compare, tfa_arithmetic, verify
from clr_ref.cli import main
from clr_ref.exact import rates, ulp
from clr_ref.fast import arrays
from clr_ref.golden import store as golden
from clr_ref.tfa import bounds, eager, graphs
from tests import terminal


@pytest.fixture(scope="module")
def store() -> golden.Store:
    return golden.read()


@pytest.fixture(scope="module")
def verdicts(store: golden.Store) -> list[compare.Verdict]:
    """All verdicts; a run takes seconds."""
    return list(verify.verify(store))


def failing(store: golden.Store, case: str) -> set[str]:
    """The subjects whose verdict on one case does not hold."""
    return {verdict.subject for verdict in verify.verify(store, case) if not verdict.holds}


def test_everything_holds(verdicts: list[compare.Verdict]) -> None:
    found = verdicts
    assert [v.subject for v in found if not v.holds] == []
    assert {v.mode for v in found} == {"-", "eager", "function", "xla"}
    assert {v.tier for v in found} == {"exact", "record"}
    for v in found:
        if v.tier == "record" and "exp_range" not in v.subject:
            assert v.worst_ulp == 0
        if v.worst_share is not None:
            assert 0.99999 < v.worst_share <= 1
    # Every recorded value is compared with its bound, and every one is replayed; Python ints count once for each file.
    for mode in tfa_arithmetic.MODES:
        held = sum(v.values for v in found if v.mode == mode and v.subject.startswith("TFA "))
        replayed = sum(v.values for v in found if v.mode == mode and v.bound in ("0 ULP", "power_budget"))
        assert held == replayed > 10_000


def test_every_verdict_names_its_farthest_rate(store: golden.Store, verdicts: list[compare.Verdict]) -> None:
    """The number of ULP is printed with the error beside it, which must be that of the same rate."""
    found = {(v.subject, v.mode): v.farthest for v in verdicts}
    assert found["tfa_arithmetic float32", "-"] == found["TFA float32", "eager"]
    far = found["TFA float32", "eager"]
    assert far is not None
    case = store.cases[far.case]
    error = abs(float(tfa_arithmetic.evaluate(case.schedule, far.step)) - float(case.schedule.exact(far.step)))
    assert far.relative == pytest.approx(error / case.schedule.maximal_learning_rate, rel=1e-12)
    assert (far.case, far.step, round(far.relative, 3)) == ("triangular-1", 2**24 + 1, 0.99)
    assert found["tfa_arithmetic, digests", "eager"] is None  # checksums have no distance


@pytest.mark.parametrize(("option", "lines"), [("--json", None), ("", 14), ("--verbose", 100)])
def test_the_whole_run_fits_80_columns(
    verdicts: list[compare.Verdict], option: str, lines: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "verify", lambda *_: iter(verdicts))
    # rich takes stdout for a terminal with FORCE_COLOR, and without it no line is wrapped.
    environment = {"COLUMNS": "80", "FORCE_COLOR": "1", "NO_COLOR": "1"} if lines else {}
    result = CliRunner().invoke(main, ["verify", *([option] if option else [])], env=environment)
    assert result.exit_code == 0
    if lines is None:
        assert json.loads(result.stdout)["verdicts"][2]["worst_ulp"] == 11391729156644104
        return
    assert terminal.too_wide(result.stdout) == []
    checks = [line for line in result.stdout.splitlines() if line.startswith(("holds", "FAILS"))]
    assert checks == [
        "holds  clr_ref and the exact rates: 35,828 rates, all correctly rounded",
        "holds  our copy and the exact rates: 14,386 rates, within the allowed error",
        "holds  our copy and TFA's record, eager mode: 34,848 rates, the same bits",
        "holds  our copy and TFA's record, tf.function: 41,866 rates, the same bits",
        "holds  our copy and TFA's record, XLA: 35,938 rates, the same bits",
        "holds  our copy and TFA's record, exp_range: 17,898 rates, at most 1 float apart",
        "holds  our copy and TFA's record: 118 checksums of 1,048,576 rates, the same",
        "holds  TFA's record and the exact rates: 130,550 rates, within the allowed error",
    ]
    assert "All 8 checks hold, in " in result.stdout
    assert len(result.stdout.splitlines()) <= lines
    figures = "farthest: 11,391,729,156,644,104 ULP, error 4.7 %,", "largest error: 99.99 % of the allowed error"
    assert [text in result.stdout for text in figures] == [option == "--verbose"] * 2
    assert "100 %" not in result.stdout  # no error reaches the allowed one, and none is rounded up to it


def test_readme_quotes_the_output_and_explains_each_line(
    verdicts: list[compare.Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "verify", lambda *_: iter(verdicts))
    printed = CliRunner().invoke(main, ["verify"]).stdout
    page = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    quoted = page.partition("```\nTFA's record: ")[2].partition("```")[0]
    assert re.sub(r"in [0-9.]+ s", "", f"TFA's record: {quoted}") == re.sub(r"in [0-9.]+ s", "", printed)
    explained = page.partition("\nLine by line:\n")[2].partition("\n\nIf `verify` does not print")[0]
    terms = re.findall(r"\*\*(.*?)\*\*", explained)
    starts = [line.removeprefix("holds  ").partition(":")[0] for line in printed.splitlines() if line.startswith("holds")]
    record = "our copy and TFA's record"
    # Three lines of the output share an item, which names their common start once.
    assert terms[:4] == ["TFA's record", "Our copy", *starts[:2]]
    assert [terms[4], *(f"{record}, {mode}" for mode in terms[5:7]), *terms[7:]] == starts[2:]
    assert "`All 8 checks hold`" in page


def test_notes_are_those_of_the_chosen_case(store: golden.Store) -> None:
    def notes(case: str) -> str:
        return " ".join(verdict.note for verdict in verify.verify(store, case) if verdict.note)

    assert notes("triangular-7") == ""
    skipped = sum(key[0] == "exp_range-0.9-7" for key in store.digests())
    assert skipped > 0
    found = re.findall(
        "exp_range checksums skipped, since they contain TensorFlow's own pow: ([0-9]+)", notes("exp_range-0.9-7")
    )
    assert sum(map(int, found)) == skipped


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
    monkeypatch.setattr(rates, "phase", lambda size, step, fall=None: original(size, step + 1, fall))
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


@pytest.mark.parametrize(("more", "held"), [(1e-6, True), (-1e-6, False)])
def test_a_bound_may_be_just_as_large_as_the_largest_error(
    store: golden.Store, more: float, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bounded() -> dict[str, compare.Verdict]:
        return {v.mode: v for v in verify.verify(store, "triangular-7") if v.worst_share is not None and v.mode != "-"}

    shares, original = {mode: verdict.worst_share for mode, verdict in bounded().items()}, bounds.error_bound
    assert set(shares) == set(tfa_arithmetic.MODES)
    monkeypatch.setattr(bounds, "error_bound", lambda *a, mode, **k: original(*a, mode=mode, **k) * shares[mode] * (1 + more))
    assert {verdict.holds for verdict in bounded().values()} == {held}


@pytest.mark.parametrize(("budget", "held"), [(1.0, True), (np.nextafter(1, 0), False)])
def test_a_power_budget_may_be_just_the_largest_distance(
    store: golden.Store, budget: float, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest distance of the recorded rates of exp_range is one float."""
    monkeypatch.setattr(bounds, "power_budget", lambda *_: budget)
    found = [v for v in verify.verify(store, "exp_range-array") if v.bound == "power_budget"]
    assert [(v.mode, v.holds, v.worst_ulp) for v in found] == [(mode, held, 1.0) for mode in tfa_arithmetic.MODES]


def test_a_recorded_value_that_is_one_float_off_fails(store: golden.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    original = golden.Store.values

    def moved(self: golden.Store, case: str, name: str) -> Any:
        values = original(self, case, name).copy()
        values[-1] = np.nextafter(values[-1], np.float32(1))
        return values

    monkeypatch.setattr(golden.Store, "values", moved)
    assert {"tfa_arithmetic", "tfa_graphs"} <= failing(store, "triangular-937")


@pytest.mark.parametrize(("index", "held"), [(255, False), (256, True)])
def test_256_steps_are_computed_one_at_a_time(
    store: golden.Store, index: int, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = store.cases["exp_range-array"]
    step, original = int(case.steps[index]), type(case.schedule).__call__

    def off(self: Any, steps: Any) -> Any:
        rate = original(self, steps)
        return np.nextafter(rate, np.float32(1)) if isinstance(steps, int) and steps == step else rate

    monkeypatch.setattr(type(case.schedule), "__call__", off)
    assert ("reference" not in failing(store, case.id)) is held


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


def test_a_checksum_that_no_replay_has_is_shown_with_one_that_was_computed(store: golden.Store) -> None:
    case = store.cases["triangular-7"]
    first, second, *_ = store.records

    def moved(record: golden.Record) -> golden.Record:
        entries = [dataclasses.replace(e, digest="0" * 64) if e.digest else e for e in record.entries if e.case == case.id]
        return dataclasses.replace(record, entries=tuple(entries))

    few = dataclasses.replace(store, digest_steps=1_000, records={name: moved(store.records[name]) for name in (first, second)})
    verdict = verify._digests(few, [case], "eager")
    rates = eager.evaluate(case.schedule, np.arange(1_000))
    assert (verdict.holds, verdict.values, verdict.worst_ulp, verdict.cases) == (False, 1_000, 0.0, 1)
    assert verdict.first is not None
    assert np.isnan(verdict.first.ulp)
    assert dataclasses.replace(verdict.first, ulp=0.0) == compare.Disagreement(
        case="triangular-7",
        policy=compare.policy_name(case.schedule),
        tier="record",
        step=0,
        cycle=1,
        phase=0.0,
        expected=f"sha256 {'0' * 64} over steps 0 .. 999 of {first}",
        actual=f"sha256 {hashlib.sha256(rates.astype('<f4').tobytes()).hexdigest()}",
        ulp=0.0,
        bound="0 ULP",
        repeat="clr-ref verify --case triangular-7",
    )
    assert verdict.origin is not None
    assert (verdict.origin.file, verdict.origin.pairs) == (f"records/{first}.json", (first, second))


def test_the_repeating_command_names_another_store_for_a_shell(store: golden.Store, tmp_path: Path) -> None:
    case = store.cases["triangular-7"]
    assert verify._repeat(store, case) == "clr-ref verify --case triangular-7"
    elsewhere = dataclasses.replace(store, folder=tmp_path / "a b")
    assert verify._repeat(elsewhere, case) == f"clr-ref verify --case triangular-7 --golden '{tmp_path / 'a b'}'"


def test_files_with_flushed_subnormals_and_skipped_checksums_are_counted(verdicts: list[compare.Verdict]) -> None:
    found = {(v.subject, v.mode): v.note for v in verdicts if v.note}
    power = "exp_range checksums skipped, since they contain TensorFlow's own pow"
    assert found == {
        ("tfa_arithmetic", "eager"): "files that match only if subnormal numbers become 0, as on TensorFlow: 6",
        ("tfa_arithmetic, exp_range", "eager"): f"{power}: 18",
        ("tfa_graphs, exp_range", "function"): f"{power}: 18",
        ("tfa_graphs, exp_range", "xla"): f"{power}: 17",
    }


def test_verdicts_stand_in_the_order_of_what_they_compare(verdicts: list[compare.Verdict], store: golden.Store) -> None:
    modes = tfa_arithmetic.MODES
    assert [(v.subject, v.mode) for v in verdicts] == [
        ("reference", "-"),
        ("tfa_arithmetic float32", "-"),
        ("tfa_arithmetic float64", "-"),
        *((name, mode) for name, mode in zip(("tfa_arithmetic", "tfa_graphs", "tfa_graphs"), modes, strict=True)),
        *((f"{'tfa_arithmetic' if mode == 'eager' else 'tfa_graphs'}, exp_range", mode) for mode in modes),
        *((f"{'tfa_arithmetic' if mode == 'eager' else 'tfa_graphs'}, digests", mode) for mode in modes),
        *((f"TFA {dtype}", mode) for mode in modes for dtype in ("float32", "float64")),
    ]
    cases = {v.subject: v.cases for v in verdicts}
    assert cases["reference"] == len(store.cases) == cases["TFA float32"] + cases["TFA float64"]
    power = sum(case.inputs.get("gamma", 1) != 1 for case in store.cases.values())  # exp_range with gamma 1 is triangular
    assert (cases["tfa_graphs, exp_range"], cases["tfa_graphs"]) == (power, len(store.cases) - power)


def test_graphs_of_a_known_cpu_are_replayed_for_the_release_that_recorded_them(
    store: golden.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first record of a known CPU decides, and only one replay is made."""
    case, seen = store.cases["triangular-7"], []
    monkeypatch.setattr(graphs, "evaluate", lambda *_, **keywords: seen.append(keywords["tensorflow"]) or np.zeros(1))
    names = list(store.records)
    provenance = {"cpu": {"machine": "aarch64", "model": "another", "flags": []}, "tensorflow": "9.9.9"}
    unknown = dataclasses.replace(store.records[names[0]], provenance=provenance)
    records = {**store.records, names[0]: unknown}
    changed = dataclasses.replace(store, records=records)
    found = list(verify._replays(changed, case, case.steps, "xla", "int64", False, names))
    assert len(found) == len(seen) == 1
    assert seen == [tuple(map(int, store.records[names[1]].tensorflow.split(".")[:2]))]
    assert list(verify._replays(changed, case, case.steps, "xla", "int64", False, names[:1])) == []


def test_a_value_that_no_replay_has_is_compared_with_the_one_that_keeps_subnormal_numbers(
    store: golden.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = store.cases["triangular-subnormal"]
    name, names = next((key[3], names) for key, names in store.files().items() if key[:3] == (case.id, "eager", "int64"))
    recorded = store.values(case.id, name)
    kept = eager.evaluate(case.schedule, case.steps, step_dtype="int64", flush="never")
    assert not np.array_equal(kept.view("i4"), recorded.view("i4"))
    moved = recorded.copy()
    moved[-1] += np.float32(1)
    monkeypatch.setattr(golden.Store, "values", lambda *_: moved)
    found = verify._replayed_file(store, case, "eager", "int64", name, names, power=False)
    assert not found.flushed
    assert found.comparison is not None
    assert found.comparison.first is not None
    assert found.comparison.worst_ulp == np.max(np.abs(ulp.distance(kept, moved)))
    assert found.comparison.first.step == case.steps[np.flatnonzero(ulp.distance(kept, moved))[0]]
