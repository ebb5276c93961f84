"""The package as such: what importing it costs and carries."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

import clr_ref


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_needs_numpy_alone() -> None:
    code = (
        "import sys, numpy; before = set(sys.modules)\n"
        "import clr_ref\n"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    assert run(code).strip() in ("['clr_ref']", "['clr_ref', 'numpy']")


def test_evaluating_needs_numpy_alone() -> None:
    """Without mpmath, click, rich and filelock: everything but an exact value that is too long for a Fraction."""
    code = (
        "import sys\n"
        "for name in ('mpmath', 'click', 'rich', 'filelock'): sys.modules[name] = None\n"
        "import clr_ref, numpy as np\n"
        "s = clr_ref.exp_range(1e-4, 1e-2, 2000, gamma=0.99994)\n"
        "print(s(10**6), s(np.array([10**9])), s.values(0, 3), s.exact(5))\n"
        "print(clr_ref.triangular2(0, 1, 1, dtype='float64')(10**9))"
    )
    assert run(code)


def test_public_names() -> None:
    for name in clr_ref.__all__:
        assert hasattr(clr_ref, name)
    assert metadata.version("clr-ref") == clr_ref.__version__
    assert (resources.files("clr_ref") / "py.typed").is_file()


def test_citation_and_changelog_are_of_this_version() -> None:
    root = Path(__file__).parents[1]
    assert f"\nversion: {clr_ref.__version__}\n" in (root / "CITATION.cff").read_text("utf-8")
    newest = re.search(r"^## \[(.*)\].*\n+(.*)$", (root / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest
    assert clr_ref.__version__ == newest[1] or newest.groups() == ("Unreleased", f"The next version is {clr_ref.__version__}.")


def test_public_functions_say_what_they_raise() -> None:
    for name in ("__call__", "values", "exact", "to_json", "from_json"):
        assert "Raises:" in (getattr(clr_ref.CyclicalLearningRate, name).__doc__ or ""), name
    for function in (clr_ref.tfa_arithmetic.evaluate, clr_ref.tfa_arithmetic.error_bound, clr_ref.register_scale_fn):
        assert "Raises:" in (function.__doc__ or "")
