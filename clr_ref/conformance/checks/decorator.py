"""The decorator that makes a check of a function, and names its clause."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from clr_ref.conformance.checks.judge import Judge, suppose
from clr_ref.conformance.config import POLICY_NAMES


@dataclasses.dataclass(frozen=True)
class Check:
    """A function that compares an implementation with one clause.

    ``clause`` is its number in docs/SPEC.md, ``quote`` its sentence or a part of it, ``policies`` are those that it is about.
    ``family`` names the configs for which it is run (``regimes.CONFIGS``). ``of_inputs`` says that it is about refusals of
    wrong inputs, and not about rates.
    """

    body: Callable[..., None]
    clause: str
    quote: str
    policies: tuple[str, ...]
    family: str
    of_inputs: bool

    def __call__(self, judge: Judge, *inputs: Any, **named: Any) -> None:
        """Runs the check.

        Args:
            judge: the implementation, at the configuration on which it is checked.
            inputs, named: what ``needs`` names.

        Raises:
            Wrong: the clause does not hold.
            Inapplicable: the clause says nothing about this policy or these inputs.
            Hung: the implementation did not return in time.
        """
        suppose(judge.config.policy in self.policies)
        self.body(judge, *inputs, **named)

    @property
    def name(self) -> str:
        """The name in verdicts: that of the function, with blanks."""
        return self.body.__name__.replace("_", " ")

    @property
    def needs(self) -> tuple[str, ...]:
        """The inputs beside the judge: the names of the function's other parameters."""
        return tuple(inspect.signature(self.body).parameters)[1:]


def check(
    clause: str, quote: str, *, policies: Sequence[str] = POLICY_NAMES, family: str = "everyday", of_inputs: bool = False
) -> Callable[[Callable[..., None]], Check]:
    """Returns a decorator that makes a ``Check`` of a function of a judge and what the check needs beside it.

    The clause stands here and not in the docstring, which ``python -OO`` removes.

    Args:
        clause: a number of docs/SPEC.md.
        quote: the sentence of that clause that the function checks, word for word.
        policies: those that the sentence is about.
        family: the configs for which the check is run.
        of_inputs: whether it is about refusals of wrong inputs.
    """
    return lambda body: Check(body, clause, quote, tuple(policies), family, of_inputs)
