"""TFA's arithmetic in NumPy: the rates of its eager formula, and a bound on their error.

>>> import clr_ref
>>> schedule = clr_ref.triangular(0.0, 1.0, 10)
>>> float(clr_ref.tfa_arithmetic.evaluate(schedule, 7)), float(schedule(7))
(0.7000000476837158, 0.699999988079071)
"""

from clr_ref.tfa.bounds import POW_ULP, error_bound, power_budget
from clr_ref.tfa.eager import FLUSHES, MODES, STEP_DTYPES, Flush, Mode, StepDtype, evaluate

__all__ = [
    "FLUSHES",
    "MODES",
    "POW_ULP",
    "STEP_DTYPES",
    "Flush",
    "Mode",
    "StepDtype",
    "error_bound",
    "evaluate",
    "power_budget",
]


def __dir__() -> list[str]:
    return __all__
