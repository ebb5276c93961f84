"""What a run returns: everything that it was made of, what it measured, and the digests by which two runs are compared."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref._files import json_text
from clr_ref.training.data import Split
from clr_ref.training.determinism import Settings
from clr_ref.training.samples import Samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = 1


@dataclasses.dataclass(frozen=True, eq=False)
class Report:
    """The results of a run.

    - ``rates`` (float64) has the applied rate of each optimizer step, from ``clr_ref.keras.LearningRateLogger``; NaN if a
      LossScaleOptimizer skipped the step.
    - ``losses`` (float64) has the mean loss over the batch of each step.
    - ``history`` has an entry for each complete epoch, with the keys epoch, loss, accuracy, val_loss, val_accuracy and
      learning_rate; a model without a metric of that name has no accuracy. Epochs count from 1; loss and accuracy are those of
      training over the epoch, val_loss and val_accuracy those on the test data after it; learning_rate is the last applied.
    - ``weights_sha256`` is of the bytes of all final weights, in the order of ``model.get_weights()``. Digests are of
      little-endian float32, or float64 where float32 does not hold every value.
    - ``resumed_at`` is the step at which this call resumed from a checkpoint, or 0.
    """

    experiment: Mapping[str, Any]
    learning_rate: str
    data: Mapping[str, Any]
    versions: Mapping[str, str]
    cpu: Mapping[str, Any]
    settings: Settings
    steps_per_epoch: int
    resumed_at: int
    complete: bool
    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    history: tuple[Mapping[str, Any], ...]
    weights_sha256: str

    def digests(self) -> dict[str, Any]:
        """The number of steps and three sha256. Two runs are the same in every bit if all of these agree."""
        return {
            "steps": len(self.rates),
            "rates_sha256": _sha256(_bytes(self.rates)),
            "losses_sha256": _sha256(_bytes(self.losses)),
            "weights_sha256": self.weights_sha256,
        }

    def to_json(self) -> str:
        """The report as one JSON object.

        It leaves out ``resumed_at``, so that it is the same whether the run was interrupted or not. Rates and losses are exact,
        because JSON numbers hold every float; ``"nan"``, ``"inf"`` and ``"-inf"`` are strings.
        """
        names = [field.name for field in dataclasses.fields(self) if field.name != "resumed_at"]
        document = {
            "format": FORMAT,
            **{name: getattr(self, name) for name in names},
            "settings": dataclasses.asdict(self.settings),
            "digests": self.digests(),
            "rates": self.rates.tolist(),
            "losses": self.losses.tolist(),
        }
        return json_text(document)


def described(data: Split | Samples) -> dict[str, Any]:
    """The data in a report: their number, and the sha256 of their bytes."""
    if isinstance(data, Samples):
        return {"samples": len(data), "sha256": data.sha256()}
    images, labels = (_sha256(one.tobytes()) for one in (data.images, data.labels))
    return {"pictures": len(data), "images_sha256": images, "labels_sha256": labels}


def weights_sha256(model: Any) -> str:
    """The sha256 of a model's weights, as in ``Report``."""
    digest = hashlib.sha256()
    for weights in model.get_weights():
        digest.update(_bytes(weights))
    return digest.hexdigest()


def narrowed(values: NDArray[Any]) -> NDArray[Any]:
    """The values in float32 if that holds each of them, else in float64."""
    wide = values.astype(np.float64)
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, wide, equal_nan=True) else wide


def _bytes(values: NDArray[Any]) -> bytes:
    found = narrowed(values)
    return found.astype(found.dtype.newbyteorder("<")).tobytes()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
