"""LearningRateLogger finds the optimizer: with a decay, elsewhere in the model, inside another, or none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.keras.logged import LARGE, STEPS, assert_logged, compiled, fit, generations, halved, loss_scaled


def test_the_decay_of_legacy_optimizers(drop_ins: Any, keras: Any, probe: Any) -> None:
    sgd = generations(keras)[-1]
    if not hasattr(sgd(0.1), "_hyper"):
        pytest.skip("this Keras has no legacy optimizers")
    for rate in (0.5, halved(keras)):
        model, logger = compiled(probe, sgd(rate, decay=0.3)), drop_ins.LearningRateLogger()
        fit(probe, model, 0, 9, [logger])
        assert len(set(logger.rates)) == 9
        assert_logged(probe, model, logger.rates)


def elsewhere(keras: Any, tf: Any, probe: Any, own: Any) -> Any:
    """A probe that applies its own optimizer twice for each batch, to half the gradient."""

    class Model(keras.Sequential):  # type: ignore[misc]
        def train_step(self, data: Any) -> Any:
            weights = self.trainable_variables
            for _ in range(2):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_sum(self(data[0])) / 2
                self.own.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return {"loss": loss}

    model = Model(probe.model(STEPS).layers)
    model.own = own
    return model


def test_an_optimizer_that_the_model_holds_elsewhere(drop_ins: Any, keras: Any, tf: Any, probe: Any) -> None:
    for sgd in generations(keras):
        own = sgd(halved(keras))
        model = elsewhere(keras, tf, probe, own)
        model.compile(optimizer=keras.optimizers.SGD(0.5))
        with pytest.raises(RuntimeError, match=r"model.optimizer made no step .* LearningRateLogger\(optimizer=...\)"):
            fit(probe, model, 0, 3, [drop_ins.LearningRateLogger()])
        logger = drop_ins.LearningRateLogger(optimizer=own)
        model.train_function = None
        fit(probe, model, 3, 6, [logger])
        # Each coordinate holds half of two rates.
        applied = probe.applied(model)[3:6] / LARGE
        assert len(logger.rates) == 6
        assert applied.tolist() == [(a + b) / 2 for a, b in zip(logger.rates[::2], logger.rates[1::2], strict=True)]


def test_no_optimizer_is_an_error(drop_ins: Any, keras: Any, probe: Any) -> None:
    logger = drop_ins.LearningRateLogger()
    logger.set_model(probe.model(STEPS))
    with pytest.raises(ValueError, match=r"model.optimizer is None: give .* LearningRateLogger\(optimizer=...\)"):
        logger.on_train_begin()


@pytest.mark.parametrize("wrapper", ["Lookahead", "MovingAverage", "SWA"])
@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "scaled"])
def test_tfa_wrappers(drop_ins: Any, keras: Any, tfa: Any, probe: Any, wrapper: str, scaled: bool) -> None:
    """Rates are logged with wrappers that average weights at the end, and with Lookahead within its period."""
    options = {"sync_period": STEPS} if wrapper == "Lookahead" else {}

    def trained(callbacks: list[Any]) -> Any:
        optimizer = getattr(tfa.optimizers, wrapper)(generations(keras)[-1](halved(keras)), **options)
        model = compiled(probe, loss_scaled(keras, optimizer, initial_scale=2.0**30) if scaled else optimizer)
        fit(probe, model, 0, 9, callbacks)
        return model

    logger = drop_ins.LearningRateLogger()
    model = trained([logger])
    assert len(logger.rates) == 9 - 3 * scaled
    assert_logged(probe, model, logger.rates)
    # Reading the inner optimizer's counter would create a variable that is then saved with the weights.
    assert len(model.optimizer.weights) == len(trained([]).optimizer.weights)


def test_tfa_optimizers_without_one_rate(drop_ins: Any, keras: Any, tfa: Any, probe: Any) -> None:
    sgd = generations(keras)[-1]
    model = probe.model(STEPS)
    several = tfa.optimizers.MultiOptimizer([(sgd(0.5), model.layers)])
    model.compile(optimizer=several, loss=probe.loss)
    with pytest.raises(TypeError, match="one learning rate, got MultiOptimizer, which holds several optimizers"):
        fit(probe, model, 0, 3, [drop_ins.LearningRateLogger()])
    if hasattr(tfa.optimizers, "COCOB"):
        model.compile(optimizer=tfa.optimizers.COCOB(), loss=probe.loss)
        with pytest.raises(TypeError, match="with a learning rate, got COCOB"):
            fit(probe, model, 0, 3, [drop_ins.LearningRateLogger()])


def test_one_of_several_optimizers(drop_ins: Any, keras: Any, probe: Any) -> None:
    """The MultiOptimizer of Keras 3 has a learning rate of its own, 0.0, which it never applies."""
    if not hasattr(keras.optimizers, "MultiOptimizer"):
        pytest.skip("this Keras has no MultiOptimizer")
    sgd = keras.optimizers.SGD(halved(keras))
    model = compiled(probe, keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(default_optimizer=sgd)))
    with pytest.raises(TypeError, match="one learning rate, got MultiOptimizer, which holds several optimizers"):
        fit(probe, model, 0, 3, [drop_ins.LearningRateLogger()])
    sgd = keras.optimizers.SGD(halved(keras))
    model = compiled(probe, keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(default_optimizer=sgd)))
    logger = drop_ins.LearningRateLogger(optimizer=sgd)
    fit(probe, model, 0, 9, [logger])
    assert_logged(probe, model, logger.rates)
