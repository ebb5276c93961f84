"""The file of a trace: what is written is read, by others too, and a run that is killed leaves the steps before."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from clr_ref._files import WriteError
from clr_ref.trace.compare import elements
from clr_ref.trace.comparison import Elements
from clr_ref.trace.format import End, Header, Reader, Step, TraceError, Writer, is_trace
from clr_ref.trace.tensors import STAGES, Tensor

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "trace.schema.json"
HEADER = Header("layers", 3, (1, 2), ("trace", "--out", "x"), {"experiment": {"seed": 0}, "versions": {}})
VALUES = {
    "float32": np.array([[1.5, -0.0], [np.inf, np.nan]], np.float32),
    "float64": np.array(0.1),
    "float16": np.arange(3, dtype=np.float16),
    "int64": np.array([-(2**40), 7]),
    "uint8": np.arange(5, dtype=np.uint8),
    "bool": np.array([True, False]),
    "no elements": np.zeros((0, 3), np.float32),
    "only NaN": np.full(2, np.nan),
    "big-endian": np.arange(3, dtype=">f4"),
    "complex128": np.array([1j, 2.0]),
    "text": np.array(["a", "ümlaut"]),
    "bytes": np.array([b"a", b"bcd"]),
}


def steps(count: int = 3, *, size: int = 4) -> list[Step]:
    return [
        Step(t, tuple(Tensor.of(stage, f"{stage} {t}", np.full(size, t, np.float32), keep=t == 1) for stage in STAGES))
        for t in range(count)
    ]


def write(path: Path, found: list[Step], end: End | None = None) -> None:
    with Writer(path) as writer:
        writer.header(HEADER)
        for step in found:
            writer.step(step)
        if end is not None:
            writer.end(end)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("keep", [True, False])
def test_a_tensor_is_read_as_it_was_written(name: str, keep: bool) -> None:
    values = VALUES[name]
    tensor = Tensor.of("forward", name, values, keep=keep)
    again = Tensor.from_data(json.loads(json.dumps(tensor.to_data(), allow_nan=False)))
    assert again == tensor
    assert again.same_bits(tensor)
    array = again.array()
    if keep:
        assert array is not None
        converted = array.view(values.dtype) if array.dtype.kind == "V" else array.astype(values.dtype)
        assert converted.tobytes() == values.tobytes()
        assert array.shape == values.shape
    else:
        assert array is None


@pytest.mark.parametrize(
    ("shape", "raw", "expected"),
    [
        ((2, 1), b"\x80\x3f\x00\x40", np.array([[0x3F80], [0x4000]], "<u2")),
        ((), b"\x80\x3f", np.array(0x3F80, "<u2")),
        ((3,), b"\x01\x02\x03", np.array([1, 2, 3], "u1")),
        ((0, 3), b"", np.zeros((0, 3), "u1")),
    ],
)
def test_elements_that_numpy_does_not_have_are_read_as_unsigned_integers(shape: Any, raw: bytes, expected: Any) -> None:
    array = Tensor("forward", "x", "no_dtype_of_numpy", shape, "", None, None, 0, raw).array()
    assert array is not None
    assert (array.dtype, array.shape, array.tolist()) == (expected.dtype, expected.shape, expected.tolist())


def test_the_figures_are_those_of_the_numbers() -> None:
    found = {name: Tensor.of("loss", "x", values, keep=False) for name, values in VALUES.items()}
    assert (found["float32"].min, found["float32"].max, found["float32"].nan) == (-0.0, np.inf, 1)
    assert (found["float64"].min, found["float64"].max, found["float64"].nan) == (0.1, 0.1, 0)
    assert (found["int64"].min, found["int64"].max) == (-(2.0**40), 7.0)
    assert (found["only NaN"].min, found["only NaN"].max, found["only NaN"].nan) == (None, None, 2)
    assert (found["no elements"].min, found["no elements"].nan) == (None, 0)
    assert found["big-endian"].sha256 == Tensor.of("loss", "x", np.arange(3, dtype="<f4"), keep=False).sha256


def test_the_figures_of_bfloat16() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="the frameworks bring ml_dtypes")
    found = Tensor.of("loss", "x", np.array([1.5, np.nan, -2.0], ml_dtypes.bfloat16), keep=False)
    assert (found.min, found.max, found.nan) == (-2.0, 1.5, 1)


def test_strings_of_tensorflow_are_known_by_their_content() -> None:
    """They are Python objects, whose addresses change from run to run."""
    words = [["a", "bcd", "ef" * 20] for _ in range(2)]
    one, again = (Tensor.of("forward", "x", np.array([w.encode() for w in each], object), keep=True) for each in words)
    assert one == again
    other = Tensor.of("forward", "x", np.array([b"a", b"bce", b"ef" * 20], object), keep=True)
    assert not one.same_bits(other)
    assert elements(one, other) == Elements(1, 3, None)


def test_zeros_of_both_signs_and_other_shapes_are_not_the_same_bits() -> None:
    zero = Tensor.of("loss", "x", np.float32(0.0), keep=False)
    assert not zero.same_bits(Tensor.of("loss", "x", np.float32(-0.0), keep=False))
    assert not zero.same_bits(Tensor.of("loss", "x", np.zeros(1, np.float32), keep=False))
    assert not zero.same_bits(Tensor.of("loss", "x", np.int32(0), keep=False))


def test_a_trace_is_read_as_it_was_written(tmp_path: Path) -> None:
    path, end = tmp_path / "x.trace", End({"steps": 3}, {"steps": 3})
    write(path, steps(), end)
    reader = Reader(path)
    assert is_trace(path)
    assert reader.header == HEADER
    assert list(reader.steps()) == steps()
    assert reader.end == end
    assert end.faithful
    assert not End({"steps": 3}, {"steps": 2}).faithful


def test_zcat_shows_lines_of_json_that_the_schema_describes(tmp_path: Path) -> None:
    write(tmp_path / "x.trace", steps(), End({"steps": 3}, {"steps": 3}))
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    lines = [json.loads(line) for line in gzip.decompress((tmp_path / "x.trace").read_bytes()).splitlines()]
    assert len(lines) == 5
    for line in lines:
        validator.validate(line)
        for name in line:
            assert not validator.is_valid({key: value for key, value in line.items() if key != name}), name
    assert not validator.is_valid({**lines[1], "tensors": [{**lines[1]["tensors"][0], "stage": "other"}]})


def test_json_has_no_nan(tmp_path: Path) -> None:
    made_of = {"optimizer": {"clipnorm": float("nan"), "momentum": float("-inf")}}
    infinite = Tensor.of("loss", "x", np.float32("inf"), keep=False)
    with Writer(tmp_path / "x.trace") as writer:
        writer.header(dataclasses.replace(HEADER, made_of=made_of))
        writer.step(Step(0, (infinite,)))
    reader = Reader(tmp_path / "x.trace")
    assert reader.header.made_of == {"optimizer": {"clipnorm": "nan", "momentum": "-inf"}}
    assert [step.tensors for step in reader.steps()] == [(infinite,)]
    assert b"NaN" not in (content := gzip.decompress((tmp_path / "x.trace").read_bytes()))
    assert b"Infinity" not in content


def test_a_run_that_is_killed_leaves_the_steps_before(tmp_path: Path) -> None:
    path = tmp_path / "x.trace"
    write(path, steps(2))
    before = path.stat().st_size
    write(path, steps(3))
    whole = path.read_bytes()
    for size in (before, before + 1, (before + len(whole)) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        reader = Reader(path)
        assert list(reader.steps()) == steps(2), size
        assert reader.end is None


def test_each_step_is_in_the_file_when_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "x.trace"
    with Writer(path) as writer:
        writer.header(HEADER)
        for number, step in enumerate(steps(), 1):
            writer.step(step)
            assert len(list(Reader(path).steps())) == number


def test_a_step_may_be_larger_than_what_is_read_at_once(tmp_path: Path) -> None:
    random = np.random.default_rng(0).normal(size=100_000)
    large = [Step(t, (Tensor.of("forward", "x", random + t, keep=True),)) for t in range(2)]
    write(tmp_path / "x.trace", large)
    assert list(Reader(tmp_path / "x.trace").steps()) == large


def test_memory_does_not_grow_with_the_steps(tmp_path: Path) -> None:
    write(tmp_path / "x.trace", [Step(t, step.tensors) for t, step in enumerate(steps(3, size=20_000) * 40)])

    def peak(count: int) -> int:
        tracemalloc.start()
        for number, _ in enumerate(Reader(tmp_path / "x.trace").steps(), 1):
            if number == count:
                break
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(120) < 1.5 * peak(12)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no trace"),
        (b"text", "cannot be read as a trace"),
        (gzip.compress(b'{"format": "other"}\n', mtime=0), "is no trace"),
        (gzip.compress(b'{"format": "clr_ref trace", "version": 2}\n', mtime=0), "version 2"),
        (gzip.compress(b'{"format": "clr_ref trace", "version": 1}\n', mtime=0), "is damaged: KeyError"),
        (gzip.compress(b"[]\n", mtime=0), "is no trace"),
        (gzip.compress(b"[" * 100_000, mtime=0), "cannot be read as a trace"),
    ],
    ids=[
        "empty",
        "text",
        "other",
        "version",
        "header",
        "list",
        "deep",
    ],  # with the time in them, the workers of xdist would disagree
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(TraceError, match=words):
        Reader(tmp_path / "x")
    with pytest.raises(TraceError, match="No such file"):
        Reader(tmp_path / "missing")


def test_damage_in_the_middle_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.trace"
    write(path, steps())
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 255
    path.write_bytes(whole)
    with pytest.raises(TraceError, match=r"x\.trace"):
        list(Reader(path).steps())
    kept = Tensor.of("loss", "x", np.float32(1), keep=True).to_data() | {"base64": "AAAAAA=="}
    with pytest.raises(ValueError, match="do not have their sha256"):
        Tensor.from_data(kept)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="missing"):
        write(tmp_path / "missing" / "x.trace", steps(1))


def test_a_file_is_replaced_by_the_first_step(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    with Writer(tmp_path / "x") as writer:
        writer.header(HEADER)
        assert (tmp_path / "x").read_text() == "old"
        writer.step(steps(1)[0])
    assert Reader(tmp_path / "x").header == HEADER


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="this system has no /dev/fd")
def test_a_pipe_is_refused() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    try:
        with pytest.raises(TraceError, match="is a pipe: give a file"):
            is_trace(Path(f"/dev/fd/{reading}"))
    finally:
        os.close(reading)


TENSOR = steps(2)[1].tensors[0].to_data()


@pytest.mark.parametrize(
    ("line", "change"),
    [
        (0, {"level": "some"}),
        (0, {"command": [1]}),
        (0, {"keep": 5}),
        (0, {"made_of": 5}),
        (2, {"step": 2}),
        (2, {"step": 0}),
        (2, {"tensors": None}),
        (2, {"tensors": [{**TENSOR, "name": 3}]}),
        (2, {"tensors": [{**TENSOR, "dtype": 5}]}),
        (2, {"tensors": [{**TENSOR, "min": 10**400}]}),
        (2, {"tensors": [{**TENSOR, "shape": [2]}]}),
        (2, {"tensors": [{**TENSOR, "shape": ["4"]}]}),
        (2, {"tensors": [{**TENSOR, "dtype": "unknown", "shape": [3]}]}),
    ],
)
def test_lines_that_are_no_trace_are_refused(tmp_path: Path, line: int, change: dict[str, Any]) -> None:
    path = tmp_path / "x.trace"
    write(path, steps())
    lines = [json.loads(one) for one in gzip.decompress(path.read_bytes()).splitlines()]
    lines[line] |= change
    path.write_bytes(b"".join(gzip.compress(json.dumps(one).encode()) for one in lines))
    with pytest.raises(TraceError, match=r"x\.trace is damaged"):
        list(Reader(path).steps())
