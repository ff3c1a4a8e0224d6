"""The chart layer: panels, labels, keys and numbers."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.figures import chart
from relscale.figures.chart import EndLabel, Key, Style
from relscale.figures.chart.labels import spread

heights = st.lists(st.floats(0, 300), min_size=1, max_size=40).map(sorted)


@given(heights)
def test_labels_at_line_ends_never_cover_each_other_where_there_is_room(wanted: list[float]) -> None:
    placed = spread(wanted, 16, (0, 300))
    step = min(16, 300 / max(len(wanted) - 1, 1))
    assert all(later - earlier >= step - 1e-6 for earlier, later in pairwise(placed))
    assert all(-1e-6 <= height <= 300 + 1e-6 for height in placed)


@given(st.lists(st.integers(0, 15), min_size=1, max_size=16, unique=True).map(sorted))
def test_labels_that_are_far_enough_apart_stay_where_they_are(places: list[int]) -> None:
    wanted = [20.0 * place for place in places]
    assert spread(wanted, 16, (0, 300)) == pytest.approx(wanted)


def test_two_labels_for_one_height_stand_on_either_side_of_it() -> None:
    assert spread([100, 100], 16, (0, 300)) == [92, 108]


@given(st.floats(1e-6, 1e6), st.floats(0.02, 8))
def test_a_log_axis_is_labelled_across_its_range(low: float, decades: float) -> None:
    axis = chart.log_axis([low, low * 10**decades], "t")
    first, last = axis["range"]
    places = [first, *(math.log10(tick) for tick in axis["tickvals"]), last]
    assert max(b - a for a, b in pairwise(places)) <= 0.42 * (last - first)


def a_panel() -> tuple[chart.Grid, chart.Panel]:
    panels = chart.grid("title", 1, 2, width=300, height=200)
    panel = panels.panel(0, 1)
    panel.axes(chart.compute_axis([1e18, 1e20], 300), chart.linear_axis([0, 1], "share"))
    return panels, panel


def test_pixels_are_counted_from_the_top_left_corner() -> None:
    _, panel = a_panel()
    low, high = panel.figure.layout.xaxis2.range
    assert panel.pixels(x=10**low) == pytest.approx(0)
    assert panel.pixels(x=10**high) == pytest.approx(300)
    low, high = panel.figure.layout.yaxis2.range
    assert panel.pixels(y=high) == pytest.approx(0)
    assert panel.pixels(y=low) == pytest.approx(200)
    assert panel.pixels(x=panel.beside(1e19, 25)) == pytest.approx(panel.pixels(x=1e19) + 25)


def test_marks_belong_to_their_panel_and_references_lie_under_them() -> None:
    panels, panel = a_panel()
    panel.points([1e19], [0.5], Style("#0072b2"), hover="%{y}")
    panel.reference_line(0.5)
    assert [trace.mode for trace in panels.figure.data] == ["lines", "markers"]
    assert {(trace.xaxis, trace.yaxis) for trace in panels.figure.data} == {("x2", "y2")}


def test_a_point_without_an_interval_has_no_bar() -> None:
    _, panel = a_panel()
    panel.points([1e18, 1e19], [0.5, 0.6], Style("#0072b2"), low=[0.4, None], high=[0.7, None])
    bars = panel.figure.data[0].error_y
    assert list(bars.array) == pytest.approx([0.2, 0])
    assert list(bars.arrayminus) == pytest.approx([0.1, 0])


def test_names_at_line_ends_are_joined_to_their_lines() -> None:
    _, panel = a_panel()
    panel.end_labels([EndLabel("upper", 0.51, Style("#0072b2")), EndLabel("lower", 0.5, Style("#d55e00"))])
    shapes = {shape.line.color: shape for shape in panel.figure.layout.shapes}
    notes = {note.text: note for note in panel.figure.layout.annotations}
    assert shapes["#0072b2"].y0 == pytest.approx(1 - panel.pixels(y=0.51) / 200)
    assert shapes["#0072b2"].y1 == notes["upper"].y > notes["lower"].y == shapes["#d55e00"].y1


def test_keys_and_notes_widen_the_figure_and_leave_the_panels() -> None:
    panels, _ = a_panel()
    layout = panels.figure.layout
    before = (layout.width - layout.margin.r, layout.height - layout.margin.b)
    panels.key([Key("a long name of a series", Style("#0072b2"))])
    panels.notes("a note", "", "another " * 60)
    assert (layout.width - layout.margin.r, layout.height - layout.margin.b) == before
    assert layout.legend.x > 1
    assert layout.annotations[-1].y < 0


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (482.01, 7, "482.01"),
        (1.0182740e-3, 7, "0.001018274"),
        (1.7445e9, 4, "1.744×10⁹"),
        (-2.4e-6, 3, "−2.4×10⁻⁶"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: float, digits: int, text: str) -> None:
    assert chart.significant(value, digits) == text


def test_an_estimate_has_its_interval_where_that_is_known() -> None:
    assert chart.estimate(-0.01, -0.015, 0.005, 3) == "−0.010 [−0.015, 0.005]"
    assert chart.estimate(0.5, None, 1.0, 2) == "0.50"
    assert chart.estimate(0.5, math.nan, 1.0, 2) == "0.50"
