"""Where the code is changed: which files, which places in them, and which of their mutants."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cosmic_ray.work_item import MutationSpec, WorkItem


class Group(NamedTuple):
    """Files below ``clr_ref`` that are mutated together, files among them that are not, and the tests that run for them."""

    files: str
    without: str
    tests: str


GROUPS = {
    "numpy": Group(
        "_*.py compare.py functions.py parameters.py schedule.py steps.py verify.py policies exact fast compositions "
        "tfa golden conformance migrate pages cli",
        # The recorder needs TFA, a peer its library; the other commands run what is mutated in the other group.
        "golden/record*.py conformance/peers conformance/test_conformance.py cli/bench.py cli/range_test.py cli/study.py "
        "cli/trace.py cli/tutorial.py",
        # tests/test_mutation.py reads the lines of equivalent mutants: it would fail for each mutant of such a line.
        "tests --ignore=tests/test_mutation.py --ignore=tests/site --ignore=tests/bench --ignore=tests/keras "
        "--ignore=tests/training --ignore=tests/range_test",
    ),
    "keras": Group(
        "keras keras_2.py tensors training range_test study trace",
        # How a picture looks is judged by eye, as for plot.py, which is in no group.
        "training/tutorial range_test/picture.py study/picture.py",
        "tests/test_architecture.py tests/keras tests/tensors tests/training tests/range_test tests/study tests/trace",
    ),
}
#: ``is`` for ``==``: which equal numbers are one object is the affair of Python.
_IDENTITY = ("_Is", "_IsNot")


class Span(NamedTuple):
    """A part of a file; lines count from 1, columns from 0, and ``end`` is outside."""

    start: tuple[int, int]
    end: tuple[int, int]

    def holds(self, position: tuple[int, int]) -> bool:
        return self.start <= position < self.end


def sources(group: str, package: Path) -> list[Path]:
    """The files of a group."""

    def expanded(patterns: str) -> Iterator[Path]:
        for pattern in patterns.split():
            for path in sorted(package.glob(pattern)):
                yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]

    without = set(expanded(GROUPS[group].without))
    return [path for path in expanded(GROUPS[group].files) if path not in without]


def sample(items: Iterable[WorkItem], seed: int, size: int | None) -> list[WorkItem]:
    """One mutant of each of ``size`` random places; every mutant if ``size`` is None.

    An operator has ten mutants and a number has two, so a sample of mutants would be a sample of operators.
    """
    places: dict[tuple[str, tuple[int, int]], list[WorkItem]] = {}
    for item in items:
        one = mutation(item)
        if not one.operator_name.endswith(_IDENTITY) and not any(span.holds(one.start_pos) for span in _text(one.module_path)):
            places.setdefault((str(one.module_path), one.start_pos), []).append(item)
    if size is None:
        return [item for place in places.values() for item in place]
    chance = random.Random(seed)
    chosen = chance.sample(sorted(places), min(size, len(places)))
    return [chance.choice(sorted(places[place], key=lambda item: mutation(item).operator_name)) for place in chosen]


def mutation(item: WorkItem) -> MutationSpec:
    """The one change of a work item."""
    (one,) = item.mutations
    return one


def statement(path: Path, position: tuple[int, int]) -> Span | None:
    """The innermost statement that holds a position; None outside functions, where an import runs it."""
    return next((span for span in reversed(_statements(path)) if span.holds(position)), None)


@cache
def _text(path: Path) -> list[Span]:
    """Where a change changes no result.

    Annotations, which ``from __future__ import annotations`` keeps as text; what only types need; caches of functions; that zip
    is strict, which notices a fault elsewhere.
    """
    spans = []
    for node in _nodes(path):
        spans += [_span(part) for name in ("annotation", "returns") if (part := getattr(node, name, None)) is not None]
        caches = [part for part in getattr(node, "decorator_list", []) if "cache" in ast.unparse(part)]
        spans += [Span((part.lineno, 0), _span(part).end) for part in caches]  # from the @
        if isinstance(node, ast.keyword) and node.arg == "strict":
            spans.append(_span(node))
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            spans.append(_span(node))
    return spans


@cache
def _statements(path: Path) -> list[Span]:
    """The statements inside the functions of a file, the innermost last."""
    functions = [node for node in _nodes(path) if isinstance(node, ast.FunctionDef)]
    inside = [node for function in functions for part in function.body for node in ast.walk(part)]
    spans = {_header(node) for node in inside if isinstance(node, (ast.stmt, ast.excepthandler))}
    return sorted(spans, key=lambda span: (span.start, -span.end[0], -span.end[1]))


def _header(node: ast.AST) -> Span:
    """A statement; if it holds others, the lines before them."""
    span, body = _span(node), getattr(node, "body", None)
    if not body or body[0].lineno == span.start[0]:
        return span
    first = min(part.lineno for part in [body[0], *getattr(body[0], "decorator_list", [])])
    return Span(span.start, (first, 0))


def _nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


def _span(node: ast.AST) -> Span:
    # ast counts the columns of a line in bytes, Cosmic Ray in characters. They differ only after a character that is not ASCII.
    return Span((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))  # type: ignore[attr-defined]
