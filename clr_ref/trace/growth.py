"""How the distance of two traces grows over their steps."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from clr_ref.trace.compare import differences
from clr_ref.trace.format import Reader
from clr_ref.trace.tensors import STAGES


@dataclasses.dataclass(frozen=True)
class Distance:
    """The distance at a step.

    Args:
        step: counted from 0.
        different: the number of tensors that differ.
        loss: the distance of the losses in ULP, or None if it is unknown.
        weights: the largest distance of an updated weight in ULP, or None where the elements are not kept.
    """

    step: int
    different: int
    loss: float | None
    weights: float | None


def growth(a: Path, b: Path) -> tuple[Distance, ...]:
    """The distance at each step that both traces have.

    Raises:
        TraceError: a file is no trace, or is damaged.
    """
    readers = Reader(a), Reader(b)
    has_layers = all(reader.header.level == "layers" for reader in readers)
    stages = [stage for stage in STAGES if has_layers or stage not in ("forward", "gradient")]
    found = []
    for one, other in zip(readers[0].steps(), readers[1].steps(), strict=False):
        every = list(differences(one, other, stages))
        largest: dict[str, float | None] = {"loss": 0.0, "update": 0.0}
        for difference in every:
            before = largest.get(difference.stage)
            if before is not None:
                ulp = None if difference.elements is None else difference.elements.ulp
                largest[difference.stage] = None if ulp is None else max(before, ulp)
        found.append(Distance(one.number, len(every), largest["loss"], largest["update"]))
    return tuple(found)
