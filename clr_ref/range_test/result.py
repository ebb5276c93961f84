"""What a range test found, and its export."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clr_ref._files import write_text
from clr_ref.exact import ulp
from clr_ref.range_test.curve import Suggestion, Sweep

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, eq=False)
class RangeTest:
    """The curve of a range test and what it suggests.

    ``rates[t]`` is the rate that the optimizer applied in its update t, and ``losses[t]`` the loss that this update was
    computed from: that of the weights before it. What rate t did shows in ``losses[t + 1]``.

    Attributes:
        rates: float32, shape (n,): the applied rates, all that were asked for unless the sweep was stopped.
        losses: float64, shape (n,): with gradient accumulation, the mean over the batches of one update.
        smoothed: float64, shape (n,): ``smoothed(losses, smoothing)``.
        sweep: ``"exponential"`` or ``"linear"``.
        steps: how many rates were asked for.
        smoothing: the weight of the past in ``smoothed``, 0 <= smoothing < 1.
        stopped: why the sweep ended early, in words, or None.
        suggestion: bounds for a cyclical learning rate, with the reason.
    """

    rates: NDArray[np.float32]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    sweep: Sweep
    steps: int
    smoothing: float
    stopped: str | None
    suggestion: Suggestion

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write ``step,learning_rate,learning_rate_hex,loss,smoothed_loss``, a line per update; whole or not at all."""
        lines = ["step,learning_rate,learning_rate_hex,loss,smoothed_loss"]
        for step, (rate, loss, smooth) in enumerate(zip(self.rates, self.losses.tolist(), self.smoothed.tolist(), strict=True)):
            lines.append(f"{step},{ulp.shortest(rate)},{float(rate).hex()},{loss!r},{smooth!r}")
        write_text(Path(path), "\n".join(lines) + "\n")

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The whole test as JSON, written to ``path`` as well if given, whole or not at all.

        Rates are hex floats, losses numbers; those that are not finite are the strings "nan", "inf" and "-inf".
        """
        document = {
            "sweep": self.sweep,
            "steps": self.steps,
            "smoothing": self.smoothing,
            "stopped": self.stopped,
            "suggestion": dataclasses.asdict(self.suggestion),
            "rates": [float(rate).hex() for rate in self.rates],
            "losses": _numbers(self.losses),
            "smoothed": _numbers(self.smoothed),
        }
        text = json.dumps(document, indent=1, allow_nan=False)
        if path is not None:
            write_text(Path(path), text + "\n")
        return text


def _numbers(values: NDArray[np.float64]) -> list[float | str]:
    return [value if np.isfinite(value) else str(value) for value in values.tolist()]
