"""Implementations of a whole Config, dtype included, as subjects of the conformance kit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clr_ref.conformance.config import Config
from clr_ref.conformance.protocol import Offer, Request, capabilities_from
from clr_ref.conformance.response import Response, as_response


class OfConfig:
    """Evaluates what ``make`` returns for a config; an exception is a response. Nothing is remembered."""

    capabilities = capabilities_from({"triangular": Offer()})

    def __init__(self, make: Callable[[Config], Callable[[int], Any]]) -> None:
        self._make = make

    def evaluate(self, request: Request) -> tuple[Response, ...]:
        try:
            one = self._make(request.config)
            return tuple(as_response(one(step)) for step in request.steps)
        except Exception as error:
            return tuple(Response("error", f"raised {type(error).__name__}: {error}") for _ in request.steps)


def of_dtype(make: Callable[[Config], Callable[[int], Any]], dtype: str) -> Callable[..., Callable[[int], Any]]:
    """Returns the ``make`` of the contract for implementations of one dtype."""

    def contract(
        policy: str, *, initial_learning_rate: float, maximal_learning_rate: float, step_size: float, gamma: float = 1.0
    ) -> Callable[[int], Any]:
        return make(Config(policy, initial_learning_rate, maximal_learning_rate, step_size, gamma, dtype))

    return contract
