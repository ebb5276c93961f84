"""Where the shapes of a plot stand, and what they are."""

from __future__ import annotations

import pytest

from clr_ref.pages import svg


def test_the_frame_of_a_plot_leaves_room_for_the_labels() -> None:
    """The plot is 680 x 260; the labels of y stand in 88 at the left, those of x in 34 below."""
    frame = svg.Frame(10, 30, -2, 6)
    assert [frame.x(value) for value in (10, 15, 30)] == [88, 225, 636]
    assert [frame.y(value) for value in (-2, 0, 6)] == [226, 173, 14]
    assert (frame.left, frame.right, frame.low, frame.high) == (10, 30, -2, 6)


def test_a_place_is_rounded_to_a_tenth() -> None:
    frame = svg.Frame(0, 3, 0, 3)
    assert (frame.x(1), frame.y(1)) == (270.7, 155.3)


def test_a_frame_may_span_all_of_float64() -> None:
    assert svg.Frame(0, 1, -1.7e308, 1.7e308).y(0) == 120


def test_each_tick_is_a_line_across_the_plot_with_a_label_beside_it() -> None:
    assert svg.Frame(10, 30, -2, 6).axes([(15, "<x>")], [(0, "y")]) == (
        '<line class="grid" x1="225.0" x2="225.0" y1="14" y2="226"></line>'
        '<text x="225.0" y="246" text-anchor="middle">&lt;x&gt;</text>'
        '<line class="grid" x1="88" x2="636" y1="173.0" y2="173.0"></line>'
        '<text x="80" y="177.0" text-anchor="end">y</text>'
    )


def test_a_path_is_broken_where_there_is_no_number() -> None:
    frame = svg.Frame(0, 548, 0, 212)
    assert frame.path([(0, None), (1, 0), (2, 12), (3, None), (4, 212), (5, None)], "own") == (
        '<polyline class="line own" points="89.0,226.0 90.0,214.0"></polyline>'
        '<polyline class="line own" points="92.0,14.0"></polyline>'
    )
    assert frame.path([], "own") == ""


def test_a_dot_is_a_small_circle_unless_said_otherwise() -> None:
    frame = svg.Frame(0, 548, 0, 212)
    assert frame.dot(10, 20) == '<circle class="dot" cx="98.0" cy="206.0" r="2"></circle>'
    assert frame.dot(10, 20, "wrong", 7) == '<circle class="wrong" cx="98.0" cy="206.0" r="7"></circle>'


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (274, '<text x="368.0" y="26" text-anchor="start">here</text>'),  # in the middle
        (275, '<text x="357.0" y="26" text-anchor="end">here</text>'),
    ],
)
def test_the_words_at_an_upright_line_stand_on_its_wider_side(x: float, words: str) -> None:
    at = 88.0 + x
    line = f'<line class="mark" x1="{at}" x2="{at}" y1="14" y2="226"></line>'
    assert svg.Frame(0, 548, 0, 1).upright(x, "here", "mark") == line + words


def test_a_plot_scrolls_in_its_own_box_and_can_be_read_aloud() -> None:
    assert svg.plot([svg.Frame(0, 1, 0, 1).dot(0, 0)], "What <it> shows") == (
        '<div class="picture" tabindex="0"><svg viewBox="0 0 680 260" role="img" aria-label="What &lt;it&gt; shows">'
        '<circle class="dot" cx="88.0" cy="226.0" r="2"></circle></svg></div>'
        '<p class="quote">What &lt;it&gt; shows</p>'
    )
