import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.laws import compute_optimal, power, relative

flops = st.floats(1e9, 1e26)


@given(flops, st.floats(-0.5, 0.5), st.floats(0.1, 10))
def test_every_law_has_its_level_at_the_reference(reference: float, slope: float, level: float) -> None:
    for law in (power.LINE, relative.LINE, compute_optimal.TOKENS, compute_optimal.PARAMS):
        assert law.value(reference, level, slope, reference) == pytest.approx(level)


def test_ten_times_the_compute_leaves_a_tenth_to_the_beta_of_the_error() -> None:
    assert power.LINE.value(1e13, 2.0, 0.1, 1e12) == pytest.approx(2.0 * 10**-0.1)


@given(flops, st.floats(0, 0.2), st.floats(0, 0.2))
def test_the_ratio_of_two_power_laws_is_the_relative_law(at: float, beta_t: float, beta_b: float) -> None:
    target = power.LINE.value(at, 1.5, beta_t, 1e12)
    baseline = power.LINE.value(at, 0.9, beta_b, 1e12)
    ratio = relative.LINE.value(at, 1.5 / 0.9, beta_b - beta_t, 1e12)
    assert ratio == pytest.approx(target / baseline, rel=1e-9)
