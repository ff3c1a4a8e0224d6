"""Partial pooling: what it does to groups, and how often its intervals hold."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from row_cells import as_cells

from relscale.fitting.analyses import partial_pooling
from relscale.fitting.analyses.partial_pooling import moderate, pool
from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.frontier import Point
from relscale.fitting.inference.log_log_lines import lines
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status, choose

pooled_rows = as_cells(partial_pooling.rows)

CHOSEN = Settings(pooling=("s",))
EXACT, NORMAL = np.array(np.inf), np.array(1.96)  # variances that are known, and their quantile


def curves_of(x: np.ndarray, y: np.ndarray, replicates: np.ndarray | None = None) -> Curves:
    return Curves(
        quantity=RATIO,
        keys=[CurveKey(suite="s", group=f"g{j}", baseline="b", contrast="group") for j in range(y.shape[1])],
        points=[Point(float(np.exp(at)), float(np.exp(at)), np.array([0]), 0, OK) for at in x],
        log_flops=x,
        value=y,
        noise=np.ones_like(y),
        replicates=np.empty((*y.shape, 0)) if replicates is None else replicates,
        status=choose(np.isfinite(y), OK, Remark(Status.NO_VALUE, "missing")),
        blocks=[f"{i}" for i in range(len(x))],
        target=y,
    )


def world(
    points: int, groups: int, tau: float, shared: float, unequal: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and the groups' true Δβ around 0.01; noise of a group about 0.02, times ``shared`` common to all."""
    rng = np.random.default_rng(seed)
    x = np.linspace(41, 47, points)
    sd = 0.02 * np.exp(unequal * rng.standard_normal(groups))
    truth = 0.01 + tau * rng.standard_normal(groups)
    noise = sd * rng.standard_normal((points, groups)) + 0.02 * shared * rng.standard_normal((points, 1))
    return x, truth * (x - x.mean())[:, None] + noise, truth


def test_given_exact_variances_it_is_the_normal_hierarchical_model() -> None:
    """Against scipy's quadrature of the posterior of τ, and of the moments given it."""
    rng = np.random.default_rng(0)
    v = rng.uniform(0.5, 2, 8)
    b = 1 + rng.standard_normal(8) * np.sqrt(v + 1)

    def density(tau: float) -> float:
        w = 1 / (tau**2 + v)
        mu = w @ b / w.sum()
        return float(np.exp(np.log(w).sum() / 2 - np.log(w.sum()) / 2 - w @ (b - mu) ** 2 / 2))

    def moment(power: int) -> float:
        def at(tau: float) -> float:
            w = 1 / (tau**2 + v)
            mu, shrink = w @ b / w.sum(), v[0] * w[0]
            mean = shrink * mu + (1 - shrink) * b[0]
            square = mean**2 + v[0] * (1 - shrink) + shrink**2 / w.sum()
            return density(tau) * float(mean if power == 1 else square)

        return scipy.integrate.quad(at, 0, np.inf)[0] / scipy.integrate.quad(density, 0, np.inf)[0]

    found = pool(b, v, EXACT, NORMAL, 0.95)
    assert found.value[0] == pytest.approx(moment(1), rel=1e-4)
    assert found.stderr[0] == pytest.approx(np.sqrt(moment(2) - moment(1) ** 2), rel=1e-4)
    below = scipy.integrate.quad(density, 0, found.sd)[0] / scipy.integrate.quad(density, 0, np.inf)[0]
    assert below == pytest.approx(0.5, abs=0.005)


def test_groups_that_differ_far_more_than_their_errors_keep_their_own_slopes() -> None:
    b = np.array([-3.0, -1, 0, 2, 5])
    found = pool(b, np.full(5, 1e-6), EXACT, NORMAL, 0.95)
    assert found.value == pytest.approx(b, abs=1e-5)
    assert found.stderr == pytest.approx(np.full(5, 1e-3), rel=1e-3)


def test_an_unsure_group_is_drawn_further_and_pooling_never_reverses_two_equally_sure_ones() -> None:
    b = np.array([0.0, 1.0, 2.0, 4.0, 4.0])
    found = pool(b, np.array([1.0, 1, 1, 0.1, 10]), np.full(5, 20.0), NORMAL, 0.95)
    assert found.mean < found.value[4] < found.value[3] < 4
    assert (np.diff(found.value[:3]) > 0).all()


