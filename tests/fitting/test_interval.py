from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from relscale.fitting.inference import interval
from relscale.fitting.inference.log_log_lines import lines
from relscale.fitting.status import OK, Remark, Status

POINTS, WEIGHTS = np.polynomial.legendre.leggauss(400)
X = np.log([1e11, 3e11, 1e12, 3e12])


def exact_coverage(level: float, df: int, items: float, runs: float, interaction: float) -> float:
    """By quadrature: the run part of the variance is estimated with ``df``, the other two are known."""
    of_runs = (runs + interaction) * scipy.stats.chi2.ppf((POINTS + 1) / 2, df) / df
    variance = items + np.maximum(of_runs, interaction)
    share = interval.ill_known_share(of_runs, variance)
    k = interval.quantile((1 + level) / 2, np.full_like(of_runs, df), share)
    within = k * np.sqrt(variance / (items + runs + interaction))
    return float(WEIGHTS / 2 @ (2 * scipy.stats.norm.cdf(within) - 1))


@pytest.mark.parametrize("df", [2, 3, 5, 10])
@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.99])
def test_coverage_is_nominal_whatever_the_variance_is_made_of(level: float, df: int) -> None:
    for items in (0, 0.1, 0.3, 1, 3, 10, 30):
        for interaction in (0, 0.1, 0.3, 1):
            covered = exact_coverage(level, df, items, 1.0, interaction)
            assert level - 0.002 <= covered <= level + 0.06, (items, interaction)
            if level == 0.95:
                assert 0.9495 <= covered <= 0.981, (items, interaction)


@pytest.mark.parametrize("df", [2, 3, 5])
def test_coverage_errs_on_the_safe_side_where_all_scatter_is_interaction(df: int) -> None:
    covered = [exact_coverage(0.95, df, items, runs, 1.0) for items in (0, 0.3, 3) for runs in (0, 0.1, 0.3)]
    assert min(covered) >= 0.96
    assert max(covered) <= 0.995


@pytest.mark.parametrize("df", [1, 2, 3, 8])
def test_the_quantile_is_students_where_all_is_run_noise_and_normal_where_none_is(df: int) -> None:
    assert interval.quantile(0.975, np.array(float(df)), 1.0) == pytest.approx(scipy.stats.t.ppf(0.975, df))
    assert interval.quantile(0.975, np.array(float(df)), 0.0) == pytest.approx(scipy.stats.norm.ppf(0.975))


def test_a_choice_of_intervals_keeps_the_remarks_on_those_that_draws_made() -> None:
    blank, failed = np.zeros(2), Remark(Status.FAILED_DRAWS, "30 of 99 bootstrap draws failed")
    plain = interval.Interval(*[blank] * 6)
    drawn = replace(plain, drawn_p=blank, status=np.array([failed, failed], dtype=object))
    assert interval.choose_interval(np.array([True, False]), plain, drawn).status.tolist() == [OK, failed]
    assert interval.choose_interval(np.array([True, False]), plain, plain).status is None


class Crossed:
    """Data sets of 60 items crossed with the runs at some budgets: log ratios, and their resamplings."""

    def __init__(
        self, slope_sd: float, run_sd: float, interaction_sd: float, size: int = 1500, x: np.ndarray = X
    ) -> None:
        rng, items, draws, z = np.random.default_rng(0), 60, 120, x - x.mean()
        level = 3 * slope_sd * rng.standard_normal((size, items, 1))
        slope = slope_sd * rng.standard_normal((size, items, 1))
        u = level + slope * z + interaction_sd * rng.standard_normal((size, items, len(x)))
        run = run_sd * rng.standard_normal((size, len(x)))
        chosen = rng.integers(0, items, (size, draws, items)) + items * np.arange(size)[:, None, None]
        counts = np.stack(
            [np.bincount(row.ravel(), minlength=items * size) for row in np.swapaxes(chosen, 0, 1)]
        )
        weights = counts.reshape(draws, size, items) / items
        self.y = (u.mean(axis=1) + run).T  # (budgets, size); the population's true slope is 0
        self.replicates = np.einsum("bmj,mji->imb", weights, u) + run.T[..., None]
        self.these_items = slope.mean(axis=(1, 2))

    def hits(self, population: bool) -> float:
        found = lines(X, self.y)
        items = interval.item_lines(X, self.y, self.replicates, found) if population else None
        limits = interval.slope(found, 0.95, items)
        truth = 0.0 if population else self.these_items
        return float(np.mean((limits.low <= truth) & (truth <= limits.high)))


# Per item, so divide by √60 to compare with the runs.
WORLDS = {
    "items dominate": (0.20, 0.004, 0.02),
    "runs dominate": (0.005, 0.05, 0.02),
    "interaction dominates": (0.005, 0.002, 0.4),
    "all alike": (0.08, 0.01, 0.08),
}


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_the_interval_for_these_items_covers_their_own_slope_95_times_in_100(world: str) -> None:
    assert Crossed(*WORLDS[world]).hits(population=False) == pytest.approx(0.95, abs=0.018)


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_the_interval_for_the_population_covers_the_true_slope(world: str) -> None:
    assert 0.935 <= Crossed(*WORLDS[world]).hits(population=True) <= 0.995


@pytest.mark.slow
def test_the_interval_for_these_items_does_not_speak_of_the_population() -> None:
    crossed = Crossed(*WORLDS["items dominate"])
    limits = interval.slope(lines(X, crossed.y), 0.95)
    assert np.mean((limits.low <= 0) & (limits.high >= 0)) < 0.8


@pytest.mark.slow
def test_the_variance_counts_the_interaction_once() -> None:
    """The mean estimated variance is that of the slope; added up with no correction it would be far from it."""
    x = np.linspace(25, 30, 16)  # many budgets, so that the residual variance itself is known
    crossed = Crossed(0.08, 0.03, 0.4, size=1500, x=x)
    found = lines(x, crossed.y)
    items = interval.item_lines(x, crossed.y, crossed.replicates, found)
    truth = found.slope.var()
    assert np.mean(interval.slope(found, 0.95, items).stderr ** 2) == pytest.approx(truth, rel=0.1)
    twice = np.mean(interval.slope(found, 0.95).stderr ** 2) + items.slope.var(axis=-1).mean()
    assert twice > 1.3 * truth


def test_the_p_value_is_the_level_whose_interval_just_reaches_zero() -> None:
    crossed = Crossed(*WORLDS["all alike"], size=20)
    found = lines(X, crossed.y)
    items = interval.item_lines(X, crossed.y, crossed.replicates, found)
    p = interval.slope(found, 0.95, items).p_value
    for j in range(20):
        limits = interval.slope(found, 1 - p[j], items)
        nearest = min(abs(limits.low[j]), abs(limits.high[j]))
        assert nearest == pytest.approx(0, abs=1e-9 * limits.stderr[j])


def test_replicates_that_repeat_the_estimate_leave_the_interval_for_these_items() -> None:
    y = np.array([[0.1], [0.15], [0.12], [0.2]])
    found = lines(X, y)
    items = interval.item_lines(X, y, np.repeat(y[..., None], 10, axis=-1), found)
    mine, populations = interval.slope(found, 0.95), interval.slope(found, 0.95, items)
    assert [populations.low[0], populations.high[0]] == pytest.approx([mine.low[0], mine.high[0]])
