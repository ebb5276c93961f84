"""The tutorial: claims are measured and may fail; the command resumes, refuses another run, and writes whole files."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import clr_ref
from clr_ref.cli import main, tutorial as command
from clr_ref.training import data, determinism, tutorial
from clr_ref.training.data import FashionMnist, Split
from clr_ref.training.determinism import Settings
from clr_ref.training.experiment import Report
from tests.training.test_experiment import needs_tensorflow, work


def pictures(n: int) -> Split:
    return Split(np.zeros((n, 28, 28), np.uint8), np.zeros(n, np.uint8))


DATA = FashionMnist(pictures(60_000), pictures(10_000), Path("nowhere"))


def report(rates: Any, losses: list[float], val_losses: list[float], per_epoch: int) -> Report:
    """What a run might have reported; only what claims and pages read is meant."""
    history = [
        {"epoch": i + 1, "loss": a, "accuracy": 0.5, "val_loss": b, "val_accuracy": 0.25, "learning_rate": float(rates[-1])}
        for i, (a, b) in enumerate(zip(losses, val_losses, strict=True))
    ]
    return Report(
        experiment={},
        learning_rate="x",
        data={},
        versions={"tensorflow": "2.21.0", "keras": "keras-3.15.1", "numpy": "2.5", "python": "3.13.0", "clr_ref": "0.1.0"},
        cpu={"machine": "x86_64", "model": "a <CPU>", "flags": [], "caches": {}},
        settings=Settings(2, 1, True, False),
        steps_per_epoch=per_epoch,
        resumed_at=0,
        complete=True,
        rates=np.asarray(rates, np.float64),
        losses=np.full(len(rates), 2.25),
        history=tuple(history),
        weights_sha256="0" * 64,
    )


def result(epochs: int = 4, subset: int = 640) -> tutorial.Result:
    setting = tutorial.setting(DATA, epochs=epochs, subset=subset)
    plain = report(np.full(setting.steps, 0.01), [2.0, 1.5, 1.2, 1.0][:epochs], [1.9, 1.4, 1.1, 0.9][:epochs], 10)
    clr = report(setting.schedule.values(0, setting.steps), [2.2, 1.5, 1.2, 1.1][:epochs], [2.0, 1.4, 1.0, 0.95][:epochs], 10)
    return tutorial.Result(setting, plain, clr, tuple(tutorial.claims(plain, clr, setting.schedule)))


def test_the_setting_is_the_tutorials() -> None:
    setting = tutorial.setting(DATA)
    assert (setting.step_size, setting.epochs, setting.steps) == (2 * 937, 10, 9_380)
    assert setting.schedule(1874) == np.float32(0.01)
    assert (len(setting.train), len(setting.test)) == (60_000, 10_000)


def test_a_subset_has_a_sixth_to_test_with() -> None:
    setting = tutorial.setting(DATA, subset=640, epochs=3)
    assert (len(setting.train), len(setting.test), setting.step_size, setting.steps) == (640, 106, 20, 30)


def test_a_subset_can_have_higher_rates() -> None:
    """So that a short run learns; without ``times`` the rates are the tutorial's."""
    assert [tutorial.times_for(pictures) for pictures in (64, 3_000, 3_001, 6_400, 30_001, 60_000)] == [20, 20, 19, 9, 1, 1]
    short = tutorial.setting(DATA, subset=6_400, times=None)
    assert (short.times, short.plain) == (9, 0.09)
    assert short.schedule.values(0, 201).tolist()[:: short.step_size] == [np.float32(9e-4), np.float32(0.09)]
    assert tutorial.setting(DATA, times=None) == tutorial.setting(DATA)
    assert tutorial.setting(DATA, subset=6_400).plain == 0.01


