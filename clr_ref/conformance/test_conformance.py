"""The kit as tests: ``pytest --pyargs clr_ref.conformance --clr-impl package.module:make``; one test per verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clr_ref.conformance import exceptions, runner
from clr_ref.conformance.config import MAX_EXAMPLES, POLICIES, SEED
from clr_ref.conformance.load import LoadError
from clr_ref.conformance.subject import Remote
from clr_ref.conformance.verdict import Verdict

_session = pytest.StashKey[runner.Session]()
_items = pytest.StashKey["list[runner.Item]"]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "item" in metafunc.fixturenames:
        items = _start(metafunc.config)
        metafunc.parametrize("item", items, ids=[item.id for item in items])


def test_conformance(item: runner.Item, pytestconfig: pytest.Config) -> None:
    _judge(pytestconfig.stash[_session].verdict(item))


def test_exceptions_file(pytestconfig: pytest.Config) -> None:
    """Every entry of the exceptions file speaks of something that was asked."""
    _start(pytestconfig)
    for verdict in pytestconfig.stash[_session].unmatched():
        _judge(verdict)


def _start(config: pytest.Config) -> list[runner.Item]:
    """What to ask the implementation that the options name, in a process that lives as long as pytest does."""
    if _items in config.stash:
        return config.stash[_items]
    name, dtype, file = (config.getoption(option) for option in ("--clr-impl", "--clr-dtype", "--clr-exceptions"))
    if not name:
        raise pytest.UsageError("clr_ref.conformance needs --clr-impl package.module:make or path/to/file.py:make")
    try:
        known = exceptions.read(Path(file)) if file else ()
        subject = Remote(name).__enter__()
    except (LoadError, exceptions.ExceptionsError) as error:
        raise pytest.UsageError(str(error)) from None
    config.add_cleanup(lambda: subject.__exit__(None, None, None))
    working = dtype or runner.precision(subject)
    if working not in ("float32", "float64"):
        raise pytest.UsageError(f"{name} answers {working}: say with --clr-dtype in which precision it is to be judged")
    repeat = f"clr-ref conform {name}" + (f" --dtype {dtype}" if dtype else "") + (f" --exceptions {file}" if file else "")
    plan = runner.Plan(working, POLICIES, known, SEED, MAX_EXAMPLES, repeat)
    config.stash[_session] = runner.Session(subject, plan)
    config.stash[_items] = runner.items(plan, subject.nature)
    return config.stash[_items]


def _judge(verdict: Verdict) -> Any:
    words = f'{verdict.policy} {verdict.clause} {verdict.name}: "{verdict.quote}"'
    if verdict.status == "fails":
        told = [words, verdict.reason, str(verdict.finding) if verdict.finding else ""]
        pytest.fail("\n".join(line for line in told if line), pytrace=False)
    if verdict.status == "excused":
        pytest.xfail(verdict.reason)
    if verdict.status != "holds":
        pytest.skip(f"{verdict.status}: {verdict.reason}")
