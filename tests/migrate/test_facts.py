"""The table of counterparts: complete for TFA, and true for Keras 3."""

from __future__ import annotations

import inspect
import os
import re
from typing import Any

import pytest

from clr_ref.migrate.facts import ARGUMENTS, COUNTERPARTS, is_cyclical, known

#: Counterparts with this note need not exist in each Keras 3.
NEWER = "newer than Keras 3."


def test_the_four_classes_are_found_by_each_of_their_names() -> None:
    for name in ARGUMENTS:
        assert is_cyclical(f"tensorflow_addons.optimizers.{name}")
        assert is_cyclical(f"tensorflow_addons.optimizers.cyclical_learning_rate.{name}")
        assert not is_cyclical(f"tensorflow_addons.{name}")
        assert not is_cyclical(f"mine.optimizers.{name}")
        assert name not in COUNTERPARTS["optimizers"]


def test_names_below_a_class_and_beside_the_table() -> None:
    assert known("tensorflow_addons.layers.normalizations.GroupNormalization.build")[0].endswith("layers.GroupNormalization")
    assert known("tensorflow_addons.text.crf") == ("tensorflow_addons.text.crf", None)
    assert known("tensorflow_addons") == ("tensorflow_addons", None)
    assert str(known("tensorflow_addons.optimizers.Yogi")[1]) == "none"


@pytest.mark.filterwarnings("ignore")
def test_tfa_has_these_names_and_no_others() -> None:
    if "CLR_REF_EXPECT_TFA" not in os.environ:
        pytest.skip("this needs TFA")
    import tensorflow_addons as tfa

    newest = os.environ["CLR_REF_EXPECT_TFA"] == "0.23"
    for module, table in COUNTERPARTS.items():
        found = vars(getattr(tfa, module)).items()
        names = {name for name, value in found if not name.startswith("_") and not inspect.ismodule(value)} - set(ARGUMENTS)
        assert names <= set(table), module
        if newest:
            assert names == set(table), module
    for name, arguments in ARGUMENTS.items():
        assert tuple(inspect.signature(getattr(tfa.optimizers, name)).parameters) == arguments


def keywords_of(value: Any) -> set[str]:
    """The arguments of a function, or of the constructors of a class and its bases."""
    functions = (
        [vars(kind)["__init__"] for kind in value.__mro__ if "__init__" in vars(kind)] if inspect.isclass(value) else [value]
    )
    return {
        name for function in functions if function is not object.__init__ for name in inspect.signature(function).parameters
    }


def test_keras_3_has_the_counterparts() -> None:
    keras = pytest.importorskip("keras", reason="this needs Keras 3")
    if not keras.__version__.startswith("3."):
        pytest.skip("this needs Keras 3")
    checked = 0
    for table in COUNTERPARTS.values():
        for counterpart in table.values():
            if counterpart.keras is None:
                continue
            name, _, rest = counterpart.keras.removeprefix("keras.").partition("(")
            value = keras
            for part in name.split("."):
                value = getattr(value, part, None)
            if value is None and NEWER in counterpart.note:
                continue
            assert callable(value), counterpart
            checked += 1
            for keyword in re.findall(r"(\w+)=", rest):
                assert keyword in keywords_of(value), counterpart
            for text in re.findall(r'^"(\w+)"', rest):
                assert callable(getattr(keras.activations, text)), counterpart
    assert checked > 15


def test_the_classes_of_ours_take_these_arguments() -> None:
    pytest.importorskip("keras", reason="this needs Keras")
    import clr_ref.keras

    for name, arguments in ARGUMENTS.items():
        assert tuple(inspect.signature(getattr(clr_ref.keras, name)).parameters)[: len(arguments)] == arguments


def test_a_name_is_cut_at_its_class_and_has_a_counterpart_in_words() -> None:
    name, counterpart = known("tensorflow_addons.optimizers.weight_decay_optimizers.AdamW.apply_gradients")
    assert name == "tensorflow_addons.optimizers.AdamW"
    assert str(counterpart) == "keras.optimizers.AdamW (Keras multiplies weight_decay by the learning rate, TFA does not)"
    assert str(known("tensorflow_addons.optimizers.SWA")[1]) == (
        "none (clr_ref.keras.AtCycleEnd averages at the ends of cycles; docs/RECIPES.md has a callback; "
        "keras.callbacks.SwapEMAWeights averages exponentially)"
    )
    assert str(known("tensorflow_addons.optimizers.LAMB.x.y")[1]).startswith("keras.optimizers.Lamb (epsilon is 1e-7 ")
    for name in (
        "tensorflow_addons.layers",
        "tensorflow_addons.AdamW",
        "tensorflow_addons.optimizers.CRF",
        "tensorflow_addons.CRF.CRF",
    ):
        assert known(name) == (name, None)


def test_adaptive_pooling_has_one_two_and_three_dimensions() -> None:
    found = sorted(name for name in COUNTERPARTS["layers"] if name.startswith("Adaptive"))
    assert found == [f"Adaptive{kind}Pooling{rank}D" for kind in ("Average", "Max") for rank in (1, 2, 3)]
