"""Chapter 10 of docs/SPEC.md: schedulers, which count the steps themselves."""

from __future__ import annotations

from clr_ref.conformance.checks.decorator import check
from clr_ref.conformance.checks.judge import Judge, suppose
from clr_ref.conformance.checks.relations import same_bits
from clr_ref.conformance.protocol import Operation, Quantity, Request
from clr_ref.conformance.subject import Responses

#: At most so many steps are compared after a scheduler was stopped, and so many with what an optimizer applied.
CONTINUED, APPLIED_STEPS = 200, 100


#: What was done to a scheduler before it was compared, for messages.
_WAYS: dict[Operation, str] = {
    "resume": "after load_state_dict(state)",
    "reload": "after load_state_dict(state), where another scheduler had loaded the same state",
    "load_late": "after load_state_dict(state), where the other scheduler had counted on after its state_dict()",
    "load_into_used": "after load_state_dict(state) of one that had counted",
    "pickle": "after pickle.loads(pickle.dumps(scheduler))",
}


def continues(judge: Judge, at: int, *ways: Operation, quantity: Quantity = "rate") -> None:
    """Compares schedulers that got to ``at`` in some ways with one that never stopped, over one cycle and two steps."""
    count = min(int(2 * judge.config.step_size) + 2, CONTINUED)
    suppose(at + count <= judge.subject.capabilities.reach)
    straight, *others = (
        judge.evaluate(Request(judge.config, operation, at=at, count=count, quantity=quantity))
        for operation in ("straight", *ways)
    )
    for way, other in zip(ways, others, strict=True):
        same_bits(judge, at, straight, other, f"{quantity} {_WAYS[way]}")


def reported_and_applied(judge: Judge, at: int, quantity: Quantity) -> tuple[Responses, Responses]:
    """Returns what is reported for the first ``at`` steps, a cycle and two steps more, and what the optimizer applied there."""
    count = min(at + int(2 * judge.config.step_size) + 2, APPLIED_STEPS)
    reported = judge.evaluate(Request(judge.config, steps=tuple(range(count)), quantity=quantity))
    return reported, judge.evaluate(Request(judge.config, "applied", count=count, quantity=quantity))


@check("10.1", "Before its first step a scheduler reports the rate of step 0; after n steps it reports the rate of step n.")
def counts_from_zero(judge: Judge, at: int) -> None:
    suppose(at <= judge.subject.capabilities.reach)
    for step, response in zip(
        range(at, at + 3), judge.evaluate(Request(judge.config, "straight", at=at, count=3)), strict=True
    ):
        if response.failed:
            judge.wrong(step, response.text)
        judge.compare(step, response.value(judge.config.dtype))


@check("10.2", "A fresh scheduler that loads a state goes on with the bits of one that never stopped")
def resumes(judge: Judge, at: int) -> None:
    continues(judge, at, "resume")


@check("10.3", "Loading leaves the state as it was: it can be loaded again.")
def loads_a_state_twice(judge: Judge, at: int) -> None:
    continues(judge, at, "reload")


@check("10.3", "A state does not change with the scheduler that it came from.")
def keeps_its_state_apart(judge: Judge, at: int) -> None:
    continues(judge, at, "load_late")


@check("10.4", "Loading into a scheduler that has counted already is like loading into a fresh one.")
def loads_into_a_used_one(judge: Judge, at: int) -> None:
    continues(judge, at, "load_into_used")


@check("10.5", "A pickled scheduler goes on with the same bits.")
def pickles(judge: Judge, at: int) -> None:
    continues(judge, at, "pickle")


@check("10.6", "The rate that the optimizer applies in step t is the rate reported for step t.")
def applies_what_it_reports(judge: Judge, at: int) -> None:
    reported, applied = reported_and_applied(judge, at, "rate")
    same_bits(judge, 0, reported, applied, "the rates that the optimizer applied")
