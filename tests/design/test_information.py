"""What a design tells of a law: the numbers of arXiv 2605.08541's argument, computed with numpy and scipy apart."""

import numpy as np
import pytest

from relscale.datasets import dataset
from relscale.design.information import CHINCHILLA, chinchilla_optimum, information
from relscale.errors import RelscaleError
from relscale.laws.combined import LAW as COMBINED
from relscale.laws.critical_batch import LAW as CRITICAL_BATCH
from relscale.laws.parametric import LAW

N = np.geomspace(1e7, 1e10, 12)


def rays(*ratios):
    """Twelve sizes, of which each ratio of tokens to parameters has every other one."""
    return np.stack([N, N * np.resize(ratios, 12)])


@pytest.mark.parametrize(
    ("x", "condition", "alpha"),
    [
        (rays(20), 2.3e13, 218),
        (rays(20, 40), 1.78e5, 0.0786),
        (rays(20, 100), 4.28e4, 0.0422),
        (rays(20, 400), 1.95e4, 0.0311),
        (
            np.stack(
                [axis.ravel() for axis in np.meshgrid(np.geomspace(1e7, 1e10, 4), np.geomspace(2e8, 2e11, 3))]
            ),
            8.18e3,
            0.0188,
        ),
    ],
)
def test_two_ratios_of_tokens_to_parameters_tell_what_one_does_not(x, condition, alpha):
    found = information(LAW, x, CHINCHILLA)
    assert found.condition == pytest.approx(condition, rel=0.02)
    assert found.stderr["alpha"] == pytest.approx(alpha, rel=0.01)
    assert found.is_ill_conditioned == (condition > 1e6)


def test_the_published_isoflop_suites_are_well_conditioned():
    runs = dataset("isoflop_suite")
    x = np.array([runs.to_arrow()[name].to_numpy() for name in ("params", "tokens")], dtype=float)
    found = information(LAW, x, CHINCHILLA)
    assert found.condition == pytest.approx(6.83e4, rel=0.01)
    one_suite = {name: 3**0.5 * error for name, error in found.stderr.items()}  # each has a third of the runs
    assert one_suite["E"] == pytest.approx(0.0441, rel=0.01)
    assert one_suite["alpha"] == pytest.approx(0.0332, rel=0.01)
    assert one_suite["beta"] == pytest.approx(0.0192, rel=0.01)


def test_the_points_of_chinchilla_tell_both_exponents_as_well_as_published():
    runs = dataset("chinchilla").to_arrow()
    params, flops = (np.array(runs[name].to_numpy(), dtype=float) for name in ("params", "training_flops"))
    found = information(LAW, np.stack([params, flops / 6 / params]), CHINCHILLA)
    assert found.condition == pytest.approx(4.47e4, rel=0.01)
    assert found.stderr["alpha"] == pytest.approx(0.0148, rel=0.01)  # 0.015 of a fit, arXiv 2404.10102
    assert found.stderr["beta"] == pytest.approx(0.0093, rel=0.01)


@pytest.mark.parametrize(
    ("apart", "condition"),
    [(0.002, 5.569e5), (0.005, 8.855e4), (0.01, 2.190e4), (0.02, 5.362e3), (0.04, 1.285e3), (0.06, 547.3)],
)
def test_on_one_ray_two_powers_are_distinguished_as_the_square_of_their_difference(apart, condition):
    """The condition of the law's two power terms alone, in columns of one length, at 20 tokens per parameter."""
    theta = np.array([CHINCHILLA["E"], CHINCHILLA["A"], CHINCHILLA["B"], 0.34, 0.34 - apart])
    columns = LAW.jacobian(theta[:, None], rays(20))[1:3]
    columns /= np.linalg.norm(columns, axis=1, keepdims=True)
    assert np.linalg.cond(columns @ columns.T) == pytest.approx(condition, rel=0.01)


def test_the_standard_errors_are_those_of_simulated_fits():
    x, noise = rays(20, 400), 1e-4  # little, so that the law is straight around its parameters
    found = information(LAW, x, CHINCHILLA, noise, [{"params": 1e11, "tokens": 2e12}])
    theta = np.array(list(CHINCHILLA.values()))
    at = np.array([[1e11], [2e12]])
    weights = np.where([parameter.log for parameter in LAW.parameters], theta, 1.0)
    jacobian = (LAW.jacobian(theta[:, None], x) / LAW.value(theta[:, None], x) * weights[:, None]).T
    slope = (LAW.jacobian(theta[:, None], at) / LAW.value(theta[:, None], at) * weights[:, None])[:, 0]
    errors = noise * np.random.default_rng(0).standard_normal((12, 4000))
    estimates = np.linalg.lstsq(jacobian, errors, rcond=None)[0]
    assert estimates[3].std() == pytest.approx(found.stderr["alpha"], rel=0.05)
    assert (slope @ estimates).std() == pytest.approx(found.targets[0].stderr, rel=0.05)
    share = (theta[4] + estimates[4]) / (theta[3] + estimates[3] + theta[4] + estimates[4])
    assert share.std() == pytest.approx(found.allocation, rel=0.05)


