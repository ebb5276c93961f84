"""The recorder runs where TFA lives, without clr_ref; what it writes has to be what the store reads.

Its helpers are loaded from the file, since the module is never imported from the package. What it does with TFA itself is
shown by the record.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from clr_ref import tfa_arithmetic
from clr_ref.golden import record, store as golden
from clr_ref.golden.cases import accepted_cases_sha256, parse_case
from clr_ref.golden.model import MODES, StepDtype
from clr_ref.golden.records import parse_record
from clr_ref.golden.sums import text_sha256
from clr_ref.golden.values import parse_values, render_values
from tests.golden import synthetic

RECORDER = record.RECORDER


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    # The recorder hides every GPU from TensorFlow; that must not outlive the test.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    spec = importlib.util.spec_from_file_location("recorder_under_test", RECORDER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- what it may import ----------------------------------------------------------------------------------------------


def imported(source: str) -> Iterator[str]:
    """The top-level packages of every import of a source, wherever it stands; a relative import gives ''."""
    for node in ast.walk(ast.parse(source, feature_version=(3, 7))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "" if node.level else str(node.module).partition(".")[0]


def test_recorder_imports_tfa_numpy_and_the_standard_library_alone() -> None:
    found = set(imported(RECORDER.read_text("utf-8")))
    allowed = sys.stdlib_module_names | {"numpy", "tensorflow", "tensorflow_addons"}
    assert found - allowed == set()
    assert {"numpy", "tensorflow", "tensorflow_addons"} <= found


def test_recorder_does_not_import_behind_the_back_of_this_test() -> None:
    calls = [node for node in ast.walk(ast.parse(RECORDER.read_text("utf-8"))) if isinstance(node, ast.Call)]
    called = {node.func.id for node in calls if isinstance(node.func, ast.Name)}
    called |= {node.func.attr for node in calls if isinstance(node.func, ast.Attribute)}
    assert called & {"__import__", "import_module", "exec", "eval", "run_path", "run_module", "exec_module"} == set()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os.path, clr_ref.ulp", {"os", "clr_ref"}),
        ("def f():\n    from clr_ref import ulp", {"clr_ref"}),
        ("from . import store", {""}),
        ("try:\n    import torch as t\nexcept ImportError:\n    pass", {"torch"}),
    ],
)
def test_the_import_test_sees_every_import(source: str, expected: set[str]) -> None:
    assert set(imported(source)) == expected


def test_the_syntax_is_that_of_python_3_7() -> None:
    ast.parse(RECORDER.read_text("utf-8"), feature_version=(3, 7))
    with pytest.raises(SyntaxError):
        ast.parse("if (x := 1): pass", feature_version=(3, 7))


# --- its helpers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_written_as_the_store_writes_them(recorder: ModuleType, dtype: str) -> None:
    draw = np.random.default_rng(5)
    values = np.frombuffer(draw.bytes(8 * 500), dtype)
    values = np.concatenate([values, np.array([0.0, -0.0, 1e-4, np.inf, -np.inf, np.nan, np.finfo(dtype).tiny / 4], dtype)])
    steps = [int(t) for t in draw.integers(0, 2**63 - 1, len(values))]
    text = recorder.values_csv(steps, values)
    assert text == render_values(steps, values)
    back = parse_values(text, dtype)[1]
    numbers = ~np.isnan(values)
    assert back[numbers].tobytes() == values[numbers].tobytes()
    assert np.isnan(back[~numbers]).all()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(0.01), "1e-02"),
        (np.float64(np.float32(0.01)), "9.999999776482582e-03"),
        (np.float32(0), "0e+00"),
        (np.float32("nan"), "nan"),
        (np.float64("-inf"), "-inf"),
    ],
)
def test_decimal_is_the_shortest_of_the_dtype(recorder: ModuleType, value: Any, text: str) -> None:
    assert recorder.decimal(value) == text


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8"])
def test_digest_is_of_little_endian_bytes(recorder: ModuleType, dtype: str) -> None:
    values = [1e-4, 0.5, -2.0]
    kind = "<" + dtype[1:]
    expected = hashlib.sha256(np.array(values, kind).tobytes()).hexdigest()
    assert recorder.digest(np.array(values, dtype)) == expected


def test_digest_is_of_the_values_not_of_the_memory(recorder: ModuleType) -> None:
    array = np.arange(6, dtype="<f4")
    assert recorder.digest(array[::2]) == recorder.digest(array[::2].copy())


def test_differing_compares_bits_inside_the_array(recorder: ModuleType) -> None:
    array = np.array([0.0, 1.0, 2.0, np.nan], np.float32)
    values = np.array([-0.0, 1.0, 2.5, np.nan, 9.0], np.float32)
    assert recorder.differing([0, 1, 2, 3, 7], values, array) == 2
    assert recorder.differing([0], values[:1], array) == 1  # the sign of zero
    assert recorder.differing([3], values[3:4], array) == 0  # a NaN is like itself
    assert recorder.differing([7], values[4:], array) == 0  # past the end of the array


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_hash_of_a_file_is_that_of_its_text(recorder: ModuleType, tmp_path: Path, ends: str) -> None:
    path = tmp_path / "text"
    path.write_bytes(f"a{ends}é{ends}".encode())
    expected = hashlib.sha256("a\né\n".encode()).hexdigest()
    assert recorder.sha256_of(str(path)) == expected == text_sha256(path)


class InvalidArgumentError(Exception):
    """Of the name that TensorFlow gives to most of what it raises."""


@pytest.mark.parametrize(
    ("error", "name", "message"),
    [
        (ValueError("\n  first \nsecond"), "ValueError", "first"),
        (ValueError(), "ValueError", ""),
        (TypeError("TypeError: twice"), "TypeError", "twice"),
        (
            InvalidArgumentError("in user code:\n\n    File x.py, line 3\n    InvalidArgumentError: no int64\n"),
            "InvalidArgumentError",
            "no int64",
        ),
        (TypeError("in user code:\n\n    nothing of the kind"), "TypeError", "in user code:"),
        (ValueError("x" * 300), "ValueError", "x" * 200),
    ],
)
def test_first_line_of_an_error(recorder: ModuleType, error: Exception, name: str, message: str) -> None:
    assert recorder.first_line(error) == {"class": name, "message": message}


def test_file_is_written_whole(recorder: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "a.csv"
    recorder.write_atomically(str(path), "old\n")
    recorder.write_atomically(str(path), "new\n")
    assert path.read_bytes() == b"new\n"
    assert [other.name for other in path.parent.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("policy", ["triangular", "triangular2", "exp_range"])
def test_scale_functions_are_those_of_the_policies(recorder: ModuleType, policy: str) -> None:
    expected = {"triangular": 1.0, "triangular2": 0.25, "exp_range": 0.9**3}
    assert recorder.scale_function(policy, 0.9)(3) == expected[policy]


def test_names_are_those_of_the_store(recorder: ModuleType) -> None:
    assert recorder.FORMAT == golden.FORMAT
    assert recorder.MODES == MODES
    assert recorder.STEP_DTYPES == synthetic.STEP_DTYPES


def test_behaviours_are_named_once(recorder: ModuleType) -> None:
    titles = [title for title, _ in recorder.BEHAVIOURS]
    assert len(titles) == len(set(titles)) >= 20


# --- building TFA's schedules ----------------------------------------------------------------------------------------


class Optimizers:
    """The four classes with the signatures that some release of TFA had."""

    class WithScaleFn:
        def __init__(self, initial, maximal, step_size, scale_fn, scale_mode="cycle"):  # type: ignore[no-untyped-def]
            self.arguments = {"scale_fn", *locals()}

    class WithoutScaleFn:
        def __init__(self, initial, maximal, step_size, scale_mode="cycle"):  # type: ignore[no-untyped-def]
            self.arguments = set(locals())

    class ExponentialCyclicalLearningRate:
        def __init__(self, initial, maximal, step_size, scale_mode="iterations", gamma=1.0):  # type: ignore[no-untyped-def]
            self.initial, self.maximal, self.step_size, self.gamma = initial, maximal, step_size, gamma


def test_scale_fn_is_given_where_it_is_asked_for(recorder: ModuleType) -> None:
    arguments = ("triangular2", 1e-4, 1e-2, 4, None, "cycle")
    assert "scale_fn" in recorder.build(Optimizers, "WithScaleFn", *arguments).arguments
    assert "scale_fn" not in recorder.build(Optimizers, "WithoutScaleFn", *arguments).arguments


@pytest.mark.parametrize(("dtype", "kind"), [("float32", float), ("float64", np.float64)])
def test_case_is_built_as_a_user_writes_it(recorder: ModuleType, dtype: str, kind: type) -> None:
    case = synthetic.case("x", "ExponentialCyclicalLearningRate", "exp_range", 3, [[0, 1]], dtype=dtype)
    built = recorder.build_case(Optimizers, case)
    assert type(built.initial) is kind
    assert type(built.maximal) is float
    assert type(built.step_size) is int
    assert (built.initial, built.maximal, built.step_size, built.gamma) == (1e-4, 1e-2, 3, 0.9)
    case = synthetic.case("x", "ExponentialCyclicalLearningRate", "exp_range", 2.5, [[0, 1]])
    assert recorder.build_case(Optimizers, case).step_size == 2.5


def test_steps_are_asked_as_the_store_reads_them(recorder: ModuleType) -> None:
    """Which steps a mode answers is decided twice, in the recorder and in ``Case.steps_for``."""
    fake = SimpleNamespace(constant=lambda array: array)
    for data in synthetic.CASES:
        parsed = parse_case(data, {"base": "", "pow": ""})
        for mode in recorder.MODES:
            for kind in recorder.STEP_DTYPES:
                steps, values = recorder.evaluate(fake, lambda t: np.float32(t), data, mode, kind)
                assert list(steps) == parsed.steps_for(mode, kind).tolist()
                assert values.tolist() == list(steps)


def test_array_case_is_asked_at_once(recorder: ModuleType) -> None:
    case = {**synthetic.CASES[0], "call": "array"}
    asked: list[Any] = []

    def call(steps: Any) -> Any:
        asked.append(steps)
        return np.asarray(steps, np.float32)

    recorder.evaluate(SimpleNamespace(constant=lambda array: array), call, case, "xla", "int64")
    assert [a.dtype for a in asked] == [np.int64]
    assert asked[0].tolist() == [0, 1, 2, 3, 4, 7, 8]


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow 2.15.1 and TFA 0.23.0, as far as the recorder asks for versions."""
    tensorflow, addons = ModuleType("tensorflow"), ModuleType("tensorflow_addons")
    tensorflow.__dict__.update(__version__="2.15.1", get_logger=lambda: SimpleNamespace(setLevel=lambda level: None))
    addons.__dict__.update(__version__="0.23.0", optimizers=SimpleNamespace())
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    monkeypatch.setitem(sys.modules, "tensorflow_addons", addons)


