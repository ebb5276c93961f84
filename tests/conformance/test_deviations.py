"""What is read from an exceptions file, and what it is about: deviations and the domain."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from clr_ref.conformance.config import Config
from clr_ref.conformance.domain import CONDITIONS, EVERYTHING, Domain, Within, read_domain
from clr_ref.conformance.exceptions import Deviation, ExceptionsError, read, read_document
from clr_ref.conformance.protocol import Capabilities, Request
from clr_ref.conformance.response import Response

CONFIG = Config("triangular", 0.0, 1.0, 4)


def written(folder: Path, content: str) -> Path:
    path = folder / "known.toml"
    path.write_text(content)
    return path


# --- Deviations --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('case = "step-0"\nskip = true', Deviation("skip", "why", case="step-0")),
        ('clause = "3.1"\nxfail = true', Deviation("xfail", "why", clause="3.1")),
        ('clause = "3.1"\nulp = 3', Deviation("ulp", "why", clause="3.1", ulp=3.0)),
        ('clause = "3.1"\nulp = 0.5', Deviation("ulp", "why", clause="3.1", ulp=0.5)),
        ('clause = "3.1"\nulp = 0x7ffffffffffffc00', Deviation("ulp", "why", clause="3.1", ulp=2.0**63 - 2**10)),
        (
            'clause = "3.1"\ncheck = "a name"\npolicy = "exp_range"\nskip = true',
            Deviation("skip", "why", clause="3.1", check="a name", policy="exp_range"),
        ),
    ],
)
def test_an_entry_is_read(tmp_path: Path, body: str, expected: Deviation) -> None:
    more = '[peer]\nname = "x"\n[domain]\nstep_size = "whole"\n'
    content = f'[[deviation]]\n{body}\nreason = "why"\n'
    assert read(written(tmp_path, content)) == (expected,)
    assert read(written(tmp_path, content * 2 + more)) == (expected, expected)


def test_a_file_without_entries(tmp_path: Path) -> None:
    assert read(written(tmp_path, "")) == ()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            'clause = "3.1"\nskip = true\nodd = 1',
            "the fields are clause or case, check, policy, skip | xfail | ulp, reason; got",
        ),
        ("skip = true", "needs a clause or a case, one of them, as a string"),
        ('clause = "3.1"\ncase = "step-0"\nskip = true', "needs a clause or a case, one of them, as a string"),
        ("clause = 3.1\nskip = true", "needs a clause or a case, one of them, as a string"),
        ("case = 3\nskip = true", "needs a clause or a case, one of them, as a string"),
        ('case = "step-0"\ncheck = "x"\nskip = true', "check must be a string beside a clause, got 'x'"),
        ('clause = "3.1"\ncheck = 3\nskip = true', "check must be a string beside a clause, got 3"),
        ('clause = "3.1"\nskip = true\npolicy = "exp_rang"', "exp_range"),
        ('clause = "3.1"', "needs one of skip = true, xfail = true, ulp = N"),
        ('clause = "3.1"\nskip = true\nulp = 3', "needs one of skip = true, xfail = true, ulp = N"),
        ('clause = "3.1"\nskip = 1', "skip must be true, got 1"),
        ('clause = "3.1"\nxfail = "yes"', "xfail must be true, got 'yes'"),
        *(
            (f'clause = "3.1"\nulp = {value}', "ulp must be a number 0 < ulp < 2**63, got")
            for value in ("0", "-1", "0x8000000000000000", "true", '"3"', "inf")
        ),
    ],
)
def test_a_wrong_entry_is_named_with_its_number(tmp_path: Path, body: str, words: str) -> None:
    right = '[[deviation]]\nclause = "3.1"\nskip = true\nreason = "why"\n'
    path = written(tmp_path, f'{right}[[deviation]]\n{body}\nreason = "why"\n')
    with pytest.raises(ExceptionsError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: deviation 2: ")
    assert words in str(error.value)


@pytest.mark.parametrize("reason", ["", 'reason = ""', 'reason = "  "', "reason = 3"])
def test_a_reason_is_needed(tmp_path: Path, reason: str) -> None:
    with pytest.raises(ExceptionsError, match="deviation 1: needs a reason, in words"):
        read(written(tmp_path, f'[[deviation]]\nclause = "3.1"\nskip = true\n{reason}\n'))
    with pytest.raises(ExceptionsError, match=r"\[domain\] needs a reason, in words"):
        read_domain(written(tmp_path, f'[domain]\nstep_size = "whole"\n{reason}\n'))


def test_the_largest_files_that_are_read(tmp_path: Path) -> None:
    """A mebibyte, and a thousand dots in a line."""
    assert read_document(written(tmp_path, "#" * 2**20)) == {}
    with pytest.raises(ExceptionsError, match="must have at most 1,048,576 bytes, got more"):
        read_document(written(tmp_path, "#" * (2**20 + 1)))
    assert read_document(written(tmp_path, "#" + "." * 1000 + "\n#" + "." * 1000)) == {}
    with pytest.raises(ExceptionsError, match="nested too deeply"):
        read_document(written(tmp_path, "#" + "." * 1001))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ExceptionsError, match="nowhere"):
        read(tmp_path / "nowhere.toml")


def test_what_a_deviation_is_about() -> None:
    clause, case = Deviation("skip", "why", clause="3.1"), Deviation("skip", "why", case="step-0")
    assert clause.matches("triangular", "3.1", None, "any check")
    assert not clause.matches("triangular", "3.2", None, "any check")
    assert not clause.matches("triangular", "3.1", "step-0", "any check")
    assert case.matches("triangular", "9.9", "step-0")
    assert not case.matches("triangular", "9.9", "step-1")
    assert not case.matches("triangular", "9.9", None)
    named = dataclasses.replace(clause, check="a name")
    assert named.matches("triangular", "3.1", None, "a name")
    assert not named.matches("triangular", "3.1", None, "another")
    for one in (clause, case):
        of_policy = dataclasses.replace(one, policy="exp_range")
        assert of_policy.matches("exp_range", "3.1", one.case)
        assert not of_policy.matches("triangular", "3.1", one.case)
    assert [str(one) for one in (clause, case, dataclasses.replace(named, policy="exp_range"))] == [
        *("clause 3.1", "case step-0", "clause 3.1 (a name) of exp_range")
    ]


# --- The domain --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "inside", "outside"),
    [
        ("whole", [1.0, 0, -3, 2.0**60], [0.5, 1e-300, 2.5]),
        ("above 0", [1e-300, 0.5, 3], [0.0, -1e-300, -2]),
        ("0 or more", [0, 1e-300, 3], [-1e-300, -2]),
        ("1 or more", [1, 1.5, 3], [0.999999, 0, -2]),
        ("at most 1", [1, 0.5, -3], [1.000001, 2]),
    ],
)
def test_conditions_at_their_limits(condition: str, inside: list[float], outside: list[float]) -> None:
    domain = Domain((("step_size", condition),), "why")
    for size in inside:
        assert domain.excludes(dataclasses.replace(CONFIG, step_size=size)) == ""
    for size in outside:
        assert domain.excludes(dataclasses.replace(CONFIG, step_size=size)) == f"step_size must be {condition}: why"
    assert set(CONDITIONS) == {"whole", "above 0", "0 or more", "1 or more", "at most 1"}


def test_every_condition_counts_and_one_on_what_is_not_given_does_not() -> None:
    domain = Domain((("step_size_down", "whole"), ("gamma", "at most 1"), ("step_size", "1 or more")), "why")
    assert domain.excludes(CONFIG) == ""
    assert domain.excludes(dataclasses.replace(CONFIG, step_size_down=0.5)) == "step_size_down must be whole: why"
    assert domain.excludes(dataclasses.replace(CONFIG, step_size=0.5)) == "step_size must be 1 or more: why"


def test_conditions_that_exclude_nothing_are_idle() -> None:
    domain = Domain((("step_size", "above 0"), ("step_size", "whole"), ("gamma", "at most 1")), "why")
    sizes = [dataclasses.replace(CONFIG, step_size=size) for size in (1, 0.5, 2)]
    assert domain.idle(sizes) == ['step_size = "above 0"', 'gamma = "at most 1"']
    assert domain.idle([]) == ['step_size = "above 0"', 'step_size = "whole"', 'gamma = "at most 1"']
    assert Domain((("step_size", "whole"),), "why").idle(iter(sizes)) == []

    def endless() -> Any:
        while True:
            yield sizes[1]

    assert Domain((("step_size", "whole"),), "why").idle(endless()) == []


def test_the_domain_is_read(tmp_path: Path) -> None:
    content = '[domain]\nstep_size = ["whole", "1 or more"]\ngamma = "at most 1"\nreason = "why"\n'
    conditions = (("step_size", "whole"), ("step_size", "1 or more"), ("gamma", "at most 1"))
    assert read_domain(written(tmp_path, content)) == Domain(conditions, "why")
    assert read_domain(written(tmp_path, "")) is EVERYTHING


class Recording:
    capabilities = Capabilities({}, False, False, 10)

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def evaluate(self, request: Request) -> tuple[Response, ...]:
        self.requests.append(request)
        return (Response("float64", "0x0p0"),) * request.expected


@pytest.mark.parametrize(("size", "called"), [(4, True), (0.5, False), (-0.5, True), (0, True)])
def test_outside_it_is_not_called_and_wrong_arguments_are_outside_no_domain(size: float, called: bool) -> None:
    subject = Recording()
    within = Within(subject, Domain((("step_size", "whole"),), "why"))
    request = Request(dataclasses.replace(CONFIG, step_size=size), steps=(1, 2, 3))
    responses = within.evaluate(request)
    assert bool(subject.requests) is called
    assert (
        responses == ((Response("float64", "0x0p0") if called else Response("declined", "step_size must be whole: why")),) * 3
    )
    assert within.capabilities is subject.capabilities
