"""The chart layer: panels, labels, keys and numbers."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.figures import chart
from relscale.figures.as_text import as_text, visible_text
from relscale.figures.chart import EndLabel, Key, Style
from relscale.figures.chart.end_labels import spread_labels
from relscale.figures.chart.numbers import significant
from relscale.figures.chart.style import SIZE
from relscale.figures.chart.table import TableLine, table
from relscale.figures.chart.text import text_width, wrap
from relscale.figures.suite import Suite

heights = st.lists(st.floats(0, 300), min_size=1, max_size=40).map(sorted)


@given(heights)
def test_labels_at_line_ends_never_cover_each_other_where_there_is_room(wanted: list[float]) -> None:
    placed = spread_labels(wanted, 16, (0, 300))
    step = min(16, 300 / max(len(wanted) - 1, 1))
    assert all(later - earlier >= step - 1e-6 for earlier, later in pairwise(placed))
    assert all(-1e-6 <= height <= 300 + 1e-6 for height in placed)


@pytest.mark.slow
@given(st.lists(st.integers(0, 15), min_size=1, max_size=16, unique=True).map(sorted))
def test_labels_that_are_far_enough_apart_stay_where_they_are(places: list[int]) -> None:
    wanted = [20.0 * place for place in places]
    assert spread_labels(wanted, 16, (0, 300)) == pytest.approx(wanted)


def test_two_labels_for_one_height_stand_on_either_side_of_it() -> None:
    assert spread_labels([100, 100], 16, (0, 300)) == [92, 108]


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


@pytest.mark.parametrize(
    ("values", "label"),
    [([2.5, 5.0], "3"), ([0.01, 30.0], "0.1"), ([1e9, 1e12], "10¹⁰"), ([20.0, 3e5], "10³")],
)
def test_only_large_numbers_are_powers_of_ten_on_an_axis_of_sizes(values: list[float], label: str) -> None:
    texts = chart.size_axis(values, "size")["ticktext"]
    assert label in texts
    assert all(("10" in text and text[-1] in "⁰¹²³⁴⁵⁶⁷⁸⁹") == (max(values) >= 1e5) for text in texts)


def test_an_axis_has_no_ticks_where_intervals_are_side_by_side() -> None:
    axis = chart.compute_axis([1e18, 5e19], 400, aside=100)
    low, high = axis["range"]
    data_end = low + 0.75 * (high - low)
    ticks = [*axis["tickvals"], *axis["minor"]["tickvals"]]
    assert math.log10(5e19) < data_end
    assert math.log10(max(ticks)) <= data_end
    assert {2e18, 9e18, 4e19} < set(axis["minor"]["tickvals"])


def test_pixels_are_counted_from_the_top_left_corner() -> None:
    _, panel = a_panel()
    low, high = panel.drawing.figure.layout.xaxis2.range
    assert panel.x_pixels(10**low) == pytest.approx(0)
    assert panel.x_pixels(10**high) == pytest.approx(300)
    low, high = panel.drawing.figure.layout.yaxis2.range
    assert panel.y_pixels(high) == pytest.approx(0)
    assert panel.y_pixels(low) == pytest.approx(200)
    assert panel.x_pixels(panel.shifted_x(1e19, 25)) == pytest.approx(panel.x_pixels(1e19) + 25)


def test_marks_belong_to_their_panel_and_references_lie_under_them() -> None:
    panels, panel = a_panel()
    panel.points([1e19], [0.5], Style("#0072b2"), hover="%{y}")
    panel.reference_line(0.5)
    assert [trace.mode for trace in panels.figure.data] == ["lines", "markers"]
    assert {(trace.xaxis, trace.yaxis) for trace in panels.figure.data} == {("x2", "y2")}


def test_a_point_without_an_interval_has_no_bar() -> None:
    _, panel = a_panel()
    panel.points([1e18, 1e19], [0.5, 0.6], Style("#0072b2"), low=[0.4, None], high=[0.7, None])
    bars = panel.drawing.figure.data[0].error_y
    assert list(bars.array) == pytest.approx([0.2, 0])
    assert list(bars.arrayminus) == pytest.approx([0.1, 0])


def test_names_at_line_ends_are_joined_to_their_lines() -> None:
    panels, panel = a_panel()
    chart.end_labels(
        panel, [EndLabel("upper", 0.51, Style("#0072b2")), EndLabel("lower", 0.5, Style("#d55e00"))]
    )
    shapes = {shape.line.color: shape for shape in panels.figure.layout.shapes}
    notes = {note.text: note for note in panels.figure.layout.annotations}
    assert shapes["#0072b2"].y0 == pytest.approx(1 - panel.y_pixels(0.51) / 200)
    assert shapes["#0072b2"].y1 == notes["upper"].y > notes["lower"].y == shapes["#d55e00"].y1


def test_keys_and_notes_widen_the_figure_and_leave_the_panels() -> None:
    bare, _ = a_panel()
    panels, _ = a_panel()
    panels.key([Key("a long name of a series", Style("#0072b2"))])
    panels.notes("a note", "", "another " * 60)
    before, after = bare.figure.layout, panels.figure.layout
    assert after.margin.r > before.margin.r
    assert after.margin.b > before.margin.b
    assert after.height - after.margin.b == before.height - before.margin.b
    assert after.meta["width"] - after.margin.r == before.meta["width"] - before.margin.r


def test_panels_stand_below_each_other_where_a_page_is_narrow_and_each_keeps_its_height() -> None:
    panels = chart.grid("title", 2, 3, width=300, height=[200, 100])
    for panel in panels:
        panel.axes(chart.compute_axis([1e18, 1e20], 300), chart.linear_axis([0, 1], "share"))
    panels.share_titles()
    natural, wide, *_, narrow = panels.figure.layout.meta["arrangements"]
    assert wide["from"] < natural["from"] == panels.figure.layout.meta["width"]
    plot = sum(
        narrow["layout"][name] * sign for name, sign in (("height", 1), ("margin.t", -1), ("margin.b", -1))
    )
    ends = [narrow["layout"][f"yaxis{i or ''}.domain"] for i in (0, 4, 2, 5, 3, 6)]  # column by column
    heights = [(high - low) * plot for low, high in ends]
    assert heights == pytest.approx([200, 100] * 3)
    assert all(above[0] > below[1] for above, below in pairwise(ends))
    shown = [narrow["layout"][f"xaxis{i or ''}.title.text"] is not None for i in (0, 4, 2, 5, 3, 6)]
    assert shown == [False, True] * 3


def test_notes_extend_over_the_width_of_their_figure() -> None:
    for width in (300, 900):
        panels = chart.grid("title", 1, 1, width=width)
        panels.panel(0, 0).axes(chart.compute_axis([1e18, 1e20], width), chart.linear_axis([0, 1], "share"))
        panels.notes("word " * 200)
        page = panels.figure.layout.meta["width"]
        longest = max(
            text_width(line, SIZE - 2) for line in panels.figure.layout.annotations[0].text.split("<br>")
        )
        assert page - 80 < longest < page


def test_labels_are_shared_only_by_axes_with_the_same_labels_at_equal_heights() -> None:
    panels = chart.grid("title", 1, 3)
    for column, values in enumerate(([0.001, 0.0095], [0.0001, 0.0105], [0.0001, 0.0105])):
        panels.panel(0, column).axes(
            chart.compute_axis([1e18, 1e20]), chart.linear_axis(values, "Δβ", zero=True)
        )
    panels.share_names()
    layout = panels.figure.layout
    assert layout.yaxis.ticktext == layout.yaxis2.ticktext == layout.yaxis3.ticktext
    assert [axis.showticklabels for axis in (layout.yaxis, layout.yaxis2, layout.yaxis3)] == [
        None,
        None,
        False,
    ]


def test_rows_of_a_block_are_close_and_blocks_have_room_for_headings() -> None:
    panels = chart.grid("title", 6, 1, height=[200, 50] * 3, gap_y=10, blocks=3)
    for panel in panels:
        panel.axes(chart.compute_axis([1e18, 1e20]), chart.linear_axis([0, 1], "share"))
    layout = panels.figure.layout
    plot = layout.height - layout.margin.t - layout.margin.b
    ends = [layout[f"yaxis{number or ''}"].domain for number in (0, *range(2, 7))]
    gaps = [(above[0] - below[1]) * plot for above, below in pairwise(ends)]
    assert gaps[::2] == pytest.approx([10] * 3)
    assert min(gaps[1::2]) > 60
    assert [(high - low) * plot for low, high in ends] == pytest.approx([200, 50] * 3)


def test_a_key_stands_in_for_names_at_line_ends_where_there_is_no_room_for_them() -> None:
    panels, panel = a_panel()
    chart.end_labels(panel, [EndLabel("upper", 0.51, Style("#0072b2"))])
    panels.key([Key("upper", Style("#0072b2"))], end_labels_width=60)
    for arrangement in panels.figure.layout.meta["arrangements"]:
        layout = arrangement["layout"]
        assert layout["annotations[0].visible"] is layout["shapes[0].visible"] is not layout["showlegend"]
    assert layout["showlegend"]


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
    assert significant(value, digits) == text


def test_an_estimate_has_two_digits_of_its_interval_and_one_minus_sign() -> None:
    assert chart.estimate(-0.0146, -0.0283905, -0.000831125) == "−0.015 [−0.028, −0.001]"
    assert chart.estimate(0.0490, 0.0472, 0.0508) == "0.0490 [0.0472, 0.0508]"
    assert chart.estimate(478.2, 281.5, 716.4) == "478 [282, 716]"
    assert chart.estimate(2e10, 1.5e10, 3.1e10) == "2×10¹⁰ [1.5×10¹⁰, 3.1×10¹⁰]"
    assert chart.estimate(0.5, 0.5, 0.5) == "0.5 [0.5, 0.5]"
    assert chart.estimate(-0.0002, -0.011, 0.010) == "0.000 [−0.011, 0.010]"
    assert chart.estimate(-0.5, None, 1.0) == "−0.5"
    assert chart.estimate(0.5, math.nan, 1.0) == "0.5"


def test_what_is_pointed_at_is_in_the_same_numbers() -> None:
    panels, panel = a_panel()
    panel.points(
        [2e11], [-0.01464], Style("#0072b2"), hover="%{x} FLOPs: %{y}, %{customdata}", details=["here"]
    )
    (trace,) = panels.figure.data
    text = trace.hovertemplate.removesuffix("<extra></extra>")
    for i, value in enumerate(trace.customdata[0]):
        text = text.replace(f"%{{customdata[{i}]}}", value)
    assert text == "2×10¹¹ FLOPs: −0.01464, here"


@pytest.mark.slow
@given(
    st.lists(st.text("ab_-/.,:", min_size=1, max_size=60), max_size=8),
    st.integers(10, 400),
    st.integers(8, 14),
)
def test_wrapped_text_fits_its_width_and_loses_no_letter(words, width, size):
    lines = wrap(" ".join(words), width, size)
    assert "".join(lines).replace(" ", "") == "".join(words)
    assert all(text_width(line, size) <= max(width, text_width("a", size)) for line in lines)


@pytest.mark.slow
@given(st.text(st.characters(categories=["L", "P", "S"]), min_size=1, max_size=300))
def test_titles_and_headings_are_not_far_longer_than_their_panel_and_begin_as_given(title: str) -> None:
    panels = chart.grid("title", 1, 1, width=300, height=200)
    panel = panels.panel(0, 0)
    escaped = as_text(title)
    panel.axes(chart.compute_axis([1e18, 1e20], 300), chart.linear_axis([0, 1], escaped))
    panel.heading(escaped)
    assert text_width(panels.figure.layout.annotations[-1].text) <= 1.25 * 300
    shown = panel.y_axis.title.text
    assert text_width(shown) <= 1.4 * 200
    assert shown == escaped or title.startswith(visible_text(shown).removesuffix("…"))


def test_a_table_has_axes_without_titles() -> None:
    """Also outside the slow tests, which draw the figure of reproduced numbers."""
    panels = table("title", [("data", 100), ("quantity", 100)], [TableLine(["chinchilla", "alpha"])])
    assert panels.figure.layout.yaxis.title.text is None


@pytest.mark.parametrize(
    ("baseline", "title"),
    [
        ("United States", "error relative to United States (ratio)"),
        ("high school mathematics and statistics", "error relative to the baseline (ratio)"),
    ],
)
def test_a_long_name_of_the_baseline_is_not_in_the_title_of_an_axis(baseline: str, title: str) -> None:
    suite = Suite("s", "S", {"b": as_text(baseline)}, "b", "accuracy", None, None)
    assert suite.ratio_title == title


@pytest.mark.parametrize(("panels", "columns"), [(3, [3, 2, 1]), (4, [4, 2, 1]), (6, [6, 3, 2, 1])])
def test_rows_of_a_narrow_page_have_about_equally_many_panels(panels: int, columns: list[int]) -> None:
    """Of four panels two and two, not three and one."""
    grid = chart.grid("title", 1, panels)
    for panel in grid:
        panel.axes(chart.compute_axis([1e18, 1e20]), chart.linear_axis([0, 1], "share"))
    found = [
        len({tuple(arrangement["layout"][f"xaxis{n or ''}.domain"]) for n in (0, *range(2, panels + 1))})
        for arrangement in grid.figure.layout.meta["arrangements"]
    ]
    assert list(dict.fromkeys(found)) == columns