@pytest.mark.usefixtures("stubs")
@pytest.mark.parametrize(
    ("option", "version"), [("--tensorflow", "2.15.0"), ("--tensorflow-addons", "0.22.0"), ("--tensorflow", "2.15")]
)
def test_wrong_version_is_refused(
    recorder: ModuleType, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, version: str
) -> None:
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as stopped:
        recorder.main(["--cases", str(folder / "cases.json"), "--out", str(out), option, version])
    assert stopped.value.code == 2
    assert f"{option} {version} was asked for" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.usefixtures("stubs")
def test_wrong_format_is_refused(recorder: ModuleType, folder: Path, tmp_path: Path) -> None:
    synthetic.edit(folder / "cases.json", lambda data: data.update(format=2))
    with pytest.raises(SystemExit) as stopped:
        recorder.main(["--cases", str(folder / "cases.json"), "--out", str(tmp_path / "out")])
    assert stopped.value.code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("stubs")
def test_record_has_the_form_of_the_store(recorder: ModuleType, folder: Path, tmp_path: Path) -> None:
    """TFA without its classes raises everywhere; what is written of that is a sound record all the same."""
    out = tmp_path / "out"
    versions = ["--tensorflow", "2.15.1", "--tensorflow-addons", "0.23.0"]
    assert recorder.main(["--cases", str(folder / "cases.json"), "--out", str(out), *versions]) == 0
    name = "tf-2.15.1_tfa-0.23.0"
    data = json.loads((out / "records" / f"{name}.json").read_text())
    parsed = parse_record(f"{name}.json", data)
    assert {entry.error[0] for entry in parsed.entries if entry.error} == {"AttributeError"}
    assert len(parsed.entries) == len(synthetic.CASES) * 9
    assert len(parsed.behaviours) == len(recorder.BEHAVIOURS)
    assert parsed.provenance["recorder_sha256"] == text_sha256(RECORDER)
    assert parsed.provenance["cases_sha256"] in accepted_cases_sha256(folder / "cases.json")


def test_recorder_store_and_arithmetic_have_the_same_modes(recorder: ModuleType) -> None:
    """Each has its own list: the recorder runs without clr_ref, and the store without TFA's arithmetic."""
    assert recorder.MODES == MODES == tfa_arithmetic.MODES
    assert typing.get_args(StepDtype) == recorder.STEP_DTYPES
