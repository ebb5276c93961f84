"""clr-ref golden show and diff. 0: all holds. 1: a verdict failed, or the store is damaged. 2: the call was wrong."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clr_ref.cli import golden as command, main
from clr_ref.golden import measured, record as recording, report, store as golden, sums
from clr_ref.golden.accept import KINDS
from tests import terminal
from tests.golden import synthetic
from tests.golden.command import THIRD, Golden, damage
from tests.golden.conftest import FakeRecorder
from tests.golden.staged import CHANGED, stage
from tests.golden.synthetic import FIRST, SECOND


def test_show_lists_the_pairs(call: Golden, folder: Path) -> None:
    synthetic.write_failure(folder, "tf-2.1.4_tfa-0.7.1")
    synthetic.renew_sums(folder)
    result = call("show")
    assert result.exit_code == 0
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "pair                  Python  NumPy   results  errors",
        f"{FIRST}  3.11.7  1.26.4       33       3",
        f"{SECOND}  3.11.7  1.26.4       33       3",
        "processor of all: Invented CPU with 16 GiB",
        "tf-2.1.4_tfa-0.7.1 cannot be installed: No solution found",
    ]


def test_show_tells_processors_apart(call: Golden, folder: Path) -> None:
    synthetic.write_recording(folder, SECOND, folder, {("triangular-2", "xla"): 5}, memory="32")
    synthetic.renew_sums(folder)
    lines = call("show").stdout.splitlines()
    assert lines[-2:] == [f"processor of {pair}: Invented CPU with {gib} GiB" for pair, gib in ((FIRST, 16), (SECOND, 32))]


def test_show_of_a_pair_that_cannot_be_installed(call: Golden, folder: Path) -> None:
    synthetic.write_failure(folder, "tf-2.1.4_tfa-0.7.1")
    synthetic.renew_sums(folder)
    assert "cannot be installed: No solution found\n" in call("show", "tf-2.1.4_tfa-0.7.1").stdout


@pytest.mark.parametrize("arguments", [["show"], ["show", SECOND], ["diff"], ["diff", "--details"]], ids=" ".join)
def test_in_a_terminal(call: Golden, folder: Path, staging: Path, arguments: list[str]) -> None:
    """The names of pairs and cases are long, and errors of installations have 500 characters."""
    synthetic.write_failure(folder, "tf-2.1.4_tfa-0.7.1", "No solution found " * 20)
    synthetic.renew_sums(folder)
    stage(staging, folder, SECOND, nudges=CHANGED, behaviours={"int bounds": "works"})
    stage(staging, folder, THIRD, nudges=CHANGED)
    options = [] if arguments[0] == "show" else ["--staging", str(staging)]
    code, text = terminal.in_terminal("golden", *arguments, "--golden", str(folder), *options)
    assert code == (1 if arguments[0] == "diff" else 0)
    assert terminal.too_wide(text) == []
    assert SECOND in text or "tensorflow: 2.15.1" in text


def test_show_of_one_pair(call: Golden) -> None:
    result = call("show", SECOND)
    assert result.exit_code == 0
    assert "tensorflow: 2.15.1\n" in result.stdout
    assert "cpu: Invented CPU with 16 GiB, avx fma\n" in result.stdout
    assert "exp_range-2.5 eager int64: TypeError: Input 'y'" in result.stdout
    assert "int bounds: ValueError\n" in result.stdout
    assert FIRST not in result.stdout


def test_show_as_json(call: Golden) -> None:
    data = json.loads(call("show", "--json").stdout)
    assert [record["name"] for record in data] == [FIRST, SECOND]
    (one,) = json.loads(call("show", SECOND, "--json").stdout)
    assert one["behaviours"]["int bounds"] == "ValueError"
    assert len(one["entries"]) == 36


def test_show_of_an_unknown_pair(call: Golden) -> None:
    result = call("show", "tf-9.9.9_tfa-0.23.0")
    assert result.exit_code == 2
    assert FIRST in result.stderr


def test_show_of_a_damaged_store(call: Golden, folder: Path) -> None:
    damage(folder)
    result = call("show")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "sha256" in result.stderr
    document = json.loads(call("show", "--json").stdout)
    assert document["holds"] is False
    assert document["problems"] == golden.problems(folder)


def test_show_writes_the_page_and_its_picture(call: Golden, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the picture needs clr-ref[plot]")
    page = tmp_path / "docs" / "RECORD.md"
    page.parent.mkdir()
    result = call("show", "--markdown", page, "--json")
    assert result.exit_code == 0
    picture = page.with_name("drift.png")
    assert json.loads(result.stdout) == {"wrote": [str(page), str(picture)]}
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert page.read_text("utf-8") == report.markdown(golden.read(folder), "drift.png")


def test_page_has_every_pair_behaviour_and_case(folder: Path) -> None:
    synthetic.write_failure(folder, "tf-2.1.4_tfa-0.7.1")
    synthetic.write_recording(folder, "tf-2.16.0_tfa-0.24.0", folder)  # not one of the 42
    synthetic.renew_sums(folder)
    store = golden.read(folder)
    page = report.markdown(store, "picture.png")
    rows = {tuple(cell.strip() for cell in line.split("|")[1:4]) for line in page.splitlines() if line.startswith("| 2.")}
    assert len(rows) == len(recording.PAIRS) + 1
    outcomes = "33 recorded, 3 raised"
    assert {("2.14.1", "0.22.0", outcomes), ("2.15.1", "0.23.0", outcomes)} <= rows
    assert ("2.1.4", "0.7.1", "cannot be installed: No solution found") in rows
    assert ("2.9.3", "0.19.0", "not recorded") in rows
    assert ("2.16.0", "0.24.0", outcomes) in rows
    for title, outcome in store.records[SECOND].behaviours.items():
        assert f"**{title}**" in page
        assert outcome in page
    for case in store.cases.values():
        assert f"| {case.id} | {case.cls} |" in page
        assert case.note in page
    assert "(picture.png)" in page


def test_page_says_which_bits_changed(folder: Path) -> None:
    page = report.markdown(golden.read(folder), "picture.png")
    changed = [line for line in page.splitlines() if line.startswith(f"| {FIRST} | {SECOND} |")]
    # XLA alone changed; by 5 ULP, in both of its files. 5 ULP of the larger bound, 1e-2, are 5 * 2**-30.
    assert changed == [f"| {FIRST} | {SECOND} | xla | triangular-2 5 (0.000047 %) | 5 (0.000047 %) | none |"]


def test_page_begins_with_its_contents_and_findings(folder: Path) -> None:
    """The numbers are those of the synthetic store: of two pairs, tf.function is 1 ULP off, and XLA 5 ULP in one case."""
    synthetic.write_recording(folder, SECOND, folder, {("triangular-2", "xla"): 5}, {"int bounds": "works"})
    synthetic.renew_sums(folder)
    page = report.markdown(golden.read(folder), "picture.png")
    titles = re.findall("(?m)^## (.*)$", page)
    links = re.findall(r"(?m)^- \[(.*)\]\(#(.*)\)$", page)
    assert [title for title, _ in links] == titles
    assert titles[0] == "Findings"
    assert dict(links)["Eager against tf.function against XLA"] == "eager-against-tffunction-against-xla"
    for link in re.findall(r"\]\(#([^)]*)\)", page):
        assert link in dict(links).values()
    said = " ".join(page.partition("## Findings")[2].partition("## ")[0].split())
    for sentence in (
        "2 of the 42 supported pairs ran, from TF 2.14.1 with TFA 0.22.0 to TF 2.15.1 with TFA 0.23.0. They gave 72 results.",
        "Of 4 cases, 4 with tf.function and 1 with XLA have other bits than in eager mode.",
        "The bits of rates changed with TensorFlow 2.15.1. None of the changes came with another TFA",
        "TFA raised an exception for 6 of 72 results, 6 of them at an int64 step. On the newest pair, 1 of 4 cases",
        "Of 3 behaviours that were tried, 1 differs between pairs.",
    ):
        assert sentence in said, said


def test_drift_has_the_error_beside_the_distance(folder: Path) -> None:
    """At step 8, which only triangular-2 has, eager mode is exact, and tf.function is 1 ULP off."""
    store = golden.read(folder)
    drifts = {each.mode: each for each in measured.drift(store)}
    case = store.cases["triangular-2"]
    found = drifts["function"].within(drifts["function"].steps == 8)
    assert found is not None
    assert (found.ulps, found.relative) == (1, pytest.approx(2.0**-37 / case.schedule.maximal_learning_rate))
    assert drifts["eager"].within(drifts["eager"].steps == 8) == measured.Apart(0, 0)
    assert drifts["function"].within(drifts["function"].steps > 1000) is None


def test_page_tells_behaviours_apart_by_version(folder: Path) -> None:
    synthetic.write_recording(folder, SECOND, folder, {("triangular-2", "xla"): 5}, {"int bounds": "works | at <last>"})
    synthetic.renew_sums(folder)
    page = report.markdown(golden.read(folder), "picture.png")
    assert "- TF 2.14.1 TFA 0.22.0: ValueError\n- TF 2.15.1 TFA 0.23.0: works | at &lt;last>" in page


def test_diff_of_nothing_staged(call: Golden) -> None:
    result = call("diff", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"pairs": []}


def test_diff_of_nothing_names_the_command_that_records(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for staging in ([], ["--staging", "my staging"]):
        (tmp_path / "my staging").mkdir(exist_ok=True)
        result = CliRunner().invoke(main, ["golden", "diff", "--golden", str(folder), *staging])
        assert result.exit_code == 0
        said = " ".join(result.stdout.split())
        options = " --staging 'my staging'" if staging else ""
        assert said.startswith(
            f"Nothing is recorded in {staging[-1] if staging else '.golden-staging'}, so that there is nothing"
        )
        assert f"`clr-ref golden record tf-2.15.1_tfa-0.23.0{options} --golden {folder}` records one pair" in said


def test_diff_of_what_is_the_same(call: Golden, folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST)
    result = call("diff")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{FIRST}: compared with the stored recording of this pair",
        *(f"  {mode}: 12 of 12 results are the same" for mode in ("eager", "function", "xla")),
        "No stored result would change. `clr-ref golden accept` moves the recordings into the store.",
    ]


@pytest.mark.parametrize("changes", [{"nudges": CHANGED}, {"behaviours": {"int bounds": "works"}}], ids=["value", "behaviour"])
def test_diff_of_a_stored_pair_that_would_change(call: Golden, folder: Path, staging: Path, changes: Any) -> None:
    stage(staging, folder, SECOND, **changes)
    assert call("diff").exit_code == 1
    assert call("diff", SECOND, "--json").exit_code == 1


def test_diff_of_a_pair_that_can_no_longer_be_installed(call: Golden, folder: Path, staging: Path) -> None:
    synthetic.write_failure(staging / FIRST, FIRST)
    assert call("diff").exit_code == 1


def test_diff_of_a_new_case_is_no_failure(call: Golden, folder: Path, staging: Path) -> None:
    extra = synthetic.case("later", "TriangularCyclicalLearningRate", "triangular", 2, [[0, 2]])
    synthetic.edit(folder / "cases.json", lambda data: data["cases"].append(extra))
    stage(staging, folder, FIRST)
    result = call("diff")
    assert result.exit_code == 0
    assert "  xla: 12 of 15 results are the same, new: 3\n" in result.stdout


def test_new_case_from_cases_json_to_the_store(
    call: Golden, recorder: FakeRecorder, folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way that README describes: every step says what the next one is, and the last one needs no reason."""
    extra = synthetic.case("later", "TriangularCyclicalLearningRate", "triangular", 2, [[0, 2]])
    synthetic.edit(folder / "cases.json", lambda data: data["cases"].append(extra))
    refused = call("show")
    assert refused.exit_code == 1
    said = " ".join(refused.stderr.split())
    assert said.count("cases.json: ") == 1
    assert "case 'later'" in said
    assert "run `tox run -m record`, then `clr-ref golden accept`" in said
    for pair, nudges in ((FIRST, {}), (SECOND, {("triangular-2", "xla"): 5})):
        recorder.prepare(pair, nudges=nudges)
        assert "`clr-ref golden accept`" in call("record", "--python", sys.executable).stdout
    assert call("diff").exit_code == 0
    assert call("accept").exit_code == 0
    assert call("show").exit_code == 0


