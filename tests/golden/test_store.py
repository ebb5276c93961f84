"""A sound store is read: its cases, records, values and sums."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clr_ref.golden import store as golden
from clr_ref.golden.sums import SUMS, sha256
from tests.golden import synthetic
from tests.golden.synthetic import FIRST, SECOND


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
