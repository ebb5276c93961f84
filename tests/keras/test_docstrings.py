"""The docstrings of the modules that need Keras: their examples run, and public names document each argument."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests import docstrings

MODULES = [name for name in docstrings.modules_with_examples() if docstrings.needs_keras(name)]
NAMES = [name for name in docstrings.public_names() if name.startswith(("clr_ref.keras.", "clr_ref.keras_2."))]
SAVED = Path(__file__).parent / "fixtures" / "tf-2.15.1_tfa-0.23.0" / "models.zip"


@pytest.fixture
def old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder holds old.h5, a model that TF 2.15 saved."""
    monkeypatch.chdir(tmp_path)
    with ZipFile(SAVED) as archive:
        Path("old.h5").write_bytes(archive.read("triangular/model.h5"))


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.usefixtures("old_model")
def test_examples_run(name: str, keras: Any, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "clr_ref.keras_2" and not api.IS_KERAS_3:
        pytest.skip("clr_ref.keras_2 is for Keras 3: before, load_model loads the optimizer")
    if name == "clr_ref.keras.adamw" and not hasattr(keras.optimizers, "AdamW"):
        pytest.skip("this tf.keras has no AdamW")
    docstrings.check_examples(name, monkeypatch, keras=keras)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("drop_ins")
def test_public_names_document_each_argument_and_have_an_example(name: str) -> None:
    docstrings.check_docstring(name)
