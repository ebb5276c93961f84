"""The docstrings of all modules that need no framework: their examples run, and public names document each argument."""

import pytest

from tests import docstrings

MODULES = [name for name in docstrings.modules_with_examples() if not docstrings.needs_keras(name)]
NAMES = [name for name in docstrings.public_names() if not name.startswith(("clr_ref.keras.", "clr_ref.keras_2."))]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name.startswith("clr_ref.migrate."):
        pytest.importorskip("libcst", reason="migrate needs clr-ref[migrate]")
    docstrings.check_examples(name, monkeypatch)


@pytest.mark.parametrize("name", NAMES)
def test_public_names_document_each_argument_and_have_an_example(name: str) -> None:
    docstrings.check_docstring(name)
