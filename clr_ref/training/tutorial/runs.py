"""The tutorial's two runs, from the same initial weights and over the same batches.

One is plain SGD at Keras's default rate, the other is SGD with the cyclical rate.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import clr_ref
from clr_ref.training import experiment as experiments
from clr_ref.training.data import FashionMnist, Split
from clr_ref.training.experiment import Experiment, Report
from clr_ref.training.tutorial.claim import Claim, claims

BATCH_SIZE = 64
INITIAL, MAXIMAL = 1e-4, 1e-2
#: The default rate of Keras's SGD.
PLAIN = 0.01
#: The accuracy below which a run is called too short; the network exceeds it within the tutorial's first 1,000 steps.
_LEARNT = 0.5
#: The number of pictures that the tutorial trains on, and the most by which rates are multiplied for fewer.
_ALL, _MOST_TIMES = 60_000, 20


def times_for(pictures: int) -> int:
    """The factor by which the tutorial's rates are multiplied so that a run on so few pictures learns as well.

    At the tutorial's rates the loss begins to fall after some thousand steps, which a subset does not have. Twice the rate
    moves the weights as far in half the steps; at more than 20 times the rate plain SGD diverges.

    >>> times_for(60_000), times_for(6_400), times_for(64)
    (1, 9, 20)
    """
    return max(1, min(_MOST_TIMES, _ALL // pictures))


@dataclasses.dataclass(frozen=True)
class Setting:
    """The tutorial with so many epochs, on the first ``len(train)`` pictures, with ``times`` its rates."""

    train: Split
    test: Split
    epochs: int
    seed: int
    times: int = 1

    @property
    def plain(self) -> float:
        """The constant rate."""
        return PLAIN * self.times

    @property
    def step_size(self) -> int:
        """Half a cycle, as the tutorial computes it: two epochs of whole batches, which is 2 * 937 on all pictures."""
        return 2 * (len(self.train) // BATCH_SIZE)

    @property
    def schedule(self) -> clr_ref.CyclicalLearningRate:
        """The cyclical rate."""
        return clr_ref.triangular2(INITIAL * self.times, MAXIMAL * self.times, self.step_size)

    @property
    def steps(self) -> int:
        """Optimizer steps of one run. Keras also trains on the last, smaller batch of an epoch."""
        return -(-len(self.train) // BATCH_SIZE) * self.epochs


@dataclasses.dataclass(frozen=True)
class Result:
    """Both runs, and the verdicts on the tutorial's claims."""

    setting: Setting
    plain: Report
    clr: Report
    claims: tuple[Claim, ...]

    @property
    def remark(self) -> str:
        """Why the runs are too short to learn what they could, in words; empty if they are not."""
        steps, cycle = self.setting.steps, 2 * self.setting.step_size
        if steps < cycle:
            short = f"the cyclical rate ends before its first cycle of {cycle:,} steps does"
        elif max(report.history[-1]["val_accuracy"] for report in (self.plain, self.clr)) < _LEARNT:
            short = "they are too few to learn much"
        else:
            return ""
        return (
            f"Each run has {steps:,} steps, and {short}. Take more epochs (--epochs) or more pictures (--subset); the whole "
            "tutorial has 9,380 steps."
        )


def setting(
    found: FashionMnist, *, epochs: int = 10, subset: int | None = None, seed: int = 0, times: int | None = 1
) -> Setting:
    """The tutorial's setting on these data.

    Args:
        found: the pictures.
        epochs: passes over the data.
        subset: train on the first so many pictures, and test on the first sixth of that number; by default on all.
        seed: of the initial weights, the order of the pictures and the dropout masks.
        times: the factor of all rates; None takes ``times_for`` the number of pictures.

    Raises:
        ValueError: an argument is outside its range; a subset must hold at least one batch.
    """
    train, test = found.train, found.test
    if subset is not None:
        if not BATCH_SIZE <= subset <= len(train):
            raise ValueError(f"subset must be a whole number {BATCH_SIZE} .. {len(train)}, got {subset!r}")
        train, test = train.first(subset), test.first(min(len(test), max(1, subset // 6)))
    Experiment(PLAIN, epochs=epochs, seed=seed)  # raises if epochs or seed are outside their ranges
    return Setting(train, test, epochs, seed, times_for(len(train)) if times is None else times)


def run(chosen: Setting, folder: Path | None = None, on_step: Callable[[str, int], None] = lambda name, step: None) -> Result:
    """The result of training both runs.

    Args:
        chosen: what to train.
        folder: where the runs keep checkpoints, in ``plain/`` and ``clr/``, and resume from them. It is created if necessary.
        on_step: called after every step with the name of the run and the number of its steps so far.

    Raises:
        CheckpointError, TooLateError: as ``experiment.run``.
    """
    reports = {}
    for name, schedule in (("plain", chosen.plain), ("clr", chosen.schedule)):
        reports[name] = experiments.run(
            Experiment(schedule, epochs=chosen.epochs, batch_size=BATCH_SIZE, seed=chosen.seed),
            chosen.train,
            chosen.test,
            folder=None if folder is None else folder / name,
            on_step=functools.partial(on_step, name),
        )
    plain, clr = reports["plain"], reports["clr"]
    return Result(chosen, plain, clr, tuple(claims(plain, clr, chosen.schedule)))
