"""Train an experiment, and write the trace of its steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clr_ref._inputs import one_of
from clr_ref.trace.format import LEVELS, End, Header, Step, Writer
from clr_ref.trace.observe import Found, observe
from clr_ref.trace.tensors import Tensor
from clr_ref.training import compiled, determinism, experiment as experiments
from clr_ref.training.compiled import ModelError
from clr_ref.training.data import Split
from clr_ref.training.experiment import Experiment
from clr_ref.training.layers import weight_names
from clr_ref.training.samples import Samples, named_leaves


def record(
    path: Path,
    experiment: Experiment,
    train: Split | Samples,
    test: Split | Samples,
    *,
    steps: int,
    level: str = "layers",
    keep: range = range(0),
    build: Callable[[], Any] | None = None,
    learning_rate: Any = None,
    command: Sequence[str] | None = None,
    on_step: Callable[[int], None] = lambda step: None,
) -> End:
    """Train twice, with and without tracing; write the trace of the first, and return the digests of both.

    Args:
        path: the file of the trace, which is replaced.
        experiment: what to train.
        train: what to train with.
        test: what to measure with after every epoch.
        steps: the number of optimizer steps.
        level: ``"weights"``, or ``"layers"`` with outputs of layers and gradients too.
        keep: the steps whose tensors are kept, and not only their digests.
        build: as for ``experiment.run``.
        learning_rate: as for ``experiment.run``.
        command: the arguments of ``clr-ref`` that repeat this, for the trace.
        on_step: called after every optimizer step with the number of steps so far, of both runs together.

    Raises:
        ModelError: the model cannot be trained, or not be traced.
        TooLateError, ValueError: as for ``experiment.run``; no steps, or another level.
        WriteError: the file cannot be written.
    """
    one_of("level", level, LEVELS)
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    with Writer(path) as writer:

        def header(model: Any) -> None:
            made_of = experiments.identified(experiment, model, rate, train, test)
            made_of["optimizer"] = compiled.optimizer_data(model.optimizer)
            kept = (keep.start, keep.stop) if keep else None
            asked = None if command is None else tuple(command)
            writer.header(Header(level, steps, kept, asked, json.loads(json.dumps(made_of))))

        determinism.prepare()
        rate = learning_rate if learning_rate is not None else compiled.keras_rate(experiment)
        recorder = _Recorder(level, keep, experiment.batch_size, header, writer.step)
        common = {"build": build, "learning_rate": rate, "until": steps}
        traced = experiments.run(experiment, train, test, callbacks=recorder.callbacks, on_step=on_step, **common)
        untraced = experiments.run(experiment, train, test, on_step=lambda step: on_step(steps + step), **common)
        end = End(traced.digests(), untraced.digests())
        writer.end(end)
    return end


class _Recorder:
    """Collects the tensors of each step from Keras's callbacks, and passes it on."""

    def __init__(
        self,
        level: str,
        keep: range,
        batch_size: int,
        begin: Callable[[Any], None],
        write: Callable[[Step], None],
    ) -> None:
        self._level, self._keep, self._batch_size = level, keep, batch_size
        self._begin, self._write = begin, write
        self._step = 0
        self._model: Any = None
        self._weights: list[tuple[str, Any]] = []
        self._states: list[tuple[str, Any]] = []
        self._observed: list[Found] = []
        self._tensors: list[Tensor] = []

    def callbacks(self, model: Any, samples: Samples) -> list[Any]:
        """The callbacks for a ``fit``, as for ``experiment.run``."""
        from clr_ref.keras.api import keras

        if self._model is None:
            self._model = model
            _refuse_what_cannot_be_traced(model)
            names = weight_names(model)
            self._weights = [(names[id(weight)], weight) for weight in model.weights]
            self._states = determinism.named_random_states(model)
            self._begin(model)
            if self._level == "layers":
                observe(model, self._receive)
        recorder = self

        class Callback(keras.callbacks.Callback):  # type: ignore[misc]
            def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
                start = batch * recorder._batch_size
                recorder._before(samples.rows(slice(start, start + recorder._batch_size)))

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                recorder._after(logs)

        return [Callback()]

    def _receive(self, found: list[Found]) -> None:
        self._observed = found

    def _before(self, batch: Samples) -> None:
        self._tensors = []
        for name, data in (("x", batch.x), ("y", batch.y)):
            arrays = named_leaves(name, data)
            for path, array in arrays:
                self._add("batch", name if len(arrays) == 1 else path, array)
        for name, weight in self._weights:
            self._add("weights", name, weight.numpy())
        for name, state in self._states:
            self._add("random", name, state.numpy())

    def _after(self, logs: Any) -> None:
        self._add_observed("forward")
        self._add("loss", "loss", _scalar(logs["loss"]))
        self._add_observed("gradient")
        self._add("rate", "learning_rate", _scalar(logs["applied_learning_rate"]))
        for name, value in _slots(self._model.optimizer):
            self._add("slots", name, value)
        for name, weight in self._weights:
            self._add("update", name, weight.numpy())
        self._write(Step(self._step, tuple(self._tensors)))
        self._step += 1

    def _add_observed(self, stage: str) -> None:
        for found_stage, name, value in self._observed:
            if found_stage == stage:
                self._add(stage, name, value)

    def _add(self, stage: str, name: str, value: Any) -> None:
        self._tensors.append(Tensor.of(stage, name, value, keep=self._step in self._keep))


def _refuse_what_cannot_be_traced(model: Any) -> None:
    replicas = model.distribute_strategy.num_replicas_in_sync
    if replicas > 1:
        raise ModelError(f"a model on {replicas} devices cannot be traced: each has batches and gradients of its own")


def _scalar(value: float) -> np.float32 | np.float64:
    """A float that Keras reports, in the dtype that it was computed in: float32, or else float64."""
    short = np.float32(value)
    return short if np.isnan(value) or float(short) == float(value) else np.float64(value)


def _slots(optimizer: Any) -> Iterator[tuple[str, Any]]:
    """The variables of an optimizer, without those that only some generations of Keras have, and that decide nothing.

    These are copies of the rate, the momentums of plain SGD, and the counter of steps of a LossScaleOptimizer.
    """
    from clr_ref.keras import optimizers

    applying = optimizers.applying(optimizer)
    unused = {id(one) for one in getattr(applying, "momentums", ())} if getattr(applying, "momentum", None) == 0 else set()
    for variable in compiled.optimizer_variables(applying):
        path = getattr(variable, "path", None)  # in Keras 3 it begins with the name of the optimizer
        name: str = variable.name.split(":")[0] if path is None else path.partition("/")[2]
        last = name.split("/")[-1]
        if id(variable) not in unused and last not in ("learning_rate", "current_learning_rate"):
            yield "iteration" if last in ("iter", "iteration") else name, variable.numpy()
    for name, variable in zip(("loss_scale", "good_steps"), optimizers.scale_variables(optimizer), strict=False):
        yield name, variable.numpy()
