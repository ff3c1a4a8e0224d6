import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.inference.log_log_lines import lines
from relscale.laws import difference, power, relative
from relscale.laws.catalogue import example, law, law_names

LINES = [name for name in law_names() if example(name).line]
compute = st.floats(1e-9, 1e9)


@pytest.mark.slow
@given(st.floats(-0.5, 0.5), st.floats(0.1, 10))
def test_every_law_of_a_level_has_it_at_the_reference(slope: float, level: float) -> None:
    for one in (power.LAW, relative.LAW, difference.LAW):
        assert one.value(np.array([level, slope]), np.ones((1, 1))) == pytest.approx(level)


def test_ten_times_the_compute_leaves_a_tenth_to_the_beta_of_the_error() -> None:
    assert power.LAW.value(np.array([2.0, 0.1]), np.full((1, 1), 10.0)) == pytest.approx(2.0 * 10**-0.1)


@pytest.mark.slow
@given(compute, st.floats(0, 0.2), st.floats(0, 0.2))
def test_the_ratio_of_two_power_laws_is_the_relative_law(at: float, beta_t: float, beta_b: float) -> None:
    x = np.full((1, 1), at)
    target = power.LAW.value(np.array([1.5, beta_t]), x)
    baseline = power.LAW.value(np.array([0.9, beta_b]), x)
    ratio = relative.LAW.value(np.array([1.5 / 0.9, beta_b - beta_t]), x)
    assert ratio == pytest.approx(target / baseline, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", LINES)
@given(st.integers(0, 1000))
def test_least_squares_of_the_logarithm_is_the_straight_line(name: str, seed: int) -> None:
    one, rng = law(name), np.random.default_rng(seed)
    x = np.exp(rng.uniform(-3, 3, 8))
    y = one.value(np.array([rng.uniform(0.5, 2), rng.uniform(-0.3, 0.3)]), x[None])
    y = y * np.exp(0.01 * rng.standard_normal(8))
    found, line = estimate(one, x[None], y), lines(np.log(x), np.log(y)[:, None])
    assert one.line is not None
    slope, level = one.line.sign * line.slope[0], np.exp(line.at(np.zeros(1))[0])
    assert dict(zip(one.names, found.theta[:, 0], strict=True)) == pytest.approx(
        {one.line.level: level, one.line.slope: slope}, rel=1e-7, abs=1e-9
    )
    sxx = line.variance_of(0.0, 1.0)[0]
    assert found.stderr[one.names.index(one.line.slope), 0] == pytest.approx(np.sqrt(sxx), rel=1e-5)
