"""Training digests are part of the store: read whole, checked, and changed only with a reason."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clr_ref.cli import main
from clr_ref.golden import accept, store as golden
from clr_ref.golden.sums import sha256
from clr_ref.training import data, determinism, digests
from clr_ref.training.experiment import Report
from tests.golden import synthetic
from tests.training.test_tutorial import DATA, report

NAME = "tf-2.21.0_keras-3.15.1"


def invented(run: digests.RecordedRun, digit: str = "0") -> Report:
    """What a run might have reported, in its number of steps and epochs."""
    epochs = run.experiment.epochs
    steps = epochs * -(-run.pictures // run.experiment.batch_size)
    one = report([0.5] * steps, [1.0] * epochs, [2.0] * epochs, steps // epochs)
    return dataclasses.replace(one, weights_sha256=digit * 64)


@pytest.fixture
def trained(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one training record, made by runs that are not real."""
    monkeypatch.setattr(digests, "train", lambda run, pictures: invented(run))
    digests.record(DATA, folder)
    return folder


def test_a_record_is_read(trained: Path) -> None:
    store = golden.read(trained)
    assert list(store.training) == [NAME]
    one = store.training[NAME]
    assert set(one.runs) == set(digests.RUNS)
    assert one.runs["plain"]["weights_sha256"] == "0" * 64
    assert one.provenance["versions"]["keras"] == "keras-3.15.1"
    assert one.provenance["data"]["train"]["pictures"] == 60_000


def test_the_sums_hold_it(trained: Path) -> None:
    path = trained / "training" / f"{NAME}.json"
    path.write_text(path.read_text().replace("0000", "1111", 1))
    assert golden.problems(trained) == [f"training/{NAME}.json: sha256 is not that of SHA256SUMS"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(extra=1), "unknown field 'extra'"),
        (lambda d: d.pop("provenance"), "missing field 'provenance'"),
        (lambda d: d.update(format=2), "format must be 1, got 2"),
        (lambda d: d["runs"].clear(), "runs must be an object that is not empty, got {}"),
        (lambda d: d["runs"]["plain"].update(weights_sha256="12"), "weights_sha256 must be a sha256 in hex, got '12'"),
        (lambda d: d["runs"]["plain"].update(steps=0), "steps must be a whole number from 1 to 9007199254740992, got 0"),
        (lambda d: d["runs"]["plain"].update(steps=49), "must be those of 2 epochs of 25 steps, got 49 steps in 2 epochs"),
        (lambda d: d["runs"]["plain"]["epochs"].pop(), "must be those of 2 epochs of 25 steps, got 50 steps in 1 epochs"),
        (lambda d: d["runs"]["plain"]["epochs"].reverse(), "epochs must be numbered from 1"),
        (lambda d: d["runs"]["plain"]["experiment"].update(schedule="0.01"), "schedule must be a finite hex float"),
        (lambda d: d["runs"]["triangular2"]["experiment"]["schedule"].update(step_size="0x0p+0"), "step_size must be a finite"),
        (lambda d: d["provenance"]["settings"].update(onednn=0), "onednn must be true or false, got 0"),
        (lambda d: d["runs"]["plain"].pop("epochs"), "missing field 'epochs'"),
        (
            lambda d: d["provenance"]["versions"].update(tensorflow="2.20.0"),
            f"the file must be named after its versions, {NAME.replace('2.21', '2.20')}.json",
        ),
        (lambda d: d["provenance"]["cpu"].pop("flags"), "missing field 'flags'"),
        (lambda d: d.update(history=[{"reason": "x"}]), "missing field 'replaced_sha256'"),
    ],
)
def test_damage_is_named(trained: Path, change: Callable[[Any], Any], message: str) -> None:
    synthetic.edit(trained / "training" / f"{NAME}.json", change)
    synthetic.renew_sums(trained)
    (found,) = golden.problems(trained)
    assert found.startswith(f"training/{NAME}.json: ")
    assert message in found


