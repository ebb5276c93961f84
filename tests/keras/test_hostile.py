"""What a drop-in cannot compute with is one error when it is made, and a damaged file is one error that names the file."""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

GIVEN = {"initial_learning_rate": 0.1, "maximal_learning_rate": 1.0, "step_size": 10}


@pytest.mark.parametrize(
    "scale_fn",
    [{"class_name": "x"}, {"class_name": "x", "config": 5}, {"class_name": "function", "config": {}}, {"class_name": ["x"]}],
    ids=str,
)
def test_what_keras_does_not_store_of_a_function(drop_ins: Any, scale_fn: Any) -> None:
    for make in (drop_ins.CyclicalLearningRate, lambda **given: drop_ins.CyclicalLearningRate.from_config(given)):
        with pytest.raises(ValueError, match=r"^scale_fn must be a callable, a registered name, or what Keras stores"):
            make(**GIVEN, scale_fn=scale_fn)


@pytest.mark.parametrize("name", [5, 1.5, True, b"x", ["x"], object()], ids=lambda name: type(name).__name__)
def test_names_that_are_no_text(drop_ins: Any, name: Any) -> None:
    with pytest.raises(TypeError, match=r"^name must be a str or None, got "):
        drop_ins.TriangularCyclicalLearningRate(**GIVEN, name=name)


@pytest.mark.parametrize("name", ["a b", "", "é", "_x", "-", "x" * 10_000, "\ud800", "a\nb", None], ids=ascii)
@pytest.mark.parametrize("arithmetic", ["exact", "tfa"])
def test_every_name_works_in_a_graph(clr: Any, tf: Any, arithmetic: str, name: Any) -> None:
    """TensorFlow allows some characters only in the names of operations."""
    schedule = clr.TriangularCyclicalLearningRate(**GIVEN, name=name, arithmetic=arithmetic)
    usual = clr.TriangularCyclicalLearningRate(**GIVEN, arithmetic=arithmetic)
    assert float(tf.function(schedule)(tf.constant(3))) == float(tf.function(usual)(tf.constant(3)))
    assert schedule.get_config()["name"] == name


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("Mine.2/a\\b>c-d_e", "Mine.2/a\\b>c-d_e"),
        ("2 of é", "2_of__"),
        (".a", ".a"),
        ("-a", "CyclicalLearningRate-a"),
        ("/a", "CyclicalLearningRate/a"),
        (None, "CyclicalLearningRate"),
        ("x" * 201, "x" * 200),
        ("_" + "x" * 200, "CyclicalLearningRate_" + "x" * 199),
    ],
)
def test_the_name_of_operations_is_as_near_as_tensorflow_allows(kept_arguments: Any, name: Any, scope: str) -> None:
    assert kept_arguments.scope(name) == scope


@pytest.mark.parametrize("name", ["maximal_learning_rate", "step_size"])
def test_whole_numbers_that_tfa_makes_tensors_of_fit_into_int64(kept_arguments: Any, name: str) -> None:
    for value in (-(2**63), 2**63 - 1, 2.0**63):
        assert kept_arguments.kept(name, value, "tfa", "float32") == value
    for value in (-(2**63) - 1, 2**63):
        with pytest.raises(ValueError, match=rf"^{name} must be a float, or a whole number from -2\*\*63 to 2\*\*63-1"):
            kept_arguments.kept(name, value, "tfa", "float32")
        assert kept_arguments.kept(name, value, "exact", "float32") == value
        assert kept_arguments.kept("initial_learning_rate", value, "tfa", "float32") == value