@pytest.mark.parametrize(("accuracy", "words"), [(0.49, "they are too few to learn much"), (0.5, "")])
def test_a_run_that_learns_too_little_says_why(accuracy: float, words: str) -> None:
    one = result()
    learnt = dataclasses.replace(one.clr, history=(*one.clr.history[:-1], {**one.clr.history[-1], "val_accuracy": accuracy}))
    remark = dataclasses.replace(one, clr=learnt).remark
    assert words in remark
    assert bool(words) == bool(remark) == ("Each run has 40 steps" in remark)
    assert "ends before its first cycle of 40 steps does" in result(epochs=3).remark


@pytest.mark.parametrize(
    ("options", "message"), [({"subset": 63}, "subset"), ({"subset": 60_001}, "subset"), ({"epochs": 0}, "epochs")]
)
def test_settings_out_of_range(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"{message} must be a whole number"):
        tutorial.setting(DATA, **options)


def test_the_pictures_say_what_they_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed: clr-ref[plot]").Figure
    from clr_ref.training.tutorial import pictures as drawn

    shown = []
    monkeypatch.setattr(figure, "savefig", lambda self, path: (shown.append(self), path.touch()))
    drawn.schedule(result(epochs=3), tmp_path / "schedule.png")
    (left, right) = shown[0].axes
    assert (left.get_title(), right.get_title()) == ("the 3 epochs of this run", "the same schedule over 100 epochs")
    assert [len(axes.lines[0].get_xdata()) for axes in (left, right)] == [30, 1000]


def verdicts(plain: Report, clr: Report) -> list[str]:
    return [claim.verdict for claim in tutorial.claims(plain, clr, clr_ref.triangular2(1e-4, 1e-2, 20))]


def test_claims_that_hold() -> None:
    assert [claim.verdict for claim in result().claims] == ["holds", "holds", "holds", "without CLR"]
    assert "turns at the steps 20" in result().claims[0].measured


def test_claims_that_fail() -> None:
    """Each on its own: a peak that comes a step late, a loss that starts lower, one that swings more and more."""
    good = result()
    late = dataclasses.replace(good.clr, rates=np.concatenate([good.clr.rates[:1], good.clr.rates[:-1]]))
    assert verdicts(good.plain, late) == ["FAILS", "holds", "holds", "without CLR"]
    lower = dataclasses.replace(good.clr, history=({**good.clr.history[0], "loss": 1.9}, *good.clr.history[1:]))
    assert verdicts(good.plain, lower) == ["holds", "FAILS", "holds", "without CLR"]
    swings = report(good.clr.rates, [2.2, 1.5, 1.2, 1.0], [1.0, 1.1, 1.3, 0.7], 10)
    assert verdicts(good.plain, swings) == ["holds", "holds", "FAILS", "with CLR"]


def test_a_constant_rate_has_no_cycle() -> None:
    good = result()
    assert verdicts(good.plain, good.plain)[0] == "FAILS"


def test_cycles_whose_amplitude_is_gone_are_not_looked_at() -> None:
    """After many cycles, neighbouring rates are one float32: they turn at many steps, or at none."""
    schedule = clr_ref.triangular2(1e-4, 1e-2, 20)
    rates = schedule.values(0, 2000)
    assert np.sum(np.diff(np.sign(np.diff(rates))) != 0) > 2000 / 20
    many = report(rates, [2.2, 1.5, 1.2, 1.1], [2.0, 1.4, 1.0, 0.95], 10)
    claim, *_ = tutorial.claims(result().plain, many, schedule)
    assert claim.verdict == "holds"
    assert "20, 40, 60, 80, 100, 120" in claim.measured
    rates[65] = rates[64]
    claim, *_ = tutorial.claims(result().plain, dataclasses.replace(many, rates=rates), schedule)
    assert claim.verdict == "FAILS"


def test_what_is_too_short_to_tell_is_not_measured() -> None:
    short = result(epochs=1)
    assert [claim.verdict for claim in short.claims] == ["not measured", "holds", "not measured", "without CLR"]


def test_every_cycle_is_looked_at() -> None:
    """The second turn is missing: one right turn is not enough."""
    good = result()
    rates = np.concatenate([good.clr.rates, np.full(30, good.clr.rates[-1])])
    assert verdicts(good.plain, dataclasses.replace(good.clr, rates=rates))[0] == "FAILS"


