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


def class_name(value: object) -> str:
    """Return the name of the class of an object, whatever its metaclass says.

    >>> class_name(7)
    'int'
    """
    return printable(_plain(vars(type)["__name__"].__get__(type(value))))


def text_of(value: object) -> str:
    """Return the text of an object; of one whose text raises an exception, a sentence that says so.

    >>> text_of(ValueError("no step"))
    'no step'
    """
    try:
        return _plain(str(value))
    except BaseException as error:
        return f"(its text raises {class_name(error)})"


def of_error(error: BaseException, *, whole: bool = False) -> str:
    """Return the class and the text of an exception.

    Args:
        error: the exception.
        whole: whether to return all lines of the text, not only the first.

    >>> of_error(ValueError("no step"))
    'ValueError: no step'
    """
    lines = text_of(error).strip().split("\n")
    text = "\n".join(map(printable, lines if whole else lines[:1]))
    return f"{class_name(error)}: {text}" if text else class_name(error)


def _plain(text: str) -> str:
    """Return a str with the same characters, without the methods of a subclass."""
    return str.__str__(text)
