"""Compare two traces, step by step and tensor by tensor in the order of the flow of data."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from clr_ref.exact import ulp
from clr_ref.trace.comparison import Comparison, Difference, Elements, likeliest
from clr_ref.trace.format import Header, Reader, Step, TraceError
from clr_ref.trace.tensors import STAGES, Tensor

#: The stages that only the level ``layers`` has.
_OF_LAYERS = ("forward", "gradient")
#: The stages whose difference can come from one that the level ``weights`` does not have.
_AFTER_LAYERS = STAGES[STAGES.index("forward") :]
#: What a stage is called if all of it is the same, and up to one of its tensors.
_WHOLE = {
    "batch": "the batch",
    "weights": "the weights",
    "random": "the state of the random generators",
    "forward": "every output",
    "loss": "the loss",
    "gradient": "every gradient",
    "rate": "the rate",
    "slots": "every slot",
    "update": "every updated weight",
}
#: A pair of tensors; None where one side has none.
Pair = tuple[Tensor | None, Tensor | None]


def compare(a: Path, b: Path) -> Comparison:
    """The first difference of two traces.

    Raises:
        TraceError: a file is no trace, is damaged, or has no step.
    """
    readers = Reader(a), Reader(b)
    stages = [stage for stage in STAGES if stage not in _OF_LAYERS or all(one.header.level == "layers" for one in readers)]
    found: list[Difference] = []
    reaches: dict[str, int] = {}
    compared = 0
    lone: Sequence[Step | None] = ()
    for one, other in itertools.zip_longest(readers[0].steps(), readers[1].steps()):
        if one is None or other is None:
            lone = one, other
            continue  # to the end, which says whether the trace is faithful
        compared += 1
        if not found:
            found = list(differences(one, other, stages))
        for stage in ("loss", "update") if found else ():
            if stage not in reaches and any(True for _ in differences(one, other, (stage,))):
                reaches[stage] = one.number
    if not compared:
        empty = a if not lone or lone[0] is None else b
        raise TraceError(f"{empty} has no complete step")
    notes = list(_notes(readers, (a, b), lone, compared))
    headers = readers[0].header, readers[1].header
    first = found[0] if found else None
    commands: tuple[str, ...] = ()
    if first is not None and not _shows_enough(first, headers):
        assert first.step is not None
        commands = tuple(_command(header, path, first.step) for header, path in zip(headers, (a, b), strict=True))
    return Comparison(
        compared,
        first,
        tuple(found[1:]),
        reaches.get("loss"),
        reaches.get("update"),
        likeliest(headers[0].made_of, headers[1].made_of, None if first is None else first.stage),
        commands,
        tuple(notes),
    )


def pairs(a: Sequence[Tensor], b: Sequence[Tensor]) -> Iterator[Pair]:
    """The tensors of a stage side by side, in the order of the first: by their names where both have the same names.

    Other generations of Keras give other names and orders. There a tensor belongs to one with the same bits, and otherwise to
    the first of the same shape that is left.
    """
    if [one.name for one in a] == [one.name for one in b]:
        yield from zip(a, b, strict=True)
        return
    names = {one.name: one for one in b}
    if sorted(one.name for one in a) == sorted(one.name for one in b) == sorted(names):
        yield from ((one, names[one.name]) for one in a)
        return
    left = list(b)
    partners: dict[int, Tensor] = {}
    for belongs in (Tensor.same_bits, _same_shape):
        for place, one in enumerate(a):
            partner = next((other for other in left if belongs(one, other)), None) if place not in partners else None
            if partner is not None:
                left.remove(partner)
                partners[place] = partner
    yield from ((one, partners.get(place)) for place, one in enumerate(a))
    yield from ((None, other) for other in left)


def _same_shape(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape


def elements(a: Tensor, b: Tensor) -> Elements | None:
    """How two tensors differ; None if their elements are unknown, or no two belong together."""
    x, y = (_elements(tensor) for tensor in (a, b))
    if x is None or y is None or (x.dtype, x.shape) != (y.dtype, y.shape):
        return None
    raw = (np.frombuffer(each.tobytes(), np.uint8).reshape(x.size, x.itemsize) for each in (x, y))
    differs = np.not_equal(*raw).any(axis=1)
    largest = None
    if x.dtype in (np.float32, np.float64):
        largest = float(np.max(np.abs(ulp.distance(x, y)), initial=0.0))
    return Elements(int(np.count_nonzero(differs)), x.size, largest)


def _elements(tensor: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]] | None:
    """The kept elements, or the one element of a scalar, which the figures give; in the byte order of this machine."""
    kept = tensor.array()
    if kept is not None:
        return kept.astype(kept.dtype.newbyteorder("="))
    if tensor.shape == () and tensor.min is not None and tensor.dtype in ("float32", "float64"):
        return np.array(tensor.min, tensor.dtype)
    return None


def _of_stage(step: Step, stage: str) -> list[Tensor]:
    return [tensor for tensor in step.tensors if tensor.stage == stage]


def differences(a: Step, b: Step, stages: Sequence[str]) -> Iterator[Difference]:
    """All tensors of a step that differ; the first one with what is the same before it."""
    same: list[str] = []
    is_first = True
    for stage in stages:
        found = list(pairs(_of_stage(a, stage), _of_stage(b, stage)))
        before = None
        for one, other in found:
            if one is not None and other is not None and one.same_bits(other):
                before = one.name
                continue
            up_to = [f"{_WHOLE[stage]} up to {before}"] if before is not None else []
            shown = one or other
            assert shown is not None
            difference = elements(one, other) if one is not None and other is not None else None
            comparable = one is not None and other is not None and (one.dtype, one.shape) == (other.dtype, other.shape)
            told = (*same, *up_to) if is_first else ()
            yield Difference(a.number, stage, shown.name, difference, _note(one, other), told, comparable)
            is_first = False
        if found:
            same.append(_WHOLE[stage])


def _note(one: Tensor | None, other: Tensor | None) -> str:
    """What the figures tell of two tensors that differ."""
    if one is None or other is None:
        return f"only {'the second' if one is None else 'the first'} has it"
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return f"{one.dtype} {one.shape} and {other.dtype} {other.shape}"
    if one.nan != other.nan:
        return f"{one.nan} and {other.nan} NaN"
    if one.min == other.min and one.max == other.max:
        return ""
    if one.shape == ():
        return f"{_number(one.min, one.dtype)} and {_number(other.min, other.dtype)}"
    ranges = [f"{_number(each.min, each.dtype)} to {_number(each.max, each.dtype)}" for each in (one, other)]
    return "elements from " + " and from ".join(ranges)


def _number(value: float | None, dtype: str) -> str:
    return "nothing" if value is None else ulp.shortest(np.float32(value) if dtype == "float32" else np.float64(value))


def _shows_enough(first: Difference, headers: Sequence[Header]) -> bool:
    """Whether the traces have the stages before the first difference, and, where it makes sense, the elements."""
    has_layers = all(header.level == "layers" for header in headers) or first.stage not in _AFTER_LAYERS
    return has_layers and (first.elements is not None or not first.comparable)


def _command(header: Header, path: Path, step: int) -> str:
    out = str(path.with_name(f"{path.stem}-step-{step}.trace"))
    if header.command is None:
        return f"clr_ref.trace.record.record(Path({out!r}), ..., steps={step + 1}, keep=range({step}, {step + 1}))"
    return shlex.join(["clr-ref", *header.command, "--steps", str(step + 1), "--keep", f"{step}:{step + 1}", "--out", out])


def _notes(readers: Sequence[Reader], paths: Sequence[Path], lone: Sequence[Step | None], compared: int) -> Iterator[str]:
    if lone:
        longer, shorter = paths if lone[0] is not None else (paths[1], paths[0])
        yield f"{longer} has more steps than {shorter}: the first {compared} were compared"
    for reader, path in zip(readers, paths, strict=True):
        if reader.end is not None and not reader.end.faithful:
            yield f"{path} is not faithful: tracing changed the results of its run"
        elif reader.end is None and reader.finished:
            yield f"{path} ends early: its run was interrupted"
    if readers[0].header.level != readers[1].header.level:
        yield "one trace has the level weights: outputs of layers and gradients were not compared"