@pytest.mark.parametrize("value", [10**400, 10**30, 2**63], ids=["10**400", "10**30", "2**63"])
@pytest.mark.parametrize("argument", ["initial_learning_rate", "maximal_learning_rate", "step_size"])
@pytest.mark.parametrize("arithmetic", ["exact", "tfa"])
def test_huge_numbers_fail_when_the_schedule_is_made(clr: Any, tf: Any, arithmetic: str, argument: str, value: int) -> None:
    refused = value == 10**400 or (arithmetic == "tfa" and argument != "initial_learning_rate")
    if refused:
        with pytest.raises(ValueError, match=f"^{argument} must be a f") as found:
            clr.TriangularCyclicalLearningRate(**GIVEN | {argument: value}, arithmetic=arithmetic)
        assert len(str(found.value)) < 300
        return
    schedule = clr.TriangularCyclicalLearningRate(**GIVEN | {argument: value}, arithmetic=arithmetic)
    assert np.isfinite(float(schedule(3)))
    assert np.isfinite(float(tf.function(schedule)(tf.constant(3))))
    again = type(schedule).from_config(json.loads(json.dumps(schedule.get_config())))
    assert float(again(7)) == float(schedule(7))


@pytest.mark.parametrize(
    "step", [10**400, [1, 10**400], "5", b"5", None, 1j, {}, Fraction(1, 3), [[1], 2]], ids=lambda s: str(s)[:9]
)
@pytest.mark.parametrize("arithmetic", ["exact", "tfa"])
def test_steps_that_are_no_numbers_are_named(clr: Any, arithmetic: str, step: Any) -> None:
    schedule = clr.TriangularCyclicalLearningRate(**GIVEN, arithmetic=arithmetic)
    if arithmetic == "exact" and "1000" in str(step):
        schedule(step)  # the rate of the last step: docs/SPEC.md, clause 11.7
        return
    with pytest.raises((TypeError, ValueError), match=r"^step must be ") as found:
        schedule(step)
    assert len(str(found.value)) < 300


def test_configs_of_tfas_arithmetic_keep_the_bits(clr: Any, tf: Any) -> None:
    """In float64 TFA rounds a Python float to float32, and no number of NumPy and no tensor."""
    kinds = [float, np.float64, np.float32, np.array, *(lambda x, d=d: tf.constant(x, d) for d in ("float64", "float32"))]
    kinds += [lambda x: tf.Variable(x, dtype="float64"), lambda x: int(x) + 1, lambda x: tf.constant(int(x) + 1, tf.int64)]
    for argument in ("initial_learning_rate", "maximal_learning_rate", "step_size"):
        for kind in kinds:
            for dtype in (None, "float32", "float64"):
                try:
                    schedule = clr.TriangularCyclicalLearningRate(
                        **{"initial_learning_rate": 0.1, "maximal_learning_rate": 0.7, "step_size": 10.1}
                        | {argument: kind(0.3)},
                        arithmetic="tfa",
                        dtype=dtype,
                    )
                except ValueError as error:
                    assert str(error).startswith("initial_learning_rate must be a tensor of ")  # noqa: PT017
                    continue
                again = type(schedule).from_config(json.loads(json.dumps(schedule.get_config())))
                assert again.dtype == schedule.dtype
                rates = [np.asarray(one(tf.range(50))).tobytes() for one in (schedule, again)]
                assert rates[0] == rates[1], (argument, kind(0.3), dtype, schedule.get_config())


def test_a_text_that_is_no_hex_float_is_refused_in_a_config(drop_ins: Any) -> None:
    for text in ("0.3", "x", ""):
        with pytest.raises(ValueError, match=r"^step_size must be a finite hex float"):
            drop_ins.TriangularCyclicalLearningRate.from_config(GIVEN | {"step_size": text})


def test_scopes_are_names_that_tensorflow_allows(drop_ins: Any) -> None:
    checked = importlib.import_module("clr_ref.keras.arguments")
    assert [checked.scope(name) for name in ("clr", "a b", "_x", "", None)] == [
        *("clr", "a_b", "CyclicalLearningRate_x", "CyclicalLearningRate", "CyclicalLearningRate")
    ]


def archive(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "."), content)


