import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relscale.fitting.inference import interval
from relscale.fitting.inference.log_log_lines import lines

X = np.log([1e11, 3e11, 1e12, 3e12, 1e13])


@pytest.mark.slow
def test_lines_and_t_intervals_are_those_of_scipy_and_statsmodels() -> None:
    import statsmodels.api as sm

    y = np.random.default_rng(0).normal(size=(5, 3))
    found = lines(X, y)
    slope = interval.slope(found, 0.95)
    level = interval.level_at(found, found.high, 0.95)
    for j in range(3):
        scipys = scipy.stats.linregress(X, y[:, j])
        assert (slope.value[j], slope.stderr[j], slope.p_value[j]) == pytest.approx(
            (scipys.slope, scipys.stderr, scipys.pvalue), rel=1e-9
        )
        ols = sm.OLS(y[:, j], sm.add_constant(X - X.mean())).fit()
        assert (slope.low[j], slope.high[j]) == pytest.approx(ols.conf_int()[1], rel=1e-9)
        mean = ols.get_prediction([[1.0, X[-1] - X.mean()]]).conf_int()[0]
        assert (level.low[j], level.high[j]) == pytest.approx(mean, rel=1e-9)


def test_a_missing_point_is_left_out_of_its_own_line_only() -> None:
    y = np.random.default_rng(1).normal(size=(5, 2))
    whole = lines(X, y)
    y[2, 0] = np.nan
    found = lines(X, y)
    kept = np.array([0, 1, 3, 4])
    assert found.slope[0] == pytest.approx(scipy.stats.linregress(X[kept], y[kept, 0]).slope)
    assert found.n.tolist() == [4, 5]
    assert found.slope[1] == whole.slope[1]


def test_two_points_or_one_compute_give_no_line() -> None:
    assert np.isnan(lines(X[:2], np.ones((2, 1))).slope).all()
    assert np.isnan(lines(X, np.array([[1.0], [2.0], [np.nan], [np.nan], [np.nan]])).slope).all()
    assert np.isnan(lines(np.full(4, X[0]), np.arange(4.0)[:, None]).slope).all()


@pytest.mark.slow
@given(arrays(float, (5, 1), elements=st.floats(-3, 3)), st.floats(-2, 2), st.floats(-2, 2))
def test_adding_a_line_moves_the_fit_by_that_line_and_leaves_the_residuals(
    y: np.ndarray, level: float, slope: float
) -> None:
    before, after = lines(X, y), lines(X, y + level + slope * (X - X.mean())[:, None])
    assert after.level == pytest.approx(before.level + level, abs=1e-9)
    assert after.slope == pytest.approx(before.slope + slope, abs=1e-9)
    assert after.residuals == pytest.approx(before.residuals, abs=1e-9)


@pytest.mark.slow
def test_run_leverage_is_the_ratio_of_expectations_that_simulated_noise_shows() -> None:
    rng, h = np.random.default_rng(2), np.array([1.0, 0.3, 1.0, 2.0, 0.7])
    y = rng.normal(size=(5, 400_000)) * np.sqrt(h)[:, None]
    found = lines(X, y, np.broadcast_to(h[:, None], y.shape))
    at_end = found.at(np.full(y.shape[1], X[-1]))
    for contrast, leverage in (
        (found.slope, found.run_leverage(0.0, 1.0)),
        (at_end, found.run_leverage(1.0, X[-1] - X.mean())),
    ):
        assert leverage[0] == pytest.approx(contrast.var() / found.variance.mean(), rel=0.02)


@pytest.mark.slow
@given(arrays(float, 5, elements=st.floats(0.1, 3)))
def test_points_of_unequal_noise_never_get_a_narrower_interval(h: np.ndarray) -> None:
    y = np.array([0.1, -0.2, 0.3, 0.0, -0.1])[:, None]
    plain, wary = (interval.slope(lines(X, y, noise), 0.95) for noise in (None, h[:, None]))
    assert wary.high - wary.low >= (plain.high - plain.low) * (1 - 1e-12)


def test_computes_that_differ_by_rounding_alone_have_no_slope() -> None:
    x = np.log(1e20 * (1 + 1e-12 * np.arange(5)))
    found = lines(x, np.random.default_rng(0).normal(size=(5, 1)))
    assert np.isnan(found.slope[0])
    assert np.isnan(interval.slope(found, 0.95).low[0])
