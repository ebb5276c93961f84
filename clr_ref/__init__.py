"""Cyclical learning rates: exact values, a correctly rounded schedule, and the record of the rates that TFA returns."""

from clr_ref import tfa_arithmetic
from clr_ref.policies import register_scale_fn
from clr_ref.schedule import CyclicalLearningRate, exp_range, triangular, triangular2

__version__ = "0.2.0"
__all__ = [
    "CyclicalLearningRate",
    "exp_range",
    "register_scale_fn",
    "tfa_arithmetic",
    "triangular",
    "triangular2",
]
