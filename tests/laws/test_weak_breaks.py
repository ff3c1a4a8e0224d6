"""A break near the end of noiseless data or beyond it is found, though it hardly shows in them.

A wide one may still be missed: of 20 with widths of up to 0.3 of the range of ln x, one was.
"""

import numpy as np
import pytest

from relscale.fitting.estimation.estimate import estimate
from relscale.laws.bnsl import LAW

TRUTHS = 6


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
