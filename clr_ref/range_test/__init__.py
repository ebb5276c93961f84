"""The learning rate range test (Smith, arXiv 1506.01186, section 3.3): docs/RANGE_TEST.md."""

from clr_ref.range_test.curve import Suggestion, Sweep, judged, rates, smoothed, suggest
from clr_ref.range_test.result import RangeTest
from clr_ref.range_test.run import range_test

__all__ = ["RangeTest", "Suggestion", "Sweep", "judged", "range_test", "rates", "smoothed", "suggest"]


def __dir__() -> list[str]:
    return __all__
