"""What two traces, reports or training records have in common, and where they first differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from clr_ref.training.changes import Change, changes


@dataclasses.dataclass(frozen=True)
class Elements:
    """How two tensors differ.

    Args:
        different: the number of elements with other bits.
        total: the number of elements.
        ulp: the largest distance in ULP; None for dtypes other than float32 and float64, infinite for NaN in one of them.
    """

    different: int
    total: int
    ulp: float | None


@dataclasses.dataclass(frozen=True)
class Difference:
    """A tensor that differs.

    Args:
        step: counted from 0; None where a record does not say in which.
        stage: one of ``tensors.STAGES``.
        tensor: the name of the tensor.
        elements: how the tensors differ, if both sides hold their elements.
        note: what else is known of the difference, or "".
        same: what is the same in this step before it, in words.
        comparable: whether both sides have the tensor, with one dtype and one shape.
    """

    step: int | None
    stage: str
    tensor: str
    elements: Elements | None = None
    note: str = ""
    same: tuple[str, ...] = ()
    comparable: bool = True


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two traces, reports or records beside each other.

    Args:
        steps: the number of steps that both have.
        first: the first difference, or None.
        then: the other differences in its step, in the order of the flow.
        reaches_loss: the first step whose loss differs, or None if none is known to.
        reaches_weights: the first step whose updated weights differ, or None if none are known to.
        changes: what the two sides were made of and differ in, most likely first.
        commands: those that trace the step in full on both sides, where the traces do not show enough.
        notes: what limits the comparison, in sentences.
    """

    steps: int
    first: Difference | None
    then: tuple[Difference, ...] = ()
    reaches_loss: int | None = None
    reaches_weights: int | None = None
    changes: tuple[Change, ...] = ()
    commands: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """The comparison as a JSON value."""
        data = dataclasses.asdict(self)
        return {"same": self.first is None, **data}


#: What is most likely the cause, first; the rest of a path decides between equals.
_LIKELY = (
    "data.train",
    "experiment",
    "learning_rate",
    "optimizer",
    "settings",
    "versions.tensorflow",
    "versions.keras",
    "cpu",
    "versions.numpy",
    "versions.clr_ref",
    "versions.python",
    "versions",
    "data",
)
#: What is likelier still if the first difference is of a stage.
_OF_STAGE: Mapping[str, tuple[str, ...]] = {
    "batch": ("data.train", "experiment.seed", "experiment.batch_size"),
    "weights": ("experiment.seed", "experiment.model"),
    "random": ("experiment.seed", "experiment.dropout", "versions.keras", "versions.tensorflow"),
    "rate": ("experiment.schedule", "experiment.arithmetic", "learning_rate"),
    "forward": ("experiment.model", "experiment.dropout", "settings", "versions.tensorflow"),
    "gradient": ("settings", "versions.tensorflow"),
    "slots": ("experiment.optimizer", "optimizer", "versions.keras"),
    "update": ("experiment.optimizer", "optimizer", "versions.keras"),
}
#: The number of epochs alone changes no step.
_IRRELEVANT = ("experiment.epochs",)


def likeliest(a: Mapping[str, Any], b: Mapping[str, Any], stage: str | None) -> tuple[Change, ...]:
    """What differs between the things that two runs are made of, most likely first.

    Args:
        a: experiment, learning_rate, data, versions, cpu and settings of the first, as in a report.
        b: those of the second.
        stage: that of the first difference, or None.
    """
    order = (*_OF_STAGE.get(stage or "", ()), *_LIKELY)

    def rank(change: Change) -> int:
        places = [place for place, path in enumerate(order) if change.what == path or change.what.startswith(f"{path}.")]
        return min(places, default=len(order))

    found = [change for change in changes(a, b) if change.what not in _IRRELEVANT]
    return tuple(sorted(found, key=rank))