def test_tables_pages_and_pictures_are_written_whole(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: clr-ref[plot]")
    one = result()
    names = {path.name for path in tutorial.write(one, tmp_path)}
    assert names == {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / "curves.png").read_bytes()[:4] == (tmp_path / "schedule.png").read_bytes()[:4] == b"\x89PNG"
    with (tmp_path / "steps.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(40))
    assert np.array([row["clr_rate"] for row in rows], np.float32).tobytes() == one.setting.schedule.values(0, 40).tobytes()
    with (tmp_path / "epochs.csv").open(newline="") as file:
        found = [(row["run"], int(row["epoch"]), float(row["val_loss"])) for row in csv.DictReader(file)]
    assert found[3:5] == [("plain", 4, 0.9), ("clr", 1, 2.0)]
    page = (tmp_path / "tutorial.html").read_text()
    assert "a &lt;CPU&gt;" in page
    assert page.count("data:image/png;base64,") == 2
    assert not re.search(r'(src|href)="(?!data:)', page)  # self-contained
    assert "| CPU | a &lt;CPU> |" in (tmp_path / "tutorial.md").read_text()
    for text in (page, (tmp_path / "tutorial.md").read_text()):
        for claim in one.claims:
            assert claim.verdict in text
            assert claim.measured in text
    document = json.loads((tmp_path / "report.json").read_text())
    assert [claim["verdict"] for claim in document["claims"]] == ["holds", "holds", "holds", "without CLR"]
    assert document["clr"]["digests"]["steps"] == 40


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command without TensorFlow: the data is empty, and nothing is trained."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: clr-ref[plot]")
    monkeypatch.setattr(command, "require_extras", lambda *extras, framework: None)
    monkeypatch.setattr(determinism, "prepare", lambda: None)
    monkeypatch.setattr(data, "load", lambda folder: DATA)
    monkeypatch.setattr(tutorial, "run", lambda chosen, out, on_step: on_step("clr", 10) or result())


def test_a_claim_that_fails_stands_first_in_the_page_and_in_its_colour() -> None:
    one = result()
    failed = dataclasses.replace(one.claims[2], verdict="FAILS")
    changed = dataclasses.replace(one, claims=(*one.claims[:2], failed, one.claims[3]))
    page = tutorial.page(changed, dict.fromkeys(tutorial.PICTURES, b""))
    assert re.findall(r'<td(?: class="(\w+)")?>(?:FAILS|holds|without CLR)<', page) == ["fails", "holds", "holds", ""]
    assert "Trained with TensorFlow 2.21.0 by clr_ref 0.1.0; written 20" in page


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["tutorial", *arguments])


@pytest.mark.usefixtures("untrained")
def test_what_the_command_prints(tmp_path: Path) -> None:
    arguments = ("--out", str(tmp_path), "--epochs", "4", "--subset", "640")
    text = call(*arguments)
    assert text.exit_code == 0
    assert "holds: A cycle takes 2 * step_size = 40 steps" in text.stdout
    assert "without CLR: Which run ends" in text.stdout
    assert "Each run has 40 steps, and they are too few to learn much." in text.stdout
    assert text.stderr == "clr: epoch 1 of 4 is done\n"  # no bar and no colour where there is no terminal
    document = json.loads(call(*arguments, "--json").stdout)
    assert document["holds"] is True
    assert len(document["files"]) == 7
    assert all(Path(name).is_file() for name in document["files"])


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("blocked", [*tutorial.FILES, "plain", "clr"])
def test_outputs_are_checked_before_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocked: str) -> None:
    path = tmp_path / blocked
    if blocked in tutorial.FILES:
        path.mkdir()
    else:
        path.touch()
    monkeypatch.setattr(data, "load", lambda folder: pytest.fail("the work has begun"))
    wrong = call("--out", str(tmp_path))
    assert wrong.exit_code == 2
    assert f"cannot write {str(path)!r}" in wrong.stderr


