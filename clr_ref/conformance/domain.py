"""The domain of an implementation: the configurations for which it offers rates.

``make`` raises NotImplementedError for a configuration outside, or the exceptions file declares the domain:

    [domain]
    step_size = "whole"                  # a condition, or a list of them
    initial_learning_rate = "above 0"
    reason = "mmengine rejects eta_min = 0, and counts whole steps"

Configurations outside are left out, and the verdict says how many. A condition that excludes nothing is a failure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path

from clr_ref._inputs import shown, unknown
from clr_ref.conformance.config import Config
from clr_ref.conformance.exceptions import ExceptionsError, read_document
from clr_ref.conformance.protocol import Capabilities, Request
from clr_ref.conformance.response import Response
from clr_ref.conformance.subject import Responses, Subject

_ARGUMENTS = ("initial_learning_rate", "maximal_learning_rate", "step_size", "step_size_down", "gamma")
CONDITIONS: dict[str, Callable[[float], bool]] = {
    "whole": lambda value: float(value).is_integer(),
    "above 0": lambda value: value > 0,
    "0 or more": lambda value: value >= 0,
    "1 or more": lambda value: value >= 1,
    "at most 1": lambda value: value <= 1,
}


@dataclasses.dataclass(frozen=True)
class Domain:
    """Conditions on the arguments of ``make``, each an argument and a key of ``CONDITIONS``, and the reason for them."""

    conditions: tuple[tuple[str, str], ...] = ()
    reason: str = ""

    def excludes(self, config: Config) -> str:
        """Returns which condition a config violates and why there is one, or an empty text."""
        for argument, condition in self.conditions:
            if not _holds((argument, condition), config):
                return f"{argument} must be {condition}: {self.reason}"
        return ""

    def idle(self, configs: Iterable[Config]) -> list[str]:
        """Returns the conditions that exclude none of the configs, as they stand in the exceptions file."""
        left = list(self.conditions)
        for config in configs:
            left = [one for one in left if _holds(one, config)]
            if not left:
                break
        return [f'{argument} = "{condition}"' for argument, condition in left]


def _holds(one: tuple[str, str], config: Config) -> bool:
    """Whether a config meets a condition on an argument, or does not have the argument."""
    argument, condition = one
    value = getattr(config, argument)
    return value is None or CONDITIONS[condition](value)


#: The domain of an implementation that declares none.
EVERYTHING = Domain()


class Within:
    """An implementation inside the domain that its exceptions file declares: it is not called outside."""

    def __init__(self, subject: Subject, domain: Domain) -> None:
        self._subject = subject
        self._domain = domain
        self.capabilities: Capabilities = subject.capabilities

    def evaluate(self, request: Request) -> Responses:
        """Returns what the implementation returns; outside its domain, that it declines."""
        outside = self._domain.excludes(request.config)
        # Wrong inputs are no question of the domain: it has to refuse them by itself.
        if outside and request.config.has_rates:
            return (Response("declined", outside),) * request.expected
        return self._subject.evaluate(request)


def read_domain(path: Path) -> Domain:
    """Returns the domain that an exceptions file declares, or one without conditions.

    Raises:
        ExceptionsError: the file cannot be read, or the domain is wrong.
    """
    table = read_document(path).get("domain")
    if table is None:
        return EVERYTHING
    where = f"{path}: [domain]"
    if not isinstance(table, dict) or set(table) - {*_ARGUMENTS, "reason"} or not set(table) & set(_ARGUMENTS):
        raise ExceptionsError(f"{where} needs conditions on some of {', '.join(_ARGUMENTS)}, and a reason; got {shown(table)}")
    reason = table.pop("reason", None)
    if not isinstance(reason, str) or not reason.strip():
        raise ExceptionsError(f"{where} needs a reason, in words")
    conditions = []
    for argument, given in table.items():
        for condition in given if isinstance(given, list) else [given]:
            if not isinstance(condition, str) or condition not in CONDITIONS:
                raise ExceptionsError(f"{where}: {unknown(f'a condition on {argument}', condition, CONDITIONS, '')}")
            conditions.append((argument, condition))
    if not conditions:
        raise ExceptionsError(f"{where} needs at least one condition")
    return Domain(tuple(conditions), reason)
