"""The options of ``pytest --pyargs clr_ref.conformance``.

pytest loads this in every project beside which clr_ref is installed. So it is a module of its own, which imports nothing: not
even clr_ref, which would import NumPy.
"""

from __future__ import annotations

from typing import Any


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("clr_ref", "conformance of cyclical learning rates (clr_ref)")
    group.addoption("--clr-impl", metavar="IMPL", help="package.module:make or path/to/file.py:make, for clr_ref.conformance")
    group.addoption("--clr-dtype", choices=("float32", "float64"), help="judge its answers in this precision")
    group.addoption("--clr-exceptions", metavar="FILE", help="its known deviations, in TOML")
