"""Made-up runs with a known answer. Nothing is trained for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clr_ref.study.outcome import Outcome

NAN = float("nan")


def run(arm: str, seed: int, losses: Sequence[float], accuracies: Sequence[float] | None = None) -> Outcome:
    """A run with these validation losses; without accuracies, the accuracy is 0.9 less a tenth of the loss."""
    accuracies = [0.9 - loss / 10 for loss in losses] if accuracies is None else accuracies
    history = [
        {"epoch": number, "loss": loss, "accuracy": accuracy, "val_loss": loss, "val_accuracy": accuracy, "learning_rate": 0.1}
        for number, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True), 1)
    ]
    return Outcome(arm, seed, tuple(history))


def study(**arms: Iterable[float]) -> list[Outcome]:
    """A study with one epoch: the final loss of each arm with the seeds 0, 1, 2 ..."""
    return [run(arm, seed, [float(loss)]) for arm, losses in arms.items() for seed, loss in enumerate(losses)]


def without_accuracy(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The runs of a model that has no accuracy, such as one of regression."""
    kept = ("epoch", "loss", "val_loss", "learning_rate")
    return [
        Outcome(one.arm, one.seed, tuple({name: epoch[name] for name in kept} for epoch in one.history)) for one in outcomes
    ]
