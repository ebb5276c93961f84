"""The file of a study: what it names, and one clear error for everything else."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import clr_ref
from clr_ref.study import config
from clr_ref.study.cell import Swept
from clr_ref.study.config import Arm
from clr_ref.study.example import EXAMPLE
from clr_ref.training.experiment import Optimizer

CONTRACT = """
model = "small.py:make"
seeds = 3
epochs = 4
batch_size = 16
[arms.plain]
learning_rate = 0.01
[arms.clr]
policy = "triangular2"
initial_learning_rate = 1e-3
maximal_learning_rate = 1e-1
step_size = 16
"""
PLAIN = {"model": "small.py:make", "arms": {"plain": {"learning_rate": 0.01}}}
CLR = {"policy": "triangular2", "initial_learning_rate": 1e-3, "maximal_learning_rate": 1e-1, "step_size": 16}


def of(**changes: Any) -> config.Study:
    return config.of_document({**PLAIN, **changes}, "x.toml")


def test_the_contract(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(CONTRACT, "utf-8")
    study = config.read(tmp_path / "study.toml")
    cells = list(study.cells())
    assert len(cells) == len(study) == 6
    assert [(cell.arm, cell.experiment.seed) for cell in cells] == [
        (arm, seed) for seed in range(3) for arm in ("plain", "clr")
    ]
    assert cells[0].experiment.schedule == 0.01
    assert cells[1].experiment.schedule == clr_ref.triangular2(1e-3, 1e-1, 16)
    assert {(cell.experiment.epochs, cell.experiment.batch_size) for cell in cells} == {(4, 16)}
    assert {cell.experiment.model for cell in cells} == {"small.py:make"}


def test_what_a_file_leaves_out_is_as_the_manual_says() -> None:
    study = config.of_document(
        PLAIN | {"arms": {"a": {"policy": "triangular", "bounds": "range-test", "step_size": 3}}}, "x.toml"
    )
    assert (study.seeds, study.epochs, study.batch_size) == ((0,), 10, 64)
    assert (study.subset, study.validation, study.loss) == (None, 0.2, None)
    assert study.arms == (Arm("a", 1e-4, None, Swept("triangular", {"step_size": 3.0}, 200, 1e-4, 10.0)),)


def test_the_example_is_a_study(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(EXAMPLE, "utf-8")
    study = config.read(tmp_path / "study.toml")
    assert [arm.name for arm in study.arms] == ["plain", "clr", "from_range_test", "adam"]
    assert (study.models, study.seeds, study.subset) == (("tutorial",), tuple(range(8)), 6400)
    swept = study.arms[2].swept
    assert swept is not None
    assert (swept.steps, swept.minimal_learning_rate, swept.maximal_learning_rate) == (200, 1e-4, 10.0)


def test_lists_make_an_arm_of_each_value() -> None:
    study = of(arms={"clr": {**CLR, "step_size": [8, 16], "optimizer": ["sgd", {"name": "adam", "beta_1": 0.8}]}})
    assert [arm.name for arm in study.arms] == [
        f"clr, step_size {size}, optimizer {optimizer}" for size in (8, 16) for optimizer in ("sgd", "adam beta_1=0.8")
    ]
    assert study.arms[3].schedule == clr_ref.triangular2(1e-3, 1e-1, 16)
    assert study.arms[3].optimizer == Optimizer("adam", {"beta_1": 0.8})


def test_many_seeds() -> None:
    assert of(seeds=2**20 - 1).seeds == tuple(range(2**20 - 1))


def test_an_arm_has_its_name_with_every_model() -> None:
    study = config.of_document({"models": ["a.py:make", "b.py:make"], "arms": PLAIN["arms"]}, "x.toml")
    assert [(cell.arm, cell.experiment.model) for cell in study.cells()] == [("plain", "a.py:make"), ("plain", "b.py:make")]


def test_every_policy_and_the_models_own_rate() -> None:
    exp_range = {**CLR, "policy": "exp_range", "gamma": 0.99, "step_size_down": 4}
    arms = of(arms={"own": {"learning_rate": "model"}, "exp": exp_range}).arms
    assert (arms[0].schedule, arms[0].swept) == (None, None)
    assert arms[1].schedule == clr_ref.exp_range(1e-3, 1e-1, 16, gamma=0.99, step_size_down=4)


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in CLR.items() if name != key}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 3}, "x.toml: there is no key 'epoch'; it has arms, batch_size, "),
        ({"epochs": 0}, "x.toml: epochs must be a whole number 1 .. 2**63-1, got 0"),
        ({"epochs": 2**63}, "x.toml: epochs must be a whole number 1 .. 2**63-1, got 9223372036854775808"),
        ({"batch_size": 1.5}, "x.toml: batch_size must be a whole number 1 .. 2**63-1, got 1.5"),
        ({"subset": True}, "x.toml: subset must be a whole number 1 .. 2**63-1, got True"),
        ({"seeds": 0}, "seeds must be a number of seeds from 1 to 2**20-1, or a list of whole numbers 0 .. 2**32-1, got 0"),
        ({"seeds": 2**20}, "x.toml: seeds must be a number of seeds from 1 to 2**20-1"),
        ({"seeds": [1, -1]}, "x.toml: seeds must be a number of seeds from 1 to 2**20-1, or a list"),
        ({"seeds": [2**32]}, "x.toml: seeds must be a number of seeds from 1 to 2**20-1, or a list"),
        ({"seeds": True}, "x.toml: seeds must be a number of seeds from 1 to 2**20-1, or a list"),
        ({"seeds": [1, 1]}, "x.toml: seeds must be a list of different seeds, got [1, 1]"),
        ({"seeds": []}, "x.toml: seeds must be"),
        ({"validation": 1}, "x.toml: validation must be a number greater than 0 and less than 1, got 1"),
        ({"validation": 0}, "x.toml: validation must be a number greater than 0 and less than 1, got 0"),
        ({"validation": -0.5}, "x.toml: validation must be a number greater than 0 and less than 1, got -0.5"),
        ({"validation": True}, "x.toml: validation must be a finite number, got True"),
        ({"validation": -math.inf}, "x.toml: validation must be a finite number, got -inf"),
        ({"validation": 10**400}, "x.toml: validation must be a finite number, got an int of 1329 bits"),
        ({"validation": "no"}, "x.toml: validation must be a finite number, got 'no'"),
        ({"loss": 3}, "x.toml: loss must be a text, got 3"),
        ({"model": 3}, "x.toml: model must be a text, got 3"),
        ({"loss": ""}, "x.toml: loss must be a text, got ''"),
        ({"models": ["a.py:make"]}, "x.toml: give model, or a list of models, and not both"),
        ({"arms": {}}, "x.toml: there must be an arm"),
        ({"arms": 3}, "x.toml: arms must be a table [arms], got 3"),
        ({"arms": {"a": 3}}, "x.toml: arms: a must be a table [a], got 3"),
        ({"arms": {"a": {}}}, "x.toml: arms: a: give learning_rate, or a policy: triangular, triangular2, exp_range"),
        ({"arms": {"a": {"learning_rate": -1}}}, "x.toml: arms: a: learning_rate must be a finite number >= 0"),
        ({"arms": {"a": {"learning_rate": 10**400}}}, "x.toml: arms: a: learning_rate must be a finite number >= 0"),
        ({"arms": {"a": {"learning_rate": True}}}, "x.toml: arms: a: learning_rate must be a finite number >= 0"),
        ({"arms": {"a": {"learning_rate": math.inf}}}, "x.toml: arms: a: learning_rate must be a finite number >= 0"),
        ({"arms": {"a": {"learning_rate": "x"}}}, "x.toml: arms: a: learning_rate must be a finite number >= 0, or \"model\""),
        ({"arms": {"a": {"learning_rate": []}}}, "x.toml: arms: a: learning_rate must be a value, or a list with at least one"),
        ({"arms": {"a": {"learning_rate": [0.1, 0.1]}}}, "x.toml: two arms have the name 'a, learning_rate 0.1'"),
        ({"arms": {"a": {**CLR, "learning_rate": 1}}}, "x.toml: arms: a: learning_rate excludes initial_learning_rate, "),
        ({"arms": {"a": {"learning_rate": "model", "optimizer": "sgd"}}}, "keeps the optimizer of the compiled model"),
        ({"arms": {"a": {**CLR, "policy": "cosine"}}}, "arms: a: policy must be one of triangular, triangular2, exp_range"),
        ({"arms": {"a": {**CLR, "gamma": 0.9}}}, "x.toml: arms: a: gamma goes with the policy exp_range, not with triangular2"),
        ({"arms": {"a": {**CLR, "step_size": 0}}}, "x.toml: arms: a: step_size must be "),
        ({"arms": {"a": without("step_size")}}, "x.toml: arms: a: step_size is missing"),
        ({"arms": {"a": without("initial_learning_rate")}}, "x.toml: arms: a: initial_learning_rate is missing"),
        ({"arms": {"a": {**CLR, "bounds": "range-test"}}}, "x.toml: arms: a: bounds excludes initial_learning_rate, maximal"),
        ({"arms": {"a": {"policy": "triangular", "bounds": "x", "step_size": 3}}}, "arms: a: bounds must be \"range-test\""),
        ({"arms": {"a": {"policy": "triangular", "bounds": "auto", "step_size": 3}}}, "bounds must be \"range-test\""),
        ({"arms": {"a": {"policy": "triangular", "bounds": "range-test", "step_size": 0}}}, "arms: a: step_size must be "),
        ({"arms": {"a": {**CLR, "optimizer": ""}}}, "x.toml: arms: a: optimizer must be a text such as \"adam\""),
        ({"arms": {"a": {**CLR, "optimizer": {}}}}, "x.toml: arms: a: optimizer must be a text such as \"adam\""),
        ({"arms": {"a": {**CLR, "optimizer": {"name": 3}}}}, "x.toml: arms: a: optimizer must be a text such as"),
        ({"arms": {"a": {**CLR, "optimizer": {"name": ""}}}}, "x.toml: arms: a: optimizer must be a text such as"),
        ({"arms": {"a": {**CLR, "optimizer": {"name": "sgd", "x": date(2020, 1, 1)}}}}, "optimizer.x must be a finite number"),
        ({"arms": {"a": {**CLR, "optimizer": {"name": "sgd", "x": math.nan}}}}, "optimizer.x must be a finite number, a text"),
        ({"arms": {"a": {**CLR, "optimizer": {"name": "sgd", "x": [1, {}]}}}}, "optimizer.x must be a finite number, a text"),
        ({"arms": {"a": {"learning_rate": [16**5000]}}}, "x.toml: arms: a: learning_rate must be a finite number >= 0"),
        ({"range_test": {"steps": "x"}}, "x.toml: range_test: steps must be a whole number 1 .. 2**63-1, got 'x'"),
        ({"arms": {"a": {**CLR, "optimizer": 3}}}, "x.toml: arms: a: optimizer must be a text such as \"adam\""),
        ({"arms": {"a": {**CLR, "optimizer": {"name": "sgd", "learning_rate": 1}}}}, "the arm gives the learning_rate"),
        ({"arms": {"a": {**CLR, "colour": 3}}}, "x.toml: arms: a: there is no key 'colour'"),
        ({"model": "tutorial", "arms": {"a": {"learning_rate": "model"}}}, "goes with models of your own, not with"),
    ],
)  # fmt: skip
def test_wrong_files(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(config.StudyError) as raised:
        of(**changes)
    assert message in str(raised.value)


@pytest.mark.parametrize("models", [[], "a.py:make", ["a.py:make", ""], ["a.py:make", 3], ["a.py:make", "a.py:make"]])
def test_wrong_models(models: Any) -> None:
    with pytest.raises(config.StudyError, match=r"x\.toml: models must be a list of (texts such as|different models)"):
        config.of_document({"models": models, "arms": PLAIN["arms"]}, "x.toml")


def test_the_ends_of_what_is_accepted() -> None:
    study = of(epochs=2**63 - 1, batch_size=1, subset=1, seeds=[0, 2**32 - 1], arms={"a": {"learning_rate": 0}})
    assert (study.epochs, study.batch_size, study.subset, study.seeds) == (2**63 - 1, 1, 1, (0, 2**32 - 1))
    assert study.arms[0].schedule == 0.0
    assert of(seeds=1).seeds == (0,)


def test_the_range_test_of_a_file() -> None:
    arms = {"a": {"policy": "triangular", "bounds": "range-test", "step_size": 3}}
    for steps in (20, 10**6):
        swept = of(arms=arms, range_test={"steps": steps, "minimal_learning_rate": 0.5}).arms[0].swept
        assert swept == Swept("triangular", {"step_size": 3.0}, steps, 0.5, 10.0)
    for steps in (19, 10**6 + 1):
        with pytest.raises(config.StudyError, match=r"x\.toml: range_test: steps must be a whole number 20 .. 10\*\*6"):
            of(arms=arms, range_test={"steps": steps})
    with pytest.raises(config.StudyError, match=r"x\.toml: range_test: steps must be a whole number 20"):
        of(arms=arms, range_test={"steps": 3})
    with pytest.raises(config.StudyError, match=r"x\.toml: range_test: .*above minimal_learning_rate"):
        of(arms=arms, range_test={"minimal_learning_rate": 11})
    with pytest.raises(config.StudyError, match=r"x\.toml: range_test: there is no key 'step'"):
        of(arms=arms, range_test={"step": 3})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = ", ": is no TOML"),
        (b"\xff", ": is no TOML"),
        (b"a = " + b"[" * 100_000, ": its values are nested too deeply"),
        (b"#" * 2**20 + b"#", ": must have at most 1,048,576 bytes, got more"),
        (None, ": No such file or directory"),
    ],
    ids=["unfinished", "no UTF-8", "deep", "large", "missing"],
)
def test_files_that_are_no_toml(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(config.StudyError) as raised:
        config.read(path)
    assert str(raised.value).startswith(f"{path}{message}")
