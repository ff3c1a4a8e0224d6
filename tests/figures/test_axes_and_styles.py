"""Axes, ticks and styles."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.figures import chart

positive = st.floats(1e-6, 1e30)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e11, "10¹¹"), (3e11, "3×10¹¹"), (1.5e-7, "1.5×10⁻⁷"), (1e0, "10⁰"), (2.5e20, "2.5×10²⁰")],
)
def test_powers_of_ten_are_written_as_such(value: float, text: str) -> None:
    assert chart.power_of_ten(value) == text


def test_the_compute_axis_is_logarithmic_and_counts_flops() -> None:
    axis = chart.compute_axis([1e11, 3e12])
    assert axis["type"] == "log"
    assert "FLOPs" in axis["title"]["text"]
    assert axis["ticktext"] == ["10¹¹", "3×10¹¹", "10¹²", "3×10¹²"]


@pytest.mark.slow
@given(st.lists(positive, min_size=1, max_size=8), st.sampled_from([240, 330]))
def test_a_log_axis_shows_all_its_values_and_some_ticks(values: list[float], width: int) -> None:
    for axis in (chart.log_axis(values, "t"), chart.power_axis(values, "t", width)):
        low, high = axis["range"]
        assert all(low < math.log10(value) < high for value in values)
        assert 1 <= len(axis["tickvals"]) <= 8
        assert all(low - 1e-9 <= math.log10(tick) <= high + 1e-9 for tick in axis["tickvals"])
        assert len(set(axis["ticktext"])) == len(axis["ticktext"])
        assert len({text[-1] in "⁰¹²³⁴⁵⁶⁷⁸⁹" for text in axis["ticktext"]}) == 1  # all powers of ten, or none


@pytest.mark.slow
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_a_linear_axis_shows_all_its_values_and_zero_where_asked(values: list[float]) -> None:
    low, high = chart.linear_axis(values, "t", zero=True)["range"]
    assert low < min(0, *values)
    assert high > max(0, *values)


def test_axes_without_values_are_axes_without_ticks() -> None:
    for axis in (chart.log_axis([], "t"), chart.linear_axis([None, math.nan], "t", zero=True)):
        assert axis["range"][0] < axis["range"][1]
        assert axis["tickvals"] == axis["ticktext"] == []


def test_where_values_are_all_alike_the_only_tick_is_theirs() -> None:
    assert chart.linear_axis([0.25, 0.25], "t")["ticktext"] == ["0.25"]


@given(st.integers(1, 60))
def test_no_two_groups_share_symbol_and_dash(number: int) -> None:
    names = [str(i) for i in range(number)]
    for styles in (chart.styles(names), chart.ordered_styles(names)):
        assert len({(style.symbol, style.dash) for style in styles.values()}) == number


def test_the_baseline_comes_first_in_solid_black_wherever_it_is_listed() -> None:
    styles = chart.styles(["a", "b", "c"], "c")
    assert (styles["c"].colour, styles["c"].dash) == ("#000000", "solid")
    assert list(styles) == ["c", "a", "b"]


@given(st.integers(2, 12))
def test_sequential_colours_grow_lighter_so_that_grey_keeps_their_order(number: int) -> None:
    def light(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lights = [light(style.colour) for style in chart.ordered_styles(list(range(number))).values()]
    assert lights == sorted(lights)
    assert lights[-1] < 160, "still visible on white"


def test_tags_take_no_width_and_a_less_than_sign_does() -> None:
    assert chart.text_width("<b>G</b>") == chart.text_width("G")
    assert chart.text_width("G < 0 and then more") > chart.text_width("G and then more")


def test_within_a_decade_labels_stand_in_both_halves_of_an_axis() -> None:
    ticks = chart.log_ticks(0.52, 2.6)
    assert min(ticks) < 0.8
    assert max(ticks) > 1.7
    assert chart.log_ticks(0.39, 1.05) == [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
