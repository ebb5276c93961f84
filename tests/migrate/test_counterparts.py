"""The tables of docs/MIGRATING.md of TFA's optimizers: arguments, and the distance of Keras 3's weights from TFA's."""

from __future__ import annotations

import ast
import inspect
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_ref.migrate.facts import COUNTERPARTS
from tests.keras.blocks import tables
from tests.migrate import counterparts

pytestmark = pytest.mark.filterwarnings("ignore")

STORED = Path(__file__).parent / "fixtures" / "tfa-0.23.0.npz"
ARGUMENTS, DISTANCES = tables("MIGRATING.md", "The rest of TFA")
#: Below this only the rounding differs.
ROUNDING = 1e-6


@pytest.fixture(scope="module")
def keras() -> Any:
    """Keras 3 on TensorFlow."""
    api = pytest.importorskip("clr_ref.keras.api", reason="this needs Keras", exc_type=ImportError)
    if not api.IS_KERAS_3 or api.BACKEND != "tensorflow":
        pytest.skip("this needs Keras 3 on TensorFlow")
    return api.keras


def parameters(written: str) -> tuple[str, dict[str, Any]]:
    """The dotted name of a call that a table shows, and its arguments with their defaults."""
    call = ast.parse(written.strip("`"), mode="eval").body
    assert isinstance(call, ast.Call)
    required = {argument.id: inspect.Parameter.empty for argument in call.args if isinstance(argument, ast.Name)}
    defaults = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    return ast.unparse(call.func), {**required, **defaults}


def defaults_of(kind: Any, names: Any) -> dict[str, Any]:
    """The defaults of a class's arguments; some stand in the constructor of a base."""
    known: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if "__init__" in vars(base):
            known.update(inspect.signature(vars(base)["__init__"]).parameters)
    return {name: known[name].default for name in names}


def test_the_counterparts_are_those_that_migrate_reports() -> None:
    for tfa, keras, note in ARGUMENTS:
        known = COUNTERPARTS["optimizers"][parameters(tfa)[0]]
        assert note == known.note
        assert (known.keras is None) if keras == "none" else str(known.keras).partition("(")[0] == parameters(keras)[0]


def test_the_arguments_of_tfa() -> None:
    if os.environ.get("CLR_REF_EXPECT_TFA") != "0.23":
        pytest.skip("this needs TFA 0.23")
    import tensorflow_addons as tfa

    for written, *_ in ARGUMENTS:
        name, arguments = parameters(written)
        optimizer = getattr(tfa.optimizers, name)
        assert defaults_of(optimizer, arguments) == arguments
        assert set(inspect.signature(optimizer).parameters) - set(arguments) <= {"name", "kwargs"}, name


def test_the_arguments_of_keras(keras: Any) -> None:
    compared = 0
    for _, written, _ in ARGUMENTS:
        if written == "none":
            continue
        name, arguments = parameters(written)
        optimizer = getattr(keras.optimizers, name.rpartition(".")[2], None)
        if optimizer is not None:
            assert defaults_of(optimizer, arguments) == arguments
            compared += 1
    assert compared >= 5


def test_tfa_gives_the_stored_weights() -> None:
    if os.environ.get("CLR_REF_EXPECT_TFA") != "0.23" or os.environ.get("CLR_REF_EXPECT_TF") != "2.15":
        pytest.skip("this needs TFA 0.23 on TF 2.15")
    measured = counterparts.of_tfa()
    with np.load(STORED) as stored:
        assert set(stored) == set(measured)
        for case, weights in measured.items():
            assert counterparts.distance(stored[case], weights) < ROUNDING, case


def test_the_distances_of_keras(keras: Any) -> None:
    written = {(tfa, keras_3): float(figure) for tfa, keras_3, figure in DISTANCES}
    with np.load(STORED) as stored:
        measured = {
            (case, name): counterparts.distance(stored[case], weights) for case, name, weights in counterparts.of_keras()
        }
    if not hasattr(keras.optimizers, "MultiOptimizer"):
        del written["MultiOptimizer", "`MultiOptimizer`"]
    assert list(written) == list(measured)
    for row, figure in written.items():
        if figure < ROUNDING:
            assert measured[row] < ROUNDING, row
        else:  # the page has one digit
            assert figure == float(f"{measured[row]:.0e}"), row


def test_the_decay_of_keras_is_multiplied_by_the_rate(keras: Any) -> None:
    """The first update of AdamW with a zero gradient is the decay alone: weight * (1 - rate * decay)."""
    weight = keras.Variable([1.0])
    keras.optimizers.AdamW(0.5, weight_decay=0.25).apply_gradients([(keras.ops.zeros((1,)), weight)])
    assert weight.numpy().tolist() == [1 - 0.5 * 0.25]


@pytest.mark.parametrize(("pattern", "excluded"), [("kernel", True), ("^head/kernel", True), ("body", False), (None, True)])
def test_weights_are_excluded_from_the_decay_by_name_or_as_variables(keras: Any, pattern: str | None, excluded: bool) -> None:
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="head")
    layer.build((None, 1))
    optimizer = keras.optimizers.AdamW(0.5, weight_decay=0.25)
    optimizer.exclude_from_weight_decay(**({"var_names": [pattern]} if pattern else {"var_list": [layer.kernel]}))
    optimizer.apply_gradients([(keras.ops.zeros((1, 1)), layer.kernel)])
    assert layer.kernel.numpy().item() == (1.0 if excluded else 1 - 0.5 * 0.25)


def test_fit_ends_with_the_averages_as_weights(keras: Any) -> None:
    """The gradient is 1 and the rate 1: the weight is -1, -2, -3, and its average begins with the first of them."""
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5), loss=lambda _, output: output)
    rows = np.ones((3, 1), np.float32)
    model.fit(rows, rows, batch_size=1, verbose=0)
    assert model.get_weights()[0].item() == 0.5 * (0.5 * -1 + 0.5 * -2) + 0.5 * -3


def test_compile_scales_the_loss_under_mixed_precision(keras: Any) -> None:
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, dtype="mixed_float16")])
    model.dtype_policy = keras.DTypePolicy("mixed_float16")
    model.compile(keras.optimizers.SGD(1.0), loss="mse")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