def test_edited_note_records_nothing_anew(call: Golden, folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthetic.edit(folder / "cases.json", lambda data: data["cases"][0].update(note="A better reason."))
    monkeypatch.setattr(recording, "record_pair", lambda *_, **__: pytest.fail("nothing is to be recorded"))
    for _ in ("before accept", "after accept"):
        result = call("record", FIRST, SECOND)
        assert result.exit_code == 0
        assert result.stderr.count("up to date") == 2
        assert call("accept").exit_code == 0


def test_diff_of_a_new_pair_is_no_failure(call: Golden, folder: Path, staging: Path) -> None:
    """Other answers than those of the pair before are news, not a change of what is stored."""
    stage(staging, folder, THIRD, nudges=CHANGED)
    result = call("diff")
    assert result.exit_code == 0
    assert f"{THIRD}: compared with {FIRST} (the nearest)\n" in result.stdout
    assert "  xla: 9 of 12 results are the same, other rates: 3, by at most 9 ULP\n" in result.stdout


def test_diff_shows_only_what_is_asked_for(call: Golden, folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST)
    stage(staging, folder, SECOND, nudges=CHANGED)
    document = json.loads(call("diff", FIRST, "--json").stdout)
    assert [pair["pair"] for pair in document["pairs"]] == [FIRST]
    assert call("diff", FIRST).exit_code == 0


def test_a_page_of_a_store_without_any_rates(call: Golden, staging: Path, tmp_path: Path) -> None:
    empty = tmp_path / "other" / "golden"
    synthetic.write_cases(empty)
    synthetic.write_failure(staging / FIRST, FIRST)
    assert call("accept", to=empty).exit_code == 0
    result = call("show", "--markdown", empty.parent / "page.md", to=empty)
    assert (result.exit_code, "needs recorded float32 rates" in result.stderr) == (2, True)
    assert not (empty.parent / "page.md").exists()


def test_a_page_of_a_store_whose_graphs_all_raised(folder: Path) -> None:
    store = golden.read(folder)
    records = {
        name: dataclasses.replace(record, entries=tuple(e for e in record.entries if e.mode == "eager"))
        for name, record in store.records.items()
    }
    eager = dataclasses.replace(store, records=records)
    (drift,) = measured.drift(eager)
    assert drift.mode == "eager"
    assert "the correctly rounded" in report.markdown(eager, "picture.png")


def test_control_characters_of_a_record_are_escaped(call: Golden, folder: Path) -> None:
    synthetic.write_failure(folder, "tf-2.1.4_tfa-0.7.1")
    path = folder / "records" / "tf-2.1.4_tfa-0.7.1.json"
    synthetic.edit(path, lambda data: data.update(error="\x1b]0;title\a"))
    assert call("accept").exit_code == 1  # records are not edited by hand
    (folder / "SHA256SUMS").write_text(sums.render_sums(folder), "utf-8")
    result = call("show", "tf-2.1.4_tfa-0.7.1")
    assert "cannot be installed: \\x1b]0;title\\x07" in result.stdout


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, ""),
        ({"new": 1}, ", new: 1"),
        ({"other_rates": 1, "worst_ulp": 3.0}, ", other rates: 1, by at most 3 ULP"),
        ({"new": 1, "other_rates": 2, "worst_ulp": math.inf}, ", new: 1, other rates: 2, by at most inf ULP"),
        (
            {"other_checksum": 1, "other_steps": 2, "other_error": 3, "values_against_errors": 4, "removed": 5},
            ", another checksum of the same rates: 1, other steps: 2, another error: 3, an error on one side only: 4, "
            "removed: 5",
        ),
    ],
)
def test_a_mode_in_words(counts: dict[str, Any], words: str) -> None:
    none = dict.fromkeys(KINDS, 0)
    assert (
        command._in_words({"entries": 12, "same": 9, "worst_ulp": 0.0, **none, **counts})
        == f"9 of 12 results are the same{words}"
    )