def test_the_efficiency_is_that_of_the_runs_by_the_best_exchange():
    one_ray, spread = (
        information(LAW, rays(*ratios), CHINCHILLA).efficiency for ratios in ((20, 21), (5, 100))
    )
    assert 0 < one_ray < 0.25 * spread < 0.25
    doubled = information(LAW, np.repeat(rays(5, 100), 2, axis=1), CHINCHILLA).efficiency
    assert doubled == pytest.approx(spread, rel=0.1)  # the same runs twice are as good for their cost


def by_full_determinants(x, theta):
    """Efficiency by the same exchange, comparing the determinants of whole designs, from eight designs."""
    axes = [np.geomspace(row.min(), row.max(), 12) for row in x]
    candidates = np.concatenate([x, np.stack([axis.ravel() for axis in np.meshgrid(*axes)])], axis=1)
    value = LAW.value(theta, candidates)
    d = (
        LAW.jacobian(theta[:, None], candidates)
        / value
        * np.where([p.log for p in LAW.parameters], theta, 1)[:, None]
    )
    n, cost = x.shape[1], candidates.prod(axis=0)
    d, budget = d / np.linalg.norm(d[:, :n], axis=1, keepdims=True), cost[:n].sum() * (1 + 1e-12)

    def log_determinant(designs):
        sign, log = np.linalg.slogdet(np.einsum("q...i,r...i->...qr", d[:, designs], d[:, designs]))
        return np.where(sign > 0, log, -np.inf)

    rng, best = np.random.default_rng(1), -np.inf
    starts = [np.arange(n), *rng.choice(np.flatnonzero(cost <= budget / n), (7, n))]
    for design in starts:
        for i in list(range(n)) * 6:
            others = np.repeat(design[None], len(cost), axis=0)
            others[:, i] = np.arange(len(cost))
            log = np.where(cost[others].sum(axis=1) <= budget, log_determinant(others), -np.inf)
            design = others[log.argmax()]
        best = max(best, log.max())
    return np.exp((log_determinant(np.arange(n)) - best) / len(theta))


@pytest.mark.parametrize("runs", [5, 6, 7])
def test_the_efficiency_of_few_runs_is_that_by_determinants_of_whole_designs(runs):
    """With as many runs as parameters, a design without one of its runs determines nothing."""
    rng = np.random.default_rng(runs)
    x = np.exp([rng.uniform(np.log(1e8), np.log(1e10), runs), rng.uniform(np.log(1e9), np.log(1e12), runs)])
    expected = by_full_determinants(x, np.array(list(CHINCHILLA.values())))
    assert information(LAW, x, CHINCHILLA).efficiency == pytest.approx(expected, rel=0.05)
    assert expected <= 1


def test_the_optimum_is_where_both_terms_fall_equally_by_compute():
    best = chinchilla_optimum(1e21)
    of_params = CHINCHILLA["alpha"] * CHINCHILLA["A"] * best["params"] ** -CHINCHILLA["alpha"]
    of_tokens = CHINCHILLA["beta"] * CHINCHILLA["B"] * best["tokens"] ** -CHINCHILLA["beta"]
    assert of_params == pytest.approx(of_tokens, rel=1e-9)


def test_any_law_can_be_requested():
    batches = np.array([[1e5, 1e6, 1e7]])
    found = information(CRITICAL_BATCH, batches, dict(zip(CRITICAL_BATCH.names, (1e3, 1e6), strict=True)))
    assert found.efficiency is None
    assert all(np.isfinite(list(found.stderr.values())))


def test_a_family_of_several_predictors_can_be_requested():
    law = COMBINED.make_law(("lr", "batch"))
    x = np.stack([axis.ravel() for axis in np.meshgrid([1e-3, 1e-2], [1e5, 1e6])])
    found = information(law, x, dict(zip(law.names, (3.0, -0.1, 0.2), strict=True)), noise=0.01)
    # Of a line in logarithms on a square: sd / √(Σ (ln x − mean)²).
    for column, name in enumerate(("e_lr", "e_batch")):
        scatter = np.square(np.log(x[column]) - np.log(x[column]).mean()).sum()
        assert found.stderr[name] == pytest.approx(0.01 / scatter**0.5, rel=1e-9)


def test_what_is_missing_or_unknown_is_reported():
    with pytest.raises(RelscaleError, match="the parameter beta is missing"):
        information(LAW, rays(20), {name: CHINCHILLA[name] for name in ("E", "A", "B", "alpha")})
    with pytest.raises(RelscaleError, match="the predictor 'token' is unknown; did you mean 'tokens'"):
        information(LAW, rays(20), CHINCHILLA, targets=[{"params": 1e9, "token": 1e9}])
