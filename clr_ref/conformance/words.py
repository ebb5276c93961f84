"""Texts of an implementation, made safe to keep, to send, and to print."""

from __future__ import annotations

from clr_ref._inputs import escaped

#: The longest text that is kept, in characters.
LONGEST = 300


def printable(text: str, longest: int = LONGEST) -> str:
    r"""Return a text without control characters and lone surrogates, which are shown escaped, cut at ``longest``.

    >>> printable("\x1b[31mred")
    '\\x1b[31mred'
    """
    kept = text[:longest]
    if len(text) > longest:
        kept += f"... ({len(text):,} characters)"
    return escaped(kept)


def of_error(error: BaseException, *, whole: bool = False) -> str:
    """Return the class and the text of an exception, also of one whose text raises another.

    Args:
        error: the exception.
        whole: whether to return all lines of the text, not only the first.

    >>> of_error(ValueError("no step"))
    'ValueError: no step'
    """
    name = printable(type(error).__name__)
    try:
        lines = str(error).strip().split("\n")
        text = "\n".join(map(printable, lines if whole else lines[:1]))
    except BaseException as another:
        text = f"(its text raises {printable(type(another).__name__)})"
    return f"{name}: {text}" if text else name
