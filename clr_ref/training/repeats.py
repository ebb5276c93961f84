"""Whether the first steps of an experiment repeat bit for bit, also after an interruption: no list of causes is complete."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clr_ref.training.compiled import ModelError, compiled, keras_rate
from clr_ref.training.data import Split
from clr_ref.training.experiment import Experiment, as_samples, run
from clr_ref.training.log import evaluated
from clr_ref.training.samples import Samples


def first_steps(experiment: Experiment, train: Split | Samples, test: Split | Samples, build: Callable[[], Any] | None) -> str:
    """The sha256 of the digests of the first two steps: two models have the same one if they compute the same bits.

    One sample of the test data is measured too: the first epoch may end after hours.

    Args:
        experiment: what to train; it is stopped after two steps.
        train: what to train with.
        test: what to measure with.
        build: as for ``run``.

    Raises:
        ModelError: the steps do not repeat, or not after an interruption between them; or the model cannot be measured.
    """
    short = dataclasses.replace(experiment, epochs=1)
    last = min(2, -(-len(train) // short.batch_size))

    def digests(until: int, folder: Path | None = None) -> dict[str, Any]:
        return run(short, train, test, build=build, until=until, folder=folder).digests()

    whole = digests(last)
    evaluated(compiled(short, as_samples(train), build, keras_rate(short)), as_samples(test).rows(slice(1)))
    with tempfile.TemporaryDirectory(prefix="clr-ref-") as name:
        digests(last - 1, Path(name))
        resumed = digests(last, Path(name))
    if whole != resumed:
        again = digests(last)
        if whole != again:
            raise ModelError(
                f"{experiment.model} does not repeat: two runs of its first {last} steps from the same seed differ in "
                f"{_named(whole, again)}; something in it draws random numbers that no seed determines"
            )
        raise ModelError(
            f"{experiment.model} cannot be resumed: after an interruption between the first two steps, these differ: "
            f"{_named(whole, resumed)}; something in it keeps a state that is neither a weight, nor an optimizer's variable, "
            "nor the generator of a random layer"
        )
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _named(one: dict[str, Any], other: dict[str, Any]) -> str:
    return ", ".join(name.removesuffix("_sha256") for name, value in one.items() if value != other[name])
