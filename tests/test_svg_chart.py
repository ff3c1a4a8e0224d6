"""The small charts of reports and notebooks: any positive numbers have axes, with round ticks inside."""

import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relscale.report.svg_chart import HEIGHT, LETTER, TOP, Axes, tick_labels, ticks

positive = st.floats(-300, 300).map(lambda exponent: 10**exponent)
near = st.floats(-3, 3).map(lambda exponent: 10**exponent)


@pytest.mark.slow
@given(positive, st.one_of(positive, near), st.booleans())
@example(1e-300, 1e300, True)
def test_ticks_of_any_two_numbers_are_few_inside_the_axis_in_ascending_order_and_have_room(one, other, apart):
    axes = Axes.around([1e18, 1e20], [one, other if apart or other > 1e3 else one * other])
    values = ticks(axes.y)
    assert 3 <= len(values) <= 6
    assert values == sorted(set(values))
    assert axes.y[0] * (1 - 1e-6) <= values[0] <= values[-1] <= axes.y[1] * (1 + 1e-6)
    positions = [axes.position(1e19, value)[1] for value in values]
    assert all(TOP - 1 <= position <= HEIGHT for position in positions)
    assert "nan" not in axes.frame()
    labels = tick_labels(values)
    assert max(map(len, labels)) * LETTER < axes.left <= 80
    assert [float(label) for label in labels] == pytest.approx(values, rel=1e-9, abs=0)


@given(positive, st.floats(0.05, 0.999))
def test_ticks_within_a_decade_are_equidistant_at_multiples_of_1_2_or_5(low, decades):
    values = ticks((low, low * 10**decades))
    step = values[1] - values[0]
    assert all(math.isclose(b - a, step, rel_tol=1e-6) for a, b in itertools.pairwise(values))
    digits = f"{step:.6e}".split("e")[0].rstrip("0")
    assert digits in ("1.", "2.", "4.", "5.")  # every other multiple of 2 is one of 4
    assert all(math.isclose(value / step * 2, round(value / step * 2), rel_tol=1e-6) for value in values)


@given(st.floats(-290, 280), st.floats(1.01, 20))
def test_ticks_over_more_have_one_digit_and_are_not_crowded(exponent, decades):
    values = ticks((10**exponent, 10 ** (exponent + decades)))
    assert {f"{value:.9e}"[0] for value in values} <= {"1", "2", "3", "5"}
    assert all(f"{value:.9e}"[1:11] == ".000000000" for value in values)
    gaps = [math.log10(b / a) for a, b in itertools.pairwise(values)]
    assert max(gaps) < 2.1 * min(gaps)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ((0.5, 2.2), ["0.5", "1.0", "1.5", "2.0"]),
        ((0.008, 0.03), ["0.01", "0.02", "0.03"]),
        ((0.005, 0.02), ["0.005", "0.010", "0.015", "0.020"]),
        ((90, 140), ["100", "120", "140"]),
        ((150, 450), ["200", "300", "400"]),
        ((0.03, 2), ["0.05", "0.1", "0.2", "0.5", "1", "2"]),
        ((1e-6, 1.1), ["1e-6", "1e-4", "0.01", "1"]),
        ((1e20, 1e24), ["1e20", "1e21", "1e22", "1e23", "1e24"]),
        ((2e-28, 1.5), ["1e-27", "1e-22", "1e-17", "1e-12", "1e-7", "0.01"]),
    ],
)
def test_ticks_are_those_that_a_person_would_choose(y, expected):
    assert tick_labels(ticks(y)) == expected
