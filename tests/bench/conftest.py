"""Reports as a run might have given them."""

from __future__ import annotations

from clr_ref.bench.figures import Figure
from clr_ref.bench.report import Report


def report(processor: str = "A", **ratios: float) -> Report:
    """A report with the ratio of a key figure (``key``), of another one (``other``), or of both."""
    contenders = {"key": "reference triangular", "other": "tfa_arithmetic"}
    figures = tuple(Figure(contenders[k], 10**7, "np.full", 1.0, r, r, r) for k, r in ratios.items())
    return Report({"processor": processor}, figures, {})
