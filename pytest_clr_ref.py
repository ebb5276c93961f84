"""The options of ``pytest --pyargs clr_ref.conformance``.

pytest loads this module in every environment that has clr_ref. It imports nothing, not even clr_ref, which would import NumPy.
"""

from __future__ import annotations

from typing import Any


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("clr_ref", "conformance of cyclical learning rates (clr_ref)")
    group.addoption("--clr-impl", metavar="IMPL", help="the implementation: package.module:make or path/to/file.py:make")
    group.addoption(
        "--clr-dtype", choices=("float32", "float64"), help="compare its rates in this precision; default: that of its rates"
    )
    group.addoption("--clr-exceptions", metavar="FILE", help="a TOML file with its known deviations")
