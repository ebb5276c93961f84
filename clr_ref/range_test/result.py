"""The result of a range test, its picture and its export."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref import _axes
from clr_ref._files import json_text, write_text
from clr_ref.exact import ulp
from clr_ref.range_test import picture
from clr_ref.range_test.curve import Suggestion, Sweep

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, eq=False)
class RangeTest:
    """The curve of a range test and what it suggests.

    ``rates[t]`` is the rate that the optimizer applied in its update t, and ``losses[t]`` the loss that this update was
    computed from: that of the weights before it. The effect of rate t shows in ``losses[t + 1]``.

    Args:
        rates: float32, shape (n,): the applied rates; all ``steps`` rates unless the sweep was stopped.
        losses: float64, shape (n,): with gradient accumulation, the mean over the batches of one update.
        smoothed: float64, shape (n,): ``smoothed(losses, smoothing)``.
        sweep: ``"exponential"`` or ``"linear"``.
        steps: the number of rates of the whole sweep.
        smoothing: the weight of the past in ``smoothed``, 0 <= smoothing < 1.
        stopped: why the sweep ended early, in words, or None.
        suggestion: bounds for a cyclical learning rate, with the reason.

    Examples:
        >>> import numpy as np
        >>> from clr_ref.range_test import RangeTest, suggest
        >>> rates, losses = np.float32([0.1, 0.2]), np.array([1.0, 0.9])
        >>> test = RangeTest(rates, losses, losses, "linear", 2, 0.0, None, suggest(rates, losses))
        >>> print(test.suggestion.maximal_learning_rate)
        None
    """

    rates: NDArray[np.float32]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    sweep: Sweep
    steps: int
    smoothing: float
    stopped: str | None
    suggestion: Suggestion

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the loss over the rate, and the suggested bounds; a notebook shows the picture. Needs clr_ref[plot].

        Args:
            ax: the matplotlib Axes to draw into. Default: those of a new figure.

        Returns:
            The Axes.

        Examples:
            >>> from clr_ref.range_test import RangeTest, rates, smoothed, suggest
            >>> tried, losses = rates(1e-4, 1.0, 50), np.linspace(2.3, 0.4, 50)
            >>> test = RangeTest(tried, losses, smoothed(losses), "exponential", 50, 0.9, None, suggest(tried, losses))
            >>> test.plot().get_title()
            'Learning rate range test: 50 of 50 rates, exponential'
        """
        axes = _axes.for_display() if ax is None else ax
        if ax is None:
            axes.set_title(picture.title(self), fontsize=11)
        picture.draw(self, axes)
        return axes

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write one line for each update, with step, rate, rate in hex, loss and smoothed loss; completely or not at all.

        Args:
            path: the file.

        Raises:
            OSError: the file cannot be written.
        """
        lines = ["step,learning_rate,learning_rate_hex,loss,smoothed_loss"]
        for step, (rate, loss, smooth) in enumerate(zip(self.rates, self.losses.tolist(), self.smoothed.tolist(), strict=True)):
            lines.append(f"{step},{ulp.shortest(rate)},{float(rate).hex()},{loss!r},{smooth!r}")
        write_text(Path(path), "\n".join(lines) + "\n")

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the whole test as JSON, and write it to ``path`` if one is given, completely or not at all.

        Args:
            path: the file. Default: none.

        Returns:
            Rates are hex floats, losses numbers; losses that are not finite are the strings "nan", "inf" and "-inf".

        Raises:
            OSError: the file cannot be written.
        """
        document = {
            "sweep": self.sweep,
            "steps": self.steps,
            "smoothing": self.smoothing,
            "stopped": self.stopped,
            "suggestion": dataclasses.asdict(self.suggestion),
            "rates": [float(rate).hex() for rate in self.rates],
            "losses": self.losses.tolist(),
            "smoothed": self.smoothed.tolist(),
        }
        text = json_text(document)
        if path is not None:
            write_text(Path(path), text + "\n")
        return text

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write a page with the suggestion, the curve and every update; completely or not at all.

        Args:
            path: the file.

        Raises:
            OSError: the file cannot be written.
        """
        from clr_ref.range_test.page import page

        write_text(Path(path), page(self))
