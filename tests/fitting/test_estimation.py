"""The minimiser against scipy and closed forms, and what it says of data that do not fix a law."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares, minimize

from relscale.errors import RelscaleError
from relscale.fitting.estimation import shares as of_cores
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.variable_projection import project
from relscale.fitting.status import OK
from relscale.laws import bnsl, exponential_error, flp, irreducible, parametric, power
from relscale.laws.catalogue import law
from relscale.laws.law import Array
from relscale.storage.tables import read_table

TRUTH = np.array([1.8, 480.0, 2140.0, 0.35, 0.37])
NAMES = parametric.LAW.names


def surface(noise: float = 0.005, draws: int | None = None, seed: int = 0) -> tuple[Array, Array]:
    """48 runs on a grid of parameters and tokens, (2, 48), and their losses, (48,) or (48, draws)."""
    n, d = np.meshgrid(np.geomspace(5e7, 1e10, 8), np.geomspace(1e9, 5e11, 6))
    x = np.stack([n.ravel(), d.ravel()])
    shape = (x.shape[1],) if draws is None else (x.shape[1], draws)
    y = parametric.value(TRUTH, x).reshape(-1, *[1] * (len(shape) - 1))
    return x, y * np.exp(noise * np.random.default_rng(seed).standard_normal(shape))


def in_logs(theta: Array) -> Array:
    return np.array([theta[0], np.log(theta[1]), np.log(theta[2]), theta[3], theta[4]])


def log_residuals(u: Array, x: Array, y: Array) -> Array:
    return np.log(u[0] + np.exp(u[1] - u[3] * np.log(x[0])) + np.exp(u[2] - u[4] * np.log(x[1]))) - np.log(y)


def huber(u: Array, x: Array, y: Array, delta: float) -> float:
    size = np.abs(log_residuals(u, x, y))
    return float(np.where(size <= delta, size**2 / 2, delta * size - delta**2 / 2).sum())


def chinchilla() -> tuple[Array, Array]:
    """N, D = C / 6N and loss of Figure 4, without the five of highest loss."""
    table = read_table(Path(__file__).parents[2] / "reference" / "chinchilla_figure4.csv")
    params, flops, loss = (table[name].to_numpy() for name in ("params", "training_flops", "loss"))
    kept = np.argsort(loss)[:-5]
    return np.stack([params, flops / (6 * params)])[:, kept], loss[kept]


def test_least_squares_is_that_of_scipy() -> None:
    x, y = surface()
    found = estimate(parametric.LAW, x, y)
    reference = least_squares(
        log_residuals, in_logs(TRUTH), args=(x, y), x_scale="jac", xtol=1e-14, ftol=1e-14
    )
    assert in_logs(found.theta[:, 0]) == pytest.approx(reference.x, rel=1e-6)
    assert found.objective[0] == pytest.approx(reference.cost, rel=1e-10)
    covariance = np.linalg.inv(reference.jac.T @ reference.jac) * 2 * reference.cost / (len(y) - 5)
    scale = np.array([1, found.theta[1, 0], found.theta[2, 0], 1, 1])
    assert found.stderr[:, 0] == pytest.approx(scale * np.sqrt(np.diag(covariance)), rel=1e-3)


@pytest.mark.parametrize("delta", [1e-3, 5e-3, 2e-2])
def test_hubers_loss_is_minimised_as_scipy_minimises_it(delta: float) -> None:
    x, y = surface(seed=3)
    y[::7] *= 1.1  # outliers
    found = estimate(parametric.LAW, x, y, loss="huber", delta=delta)
    reference = minimize(
        huber,
        in_logs(TRUTH),
        (x, y, delta),
        method="Nelder-Mead",
        tol=1e-12,
        options={"maxiter": 20_000, "maxfev": 40_000},
    )
    assert found.converged[0]
    assert found.objective[0] <= reference.fun * (1 + 1e-9)
    assert found.objective[0] == pytest.approx(huber(in_logs(found.theta[:, 0]), x, y, delta), rel=1e-9)


def test_the_published_optimum_of_chinchillas_surface_is_reached_from_every_start() -> None:
    found = estimate(parametric.LAW, *chinchilla(), loss="huber", delta=1e-3)
    E, A, B, alpha, beta = found.theta[:, 0]
    assert round(E, 4) == 1.8172
    assert round(A, 1) == 477.8
    assert 2143.4 <= B <= 2143.9
    assert (round(alpha, 5), round(beta, 5)) == (0.34731, 0.36717)
    assert f"{found.objective[0]:.7e}" == "1.0182740e-03"
    assert found.agreeing[0] == found.starts


def test_a_straight_line_has_the_closed_form_and_its_t_interval() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.uniform(2, 4, 9), rng.uniform(0, 1, 9)
    found = estimate(flp.LAW, x[None], y, residual="linear")
    design = np.stack([np.ones(9), x], axis=1)
    coefficients, squares, *_ = np.linalg.lstsq(design, y)
    covariance = np.linalg.inv(design.T @ design) * squares[0] / 7
    assert found.theta[:, 0] == pytest.approx(coefficients, rel=1e-6)
    assert found.stderr[:, 0] == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-6)
    low, high = found.interval(0.95)
    assert (high - low)[:, 0] / 2 == pytest.approx(2.364624 * found.stderr[:, 0], rel=1e-6)  # t of 7 df


def test_a_point_that_counts_three_times_is_three_points() -> None:
    x, y = surface()
    count = np.random.default_rng(2).integers(0, 4, len(y))
    rows = np.repeat(np.arange(len(y)), count)
    for loss in ("squares", "huber"):
        weighted = estimate(parametric.LAW, x, y, weights=count, loss=loss)
        repeated = estimate(parametric.LAW, x[:, rows], y[rows], loss=loss)
        assert weighted.theta == pytest.approx(repeated.theta, rel=1e-6)
        assert weighted.objective == pytest.approx(repeated.objective, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["squares", "huber"])
def test_many_data_sets_at_once_are_each_as_alone(loss: str) -> None:
    x, y = surface(draws=12)
    weights = np.random.default_rng(5).integers(0, 3, y.shape).astype(float)
    together = estimate(parametric.LAW, x, y, weights=weights, loss=loss)
    for j in range(12):
        alone = estimate(parametric.LAW, x, y[:, j], weights=weights[:, j], loss=loss)
        assert together.theta[:, j] == pytest.approx(alone.theta[:, 0], rel=1e-6)
    assert together.status == [OK] * 12


@pytest.mark.slow
def test_cores_that_share_the_work_find_what_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    shares, one = rng.dirichlet(np.ones(4), 60).T, law("mixture_additive", ("a", "b", "c", "d"))
    clean = one.value(np.array([1.5, 0.6, 0.3, 1.2, 0.8, 0.4, 0.7, 0.3, 0.5]), shares)
    y = clean[:, None] + 0.01 * rng.standard_normal((60, 5))
    alone = estimate(one, shares, y, residual="linear")
    monkeypatch.setattr(of_cores, "MUCH", 1)
    monkeypatch.setattr(of_cores, "workers", lambda: 3)
    together = estimate(one, shares, y, residual="linear")
    assert together.theta == pytest.approx(alone.theta, rel=1e-6)
    assert together.covariance == pytest.approx(alone.covariance, rel=1e-4, nan_ok=True)
    assert (together.objective, together.agreeing.tolist()) == (
        pytest.approx(alone.objective, rel=1e-12),
        alone.agreeing.tolist(),
    )


def test_data_sets_may_differ_in_their_predictors() -> None:
    x, y = surface(draws=3)
    own = np.stack([x, 2 * x, 3 * x], axis=-1)
    found = estimate(parametric.LAW, own, y)
    for j in range(3):
        assert found.objective[j] == pytest.approx(
            estimate(parametric.LAW, x, y[:, j]).objective[0], rel=1e-6
        )


@pytest.mark.slow
@settings(max_examples=20)
@given(st.permutations(range(15)))
def test_the_order_of_the_points_does_not_matter(order: list[int]) -> None:
    x = np.geomspace(0.01, 100, 15)
    y = irreducible.value(np.array([1.2, 0.3, 0.5]), x[None]) * (1 + 0.01 * np.sin(7 * x))
    plain, shuffled = (
        estimate(irreducible.LAW, x[None], y),
        estimate(irreducible.LAW, x[None, order], y[order]),
    )
    assert shuffled.theta == pytest.approx(plain.theta, rel=1e-5)


def test_points_without_a_number_have_no_weight() -> None:
    x, y = surface()
    holes = y.copy()
    holes[[3, 20]] = np.nan
    kept = np.isfinite(holes)
    found, reference = estimate(parametric.LAW, x, holes), estimate(parametric.LAW, x[:, kept], y[kept])
    assert found.theta == pytest.approx(reference.theta, rel=1e-9)
    assert found.n[0] == len(y) - 2


def test_what_is_given_is_not_searched() -> None:
    x, y = surface()
    found = estimate(parametric.LAW, x, y, fixed={"E": 1.8, "alpha": 0.35})
    assert found.theta[[0, 3], 0] == pytest.approx([1.8, 0.35])
    assert (found.stderr[[0, 3], 0] == 0).all()
    assert found.df[0] == len(y) - 3
    free = estimate(parametric.LAW, x, y)
    assert free.objective[0] <= found.objective[0]


def test_irreducible_error_that_would_be_negative_is_zero_and_said_to_be_on_its_bound() -> None:
    x = np.geomspace(0.01, 100, 20)
    y = 2 - 0.2 * np.log(x)  # falls faster than any power with something left
    found = estimate(irreducible.LAW, x[None], y)
    assert [str(remark) for remark in found.status] == ["on a bound: irreducible"]
    assert found.theta[2, 0] == 0
    without = estimate(power.LAW, x[None], y)
    assert found.objective == pytest.approx(without.objective, rel=1e-8)
    assert np.isnan(found.stderr).all()


def test_variable_projection_knows_no_bounds_and_flags_what_is_beyond_them() -> None:
    x, truth = np.geomspace(0.01, 100, 20), (0.7, 0.2, -0.3)
    found = project(irreducible.LAW, x[None], irreducible.value(np.array(truth), x[None]))
    assert found.theta[:, 0] == pytest.approx(truth, rel=1e-4)
    assert [str(remark) for remark in found.status] == ["beyond a bound: irreducible"]


def test_models_of_one_size_do_not_fix_the_surface() -> None:
    x, y = surface()
    x[0] = 1e9
    found = estimate(parametric.LAW, x, y)
    assert found.status[0] != OK
    assert np.isnan(found.stderr).all()


DEGENERATE: dict[str, Any] = {
    "one point": (np.array([2.0]), np.array([3.0])),
    "no points": (np.empty(0), np.empty(0)),
    "two points": (np.array([1.0, 2.0]), np.array([3.0, 2.5])),
    "duplicates of one point": (np.full(9, 2.0), np.full(9, 3.0)),
    "nothing but nan": (np.geomspace(1, 9, 9), np.full(9, np.nan)),
    "constant": (np.geomspace(1, 9, 9), np.full(9, 3.0)),
    "a zero": (np.geomspace(1, 9, 9), np.r_[0.0, np.ones(8)]),
    "negative": (np.geomspace(1, 9, 9), -np.ones(9)),
    "x not positive": (np.linspace(-1, 1, 9), np.linspace(3, 2, 9)),
}


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize("law", [irreducible.LAW, bnsl.LAW, exponential_error.LAW], ids=lambda law: law.name)
def test_data_that_fix_nothing_have_a_status_and_no_interval(law: Any, case: str) -> None:
    x, y = DEGENERATE[case]
    if case == "x not positive" and law is exponential_error.LAW:
        return
    found = estimate(law, x[None], y)
    assert found.status[0] != OK
    assert np.isnan(found.stderr).all()


def test_one_bad_data_set_leaves_the_others_alone() -> None:
    x, y = surface(draws=4)
    y[5, 2] = 0.0
    found = estimate(parametric.LAW, x, y)
    assert [str(remark) for remark in found.status] == [
        "ok",
        "ok",
        "a value is not positive, so it has no logarithm",
        "ok",
    ]
    assert np.isnan(found.theta[:, 2]).all()
    assert found.theta[:, 0] == pytest.approx(estimate(parametric.LAW, x, y[:, 0]).theta[:, 0], rel=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "cubes"}, "no loss 'cubes'"),
        ({"residual": "relative"}, "no residual 'relative'"),
        ({"fixed": {"gamma": 1.0}}, "no parameter 'gamma'"),
        ({"delta": 0.0, "loss": "huber"}, "is not positive"),
        ({"weights": np.ones(3)}, "do not fit together"),
        ({"starts": np.ones((2, 3))}, "starts have shape"),
    ],
)
def test_bad_options_are_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RelscaleError, match=message) as caught:
        estimate(parametric.LAW, *surface(), **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("loss", "width"), [("squares", 0.02), ("huber", 0.05)])
def test_intervals_of_the_surface_cover_the_true_value_at_the_nominal_rate(loss: str, width: float) -> None:
    x, y = surface(draws=600)
    found = estimate(parametric.LAW, x, y, loss=loss, delta=5e-3, starts=TRUTH[None])
    low, high = found.interval(0.95)
    hits = ((low <= TRUTH[:, None]) & (TRUTH[:, None] <= high)).mean(axis=1)
    assert hits == pytest.approx(0.95, abs=width + 3 * np.sqrt(0.95 * 0.05 / 600))


def test_both_routes_to_the_surface_agree_for_many_data_sets() -> None:
    x, y = surface(draws=20)
    separated, together = project(parametric.LAW, x, y), estimate(parametric.LAW, x, y, residual="linear")
    assert separated.theta == pytest.approx(together.theta, rel=1e-4)
    assert separated.status == together.status