@pytest.mark.usefixtures("untrained")
def test_rates_that_are_no_cycle_exit_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = result()
    flat = tutorial.Result(
        good.setting, good.plain, good.clr, tuple(tutorial.claims(good.plain, good.plain, good.setting.schedule))
    )
    monkeypatch.setattr(tutorial, "run", lambda *_: flat)
    assert call("--out", str(tmp_path)).exit_code == 1
    assert json.loads(call("--out", str(tmp_path), "--json").stdout)["holds"] is False


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    "error", [data.DataError("no pictures"), determinism.TooLateError("too late"), ImportError("this needs Keras")]
)
def test_a_wrong_call_exits_with_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(data, "load", fail)
    wrong = call("--out", str(tmp_path / "out"))
    assert wrong.exit_code == 2
    assert str(error) in wrong.stderr
    assert not (tmp_path / "out").exists()


def kill_once(command: list[str], checkpoint: Path) -> None:
    """Start a command, and kill it as soon as it has written a checkpoint."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"


def assert_same_files(folder: Path, other: Path) -> None:
    """Byte for byte, except that the page says when it was written."""

    def content(path: Path) -> bytes:
        return re.sub(rb"; written [-0-9: ]+ UTC\.", b"", path.read_bytes()) if path.suffix == ".html" else path.read_bytes()

    names = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    assert names == sorted(path.relative_to(other) for path in other.rglob("*"))
    assert {str(name) for name in names} >= {*tutorial.FILES, "plain", "clr"}
    for name in names:
        if (folder / name).is_file():
            assert content(folder / name) == content(other / name), name


@needs_tensorflow
def test_the_command(fashion_mnist: FashionMnist, tmp_path: Path) -> None:
    """Interrupted in its second epoch, called again and once more, called with another seed, and killed."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: clr-ref[plot]")
    size = ["--subset", "192", "--epochs", "2"]
    out, killed = (["--out", str(tmp_path / name), *size] for name in ("out", "killed"))
    kill_once([sys.executable, "-m", "clr_ref", "tutorial", *killed], tmp_path / "killed" / "clr" / "checkpoint.npz")
    assert not (tmp_path / "killed" / tutorial.FILES[-1]).exists()
    jobs = {
        "whole": {"command": ["tutorial", "--out", str(tmp_path / "whole"), *size, "--json"]},
        "killed": {"command": ["tutorial", *killed]},
        "interrupted": {"command": ["tutorial", *out], "interrupt": 5},
        "again": {"command": ["tutorial", *out, "--json"]},
        "once more": {"command": ["tutorial", *out]},
        "changed": {"command": ["tutorial", *out, "--seed", "5"]},
        "no data": {"command": ["tutorial", *out, "--data", str(tmp_path)]},
        "too small": {"command": ["tutorial", "--out", str(tmp_path / "none"), "--subset", "63"]},
    }
    found = work(jobs, tmp_path)
    assert [found[name]["exit"] for name in jobs] == [0, 0, 1, 0, 0, 2, 2, 2]
    assert "the same command resumes after the last complete epoch" in found["interrupted"]["stderr"]
    whole, again = (json.loads(found[name]["stdout"]) for name in ("whole", "again"))
    assert_same_files(tmp_path / "killed", tmp_path / "whole")
    assert_same_files(tmp_path / "out", tmp_path / "whole")
    assert again["digests"] == whole["digests"]
    assert again["history"] == whole["history"]
    # 6 steps a run: 5 were done, of which the first epoch's 3 were kept; then 3 of the plain run and 6 of the cyclical one.
    assert [found[name]["steps"] for name in ("whole", "interrupted", "again", "once more")] == [12, 5, 9, 0]
    assert "another run; these differ: experiment.seed was 0, now 5" in found["changed"]["stderr"]
    assert "train-images-idx3-ubyte.gz: missing" in found["no data"]["stderr"]
    assert "subset must be a whole number 64 .. 60000, got 63" in found["too small"]["stderr"]
    assert not (tmp_path / "none").exists()
    assert "CLR: Which run ends with the lower validation loss?" in found["once more"]["stdout"]