def test_diff_of_one_pair_that_changed(call: Golden, folder: Path, staging: Path) -> None:
    stage(staging, folder, SECOND, nudges=CHANGED, behaviours={"int bounds": "works"})
    stage(staging, folder, FIRST)
    synthetic.write_failure(staging / "tf-2.1.4_tfa-0.7.1", "tf-2.1.4_tfa-0.7.1")
    result = call("diff", FIRST, SECOND, "tf-2.1.4_tfa-0.7.1")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{FIRST}: compared with the stored recording of this pair",
        *(f"  {mode}: 12 of 12 results are the same" for mode in ("eager", "function", "xla")),
        f"{SECOND}: compared with the stored recording of this pair",
        *(f"  {mode}: 12 of 12 results are the same" for mode in ("eager", "function")),
        "  xla: 9 of 12 results are the same, other rates: 3, by at most 4 ULP",
        "  behaviours: 1 differ",
        f"tf-2.1.4_tfa-0.7.1: compared with {FIRST} (the nearest)",
        "  cannot be installed: No solution found",
        f"1 pair would change stored results: {SECOND}.",
        "`--details` lists each difference.",
        "`clr-ref golden accept --overwrite --reason TEXT` replaces what is stored.",
    ]


def test_diff_in_detail(call: Golden, folder: Path, staging: Path) -> None:
    def names(root: Path, kind: str) -> str:
        name = synthetic.values_of(root, SECOND, "triangular-2", "xla", kind=kind).rpartition("/")[2]
        return name if kind == "python int" else f"{name} digest {name[4:12]}"

    stage(staging, folder, SECOND, nudges=CHANGED, behaviours={"int bounds": "works"})
    result = call("diff", "--details")
    assert result.exit_code == 1
    expected = []
    for kind in ("python int", "int64", "float32"):
        expected += [
            f"  - triangular-2, xla, steps of type {kind}, 4 ULP apart",
            f"      before: {names(folder, kind)}",
            f"      after:  {names(staging / SECOND, kind)}",
        ]
    assert result.stdout.splitlines()[5:] == [
        *expected,
        "  - behaviour, 'int bounds'",
        "      before: ValueError",
        "      after:  works",
        f"1 pair would change stored results: {SECOND}.",
        "`clr-ref golden accept --overwrite --reason TEXT` replaces what is stored.",
    ]


