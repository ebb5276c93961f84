"""Texts of an implementation, made safe to keep, to send, and to print."""

from __future__ import annotations

#: The longest text that is kept, in characters.
LONGEST = 300


def printable(text: str, longest: int = LONGEST) -> str:
    r"""Return a text without control characters and lone surrogates, which are shown escaped, cut at ``longest``.

    A terminal would obey an escape sequence, and a lone surrogate cannot be printed.

    >>> printable("\x1b[31mred")
    '\\x1b[31mred'
    """
    kept = text[:longest]
    if len(text) > longest:
        kept += f"... ({len(text):,} characters)"
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in kept)


def of_error(error: BaseException) -> str:
    """Return the class and the first line of an exception, also of one whose text raises another.

    >>> of_error(ValueError("no step"))
    'raised ValueError: no step'
    """
    name = printable(type(error).__name__)
    try:
        text = printable(str(error).partition("\n")[0])
    except BaseException as another:
        text = f"(its text raises {printable(type(another).__name__)})"
    return f"raised {name}" + (f": {text}" if text else "")
