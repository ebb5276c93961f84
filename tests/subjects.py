"""Implementations that are given a whole Config, dtype included, as subjects of the conformance kit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clr_ref.conformance.config import Config
from clr_ref.conformance.protocol import UNKNOWN, Answer, Question, as_answer


class OfConfig:
    """Calls ``make`` for each config, without memory; an exception counts as an answer."""

    nature = UNKNOWN

    def __init__(self, make: Callable[[Config], Callable[[int], Any]]) -> None:
        self._make = make

    def ask(self, question: Question) -> tuple[Answer, ...]:
        try:
            one = self._make(question.config)
            return tuple(as_answer(one(step)) for step in question.steps)
        except Exception as error:
            return tuple(Answer("error", f"raised {type(error).__name__}: {error}") for _ in question.steps)


def of_dtype(make: Callable[[Config], Callable[[int], Any]], dtype: str) -> Callable[..., Callable[[int], Any]]:
    """The same function with the signature of the contract, for one dtype."""

    def contract(
        policy: str, *, initial_learning_rate: float, maximal_learning_rate: float, step_size: float, gamma: float = 1.0
    ) -> Callable[[int], Any]:
        return make(Config(policy, initial_learning_rate, maximal_learning_rate, step_size, gamma, dtype))

    return contract
