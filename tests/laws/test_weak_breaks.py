"""A break near an end of noiseless data, beyond it, or a wide one is found, though it hardly shows in them."""

import numpy as np
import pytest

from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.variable_projection import projected_starts
from relscale.laws.bnsl import LAW

TRUTHS = 6
# log10 of the largest x, then a, b, c0, c1, d1 and f1: of 150 drawn at random with breaks near the start of the data or
# wider than 0.15 of their range, those that a search of all parameters at once misses, or hardly moves towards.
HIDDEN = {
    "near the start, steep": (2.974, 0.4013, 1.0, 0.2167, -3.228, 0.8154, 0.3206),
    "near the start": (3.418, 0.8895, 1.0, 0.3956, -2.806, 0.8807, 0.4197),
    "near the start, another optimum": (2.488, 0.1653, 1.0, 0.1901, -3.755, 1.127, 0.2964),
    "wide": (2.308, 0.2926, 1.0, 0.1159, 5.667, 2.5, 1.568),
    "wide, near the end": (3.19, 0.9713, 1.0, 0.4761, -0.9947, 380.8, 1.764),
}


@pytest.mark.parametrize("x_range", [1e4, 1e130])
@pytest.mark.parametrize(("least", "y_range"), [(1, 2), (1e-300, 2), (1e300, 2), (1e-200, 1e300)])
def test_starting_points_of_any_range_are_numbers(x_range: float, least: float, y_range: float) -> None:
    x, y = np.geomspace(1, x_range, 12), least * np.geomspace(y_range, 1, 12)
    assert np.isfinite(LAW.starts(x[None], y)).all()


@pytest.mark.slow
def test_the_fit_has_the_values_of_a_law_whose_break_is_near_the_end_or_beyond() -> None:
    rng = np.random.default_rng(0)
    for _ in range(TRUTHS):
        x = np.geomspace(1, 10 ** rng.uniform(2, 4), 40)[None]
        log_range = np.log(x[0, -1])
        change = rng.choice([-1, 1]) * np.exp(rng.uniform(np.log(0.5), np.log(6)))
        position, width = np.exp(rng.uniform(0.8, 1.2) * log_range), rng.uniform(0.02, 0.15) * log_range
        truth = np.array([rng.uniform(0, 1), 1.0, rng.uniform(0.05, 0.5), change, position, width])
        y = LAW.value(truth, x)
        fit = estimate(LAW, x, y)
        np.testing.assert_allclose(LAW.value(fit.theta[:, 0], x), y, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=list(HIDDEN))
def test_the_fit_has_the_values_of_a_law_whose_break_is_wide_or_near_the_start(
    hidden: tuple[float, ...],
) -> None:
    x, truth = np.geomspace(1, 10 ** hidden[0], 40)[None], np.array(hidden[1:])
    y = LAW.value(truth, x)
    fit = estimate(LAW, x, y)
    np.testing.assert_allclose(LAW.value(fit.theta[:, 0], x), y, rtol=1e-6)
    noisy = y * np.exp(0.003 * np.random.default_rng(0).standard_normal(40))
    from_truth = estimate(LAW, x, noisy, starts=truth[None])
    assert estimate(LAW, x, noisy).objective[0] <= from_truth.objective[0] * (1 + 1e-5)


def test_an_end_beyond_a_bound_is_not_counted_as_a_start_that_agrees() -> None:
    """Copies of the lowest end in its place would all agree with it."""
    x = np.geomspace(1, 1e3, 12)[None]
    y = np.exp(np.random.default_rng(5).normal(0, 0.2, 12))
    begin = LAW.starting_points(x, y)[:6].T[..., None]
    lowest = begin[:, 0]
    again = projected_starts(LAW, x, y, begin, lowest)[..., 0]
    assert np.isnan(again).any()
    assert np.isclose(again, lowest, rtol=1e-12).all(axis=0).sum() == 1
