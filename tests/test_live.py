"""The installed TFA gives the bits of its record, and those of the replayed arithmetic.

An environment whose name promises TFA sets CLR_REF_EXPECT_TFA to its version; there, a TFA that is missing or does not import
is a failure. Elsewhere these tests are skipped with the reason.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import tfa_arithmetic
from clr_ref.golden import record, store as golden
from clr_ref.tfa import graphs
from tests.rates import assert_same_rates

PROMISED = os.environ.get("CLR_REF_EXPECT_TFA", "")
PROMISED_TF = os.environ.get("CLR_REF_EXPECT_TF", "")


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


needs_tfa = pytest.mark.skipif(
    not PROMISED and not installed("tensorflow_addons"), reason="TensorFlow Addons is not installed in this environment"
)


@pytest.fixture(scope="module")
def recorder() -> Any:
    """The recorder as a module, so that the tests evaluate TFA as the recording did."""
    specification = importlib.util.spec_from_file_location("record_tfa", record.RECORDER)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def libraries() -> tuple[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TFA's end of life, and of old releases about new NumPy and protobuf
        import tensorflow
        import tensorflow_addons
    return tensorflow, tensorflow_addons


@pytest.fixture(scope="module")
def stored(libraries: tuple[Any, Any]) -> golden.Record:
    tensorflow, addons = libraries
    name = f"tf-{tensorflow.__version__}_tfa-{addons.__version__}"
    records = golden.read().records
    assert name in records, f"{name} is not recorded; clr-ref golden record {name}"
    return records[name]


@pytest.mark.skipif(not PROMISED_TF, reason="this environment promises no TensorFlow")
def test_the_promised_tensorflow_is_there() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow
    assert tensorflow.__version__.startswith(PROMISED_TF + ".")
    assert int(tensorflow.constant(1) + 1) == 2


@pytest.mark.skipif(not PROMISED, reason="this environment promises no TensorFlow Addons")
def test_the_promised_tfa_is_there(libraries: tuple[Any, Any]) -> None:
    assert libraries[1].__version__.startswith(PROMISED + ".")


def this_cpu(recorder: Any) -> Any:
    return recorder.cpu()


@needs_tfa
@pytest.mark.filterwarnings("ignore")
def test_the_record_is_reproduced(recorder: Any, libraries: tuple[Any, Any], stored: golden.Record, tmp_path: Path) -> None:
    """Values, digests and errors of every case, mode and step dtype are those of the record."""
    tensorflow, addons = libraries
    store = golden.read()
    document = golden.load_json(store.folder / "cases.json")
    known = {(e.case, e.mode, e.step_dtype): e for e in stored.entries}
    same_cpu = stored.provenance["cpu"]["flags"] == this_cpu(recorder)["flags"]
    differing, elsewhere = [], []
    for case in document["cases"]:
        results = recorder.record_case(tensorflow, addons.optimizers, case, store.digest_steps, str(tmp_path))
        found = {(e.case, e.mode, e.step_dtype): e for e in golden.parse_entries({case["id"]: results})}
        for key, entry in found.items():
            # XLA and Eigen choose their code by the CPU. On another one, only eager mode has to give the same bits.
            if entry != known[key]:
                (differing if same_cpu or key[1] == "eager" else elsewhere).append(key)
    if elsewhere:
        print(f"on this CPU, which is not that of the record, {len(elsewhere)} graph entries differ: {elsewhere[:5]}")
    assert differing == []


@needs_tfa
@pytest.mark.filterwarnings("ignore")
def test_the_behaviours_are_reproduced(
    recorder: Any, libraries: tuple[Any, Any], stored: golden.Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensorflow, addons = libraries
    # Once clr_ref.keras is imported, Keras loads what TFA saved, as a drop-in. The record is of TFA alone.
    known = tensorflow.keras.utils.get_custom_objects()
    for name in [name for name, value in known.items() if value.__module__.startswith("clr_ref.")]:
        monkeypatch.delitem(known, name)
    found = recorder.observe(tensorflow, addons.optimizers)
    words = {
        title: outcome["outcome"] if "outcome" in outcome else "{class}: {message}".format(**outcome["error"])
        for title, outcome in found.items()
    }
    assert words == dict(stored.behaviours)


def schedules() -> list[tuple[str, clr_ref.CyclicalLearningRate]]:
    """Schedules that are in no golden file."""
    generator = np.random.default_rng(1506)
    found = []
    for _ in range(8):
        low, high = sorted(10.0 ** generator.uniform(-6, 0, 2))
        size = float(generator.choice([float(generator.integers(1, 5000)), round(float(generator.uniform(0.3, 300)), 2)]))
        found.append(("TriangularCyclicalLearningRate", clr_ref.triangular(low, high, size)))
        found.append(("Triangular2CyclicalLearningRate", clr_ref.triangular2(low, high, size)))
    return found


@needs_tfa
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", tfa_arithmetic.MODES)
def test_schedules_that_are_not_recorded(recorder: Any, libraries: tuple[Any, Any], mode: Any) -> None:
    """The replayed arithmetic gives the bits of TFA, on arrays and on single steps (clauses 9.1 and 9.3)."""
    tensorflow, addons = libraries
    cpu = this_cpu(recorder)
    if mode != "eager" and not graphs.knows_cpu(cpu):
        pytest.skip(f"the graph arithmetic of this CPU is not known: {cpu['model']}")
    major, minor = (int(part) for part in tensorflow.__version__.split(".")[:2])
    steps = np.random.default_rng(7).integers(0, 2**24, 10_003)
    for cls, schedule in schedules():
        size = schedule.step_size
        real = recorder.build(
            addons.optimizers,
            cls,
            "",
            schedule.initial_learning_rate,
            schedule.maximal_learning_rate,
            int(size) if size.is_integer() else size,
            None,
            "cycle",
        )
        call = recorder.compiled(tensorflow, real, mode)
        for array, asked in ((True, steps), (False, steps[:20])):
            if array:
                answered = np.asarray(call(tensorflow.constant(asked, tensorflow.int64)))
            else:
                answered = np.array([np.asarray(call(tensorflow.constant(t, tensorflow.int64))) for t in asked])
            if mode == "eager":
                replayed = tfa_arithmetic.evaluate(schedule, asked)
            else:
                replayed = graphs.evaluate(schedule, asked, mode=mode, tensorflow=(major, minor), array=array)
            normal = np.abs(replayed) >= np.finfo(np.float32).tiny
            arithmetic = f"TFA's arithmetic ({mode}, array={array})"
            assert_same_rates(schedule, asked[normal], replayed[normal], answered[normal], arithmetic=arithmetic)
