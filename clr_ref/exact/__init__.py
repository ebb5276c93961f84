"""The truth: the rate of a schedule at a step in rational arithmetic, or enclosed as tightly as needed.

Nothing here is fast, and nothing here rounds, except where the name says so.
"""

from typing import TYPE_CHECKING

from clr_ref.exact.power import power
from clr_ref.exact.rates import enclosures, phase, rounded, scale_enclosure, value
from clr_ref.exact.rounding import FORMATS, round_to

if TYPE_CHECKING:
    from clr_ref.exact.rates import Exact as Exact

__all__ = ["FORMATS", "enclosures", "phase", "power", "round_to", "rounded", "scale_enclosure", "value"]
