"""The axes of pictures: their size, and their grid."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib", reason="pictures need clr-ref[plot]")

from matplotlib import pyplot

from clr_ref import _axes


def test_pictures_are_9_by_5_inches() -> None:
    file = _axes.for_file()
    assert (*file.figure.get_size_inches(), file.figure.dpi) == (9, 5, 110)
    known = pyplot.get_fignums()
    shown = _axes.for_display()
    try:
        assert tuple(shown.figure.get_size_inches()) == (9, 5)
        assert pyplot.get_fignums() == [*known, shown.figure.number]
    finally:
        pyplot.close(shown.figure)


def test_axes_have_labels_and_a_faint_grid() -> None:
    axes = _axes.for_file()
    _axes.label(axes, "step", "rate")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "rate")
    for line in (*axes.get_xgridlines(), *axes.get_ygridlines()):
        assert line.get_visible()
        assert line.get_alpha() == 0.3
