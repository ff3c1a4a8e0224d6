"""The small charts of reports and notebooks: any positive numbers have axes, with ticks inside."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.report.svg_chart import HEIGHT, TOP, Axes, tick_labels, ticks

positive = st.floats(-300, 300).map(lambda exponent: 10**exponent)


@given(positive, positive)
def test_ticks_of_any_two_numbers_are_few_and_inside_in_ascending_order(one, other):
    axes = Axes.around([1e18, 1e20], [one, other])
    values = ticks(axes.y)
    assert 2 <= len(values) <= 6
    assert values == sorted(set(values))
    assert axes.y[0] * (1 - 1e-6) <= values[0] <= values[-1] <= axes.y[1] * (1 + 1e-6)
    positions = [axes.position(1e19, value)[1] for value in values]
    assert all(TOP - 1 <= position <= HEIGHT for position in positions)
    assert "nan" not in axes.frame(values)


@given(positive, st.floats(0.01, 600))
def test_labels_of_ticks_are_short_and_differ(low, decades):
    values = ticks((low, min(low * 10 ** min(decades, 300), 1e300)))
    labels = tick_labels(values)
    assert all(len(label) <= 9 for label in labels)
    if max(values) / min(values) > 1.1:
        assert len(set(labels)) == len(values)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ((0.5, 2.2), ["0.5", "1.0", "1.5", "2.0"]),
        ((2e-28, 1.5), ["1e-27", "1e-22", "1e-17", "1e-12", "1e-07", "0.01"]),
    ],
)
def test_ticks_are_equidistant_near_one_and_powers_of_ten_over_many(y, expected):
    assert tick_labels(ticks(y)) == expected
    assert all(
        math.isclose(float(label), value, rel_tol=1e-3)
        for label, value in zip(expected, ticks(y), strict=True)
    )
