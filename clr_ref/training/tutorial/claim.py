"""What the tutorial claims, and whether the reports of two runs show it."""

from __future__ import annotations

import dataclasses

import numpy as np

from clr_ref.schedule import CyclicalLearningRate
from clr_ref.training.experiment import Report


@dataclasses.dataclass(frozen=True)
class Claim:
    """A claim or question of the tutorial, what was measured, and the verdict.

    The verdict on a claim is "holds" or "FAILS", or "not measured" if the runs are too short. The verdict on a question is its
    answer.
    """

    claim: str
    measured: str
    verdict: str


def claims(plain: Report, clr: Report, schedule: CyclicalLearningRate) -> list[Claim]:
    """The tutorial's claims, with the verdicts on them.

    Args:
        plain: the report of the run with a constant rate.
        clr: the report of the run with the cyclical rate.
        schedule: the cyclical rate; its step_size is whole.
    """
    return [_cycle(clr, schedule), _starts_higher(plain, clr), _stabilises(plain, clr), _ends_better(plain, clr)]


def _verdict(holds: bool) -> str:
    return "holds" if holds else "FAILS"


def _cycle(clr: Report, schedule: CyclicalLearningRate) -> Claim:
    """The claim about the cycle's length: the applied rates must turn at the multiples of step_size, and at no other step."""
    step_size = int(schedule.step_size)
    says = f"A cycle takes 2 * step_size = {2 * step_size:,} steps: up in {step_size:,}, down in {step_size:,}."
    # The amplitude halves until neighbouring rates are one float. From that half cycle on they turn at other steps, or at none.
    same = np.flatnonzero(np.diff(schedule.values(0, len(clr.rates))) == 0)
    end = int(same[0]) // step_size * step_size + 1 if len(same) else len(clr.rates)
    turns = np.flatnonzero(np.diff(np.sign(np.diff(clr.rates[:end])))) + 1
    expected = np.arange(step_size, end - 1, step_size)
    if not len(expected):
        return Claim(says, f"the {len(clr.rates):,} applied rates end before the top of a cycle", "not measured")
    shown = ", ".join(f"{t:,}" for t in turns)
    measured = f"the applied rate starts at {clr.rates[0]:.6g} and turns at the steps {shown or '(none)'}"
    return Claim(says, measured, _verdict(np.array_equal(turns, expected)))


def _starts_higher(plain: Report, clr: Report) -> Claim:
    clr_loss, plain_loss = clr.history[0]["loss"], plain.history[0]["loss"]
    return Claim(
        "The loss starts higher with the cyclical rate.",
        f"training loss over the first epoch: {clr_loss:.4f} with it, {plain_loss:.4f} without",
        _verdict(clr_loss > plain_loss),
    )


def _stabilises(plain: Report, clr: Report) -> Claim:
    says = "It then stabilises: from epoch to epoch the validation loss moves less in the second half than in the first."
    if len(clr.history) < 4:
        return Claim(says, f"{len(clr.history)} epochs have no halves to compare", "not measured")
    (early, late), (plain_early, plain_late) = _moves(clr), _moves(plain)
    measured = (
        f"mean change per epoch with it: {early:.4f} in the first half, {late:.4f} in the second; without: {plain_early:.4f}, "
        f"{plain_late:.4f}"
    )
    return Claim(says, measured, _verdict(late < early))


def _moves(report: Report) -> tuple[float, float]:
    """The mean change of the validation loss from epoch to epoch, in the first half and in the second."""
    moves = np.abs(np.diff([epoch["val_loss"] for epoch in report.history]))
    return float(moves[: len(moves) // 2].mean()), float(moves[len(moves) // 2 :].mean())


def _ends_better(plain: Report, clr: Report) -> Claim:
    clr_end, plain_end = clr.history[-1], plain.history[-1]
    return Claim(
        "Which run ends with the lower validation loss?",
        f"validation loss {clr_end['val_loss']:.4f} with the cyclical rate, {plain_end['val_loss']:.4f} without; accuracy "
        f"{clr_end['val_accuracy']:.2%} with it, {plain_end['val_accuracy']:.2%} without",
        "with CLR" if clr_end["val_loss"] < plain_end["val_loss"] else "without CLR",
    )
