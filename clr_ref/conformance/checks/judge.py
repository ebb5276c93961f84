"""What a check works with: the implementation at one configuration, the exact rates, and the ways in which a check ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np

from clr_ref.conformance.accuracy import Level, Rates, rates
from clr_ref.conformance.config import Config
from clr_ref.conformance.protocol import Operation, Request
from clr_ref.conformance.subject import Responses, Subject
from clr_ref.exact import ulp

_INFINITE = Fraction(2**4096)


class Wrong(AssertionError):
    """A clause does not hold: for which configuration, at which step, and a sentence about what was returned.

    ``given`` is what was given in place of a step, if that was none.
    """

    def __init__(self, config: Config, step: int, words: str, given: float | None = None) -> None:
        super().__init__(f"{config} at step {step if given is None else given}: {words}")
        self.given = given
        self.config = config
        self.step = step
        self.words = words


class Hung(Exception):
    """The implementation did not return in time, or its process died too often: nothing further is evaluated."""

    def __init__(self, config: Config, step: int, words: str) -> None:
        super().__init__(f"{config} at step {step}: {words}")
        self.config = config
        self.step = step
        self.words = words


class Inapplicable(Exception):
    """The clause says nothing about these inputs."""


class Outside(Inapplicable):
    """The implementation declines this configuration: it is outside the domain that the implementation declares."""


def suppose(condition: bool) -> None:
    """End the check without a verdict on these inputs, unless the condition holds.

    Raises:
        Inapplicable: it does not hold.
    """
    if not condition:
        raise Inapplicable


def whole(*numbers: Fraction) -> None:
    """End the check without a verdict, unless all numbers are whole: there is no step at another one.

    Raises:
        Inapplicable: one is not whole.
    """
    suppose(not any(number % 1 for number in numbers))


@dataclasses.dataclass(frozen=True)
class Judge:
    """An implementation at one configuration, and how close its rates must be to the exact ones.

    ``more_ulp`` is what a known deviation allows beyond the level. ``on_rate`` is called with every rate that is compared with
    the formula. ``gamma_is_kept`` allows no error of gamma itself.
    """

    subject: Subject
    config: Config
    level: Level
    more_ulp: float = 0.0
    on_rate: Callable[[Config, int, Any], None] | None = None
    gamma_is_kept: bool = False

    def numbers(self, *steps: int, integers: bool = False) -> list[Any]:
        """Returns the rates of ``pairs`` alone."""
        return [value for _, value in self.pairs(*steps, integers=integers)]

    def pairs(self, *steps: int, integers: bool = False, operation: Operation = "evaluate") -> list[tuple[int, Any]]:
        """Returns these steps, in this order, each with the rate of one fresh object as a NumPy scalar of the config's dtype.

        Raises:
            Wrong: one of them is no number.
            Inapplicable: a step is beyond those at which this implementation can be evaluated.
            Outside: the configuration is outside its domain.
        """
        suppose(all(0 <= step <= self.subject.capabilities.reach for step in steps))
        pairs = []
        request = Request(self.config, operation, steps, integers=integers)
        for step, response in zip(steps, self.evaluate(request), strict=True):
            if response.failed:
                self.wrong(step, response.text)
            if self.level is Level.CORRECT and response.kind not in (self.config.dtype, "exact"):
                self.wrong(step, f"returned a {response.kind}, not a {self.config.dtype}")
            value = response.value(self.config.dtype)
            # An infinite rate is right only where the exact one overflows; the checks compute with all others.
            if np.isnan(value) or (np.isinf(value) and np.isfinite(self.rates(step).rounded)):
                self.wrong(step, f"returned {value}")
            pairs.append((step, value))
        return pairs

    def evaluate(self, request: Request) -> Responses:
        """Returns what the implementation returns.

        Raises:
            Hung: it does not return in time.
            Outside: the configuration is outside its domain.
        """
        given = self.subject.evaluate(request)
        if given and given[0].kind == "declined":
            raise Outside(given[0].text)
        for index, response in enumerate(given):
            if response.kind == "hang":
                raise Hung(self.config, request.steps[index] if request.steps else request.at + index, response.text)
        return given

    def rates(self, step: int) -> Rates:
        """Returns the exact rate at a step, and how far from it a value may be."""
        expected = rates(self.config, step, self.level, self.gamma_is_kept)
        if not self.more_ulp:
            return expected
        more = Fraction(self.more_ulp) * Fraction(float(ulp.size(expected.rounded, self.config.dtype)))
        return dataclasses.replace(expected, slack=expected.slack + more)

    def inside(self, steps: Sequence[int], *options: dict[str, Any]) -> Judge:
        """Returns the same judge of the first of some configurations that is inside the domain, or else of the last one."""
        *first, last = (self.on(**changes) for changes in options)
        for judge in first:
            try:
                judge.numbers(*steps)
            except Outside:
                continue
            return judge
        return last

    def slack(self, step: int) -> Fraction:
        """Returns how far the value at a step may be from the exact rate; 0 if it must be rounded correctly."""
        return self.rates(step).slack

    def on(self, **changes: Any) -> Judge:
        """Returns the same judge of another configuration."""
        return dataclasses.replace(self, config=dataclasses.replace(self.config, **changes))

    def wrong(self, step: int, words: str) -> NoReturn:
        """Raises Wrong for this configuration."""
        raise Wrong(self.config, step, words)

    def compare(self, step: int, value: Any) -> None:
        """Compares a value with the exact rate at a step.

        Raises:
            Wrong: it is too far from it.
        """
        expected = self.rates(step)
        if not expected.allows(value):
            self.wrong(step, f"expected {ulp.show(expected.rounded)}, got {ulp.show(value)}")


def real(value: Any) -> Fraction:
    """Returns a rate as a Fraction, and an infinite one as one that is far beyond all finite rates and their errors.

    A float would be no number to compute with here: a Fraction can be too large for the float that Python would make of it.
    """
    return Fraction(float(value)) if np.isfinite(value) else Fraction(-1 if value < 0 else 1) * _INFINITE
