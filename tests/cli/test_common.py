"""What all commands share: missing extras, tables, and output that cannot be written."""

from __future__ import annotations

import contextlib
import sys

import click
import pytest

from clr_ref.cli import common
from tests.cli.calls import BOUNDS, call


def test_plotting_without_matplotlib_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = call("plot", "triangular", *BOUNDS, "--out", "x.png")
    assert result.exit_code == 2
    assert 'this command needs clr-ref[plot]: pip install "clr-ref[plot]"' in result.output


@pytest.mark.parametrize(
    ("absent", "words"),
    [
        (["matplotlib"], 'needs clr-ref[plot]: pip install "clr-ref[plot]"'),
        (["matplotlib", "pooch"], 'needs clr-ref[plot,training]: pip install "clr-ref[plot,training]"'),
        (
            ["matplotlib", "pooch", "tensorflow", "keras"],
            'needs clr-ref[plot,training] and TensorFlow: pip install "clr-ref[plot,training]" tensorflow',
        ),
        (["tensorflow", "keras"], "needs TensorFlow: pip install tensorflow"),
        (["tensorflow"], None),
        ([], None),
    ],
)
def test_everything_that_is_missing_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, absent: list[str], words: str | None
) -> None:
    monkeypatch.setattr(common, "_is_installed", lambda name: name not in absent)
    with pytest.raises(click.UsageError) if words else contextlib.nullcontext() as raised:
        common.require_extras("plot", "training", framework=True)
    assert words is None or str(raised.value) == f"this command {words}"
