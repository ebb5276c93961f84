"""``clr-ref range-test``: calls, exit codes, and what it writes."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from clr_ref import plot
from clr_ref.cli import main, range_test as command, user_code
from clr_ref.range_test import RangeTest, rates, smoothed, suggest
from clr_ref.range_test.comparison import Comparison, Outcome
from clr_ref.training import data as fashion
from tests.range_test.probe import needs_keras
from tests.terminal import ESCAPES

#: A line to be fitted: the loss falls from 12 to its noise and diverges beyond a rate of about 1.
MAKE = """
import numpy as np
from clr_ref.keras.api import keras

def make():
    x = np.random.default_rng(0).normal(size=(512, 3)).astype("float32")
    y = x @ np.float32([[1.0], [-2.0], [3.0]]) + 0.1 * np.random.default_rng(1).normal(size=(512, 1)).astype("float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model, (x, y)
"""


def run(folder: Path, *arguments: str) -> Any:
    """In a process of its own, as TensorFlow's settings are made once per process."""
    repository = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", "from clr_ref.cli import main; main()", "range-test", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(repository), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "Invalid value for MODULE:MAKE: 'nonsense' names no function; give package.module:make"),
        (["no_such_module:make"], "importing 'no_such_module' raised ModuleNotFoundError"),
        (["no_such_file.py:make"], "'no_such_file.py' is no file"),
        (["json:make"], "'json' has no 'make'"),
        (["json:loads"], "'json:loads' cannot be called as loads(): missing a required argument: 's'"),
        ([".x:make"], "'.x' is no absolute name of a module"),
        (["json:loads", "--compare", "2"], "go with the tutorial's network"),
        (["json:loads", "--seeds", "2"], "goes with the tutorial's network"),
        (["--steps", "1"], "1 is not in the range 2<=x<=1000000"),
        (["--data", "no-such-folder"], "no-such-folder"),
        (["--minimal-learning-rate", "nan"], "minimal_learning_rate must be a finite float32"),
        (["--maximal-learning-rate", "1e39"], "maximal_learning_rate must be a finite float32"),
        (["--maximal-learning-rate", "1e-4"], "must be above minimal_learning_rate"),
        (["--smoothing", "1"], "smoothing must be a number 0 <= smoothing < 1"),
        (["--seed", str(2**32 - 1), "--seeds", "2"], "the last seed must be below 2**32, got --seed 4294967295 --seeds 2"),
    ],
)
def test_a_wrong_call_exits_with_2(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["range-test", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


#: What ``make`` may do wrong, in the file mine.py, and the end of the message.
WRONG = {
    "return 7": "mine.py:make must return (model, data) or (model, data, validation), got int",
    "return 1, 2, 3, 4": "mine.py:make must return (model, data) or (model, data, validation), got a tuple of 4",
    "return 1, ()": "the data of mine.py:make must be (x, y) or (x, y, sample_weight), got a tuple of 0",
    "return 1 / 0": "mine.py:make raised ZeroDivisionError: division by zero (mine.py, line 2)",
    "raise SystemExit(7)": "mine.py:make raised SystemExit: 7 (mine.py, line 2)",
    "import tensorflow.no_such_module": "No module named 'tensorflow",
}


@pytest.mark.parametrize("body", WRONG)
def test_a_wrong_make_exits_with_2(body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(user_code, "require_extras", lambda *extras, framework: None)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    Path("mine.py").write_text(f"def make():\n    print('loud'); {body}\n")
    result = CliRunner().invoke(main, ["range-test", "mine.py:make"])
    assert result.exit_code == 2
    assert WRONG[body] in result.stderr.replace(f"{tmp_path}{os.sep}", "")
    assert result.stdout == ""  # which is for the results
    assert "loud" in result.stderr


@pytest.mark.parametrize("seeds", [1, 2])
def test_outputs_are_checked_before_the_work(tmp_path: Path, seeds: int) -> None:
    blocked = tmp_path / ("range-test.png" if seeds == 1 else "range-test-1.json")
    blocked.mkdir()
    result = CliRunner().invoke(main, ["range-test", "--out", str(tmp_path), "--seeds", str(seeds)])
    assert result.exit_code == 2
    assert f"cannot write {str(blocked)!r}: it is a folder" in result.stderr


def test_results_fit_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes stdout for a terminal
    losses = np.array([2.0] * 20 + [1e30] * 20)
    swept = rates(1e-3, 1, 40, "exponential")
    stopped = "the smoothed loss was 5.31e+29, over 4 times its lowest of 2, after the update at 0.029, rate 21 of 200"
    found = RangeTest(swept, losses, smoothed(losses), "exponential", 200, 0.9, stopped, suggest(swept, losses))
    command._print(found, "seed 4294967295: ")
    outcome = Outcome(1e-4, 1e-2, 12345.6789, 0.987654)
    command._print_comparisons([Comparison(4294967295, None, outcome), Comparison(1, outcome, outcome)], 10)
    printed = ESCAPES.sub("", capsys.readouterr().out)
    assert "\u2026" not in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert stopped in " ".join(printed.split())


def test_neither_keras_nor_matplotlib_is_imported_before_it_is_used() -> None:
    code = "import sys, clr_ref.range_test, clr_ref.cli; print({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.programs
@needs_keras
def test_a_model_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MAKE)
    sweep = ["--minimal-learning-rate", "1e-4", "--steps", "150", "--batch-size", "32", "--json"]
    done = run(tmp_path, "mine.py:make", *sweep, "--maximal-learning-rate", "10", "--out", "found/here")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["holds"] is True
    (test,) = document["tests"]
    assert float.fromhex(test["rates"][0]) == float(np.float32(1e-4))
    assert test["stopped"].startswith("the smoothed loss was ")
    # The loss is quadratic with curvatures of about 2: it falls from a rate of 1 / (2 * 150 updates) on, until 2 / 2.
    suggestion = test["suggestion"]
    assert 1e-3 < suggestion["initial_learning_rate"] < suggestion["maximal_learning_rate"] < 1
    assert "\x1b" not in done.stderr
    written = {path.name: path for path in (tmp_path / "found" / "here").iterdir()}
    assert set(written) == {"range-test.csv", "range-test.html", "range-test.json", "range-test.png"}
    assert json.loads(written["range-test.json"].read_text())["rates"] == test["rates"]
    assert written["range-test.png"].read_bytes().startswith(b"\x89PNG")

    done = run(tmp_path, "mine:make", *sweep[:-1], "--maximal-learning-rate", "2e-4")
    assert done.returncode == 1  # nothing moves at such rates
    assert "maximal learning rate: none" in done.stdout
    assert "reason: the loss" in done.stdout


@pytest.mark.programs
@needs_keras
def test_the_tutorials_network_repeats_and_is_compared(tmp_path: Path) -> None:
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("the tutorial's network is trained on TensorFlow, which is not installed in this environment")
    try:
        fashion.load(download=False)
    except fashion.DataError as error:
        pytest.skip(str(error))
    arguments = ["--subset", "640", "--steps", "40", "--minimal-learning-rate", "0.01", "--maximal-learning-rate", "1"]
    first, again = (run(tmp_path, *arguments, "--compare", "1", "--json") for _ in range(2))
    assert first.returncode in (0, 1), first.stderr
    document = json.loads(first.stdout)
    assert document == json.loads(again.stdout)
    (comparison,) = document["comparisons"]
    assert comparison["tutorial"]["maximal_learning_rate"] == 0.01
    assert 0 < comparison["tutorial"]["test_loss"] < 3


@pytest.mark.parametrize("sweep", ["exponential", "linear"])
def test_the_picture(tmp_path: Path, sweep: Any) -> None:
    swept = rates(1e-3, 1, 40, sweep)
    for losses in (np.linspace(2, 1, 40), np.array([2.0] * 39 + [np.nan]), np.array([2.0] * 20 + [1e30] * 20)):
        found = RangeTest(swept, losses, smoothed(losses), sweep, 40, 0.9, None, suggest(swept, losses))
        plot.range_test(found, tmp_path / "found.png")
        assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")