def test_moderation_leaves_variances_that_differ_and_merges_those_that_do_not() -> None:
    rng = np.random.default_rng(1)
    alike = rng.chisquare(5, 4000) / 5
    merged, df = moderate(alike, 5)
    assert merged == pytest.approx(np.ones(4000), rel=0.1)
    assert df > 100
    # Scaled inverse-χ² of 6 degrees of freedom around 2: Smyth's own model.
    truth = 2 * 6 / rng.chisquare(6, 4000)
    _, df = moderate(truth * rng.chisquare(5, 4000) / 5, 5)
    assert df == pytest.approx(5 + 6, rel=0.15)
    apart, df = moderate(np.array([1e-8, 1.0, 1e8]), 50)
    assert apart == pytest.approx([1e-8, 1.0, 1e8], rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("points", [4, 7, 22])
@pytest.mark.parametrize(
    ("tau", "shared", "unequal"), [(0.001, 0.7, 0.5), (0.003, 0.0, 0.5), (0.01, 0.7, 0.0)]
)
def test_on_average_over_groups_the_intervals_hold(
    points: int, tau: float, shared: float, unequal: float
) -> None:
    groups, hits, means, widths = 57, [], [], []
    for seed in range(40):
        x, y, truth = world(points, groups, tau, shared, unequal, seed)
        rows = pooled_rows(curves_of(x, y), CHOSEN)
        mean = next(row for row in rows if row["parameter"] == "delta_beta_mean")
        means.append(mean["low"] <= 0.01 <= mean["high"])
        each = [row for row in rows if row["parameter"] == "delta_beta"]
        low, high = (np.array([row[name] for row in each]) for name in ("low", "high"))
        hits.append(np.mean((low <= truth) & (truth <= high)))
        estimate = lines(x, y)
        alone = 2 * scipy.stats.t.ppf(0.975, points - 2) * np.sqrt(estimate.variance_of(0.0, 1.0))
        widths.append(np.mean(high - low) / alone.mean())
    # Groups share noise, so 40 experiments are not many: 0.95 less three standard errors.
    assert (0.925 if shared == 0 else 0.85) <= np.mean(hits) <= 0.999
    assert np.mean(means) >= 0.85
    assert np.mean(widths) < 1


def test_the_population_of_the_items_is_less_sure_than_these_items() -> None:
    x, y, _ = world(7, 12, 0.003, 0.5, 0.3, 0)
    rng = np.random.default_rng(2)
    slopes = 0.01 * rng.standard_normal((12, 50)) + 0.01 * rng.standard_normal(
        50
    )  # the baseline's items: all groups
    replicates = y[..., None] + (x - x.mean())[:, None, None] * slopes
    rows = pooled_rows(curves_of(x, y, replicates), CHOSEN)
    assert {row["reason"] for row in rows} == {"ok"}
    width = {(row["group"], row["parameter"], row["estimand"]): row["high"] - row["low"] for row in rows}
    for group in [f"g{j}" for j in range(12)]:
        assert width[group, "delta_beta", "item population"] > width[group, "delta_beta", "these items"]
    # The items of the baseline are common to all groups, so that the mean is unsure by them too.
    means = {row["estimand"]: row for row in rows if row["parameter"] == "delta_beta_mean"}
    assert means["item population"]["stderr"] >= 0.008


@pytest.mark.parametrize(("clusters", "quantile"), [(None, 1.96), (np.full(12, 6.0), 2.571)])
def test_what_items_leave_unsure_has_the_quantile_of_the_items(
    clusters: np.ndarray | None, quantile: float
) -> None:
    """Normal, or t at five degrees of freedom of six clusters, as a group's own interval; not that of the runs."""
    x, y, _ = world(4, 12, 0.003, 0.0, 0.3, 0)
    slopes = 0.5 * np.random.default_rng(2).standard_normal((12, 400))
    replicates = y[..., None] + (x - x.mean())[:, None, None] * slopes
    rows = pooled_rows(replace(curves_of(x, y, replicates), clusters=clusters), CHOSEN)
    for row in rows:
        if (row["parameter"], row["estimand"]) == ("delta_beta", "item population"):
            assert (row["high"] - row["low"]) / 2 / row["stderr"] == pytest.approx(quantile, rel=0.01)


def test_a_group_that_moves_against_what_all_share_is_surer_than_the_others() -> None:
    """Groups with errors λ_j·c of one error c, λ_j from 0 to 2: intervals as wide as λ_j says, and not all alike."""
    rng = np.random.default_rng(0)
    x, loading = np.linspace(41, 47, 40), np.linspace(0, 2, 12)
    noise = 0.02 * loading * rng.standard_normal((40, 1)) + 0.002 * rng.standard_normal((40, 12))
    rows = pooled_rows(curves_of(x, 0.01 * rng.standard_normal(12) * (x - x.mean())[:, None] + noise), CHOSEN)
    width = [row["high"] - row["low"] for row in rows if row["parameter"] == "delta_beta"]
    assert width[0] < 0.5 * width[6] < 0.5 * width[-1]


def test_budgets_that_share_trainings_are_pooled_as_points_that_do() -> None:
    """Points read off without a training are those of the other trainings: one jackknife, told in two ways."""
    x, y, _ = world(12, 6, 0.003, 0.7, 0.5, 0)
    training = np.arange(12) % 6
    named = replace(curves_of(x, y), blocks=[f"training {i}" for i in training])
    left_out = np.where(training[:, None, None] == np.arange(6), np.nan, y[..., None])
    read = replace(curves_of(x, y), without=left_out)
    for of_names, of_readings in zip(pooled_rows(named, CHOSEN), pooled_rows(read, CHOSEN), strict=True):
        for number in ("value", "stderr", "low", "high"):
            assert of_names[number] == pytest.approx(of_readings[number])


def test_groups_without_the_points_of_the_others_and_sets_too_small_are_flagged() -> None:
    x, y, _ = world(7, 5, 0.003, 0.5, 0.3, 0)
    y[3, 2] = np.nan
    rows = pooled_rows(curves_of(x, y), CHOSEN)
    odd = next(row for row in rows if row["group"] == "g2")
    assert odd["reason"].startswith(
        "not pooled, because most groups have other points; fitted on 6 of 7 points"
    )
    assert odd["value"] is None
    assert "4 groups" in next(row for row in rows if row["group"] == "g1")["interval"]
    (one, two) = pooled_rows(curves_of(x, y[:, :2]), CHOSEN)
    assert one["reason"] == two["reason"] == "only 2 groups; pooling needs 3 with a slope"


def test_only_suites_that_were_requested_are_pooled() -> None:
    x, y, _ = world(7, 5, 0.003, 0.5, 0.3, 0)
    assert pooled_rows(curves_of(x, y), Settings()) == []
