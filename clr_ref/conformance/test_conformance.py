"""One test for each verdict: ``pytest --pyargs clr_ref.conformance --clr-impl package.module:make``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, NoReturn

import pytest

from clr_ref.conformance import exceptions, runner
from clr_ref.conformance.config import MAX_EXAMPLES, POLICY_NAMES, SEED
from clr_ref.conformance.domain import EVERYTHING, read_domain
from clr_ref.conformance.load import LoadError
from clr_ref.conformance.subject import Remote
from clr_ref.conformance.verdict import ClauseVerdict

_session = pytest.StashKey[runner.Session]()
_items = pytest.StashKey["list[runner.Item]"]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "item" in metafunc.fixturenames:
        items = _start(metafunc.config)
        metafunc.parametrize("item", items, ids=[item.id for item in items])


def test_conformance(item: runner.Item, pytestconfig: pytest.Config) -> None:
    _judge(pytestconfig.stash[_session].verdict(item))


def test_exceptions_file(pytestconfig: pytest.Config) -> None:
    """Every entry of the exceptions file names a check or case."""
    _start(pytestconfig)
    if wrong := [*pytestconfig.stash[_session].unmatched()]:
        pytest.fail("\n".join(map(_words, wrong)), pytrace=False)


def _start(config: pytest.Config) -> list[runner.Item]:
    """Returns what gets a verdict, for the implementation that pytest's options name; its process lives as long as pytest."""
    if _items in config.stash:
        return config.stash[_items]
    name, dtype, file = (config.getoption(option) for option in ("--clr-impl", "--clr-dtype", "--clr-exceptions"))
    if not name:
        _wrong_call("clr_ref.conformance needs --clr-impl package.module:make or path/to/file.py:make")
    try:
        known = exceptions.read(Path(file)) if file else ()
        domain = read_domain(Path(file)) if file else EVERYTHING
        subject = Remote(name).__enter__()
    except (LoadError, exceptions.ExceptionsError) as error:
        _wrong_call(str(error))
    config.add_cleanup(lambda: subject.__exit__(None, None, None))
    working = dtype or runner.precision(subject)
    if working not in ("float32", "float64"):
        _wrong_call(f"{name} returns {working}: choose --clr-dtype float32 or --clr-dtype float64 to compare its rates in")
    repeat = ["clr-ref", "conform", name, *(["--dtype", dtype] if dtype else []), *(["--exceptions", file] if file else [])]
    options = runner.Options(working, POLICY_NAMES, known, SEED, MAX_EXAMPLES, shlex.join(repeat), domain)
    config.stash[_session] = runner.Session(subject, options)
    config.stash[_items] = runner.items(options, subject.capabilities)
    return config.stash[_items]


def _wrong_call(words: str) -> NoReturn:
    # A UsageError would be shown as an error of this file, with its lines.
    pytest.exit(words, pytest.ExitCode.USAGE_ERROR)


def _words(verdict: ClauseVerdict) -> str:
    head = f"{verdict.policy} {verdict.clause} {verdict.name}".strip() + (f': "{verdict.quote}"' if verdict.quote else "")
    kind = "The rates do not fail here: the implementation does not check its inputs." if verdict.of_inputs else ""
    return "\n".join(filter(None, [head, kind, verdict.reason, str(verdict.finding or "")]))


def _judge(verdict: ClauseVerdict) -> Any:
    if verdict.status == "fails":
        pytest.fail(_words(verdict), pytrace=False)
    if verdict.status == "excused":
        pytest.xfail(verdict.reason)
    if verdict.status != "holds":
        pytest.skip(f"{verdict.status}: {verdict.reason}")
