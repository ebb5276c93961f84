"""The record of applied rates: part of the store, read whole, and true where TFA lives."""

from __future__ import annotations

import importlib.util
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from clr_ref.cli import main
from clr_ref.golden import report, store as golden
from clr_ref.tfa import graphs

RUN = "TriangularCyclicalLearningRate, SGD, fit"
PAIR = "tf-2.15.1_tfa-0.23.0"


def document() -> Any:
    return golden.load_json(golden.default_folder() / "applied" / f"{PAIR}.json")


def test_every_pair_of_the_tests_is_there() -> None:
    found = golden.read().applied
    assert [name.split("_")[0] for name in found] == [
        f"tf-{release}" for release in ["2.8.4", "2.9.3", "2.10.1", "2.11.1", "2.12.1", "2.13.1", "2.14.1", "2.15.1"]
    ]
    for record in found.values():
        for title, run in record.runs.items():
            assert isinstance(run, tuple) or (run.shape == (400,) and run.dtype == np.float32), title


def test_applied_rates_are_those_of_the_mode() -> None:
    """The probe and the replayed arithmetic were made apart from each other, and agree in every bit."""
    for record in golden.read().applied.values():
        assert graphs.knows_cpu(record.provenance["cpu"])
        for title, run in record.runs.items():
            mode = {"fit": "function", "fit, jit_compile": "xla", "fit, eager": "eager"}[title.split(", ", 2)[2]]
            policy = title.split("Cyclical")[0]
            if policy != "Exponential":
                assert mode in report.matching_modes(report.applied_schedule(policy, record.inputs), run, record), title


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(extra=1), "unknown field 'extra'"),
        (lambda d: d.pop("inputs"), "missing field 'inputs'"),
        (lambda d: d.update(format=2), "format must be 1, got 2"),
        (lambda d: d["runs"].clear(), "runs must be an object that is not empty, got {}"),
        (
            lambda d: d["provenance"]["versions"].update(tensorflow="2.14.1"),
            "the file must be named after its versions, tf-2.14.1_tfa-0.23.0.json",
        ),
        (
            lambda d: next(iter(d["runs"].values())).update(rates=["0x1.0000001000000p-10"]),
            "the rates are not those of float32",
        ),
        (lambda d: next(iter(d["runs"].values())).update(extra=1), "unknown field 'extra'"),
        (lambda d: d.update(history=[{"reason": "x"}]), "missing field 'replaced_sha256'"),
    ],
)
def test_what_is_no_record(change: Callable[[Any], Any], message: str) -> None:
    data = document()
    change(data)
    with pytest.raises(ValueError, match=message):
        golden.parse_applied(f"{PAIR}.json", data)


def test_without_tfa_the_call_is_wrong(folder: Path) -> None:
    if importlib.util.find_spec("tensorflow_addons"):
        pytest.skip("TensorFlow Addons is installed in this environment")
    result = CliRunner().invoke(main, ["golden", "probe", "--golden", str(folder)])
    assert result.exit_code == 2
    assert "golden probe needs TensorFlow and TensorFlow Addons" in result.output


@pytest.mark.filterwarnings("ignore")
def test_a_changed_rate_needs_a_reason(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With runs that are not real, and the libraries' names alone."""
    import sys
    import types

    from clr_ref.training import applied, provenance

    versions = {"tensorflow": "2.15.1", "keras": "tf.keras-2.15.1"}
    monkeypatch.setattr(provenance, "versions", lambda: versions)
    monkeypatch.setitem(sys.modules, "tensorflow_addons", types.SimpleNamespace(__version__="0.23.0"))
    runs: list[dict[str, Any]] = [{RUN: {"rates": ["0x1p-3"]}}] * 4
    monkeypatch.setattr(applied, "observe", lambda tfa: runs.pop())
    path = folder / "applied" / f"{PAIR}.json"
    call = ["golden", "probe", "--golden", str(folder)]
    assert CliRunner().invoke(main, call).output == f"recorded {PAIR}: 1 runs, 0 of them errors\n"
    assert CliRunner().invoke(main, call).exit_code == 0  # nothing changed
    before = path.read_bytes()
    runs += [{RUN: {"error": ["TypeError", "no"]}}] * 4
    result = CliRunner().invoke(main, call)
    assert (result.exit_code, path.read_bytes()) == (1, before)
    assert "would change; `--reason TEXT` replaces it" in result.output
    result = CliRunner().invoke(main, [*call, "--reason", "a test", "--json"])
    assert json.loads(result.stdout) == {
        "recorded": PAIR,
        "runs": 1,
        "errors": {RUN: ["TypeError", "no"]},
    }
    assert golden.read(folder).applied[PAIR].history[0]["reason"] == "a test"
    runs += [
        {RUN: {"rates": ["0x1p-3"]}},
        {RUN: {"rates": ["0x1p-4"]}},
    ]
    result = CliRunner().invoke(main, [*call, "--reason", "a test"])
    assert "applied other rates the second time" in result.output


@pytest.mark.filterwarnings("ignore")
def test_the_record_is_reproduced() -> None:
    """In an environment with a TFA of the record; XLA and Eigen may do otherwise on another CPU."""
    if not os.environ.get("CLR_REF_EXPECT_TFA") and not importlib.util.find_spec("tensorflow_addons"):
        pytest.skip("TensorFlow Addons is not installed in this environment")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow
        import tensorflow_addons
    from clr_ref.training import applied, provenance

    known = golden.read().applied[f"tf-{tensorflow.__version__}_tfa-{tensorflow_addons.__version__}"]
    same_cpu = provenance.same_family(known.provenance["cpu"], provenance.cpu())
    differing = []
    for title, run in applied.observe(tensorflow_addons).items():
        stored = known.runs[title]
        expected = {"error": list(stored)} if isinstance(stored, tuple) else {"rates": [float(r).hex() for r in stored]}
        if run != expected:
            differing.append(title)
    if not same_cpu:
        print(f"on this CPU, which is not that of the record, these runs differ: {differing}")
        differing = [title for title in differing if title.endswith("eager")]
    assert differing == []
