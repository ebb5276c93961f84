"""The checks: what must hold of any implementation, one module for each chapter of docs/SPEC.md.

A check is a function of a ``Judge`` and of those inputs (``step``, ``cycles``, ...) that its parameters name. It raises
``Wrong`` if its clause does not hold, and ``Inapplicable`` if the clause says nothing about the inputs. At ``Level.CORRECT``
the relations hold in bits, at other levels within the slack of the rates that they relate.
"""

from __future__ import annotations

from clr_ref.conformance.checks.asymmetric import (
    ends_its_cycle_after_the_fall,
    halves_once_for_each_whole_cycle,
    is_not_symmetric,
    peaks_at_step_size,
    rises_and_falls_at_two_speeds,
)
from clr_ref.conformance.checks.decorator import Check, check
from clr_ref.conformance.checks.inputs import (
    does_not_round_gamma,
    refuses_a_gamma_that_is_not_positive_and_finite,
    refuses_a_negative_step_size,
    refuses_a_step_size_of_0,
    refuses_a_step_size_that_is_not_finite,
    refuses_bounds_that_are_not_finite,
    refuses_what_is_no_step,
    takes_any_gamma,
    takes_any_step,
    takes_any_step_size,
    takes_bounds_in_any_order,
    takes_bounds_of_any_sign,
    takes_large_step_sizes,
    takes_whole_bounds,
)
from clr_ref.conformance.checks.judge import Hung, Inapplicable, Judge, Outside, Wrong
from clr_ref.conformance.checks.momentum import (
    applies_the_momentum_that_it_reports,
    moves_its_momentum_against_the_rate,
    resumes_with_its_momentum,
    turns_its_momentum_at_ends_and_peaks,
)
from clr_ref.conformance.checks.phase import is_monotone_within_a_half_cycle, is_symmetric
from clr_ref.conformance.checks.policies import (
    counts_gamma_from_the_start,
    halves_every_cycle,
    is_periodic,
    stays_in_its_envelope,
)
from clr_ref.conformance.checks.rate import (
    between_its_bounds,
    depends_on_the_step_alone,
    follows_the_formula,
    reaches_its_peak,
    starts_and_ends_at_its_base,
)
from clr_ref.conformance.checks.schedulers import (
    applies_what_it_reports,
    counts_from_zero,
    keeps_its_state_apart,
    loads_a_state_twice,
    loads_into_a_used_one,
    pickles,
    resumes,
)

__all__ = [
    "ALL",
    "ASYMMETRIC",
    "CHECKS",
    "FURTHER",
    "STATEFUL",
    "VALUES",
    "Check",
    "Hung",
    "Inapplicable",
    "Judge",
    "Outside",
    "Wrong",
    "check",
]

#: The checks of schedules, those first that tell most about what is wrong.
CHECKS = (
    follows_the_formula,
    starts_and_ends_at_its_base,
    reaches_its_peak,
    between_its_bounds,
    is_monotone_within_a_half_cycle,
    is_symmetric,
    is_periodic,
    halves_every_cycle,
    stays_in_its_envelope,
    counts_gamma_from_the_start,
    depends_on_the_step_alone,
    takes_bounds_in_any_order,
    takes_bounds_of_any_sign,
    takes_whole_bounds,
    takes_any_step_size,
    takes_large_step_sizes,
    takes_any_gamma,
    does_not_round_gamma,
    takes_any_step,
    refuses_bounds_that_are_not_finite,
    refuses_a_step_size_of_0,
    refuses_a_negative_step_size,
    refuses_a_step_size_that_is_not_finite,
    refuses_a_gamma_that_is_not_positive_and_finite,
    refuses_what_is_no_step,
)
#: The further checks of implementations whose ``make`` has an argument ``step_size_down``.
ASYMMETRIC = (
    rises_and_falls_at_two_speeds,
    ends_its_cycle_after_the_fall,
    peaks_at_step_size,
    is_not_symmetric,
    halves_once_for_each_whole_cycle,
)
#: The further checks of schedulers.
STATEFUL = (counts_from_zero, resumes, loads_a_state_twice, keeps_its_state_apart, loads_into_a_used_one, pickles)
#: The checks of implementations that can do more, by the field of ``Capabilities`` that says so.
FURTHER = {
    "asymmetric": ASYMMETRIC,
    "stateful": STATEFUL,
    "applies": (applies_what_it_reports,),
    "momentum": (moves_its_momentum_against_the_rate, turns_its_momentum_at_ends_and_peaks, resumes_with_its_momentum),
    "applies_momentum": (applies_the_momentum_that_it_reports,),
}
#: Every check.
ALL = (*CHECKS, *(check for checks in FURTHER.values() for check in checks))
#: The checks that compare values with the formula. Accuracy is graded on those of them that hold.
VALUES = (
    follows_the_formula,
    takes_bounds_in_any_order,
    takes_bounds_of_any_sign,
    takes_any_step_size,
    takes_large_step_sizes,
    takes_any_gamma,
    takes_any_step,
)
