"""Warnings where a value changes on purpose."""

from __future__ import annotations

import pytest

pytest.importorskip("libcst", reason="migrate needs clr-ref[migrate]")

from clr_ref.migrate.source import changes

BEFORE = "import tensorflow as tf\nimport tensorflow_addons as tfa\ndef half(x): return 1 / x\n"
REGISTERED = "@tf.keras.utils.register_keras_serializable()\ndef halved(x): return 1 / x\n"


def warnings(call: str, before: str = BEFORE) -> list[str]:
    found = changes(f"{before}tfa.optimizers.{call}\n")
    return [finding.text for finding in found.findings if finding.kind == "warning"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("TriangularCyclicalLearningRate(1e-4, 1e-2, 5, 'cycles')", "scale_mode='cycles' is a ValueError"),
        ("CyclicalLearningRate(1e-4, 1e-2, 5, 'half', 'Cycle')", "scale_mode='Cycle' is a ValueError"),
        ("ExponentialCyclicalLearningRate(1e-4, 1e-2, 5, 'step', 0.9)", "scale_mode='step' is a ValueError"),
        ("TriangularCyclicalLearningRate(1e-4, 1e-2, step_size=0)", "step_size=0 is a ValueError"),
        ("TriangularCyclicalLearningRate(1e-4, 1e-2, 0.)", "TFA makes every rate NaN"),
        ("TriangularCyclicalLearningRate(1e-4, 1e-2, -4)", "TFA accepts it"),
        ("TriangularCyclicalLearningRate(0, 1e-2, 4)", "initial_learning_rate=0 is taken as 0.0"),
        ("CyclicalLearningRate(1e-4, 1e-2, 4, lambda x: 1.0)", "scale_fn is a lambda without a registered name"),
        ("CyclicalLearningRate(1e-4, 1e-2, 4, scale_fn=half)", "scale_fn is the function half without a registered name"),
        ("CyclicalLearningRate(1e-4, 1e-2, 4, tf.math.reciprocal)", "scale_fn is tf.math.reciprocal without"),
        ("CyclicalLearningRate(1e-4, 1e-2, 4, scale_fn=None)", "scale_fn=None is a TypeError"),
        ("TriangularCyclicalLearningRate(tf.Variable(1e-4), 1e-2, 4)", "initial_learning_rate is a variable"),
        ("ExponentialCyclicalLearningRate(1e-4, 1e-2, 4)", "gamma is left out"),
        ("TriangularCyclicalLearningRate(1e-4, 1e-2, 4, scale_fn='half')", "scale_fn is no argument"),
    ],
)
def test_one_warning(call: str, words: str) -> None:
    (warning,) = warnings(call)
    assert words in warning


@pytest.mark.parametrize(
    "call",
    [
        "TriangularCyclicalLearningRate(1e-4, 1, 5, 'cycle')",
        "TriangularCyclicalLearningRate(rate, maximal_learning_rate=rate, step_size=steps // 2, scale_mode=mode)",
        "ExponentialCyclicalLearningRate(1e-4, 1e-2, 5, 'iterations', 0.9, 'name')",
        "ExponentialCyclicalLearningRate(1e-4, 1e-2, 5, **more)",
        "ExponentialCyclicalLearningRate(*arguments)",
        "TriangularCyclicalLearningRate(*arguments, 0)",
        "CyclicalLearningRate(1e-4, 1e-2, 5, 'half')",
        "TriangularCyclicalLearningRate(True, 1e-2, 5)",
        "CyclicalLearningRate",
        "CyclicalLearningRate.from_config(0, 1, 0)",
    ],
)
def test_no_warning(call: str) -> None:
    assert warnings(call) == []


def test_a_registered_function_has_a_name() -> None:
    assert warnings("CyclicalLearningRate(1e-4, 1e-2, 5, halved)", BEFORE + REGISTERED) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("Triangular2CyclicalLearningRate, 1e-4, 1e-2, 0", ["step_size=0 is a ValueError"]),
        ("CyclicalLearningRate, scale_fn=half, scale_mode='step'", ["half without a registered name", "scale_mode='step'"]),
        ("ExponentialCyclicalLearningRate, 1e-4, 1e-2, 5", []),  # gamma may be given later
        ("TriangularCyclicalLearningRate", []),
    ],
)
def test_arguments_that_partial_keeps_are_those_of_the_class(arguments: str, words: list[str]) -> None:
    for partial in ("functools.partial", "partial"):
        code = f"{BEFORE}import functools\nfrom functools import partial\nmake = {partial}(tfa.optimizers.{arguments})\n"
        found = changes(code)
        warned = [finding.text for finding in found.findings if finding.kind == "warning"]
        assert len(warned) == len(words)
        assert all(word in text for word, text in zip(sorted(words), sorted(warned), strict=True))
    other = f"{BEFORE}map(tfa.optimizers.TriangularCyclicalLearningRate, 1e-4, 1e-2, 0)\n"
    assert changes(other).findings == ()


def test_classes_that_are_imported_by_name_are_seen() -> None:
    code = "from tensorflow_addons.optimizers import TriangularCyclicalLearningRate as T\nT(1e-4, 1e-2, 0)\n"
    assert [(found.line, found.kind) for found in changes(code).findings] == [(2, "warning")]