def test_files_that_are_no_records_are_refused(trained: Path) -> None:
    (trained / "training" / "notes.txt").write_text("{}")
    synthetic.renew_sums(trained)
    (found,) = golden.problems(trained)
    assert found.startswith("training/notes.txt: missing field 'format'")


def test_a_changed_digest_needs_a_reason(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests.record(DATA, trained)  # the same once more is no change
    before = (trained / "training" / f"{NAME}.json").read_bytes()
    monkeypatch.setattr(digests, "train", lambda run, pictures: invented(run, "f"))
    for reason in (None, " "):
        with pytest.raises(accept.AcceptError, match="would change; `--reason TEXT` replaces it"):
            digests.record(DATA, trained, reason=reason)
        assert (trained / "training" / f"{NAME}.json").read_bytes() == before
    digests.record(DATA, trained, reason="a new kernel")
    one = golden.read(trained).training[NAME]
    assert one.history == ({"reason": "a new kernel", "replaced_sha256": sha256(before)},)
    assert one.runs["plain"]["weights_sha256"] == "f" * 64
    digests.record(DATA, trained)  # keeps its history
    assert golden.read(trained).training[NAME].history == one.history


def test_the_command(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(determinism, "prepare", lambda: None)
    monkeypatch.setattr(data, "load", lambda folder: DATA)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["golden", "train", "--golden", str(trained), *arguments])

    text = call()
    assert text.exit_code == 0
    assert f"recorded {NAME}" in text.stdout
    assert f"plain: {NAME}" in text.stdout
    assert json.loads(call("--json").stdout)["agreeing"]["triangular2"] == [[NAME]]
    monkeypatch.setattr(digests, "train", lambda run, pictures: invented(run, "f"))
    refused = call()
    assert refused.exit_code == 1
    assert "--reason TEXT" in refused.stderr
    assert call("--reason", "a new kernel").exit_code == 0

    def nowhere(folder: Path | None) -> None:
        raise data.DataError("no pictures")

    monkeypatch.setattr(data, "load", nowhere)
    assert call().exit_code == 2


def test_runs_that_differ_are_not_recorded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter("0f" * 10)
    monkeypatch.setattr(digests, "train", lambda run, pictures: invented(run, next(answers)))
    with pytest.raises(accept.AcceptError, match="gave other bits the second time"):
        digests.record(DATA, folder)
    assert not (folder / "training").exists()


def test_differences_say_whether_the_cpu_is_the_same(trained: Path) -> None:
    stored = golden.read(trained).training[NAME]
    same = invented(digests.RUNS["plain"])
    assert digests.differences(stored, "plain", same.digests(), same.cpu) == []
    other = dataclasses.replace(same, weights_sha256="f" * 64)
    (found,) = digests.differences(stored, "plain", other.digests(), other.cpu)
    assert (found.field, found.stored, found.found, found.same_cpu) == ("weights_sha256", "0" * 64, "f" * 64, True)
    for change in ({"flags": ["avx512f"]}, {"caches": {"L2 Unified": "1M"}}, {"machine": "aarch64"}):
        (found,) = digests.differences(stored, "plain", other.digests(), {**other.cpu, **change})
        assert not found.same_cpu
    (found,) = digests.differences(stored, "plain", other.digests(), {**other.cpu, "model": "another name"})
    assert found.same_cpu


def test_groups_are_those_that_agree(trained: Path) -> None:
    one = golden.read(trained).training[NAME]
    runs = json.loads(json.dumps(one.runs))
    runs["plain"]["weights_sha256"] = "f" * 64
    records = [one, dataclasses.replace(one, name="b", runs=runs), dataclasses.replace(one, name="c")]
    assert digests.groups(records, "plain") == [[NAME, "c"], ["b"]]
    assert digests.groups(records, "triangular2") == [[NAME, "b", "c"]]
