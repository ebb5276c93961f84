"""Steps and ranges of steps, as they are typed."""

from __future__ import annotations

import re
from decimal import Decimal

import click

from clr_ref._inputs import shown

_LIMIT = 2**63
_WHOLE = re.compile(r"[0-9][0-9_]*(\.[0-9]+)?(e\+?[0-9]{1,3})?", re.IGNORECASE)
_ACCEPTED = (
    "give whole numbers 0 .. 2**63-1, such as 1874 or 1e6, or ranges START:STOP[:STRIDE], such as 0:1e6, :5 or 0:1e6:1000"
)


def whole_step(text: str) -> int:
    """Return the whole number 0 .. 2**63 that a text such as "1874", "1_874" or "1e6" stands for.

    Raises:
        click.BadParameter: any other text.
    """
    number = _number(text)
    if number is None:
        raise click.BadParameter(f"give a whole number 0 .. 2**63, such as 1874 or 1e6, got {shown(text)}")
    return number


def signed_steps(text: str) -> int:
    """Return the number of steps that a text stands for, as ``whole_step``, or a negative one such as "-1e3".

    Raises:
        click.BadParameter: any other text.
    """
    number = _number(text.removeprefix("-"))
    if number is None:
        raise click.BadParameter(f"give a whole number such as 1874, -1874 or 1e6, got {shown(text)}")
    return -number if text.startswith("-") else number


def ranges(text: str) -> range:
    """Return the steps that a text stands for: one step, or START:STOP[:STRIDE], where START is 0 by default.

    Raises:
        click.BadParameter: any other text.
    """
    start, colon, rest = text.partition(":")
    stop, _, stride = rest.partition(":")
    numbers = [_number(start or "0"), _number(stop), _number(stride)] if colon else [_number(start)]
    first, *others = numbers[: 1 + text.count(":")]
    if first is None or None in others or text.count(":") > 2:
        raise click.BadParameter(f"{_ACCEPTED}, got {shown(text)}")
    if not colon:
        others = [first + 1]
    last, stride_given = others[0], others[1] if len(others) > 1 else 1
    assert last is not None
    if last > _LIMIT:
        raise click.BadParameter(f"{_ACCEPTED}, got {shown(text)}")
    if last < first:
        raise click.BadParameter(f"START must not lie above STOP, got {shown(text)}")
    if not stride_given:
        raise click.BadParameter(f"STRIDE must be at least 1, got {shown(text)}")
    return range(first, last, stride_given)


def count(chosen: range) -> int:
    """Return the number of steps; ``len`` raises an error for 2**63."""
    return -(-(chosen.stop - chosen.start) // chosen.step)


class CommandWithSteps(click.Command):
    """A command whose arguments are steps: a negative one is no unknown option, but a wrong step."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Parse the arguments.

        Raises:
            click.UsageError: as for every command.
        """
        given = list(arguments)  # click takes them out of the list
        try:
            return super().parse_args(context, arguments)
        except click.NoSuchOption as error:
            if re.match("-[0-9.:]", error.option_name) is None:
                raise
            text = next(argument for argument in given if argument.startswith(error.option_name))
            raise click.BadParameter(f"{_ACCEPTED}, got {shown(text)}", context, param_hint="STEPS") from None


def _number(text: str) -> int | None:
    """Return a whole number 0 .. 2**63, or None. Decimal reads a number of any length, which ``int`` does not."""
    if not _WHOLE.fullmatch(text):
        return None
    number = Decimal(text)
    return int(number) if number <= _LIMIT and number == int(number) else None
