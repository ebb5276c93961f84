"""Fixtures: the Keras of this environment and its libraries. Tests are skipped where Keras is not installed.

An environment that is named after TensorFlow or another backend sets CLR_REF_EXPECT_TF or CLR_REF_EXPECT_BACKEND. There, a
Keras that cannot be imported is a failure.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clr_ref import policies
from tests.keras.models import formats

PROMISED = bool(os.environ.get("CLR_REF_EXPECT_TF") or os.environ.get("CLR_REF_EXPECT_BACKEND"))
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ignores warnings: TensorFlow and Keras raise some of their own, which clr_ref cannot prevent."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session")
def drop_ins() -> Any:
    """The module ``clr_ref.keras``."""
    if not PROMISED and not any(importlib.util.find_spec(name) for name in ("tensorflow", "keras")):
        pytest.skip("Keras is not installed in this environment")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import clr_ref.keras
    return clr_ref.keras


@pytest.fixture(scope="session")
def keras(drop_ins: Any) -> Any:
    return drop_ins.keras


@pytest.fixture(scope="session")
def kept_arguments(drop_ins: Any) -> Any:
    """The module ``clr_ref.keras.arguments``."""
    from clr_ref.keras import arguments

    return arguments


@pytest.fixture(scope="session")
def tf(drop_ins: Any) -> Any:
    """The module ``tensorflow``; the test is skipped where it is not the backend."""
    from clr_ref.keras import api

    if api.BACKEND != "tensorflow":
        pytest.skip(f"this is about TensorFlow, and the backend is {api.BACKEND}")
    return api.tensorflow()


@pytest.fixture(scope="session")
def clr(drop_ins: Any, tf: Any) -> Any:
    """The module ``clr_ref.keras``, on TensorFlow."""
    return drop_ins


@pytest.fixture(scope="session")
def api(drop_ins: Any) -> Any:
    """The module ``clr_ref.keras.api``."""
    from clr_ref.keras import api

    return api


@pytest.fixture(scope="session")
def probe(drop_ins: Any) -> Any:
    """The module ``clr_ref.training.probe``: a model whose weights show the rates that were applied."""
    from clr_ref.training import probe

    return probe


@pytest.fixture(scope="session")
def tfa(tf: Any) -> Any:
    """The module ``tensorflow_addons``."""
    if not os.environ.get("CLR_REF_EXPECT_TFA") and not importlib.util.find_spec("tensorflow_addons"):
        pytest.skip("TensorFlow Addons is not installed in this environment")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow_addons
    return tensorflow_addons


@pytest.fixture(params=["model.keras", "model.h5", "saved_model"])
def file(request: pytest.FixtureRequest, keras: Any, api: Any) -> str:
    if request.param not in formats(keras, api):
        pytest.skip(f"Keras {api.keras_version()} does not write {request.param}")
    return str(request.param)


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch, keras: Any) -> Iterator[None]:
    """Removes afterwards what a test registers."""
    monkeypatch.setattr(policies, "_registered", dict(policies._registered))
    known = keras.utils.get_custom_objects()
    before = dict(known)
    yield
    known.clear()
    known.update(before)
