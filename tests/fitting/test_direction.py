import math

from hypothesis import given
from hypothesis import strategies as st

from relscale.fitting.inference.direction import direction


def around(value: float, width: float = 0.01) -> tuple[float, float]:
    return value - width, value + width


limits = st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(lambda pair: (min(pair), max(pair)))


def test_a_group_above_its_baseline_that_falls_faster_closes_the_gap() -> None:
    assert direction(around(-0.03), [around(0.5), around(0.4), around(0.3)]) == "closes"


def test_a_group_below_its_baseline_that_falls_faster_widens_the_gap() -> None:
    assert direction(around(-0.03), [around(-0.3), around(-0.4), around(-0.5)]) == "widens"


def test_curves_that_cross_within_the_range_have_no_one_direction() -> None:
    assert direction(around(-0.03), [around(0.2), around(0.1), around(-0.1)]) == "unclear"


def test_an_interval_that_holds_zero_leaves_it_open() -> None:
    assert direction((-0.01, 0.02), [around(0.5)] * 3) == "unclear"
    assert direction(around(0.1), [around(0.5), around(0.2), (-0.1, 0.2)]) == "unclear"


def test_no_interval_no_direction() -> None:
    assert direction((math.nan, math.nan), [around(0.5)]) is None
    assert direction(around(0.1), [(math.nan, math.nan)]) is None


@given(limits, st.lists(limits, min_size=1, max_size=3))
def test_exchanging_target_and_baseline_changes_no_direction(
    slope: tuple[float, float], ratios: list[tuple[float, float]]
) -> None:
    swapped = [(-high, -low) for low, high in ratios]
    assert direction((-slope[1], -slope[0]), swapped) == direction(slope, ratios)


def on_one_side(near: float, further: float, sign: int) -> tuple[float, float]:
    low, high = sorted((sign * near, sign * (near + further)))
    return low, high


one_sided = st.builds(on_one_side, st.floats(0.01, 1), st.floats(0, 1), st.sampled_from([-1, 1]))


@given(one_sided, one_sided)
def test_it_closes_where_more_compute_brings_the_log_ratio_nearer_to_zero(
    slope: tuple[float, float], ratio: tuple[float, float]
) -> None:
    found = direction(slope, [ratio])
    for trend in slope:
        for log_ratio in ratio:
            nearer = abs(log_ratio + 1e-3 * trend) < abs(log_ratio)
            assert found == ("closes" if nearer else "widens")
