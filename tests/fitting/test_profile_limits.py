"""Limits by the profile of the objective: where no other parameters fit well enough."""

import numpy as np
import pyarrow as pa
import pytest
from generators.laws import designs
from scipy.optimize import least_squares, minimize_scalar
from scipy.special import stdtrit
from scipy.stats import t as student
from trials import laws

import relscale
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.profile_limits import profile_limits
from relscale.laws import flp, irreducible
from relscale.laws.catalogue import law

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


@pytest.mark.slow
@pytest.mark.parametrize("truth", [0.1, 1.0])
def test_an_interval_that_ends_at_the_laws_own_bound_says_so(truth: float) -> None:
    """The floor may be 0 if a power law through the origin fits nearly as well: τ at 0 is below t."""
    compute = np.geomspace(1e18, 1e21, 8)
    noise = 0.005 * np.random.default_rng(1).standard_normal(8)
    error = (truth + (compute / 1e18) ** -0.1) * np.exp(noise)

    def by_law(floor: float) -> float:
        slope, level = np.polyfit(np.log(compute), np.log(error - floor), 1)
        found = least_squares(
            lambda p: np.log(floor + np.exp(p[0] + p[1] * np.log(compute))) - np.log(error), [level, slope]
        )
        return float(2 * found.cost)

    least = minimize_scalar(by_law, bounds=(0, 0.999 * error.min()), method="bounded").fun
    includes_zero = 5 * (by_law(0.0) / least - 1) < student.ppf(0.975, 5) ** 2
    fit = relscale.fit(pa.table({"training_flops": compute, "loss": error}), "irreducible")
    row = next(row for row in fit.fits.to_pylist() if row["parameter"] == "irreducible")
    assert (row["low"] == 0) == includes_zero == (row["status"] == "an interval ends on a bound of the law")
    assert includes_zero == (truth < 0.5)
    if includes_zero:
        assert row["note"] == "the interval ends at the law's bound: irreducible at 0"


SIZES = np.array([[n, p] for n in np.geomspace(5e8, 4.5e9, 6) for p in (1.0, 2.0, 4.0, 8.0)]).T
WEAK = {
    "irreducible": (np.geomspace(0.1, 10, 10)[None], [1.0, 0.1, 0.5]),
    "log_law": (np.geomspace(1e8, 1e10, 10)[None], [0.5, 500.0, 1.4]),
    "parallel_streams": (SIZES, [1.29, 37.0, 0.196, 0.39]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WEAK)
def test_limits_far_from_those_of_t_are_where_the_best_fit_is_worse_by_what_t_allows(name: str) -> None:
    """Few points with 1% of noise leave a curved valley, along which τ first hardly rises and then steeply."""
    of, (x, truth) = law(name), WEAK[name]
    noise = 0.01 * np.random.default_rng(3).standard_normal((x.shape[1], 3))
    y = of.value(np.array(truth), x)[:, None] * np.exp(noise)
    found = estimate(of, x, y)
    limits = np.array(profile_limits(found, x, y, 0.95))
    inner = np.isfinite(limits) & ~np.isin(limits, [[p.low, p.high] for p in of.parameters])
    far = np.abs(limits / np.array(found.interval(0.95)) - 1) > 0.1
    assert (inner & far).sum() > 1
    for side, i in np.ndindex(2, len(truth)):
        at = np.where(inner[side, i], limits[side, i], found.theta[i])
        held = estimate(of, x, y, fixed={of.names[i]: at})
        tau = np.sqrt(((held.objective / found.objective - 1) * found.df)[inner[side, i]])
        assert tau == pytest.approx(stdtrit(found.df[0], 0.975), rel=0.021), (of.names[i], side)


def _power_law_fit(**options: object) -> dict[str, dict[str, object]]:
    """The rows by parameter of ``floor + scale · C^-β`` fitted to a power law without a floor."""
    compute = np.geomspace(1e18, 1e21, 8)
    loss = (compute / 1e18) ** -0.1 * np.exp(0.005 * np.random.default_rng(1).standard_normal(8))
    table = pa.table({"training_flops": compute, "loss": loss})
    fit = relscale.fit(table, "irreducible", x="training_flops", y="loss", **options)
    return {row["parameter"]: row for row in fit.fits.to_pylist()}


@pytest.mark.parametrize("options", [{}, {"loss": "huber", "bootstrap": 50}])
def test_a_limit_on_the_laws_bound_is_the_status_of_its_own_parameter_alone(
    options: dict[str, object],
) -> None:
    rows = _power_law_fit(**options)
    marked = {name for name, row in rows.items() if row["status"] != "ok"}
    assert {name for name, row in rows.items() if row["low"] == 0} == {"irreducible"} == marked


def test_a_fixed_parameter_has_no_interval_that_could_end_on_a_bound() -> None:
    rows = _power_law_fit(fixed={"irreducible": 0.0})
    assert {row["status"] for row in rows.values()} == {"ok"}
    assert rows["beta"]["low"] < 0.1 < rows["beta"]["high"]
    assert rows["irreducible"]["low"] is None
