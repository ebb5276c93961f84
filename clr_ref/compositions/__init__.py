"""Schedules around schedules, in NumPy: a warm-up, a shift of the steps, a cool-down (docs/SPEC.md, chapter 12)."""

from clr_ref.compositions.base import Composition
from clr_ref.compositions.cool_down import CoolDown
from clr_ref.compositions.shifted import Shifted
from clr_ref.compositions.stored import from_json
from clr_ref.compositions.warm_up import WarmUp

__all__ = ["Composition", "CoolDown", "Shifted", "WarmUp", "from_json"]


def __dir__() -> list[str]:
    return __all__
