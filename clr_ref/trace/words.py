"""A comparison in sentences."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from clr_ref.trace.comparison import Comparison, Difference

_NAMES = {
    "batch": "{} of the batch",
    "weights": "weight {}",
    "random": "state of the random generator of {}",
    "forward": "output of {}",
    "loss": "the loss",
    "gradient": "gradient of {}",
    "rate": "the applied rate",
    "slots": "slot {} of the optimizer",
    "update": "updated {}",
}
#: So many differences in provenance are told; the flags of two CPUs alone can be a hundred.
_MOST = 12
_LONGEST = 100


def lines(found: Comparison) -> Iterator[str]:
    """The sentences, a line each."""
    yield headline(found)
    yield from found.notes
    if found.first is None:
        return
    if found.then:
        yield f"In the same step {len(found.then)} more tensors differ:" if len(found.then) > 1 else "In the same step also:"
        yield from (f"  {difference(one)}" for one in found.then[:_MOST])
        if len(found.then) > _MOST:
            yield f"  ... and {len(found.then) - _MOST} more; --json prints all"
    if found.changes:
        yield "What the two sides were made of differs in, most likely first:"
        yield from (f"  {one.what}: {shown(one.a)} and {shown(one.b)}" for one in found.changes[:_MOST])
        if len(found.changes) > _MOST:
            yield f"  ... and {len(found.changes) - _MOST} more; --json prints all"
    else:
        yield "Nothing that the two sides record of what they were made of differs."
    if found.commands:
        yield "These commands trace the step in full, each in the environment of its side:"
        yield from (f"  {command}" for command in found.commands)


def headline(found: Comparison) -> str:
    """The first difference in one sentence."""
    first = found.first
    if first is None:
        return f"all {found.steps} steps have the same bits" if found.steps != 1 else "the one step has the same bits"
    if first.step is None:
        return f"run {first.tensor}: {first.note}"
    before = f"identical through step {first.step - 1}; " if first.step else ""
    verb = "has" if len(first.same) == 1 else "have"
    same = f"in step {first.step} {_joined(first.same)} {verb} the same bits; " if first.same else ""
    where = "" if first.same else f" in step {first.step}"
    return f"{before}{same}first difference{where}: {difference(first)}{_reach(found, first)}"


def _reach(found: Comparison, first: Difference) -> str:
    """Whether the difference reaches the loss or the weights, if it is in neither."""
    if first.stage == "loss":
        return ""
    if found.reaches_loss is not None:
        return f"; it reaches the loss at step {found.reaches_loss}"
    if first.stage in ("weights", "update"):
        return ""
    if found.reaches_weights is not None:
        return f"; it reaches the weights at step {found.reaches_weights}"
    return f"; in the {found.steps} steps it reaches neither the loss nor the weights"


def difference(first: Difference) -> str:
    """A tensor that differs, and how."""
    parts = [_NAMES[first.stage].format(first.tensor)]
    if first.elements is not None:
        parts.append(f"{first.elements.different:,} of {first.elements.total:,} elements")
        if first.elements.ulp == 0:
            parts.append("only in the signs of zeros or the bits of NaN")
        elif first.elements.ulp is not None and math.isfinite(first.elements.ulp):
            parts.append(f"at most {first.elements.ulp:,.0f} ULP")
    # The figures say more than the distance where it is infinite, or where they are the one element.
    tells = first.elements is None or first.elements.total == 1 or first.elements.ulp == math.inf
    return ", ".join([*parts, *([first.note] if first.note and tells else [])])


def _joined(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def shown(value: Any) -> str:
    """A value of what a side is made of, cut after a word if it is long."""
    text = "nothing" if value is None else value if isinstance(value, str) else json.dumps(value)
    if len(text) <= _LONGEST:
        return text
    end = text.rfind(" ", _LONGEST // 2, _LONGEST + 1)
    return f"{text[: _LONGEST if end < 0 else end]} ... ({len(text):,} characters; --json prints all)"
