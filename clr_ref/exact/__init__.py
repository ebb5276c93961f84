"""Exact rates: rational numbers, or intervals around irrational ones, as narrow as needed.

Only ``round_to`` and ``rounded`` round. Nothing here is fast.
"""

from typing import TYPE_CHECKING

from clr_ref.exact.power import power
from clr_ref.exact.rates import enclosures, phase, rounded, scale_enclosure, value
from clr_ref.exact.rounding import FORMATS, round_to

if TYPE_CHECKING:
    from clr_ref.exact.rates import Exact as Exact

__all__ = ["FORMATS", "enclosures", "phase", "power", "round_to", "rounded", "scale_enclosure", "value"]


def __dir__() -> list[str]:
    return __all__
