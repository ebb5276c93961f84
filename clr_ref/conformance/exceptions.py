"""Known deviations: a TOML file that lives with the implementation.

    [[deviation]]
    clause = "4.2"              # or: case = "cycles-1024-1026"
    check = "halves every cycle"  # optional, with a clause that has several checks: only this one
    policy = "triangular2"      # optional: all policies
    xfail = true                # or: skip = true; or: ulp = 3
    reason = "https://github.com/pytorch/pytorch/issues/52989"

- ``skip``: the check or case is not run.
- ``xfail``: it must fail.
- ``ulp``: it must fail with the bound, and hold with so many ULP more.

``domain`` reads a table [domain] of the same file. An entry that matches nothing, or that is not needed, is itself a failure,
and so is a condition that excludes nothing.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

from clr_ref._files import TomlError, read_toml
from clr_ref._inputs import shown, unknown
from clr_ref.conformance.config import POLICY_NAMES

Kind = Literal["skip", "xfail", "ulp"]


class ExceptionsError(ValueError):
    """The file cannot be read, or an entry is wrong."""


@dataclasses.dataclass(frozen=True)
class Deviation:
    """One known deviation. ``ulp`` is 0 unless that is its kind."""

    kind: Kind
    reason: str
    clause: str | None = None
    case: str | None = None
    policy: str | None = None
    ulp: float = 0.0
    check: str | None = None

    def matches(self, policy: str, clause: str, case: str | None, check: str = "") -> bool:
        """Returns whether it is about this case, or about this check, of this policy.

        A deviation from a clause is about its checks, not about its fixed cases.
        """
        if self.policy not in (None, policy):
            return False
        if case is not None:
            return self.case == case
        return self.clause == clause and self.check in (None, check)

    def __str__(self) -> str:
        what = f"case {self.case}" if self.case is not None else f"clause {self.clause}"
        return f"{what}{f' ({self.check})' if self.check else ''}{f' of {self.policy}' if self.policy else ''}"


def read_document(path: Path) -> dict[str, Any]:
    """Returns the document in a TOML file.

    Raises:
        ExceptionsError: it cannot be read, or is no TOML.
    """
    try:
        return read_toml(path, "conformance")
    except TomlError as error:
        raise ExceptionsError(str(error)) from None


def read(path: Path) -> tuple[Deviation, ...]:
    """Returns the deviations in a file, in its order.

    Raises:
        ExceptionsError: it cannot be read, or an entry is wrong; the message names the entry and what is wrong with it.
    """
    document = read_document(path)
    entries = document.get("deviation", [])
    # [peer] is what clr_ref.conformance.peers keeps in the same file.
    if set(document) - {"deviation", "domain", "peer"} or not isinstance(entries, list):
        raise ExceptionsError(f"{path}: must hold [[deviation]] entries and a [domain] alone, got {shown(document)}")
    return tuple(_deviation(f"{path}: deviation {number}", entry) for number, entry in enumerate(entries, 1))


def _deviation(where: str, entry: Any) -> Deviation:
    def fail(words: str) -> ExceptionsError:
        return ExceptionsError(f"{where}: {words}")

    if not isinstance(entry, dict) or set(entry) - {"clause", "case", "check", "policy", "skip", "xfail", "ulp", "reason"}:
        raise fail(f"the fields are clause or case, check, policy, skip | xfail | ulp, reason; got {shown(entry)}")
    if len({"clause", "case"} & set(entry)) != 1 or not isinstance(entry.get("clause", entry.get("case")), str):
        raise fail("needs a clause or a case, one of them, as a string")
    if "check" in entry and ("case" in entry or not isinstance(entry["check"], str)):
        raise fail(f"check must be a string beside a clause, got {shown(entry['check'])}")
    if entry.get("policy") not in (None, *POLICY_NAMES):
        raise fail(unknown("a policy", entry["policy"], POLICY_NAMES, "docs/SPEC.md"))
    reason = entry.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise fail("needs a reason, in words")
    known: tuple[Kind, ...] = ("skip", "xfail", "ulp")
    kinds = [kind for kind in known if kind in entry]
    if len(kinds) != 1:
        raise fail("needs one of skip = true, xfail = true, ulp = N")
    (kind,) = kinds
    value = entry[kind]
    if kind == "ulp":
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 2**63:
            raise fail(f"ulp must be a number 0 < ulp < 2**63, got {shown(value)}")
    elif value is not True:
        raise fail(f"{kind} must be true, got {shown(value)}")
    return Deviation(
        kind=kind,
        reason=reason,
        clause=entry.get("clause"),
        case=entry.get("case"),
        check=entry.get("check"),
        policy=entry.get("policy"),
        ulp=float(value) if kind == "ulp" else 0.0,
    )
