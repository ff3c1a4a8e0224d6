"""Limits by the profile of the objective: where no other parameters fit well enough."""

import numpy as np
import pytest
from generators.laws import designs
from scipy.special import stdtrit
from trials import laws

from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.profile_limits import profile_limits
from relscale.laws import flp, irreducible

X = np.geomspace(1e-2, 1e2, 12)[None]


def test_of_a_law_that_is_linear_in_its_parameters_they_are_those_of_the_t_interval() -> None:
    x = np.linspace(2.4, 3.2, 10)[None]
    y = flp.LAW.value(np.array([1.6, -0.4]), x)[:, None] + 0.01 * np.random.default_rng(0).normal(
        size=(10, 3)
    )
    found = estimate(flp.LAW, x, y, residual="linear")
    for own, of_t in zip(
        profile_limits(found, x, y, 0.9, residual="linear"), found.interval(0.9), strict=True
    ):
        assert own == pytest.approx(of_t, rel=1e-12)


@pytest.mark.slow
def test_with_a_parameter_at_its_limit_the_best_fit_is_worse_by_what_t_allows() -> None:
    """Q at the limit over Q is 1 + t² / df, of every parameter of a mixture law, which is far from linear."""
    design = next(each for each in designs() if each.law.name == "mixture_additive")
    y = design.sample(1, np.random.default_rng(1))
    found = laws.fitted(design, y)
    limits = profile_limits(found, design.x, y, 0.95, residual=design.residual)
    t, (df,) = stdtrit(found.df[0], 0.975), found.df
    for i, name in enumerate(found.names):
        for limit in (limits[0][i], limits[1][i]):
            held = estimate(design.law, design.x, y, residual=design.residual, fixed={name: limit})
            ratio = held.objective[0] / found.objective[0]
            assert np.sqrt((ratio - 1) * df) == pytest.approx(t, rel=0.021)
    low, _ = found.interval(0.95)
    assert np.abs(limits[0] / low - 1).max() > 0.02  # the t interval is another one
    assert (limits[0] < found.theta).all()
    assert (found.theta < limits[1]).all()


def test_a_bound_that_the_data_allow_is_the_limit() -> None:
    """A floor that could be none at all has the lower limit 0, and the t interval one below it."""
    y = irreducible.LAW.value(np.array([3.0, 0.1, 0.5]), X)
    y = (y * np.exp(0.02 * np.random.default_rng(0).normal(size=12)))[:, None]
    found = estimate(irreducible.LAW, X, y)
    floor = found.names.index("irreducible")
    assert found.interval(0.95)[0][floor, 0] < 0
    low, high = profile_limits(found, X, y, 0.95)
    assert low[floor, 0] == 0
    assert high[floor, 0] > found.theta[floor, 0]


def test_a_fit_without_an_interval_has_no_limits() -> None:
    found = estimate(irreducible.LAW, X[:, :3], np.array([3.0, 2.0, 1.9]))
    low, high = profile_limits(found, X[:, :3], np.array([3.0, 2.0, 1.9]), 0.95)
    assert np.isnan(low).all()
    assert np.isnan(high).all()
