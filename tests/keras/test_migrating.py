"""The Python blocks of docs/MIGRATING.md run, and its tables name the arguments that there are.

The blocks run in order in one namespace; those that need TFA or PyTorch run where it is installed.
"""

from __future__ import annotations

import importlib.util
import inspect
import zipfile
from pathlib import Path
from typing import Any

import pytest

import clr_ref
from clr_ref import policies
from tests.keras.blocks import DOCS, blocks, rows, run

pytestmark = pytest.mark.filterwarnings("ignore")

PAGE = "MIGRATING.md"
TEXT = (DOCS / PAGE).read_text("utf-8")
MODELS = Path(__file__).parent / "fixtures" / "tf-2.15.1_tfa-0.23.0" / "models.zip"


def test_the_page_has_its_blocks() -> None:
    assert len(blocks(PAGE)) == TEXT.count("```python") >= 10


def test_the_blocks_run(clr: Any, api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(policies, "_registered", dict(policies._registered))
    with zipfile.ZipFile(MODELS) as archive:
        for name in archive.namelist():
            if name.startswith("triangular/"):
                archive.extract(name)
    for old, new in (("model.h5", "old.h5"), ("model.keras", "old.keras"), ("saved_model", "saved_model")):
        (tmp_path / "triangular" / old).rename(tmp_path / new)
    namespace: dict[str, Any] = {}
    left_out = []
    for block in blocks(PAGE):
        if "tensorflow_addons as" in block and importlib.util.find_spec("tensorflow_addons") is None:
            left_out.append("TensorFlow Addons")
        elif block.startswith("# Keras 3\n") and not api.IS_KERAS_3:
            left_out.append("Keras 3")
        elif block.startswith("# PyTorch\n"):
            left_out.append("PyTorch, which has a test of its own")
        else:
            run(block, PAGE, namespace)
    print(f"left out, for want of: {left_out}")
    assert namespace["schedule"].scale_mode == "cycle"


def test_the_block_for_pytorch_runs() -> None:
    pytest.importorskip("torch", reason="this needs torch")
    (block,) = (block for block in blocks(PAGE) if block.startswith("# PyTorch\n"))
    namespace: dict[str, Any] = {}
    run(block, PAGE, namespace)
    assert namespace["scheduler"].last_epoch == 5


def test_the_arguments_of_tfa_are_those_of_the_drop_ins(drop_ins: Any) -> None:
    table = rows(PAGE, "Coming from TFA")
    classes = ("CyclicalLearningRate", "TriangularCyclicalLearningRate", "ExponentialCyclicalLearningRate")
    ours = {name for one in classes for name in inspect.signature(getattr(drop_ins, one)).parameters}
    assert {name.partition("=")[0] for name in table if not name.startswith("none")} == ours - {
        "step_size_down",
        "arithmetic",
        "dtype",
    }
    exponential = inspect.signature(drop_ins.ExponentialCyclicalLearningRate).parameters
    assert 'scale_mode="cycle"`, `"iterations"' in TEXT
    assert exponential["scale_mode"].default == "iterations"
    assert inspect.signature(drop_ins.CyclicalLearningRate).parameters["scale_mode"].default == "cycle"


@pytest.mark.parametrize("chapter", ["From a Keras callback", "From PyTorch"])
def test_the_tables_lead_where_the_errors_lead(chapter: str) -> None:
    """What a row leads to is an argument or a function of ours, and what the TypeError of a call with that name says."""
    functions = (clr_ref.triangular, clr_ref.triangular2, clr_ref.exp_range, clr_ref.CyclicalLearningRate)
    ours = {name for function in functions for name in inspect.signature(function).parameters}
    tried = 0
    for row, (here, *_) in rows(PAGE, chapter).items():
        name, meant = row.partition("=")[0], here.partition("`")[2].partition("`")[0]
        if name in ours:
            assert meant == name
        elif here.startswith("`"):
            assert meant in ours
        if name not in ours:
            tried += 1
            with pytest.raises(TypeError, match=f"{name} is called {meant} here" if meant in ours and here[0] == "`" else name):
                clr_ref.triangular(1e-4, 1e-2, 10, **{name: 1})
    assert tried >= 3


def test_the_arguments_of_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="this needs torch")
    parameters = list(inspect.signature(torch.optim.lr_scheduler.CyclicLR).parameters.values())
    written = [p.name if p.default is p.empty else f"{p.name}={p.default!r}".replace("'", '"') for p in parameters]
    assert list(rows(PAGE, "From PyTorch")) == written


@pytest.mark.parametrize(("mode", "gamma"), [("triangular", 1.0), ("triangular2", 1.0), ("exp_range", 0.99)])
def test_pytorchs_momentum_is_the_second_schedule(mode: str, gamma: float) -> None:
    """From max_momentum to base_momentum, with the step sizes, the policy and the gamma of the rate."""
    torch = pytest.importorskip("torch", reason="this needs torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    numbers = {"base_momentum": 0.8, "max_momentum": 0.9, "step_size_up": 4, "step_size_down": 7, "mode": mode, "gamma": gamma}
    scheduler = torch.optim.lr_scheduler.CyclicLR(optimizer, 0.001, 0.006, **numbers)
    more = {"gamma": gamma} if mode == "exp_range" else {}
    momentum = getattr(clr_ref, mode)(0.9, 0.8, 4, step_size_down=7, dtype="float64", **more)
    for step in range(40):
        assert optimizer.param_groups[0]["momentum"] == pytest.approx(momentum(step), rel=1e-14)
        optimizer.step()
        scheduler.step()


def test_what_pytorch_does_to_adam() -> None:
    """The figures of the page: the shortest and the longest update, if all gradients are 1."""
    torch = pytest.importorskip("torch", reason="this needs torch")
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.Adam([weight], lr=0.1)
    scheduler = torch.optim.lr_scheduler.CyclicLR(optimizer, 0.1, 0.1, 10, base_momentum=0.85, max_momentum=0.95)
    updates = []
    for _ in range(100):
        before = weight.item()
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        updates.append((before - weight.item()) / 0.1)
        scheduler.step()
    assert f"{100 * (1 - min(updates)):.0f} % shorter to {100 * (max(updates) - 1):.0f} % longer" in TEXT
