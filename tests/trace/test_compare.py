"""Two traces are compared in the order of the flow of data: the first difference, its size, and what stands before it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clr_ref.trace import words
from clr_ref.trace.compare import compare, pairs
from clr_ref.trace.comparison import Elements, likeliest
from clr_ref.trace.format import End, Header, Step, TraceError, Writer
from clr_ref.trace.tensors import STAGES, Tensor
from clr_ref.training.changes import Change
from tests.cli.calls import call

#: The names of the tensors of a step. Two values belong to each stage that has two names.
NAMES = {
    "batch": ["x", "y"],
    "weights": ["conv/kernel", "top/kernel"],
    "random": ["mask"],
    "forward": ["conv", "top"],
    "loss": ["loss"],
    "gradient": ["conv/kernel", "top/kernel"],
    "rate": ["learning_rate"],
    "slots": ["iteration", "momentum"],
    "update": ["conv/kernel", "top/kernel"],
}
MADE_OF = {"experiment": {"seed": 0, "epochs": 1}, "versions": {"tensorflow": "2.21.0"}, "cpu": {"flags": ["a", "b"]}}
#: What is changed in a trace: the values of a tensor, or its name.
Changed = dict[tuple[int, str, str], Callable[[NDArray[Any]], Any]]


def values(step: int, stage: str, name: str) -> NDArray[Any]:
    size = () if stage in ("loss", "rate") else (3, 4)
    seed = [step, STAGES.index(stage), NAMES[stage].index(name)]
    return np.asarray(np.random.default_rng(seed).normal(size=size), np.float32)


def write(
    path: Path,
    changed: Changed | None = None,
    *,
    steps: int = 6,
    level: str = "layers",
    keep: range = range(0, 6),
    made_of: Any = MADE_OF,
    names: dict[str, list[str]] = NAMES,
    command: tuple[str, ...] | None = ("trace", "m.py:make", "--seed", "3"),
    faithful: bool | None = True,
) -> Path:
    with Writer(path) as writer:
        writer.header(Header(level, steps, None, command, made_of))
        for t in range(steps):
            tensors = []
            for stage in STAGES:
                if level == "weights" and stage in ("forward", "gradient"):
                    continue
                for place, name in enumerate(NAMES[stage]):
                    array = values(t, stage, name)
                    array = (changed or {}).get((t, stage, name), lambda same: same)(array)
                    tensors.append(Tensor.of(stage, names[stage][place], array, keep=t in keep))
            writer.step(Step(t, tuple(tensors)))
        if faithful is not None:
            writer.end(End({"steps": steps}, {"steps": steps if faithful else 0}))
    return path


def ulp_up(array: NDArray[Any]) -> Any:
    array = array.copy()
    array.flat[1] = np.nextafter(array.flat[1], np.float32(np.inf))
    return array


EVERY = [(stage, name) for stage in STAGES for name in NAMES[stage]]


@pytest.mark.parametrize(("stage", "name"), EVERY)
def test_the_first_difference_is_found_in_every_tensor(tmp_path: Path, stage: str, name: str) -> None:
    """What differs later in the flow, or in a later step, is not named."""
    later: Changed = {(4, other, one): np.negative for other, one in EVERY[EVERY.index((stage, name)) :]}
    late: Changed = {(5, other, one): np.negative for other, one in EVERY}

    def change(array: NDArray[Any]) -> Any:
        return array * 2

    a, b = write(tmp_path / "a"), write(tmp_path / "b", late | later | {(4, stage, name): change})
    found = compare(a, b)
    assert found.first is not None
    assert (found.first.step, found.first.stage, found.first.tensor) == (4, stage, name)
    assert found.commands == ()
    assert [(one.stage, one.tensor) for one in found.then] == EVERY[EVERY.index((stage, name)) + 1 :]
    reaches_loss = 4 if STAGES.index(stage) <= STAGES.index("loss") else 5
    assert (found.steps, found.reaches_loss, found.reaches_weights) == (6, reaches_loss, 4)


def test_what_differs_later_in_the_step_is_listed(tmp_path: Path) -> None:
    a = write(tmp_path / "a")
    one: Changed = {(2, "forward", "conv"): ulp_up, (2, "gradient", "top/kernel"): ulp_up}
    found = list(words.lines(compare(a, write(tmp_path / "b", one))))
    assert found[0].startswith("identical through step 1; in step 2 the batch,")
    assert found[1:3] == ["In the same step also:", "  gradient of top/kernel, 1 of 12 elements, at most 1 ULP"]
    assert len(found) == 4
    every: Changed = {(2, stage, name): np.negative for stage, name in EVERY}
    found = list(words.lines(compare(a, write(tmp_path / "b", every))))
    assert found[1] == "In the same step 14 more tensors differ:"
    assert found[14] == "  ... and 2 more; --json prints all"


def test_the_sentence_says_what_is_the_same_before(tmp_path: Path) -> None:
    def row_up(array: NDArray[Any]) -> Any:
        return np.concatenate([np.nextafter(array[:1], np.float32(np.inf)), array[1:]])

    a = write(tmp_path / "a")
    b = write(tmp_path / "b", {(3, "gradient", "top/kernel"): row_up, (5, "loss", "loss"): np.negative})
    found = compare(a, b)
    assert found.first is not None
    assert found.first.elements == Elements(4, 12, 1.0)
    assert words.headline(found) == (
        "identical through step 2; in step 3 the batch, the weights, the state of the random generators, every output, "
        "the loss and every gradient up to conv/kernel have the same bits; first difference: gradient of top/kernel, "
        "4 of 12 elements, at most 1 ULP; it reaches the loss at step 5"
    )
    first = compare(a, write(tmp_path / "b", {(0, "batch", "x"): ulp_up}))
    assert words.headline(first) == (
        "first difference in step 0: x of the batch, 1 of 12 elements, at most 1 ULP; "
        "in the 6 steps it reaches neither the loss nor the weights"
    )
    second = words.headline(compare(a, write(tmp_path / "b", {(0, "batch", "y"): ulp_up})))
    assert second.startswith("in step 0 the batch up to x has the same bits; first difference: y of the batch, ")
    weight: Changed = {(0, "batch", "x"): ulp_up, (1, "update", "top/kernel"): ulp_up}
    assert words.headline(compare(a, write(tmp_path / "b", weight))).endswith("; it reaches the weights at step 1")
    alone: Changed = {(1, "update", "top/kernel"): ulp_up}
    assert words.headline(compare(a, write(tmp_path / "b", alone))).endswith(", at most 1 ULP")
    zero = compare(
        write(tmp_path / "zeros", {(0, "slots", "momentum"): lambda x: x * 0}),
        write(tmp_path / "b", {(0, "slots", "momentum"): lambda x: abs(x) * 0}),
    )
    assert "only in the signs of zeros or the bits of NaN" in words.headline(zero)
    nan = compare(
        write(tmp_path / "nan", {(0, "slots", "momentum"): lambda x: x * np.float32(np.nan)}),
        write(tmp_path / "b", {(0, "slots", "momentum"): lambda x: np.copysign(x * np.float32(np.nan), np.float32(-1))}),
    )
    assert "only in the signs of zeros or the bits of NaN" in words.headline(nan)
    rate = words.headline(compare(a, write(tmp_path / "b", {(1, "rate", "learning_rate"): lambda _: np.float32(0.25)})))
    assert rate.startswith("identical through step 0; in step 1 the batch, ")
    assert rate.partition("first difference: ")[2].startswith("the applied rate, 1 of 1 elements, at most ")
    assert f" and {np.float32(0.25)}; in the" in rate


def test_equal_traces_are_the_same(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a"), write(tmp_path / "b")
    found = compare(a, b)
    assert (found.first, found.steps, found.notes, found.changes) == (None, 6, (), ())
    assert list(words.lines(found)) == ["all 6 steps have the same bits"]


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda array: array.astype(np.float64), "float32 (3, 4) and float64 (3, 4)"),
        (lambda array: array[:2], "float32 (3, 4) and float32 (2, 4)"),
        (lambda array: np.where(array == array.max(), np.nan, array), "0 and 1 NaN"),
    ],
)
def test_other_shapes_dtypes_and_nan_are_told(tmp_path: Path, change: Any, note: str) -> None:
    a, b = write(tmp_path / "a"), write(tmp_path / "b", {(1, "update", "top/kernel"): change})
    found = compare(a, b)
    assert found.first is not None
    assert found.first.note == note
    assert found.commands == ()


def test_numbers_of_nan_are_told_whichever_side_has_them(tmp_path: Path) -> None:
    nan: Changed = {(1, "update", "top/kernel"): lambda array: np.where(array == array.max(), np.float32(np.nan), array)}
    a, b = write(tmp_path / "a"), write(tmp_path / "b", nan)
    for pair, note in (((a, b), "0 and 1 NaN"), ((b, a), "1 and 0 NaN")):
        found = compare(*pair)
        assert found.first is not None
        assert (found.first.note, found.first.elements) == (note, Elements(1, 12, np.inf))
        assert words.headline(found).endswith(f"1 of 12 elements, {note}")


@pytest.mark.parametrize("end", ["min", "max"])
@pytest.mark.parametrize("factor", [np.float32(0.999), np.float32(1.001)])
def test_the_range_of_elements_is_told_if_either_end_differs(tmp_path: Path, end: str, factor: np.float32) -> None:
    def change(array: NDArray[Any]) -> Any:
        return np.where(array == getattr(array, end)(), array * factor, array)

    def inside(array: NDArray[Any]) -> Any:
        return np.where(array == np.sort(array, axis=None)[5], array * factor, array)

    a = write(tmp_path / "a", keep=range(0))
    found = compare(a, write(tmp_path / "b", {(1, "update", "top/kernel"): change}, keep=range(0)))
    assert found.first is not None
    before = values(1, "update", "top/kernel")
    ranges = [f"{array.min()!s} to {array.max()!s}" for array in (before, change(before))]
    assert found.first.note == f"elements from {ranges[0]} and from {ranges[1]}"
    found = compare(a, write(tmp_path / "b", {(1, "update", "top/kernel"): inside}, keep=range(0)))
    assert found.first is not None
    assert found.first.note == ""


def test_commands_are_given_where_elements_are_not_kept(tmp_path: Path) -> None:
    changed: Changed = {(4, "forward", "conv"): ulp_up}
    a, b = write(tmp_path / "a.trace", keep=range(0)), write(tmp_path / "b c.trace", changed, keep=range(5))
    found = compare(a, b)
    assert found.first is not None
    assert found.first.elements is None
    assert found.commands == (
        f"clr-ref trace m.py:make --seed 3 --steps 5 --keep 4:5 --out {tmp_path / 'a-step-4.trace'}",
        f"clr-ref trace m.py:make --seed 3 --steps 5 --keep 4:5 --out '{tmp_path / 'b c-step-4.trace'}'",
    )
    own = compare(write(tmp_path / "a.trace", keep=range(0), command=None), b)
    assert own.commands[0].endswith("steps=5, keep=range(4, 5))")


@pytest.mark.parametrize("levels", [("weights", "weights"), ("weights", "layers"), ("layers", "weights")])
def test_commands_are_given_where_the_level_does_not_reach(tmp_path: Path, levels: tuple[str, str]) -> None:
    changed: Changed = {(2, "forward", "conv"): ulp_up, (2, "loss", "loss"): np.negative}
    a, b = write(tmp_path / "a", level=levels[0]), write(tmp_path / "b", changed, level=levels[1])
    found = compare(a, b)
    assert found.first is not None
    assert (found.first.step, found.first.stage) == (2, "loss")
    assert len(found.commands) == 2
    assert ("one trace has the level weights" in " ".join(found.notes)) == (levels[0] != levels[1])
    before = compare(a, write(tmp_path / "b", {(2, "random", "mask"): ulp_up}, level=levels[1]))
    assert before.commands == (), "what stands before the forward pass is all there"


def test_tensors_of_another_keras_are_matched_by_their_bits(tmp_path: Path) -> None:
    renamed = {stage: [f"other {name}" for name in names] for stage, names in NAMES.items()}
    a = write(tmp_path / "a")
    assert compare(a, write(tmp_path / "b", names=renamed)).first is None
    swapped: Changed = {
        (t, "slots", name): lambda _, t=t, other=other: values(t, "slots", other)  # type: ignore[misc]
        for t in range(6)
        for name, other in (("iteration", "momentum"), ("momentum", "iteration"))
    }
    assert compare(a, write(tmp_path / "b", swapped, names=renamed)).first is None
    found = compare(a, write(tmp_path / "b", {**swapped, (3, "slots", "iteration"): np.negative}, names=renamed)).first
    assert found is not None
    assert (found.step, found.stage, found.tensor) == (3, "slots", "momentum")
    same_names = compare(a, write(tmp_path / "b", swapped)).first
    assert same_names is not None
    assert (same_names.step, same_names.tensor) == (0, "iteration")


def test_a_tensor_of_one_side_alone_differs(tmp_path: Path) -> None:
    def write_one(path: Path, *names: str) -> Path:
        with Writer(path) as writer:
            writer.header(Header("layers", 1, None, None, {}))
            writer.step(Step(0, tuple(Tensor.of("forward", name, np.float32(0), keep=False) for name in names)))
        return path

    for names, other, side in ((("a", "b"), ("a",), "first"), (("a",), ("a", "b"), "second")):
        found = compare(write_one(tmp_path / "a", *names), write_one(tmp_path / "b", *other))
        assert found.first is not None
        assert (found.first.tensor, found.first.note) == ("b", f"only the {side} has it")
        assert found.commands == ()


def test_the_steps_that_both_have_are_compared(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a"), write(tmp_path / "b", steps=4, faithful=None)
    found = compare(a, b)
    assert (found.first, found.steps) == (None, 4)
    notes = " ".join(found.notes)
    assert f"{a} has more steps than {b}: the first 4 were compared" in notes
    assert f"{b} ends early" in notes
    assert f"{a} ends early" not in notes
    assert f"{a} has more steps than {b}: the first 4" in " ".join(compare(b, a).notes)
    assert f"{a} is not faithful" in " ".join(compare(write(tmp_path / "a", faithful=False), b).notes)
    write(tmp_path / "a")
    other: Changed = {(1, stage, name): np.negative for stage, name in EVERY}
    for changed in (None, other):
        notes = " ".join(compare(a, write(tmp_path / "b", changed, steps=4, faithful=False)).notes)
        assert "the first 4 were compared" in notes
        assert f"{b} is not faithful" in notes, "what ends a trace is read after any difference"
    write(tmp_path / "b", steps=0)
    for one, other, empty in ((a, b, b), (b, a, b), (b, write(tmp_path / "c", steps=0), b)):
        with pytest.raises(TraceError, match=rf"{empty} has no complete step"):
            compare(one, other)


def test_tensors_belong_together_by_their_names_in_any_order() -> None:
    def stage(**values: float) -> list[Tensor]:
        return [Tensor.of("update", name, np.float32(value), keep=False) for name, value in values.items()]

    def names(a: list[Tensor], b: list[Tensor]) -> list[tuple[str | None, str | None]]:
        return [(one and one.name, other and other.name) for one, other in pairs(a, b)]

    assert names(stage(x=1, y=2), stage(y=3, x=4)) == [("x", "x"), ("y", "y")]
    assert names(stage(x=1, y=2), stage(u=2, v=1)) == [("x", "v"), ("y", "u")], "other names: by their bits"
    assert names(stage(x=1, y=2), stage(u=3, v=4, w=5)) == [("x", "u"), ("y", "v"), (None, "w")], "or in their order"
    found = pairs([*stage(x=1), *stage(x=2), *stage(y=3)], [*stage(x=2), *stage(y=3), *stage(x=1)])
    assert [one.same_bits(other) for one, other in found if one and other] == [True] * 3, "a name that stands twice"


def test_the_likeliest_cause_comes_first() -> None:
    one = {
        "cpu": {"flags": ["a", "b"], "model": "x"},
        "versions": {"python": "3.10", "tensorflow": "2.8.4", "keras": "k"},
        "settings": {"onednn": False},
        "optimizer": {"class": "SGD", "momentum": 0.5},
        "experiment": {"seed": 0, "schedule": "0x1p-3", "epochs": 1, "optimizer": None},
        "data": {"train": {"sha256": "1"}, "test": {"sha256": "1"}},
    }
    other = {
        "cpu": {"flags": ["b", "c"], "model": "x"},
        "versions": {"python": "3.11", "tensorflow": "2.21.0", "keras": "k"},
        "settings": {"onednn": True},
        "optimizer": {"class": "SGD", "momentum": 0.9},
        "experiment": {"seed": 1, "schedule": "0x1p-2", "epochs": 2},
        "data": {"train": {"sha256": "2"}, "test": {"sha256": "2"}},
    }

    def order(stage: str | None) -> list[str]:
        return [change.what for change in likeliest(one, other, stage)]

    every = order(None)
    assert every[0] == "data.train.sha256"
    assert set(every) == {
        "cpu.flags",
        "versions.python",
        "versions.tensorflow",
        "settings.onednn",
        "optimizer.momentum",
        "experiment.seed",
        "experiment.schedule",
        "data.train.sha256",
        "data.test.sha256",
    }
    assert every.index("versions.tensorflow") < every.index("versions.python") < every.index("data.test.sha256")
    assert order("rate")[0] == "experiment.schedule"
    assert order("weights")[0] == "experiment.seed"
    assert order("gradient")[0] == "settings.onednn"
    assert order("slots")[0] == order("update")[0] == "optimizer.momentum"
    assert Change("cpu.flags", ["a"], ["c"]) in likeliest(one, other, None)
    assert likeliest(one, one, None) == ()
    assert likeliest({"cpu": {"flags": []}}, {"cpu": None}, None) == (Change("cpu", {"flags": []}, None),)
    assert likeliest({"cpu": None}, {"cpu": {"flags": []}}, None) == (Change("cpu", None, {"flags": []}),)


def test_of_many_changes_the_likeliest_are_printed(tmp_path: Path) -> None:
    def sides(count: int) -> list[str]:
        other = {**MADE_OF, "versions": {f"package{number:02}": "2" for number in range(count - 1)}}
        return list(
            words.lines(
                compare(
                    write(tmp_path / "a", made_of={**MADE_OF, "versions": {}}),
                    write(tmp_path / "b", {(5, "loss", "loss"): np.negative}, made_of={**other, "cpu": {}}),
                )
            )
        )

    assert sides(14)[-2:] == ["  versions.package10: nothing and 2", "  ... and 2 more; --json prints all"]
    assert len([line for line in sides(12) if line.startswith("  ")]) == 12
    assert "more" not in sides(12)[-1]
    assert "more" not in sides(3)[-1]


def test_the_command_prints_the_first_difference(tmp_path: Path) -> None:
    other = {**MADE_OF, "versions": {"tensorflow": "2.8.4"}}
    a, b = str(write(tmp_path / "a")), str(write(tmp_path / "b", {(4, "forward", "conv"): ulp_up}, made_of=other))
    same, differs, wrong = call("diff", a, a), call("diff", a, b), call("diff", a, str(tmp_path / "missing"))
    assert (same.exit_code, differs.exit_code, wrong.exit_code) == (0, 1, 2)
    assert same.stdout == "all 6 steps have the same bits\n"
    assert "first difference: output of conv, 1 of 12 elements, at most 1 ULP" in differs.stdout
    assert "  versions.tensorflow: 2.21.0 and 2.8.4\n" in differs.stdout
    assert "missing cannot be read: No such file" in wrong.stderr
    document = json.loads(call("diff", "--json", a, b).stdout)
    assert document["same"] is False
    assert {name: document["first"][name] for name in ("step", "stage", "tensor")} == {
        "step": 4,
        "stage": "forward",
        "tensor": "conv",
    }
    assert document["changes"] == [{"what": "versions.tensorflow", "a": "2.21.0", "b": "2.8.4"}]
    document = json.loads(call("diff", "--json", a, a).stdout)
    assert (document["same"], document["first"], document["steps"]) == (True, None, 6)
    nothing = call("diff", a, str(write(tmp_path / "b", {(0, "loss", "loss"): np.negative})))
    assert "Nothing that the two sides record" in nothing.stdout


def test_a_distance_to_nan_is_in_the_json(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a"), write(tmp_path / "b", {(0, "forward", "conv"): lambda x: x * np.float32(np.nan)})
    document = json.loads(call("diff", "--json", str(a), str(b)).stdout)
    assert document["first"]["elements"] == {"different": 12, "total": 12, "ulp": "inf"}
