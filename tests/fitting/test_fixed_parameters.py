"""Parameters that are given: the others are those of scipy with the same ones held."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.variable_projection import project
from relscale.fitting.status import OK, Status
from relscale.laws import flp, parametric
from relscale.laws.law import Array

TRUTH = {"E": 1.8, "A": 480.0, "B": 2140.0, "alpha": 0.35, "beta": 0.37}
NAMES = parametric.LAW.names
LOGS = np.array([parameter.log for parameter in parametric.LAW.parameters])


def surface(seed: int) -> tuple[Array, Array]:
    n, d = np.meshgrid(np.geomspace(5e7, 1e10, 8), np.geomspace(1e9, 5e11, 6))
    x = np.stack([n.ravel(), d.ravel()])
    y = parametric.value(np.array([*TRUTH.values()]), x)
    return x, y * np.exp(0.005 * np.random.default_rng(seed).standard_normal(y.shape))


def scipys(x: Array, y: Array, fixed: dict[str, float], log: bool) -> tuple[Array, float]:
    """Estimates of all parameters, and half the sum of squares."""
    free = np.array([name not in fixed for name in NAMES])
    start = np.array([fixed.get(name, TRUTH[name]) for name in NAMES])

    def theta(u: Array) -> Array:
        every = start.copy()
        every[free] = np.where(LOGS[free], np.exp(u), u)
        return every

    def residuals(u: Array) -> Array:
        fitted = parametric.value(theta(u), x)
        return np.log(fitted) - np.log(y) if log else fitted - y

    begin = np.where(LOGS[free], np.log(start[free]), start[free])
    found = least_squares(residuals, begin, x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15)
    return theta(found.x), float(found.cost)


fixes = st.sets(st.sampled_from(NAMES), min_size=1, max_size=3).flatmap(
    lambda names: st.fixed_dictionaries(
        {
            name: st.floats(0.9, 1.1).map(lambda factor, name=name: factor * TRUTH[name])
            for name in sorted(names)
        }
    )
)


@pytest.mark.slow
@settings(max_examples=25)
@given(fixes, st.booleans(), st.integers(0, 100))
def test_the_others_are_those_of_scipy(fixed: dict[str, float], log: bool, seed: int) -> None:
    x, y = surface(seed)
    found = estimate(parametric.LAW, x, y, residual="log" if log else "linear", fixed=fixed)
    theta, cost = scipys(x, y, fixed, log)
    assert found.objective[0] == pytest.approx(cost, rel=1e-6)
    assert found.df[0] == len(y) - len(NAMES) + len(fixed)
    for name, value in fixed.items():
        assert found.theta[NAMES.index(name), 0] == pytest.approx(value, rel=1e-14)
        assert found.stderr[NAMES.index(name), 0] == 0
    if found.status == [OK]:
        assert parametric.value(found.theta[:, 0], x) == pytest.approx(parametric.value(theta, x), rel=1e-5)


@pytest.mark.slow
@settings(max_examples=25)
@given(fixes, st.integers(0, 100))
def test_variable_projection_ends_where_the_search_of_all_free_parameters_does(
    fixed: dict[str, float], seed: int
) -> None:
    x, y = surface(seed)
    if {"E", "A", "B"} <= set(fixed):
        return
    projected = project(parametric.LAW, x, y, fixed=fixed)
    _, cost = scipys(x, y, fixed, log=False)
    assert projected.objective[0] <= cost * (1 + 1e-6)
    if projected.status[0].status != Status.BEYOND_A_BOUND and projected.converged[0]:
        assert projected.objective[0] == pytest.approx(cost, rel=1e-6)
    for name, value in fixed.items():
        assert projected.theta[NAMES.index(name), 0] == pytest.approx(value, rel=1e-14)


@pytest.mark.slow
@given(st.floats(-3, 3), st.integers(0, 1000))
def test_a_line_of_known_intercept_is_regression_through_it(intercept: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(1, 4, 9), rng.standard_normal(9)
    slope = (x * (y - intercept)).sum() / (x * x).sum()
    variance = ((y - intercept - slope * x) ** 2).sum() / 8 / (x * x).sum()
    for found in (
        estimate(flp.LAW, x[None], y, residual="linear", fixed={"intercept": intercept}),
        project(flp.LAW, x[None], y, fixed={"intercept": intercept}),
    ):
        assert found.theta[:, 0] == pytest.approx([intercept, slope], rel=1e-7, abs=1e-8)
        assert found.stderr[1, 0] == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_each_data_set_may_have_its_own() -> None:
    x, y = surface(0)
    values = np.array([0.3, 0.35, 0.4])
    several = np.repeat(y[:, None], 3, axis=1)
    for fit in (estimate, project):
        options = {"residual": "linear"} if fit is estimate else {}
        together = fit(parametric.LAW, x, several, fixed={"alpha": values}, **options)
        for j, value in enumerate(values):
            alone = fit(parametric.LAW, x, y, fixed={"alpha": value}, **options)
            assert together.theta[:, j] == pytest.approx(alone.theta[:, 0], rel=1e-6)


def test_what_is_not_a_parameter_or_leaves_nothing_to_project_is_one_line() -> None:
    x, y = surface(0)
    with pytest.raises(RelscaleError, match="no parameter 'gamma'; it has E, A, B, alpha, beta"):
        estimate(parametric.LAW, x, y, fixed={"gamma": 1.0})
    with pytest.raises(RelscaleError, match="no free parameter is linear; use levenberg-marquardt"):
        project(parametric.LAW, x, y, fixed={"E": 1.0, "A": 1.0, "B": 1.0})
