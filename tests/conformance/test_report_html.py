"""The page on an implementation: each of its elements for a small report, with expected texts and coordinates."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import clr_ref
from clr_ref.pages import html
from tests.conformance.reporting import FINDING, GOOD, WIDE, body, items, rows, verdict


def about(lines: Sequence[str]) -> str:
    return next(line for line in lines if line.startswith('<p class="about">'))


def test_the_whole_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "now", lambda: "2026-01-02 03:04 UTC")
    lines = body(
        verdict("triangular", "holds", examples=1000),
        verdict("triangular", "holds", "accuracy", part="accuracy", quote="", accuracy=GOOD),
        verdict("triangular2", "fails", examples=7, finding=FINDING, reason="a reason"),
        verdict("triangular2", "holds", "accuracy", part="accuracy", accuracy=dataclasses.replace(GOOD, worst_ulp=1234567.0)),
        verdict("exp_range", "not offered", quote="", reason="no gamma"),
        verdict("", "fails", "exceptions", part="exceptions", quote="", reason="declared, but nothing deviates"),
    )
    drawn = lines.index(next(line for line in lines if line.startswith('<div class="picture"')))
    end = lines.index(next(line for line in lines if line.startswith("<pre>")))
    assert lines[:drawn] == [
        "<h1>nowhere:make does not conform</h1>",
        '<p class="about">A schedule, of no installed package, and so without a version. Its rates were compared in float32 by '
        f"the conformance kit of clr_ref {clr_ref.__version__}, 2026-01-02 03:04 UTC; seed 3, 60 random inputs per check.</p>",
        '<ul class="findings">',
        '<li class="fails">triangular2: 1 of 2 checks fail, though the rates follow the formula; '
        "accuracy: correctly rounded.</li>",
        '<li class="holds">triangular: holds, correctly rounded.</li>',
        '<li class="not">exp_range: not offered: no gamma.</li></ul>',
        '<div class="box" tabindex="0"><table><thead>',
        "<tr><th>policy</th><th>semantics</th><th>input checks</th><th>accuracy</th><th>worst ULP</th></tr></thead>",
        "<tbody>",
        '<tr><td>triangular2</td><td class="fails">FAILS</td><td class="not">not asked</td><td>correctly rounded</td>'
        '<td class="number">1,234,567</td></tr>',
        '<tr><td>triangular</td><td class="holds">holds</td><td class="not">not asked</td><td>correctly rounded</td>'
        '<td class="number">0</td></tr>',
        '<tr><td>exp_range</td><td class="not">not offered</td><td class="not">not asked</td><td>not graded</td>'
        '<td class="number">-</td></tr></tbody></table></div>',
        "<h2>What goes wrong first</h2>",
        "<h3>triangular2 2.1 rises</h3>",
        '<p class="quote">“A &lt;quote&gt;.”</p>',
        "<p>a reason</p>",
    ]
    assert lines[end : end + 7] == [
        "<pre>triangular, float64, step 5 (cycle 1, phase 1.25 of 2)",
        "  wrong &lt;words&gt;",
        "  steps 0 to 4 are right",
        "  call: make(&#x27;triangular&#x27;, initial_learning_rate=0.0, maximal_learning_rate=1.0, step_size=4)(5)",
        "  repeat with: clr-ref conform x</pre>",
        "<h3> 2.1 exceptions</h3>",
        "<p>declared, but nothing deviates</p>",
    ]
    assert lines[end + 7 :] == [
        "<h2>Every verdict</h2>",
        '<div class="box" tabindex="0"><table><thead>',
        "<tr><th>policy</th><th>clause</th><th>check or case</th><th>verdict</th><th>inputs</th><th>says</th></tr></thead>",
        "<tbody>",
        '<tr><td>triangular2</td><td>2.1</td><td>rises</td><td class="fails">FAILS</td><td class="number">7</td>'
        '<td class="text">a reason</td></tr>',
        '<tr><td></td><td>2.1</td><td>exceptions</td><td class="fails">FAILS</td><td class="number">0</td>'
        '<td class="text">declared, but nothing deviates</td></tr>',
        '<tr><td>triangular</td><td>2.1</td><td>rises</td><td class="holds">holds</td><td class="number">1,000</td>'
        '<td class="text">A &lt;quote&gt;.</td></tr>',
        '<tr><td>triangular</td><td>2.1</td><td>accuracy</td><td class="holds">holds</td><td class="number">0</td>'
        '<td class="text"></td></tr>',
        '<tr><td>triangular2</td><td>2.1</td><td>accuracy</td><td class="holds">holds</td><td class="number">0</td>'
        '<td class="text">A &lt;quote&gt;.</td></tr>',
        '<tr><td>exp_range</td><td>2.1</td><td>rises</td><td class="not">not offered</td><td class="number">0</td>'
        '<td class="text">no gamma</td></tr></tbody></table></div>',
        "<h2>Accuracy</h2>",
        "<p>triangular: correctly rounded; worst 0 ULP over 1,234 values</p>",
        "<p>triangular2: correctly rounded; worst 1,234,567 ULP over 1,234 values</p>",
    ]


def test_a_page_without_failures_and_grades_is_short() -> None:
    lines = body(verdict("triangular", "holds"))
    assert lines[0] == "<h1>nowhere:make conforms</h1>"
    assert [line for line in lines if line.startswith("<h2>")] == ["<h2>Every verdict</h2>"]


def test_policies_stand_in_the_order_of_what_a_user_has_to_know() -> None:
    """First what is not to be trusted, then what fails, then the others, the worst first."""
    untrusted = [
        verdict("e", "excused"),
        verdict("e", "not asked", part="accuracy", reason="it returns 0: nothing to grade"),
    ]
    lines = body(
        verdict("a", "not offered", reason="unknown"),
        verdict("b", "holds"),
        verdict("c", "excused"),
        verdict("d", "holds"),
        verdict("d", "fails", "refuses", of_inputs=True),
        *untrusted,
        verdict("f", "not asked"),
    )
    assert items(lines) == [
        '<li class="distrust">Do not trust e: it returns 0.',
        '<li class="fails">d: 1 of 2 checks fail, though the rates follow the formula; accuracy: not graded; '
        "input checks: fails.",
        '<li class="excused">c: deviates in 1 of 1 checks, as declared.',
        '<li class="holds">b: holds, not graded.',
        '<li class="not">a: not offered: unknown.',
        '<li class="not">f: not asked.',
    ]
    table = rows(lines)
    assert [row[:3] for row in table[:6]] == [
        ["e", "distrust|do not trust", "not|not asked"],
        ["d", "holds|holds", "fails|FAILS"],
        ["c", "excused|excused", "not|not asked"],
        ["b", "holds|holds", "not|not asked"],
        ["a", "not|not offered", "not|not asked"],
        ["f", "not|not asked", "not|not asked"],
    ]
    ordered = ["fails", "excused", "excused", "holds", "holds", "not offered", "not asked", "not asked"]
    assert [row[3].partition("|")[2].lower() for row in table[6:]] == ordered


def test_skipped_verdicts_stand_between_deviations_and_what_holds() -> None:
    lines = body(*(verdict("a", status) for status in ("holds", "skipped", "excused")))
    assert [row[3].partition("|")[2] for row in rows(lines)[1:]] == ["excused", "skipped", "holds"]


@pytest.mark.parametrize("part", ["accuracy", "clause"])
@pytest.mark.parametrize("semantics", ["fails", "excused", "holds"])
def test_only_wrong_rates_without_a_grade_are_distrusted(part: Any, semantics: str) -> None:
    lines = body(verdict("a", semantics), verdict("b", semantics), verdict("a", "not asked", part=part, reason="why"))
    distrusted = part == "accuracy" and semantics != "holds"
    assert (items(lines)[0] == '<li class="distrust">Do not trust a: why.') is distrusted
    assert sum("Do not trust" in item for item in items(lines)) == distrusted


def test_a_failure_without_a_reason_says_the_first_step() -> None:
    lines = body(verdict("triangular", "fails", finding=FINDING))
    call = "make(&#x27;triangular&#x27;, initial_learning_rate=0.0, maximal_learning_rate=1.0, step_size=4)(5)"
    assert rows(lines)[1][-1] == f"text|first at step 5: {call}"


def test_only_the_first_failure_of_a_policy_is_shown() -> None:
    lines = body(verdict("a", "holds", "zeroth"), verdict("a", "fails", "first"), verdict("a", "fails", "second"))
    assert [line for line in lines if line.startswith("<h3>")] == ["<h3>a 2.1 first</h3>"]


def test_arguments_without_rates_have_no_curve() -> None:
    refused = dataclasses.replace(FINDING, config=dataclasses.replace(WIDE, step_size=0))
    lines = body(verdict("a", "fails", finding=refused))
    assert "<svg" not in "".join(lines)
    assert any(line.startswith("<pre>triangular, float64, step 5") for line in lines)


@pytest.mark.parametrize(
    ("distributions", "expected"),
    [
        ({"lib": ["numpy"]}, f"numpy {importlib.metadata.version('numpy')}"),
        ({"lib": ["numpy", "numpy"]}, f"numpy {importlib.metadata.version('numpy')}"),
        (
            {"lib": ["numpy", "pytest"]},
            f"numpy {importlib.metadata.version('numpy')} and pytest {importlib.metadata.version('pytest')}",
        ),
        ({"other": ["numpy"]}, "of no installed package, and so without a version"),
    ],
)
def test_the_version_is_that_of_the_package(
    distributions: dict[str, list[str]], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: distributions)
    lines = body(verdict("a", "holds"), implementation="lib.inner.deeper:make")
    assert about(lines).startswith(f'<p class="about">A schedule, {expected}. Its rates ')


def test_the_version_of_a_file_is_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(b"x = 1\n")
    lines = body(verdict("a", "holds"), implementation=f"{path}:make")
    assert f"the file {path} with sha256 {hashlib.sha256(b'x = 1' + bytes([10])).hexdigest()[:16]}. Its" in about(lines)
    path.unlink()
    assert "of a file that cannot be read any more. Its" in about(body(verdict("a", "holds"), implementation=f"{path}:make"))