def h5(path: Any, **attributes: Any) -> None:
    h5py = pytest.importorskip("h5py", reason="Keras comes with h5py")
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)


def damaged(kind: str, path: Path) -> None:
    weights = io.BytesIO()
    h5(weights)
    config = {"compile_config": {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.5}}}}
    makers: dict[str, Any] = {
        "empty zip": lambda: archive(path),
        "no weights": lambda: archive(path, config__json=json.dumps(config).encode()),
        "weights that are no h5": lambda: archive(path, config__json=json.dumps(config).encode(), model__weights__h5=b"x"),
        "config that is a list": lambda: archive(path, config__json=b"[]", model__weights__h5=weights.getvalue()),
        "config of text": lambda: archive(path, config__json=b'{"compile_config": "x"}', model__weights__h5=weights.getvalue()),
        "deep config": lambda: archive(path, config__json=b"[" * 200_000, model__weights__h5=weights.getvalue()),
        "no UTF-8": lambda: archive(path, config__json=b"\xff", model__weights__h5=weights.getvalue()),
        "h5 with a list": lambda: h5(path, training_config="[1]"),
        "h5 with a number": lambda: h5(path, training_config=5),
        "deep h5": lambda: h5(path, training_config="[" * 60_000),
        "folder": path.mkdir,
        "text": lambda: path.write_text("no model", "utf-8"),
        "nothing": lambda: None,
        "half an h5": lambda: (h5(path, training_config="x" * 10_000), path.write_bytes(path.read_bytes()[:3000])),
        "half a zip": lambda: (archive(path, config__json=b"[]"), path.write_bytes(path.read_bytes()[20:])),
    }
    makers[kind]()


KINDS = [
    "empty zip",
    "no weights",
    "weights that are no h5",
    "config that is a list",
    "config of text",
    "deep config",
    "no UTF-8",
]
KINDS += [
    "h5 with a list",
    "h5 with a number",
    "deep h5",
    "folder",
    "nothing",
    "text",
    "half an h5",
    "half a zip",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_one_error(drop_ins: Any, keras: Any, tmp_path: Path, kind: str) -> None:
    from clr_ref import keras_2

    model = keras.Sequential([keras.layers.Dense(1)])
    model.build((None, 3))
    path = tmp_path / "model.keras"
    damaged(kind, path)
    with pytest.raises(ValueError, match=r"^(path|config) must be ") as found:
        keras_2.load_optimizer(path, model)
    assert str(path) in str(found.value)
    assert len(str(found.value)) < 900
    assert ("must be a .keras or .h5 file" in str(found.value)) is (kind in ("folder", "nothing", "text"))


def test_arguments_of_a_wrong_type_are_named(drop_ins: Any, keras: Any, tmp_path: Path) -> None:
    from clr_ref import keras_2

    model = keras.Sequential([keras.layers.Dense(1)])
    for path in (None, 5, b"x", ["x"]):
        with pytest.raises(TypeError, match=r"^path must be a str or an os.PathLike, got "):
            keras_2.load_optimizer(path, model)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^model must be a Keras model, got 5 of type int"):
        keras_2.load_optimizer(tmp_path, 5)
    model.build((None, 3))
    with pytest.raises(TypeError, match=r"^custom_objects must be a dict, got \[\] of type list"):
        keras_2.load_optimizer(tmp_path, model, [])  # type: ignore[arg-type]
    config = {"class_name": "SGD", "config": {"learning_rate": 0.5}}
    with pytest.raises(TypeError, match=r"^custom_objects must be a dict, got 5 of type int"):
        keras_2.optimizer_from_config(config, 5)  # type: ignore[arg-type]
    for wrong in ({"nothing": 1}, {"learning_rate": {"class_name": "x"}}, {5: 6}):
        with pytest.raises(ValueError, match=r"."):  # some messages are Keras's own
            keras_2.optimizer_from_config({"class_name": "SGD", "config": wrong})