def test_diff_as_json_has_no_infinity(call: Golden, folder: Path, staging: Path) -> None:
    """A NaN in place of a number is infinitely far away, and JSON has no word for that."""
    name = synthetic.values_of(folder, SECOND, "triangular-2", "xla")
    synthetic.rewrite_values(folder, name, lambda text: re.sub("(?m)^8,.*$", "8,nan,nan", text))
    stage(staging, folder, SECOND)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    result = call("diff", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout, parse_constant=refuse)
    assert document["pairs"][0]["modes"]["xla"]["worst_ulp"] == "inf"


def test_diff_of_pairs_that_are_not_staged(call: Golden, folder: Path, staging: Path) -> None:
    result = call("diff", FIRST, SECOND)
    assert result.exit_code == 2
    assert f"{FIRST!r}, {SECOND!r}; staged are: none" in " ".join(result.stderr.split())
    stage(staging, folder, FIRST)
    result = call("diff", FIRST, SECOND)
    assert result.exit_code == 2
    assert f": {SECOND!r}; staged are: {FIRST}" in " ".join(result.stderr.split())


def test_diff_of_a_damaged_recording(call: Golden, folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST)
    (staging / FIRST / "records" / f"{FIRST}.json").write_text("{")
    result = call("diff", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["holds"] is False


def test_diff_against_a_damaged_store(call: Golden, folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST, nudges={("triangular-2", "eager"): 1})
    (folder / synthetic.values_of(folder, FIRST, "triangular-2")).unlink()
    result = call("diff")
    assert result.exit_code == 1
    assert "nothing was compared" in result.stderr
