"""The function of a user that MODULE:MAKE names, and what it raises."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

import click

from clr_ref._files import WriteError
from clr_ref.cli.common import require_extras
from clr_ref.conformance.load import LoadError, described, load_function

_FRAMEWORKS = ("tensorflow", "keras", "tf_keras", "jax", "torch")


def wrong_make(words: str) -> click.BadParameter:
    """Return the error of a wrong MODULE:MAKE."""
    return click.BadParameter(words, param_hint="MODULE:MAKE")


def loaded(target: str, *extras: str) -> Any:
    """Return the function that a user names, after its module is imported.

    Args:
        target: ``package.module:make`` or ``path/to/file.py:make``.
        extras: as for ``require_extras``; a framework is needed too.

    Raises:
        click.UsageError: there is no such function, or something is not installed.
    """
    try:
        function = load_function(target)
    except LoadError as error:
        if isinstance(error.__cause__, ImportError) and error.__cause__.name in _FRAMEWORKS:
            require_extras(*extras, framework=True)
        raise wrong_make(str(error)) from None
    require_extras(*extras, framework=True)
    return function


@contextlib.contextmanager
def described_errors(target: str, *known: type[Exception]) -> Iterator[None]:
    """Make one message of what a user's function, model or data raise, which can be anything.

    Ctrl-C and SIGTERM pass, and so does the error of a file that clr_ref cannot write meanwhile.

    Args:
        target: the name of the function.
        known: the errors whose text is the message: those in which clr_ref says what is wrong with the model or its data.
    """
    try:
        yield
    except WriteError:
        raise
    except known as error:
        raise wrong_make(str(error)) from None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or (isinstance(error, SystemExit) and error.code == 128 + signal.SIGTERM):
            raise
        raise wrong_make(f"{target} raised {described(error, target)}") from error
