"""The store is read whole or not at all: every kind of damage is found, and named."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_ref.golden import store as golden
from clr_ref.golden.cases import accepted_cases_sha256
from clr_ref.golden.sums import SUMS, sha256
from clr_ref.golden.values import parse_values, render_values
from tests.golden import synthetic
from tests.golden.synthetic import FIRST, SECOND

Change = Callable[[Any], None]


def the_problem(folder: Path) -> str:
    """The one problem that the store has; ``read`` refuses it with the same words."""
    found = golden.problems(folder)
    assert len(found) == 1, found
    with pytest.raises(golden.StoreError) as refused:
        golden.read(folder)
    assert str(refused.value) == found[0]
    return found[0]


def edited_cases(folder: Path, change: Change) -> str:
    """What is wrong after a change of cases.json with the sums renewed: everything that ``problems`` says."""
    synthetic.edit(folder / "cases.json", change)
    synthetic.renew_sums(folder)
    return "\n".join(golden.problems(folder))


def edited_record(folder: Path, change: Change) -> str:
    """The complaints about the second record after a change of it, with the sums renewed."""
    synthetic.edit(folder / "records" / f"{SECOND}.json", change)
    synthetic.renew_sums(folder)
    found = [problem for problem in golden.problems(folder) if not problem.endswith("orphaned, no record refers to it")]
    return "\n".join(found)


def entry(data: Any, mode: str = "eager", kind: str = "float32") -> Any:
    return data["results"]["triangular-2"][mode][kind]


# --- a sound store ---------------------------------------------------------------------------------------------------


def test_sound_store_has_no_problems(folder: Path) -> None:
    assert golden.problems(folder) == []


def test_read_gives_cases_and_records(folder: Path) -> None:
    store = golden.read(folder)
    assert list(store.cases) == [case["id"] for case in synthetic.CASES]
    assert list(store.records) == [FIRST, SECOND]
    assert store.digest_steps == synthetic.DIGEST_STEPS
    assert all(len(record.entries) == len(synthetic.CASES) * 9 for record in store.records.values())
    assert store.records[SECOND].tensorflow == "2.15.1"
    assert store.records[SECOND].tensorflow_addons == "0.23.0"


def test_case_knows_its_steps_by_mode(folder: Path) -> None:
    case = golden.read(folder).cases["triangular-2"]
    assert case.steps.tolist() == [0, 1, 2, 3, 4, 7, 8]
    assert case.steps_for("eager", "python int").tolist() == [0, 1, 2, 3, 4, 7, 8]
    assert case.steps_for("xla", "python int").tolist() == [0, 2]
    assert case.steps_for("xla", "int64").tolist() == [0, 1, 2, 3, 4, 7, 8]


def test_case_makes_its_schedule(folder: Path) -> None:
    case = golden.read(folder).cases["exp_range-2.5"]
    assert case.schedule.scale_mode == "iterations"
    assert case.schedule.scale_fn(2) == 0.9**2
    assert case.schedule(2).dtype == np.float32


def test_wide_schedule_keeps_the_rounded_inputs(folder: Path) -> None:
    case = golden.read(folder).cases["triangular-2"]
    assert case.wide_schedule(1).dtype == np.float64
    assert case.wide_schedule.maximal_learning_rate == float(np.float32(1e-2))


def test_values_are_in_the_dtype_and_order_of_the_case(folder: Path) -> None:
    store = golden.read(folder)
    for (case, mode, kind, name), _ in store.files().items():
        values = store.values(case, name)
        assert values.dtype == store.cases[case].dtype
        assert len(values) == len(store.cases[case].steps_for(mode, kind))
    name = Path(synthetic.values_of(folder, FIRST, "triangular-2")).name
    assert (
        store.values("triangular-2", name).tolist()
        == store.cases["triangular-2"].schedule(store.cases["triangular-2"].steps).tolist()
    )


def test_answers_that_agree_share_one_file(folder: Path) -> None:
    holders = golden.read(folder).files()
    shared = Path(synthetic.values_of(folder, FIRST, "triangular-2")).name
    assert holders["triangular-2", "eager", "float32", shared] == [FIRST, SECOND]
    own = [Path(synthetic.values_of(folder, pair, "triangular-2", "xla")).name for pair in (FIRST, SECOND)]
    assert own[0] != own[1]
    assert holders["triangular-2", "xla", "float32", own[1]] == [SECOND]


def test_digests_are_those_of_the_records(folder: Path) -> None:
    found = golden.read(folder).digests()
    assert {kind for _, _, kind, _ in found} == {"int64", "float32"}
    shared = [pairs for (case, mode, _, _), pairs in found.items() if (case, mode) == ("triangular-2", "eager")]
    assert shared == [[FIRST, SECOND]] * 2


def test_error_is_an_answer(folder: Path) -> None:
    entries = {(e.case, e.mode, e.step_dtype): e for e in golden.read(folder).records[FIRST].entries}
    refused = entries["exp_range-2.5", "eager", "int64"]
    assert refused.error == (synthetic.INT64_ERROR["class"], synthetic.INT64_ERROR["message"])
    assert refused.values is None


def test_behaviours_are_one_line_each(folder: Path) -> None:
    behaviours = golden.read(folder).records[FIRST].behaviours
    assert behaviours["step_size 0"] == "step 0: nan"
    assert behaviours["int64 step"].startswith("TypeError: Input 'y'")


def test_record_of_a_pair_that_cannot_be_installed(folder: Path) -> None:
    synthetic.write_failure(folder, "tf-2.1.4_tfa-0.7.1")
    synthetic.renew_sums(folder)
    record = golden.read(folder).records["tf-2.1.4_tfa-0.7.1"]
    assert record.error == "No solution found"
    assert record.entries == ()


def test_records_stand_in_the_order_of_versions(folder: Path) -> None:
    # By text tf-2.9.3 would come last.
    for pair in ("tf-2.9.3_tfa-0.19.0", "tf-2.10.1_tfa-0.20.0", "tf-2.10.1_tfa-0.19.0"):
        synthetic.write_failure(folder, pair)
    synthetic.renew_sums(folder)
    names = list(golden.read(folder).records)
    assert names == ["tf-2.9.3_tfa-0.19.0", "tf-2.10.1_tfa-0.19.0", "tf-2.10.1_tfa-0.20.0", FIRST, SECOND]


def test_sums_are_those_of_sha256sum(folder: Path) -> None:
    """The form of coreutils, so that ``sha256sum -c`` checks the store without Python."""
    lines = (folder / SUMS).read_text().splitlines()
    names = [line[66:] for line in lines]
    assert names == sorted(set(synthetic.snapshot(folder)) - {SUMS})
    for line, name in zip(lines, names, strict=True):
        assert line == f"{sha256((folder / name).read_bytes())}  {name}"


# --- values files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_round_trip(dtype: str) -> None:
    """Every kind of float comes back in its bits, and writing it again gives the same text."""
    kind = np.dtype(dtype).type
    tiny = np.finfo(dtype).smallest_subnormal
    values = np.array([0.0, -0.0, tiny, 1e-4, 0.1, -2.5, np.finfo(dtype).max, np.inf, -np.inf, np.nan], kind)
    steps = [*range(9), 2**63 - 1]
    text = render_values(steps, values)
    found_steps, found = parse_values(text, dtype)
    assert found_steps.tolist() == steps
    assert found.dtype == dtype
    assert found.tobytes() == values.tobytes()
    assert render_values(found_steps, found) == text


def test_decimal_is_the_shortest_of_the_dtype() -> None:
    """0.01 in float32 is written 1e-02, not with the digits of the float64 that hex shows."""
    assert render_values([3], [np.float32(0.01)]).splitlines()[1] == "3,0x1.47ae140000000p-7,1e-02"


@pytest.mark.parametrize("text", ["", "step,hex\n", "step,hex,decimal\n1,0x0p+0\n", "step,hex,decimal\n1,zero,0\n"])
def test_what_is_no_values_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"first line|fields|invalid"):
        parse_values(text, "float32")


def test_missing_values_file(folder: Path) -> None:
    name = synthetic.values_of(folder, SECOND, "triangular-2", "xla")
    (folder / name).unlink()
    synthetic.renew_sums(folder)
    assert the_problem(folder) == f"{name}: missing, but a record refers to it"


def test_orphaned_values_file(folder: Path) -> None:
    name = synthetic.values_of(folder, SECOND, "triangular-2", "xla")
    shutil.copyfile(folder / name, folder / "values/triangular-2/xla-00000000.csv")
    synthetic.renew_sums(folder)
    assert the_problem(folder) == "values/triangular-2/xla-00000000.csv: orphaned, no record refers to it"


def test_values_that_do_not_match_their_name(folder: Path) -> None:
    """With hex and decimal changed alike and the sums renewed, only the content address can tell."""
    name = synthetic.values_of(folder, SECOND, "triangular-2", "xla")
    text = (folder / name).read_text()
    steps, values = parse_values(text, "float32")
    values[2] = np.nextafter(values[2], np.float32(1))
    (folder / name).write_text(render_values(steps, values))
    synthetic.renew_sums(folder)
    assert the_problem(folder) == f"{name}: the content is not what its name says: the sha256 does not match"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n7,", "\n6,"),
        lambda text: text.removesuffix("\n").rpartition("\n")[0] + "\n",
        lambda text: text + "9,0x0.0p+0,0e+00\n",
    ],
    ids=["another step", "a step less", "a step more"],
)
def test_steps_that_are_not_those_of_the_case(folder: Path, change: Callable[[str], str]) -> None:
    name = synthetic.rewrite_values(folder, synthetic.values_of(folder, FIRST, "triangular-2"), change)
    assert the_problem(folder) == f"{name}: the steps are not those of the case"


def test_steps_of_another_step_dtype(folder: Path) -> None:
    """A graph mode was asked ``traced_steps`` as Python ints: the file of its tensors does not answer those."""

    def change(data: Any) -> None:
        entry(data, "function", "python int")["values"] = entry(data, "function", "float32")["values"]

    name = synthetic.values_of(folder, SECOND, "triangular-2", "function")
    # In both records, so that no entry of the file that is right comes before or after those that are wrong.
    synthetic.edit(folder / "records" / f"{FIRST}.json", change)
    assert edited_record(folder, change) == f"{name}: the steps are not those of the case"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.removesuffix("\n"),
        lambda text: text.replace("\n1,", "\n01,"),
        lambda text: text.replace("\n1,", "\n1 ,"),
        lambda text: text.replace("0x1.", "0X1."),
        lambda text: text.replace("1e-04", "1.0e-04"),
        lambda text: text.replace("000p", "p"),
    ],
    ids=["line ends", "no last line end", "padded step", "space", "capital", "longer decimal", "shorter hex"],
)
def test_form_that_is_not_canonical(folder: Path, change: Callable[[str], str]) -> None:
    """One value has one text, so that files that agree have one name."""
    name = synthetic.rewrite_values(folder, synthetic.values_of(folder, FIRST, "triangular-2"), change)
    assert the_problem(folder) == f"{name}: hex and decimal disagree, or the form is not canonical"


@pytest.mark.parametrize(("old", "new"), [("1e-02", "1.1e-02"), ("0x1.47ae140000000p-7", "0x1.47ae160000000p-7")])
def test_hex_and_decimal_that_disagree(folder: Path, old: str, new: str) -> None:
    name = synthetic.rewrite_values(
        folder, synthetic.values_of(folder, FIRST, "triangular-2"), lambda text: text.replace(old, new, 1)
    )
    assert the_problem(folder) == f"{name}: hex and decimal disagree, or the form is not canonical"


def test_hex_that_the_dtype_cannot_hold(folder: Path) -> None:
    """A float32 value with the bits of a float64 was not recorded from a float32 schedule."""
    name = synthetic.rewrite_values(
        folder,
        synthetic.values_of(folder, FIRST, "triangular-2"),
        lambda text: text.replace("0x1.47ae140000000p-7", "0x1.47ae140000001p-7", 1),
    )
    assert the_problem(folder).startswith(f"{name}: hex and decimal disagree")


def test_number_that_is_none(folder: Path) -> None:
    name = synthetic.rewrite_values(
        folder, synthetic.values_of(folder, FIRST, "triangular-2"), lambda text: text.replace("p-7", "p+99999", 1)
    )
    assert the_problem(folder).startswith(f"{name}: ")


# --- cases.json ------------------------------------------------------------------------------------------------------


def test_unknown_field_of_the_cases(folder: Path) -> None:
    assert edited_cases(folder, lambda data: data.update(author="x")) == "cases.json: unknown field 'author'"


def test_unknown_field_of_a_case(folder: Path) -> None:
    assert "unknown field 'tolerance'" in edited_cases(folder, lambda data: data["cases"][1].update(tolerance=1e-6))


def test_unknown_input(folder: Path) -> None:
    """A gamma that the policy does not use is a mistake, not an extra."""
    gamma = {"decimal": 0.5, "hex": "0x1p-1"}
    assert "unknown field 'gamma'" in edited_cases(folder, lambda data: data["cases"][0]["inputs"].update(gamma=gamma))


@pytest.mark.parametrize("field", ["id", "class", "inputs", "steps", "traced_steps", "note", "flags"])
def test_missing_field_of_a_case(folder: Path, field: str) -> None:
    assert f"missing field {field!r}" in edited_cases(folder, lambda data: data["cases"][0].pop(field))


@pytest.mark.parametrize("field", ["format", "digest_steps", "flags", "cases"])
def test_missing_field_of_the_cases(folder: Path, field: str) -> None:
    assert f"missing field {field!r}" in edited_cases(folder, lambda data: data.pop(field))


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_wrong_format_number_of_the_cases(folder: Path, number: object) -> None:
    assert edited_cases(folder, lambda data: data.update(format=number)) == f"cases.json: format must be 1, got {number!r}"


@pytest.mark.parametrize("note", ["", None, 3])
def test_note_that_is_missing(folder: Path, note: object) -> None:
    found = edited_cases(folder, lambda data: data["cases"][0].update(note=note))
    required = "a text" if not isinstance(note, str) else "a text that is not empty"
    assert found == f"cases.json: cases: triangular-2: note must be {required}, got {note!r}"


def test_unknown_flag(folder: Path) -> None:
    found = edited_cases(folder, lambda data: data["cases"][0]["flags"].append("novel"))
    assert found == "cases.json: case triangular-2: unknown flags ['novel']; known are ['base', 'pow']"


@pytest.mark.parametrize("steps", [[[7, 9], [0, 5]], [[5, 0]], [[3, 3]], [[0, 5], [4, 9]]], ids=lambda steps: str(steps))
def test_steps_that_do_not_ascend(folder: Path, steps: list[list[int]]) -> None:
    found = edited_cases(folder, lambda data: data["cases"][0].update(steps=steps))
    assert found.startswith("cases.json: case triangular-2: steps must be ascending ranges")


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([[-1, 2]], ": 0: 0 must be a whole number from 0 to 9223372036854775808, got -1"),
        ([], " must be a list that is not empty"),
    ],
)
def test_steps_that_are_none(folder: Path, steps: list[list[int]], message: str) -> None:
    found = edited_cases(folder, lambda data: data["cases"][0].update(steps=steps))
    assert found.startswith(f"cases.json: cases: triangular-2: steps{message}")


def test_steps_without_end(folder: Path) -> None:
    """One digit more must not make the check of a store take all memory."""
    found = edited_cases(folder, lambda data: data["cases"][0].update(steps=[[0, 2**62]]))
    assert found == f"cases.json: case triangular-2: steps must be at most 1,000,000, got [[0, {2**62}]]"


def test_two_cases_of_one_id(folder: Path) -> None:
    found = edited_cases(folder, lambda data: data["cases"].append(data["cases"][0]))
    assert found == "cases.json: two cases have one id"


@pytest.mark.parametrize(
    ("field", "value"),
    [("policy", "triangular3"), ("call", "vector"), ("dtype", "float16"), ("scale_mode", "cycles"), ("steps", [["a", "b"]])],
)
def test_value_that_a_field_does_not_take(folder: Path, field: str, value: object) -> None:
    found = edited_cases(folder, lambda data: data["cases"][0].update({field: value}))
    assert found.startswith("cases.json: ")


@pytest.mark.parametrize("text", ["0x1.a36e2eb1c432dp-15", "0x1.a36e2eb1c432ep-14", "0x1p+99999", "nothing"])
def test_input_whose_hex_is_not_its_decimal(folder: Path, text: str) -> None:
    found = edited_cases(folder, lambda data: data["cases"][0]["inputs"]["initial_learning_rate"].update(hex=text))
    assert found.startswith("cases.json: ")


@pytest.mark.parametrize("number", [0, -1, 1.5, True, "8"])
def test_digest_steps_that_are_no_count(folder: Path, number: object) -> None:
    assert "digest_steps must be a whole number" in edited_cases(folder, lambda data: data.update(digest_steps=number))


@pytest.mark.parametrize("steps", ["[[0, Infinity]]", "[[NaN, 2]]", "[[0, 1e99]]"])
def test_steps_that_are_no_numbers(folder: Path, steps: str) -> None:
    path = folder / "cases.json"
    synthetic.edit(path, lambda data: data["cases"][0].update(steps="HERE"))
    path.write_text(path.read_text().replace('"HERE"', steps))
    synthetic.renew_sums(folder)
    assert golden.problems(folder)[0].startswith("cases.json: ")


@pytest.mark.parametrize("name", ["cases.json", f"records/{SECOND}.json"])
def test_key_that_stands_twice(folder: Path, name: str) -> None:
    """JSON readers take the last one and say nothing; a reviewer may have read the first."""
    text = (folder / name).read_text()
    (folder / name).write_text(text.replace('"format": 1,', '"format": 1, "format": 1,'))
    synthetic.renew_sums(folder)
    found = golden.problems(folder)
    assert found[0].startswith(f"{name}: a key stands twice: format")


@pytest.mark.parametrize("name", ["cases.json", f"records/{SECOND}.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_file_that_is_no_object(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    synthetic.renew_sums(folder)
    assert golden.problems(folder)


# --- records ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        lambda data: data,
        lambda data: data["provenance"],
        lambda data: data["provenance"]["cpu"],
        lambda data: data["results"]["triangular-2"],
        lambda data: data["results"]["triangular-2"]["xla"],
        entry,
        lambda data: entry(data, "eager", "python int"),
        lambda data: data["results"]["exp_range-2.5"]["eager"]["int64"],
        lambda data: data["results"]["exp_range-2.5"]["eager"]["int64"]["error"],
        lambda data: data["behaviours"]["int bounds"],
        lambda data: data["behaviours"]["int64 step"]["error"],
    ],
    ids=[
        *("record", "provenance", "cpu", "case", "mode", "entry", "entry of a Python int", "entry with an error"),
        *("error of an entry", "behaviour", "error of a behaviour"),
    ],
)
def test_unknown_field_of_a_record(folder: Path, place: Callable[[Any], Any]) -> None:
    found = edited_record(folder, lambda data: place(data).update(surplus=1))
    assert found.startswith(f"records/{SECOND}.json: ")
    assert "unknown field 'surplus'" in found


@pytest.mark.parametrize("field", ["recorder_sha256", "cases_sha256", "numpy", "os", "cpu"])
def test_missing_provenance(folder: Path, field: str) -> None:
    assert f"missing field {field!r}" in edited_record(folder, lambda data: data["provenance"].pop(field))


@pytest.mark.parametrize(("mode", "kind", "field"), [("xla", "int64", "digest"), ("eager", "float32", "differs_in_array")])
def test_missing_field_of_an_entry(folder: Path, mode: str, kind: str, field: str) -> None:
    assert f"missing field {field!r}" in edited_record(folder, lambda data: entry(data, mode, kind).pop(field))


def test_missing_step_dtype(folder: Path) -> None:
    found = edited_record(folder, lambda data: data["results"]["triangular-2"]["xla"].pop("int64"))
    assert found == f"records/{SECOND}.json: results: triangular-2: xla: missing field 'int64'"


def test_missing_mode(folder: Path) -> None:
    found = edited_record(folder, lambda data: data["results"]["triangular-2"].pop("function"))
    assert found == f"records/{SECOND}.json: results: triangular-2: missing field 'function'"


def test_missing_case_of_a_record(folder: Path) -> None:
    found = edited_record(folder, lambda data: data["results"].pop("triangular-2"))
    assert found == f"cases.json: case 'triangular-2' is recorded for 1 of 2 pairs; {golden.NEXT}"


def test_unknown_case_of_a_record(folder: Path) -> None:
    found = edited_record(folder, lambda data: data["results"].update(other=data["results"]["triangular-2"]))
    assert found.startswith("cases.json: case 'other' is recorded, but not there; put back what was removed or renamed, or run")


@pytest.mark.parametrize("renewed", [True, False], ids=["sums renewed", "sums not renewed"])
@pytest.mark.parametrize(
    ("names", "said"), [(["later"], "case 'later' is"), (["later", "last"], "cases 'later', 'last' are")], ids=["one", "two"]
)
def test_added_cases_are_one_message_with_the_next_command(folder: Path, names: list[str], said: str, renewed: bool) -> None:
    """Whatever follows from it (incomplete records, other sums) is no news to someone who added a case."""
    extra = [synthetic.case(name, "TriangularCyclicalLearningRate", "triangular", 2, [[0, 2]]) for name in names]
    synthetic.edit(folder / "cases.json", lambda data: data["cases"].extend(extra))
    if renewed:
        synthetic.renew_sums(folder)
    expected = f"cases.json: {said} recorded for no pair; run `tox run -m record`, then `clr-ref golden accept`"
    assert the_problem(folder) == expected


def test_removed_case_is_one_message(folder: Path) -> None:
    synthetic.edit(folder / "cases.json", lambda data: data["cases"].pop())
    assert the_problem(folder).startswith("cases.json: case 'float64-triangular2-2' is recorded, but not there")


@pytest.mark.parametrize(
    "change",
    [
        lambda case: case["inputs"]["step_size"].update(decimal=4, hex="0x1.0000000000000p+2"),
        lambda case: case.update(steps=[[0, 5]]),
        lambda case: case.update(traced_steps=[0]),
        lambda case: case.update(scale_mode="iterations"),
        lambda case: case.update(call="array"),
    ],
    ids=["inputs", "steps", "traced steps", "scale mode", "call"],
)
def test_edited_case_is_one_message(folder: Path, change: Change) -> None:
    """New sums must not hide that the records were made of other inputs."""
    found = edited_cases(folder, lambda data: change(data["cases"][0]))
    made = "2 of 2 records were made of other inputs or steps"
    assert found == f"cases.json: {made}, {FIRST} for one; undo the change, or {golden.REPLACE}"


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["cases"][0].update(note="Another reason."),
        lambda data: data["cases"][0].update(flags=["base"]),
        lambda data: data["flags"].update(base="In other words."),
        lambda data: data["cases"].reverse(),
        lambda data: data["cases"][0]["inputs"]["step_size"].update(decimal=2.0),
    ],
    ids=["note", "flag", "meaning of a flag", "order", "decimal"],
)
def test_edit_that_no_recording_depends_on(folder: Path, change: Change) -> None:
    assert edited_cases(folder, change) == ""


def test_older_records_of_all_of_cases_json_outlive_an_edited_note(tmp_path: Path) -> None:
    """The records that are shipped name the sha256 of a cases.json with notes."""
    path = tmp_path / "cases.json"
    shutil.copyfile(golden.default_folder() / "cases.json", path)
    stated = {record.provenance["cases_sha256"] for record in golden.read().records.values()}
    synthetic.edit(path, lambda data: data["cases"][0].update(note="Another reason."))
    assert stated <= accepted_cases_sha256(path)
    synthetic.edit(path, lambda data: data["cases"][0].update(traced_steps=[0]))
    assert not stated & accepted_cases_sha256(path)


def test_record_that_cannot_be_read_is_the_only_problem(folder: Path) -> None:
    """Its values are no orphans, and its sum differs for the same reason."""
    (folder / "records" / f"{SECOND}.json").write_text("{")
    assert the_problem(folder).startswith(f"records/{SECOND}.json: ")


def test_record_that_is_gone_is_the_only_problem(folder: Path) -> None:
    (folder / "records" / f"{SECOND}.json").unlink()
    assert the_problem(folder) == f"records/{SECOND}.json: listed in SHA256SUMS, but not there"


def test_added_case_hides_no_damage(folder: Path) -> None:
    extra = synthetic.case("later", "TriangularCyclicalLearningRate", "triangular", 2, [[0, 2]])
    synthetic.edit(folder / "cases.json", lambda data: data["cases"].append(extra))
    name = synthetic.values_of(folder, FIRST, "triangular-2")
    (folder / name).write_text("step,hex,decimal\n")
    assert [problem.partition(": ")[0] for problem in golden.problems(folder)] == ["cases.json", name]


@pytest.mark.parametrize("number", [0, 2, None])
def test_wrong_format_number_of_a_record(folder: Path, number: object) -> None:
    found = edited_record(folder, lambda data: data.update(format=number))
    assert found == f"records/{SECOND}.json: format must be 1, got {number!r}"


@pytest.mark.parametrize(("key", "version"), [("tensorflow", "2.15.0"), ("tensorflow-addons", "0.22.0")])
def test_record_of_other_versions_than_its_name(folder: Path, key: str, version: str) -> None:
    found = edited_record(folder, lambda data: data["provenance"].update({key: version}))
    assert found.startswith(f"records/{SECOND}.json: the file must be named after its versions, tf-")


def test_record_whose_name_is_no_pair(folder: Path) -> None:
    (folder / "records" / f"{SECOND}.json").rename(folder / "records" / "latest.json")
    synthetic.renew_sums(folder)
    assert the_problem(folder) == f"records/latest.json: the file must be named after its versions, {SECOND}.json"


@pytest.mark.parametrize("name", ["xla-00000000.csv", "../eager.csv", "eager-1.csv", "", None])
def test_values_name_that_is_none_of_the_mode(folder: Path, name: object) -> None:
    assert edited_record(folder, lambda data: entry(data).update(values=name)).startswith(f"records/{SECOND}.json: ")


@pytest.mark.parametrize("digest", ["", "0" * 63, "G" * 64, None])
def test_digest_that_is_none(folder: Path, digest: object) -> None:
    assert edited_record(folder, lambda data: entry(data).update(digest=digest)).startswith(f"records/{SECOND}.json: ")


def test_unknown_field_of_the_history(folder: Path) -> None:
    step = {"reason": "x", "replaced_sha256": "0" * 64, "by": "me"}
    assert "unknown field 'by'" in edited_record(folder, lambda data: data.update(history=[step]))


def test_record_with_an_error_holds_nothing_else(folder: Path) -> None:
    assert "unknown field 'results'" in edited_record(folder, lambda data: data.update(error="No solution found"))


# --- emptied, sums ---------------------------------------------------------------------------------------------------


def test_store_without_records(folder: Path) -> None:
    shutil.rmtree(folder / "records")
    shutil.rmtree(folder / "values")
    synthetic.renew_sums(folder)
    assert the_problem(folder) == f"records: no record: the store is empty; {golden.NEXT}"


def test_store_without_cases(folder: Path) -> None:
    found = edited_cases(folder, lambda data: data["cases"].clear()).splitlines()
    assert found == ["cases.json: cases must be a list that is not empty, got []"]


def test_store_without_cases_json(folder: Path) -> None:
    (folder / "cases.json").unlink()
    synthetic.renew_sums(folder)
    assert the_problem(folder) == f"{folder}: no cases.json: not a golden store"


def test_empty_folder(tmp_path: Path) -> None:
    assert the_problem(tmp_path) == f"{tmp_path}: no cases.json: not a golden store"


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(golden.StoreError, match="not a golden store"):
        golden.read(tmp_path / "nowhere")


def test_folder_that_is_a_file(folder: Path) -> None:
    assert golden.problems(folder / "cases.json")


def test_missing_sums(folder: Path) -> None:
    (folder / SUMS).unlink()
    assert the_problem(folder) == "SHA256SUMS: missing"


@pytest.mark.parametrize("name", ["README.md", "records/notes.txt", "values/triangular-2.txt"])
def test_file_that_the_sums_do_not_list(folder: Path, name: str) -> None:
    (folder / name).write_text("extra")
    assert the_problem(folder).startswith(f"{name}: ")


def test_file_that_only_the_sums_list(folder: Path) -> None:
    with (folder / SUMS).open("a") as file:
        file.write("0" * 64 + "  values/gone.csv\n")
    assert the_problem(folder) == "values/gone.csv: listed in SHA256SUMS, but not there"


def test_note_that_was_edited_without_renewing_the_sums(folder: Path) -> None:
    synthetic.edit(folder / "cases.json", lambda data: data["cases"][0].update(note="Another reason."))
    assert the_problem(folder) == "cases.json: sha256 is not that of SHA256SUMS"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "".join(sorted(text.splitlines(keepends=True))),
        lambda text: text + text.splitlines(keepends=True)[0],
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.upper(),
    ],
    ids=["order", "a line twice", "line ends", "capitals"],
)
def test_sums_in_another_form(folder: Path, change: Callable[[str], str]) -> None:
    path = folder / SUMS
    path.write_bytes(change(path.read_text()).encode())
    assert golden.problems(folder)


# --- any one byte ----------------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """One case and one pair: small enough to change every byte of a file."""
    return synthetic.write_store(tmp_path / "small", (SECOND,), synthetic.CASES[:1])


def other_bytes(byte: int) -> Iterator[int]:
    """One flipped bit, which mostly gives another character of its kind, and one character that is of none."""
    yield byte ^ 1
    yield 0xC3 if byte != 0xC3 else 0x20


@pytest.mark.parametrize("name", [SUMS, "values"])
def test_every_byte_of_a_file_matters(small: Path, name: str) -> None:
    if name == "values":
        name = synthetic.values_of(small, SECOND, "triangular-2")
    path = small / name
    original = path.read_bytes()
    for offset, byte in enumerate(original):
        for new in other_bytes(byte):
            path.write_bytes(original[:offset] + bytes([new]) + original[offset + 1 :])
            assert golden.problems(small), (name, offset, new)
    path.write_bytes(original)
    assert golden.problems(small) == []


def test_random_bytes_of_all_files_matter(folder: Path) -> None:
    """Drawn over the bytes of the whole store, so that every one is as likely as any other."""
    draw = random.Random(2)
    files = synthetic.snapshot(folder)
    names = sorted(files)
    for name in draw.choices(names, [len(files[name]) for name in names], k=300):
        original = files[name]
        offset = draw.randrange(len(original))
        new = draw.choice([byte for byte in range(256) if byte != original[offset]])
        (folder / name).write_bytes(original[:offset] + bytes([new]) + original[offset + 1 :])
        assert golden.problems(folder), (name, offset, new)
        (folder / name).write_bytes(original)
    assert golden.problems(folder) == []


def test_random_bytes_never_break_the_reader(small: Path) -> None:
    """With the sums renewed the other checks see the damage: some find it, none raises."""
    draw = random.Random(3)
    files = synthetic.snapshot(small)
    names = sorted(set(files) - {SUMS})
    caught = 0
    for _ in range(150):
        name = draw.choice(names)
        original = files[name]
        offset = draw.randrange(len(original))
        # Digits and punctuation of JSON make the most plausible damage.
        new = draw.choice([byte for byte in b'0123456789eE+-.,:"{}[] \x00\xff' if byte != original[offset]])
        (small / name).write_bytes(original[:offset] + bytes([new]) + original[offset + 1 :])
        synthetic.renew_sums(small)
        caught += bool(golden.problems(small))
        (small / name).write_bytes(original)
    assert caught > 60
