"""Cyclical learning rates: exact values, a correctly rounded schedule, and the record of the rates that TFA returns."""

from types import ModuleType

from clr_ref import _lazy, tfa_arithmetic
from clr_ref.compositions import CoolDown, Shifted, WarmUp, from_json
from clr_ref.functions import exp_range, triangular, triangular2
from clr_ref.policies import register_scale_fn
from clr_ref.schedule import CyclicalLearningRate

__version__ = "0.2.0"
__all__ = [
    "CoolDown",
    "CyclicalLearningRate",
    "Shifted",
    "WarmUp",
    "exp_range",
    "from_json",
    "register_scale_fn",
    "tfa_arithmetic",
    "triangular",
    "triangular2",
]

#: The other public modules. The first use imports them, and what they need: Keras, matplotlib.
_SUBMODULES = ("conformance", "exact", "keras", "keras_2", "plot", "policies", "range_test", "tfa", "training")


def __getattr__(name: str) -> ModuleType:
    return _lazy.submodule(__name__, name, _SUBMODULES)


def __dir__() -> list[str]:
    return [*__all__, *_SUBMODULES, "__version__"]


_lazy.offer(__name__, _SUBMODULES)
