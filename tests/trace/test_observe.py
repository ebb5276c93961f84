"""What a step computes, as it is observed: the outputs of layers and the gradients, in their order, with their values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clr_ref.training.compiled import ModelError
from tests import needs

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # those of Keras
    needs.tensorflow("tracing needs Keras on TensorFlow"),
]
X, Y = np.array([[2.0]], "float32"), np.array([[0.0]], "float32")


@pytest.fixture
def keras() -> Any:
    from clr_ref.keras.api import keras

    return keras


def dense(keras: Any, weight: float, name: str) -> Any:
    return keras.layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(weight), name=name)


def steps_of(model: Any, keras: Any, epochs: int = 1, samples: int = 1, **how: Any) -> list[list[tuple[str, str, Any]]]:
    """What is observed in each step, with the tensors as lists."""
    from clr_ref.trace.observe import observe

    model.compile(keras.optimizers.SGD(0.0), "mse", **how)
    received: list[list[tuple[str, str, Any]]] = []
    observe(model, lambda found: received.append([(stage, name, value.tolist()) for stage, name, value in found]))
    model.fit(np.repeat(X, samples, 0), np.repeat(Y, samples, 0), epochs=epochs, verbose=0)
    return received


@pytest.mark.parametrize("how", [{}, {"run_eagerly": True}], ids=str)
def test_outputs_and_gradients_of_each_step(keras: Any, how: dict[str, Any]) -> None:
    inputs = keras.Input((1,))
    shared = dense(keras, 3.0, "shared")
    model = keras.Model(inputs, dense(keras, 0.5, "last")(shared(shared(inputs))))
    # 2 -> 6 -> 18 -> 9. The loss 9**2 has the gradient 18; "shared" has 18 * 0.5 * 6, and 18 * 0.5 * 3 * 2.
    expected = [
        ("forward", "shared", [[6.0]]),
        ("forward", "shared (call 2)", [[18.0]]),
        ("forward", "last", [[9.0]]),
        ("gradient", "shared/kernel", [[108.0]]),
        ("gradient", "last/kernel", [[324.0]]),
    ]
    assert steps_of(model, keras, 2, **how) == [expected, expected]


@pytest.mark.parametrize("how", [{}, {"run_eagerly": True}], ids=str)
def test_a_model_without_an_input_shape(keras: Any, how: dict[str, Any]) -> None:
    """Where its input gets another shape, Keras 2 first calls its layers symbolically, in the step."""
    model = keras.Sequential([dense(keras, 3.0, "first"), dense(keras, 0.5, "last")])
    model(X)
    found = steps_of(model, keras, samples=2, **how)
    assert found == [[("forward", "first", [[6.0]] * 2), ("forward", "last", [[3.0]] * 2), *found[0][2:]]]
    assert [value for stage, _, value in found[0] if stage == "gradient"] == [[[6.0]], [[36.0]]]


def test_what_a_loop_computes_stays_in_it(keras: Any) -> None:
    """The cell of a recurrent layer runs in the body of a loop, after a first call outside, by which Keras learns its dtype."""
    inputs = keras.Input((1,))
    cell = keras.layers.SimpleRNNCell(2, name="cell")
    recurrent = keras.layers.RNN(cell, name="recurrent")
    model = keras.Model(inputs, dense(keras, 1.0, "last")(recurrent(keras.layers.RepeatVector(3, name="steps")(inputs))))
    (found,) = steps_of(model, keras)
    names = [name for stage, name, _ in found if stage == "forward"]
    assert [name for name in names if not name.startswith("cell")] == ["steps", "recurrent", "last"]
    assert set(names) <= {"steps", "cell (1)", "cell (2)", "recurrent", "last"}
    assert "last/kernel" in [name for stage, name, _ in found if stage == "gradient"]


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda step, loss: loss, "must return a dict with its loss, got "),
        (lambda step, loss: {"loss": loss}, "gives its optimizer no gradients that can be seen: its layers cannot be traced"),
    ],
)
def test_train_steps_that_show_nothing(keras: Any, returned: Any, message: str) -> None:
    class Model(keras.Sequential):  # type: ignore[misc]
        def train_step(self, data: Any) -> Any:
            import tensorflow as tf

            return returned(self, tf.reduce_mean(self(data[0])))

    with pytest.raises(ModelError, match=message):
        steps_of(Model([keras.Input((1,)), dense(keras, 3.0, "only")]), keras, run_eagerly=True)


def test_a_train_function_of_ones_own(keras: Any) -> None:
    class Model(keras.Sequential):  # type: ignore[misc]
        def make_train_function(self, force: bool = False) -> Any:
            self.train_function = lambda iterator: {"loss": float(len(next(iter(iterator))))}
            return self.train_function

    with pytest.raises(ModelError, match="has a train function of its own: its layers cannot be traced, level weights can"):
        steps_of(Model([keras.Input((1,)), dense(keras, 3.0, "only")]), keras)


def test_a_model_is_as_before_after_a_step(keras: Any) -> None:
    model = keras.Sequential([keras.Input((1,)), dense(keras, 3.0, "only")])
    call = keras.layers.Layer.__call__
    steps_of(model, keras)
    assert keras.layers.Layer.__call__ is call
    assert "train_step" not in vars(model)
    assert not {"apply", "apply_gradients"} & set(vars(model.optimizer))
