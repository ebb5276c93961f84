"""Every kind of damage to a record is found, and named; a case without recordings is one message."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clr_ref.golden import store as golden
from clr_ref.golden.cases import accepted_cases_sha256
from clr_ref.golden.records import parse_record
from tests.golden import synthetic
from tests.golden.damaged import Change, edited_cases, edited_record, entry, the_problem
from tests.golden.synthetic import FIRST, SECOND


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


@pytest.mark.parametrize(("tensorflow", "right"), [("1.15.5", False), ("2.0.4", False), ("2.1.0", True), ("3.0.0", True)])
def test_every_tfa_needs_tensorflow_2_1(tensorflow: str, right: bool) -> None:
    name = f"tf-{tensorflow}_tfa-0.7.1"
    provenance = {"tensorflow": tensorflow, "tensorflow-addons": "0.7.1", "python": "3.7"}
    document = {"format": 1, "provenance": provenance, "error": "No solution found"}
    if right:
        assert parse_record(f"{name}.json", document).name == name
    else:
        with pytest.raises(ValueError, match=f"tensorflow must be 2.1.0 or later, as every TFA needs, got {name}"):
            parse_record(f"{name}.json", document)
