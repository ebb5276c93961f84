"""The conformance kit compares any implementation with docs/SPEC.md.

It reports whether the implementation is a cyclical learning rate, at which step it first goes wrong, and how accurate it is.
``check(make)``, ``clr-ref conform package.module:make`` and ``pytest --pyargs clr_ref.conformance --clr-impl
package.module:make`` run the same checks. docs/CONFORMANCE.md is the manual; ``protocol`` says what an implementation has to
offer. On Python 3.10, an exceptions file needs clr-ref[conformance].
"""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clr_ref._inputs import shown
from clr_ref.conformance.config import MAX_EXAMPLES, POLICY_NAMES, SEED

if TYPE_CHECKING:
    from clr_ref.conformance.protocol import Make
    from clr_ref.conformance.subject import Subject
    from clr_ref.conformance.verdict import ConformanceReport

__all__ = ["check"]


def __dir__() -> list[str]:
    return __all__


def check(
    make: Make | str,
    *,
    dtype: str | None = None,
    policies: Sequence[str] = POLICY_NAMES,
    exceptions: str | os.PathLike[str] | None = None,
    seed: int = SEED,
    max_examples: int = MAX_EXAMPLES,
) -> ConformanceReport:
    """Compare an implementation with the specification, and return the report.

    A function runs in this process, so it can be one of a notebook or script. If one of its rates never returns, ``check`` does
    not return either, and if it crashes Python, this process ends. A name runs in a process of its own, as on the command line:
    there a crash fails one check, and the others go on. After a hang, its policy is not judged any further.

    Args:
        make: the function ``make(policy, *, initial_learning_rate, maximal_learning_rate, step_size, gamma=1.0)``, which
            returns a schedule or a scheduler (docs/CONFORMANCE.md); or its name, ``"package.module:make"`` or
            ``"path/to/file.py:make"``. With an argument ``step_size_down=None``, asymmetric cycles are tried too;
            with ``base_momentum=None`` and ``max_momentum=None``, the momentum of a scheduler.
        dtype: ``"float32"`` or ``"float64"``, in which the rates are compared. Default: the dtype of the rates.
        policies: which of ``"triangular"``, ``"triangular2"`` and ``"exp_range"`` are tested.
        exceptions: a TOML file with known deviations, and the domain of the implementation.
        seed: seed of the random test inputs.
        max_examples: random inputs for each check.

    Returns:
        The report: ``holds`` says whether the implementation conforms. Its text has a line for each policy; a notebook shows it
        as a page.

    Raises:
        TypeError: make is neither a name nor a function that takes these arguments.
        ValueError: a name that leads to no function; a bad exceptions file; another argument outside its range.

    Examples:
        >>> import clr_ref
        >>> def make(policy, **arguments): return getattr(clr_ref, policy)(**arguments)
        >>> clr_ref.conformance.check(make, policies=["triangular"], max_examples=5)
        make conforms: a schedule, compared in float32
          triangular: holds, 39 of 39 checks and cases hold; correctly rounded
    """
    if dtype not in (None, "float32", "float64"):
        raise ValueError(f"dtype must be 'float32', 'float64' or None, got {shown(dtype)}")
    chosen = tuple(dict.fromkeys(policies))
    if isinstance(policies, str) or not chosen or not set(chosen) <= set(POLICY_NAMES):
        raise ValueError(f"policies must be some of {', '.join(POLICY_NAMES)}, got {shown(policies)}")
    for argument, value, lowest in (("seed", seed, 0), ("max_examples", max_examples, 1)):
        if type(value) is not int or value < lowest:
            raise ValueError(f"{argument} must be a whole number >= {lowest}, got {shown(value)}")
    if isinstance(make, str):
        name, written = make, repr(make)
    else:
        _check_function(make)
        name = written = getattr(make, "__qualname__", type(make).__name__)
    from clr_ref.conformance import runner
    from clr_ref.conformance.domain import EVERYTHING, read_domain
    from clr_ref.conformance.exceptions import read
    from clr_ref.conformance.subject import Local, Remote

    known = read(Path(exceptions)) if exceptions is not None else ()
    domain = read_domain(Path(exceptions)) if exceptions is not None else EVERYTHING
    with contextlib.ExitStack() as stack:
        subject: Subject = stack.enter_context(Remote(make, chosen)) if isinstance(make, str) else Local(make, chosen)
        working = dtype or runner.precision(subject, chosen)
        if working not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', since the rates are {working}, got None")

        def repeat(policy: str) -> str:
            more = f"dtype={working!r}, policies=[{policy!r}], seed={seed}, max_examples={max_examples}"
            more += f", exceptions={os.fspath(exceptions)!r}" if exceptions is not None else ""
            return f"clr_ref.conformance.check({written}, {more})"

        options = runner.Options(working, chosen, known, seed, max_examples, repeat, domain)
        return runner.make_report(name, subject, options, runner.run_checks(subject, options))


def _check_function(make: Make) -> None:
    """Raise a TypeError unless ``make`` can be called as the kit calls it."""
    arguments = "policy, *, initial_learning_rate, maximal_learning_rate, step_size, gamma=1.0"
    accepted = f"make must be a name, or a function make({arguments})"
    if not callable(make):
        raise TypeError(f"{accepted}, got {shown(make)} of type {type(make).__name__}")
    with contextlib.suppress(ValueError):  # some functions in C have no signature
        try:
            inspect.signature(make).bind("triangular", initial_learning_rate=0.0, maximal_learning_rate=1.0, step_size=4)
        except TypeError as error:
            raise TypeError(f"{accepted}, got {shown(make)}: {error}") from None
